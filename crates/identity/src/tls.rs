//! The three TLS configurations: the coordinator's node port, a node, a node about to join.
//! All speak TLS 1.3 only, never resume a session and never send early data, so that every
//! connection shows its certificate afresh and a revoked node cannot ride on an older one.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::authority::ServerIdentity;
use crate::certificate::der_of_pem;
use crate::pinned::PinnedAuthorityVerifier;
use crate::{AuthorityCertificate, Fingerprint, IdentityError, TlsKey};

/// The configuration of the coordinator's port for nodes: certificates of `authority` only. A
/// connection may come without one, for `/node/v1/join`; handlers of every other path require
/// [`crate::PeerCertificate`]. A certificate that does not verify ends the connection.
///
/// # Errors
/// [`IdentityError::Tls`].
pub fn node_server_config(
    authority: &AuthorityCertificate,
    server: &ServerIdentity,
) -> Result<Arc<ServerConfig>, IdentityError> {
    let verifier = node_verifier(authority)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(IdentityError::Tls)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(server.chain.clone(), server.key.clone_key())
        .map_err(IdentityError::Tls)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn node_verifier(
    authority: &AuthorityCertificate,
) -> Result<Arc<dyn ClientCertVerifier>, IdentityError> {
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authority)?), provider())
        .allow_unauthenticated()
        .build()
        .map_err(|error| IdentityError::Tls(rustls::Error::General(error.to_string())))
}

/// The configuration of a node that has joined: it trusts `authority` only and shows its certificate.
///
/// # Errors
/// [`IdentityError::InvalidCertificate`], or [`IdentityError::Tls`] also when key and certificate do
/// not belong together.
pub fn node_client_config(
    authority: &AuthorityCertificate,
    certificate_pem: &str,
    key: &TlsKey,
) -> Result<ClientConfig, IdentityError> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(IdentityError::Tls)?
        .with_root_certificates(roots(authority)?)
        .with_client_auth_cert(vec![der_of_pem(certificate_pem)?], key.private_der())
        .map_err(IdentityError::Tls)?;
    Ok(without_resumption(config))
}

/// The configuration of a node about to join, which holds no certificate and knows of the authority
/// only the fingerprint in its join string.
///
/// # Errors
/// [`IdentityError::Tls`].
pub fn join_client_config(authority: Fingerprint) -> Result<ClientConfig, IdentityError> {
    let verifier = PinnedAuthorityVerifier::new(authority, provider());
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(IdentityError::Tls)?
        // "Dangerous" names every verifier of one's own; this one only replaces the list of roots.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(without_resumption(config))
}

/// The configuration of a caller that shows no certificate and trusts servers of `authority` only; without one it trusts none.
///
/// # Errors
/// [`IdentityError::InvalidCertificate`] or [`IdentityError::Tls`].
pub fn server_only_client_config(
    authority: Option<&AuthorityCertificate>,
) -> Result<ClientConfig, IdentityError> {
    let roots = match authority {
        Some(authority) => roots(authority)?,
        None => RootCertStore::empty(),
    };
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(IdentityError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(without_resumption(config))
}

fn without_resumption(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn roots(authority: &AuthorityCertificate) -> Result<RootCertStore, IdentityError> {
    let mut roots = RootCertStore::empty();
    roots
        .add(authority.der().clone())
        .map_err(IdentityError::Tls)?;
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls_pki_types::UnixTime;

    use super::*;
    use crate::Authority;

    #[test]
    fn a_node_cannot_pose_as_the_coordinator_nor_the_coordinator_as_a_node() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_760_000_000).unwrap();
        let hour = Duration::from_secs(3_600);
        let authority = Authority::create(dir.path(), now).unwrap();
        let trusted = authority.certificate();
        let server = authority.issue_server(&[], hour, now).unwrap();
        let request = TlsKey::ephemeral().unwrap().request_pem("caritas").unwrap();
        let node = authority
            .issue_node(&request, "caritas", hour, now)
            .unwrap();
        let node = der_of_pem(&node.pem).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_760_000_000));

        let as_node = node_verifier(trusted).unwrap();
        assert!(as_node.verify_client_cert(&node, &[], now).is_ok());
        let posing = as_node.verify_client_cert(&server.chain[0], &[], now);
        assert!(posing.is_err());

        let roots = Arc::new(roots(trusted).unwrap());
        let as_server = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .build()
            .unwrap();
        let name = "localhost".try_into().unwrap();
        let accepts = |leaf| as_server.verify_server_cert(leaf, &[], &name, &[], now);
        assert!(accepts(&server.chain[0]).is_ok());
        assert!(accepts(&node).is_err());
    }

    #[test]
    fn a_node_with_the_key_of_another_certificate_gets_no_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_760_000_000).unwrap();
        let authority = Authority::create(dir.path(), now).unwrap();
        let request = TlsKey::ephemeral().unwrap().request_pem("caritas").unwrap();
        let issued = authority
            .issue_node(&request, "caritas", Duration::from_secs(60), now)
            .unwrap();
        let other = TlsKey::ephemeral().unwrap();
        assert!(node_client_config(authority.certificate(), &issued.pem, &other).is_err());
    }
}
