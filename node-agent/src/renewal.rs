//! Renewing the node's certificate over the connection it has, at two thirds of its life. The key stays the same; the
//! coordinator takes the old certificate for valid until the new one is first shown, so a reply that is lost loses nothing.

use crate::config::{Config, NodeDir};
use crate::fault::OrFault;
use crate::keys;
use crate::link::Link;
use anyhow::{Result, ensure};
use identity::{AuthorityCertificate, NodeCertificate, TlsKey, due_for_renewal};
use jiff::Timestamp;
use std::time::Duration;

/// How long after an attempt, successful or not, the certificate is looked at again.
pub const LOOK_AGAIN: Duration = Duration::from_secs(3_600);

/// Renews the certificate if it is due; whether it was.
///
/// # Errors
/// When the coordinator is out of reach or refuses, or what it sends is not a longer-lived certificate of this node under the
/// authority it joined. The certificate in use stays in use then.
pub async fn renew_when_due(
    dir: &NodeDir,
    config: &Config,
    link: &Link,
    now: Timestamp,
) -> Result<bool> {
    let present = read_certificate(dir)?;
    if !due_for_renewal(present.not_before, present.not_after, now) {
        return Ok(false);
    }
    let key = TlsKey::load(&dir.key(keys::TLS))?;
    let reply = link.renew(key.request_pem(&config.organisation)?).await?;
    let authority = AuthorityCertificate::from_pem(&read(dir, keys::AUTHORITY)?)?;
    let issued = NodeCertificate::from_pem(&reply.certificate_pem)?;
    ensure!(
        issued.organisation == config.organisation && issued.not_after > present.not_after,
        "the certificate sent is not a longer-lived one of this node"
    );
    // Refused where the certificate is for another key.
    identity::node_client_config(&authority, &reply.certificate_pem, &key)?;
    identity::replace_public(
        &dir.key(keys::CERTIFICATE),
        reply.certificate_pem.as_bytes(),
    )?;
    link.reopen(dir, config)?;
    tracing::info!(until = %issued.not_after, "the certificate was renewed");
    Ok(true)
}

/// The node's certificate.
///
/// # Errors
/// When the node has not joined or the file is damaged.
pub fn read_certificate(dir: &NodeDir) -> Result<NodeCertificate> {
    Ok(NodeCertificate::from_pem(&read(dir, keys::CERTIFICATE)?)?)
}

fn read(dir: &NodeDir, name: &str) -> Result<String> {
    let path = dir.key(name);
    Ok(std::fs::read_to_string(&path).or_unread(&path)?)
}
