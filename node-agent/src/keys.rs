//! The node's keys: one that signs answers and the log, one that opens connections, one that keys pseudonyms,
//! and, for a body that asks questions, one that signs requests. The DPO's key is never among them.

use crate::config::NodeDir;
use crate::fault::OrFault;
use anyhow::{Context, Result};
use identity::{SigningKey, TlsKey};
use protocol::{Envelope, PublicKey};
use std::path::Path;

/// Name of the key that signs answers and the log.
pub const NODE: &str = "node.key";
/// Name of the key that signs requests.
pub const REQUESTER: &str = "requester.key";
/// Name of the key that opens connections.
pub const TLS: &str = "tls.key";
/// Name of the public key of the data protection officer.
pub const DPO_PUBLIC: &str = "dpo.pub";
/// Name of the secret from which pseudonyms and sampling keys derive.
pub const PSEUDONYM: &str = "pseudonym.key";
/// Name of the certificate.
pub const CERTIFICATE: &str = "tls.pem";
/// Name of the coordinator's authority.
pub const AUTHORITY: &str = "authority.pem";
/// Name of the coordinator's log key.
pub const COORDINATOR: &str = "coordinator.pub";

/// Makes every key of a new node.
///
/// # Errors
/// When a key exists already or cannot be written.
pub fn create(dir: &NodeDir, asks_questions: bool) -> Result<()> {
    private_file::create_folder(&dir.key(""))?;
    SigningKey::create(&dir.key(NODE))?;
    TlsKey::create(&dir.key(TLS))?;
    if asks_questions {
        SigningKey::create(&dir.key(REQUESTER))?;
    }
    create_pseudonym_secret(dir)
}

/// Makes the secret from which pseudonyms derive.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn create_pseudonym_secret(dir: &NodeDir) -> Result<()> {
    let mut secret = [0; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut secret)
        .map_err(|_| anyhow::anyhow!("the operating system gave no random bytes"))?;
    crate::config::write_private(&dir.key(PSEUDONYM), &secret)?;
    Ok(())
}

/// The secret from which pseudonyms derive.
///
/// # Errors
/// When the file is missing or damaged. Its loss means a new register: pseudonyms cannot be remade.
pub fn pseudonym_secret(dir: &NodeDir) -> Result<[u8; 32]> {
    let path = dir.key(PSEUDONYM);
    let bytes = std::fs::read(&path).or_unread(&path)?;
    <[u8; 32]>::try_from(bytes)
        .map_err(|_| anyhow::anyhow!("{} must hold 32 bytes", path.display()))
}

/// A signing key's public half, as it stands in protocol messages.
pub fn public(key: &SigningKey) -> PublicKey {
    PublicKey(*key.public_key().as_bytes())
}

/// Reads a public key written as 64 hexadecimal digits.
///
/// # Errors
/// When the file is missing or holds something else.
pub fn read_public(path: &Path) -> Result<PublicKey> {
    let text = std::fs::read_to_string(path).or_unread(path)?;
    PublicKey::from_hex(text.trim()).with_context(|| {
        format!(
            "{} must hold one public key, 64 hexadecimal digits",
            path.display()
        )
    })
}

/// The officer's key out of the text of its file, whose line ends a form may have lost.
///
/// # Errors
/// When it is the text of no key file. The message holds nothing of it.
pub(crate) fn officer_key(text: &str) -> Result<SigningKey> {
    const ENDS: [&str; 2] = ["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"];
    let inner = (text.trim().strip_prefix(ENDS[0])).and_then(|rest| rest.strip_suffix(ENDS[1]));
    let inner = inner.context("this is not the text of a key file")?;
    let bare: String = inner.split_whitespace().collect();
    let pem = format!("{}\n{bare}\n{}\n", ENDS[0], ENDS[1]);
    SigningKey::from_pem(&pem).map_err(|_| anyhow::anyhow!("this is not the text of a key file"))
}

/// Signs `value` as JSON.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn sign_json<T: serde::Serialize>(
    key: &SigningKey,
    payload_type: &str,
    value: &T,
) -> Result<Envelope> {
    let payload = serde_json::to_vec(value)?;
    Ok(Envelope::sign(
        payload_type,
        &payload,
        &public(key),
        |bytes| key.sign(bytes),
    ))
}
