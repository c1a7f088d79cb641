//! The built website as bytes inside the binary, in debug builds too, so that serving it needs no folder beside the program.
//! It never touches the network or the disk at run time, and compiles to an empty set when the site has not been built.

use std::borrow::Cow;
use std::fmt::Write as _;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Dist;

/// How the bytes of a file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Brotli.
    Brotli,
    /// gzip.
    Gzip,
    /// Not at all.
    Identity,
}

/// One file of the website, as it travels.
pub struct File {
    /// Its bytes, compressed as `coding` says.
    pub bytes: Cow<'static, [u8]>,
    /// How they are compressed.
    pub coding: Coding,
    /// The media type of what they hold.
    pub media_type: &'static str,
    /// Whether a browser may keep it for ever: its name carries a hash of its content.
    pub is_immutable: bool,
    /// A strong validator of these very bytes, with its quotes.
    pub etag: String,
}

/// One file, in the smallest form there is of it among those `accepts` says yes to.
///
/// `path` is relative to the site's root; a leading slash is ignored and an empty path means `index.html`.
/// `None` when the site has no such file. Files below `assets/` carry a hash of their content in their name: only those are
/// immutable. Compressed forms are made when the site is built and lie beside the file.
pub fn file(path: &str, accepts: impl Fn(Coding) -> bool) -> Option<File> {
    let path = path.trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let plain = Dist::get(path).filter(|_| !is_compressed(path))?;
    let smaller = |coding, suffix: &str| {
        let found = accepts(coding).then(|| Dist::get(&format!("{path}{suffix}")));
        Some((coding, found??))
    };
    let (coding, embedded) = smaller(Coding::Brotli, BROTLI)
        .or_else(|| smaller(Coding::Gzip, GZIP))
        .unwrap_or((Coding::Identity, plain));
    let hash = embedded.metadata.sha256_hash();
    let etag = hash[..16]
        .iter()
        .fold(String::from("\""), |mut text, byte| {
            // Writing into a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
    Some(File {
        bytes: embedded.data,
        coding,
        media_type: media_type(path),
        is_immutable: path.starts_with("assets/"),
        etag: etag + "\"",
    })
}

const BROTLI: &str = ".br";
const GZIP: &str = ".gz";

fn is_compressed(path: &str) -> bool {
    path.ends_with(BROTLI) || path.ends_with(GZIP)
}

/// Whether the website had been built when this program was compiled.
pub fn is_built() -> bool {
    Dist::get("index.html").is_some()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(path: &str) -> Option<File> {
        file(path, |_| false)
    }

    #[test]
    fn the_root_is_the_index_page_when_built() {
        assert_eq!(plain("/").is_some(), is_built());
        if let Some(index) = plain("") {
            assert!(index.bytes.starts_with(b"<!doctype html>"));
            assert_eq!(index.media_type, "text/html; charset=utf-8");
            assert!(!index.is_immutable);
        }
    }

    #[test]
    fn only_files_named_by_their_hash_are_immutable() {
        for path in Dist::iter().filter(|path| !is_compressed(path)) {
            let found = plain(&path).expect("listed files exist");
            assert_eq!(found.is_immutable, path.starts_with("assets/"), "{path}");
            assert_ne!(found.media_type, "application/octet-stream", "{path}");
            assert_eq!(found.coding, Coding::Identity);
        }
    }

    #[test]
    fn compressed_forms_are_smaller_and_never_files_of_their_own() {
        for path in Dist::iter().filter(|path| is_compressed(path)) {
            assert!(plain(&path).is_none(), "{path}");
            let origin = &path[..path.len() - BROTLI.len()];
            let (origin, form) = (
                plain(origin).expect("it lies beside its origin"),
                file(origin, |_| true).expect("found"),
            );
            assert_eq!(form.coding, Coding::Brotli);
            assert!(form.bytes.len() < origin.bytes.len(), "{path}");
            assert_ne!(form.etag, origin.etag);
        }
    }

    #[test]
    fn a_path_outside_the_site_is_not_found() {
        assert!(plain("../Cargo.toml").is_none());
        assert!(plain("assets/../../Cargo.toml").is_none());
        assert!(plain("nothing.js").is_none());
    }
}
