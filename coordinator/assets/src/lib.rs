//! The built website as bytes inside the binary, in debug builds too, so that serving it needs no folder beside the program.
//! It never touches the network or the disk at run time, and compiles to an empty set when the site has not been built.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Dist;

/// The bytes of one file of the website, its media type, and whether a browser may keep it for ever.
///
/// `path` is relative to the site's root; a leading slash is ignored and an empty path means `index.html`.
/// `None` when the site has no such file. Files below `assets/` carry a hash of their content in their name: only those are
/// immutable.
pub fn file(path: &str) -> Option<(Cow<'static, [u8]>, &'static str, bool)> {
    let path = path.trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let embedded = Dist::get(path)?;
    Some((embedded.data, media_type(path), path.starts_with("assets/")))
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

    #[test]
    fn the_root_is_the_index_page_when_built() {
        assert_eq!(file("/").is_some(), is_built());
        if let Some((bytes, media_type, immutable)) = file("") {
            assert!(bytes.starts_with(b"<!doctype html>"));
            assert_eq!(media_type, "text/html; charset=utf-8");
            assert!(!immutable);
        }
    }

    #[test]
    fn only_files_named_by_their_hash_are_immutable() {
        for path in Dist::iter() {
            let (_, media_type, immutable) = file(&path).expect("listed files exist");
            assert_eq!(immutable, path.starts_with("assets/"), "{path}");
            assert_ne!(media_type, "application/octet-stream", "{path}");
        }
    }

    #[test]
    fn a_path_outside_the_site_is_not_found() {
        assert!(file("../Cargo.toml").is_none());
        assert!(file("assets/../../Cargo.toml").is_none());
        assert!(file("nothing.js").is_none());
    }
}
