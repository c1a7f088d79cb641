//! Where a request comes from: the connection's address, or what a trusted proxy says of it. Nobody else is believed.

use crate::state::State;
use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use std::net::{IpAddr, SocketAddr};

/// The address of whoever sent the request, where the server tells.
pub(super) fn address(app: &State, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let connection = extensions.get::<ConnectInfo<SocketAddr>>();
    let connection = connection.map(|ConnectInfo(address)| address.ip().to_canonical())?;
    Some(behind(&app.config.trusted_proxies, connection, headers))
}

/// The last address that is not a trusted proxy's: each proxy appends whom it heard from.
fn behind(trusted: &[IpAddr], connection: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !trusted.contains(&connection) {
        return connection;
    }
    let named: Vec<&str> = (headers.get_all("x-forwarded-for").iter())
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut nearest = connection;
    for text in named.iter().rev() {
        match read(text) {
            Some(address) => nearest = address.to_canonical(),
            None => break,
        }
        if !trusted.contains(&nearest) {
            break;
        }
    }
    nearest
}

/// One address of the header; some proxies add the port, and write brackets around IPv6.
fn read(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    bare.unwrap_or(text).parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed_and_only_what_they_saw() {
        let ip = |text: &str| -> IpAddr { text.parse().expect("address") };
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        let from = |connection: &str, forwarded: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().expect("header"));
            behind(&trusted, ip(connection), &headers)
        };
        assert_eq!(from("10.0.0.1", "192.0.2.7"), ip("192.0.2.7"));
        // What a sender wrote itself stands further left.
        assert_eq!(from("10.0.0.1", "198.51.100.1, 192.0.2.7"), ip("192.0.2.7"));
        assert_eq!(from("10.0.0.1", "192.0.2.7, 10.0.0.2"), ip("192.0.2.7"));
        assert_eq!(from("192.0.2.9", "198.51.100.1"), ip("192.0.2.9"));
        assert_eq!(from("10.0.0.1", "nonsense"), ip("10.0.0.1"));
        // With a port, as some proxies write it.
        for named in [
            "192.0.2.7:50123",
            "198.51.100.1:1, 192.0.2.7:2, 10.0.0.2:443",
        ] {
            assert_eq!(from("10.0.0.1", named), ip("192.0.2.7"), "{named}");
        }
        for named in ["2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:50123"] {
            assert_eq!(from("10.0.0.1", named), ip("2001:db8::7"), "{named}");
        }
        for named in ["192.0.2.7:", "192.0.2.7:99999", "[192.0.2.7", "unknown", ""] {
            assert_eq!(from("10.0.0.1", named), ip("10.0.0.1"), "{named}");
        }
    }
}
