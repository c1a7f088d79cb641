//! Who does not get through to the real coordinator, and what both sides' logs say afterwards.

use anyhow::{Context, Result};
use audit::EntryKind;
use identity::{
    Authority, AuthorityCertificate, ClientError, NodeClient, SigningKey, TlsKey,
    join_client_config, node_client_config,
};
use jiff::Timestamp;
use protocol::exchange::{Hello, NodeRefusal};
use protocol::{Answer, Envelope, Outcome, PublicKey};
use rustls::version::TLS12;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use system_tests::requester::{persons_by_municipio, request_id};
use system_tests::stack::Stack;

const WAIT: Duration = Duration::from_secs(30);
const NODE: &str = "cooperativa-lambro";
const MAX_RHO: u64 = 2_500_000_000;
const RHO: u64 = 10_000_000;

fn key_file(stack: &Stack, organisation: &str, name: &str) -> Result<std::path::PathBuf> {
    Ok(stack.node(organisation)?.dir().join("keys").join(name))
}

fn authority(stack: &Stack) -> Result<AuthorityCertificate> {
    let pem = std::fs::read_to_string(key_file(stack, NODE, "authority.pem")?)?;
    Ok(AuthorityCertificate::from_pem(&pem)?)
}

/// A client with a node's own certificate.
fn as_node(stack: &Stack, organisation: &str) -> Result<NodeClient> {
    let certificate = std::fs::read_to_string(key_file(stack, organisation, "tls.pem")?)?;
    let key = TlsKey::load(&key_file(stack, organisation, "tls.key")?)?;
    let tls = node_client_config(&authority(stack)?, &certificate, &key)?;
    Ok(NodeClient::new(&stack.node_address, tls)?)
}

fn hello() -> Hello {
    Hello {
        version: protocol::VERSION,
        datasets: Vec::new(),
        policy_hash: "0".repeat(64),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_refused_and_both_sides_log_it() -> Result<()> {
    let mut stack = Stack::start(0.001, MAX_RHO).await?;
    another_authority(&mut stack).await?;
    old_tls(&mut stack).await?;
    no_certificate(&stack).await?;
    answers_nobody_asked_for(&stack).await?;
    over_a_cap(&mut stack).await?;
    revoked(&mut stack).await?;
    Ok(())
}

/// A node with a certificate of another authority for its own key and name.
async fn another_authority(stack: &mut Stack) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let other = Authority::create(dir.path(), Timestamp::now())?;
    let key = TlsKey::load(&key_file(stack, NODE, "tls.key")?)?;
    let issued = other.issue_node(&key.request_pem(NODE)?, NODE, WAIT, Timestamp::now())?;
    let tls = node_client_config(&authority(stack)?, &issued.pem, &key)?;
    let client = NodeClient::new(&stack.node_address, tls)?;
    let refused = client.post_json("/node/v1/hello", &hello(), WAIT).await;
    assert!(
        matches!(refused, Err(ClientError::CertificateRefused(_))),
        "a certificate of another authority: {refused:?}"
    );
    stack.logged(&["unknown-authority"]).await?;

    let own = key_file(stack, NODE, "tls.pem")?;
    let good = std::fs::read(&own)?;
    stack.kill_node(NODE)?;
    std::fs::write(&own, &issued.pem)?;
    stack.start_node(NODE, None)?;
    let logged = stack.node_logged(NODE, EntryKind::Alarm, "certificate-refused");
    logged.await?;
    stack.kill_node(NODE)?;
    std::fs::write(&own, good)?;
    stack.start_node(NODE, None)
}

/// A client that speaks TLS 1.2 only at the coordinator, and a server that does at a node.
async fn old_tls(stack: &mut Stack) -> Result<()> {
    let mut roots = rustls::RootCertStore::empty();
    let pem = authority(stack)?.pem();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = tokio::net::TcpStream::connect(&stack.node_address).await?;
    let name = "127.0.0.1".try_into()?;
    let refused = tokio_rustls::TlsConnector::from(Arc::new(tls))
        .connect(name, tcp)
        .await;
    assert!(refused.is_err(), "TLS 1.2 was accepted");
    stack.logged(&["tls-version"]).await?;

    // Whose certificate it shows does not matter: the version is settled before any is sent.
    let certificate = CertificateDer::from_pem_file(key_file(stack, NODE, "tls.pem")?)?;
    let key = PrivateKeyDer::from_pem_file(key_file(stack, NODE, "tls.key")?)?;
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS12])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let serving = tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            assert!(acceptor.accept(tcp).await.is_err(), "a node spoke TLS 1.2");
        }
    });
    stack.kill_node(NODE)?;
    stack.node(NODE)?.set_coordinator(&address)?;
    stack.start_node(NODE, None)?;
    let logged = stack.node_logged(NODE, EntryKind::Alarm, "tls-version");
    logged.await?;
    assert!(!serving.is_finished(), "a node spoke TLS 1.2");
    serving.abort();
    stack.kill_node(NODE)?;
    stack.node(NODE)?.set_coordinator(&stack.node_address)?;
    stack.start_node(NODE, None)
}

async fn no_certificate(stack: &Stack) -> Result<()> {
    let tls = join_client_config(authority(stack)?.fingerprint())?;
    let client = NodeClient::new(&stack.node_address, tls)?;
    for path in [
        "hello",
        "poll",
        "answers",
        "checkpoint",
        "signed",
        "studies",
        "consents",
    ] {
        let reply = client
            .post_json(&format!("/node/v1/{path}"), &hello(), WAIT)
            .await?;
        assert_eq!(reply.status, 401, "{path} without a certificate");
    }
    Ok(())
}

/// A node with a valid certificate hands in an answer to a request that nobody made, and one signed by a key of its own.
async fn answers_nobody_asked_for(stack: &Stack) -> Result<()> {
    let key = SigningKey::ephemeral()?;
    let id = request_id()?;
    let answer = Answer {
        version: protocol::VERSION,
        request_id: id.clone(),
        request_hash: "0".repeat(64),
        node: NODE.to_owned(),
        outcome: Outcome::Refused {
            rule: "none".to_owned(),
            field: "none".to_owned(),
            code: "none".to_owned(),
        },
    };
    let public = PublicKey(*key.public_key().as_bytes());
    let envelope = Envelope::sign(
        Answer::TYPE,
        &serde_json::to_vec(&answer)?,
        &public,
        |bytes| key.sign(bytes),
    );
    let reply = as_node(stack, NODE)?
        .post_json("/node/v1/answers", &envelope, WAIT)
        .await?;
    let refusal: NodeRefusal = reply.json()?;
    assert_eq!(refusal.code, "unknown-request");
    stack
        .logged(&["answer-refused", "unknown-request", NODE, &id])
        .await?;
    Ok(())
}

/// A node whose policy allows nothing any more refuses; the release is made of the others, and both logs say who and why.
async fn over_a_cap(stack: &mut Stack) -> Result<()> {
    stack.kill_node(NODE)?;
    stack.node(NODE)?.edit_policy(&[("per_study", 1)]).await?;
    stack.start_node(NODE, None)?;
    let query = stack
        .ask(&serde_json::from_str(&persons_by_municipio(RHO))?, 3_600)
        .await?;
    let release = stack.release_of(&query).await?;
    let refused = &release["coverage"]["refused"];
    assert_eq!(refused.as_array().map(Vec::len), Some(1), "{refused}");
    assert_eq!(refused[0]["node"], NODE);
    assert_eq!(refused[0]["rule"], "ledger");
    assert_eq!(refused[0]["field"], "study");
    assert_eq!(release["nodes_answered"], 5);
    stack
        .logged(&["node-refused", NODE, "cap-exceeded", &query])
        .await?;
    stack
        .node_logged(NODE, EntryKind::Refusal, "cap-exceeded")
        .await?;
    assert_eq!(stack.node(NODE)?.balance().await?.charges, 0);
    Ok(())
}

async fn revoked(stack: &mut Stack) -> Result<()> {
    let client = as_node(stack, NODE)?;
    let reply = client.post_json("/node/v1/hello", &hello(), WAIT).await?;
    assert!(reply.is_success(), "not revoked yet: {reply:?}");
    stack
        .admin(&["node", "revoke"], &["--organisation", NODE])
        .await?;
    let reply = client.post_json("/node/v1/hello", &hello(), WAIT).await?;
    let refusal: NodeRefusal = reply.json()?;
    assert_eq!(refusal.code, "node-revoked");
    stack.logged(&["node-revoked", NODE]).await?;

    // The node's own process is told, says so, and is shown as revoked; a new question goes to the others only.
    let process = stack.running.get_mut(NODE).context("the node runs")?;
    process.printed("node-revoked").await?;
    stack
        .node_logged(NODE, EntryKind::Alarm, "node-revoked")
        .await?;
    let nodes = stack.website.get("/api/v1/nodes").await?;
    let state = (nodes["nodes"].as_array().into_iter().flatten())
        .find(|node| node["id"] == NODE)
        .map(|node| node["state"].clone());
    assert_eq!(state, Some(json!("revoked")));
    let query = stack
        .ask(
            &serde_json::from_str(&persons_by_municipio(RHO + 1))?,
            3_600,
        )
        .await?;
    let release = stack.release_of(&query).await?;
    assert_eq!(release["nodes_answered"], 5);
    Ok(())
}
