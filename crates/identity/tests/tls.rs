//! Nodes and coordinator over real loopback sockets: who gets in, who does not, and what each side then knows.
//! No assertion depends on how long something takes; waits only end tests that would otherwise hang.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::post;
use identity::{
    Authority, AuthorityCertificate, ClientError, Handle, IssuedCertificate, NodeClient,
    PeerCertificate, RefusedConnection, RustlsConfig, ServeOptions, TlsKey, TlsRefusal,
    join_client_config, node_client_config, node_server_config, serve_nodes,
};
use jiff::Timestamp;
use rustls::crypto::ring::default_provider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

const HOUR: Duration = Duration::from_secs(3_600);
const PATIENCE: Duration = Duration::from_secs(30);

struct Coordinator {
    authority: Authority,
    _dir: TempDir,
    address: SocketAddr,
    tls: RustlsConfig,
    handle: Handle,
    refused: UnboundedReceiver<RefusedConnection>,
    slow_call_began: Arc<Notify>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Coordinator {
    fn start() -> Self {
        Self::start_with(ServeOptions::default())
    }

    fn start_with(options: ServeOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::create(dir.path(), Timestamp::now()).unwrap();
        let server = authority.issue_server(&[], HOUR, Timestamp::now()).unwrap();
        let config = node_server_config(authority.certificate(), &server).unwrap();
        let tls = RustlsConfig::from_config(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let handle = Handle::new();
        let (sender, refused) = unbounded_channel();
        let slow_call_began = Arc::new(Notify::new());
        let options = ServeOptions {
            on_refused: Some(Arc::new(move |connection| {
                sender.send(connection).unwrap_or_default();
            })),
            ..options
        };
        let serving = tokio::spawn(serve_nodes(
            listener,
            tls.clone(),
            router(slow_call_began.clone()),
            options,
            handle.clone(),
        ));
        Self {
            authority,
            _dir: dir,
            address,
            tls,
            handle,
            refused,
            slow_call_began,
            serving,
        }
    }

    fn address(&self) -> String {
        self.address.to_string()
    }

    async fn next_refusal(&mut self) -> TlsRefusal {
        let connection = tokio::time::timeout(PATIENCE, self.refused.recv())
            .await
            .expect("a refusal is reported")
            .unwrap();
        assert!(connection.remote.is_some());
        connection.refusal
    }
}

fn router(slow_call_began: Arc<Notify>) -> Router {
    Router::new()
        .route(
            "/port",
            post(
                |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.port().to_string() },
            ),
        )
        .route(
            "/whoami",
            post(|peer: PeerCertificate| async move {
                format!(
                    "{} {} {}",
                    peer.organisation, peer.serial_hex, peer.fingerprint
                )
            }),
        )
        .route(
            "/open",
            post(|peer: Option<PeerCertificate>| async move {
                peer.map_or("anonymous".to_owned(), |peer| peer.organisation)
            }),
        )
        .route("/large", post(|| async { vec![b'x'; 1 << 20] }))
        .route("/echo", post(|body: String| async { body }))
        .route("/never", post(std::future::pending::<String>))
        .route(
            "/slow",
            post(move || async move {
                slow_call_began.notify_one();
                tokio::time::sleep(Duration::from_millis(100)).await;
                "done"
            }),
        )
}

/// A node client trusting `trusted`, with a certificate that `issuer` made at `now`.
fn node(
    address: &str,
    trusted: &AuthorityCertificate,
    issuer: &Authority,
    now: Timestamp,
) -> (NodeClient, IssuedCertificate) {
    let key = TlsKey::ephemeral().unwrap();
    let request = key.request_pem("associazione-ortica").unwrap();
    let issued = issuer
        .issue_node(&request, "associazione-ortica", HOUR, now)
        .unwrap();
    let config = node_client_config(trusted, &issued.pem, &key).unwrap();
    (NodeClient::new(address, config).unwrap(), issued)
}

fn other_authority() -> (TempDir, Authority) {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::create(dir.path(), Timestamp::now()).unwrap();
    (dir, authority)
}

async fn whoami(client: &NodeClient) -> Result<(u16, String), ClientError> {
    let reply = client.post_json("/whoami", &(), PATIENCE).await?;
    Ok((
        reply.status,
        String::from_utf8(reply.body.to_vec()).unwrap(),
    ))
}

#[tokio::test]
async fn a_handler_sees_which_organisation_and_certificate_is_speaking() {
    let coordinator = Coordinator::start();
    let authority = &coordinator.authority;
    let (client, issued) = node(
        &coordinator.address(),
        authority.certificate(),
        authority,
        Timestamp::now(),
    );
    let expected = format!(
        "associazione-ortica {} {}",
        issued.serial_hex, issued.fingerprint
    );
    assert_eq!(whoami(&client).await.unwrap(), (200, expected.clone()));
    assert_eq!(whoami(&client).await.unwrap(), (200, expected));
    let by_name = format!("https://localhost:{}/", coordinator.address.port());
    let (client, _) = node(
        &by_name,
        authority.certificate(),
        authority,
        Timestamp::now(),
    );
    assert_eq!(whoami(&client).await.unwrap().0, 200);
}

#[tokio::test]
async fn without_a_certificate_only_handlers_that_allow_it_answer() {
    let coordinator = Coordinator::start();
    let pin = coordinator.authority.certificate().fingerprint();
    let config = join_client_config(pin).unwrap();
    let client = NodeClient::new(&coordinator.address(), config).unwrap();
    let reply = client.post_json("/open", &(), PATIENCE).await.unwrap();
    assert_eq!((reply.status, &reply.body[..]), (200, &b"anonymous"[..]));
    let (status, body) = whoami(&client).await.unwrap();
    assert_eq!(status, 401);
    assert!(body.contains("client-certificate-required"));
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_and_both_sides_know() {
    let mut coordinator = Coordinator::start();
    let (_dir, other) = other_authority();
    // Repeated: the alert must reach the node every time, not be lost to a connection reset.
    for _ in 0..25 {
        let (client, _) = node(
            &coordinator.address(),
            coordinator.authority.certificate(),
            &other,
            Timestamp::now(),
        );
        let refused = whoami(&client).await;
        assert!(
            matches!(refused, Err(ClientError::CertificateRefused(_))),
            "{refused:?}"
        );
        assert_eq!(
            coordinator.next_refusal().await,
            TlsRefusal::UnknownAuthority
        );
        let open = client.post_json("/open", &(), PATIENCE).await;
        assert!(open.is_err(), "a refused certificate is not anonymity");
        coordinator.next_refusal().await;
    }
}

/// With threads of their own, connection and call race: a connection refused may close after it was made and before it is used.
/// The call is then made again; with a connection driven by a task of its own it was sometimes never answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_refused_before_its_first_call_says_why() {
    let coordinator = Coordinator::start();
    let (_dir, other) = other_authority();
    let (client, _) = node(
        &coordinator.address(),
        coordinator.authority.certificate(),
        &other,
        Timestamp::now(),
    );
    for call in 0..100 {
        let refused = whoami(&client).await;
        assert!(
            matches!(refused, Err(ClientError::CertificateRefused(_))),
            "call {call}: {refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_kept_for_the_next_call_until_the_server_closes_it() {
    let coordinator = Coordinator::start_with(ServeOptions {
        header_read_timeout: Duration::from_millis(200),
        ..ServeOptions::default()
    });
    let authority = &coordinator.authority;
    let address = coordinator.address();
    let (client, _) = node(
        &address,
        authority.certificate(),
        authority,
        Timestamp::now(),
    );
    let port = async || {
        let reply = client.post_json("/port", &(), PATIENCE).await.unwrap();
        String::from_utf8(reply.body.to_vec()).unwrap()
    };
    // However slow the machine is, of so many calls some follow each other in time.
    let mut ports = Vec::new();
    for _ in 0..100 {
        ports.push(port().await);
    }
    assert!(ports.windows(2).any(|pair| pair[0] == pair[1]), "{ports:?}");
    // One that the server has closed meanwhile is in nobody's way.
    let last = ports.pop().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_ne!(port().await, last);
    // Calls at once have a connection each, and none waits for another.
    let calls = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.post_json("/port", &(), PATIENCE).await.is_ok() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.unwrap());
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let mut coordinator = Coordinator::start();
    let yesterday = Timestamp::now()
        .checked_sub(Duration::from_secs(86_400))
        .unwrap();
    let authority = &coordinator.authority;
    let (client, _) = node(
        &coordinator.address(),
        authority.certificate(),
        authority,
        yesterday,
    );
    let refused = whoami(&client).await;
    assert!(
        matches!(refused, Err(ClientError::CertificateRefused(_))),
        "{refused:?}"
    );
    assert_eq!(
        coordinator.next_refusal().await,
        TlsRefusal::ExpiredCertificate
    );
}

#[tokio::test]
async fn a_client_that_speaks_tls_1_2_only_is_refused() {
    let mut coordinator = Coordinator::start();
    let config = plain_client(&coordinator, &TLS12);
    let error = connect(&coordinator, Arc::new(config)).await.err();
    assert!(error.is_some());
    assert_eq!(coordinator.next_refusal().await, TlsRefusal::TlsVersion);
}

#[tokio::test]
async fn a_second_connection_of_a_client_that_would_resume_makes_a_full_handshake() {
    let coordinator = Coordinator::start();
    let config = Arc::new(plain_client(&coordinator, &TLS13));
    for _ in 0..2 {
        let mut stream = connect(&coordinator, config.clone()).await.unwrap();
        let request =
            b"POST /open HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"));
        let session = stream.get_ref().1;
        assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(session.tls13_tickets_received(), 0);
    }
}

/// A client with the library's own defaults (resumption on), without a certificate.
fn plain_client(
    coordinator: &Coordinator,
    version: &'static rustls::SupportedProtocolVersion,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let pem = coordinator.authority.certificate().pem();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

async fn connect(
    coordinator: &Coordinator,
    config: Arc<ClientConfig>,
) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let stream = tokio::net::TcpStream::connect(coordinator.address).await?;
    TlsConnector::from(config)
        .connect("localhost".try_into().unwrap(), stream)
        .await
}

#[tokio::test]
async fn joining_under_another_pin_reaches_no_handler() {
    let mut coordinator = Coordinator::start();
    let (_dir, other) = other_authority();
    let config = join_client_config(other.certificate().fingerprint()).unwrap();
    let client = NodeClient::new(&coordinator.address(), config).unwrap();
    let refused = client.post_json("/open", &(), PATIENCE).await;
    assert!(
        matches!(refused, Err(ClientError::ServerNotTrusted(_))),
        "{refused:?}"
    );
    coordinator.next_refusal().await;
    let pem = coordinator.authority.certificate().pem();
    let pin = other.certificate().fingerprint();
    assert!(AuthorityCertificate::from_pem_pinned(&pem, &pin).is_err());
    let pin = coordinator.authority.certificate().fingerprint();
    assert!(AuthorityCertificate::from_pem_pinned(&pem, &pin).is_ok());
}

#[tokio::test]
async fn a_node_does_not_speak_to_a_server_of_another_authority() {
    let coordinator = Coordinator::start();
    let (_dir, other) = other_authority();
    let (client, _) = node(
        &coordinator.address(),
        other.certificate(),
        &coordinator.authority,
        Timestamp::now(),
    );
    let refused = whoami(&client).await;
    assert!(
        matches!(refused, Err(ClientError::ServerNotTrusted(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_renewed_server_certificate_serves_new_connections() {
    let coordinator = Coordinator::start();
    let authority = &coordinator.authority;
    let before = connect(&coordinator, Arc::new(plain_client(&coordinator, &TLS13)))
        .await
        .unwrap();
    let renewed = authority.issue_server(&[], HOUR, Timestamp::now()).unwrap();
    let config = node_server_config(authority.certificate(), &renewed).unwrap();
    coordinator.tls.reload_from_config(config);
    let after = connect(&coordinator, Arc::new(plain_client(&coordinator, &TLS13)))
        .await
        .unwrap();
    let shown = |stream: &tokio_rustls::client::TlsStream<tokio::net::TcpStream>| {
        let chain = stream.get_ref().1.peer_certificates().unwrap();
        assert_eq!(chain.len(), 2);
        identity::Fingerprint::of_der(&chain[0])
    };
    assert_ne!(shown(&before), renewed.issued.fingerprint);
    assert_eq!(shown(&after), renewed.issued.fingerprint);
}

#[tokio::test]
async fn a_reply_too_large_too_late_or_from_nobody_is_told_apart() {
    let coordinator = Coordinator::start();
    let authority = &coordinator.authority;
    let (client, _) = node(
        &coordinator.address(),
        authority.certificate(),
        authority,
        Timestamp::now(),
    );
    let large = client.post_json("/large", &(), PATIENCE).await.unwrap();
    assert_eq!(large.body.len(), 1 << 20);
    let small = client.clone().with_largest_reply(1 << 16);
    assert!(matches!(
        small.post_json("/large", &(), PATIENCE).await,
        Err(ClientError::TooLarge { limit: 65_536 })
    ));
    let brief = Duration::from_millis(50);
    assert!(matches!(
        client.post_json("/never", &(), brief).await,
        Err(ClientError::Timeout(_))
    ));
    assert!(matches!(
        client.post_json("no-slash", &(), PATIENCE).await,
        Err(ClientError::InvalidCall(_))
    ));
    let echoed = client
        .post_bytes("/echo", "text/plain", b"ciao".to_vec(), PATIENCE)
        .await
        .unwrap();
    assert_eq!(&echoed.body[..], b"ciao");

    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap().to_string();
    drop(free);
    let (client, _) = node(
        &nobody,
        authority.certificate(),
        authority,
        Timestamp::now(),
    );
    assert!(matches!(
        whoami(&client).await,
        Err(ClientError::Unreachable(_))
    ));
}

#[tokio::test]
async fn a_peer_that_never_ends_its_handshake_or_its_request_is_let_go() {
    let brief = Duration::from_millis(100);
    let mut coordinator = Coordinator::start_with(ServeOptions {
        handshake_timeout: brief,
        header_read_timeout: brief,
        on_refused: None,
    });
    let address = coordinator.address;
    let silent = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The first bytes of a TLS record that never comes.
        stream.write_all(&[0x16, 0x03, 0x01]).unwrap();
        stream.read(&mut [0; 16]).unwrap_or(0)
    });
    assert_eq!(coordinator.next_refusal().await, TlsRefusal::Timeout);
    assert_eq!(silent.await.unwrap(), 0);

    let config = Arc::new(plain_client(&coordinator, &TLS13));
    let mut stream = connect(&coordinator, config).await.unwrap();
    stream.write_all(b"POST /open HT").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .expect("the server ends the connection")
        .unwrap_or_default();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_graceful_stop_lets_the_open_call_end_and_takes_no_other() {
    let coordinator = Coordinator::start();
    let authority = &coordinator.authority;
    let (client, _) = node(
        &coordinator.address(),
        authority.certificate(),
        authority,
        Timestamp::now(),
    );
    let open = tokio::spawn({
        let client = client.clone();
        async move { client.post_json("/slow", &(), PATIENCE).await }
    });
    tokio::time::timeout(PATIENCE, coordinator.slow_call_began.notified())
        .await
        .expect("the call reaches its handler");
    coordinator.handle.graceful_shutdown(Some(PATIENCE));
    assert_eq!(open.await.unwrap().unwrap().status, 200);
    coordinator.serving.await.unwrap().unwrap();
    assert!(matches!(
        whoami(&client).await,
        Err(ClientError::Unreachable(_))
    ));
}
