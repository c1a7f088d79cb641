//! Signed acts on a node's budget: moving what is unspent from one part to another, and the two-person act by which a
//! higher lifetime cap becomes a new guarantee. An act is signed for one organisation and counts once.

use crate::dsse::{Envelope, EnvelopeError, PublicKey};
use crate::sub_cap::SubCap;
use crate::{from_hex, is_identifier};
use privacy_loss::NanoRho;
use serde::{Deserialize, Serialize};

/// How long after its signature an act may be entered, in seconds: one that lay about is signed again.
pub const MAX_ACT_AGE_SECONDS: i64 = 30 * 86_400;

/// Moves unspent budget from one part to another of the same kind. It adds nothing to the lifetime cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetMove {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation whose budget it is.
    pub organisation: String,
    /// The kind of both parts.
    pub part: SubCap,
    /// The part that gives.
    pub from: String,
    /// The part that receives.
    pub to: String,
    /// How much.
    pub rho: NanoRho,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When it was signed, Unix seconds.
    pub signed_at: i64,
}

/// Replaces the lifetime cap by a higher one: another promise than the one that was made before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGuarantee {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: String,
    /// The organisation that promises.
    pub organisation: String,
    /// The lifetime cap promised until now.
    pub lifetime_before: NanoRho,
    /// The lifetime cap promised from now on.
    pub lifetime: NanoRho,
    /// Why, in one line without personal data.
    pub reason: String,
    /// When it was first signed, Unix seconds.
    pub signed_at: i64,
}

/// Why an act is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// The envelope does not hold.
    #[error("the signature of the act is not accepted")]
    Envelope(#[from] EnvelopeError),
    /// Not an act of this version.
    #[error("not an act this version can read")]
    Unreadable,
    /// A field breaks its rule.
    #[error("the field `{field}` of the act {problem}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: &'static str,
    },
    /// Fewer than two persons signed, or none of them an officer.
    #[error(
        "a new guarantee needs the signatures of two different pinned keys, one of them of `dpo.keys`"
    )]
    TwoPersonsNeeded,
    /// Fewer officers signed a policy than the one in force asks for.
    #[error(
        "{signed} of the {needed} officers that the policy in force asks for signed this; add the signatures that are missing"
    )]
    TooFewOfficers {
        /// How many did.
        signed: usize,
        /// How many must.
        needed: usize,
    },
}

type Rule = (bool, &'static str, &'static str);

pub(crate) fn first_broken(rules: impl IntoIterator<Item = Rule>) -> Result<(), ActError> {
    match rules.into_iter().find(|(holds, ..)| !holds) {
        Some((_, field, problem)) => Err(ActError::Invalid { field, problem }),
        None => Ok(()),
    }
}

/// The rules that every act obeys.
pub(crate) fn common_rules(
    version: u32,
    id: &str,
    organisation: &str,
    expected: &str,
    reason: &str,
) -> [Rule; 4] {
    [
        (version == crate::VERSION, "version", "must be 1"),
        (
            from_hex::<16>(id).is_some(),
            "id",
            "must be 32 hexadecimal digits",
        ),
        (
            is_identifier(organisation) && organisation == expected,
            "organisation",
            "is another organisation's",
        ),
        (
            !reason.trim().is_empty()
                && reason.chars().count() <= 200
                && !reason.chars().any(char::is_control),
            "reason",
            "must be one line of 1 to 200 characters",
        ),
    ]
}

/// Whether an act signed at `signed_at` may be entered at `now`.
pub(crate) fn check_fresh(signed_at: i64, now: i64) -> Result<(), ActError> {
    first_broken([
        (
            signed_at <= now.saturating_add(crate::CLOCK_SKEW_SECONDS),
            "signed_at",
            "lies in the future",
        ),
        (
            signed_at >= now.saturating_sub(MAX_ACT_AGE_SECONDS),
            "signed_at",
            "lies more than 30 days back; sign it again",
        ),
    ])
}

impl BudgetMove {
    /// Payload type of a signed move.
    pub const TYPE: &'static str = "application/vnd.welfare-intelligence.budget-move+json";

    /// Checks every rule that needs neither clock nor ledger.
    ///
    /// # Errors
    /// [`ActError::Invalid`] naming the first field that breaks its rule.
    pub fn check(&self, organisation: &str) -> Result<(), ActError> {
        first_broken(common_rules(
            self.version,
            &self.id,
            &self.organisation,
            organisation,
            &self.reason,
        ))?;
        let key = match self.part {
            SubCap::Year => "must be a year of four digits, from 2020 on",
            _ => "must be 1 to 64 of a-z, 0-9 and -",
        };
        first_broken([
            (self.part.is_key(&self.from), "from", key),
            (self.part.is_key(&self.to), "to", key),
            (
                self.from != self.to,
                "to",
                "must be another part than `from`",
            ),
            (self.rho > NanoRho::ZERO, "rho", "must be more than nothing"),
        ])
    }
}

impl NewGuarantee {
    /// Payload type of a signed new guarantee.
    pub const TYPE: &'static str = "application/vnd.welfare-intelligence.new-guarantee+json";

    /// Checks every rule that needs neither clock nor ledger.
    ///
    /// # Errors
    /// [`ActError::Invalid`] naming the first field that breaks its rule.
    pub fn check(&self, organisation: &str) -> Result<(), ActError> {
        first_broken(common_rules(
            self.version,
            &self.id,
            &self.organisation,
            organisation,
            &self.reason,
        ))?;
        first_broken([(
            self.lifetime > self.lifetime_before,
            "lifetime",
            "must be more than `lifetime_before`; a lower cap needs no act, the policy states it",
        )])
    }
}

/// A move whose signature a pinned officer's key has made.
#[derive(Clone, Debug)]
pub struct VerifiedBudgetMove {
    act: BudgetMove,
    hash: [u8; 32],
    signer: PublicKey,
    envelope: Envelope,
}

impl VerifiedBudgetMove {
    /// Checks signature and rules. Whether it is fresh, unused and covered is the ledger's part.
    ///
    /// # Errors
    /// See [`ActError`].
    pub fn verify(
        envelope: &Envelope,
        officers: &[PublicKey],
        organisation: &str,
    ) -> Result<VerifiedBudgetMove, ActError> {
        let (payload, signer) = envelope.verify(BudgetMove::TYPE, officers)?;
        let act: BudgetMove = serde_json::from_slice(&payload).map_err(|_| ActError::Unreadable)?;
        act.check(organisation)?;
        Ok(VerifiedBudgetMove {
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
    pub fn act(&self) -> &BudgetMove {
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

/// A new guarantee that two persons have signed, an officer one of them.
#[derive(Clone, Debug)]
pub struct VerifiedGuarantee {
    act: NewGuarantee,
    hash: [u8; 32],
    signers: [PublicKey; 2],
    envelope: Envelope,
}

impl VerifiedGuarantee {
    /// Checks both signatures and the rules. `officers` are the pinned officers' keys, `seconds` those of persons who
    /// may only add the second signature.
    ///
    /// # Errors
    /// See [`ActError`]; [`ActError::TwoPersonsNeeded`] for one signature, the same key twice, or no officer's.
    pub fn verify(
        envelope: &Envelope,
        officers: &[PublicKey],
        seconds: &[PublicKey],
        organisation: &str,
    ) -> Result<VerifiedGuarantee, ActError> {
        let pinned: Vec<PublicKey> = officers.iter().chain(seconds).copied().collect();
        let (payload, signers) = envelope.verify_each(NewGuarantee::TYPE, &pinned)?;
        let act: NewGuarantee =
            serde_json::from_slice(&payload).map_err(|_| ActError::Unreadable)?;
        act.check(organisation)?;
        let officer = (signers.iter().copied())
            .find(|key| officers.contains(key))
            .ok_or(ActError::TwoPersonsNeeded)?;
        let second = (signers.iter().copied())
            .find(|key| *key != officer)
            .ok_or(ActError::TwoPersonsNeeded)?;
        Ok(VerifiedGuarantee {
            act,
            hash: crate::sha256(&payload),
            signers: [officer, second],
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
    pub fn act(&self) -> &NewGuarantee {
        &self.act
    }

    /// SHA-256 of the signed bytes.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The officer's key and the second one.
    pub fn signers(&self) -> [PublicKey; 2] {
        self.signers
    }

    /// The act as signed.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}
