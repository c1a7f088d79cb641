//! Password hashes: Argon2id, a bounded number at a time, and the same work for names that do not exist.
//! Passwords are seen here only and neither stored nor logged.

use crate::CoordinatorError;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Memory of one hash in KiB: 19 MiB, with two passes and one lane, the first recommendation for Argon2id of OWASP's
/// Password Storage Cheat Sheet.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes computed at once, so that a flood of sign-ins takes neither all memory nor all processors.
const AT_ONCE: usize = 2;
/// Sign-ins that may wait for their turn.
const WAITING: usize = 16;
/// Longest password in bytes; longer ones are wrong without being hashed.
const LONGEST: usize = 1024;
/// Shortest password an account may be given, in characters.
pub const SHORTEST: usize = 10;

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    /// Those who signed in here before wait by themselves, so that a crowd of strangers does not turn them away.
    known_queue: Arc<Semaphore>,
    /// Hash of a random password, for names that do not exist.
    nobody: Arc<str>,
}

fn argon2() -> Result<Argon2<'static>, CoordinatorError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| CoordinatorError::Password)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash of a password with a random salt, PHC format.
///
/// # Errors
/// [`CoordinatorError::Password`] where it is shorter than [`SHORTEST`] or longer than a kilobyte.
pub fn hash(password: &str) -> Result<String, CoordinatorError> {
    if password.chars().count() < SHORTEST || password.len() > LONGEST {
        return Err(CoordinatorError::Password);
    }
    let hash = argon2()?
        .hash_password(password.as_bytes())
        .map_err(|_| CoordinatorError::Password)?;
    Ok(hash.to_string())
}

fn matches(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|stored| {
        argon2().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &stored).is_ok())
    })
}

/// Why a password was not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooBusy;

impl Passwords {
    /// Ready to check.
    ///
    /// # Errors
    /// [`CoordinatorError::NoRandomness`] or [`CoordinatorError::Password`].
    pub fn new() -> Result<Passwords, CoordinatorError> {
        Ok(Passwords {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            queue: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            known_queue: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            nobody: hash(&crate::secret::token("")?)?.into(),
        })
    }

    /// Whether the password is the one behind `stored`. Without a stored hash the same work is done and the answer
    /// is no, so that time does not tell which names exist. `is_known` says that the browser was used to sign in before.
    ///
    /// # Errors
    /// [`TooBusy`] when too many wait already.
    pub async fn check(
        &self,
        password: String,
        stored: Option<String>,
        is_known: bool,
    ) -> Result<bool, TooBusy> {
        let queue = if is_known {
            &self.known_queue
        } else {
            &self.queue
        };
        let _place = queue.try_acquire().map_err(|_| TooBusy)?;
        let _turn = self.turns.acquire().await.map_err(|_| TooBusy)?;
        let exists = stored.is_some() && password.len() <= LONGEST;
        let hash = stored.unwrap_or_else(|| self.nobody.to_string());
        let password = if password.len() <= LONGEST {
            password
        } else {
            String::new()
        };
        tokio::task::spawn_blocking(move || matches(&password, &hash) && exists)
            .await
            .map_err(|_| TooBusy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_matches_and_others_do_not() {
        let passwords = Passwords::new().unwrap();
        let stored = hash("correct horse").unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        let check = |password: &str, stored: Option<&String>| {
            passwords.check(password.to_owned(), stored.cloned(), false)
        };
        assert_eq!(check("correct horse", Some(&stored)).await, Ok(true));
        assert_eq!(check("wrong horse", Some(&stored)).await, Ok(false));
        assert_eq!(check("correct horse", None).await, Ok(false));
        assert_eq!(check(&"x".repeat(5_000), Some(&stored)).await, Ok(false));
    }

    #[test]
    fn short_and_huge_passwords_are_not_given_to_accounts() {
        assert!(hash("too short").is_err());
        assert!(hash(&"x".repeat(2_000)).is_err());
    }
}
