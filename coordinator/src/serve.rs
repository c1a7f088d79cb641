//! Serving: both ports, the sweep that ends queries, and an orderly stop.
//! Long polls and event streams are told to end first, so that a stop takes moments.

use crate::app::{audience, end, forecasts, second_witness, study};
use crate::clock::Clock;
use crate::connections::Room;
use crate::store::log::{self, Entry};
use crate::{App, Config, CoordinatorError, State, http, node_http};
use anyhow::{Context, Result};
use audit::EntryKind;
use axum_server::Handle;
use identity::{RefusedConnection, RustlsConfig, ServeOptions};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tower_http::timeout::RequestBodyDeadlineLayer;

/// Open calls may take so long to end.
const GRACE: Duration = Duration::from_secs(5);
/// How often queries are looked at for ending.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How often everything made of ended releases is looked for, beside what is made of those that end now.
const LOOK_AT_ALL_EVERY: Duration = Duration::from_secs(3_600);
/// Life of the node port's certificate, and how often a new one is made.
const SERVER_CERTIFICATE: Duration = Duration::from_secs(90 * 86_400);
const SERVER_RENEWAL: Duration = Duration::from_secs(86_400);
/// How long a sender may take over the website's port.
#[derive(Clone, Copy)]
struct Patience {
    /// For a request's head to arrive whole, counted also while a connection idles between requests.
    head: Duration,
    /// For its body to arrive whole.
    body: Duration,
}
const PATIENCE: Patience = Patience {
    head: Duration::from_secs(15),
    body: Duration::from_secs(20),
};
/// Most bytes and lines of a request's head.
const HEADER_BYTES: usize = 64 * 1024;
const HEADER_LINES: usize = 100;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When a port cannot be opened or a file is missing or damaged; the message says which.
pub async fn serve(config: Config) -> Result<()> {
    if config.exposes_plain_http() {
        tracing::warn!(
            address = %config.web_listen,
            "the website is served without TLS beyond this machine: passwords cross the network in the clear; \
             put it behind a TLS proxy and set public_url to its https address"
        );
    }
    let web = listen(config.web_listen, "the website's port")?;
    let nodes = listen(config.node_listen, "the nodes' port")?;
    let app = State::open(config, Clock::System)
        .await
        .context("cannot open the coordinator's files")?;
    forecasts::resume(&app)
        .await
        .context("cannot take up the forecasts that were being worked out")?;
    tracing::info!(web = %web.local_addr()?, nodes = %nodes.local_addr()?, "serving");

    let tls = RustlsConfig::from_config(node_tls(&app)?);
    let (web_handle, node_handle) = (Handle::new(), identity::Handle::new());
    let (refused, refusals) = mpsc::channel(256);
    let witnesses = second_witness::clients(&app)?;
    let background = [
        tokio::spawn(second_witness::watch(Arc::clone(&app), witnesses)),
        tokio::spawn(sweep(Arc::clone(&app))),
        tokio::spawn(record_refused(Arc::clone(&app), refusals)),
        tokio::spawn(renew_server(Arc::clone(&app), tls.clone())),
    ];
    let options = ServeOptions {
        on_refused: Some(Arc::new(move |connection| {
            // When too many come at once, those beyond the queue go unlogged rather than take memory.
            let _ = refused.try_send(connection);
        })),
        ..ServeOptions::default()
    };
    let web_server = serve_web(
        web,
        http::router(Arc::clone(&app)),
        app.config.trusted_proxies.clone(),
        PATIENCE,
        web_handle.clone(),
    );
    let node_server = identity::serve_nodes(
        nodes,
        tls,
        node_http::router(Arc::clone(&app)),
        options,
        node_handle.clone(),
    );
    let stop = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            stopped().await;
            tracing::info!("stopping");
            app.hub.stop();
            forecasts::stop(&app);
            web_handle.graceful_shutdown(Some(GRACE));
            node_handle.graceful_shutdown(Some(GRACE));
        })
    };
    let served = tokio::try_join!(web_server, node_server);
    stop.abort();
    background.iter().for_each(tokio::task::JoinHandle::abort);
    served.context("a port could not be served")?;
    Ok(())
}

fn listen(address: SocketAddr, what: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| {
        format!("cannot open {what}, {address}: is another coordinator running?")
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve_web(
    listener: TcpListener,
    router: axum::Router,
    proxies: Vec<IpAddr>,
    patience: Patience,
    handle: Handle<SocketAddr>,
) -> std::io::Result<()> {
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(Room::with_proxies(&proxies))
        .handle(handle)
        .http1_only();
    server
        .http_builder()
        .http1()
        .header_read_timeout(patience.head)
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADER_LINES);
    let router = router.layer(RequestBodyDeadlineLayer::new(patience.body));
    server
        .serve(router.into_make_service_with_connect_info::<SocketAddr>())
        .await
}

fn node_tls(app: &State) -> Result<Arc<rustls::ServerConfig>, CoordinatorError> {
    let host = app
        .config
        .node_address
        .rsplit_once(':')
        .map(|(host, _)| host);
    let host = host.unwrap_or_default().trim_matches(['[', ']']);
    let names: Vec<&str> = [host].into_iter().filter(|host| !host.is_empty()).collect();
    let server = app
        .authority
        .issue_server(&names, SERVER_CERTIFICATE, app.clock.timestamp())?;
    Ok(identity::node_server_config(
        app.authority.certificate(),
        &server,
    )?)
}

async fn renew_server(app: App, tls: RustlsConfig) {
    loop {
        tokio::time::sleep(SERVER_RENEWAL).await;
        match node_tls(&app) {
            Ok(config) => tls.reload_from_config(config),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the nodes' port keeps its certificate"
                );
            }
        }
    }
}

async fn sweep(app: App) {
    let mut announced = BTreeSet::new();
    let mut looked_at_all: Option<Instant> = None;
    loop {
        let all = looked_at_all.is_none_or(|at| at.elapsed() > LOOK_AT_ALL_EVERY);
        if all {
            looked_at_all = Some(Instant::now());
        }
        // Each for itself: a query that cannot be concluded must not keep releases beyond their time.
        let swept = [
            end::sweep(&app).await,
            audience::erase_ended(&app, all).await,
            study::announce(&app, &mut announced).await,
        ];
        for error in swept.into_iter().filter_map(Result::err) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "queries, releases or studies could not be looked after"
            );
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

/// Writes connections that did not get past the handshake into the log, repeated ones once an hour.
async fn record_refused(app: App, mut refusals: mpsc::Receiver<RefusedConnection>) {
    while let Some(connection) = refusals.recv().await {
        let Some(remote) = connection.remote else {
            continue;
        };
        let now = app.clock.now();
        let code = connection.refusal.code();
        if !app.refusals.is_news(format!("{} {code}", remote.ip()), now) {
            continue;
        }
        if let Err(error) = log_refused(&app, code, remote, now).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a refused connection could not be logged"
            );
        }
    }
}

async fn log_refused(
    app: &State,
    code: &str,
    remote: SocketAddr,
    now: i64,
) -> Result<(), CoordinatorError> {
    let mut transaction = app.database.write().await?;
    let entry = Entry::new(EntryKind::Refusal, "connection-refused")
        .fact("reason", code)
        .body(serde_json::json!({ "address": remote.ip().to_string() }));
    log::append(&mut transaction, now, entry).await?;
    Ok(transaction.commit().await?)
}

async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler for SIGTERM its default action ends the process, which is as good.
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::JsonBytes;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    /// Sends what a slow sender has sent so far, and reads what the server says until it closes.
    async fn told(sent: &str) -> String {
        let listener = listen(([127, 0, 0, 1], 0).into(), "a port").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let router = axum::Router::new().route("/", post(|JsonBytes(_)| async { "read" }));
        let patience = Patience {
            head: Duration::from_millis(200),
            body: Duration::from_millis(200),
        };
        let server = tokio::spawn(serve_web(listener, router, vec![], patience, Handle::new()));
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(sent.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an end");
        server.abort();
        text
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_is_given_up() {
        let text = told("POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
        assert!(text.is_empty() || text.contains(" 408 "), "{text}");
    }

    #[tokio::test]
    async fn a_body_that_does_not_end_is_refused() {
        let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
        let text = told(head).await;
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
        assert!(text.contains("too-slow"), "{text}");
    }

    #[tokio::test]
    async fn a_whole_request_is_served() {
        let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        assert!(told(head).await.ends_with("read"));
    }
}
