//! The officer's act by which a node goes on from a backup: it names the log that ended, where the witness last saw it, the
//! entries that were kept, and the key of the log that goes on. Without it a witness takes a new key's log for no successor.

use crate::budget::{ActError, check_fresh, common_rules};
use crate::dsse::{Envelope, PublicKey};
use crate::from_hex;
use serde::{Deserialize, Serialize};

/// A log at one size, as acts name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogState {
    /// Number of entries.
    pub size: u64,
    /// Root over them, hex.
    pub root: String,
}

impl LogState {
    /// The state of a log of `size` entries with this root.
    pub fn new(size: u64, root: &[u8; 32]) -> LogState {
        LogState {
            size,
            root: crate::hex(root),
        }
    }

    /// The root's bytes.
    pub fn root_bytes(&self) -> Option<[u8; 32]> {
        from_hex(&self.root)
    }
}

/// Goes on from a backup under a new key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restoration {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation whose node it is.
    pub organisation: String,
    /// Key of the log that ended.
    pub old_key: PublicKey,
    /// Key of the log that goes on.
    pub new_key: PublicKey,
    /// What the backup held.
    pub kept: LogState,
    /// Where the witness last cosigned the log that ended; nothing of an empty log where it never did.
    pub ended: LogState,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When it was signed, Unix seconds.
    pub signed_at: i64,
}

impl Restoration {
    /// Payload type of a signed restoration.
    pub const TYPE: &'static str = "application/vnd.welfare-intelligence.restoration+json";

    /// Checks every rule that needs neither clock nor ledger.
    ///
    /// # Errors
    /// [`ActError::Invalid`] naming the first field that breaks its rule.
    pub fn check(&self, organisation: &str) -> Result<(), ActError> {
        let rules = common_rules(
            self.version,
            &self.id,
            &self.organisation,
            organisation,
            &self.reason,
        );
        let more = [
            (
                self.new_key != self.old_key,
                "new_key",
                "must be another key than `old_key`",
            ),
            (
                self.kept.root_bytes().is_some(),
                "kept",
                "must hold a root of 64 hexadecimal digits",
            ),
            (
                self.ended.root_bytes().is_some(),
                "ended",
                "must hold a root of 64 hexadecimal digits",
            ),
        ];
        crate::budget::first_broken(rules.into_iter().chain(more))
    }
}

/// A restoration whose signature a pinned officer's key has made.
#[derive(Clone, Debug)]
pub struct VerifiedRestoration {
    act: Restoration,
    hash: [u8; 32],
    signer: PublicKey,
    envelope: Envelope,
}

impl VerifiedRestoration {
    /// Checks signature and rules.
    ///
    /// # Errors
    /// See [`ActError`].
    pub fn verify(
        envelope: &Envelope,
        officers: &[PublicKey],
        organisation: &str,
    ) -> Result<VerifiedRestoration, ActError> {
        let (payload, signer) = envelope.verify(Restoration::TYPE, officers)?;
        let act: Restoration =
            serde_json::from_slice(&payload).map_err(|_| ActError::Unreadable)?;
        act.check(organisation)?;
        Ok(VerifiedRestoration {
            act,
            hash: crate::sha256(&payload),
            signer,
            envelope: envelope.clone(),
        })
    }

    /// Whether it may be entered at `now`, Unix seconds.
    ///
    /// # Errors
    /// [`ActError::Invalid`] for one from the future, or one that lay about for more than 30 days.
    pub fn check_fresh(&self, now: i64) -> Result<(), ActError> {
        check_fresh(self.act.signed_at, now)
    }

    /// The act.
    pub fn act(&self) -> &Restoration {
        &self.act
    }

    /// SHA-256 of the signed bytes.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The officer's key.
    pub fn signer(&self) -> PublicKey {
        self.signer
    }

    /// The act as signed.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}
