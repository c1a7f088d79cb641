//! The node's own page: what the organisation sees of its node, on this computer only. It listens on loopback, lets in who can
//! read the node's folder (`node-agent open` proves it, once), and shows exact local facts that are sent nowhere.
//!
//! A page of another site cannot read it (strict headers, a session cookie for this site), post to it (Origin is checked), or
//! reach it under another name (Host is checked, so that no name that was made to point here works).

mod approvals;
mod budget;
mod form_file;
mod home;
mod layout;
mod local_log;
mod login;
mod objections;
mod questions;
mod refusals;
mod register;
mod targets;

pub use login::open;

use crate::coordinator_head::SetBack;
use crate::node::Node;
use crate::second_witness::Standing;
use crate::words::Language;
use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use login::Sessions;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Largest form in bytes: some thousand people who object, one a line.
const LARGEST_FORM: usize = 1 << 18;
/// Largest list of people in bytes: about a hundred thousand of them.
const LARGEST_LIST: usize = 4 << 20;

const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // With `no-referrer` browsers send no origin with forms either.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// That the coordinator's log was set back and what to do, in English and Italian.
pub(crate) fn coordinator_set_back_words(set_back: SetBack) -> [String; 2] {
    [Language::En, Language::It].map(|language| home::coordinator_set_back(language, set_back))
}

/// Why a witness does not cosign and what to do, in English and Italian; nothing where it does.
pub(crate) fn witness_fault_words(witness: &Standing) -> Option<[String; 2]> {
    let said = |language| home::witness_fault(language, witness);
    Some([said(Language::En)?, said(Language::It)?])
}

/// What every page is made from.
#[derive(Clone)]
struct Page {
    node: Arc<Node>,
    sessions: Arc<Sessions>,
    address: SocketAddr,
}

/// The page, bound to its port.
pub struct Bound {
    listener: TcpListener,
    page: Page,
}

/// Binds the page's port, as configured or any free one, and writes down which for `node-agent open`.
///
/// # Errors
/// When the address is no loopback address or the port is taken.
pub async fn bind(node: Arc<Node>) -> Result<Bound> {
    let wanted = node.config().page.listen;
    let listener = TcpListener::bind(wanted).await.with_context(|| {
        format!("the node's page cannot listen on {wanted}; see `page.listen` in node.toml")
    })?;
    let address = listener.local_addr()?;
    login::note_address(node.dir(), address)?;
    tracing::info!(%address, "the node's page: `node-agent open` shows it");
    Ok(Bound {
        listener,
        page: Page {
            node,
            sessions: Arc::default(),
            address,
        },
    })
}

impl Bound {
    /// Serves until dropped.
    pub async fn serve(self) {
        let router = router(self.page);
        if let Err(error) = axum::serve(self.listener, router).await {
            tracing::error!(reason = %error, "the node's page has ended");
        }
    }
}

fn router(page: Page) -> Router {
    let signed_in = Router::new()
        .route("/", get(home::show))
        .route("/questions", get(questions::show))
        .route("/budget", get(budget::show))
        .route("/register", get(register::show))
        .route("/targets", get(targets::show))
        .route("/log", get(local_log::show))
        .route("/approvals", get(approvals::list))
        .route("/approvals/{id}", get(approvals::show))
        .route(
            "/approvals/{id}/{word}",
            get(approvals::confirm).post(approvals::say),
        )
        .route("/objections", get(objections::show).post(objections::add))
        .route(
            "/objections/list",
            post(objections::add_list).layer(DefaultBodyLimit::max(LARGEST_LIST)),
        )
        .route(
            "/objections/{id}",
            get(objections::confirm).post(objections::remove),
        )
        .route("/pause", post(home::pause))
        .route("/resume", post(home::resume))
        .route("/language", post(layout::choose_language))
        .route("/leave", post(login::leave))
        .layer(middleware::from_fn_with_state(
            page.clone(),
            login::required,
        ));
    Router::new()
        .merge(signed_in)
        .route("/enter/{token}", get(login::enter))
        .route("/page.css", get(layout::style))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(middleware::from_fn_with_state(page.clone(), guard))
        .with_state(page)
}

/// Refuses what did not come from this page's own address, and adds the headers every answer carries.
async fn guard(State(page): State<Page>, request: Request, next: Next) -> Response {
    let mut response = if is_own(&request, page.address) {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_own(request: &Request, address: SocketAddr) -> bool {
    let own = [address.to_string(), format!("localhost:{}", address.port())];
    let text =
        |name| (request.headers().get(name)).and_then(|value: &HeaderValue| value.to_str().ok());
    let known_host = text(header::HOST).is_some_and(|host| own.iter().any(|known| known == host));
    let changes = request.method() != Method::GET && request.method() != Method::HEAD;
    // Browsers say where a form was sent from; whoever does not say so changes nothing here.
    let own_origin = || {
        text(header::ORIGIN)
            .and_then(|origin| origin.strip_prefix("http://"))
            .is_some_and(|origin| own.iter().any(|known| known == origin))
    };
    known_host && (!changes || own_origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn other_names_and_other_origins_are_not_served() {
        let address: SocketAddr = "127.0.0.1:8430".parse().expect("an address");
        let asked = |method: &str, host: &str, origin: Option<&str>| {
            let mut request = Request::builder()
                .method(method)
                .uri("/")
                .header("host", host);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            is_own(&request.body(Body::empty()).expect("a request"), address)
        };
        assert!(asked("GET", "127.0.0.1:8430", None));
        assert!(asked("GET", "localhost:8430", None));
        assert!(!asked("GET", "evil.example:8430", None));
        assert!(!asked("GET", "127.0.0.1", None));
        assert!(asked(
            "POST",
            "127.0.0.1:8430",
            Some("http://127.0.0.1:8430")
        ));
        assert!(!asked("POST", "127.0.0.1:8430", None));
        assert!(!asked("POST", "127.0.0.1:8430", Some("null")));
        assert!(!asked(
            "POST",
            "127.0.0.1:8430",
            Some("http://127.0.0.1:80")
        ));
        assert!(!asked(
            "POST",
            "127.0.0.1:8430",
            Some("https://evil.example")
        ));
    }
}
