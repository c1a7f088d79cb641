//! The website's own files, from inside the program; any other path is a page of it.
//! Where the site was not built, a plain page says how to get it.

use crate::Problem;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use website_assets::{Coding, File};

const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Welfare Intelligence</title></head>\
<body><h1>Welfare Intelligence</h1><p>The service is running; its website was not built into this program.</p>\
<p><code>cargo xtask web</code> builds it (needs Node.js 20 or later); then build the coordinator again.</p>\
<p>The API is at <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p></body></html>\n";

/// Serves a file or a page.
pub(super) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if path.starts_with("/api/") || path == "/api" {
        return Problem::NotFound.into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return Problem::MethodNotAllowed.into_response();
    }
    if !website_assets::is_built() {
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
        ];
        return if path == "/" {
            (headers, NOT_BUILT).into_response()
        } else {
            Problem::NotFound.into_response()
        };
    }
    let file = |path| website_assets::file(path, |coding| accepts(&headers, coding));
    let last = path.rsplit('/').next().unwrap_or_default();
    let found = file(path).or_else(|| (!last.contains('.')).then(|| file("index.html")).flatten());
    match found {
        Some(file) => serve(file, &headers),
        None => Problem::NotFound.into_response(),
    }
}

fn serve(file: File, asked: &HeaderMap) -> Response {
    let cache = if file.is_immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let kept = asked.get(header::IF_NONE_MATCH);
    let is_kept = (kept.and_then(|value| value.to_str().ok())).is_some_and(|kept| {
        kept.split(',')
            .any(|etag| etag.trim().trim_start_matches("W/") == file.etag)
    });
    let headers = [
        (header::CACHE_CONTROL, cache),
        (header::VARY, "accept-encoding"),
        (header::ETAG, &file.etag),
    ];
    if is_kept {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let kind = [(header::CONTENT_TYPE, file.media_type)];
    let mut response = (headers, kind, file.bytes.into_owned()).into_response();
    // Told also where it is none, so that nothing further on compresses it under the same validator.
    let coding = match file.coding {
        Coding::Brotli => "br",
        Coding::Gzip => "gzip",
        Coding::Identity => "identity",
    };
    response.headers_mut().insert(
        header::CONTENT_ENCODING,
        header::HeaderValue::from_static(coding),
    );
    response
}

/// Whether `Accept-Encoding` names the coding with a weight above nothing.
fn accepts(headers: &HeaderMap, coding: Coding) -> bool {
    let wanted = match coding {
        Coding::Brotli => "br",
        Coding::Gzip => "gzip",
        Coding::Identity => return true,
    };
    (headers.get_all(header::ACCEPT_ENCODING).iter())
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| {
            let mut words = part.split(';').map(str::trim);
            let weight = |word: &str| word.strip_prefix("q=")?.parse::<f32>().ok();
            words.next() == Some(wanted) && words.find_map(weight).is_none_or(|weight| weight > 0.0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_taken_only_where_it_is_named_and_not_forbidden() {
        let accepted = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().expect("header"));
            [Coding::Brotli, Coding::Gzip].map(|coding| accepts(&headers, coding))
        };
        assert_eq!(accepted("gzip, deflate, br, zstd"), [true, true]);
        assert_eq!(accepted("br;q=0, gzip;q=0.5"), [false, true]);
        assert_eq!(accepted("identity"), [false, false]);
        assert!(!accepts(&HeaderMap::new(), Coding::Brotli));
    }
}
