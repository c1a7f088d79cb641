//! The cookies of this site: the session, and the browser's own mark. Over TLS they carry the prefix `__Host-`, which a browser
//! accepts for this very host, path `/` and TLS only, so that no neighbour domain can plant one.
//!
//! Over plain HTTP there is no such promise to be had. A browser that sends `Sec-Fetch-Site` holds the origin for trustworthy,
//! which of plain HTTP it does of loopback alone, and keeps such cookies there too; programs get plain names.

use crate::store::sessions::LIFETIME_SECONDS;
use axum::http::{HeaderMap, HeaderValue, header};

/// The session's token.
pub(super) const SESSION: &str = "wi_session";
/// The browser's mark.
const DEVICE: &str = "wi_device";
const HOST_PREFIX: &str = "__Host-";
/// A browser keeps its mark so long, in seconds; the server's process forgets it sooner.
const DEVICE_SECONDS: i64 = 180 * 86_400;

/// Reads and writes cookies as one request's browser keeps them.
#[derive(Clone, Copy)]
pub(super) struct Cookies<'a> {
    headers: &'a HeaderMap,
    is_tls: bool,
}

impl<'a> Cookies<'a> {
    /// The cookies of a request to a site that browsers reach over TLS, or not.
    pub(super) fn of(headers: &'a HeaderMap, is_tls: bool) -> Cookies<'a> {
        Cookies { headers, is_tls }
    }

    fn pairs(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        (self.headers.get_all(header::COOKIE).iter())
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
    }

    /// With TLS only the name that nobody else can set counts.
    fn value(self, name: &str) -> Option<&'a str> {
        let prefixed = |found: &str| found.strip_prefix(HOST_PREFIX) == Some(name);
        let value = self.pairs().find(|(found, _)| prefixed(found));
        let value = value.or_else(|| {
            (!self.is_tls)
                .then(|| self.pairs().find(|(found, _)| *found == name))
                .flatten()
        });
        value.map(|(_, value)| value)
    }

    /// The session's token, where the request carries one.
    pub(super) fn session(self) -> Option<&'a str> {
        self.value(SESSION)
    }

    /// The browser's mark, where the request carries one.
    pub(super) fn device(self) -> Option<&'a str> {
        self.value(DEVICE)
    }

    fn set(self, name: &str, value: &str, max_age: i64) -> Option<HeaderValue> {
        let (prefix, secure) = if self.is_tls || self.headers.contains_key("sec-fetch-site") {
            (HOST_PREFIX, "; Secure")
        } else {
            ("", "")
        };
        // Values are made here of letters, digits, `-`, `_` and `.`, so this cannot fail.
        format!(
            "{prefix}{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age}{secure}"
        )
        .parse()
        .ok()
    }

    /// Keeps a session and the browser's mark.
    pub(super) fn keep(self, answer: &mut HeaderMap, session: &str, device: &str) {
        let kept = [
            self.set(SESSION, session, LIFETIME_SECONDS),
            self.set(DEVICE, device, DEVICE_SECONDS),
        ];
        for cookie in kept.into_iter().flatten() {
            answer.append(header::SET_COOKIE, cookie);
        }
    }

    /// Forgets the session; the browser's mark stays.
    pub(super) fn forget(self, answer: &mut HeaderMap) {
        if let Some(cookie) = self.set(SESSION, "", 0) {
            answer.append(header::SET_COOKIE, cookie);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn with_tls_only_the_prefixed_cookie_counts() {
        let planted = headers(&[("cookie", "a=b; wi_session=planted")]);
        assert_eq!(Cookies::of(&planted, true).session(), None);
        assert_eq!(Cookies::of(&planted, false).session(), Some("planted"));
        let both = headers(&[
            ("cookie", "wi_session=planted"),
            ("cookie", "__Host-wi_session=own"),
        ]);
        assert_eq!(Cookies::of(&both, true).session(), Some("own"));
        assert_eq!(Cookies::of(&both, false).session(), Some("own"));
    }

    #[test]
    fn the_prefix_comes_with_secure_wherever_a_browser_keeps_it() {
        let written = |headers: &HeaderMap, is_tls| {
            let mut answer = HeaderMap::new();
            Cookies::of(headers, is_tls).keep(&mut answer, "token", "device");
            answer[header::SET_COOKIE]
                .to_str()
                .expect("text")
                .to_owned()
        };
        let (browser, program) = (headers(&[("sec-fetch-site", "same-origin")]), headers(&[]));
        for (headers, is_tls) in [(&browser, false), (&browser, true), (&program, true)] {
            let cookie = written(headers, is_tls);
            assert!(
                cookie.starts_with("__Host-wi_session=token; HttpOnly; SameSite=Strict; Path=/")
            );
            assert!(cookie.ends_with("; Secure"), "{cookie}");
        }
        let plain = written(&program, false);
        assert!(
            plain.starts_with("wi_session=token; ") && !plain.contains("Secure"),
            "{plain}"
        );
    }
}
