//! The website's own files, from inside the program; any other path is a page of it.
//! Where the site was not built, a plain page says how to get it.

use crate::Problem;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Welfare Intelligence</title></head>\
<body><h1>Welfare Intelligence</h1><p>The service is running; its website was not built into this program.</p>\
<p><code>cargo xtask web</code> builds it (needs Node.js 20 or later); then build the coordinator again.</p>\
<p>The API is at <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p></body></html>\n";

/// Serves a file or a page.
pub(super) async fn page(method: Method, uri: Uri) -> Response {
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
    let last = path.rsplit('/').next().unwrap_or_default();
    let found = website_assets::file(path).or_else(|| {
        (!last.contains('.'))
            .then(|| website_assets::file("index.html"))
            .flatten()
    });
    let Some((bytes, media_type, immutable)) = found else {
        return Problem::NotFound.into_response();
    };
    let cache = if immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, cache),
    ];
    (StatusCode::OK, headers, bytes.into_owned()).into_response()
}
