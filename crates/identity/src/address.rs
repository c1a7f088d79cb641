//! The coordinator's address for nodes, in the one form the rest of the crate uses: `host:port`.
//! The scheme is always https; a path, a user name or another scheme is refused.

use hyper::http::uri::Authority;

use crate::IdentityError;

/// Accepts `host`, `host:port` and the same after `https://`, with at most a closing slash.
pub(crate) fn authority_of(address: &str) -> Result<String, IdentityError> {
    let text = address.strip_prefix("https://").unwrap_or(address);
    let text = text.strip_suffix('/').unwrap_or(text);
    let authority: Authority = text.parse().map_err(|_| IdentityError::InvalidAddress)?;
    let host_only = authority.as_str() == authority.host();
    let host_and_port = !text.contains('@') && authority.port_u16().is_some();
    if !authority.host().is_empty() && (host_only || host_and_port) {
        Ok(authority.as_str().to_ascii_lowercase())
    } else {
        Err(IdentityError::InvalidAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_and_port_are_an_address() {
        for (given, expected) in [
            ("127.0.0.1:8421", "127.0.0.1:8421"),
            (
                "https://Nodes.Comune.example:8421/",
                "nodes.comune.example:8421",
            ),
            ("[::1]:8421", "[::1]:8421"),
            ("nodes.comune.example", "nodes.comune.example"),
        ] {
            assert_eq!(authority_of(given).unwrap(), expected);
        }
        for given in [
            "",
            "http://host:1",
            "user@host:1",
            "host:1/path",
            "host:",
            "host:99999",
            "a b",
        ] {
            assert!(authority_of(given).is_err(), "{given}");
        }
    }
}
