//! Random tokens and the hashes that are stored in their place.
//! A token is seen once, by whoever it is for; the database never holds one.

use crate::CoordinatorError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};

/// So many random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], CoordinatorError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| CoordinatorError::NoRandomness)?;
    Ok(bytes)
}

/// A public identifier of 128 random bits, in hex.
pub(crate) fn identifier() -> Result<String, CoordinatorError> {
    Ok(protocol::hex(&random::<16>()?))
}

/// A token of 256 random bits after `prefix`.
pub(crate) fn token(prefix: &str) -> Result<String, CoordinatorError> {
    Ok(format!(
        "{prefix}{}",
        URL_SAFE_NO_PAD.encode(random::<32>()?)
    ))
}

/// What is stored instead of a token. A plain digest suffices: nobody can try 2^256 tokens, and looking a digest
/// up tells nothing about other tokens.
pub(crate) fn stored_form(token: &str) -> String {
    protocol::hex(&protocol::sha256(
        format!("wi-token-v1\n{token}").as_bytes(),
    ))
}
