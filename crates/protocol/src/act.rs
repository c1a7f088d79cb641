//! Signed acts: what an organisation's officers decide outside the flow of questions, signed over exact bytes, for one organisation,
//! once. One envelope, one set of signers, one hash, whatever the act; each act says by which rule its signatures count.

use crate::dsse::{Envelope, EnvelopeError, PublicKey};
use crate::{from_hex, is_identifier};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long after its signature an act may be entered, in seconds: one that lay about is signed again.
pub const MAX_ACT_AGE_SECONDS: i64 = 30 * 86_400;

/// A rule of an act: whether it holds, the field it is about, and what is wrong where it does not.
pub type Rule = (bool, &'static str, &'static str);

/// What every act says of itself.
#[derive(Clone, Copy, Debug)]
pub struct ActHead<'a> {
    /// Format version.
    pub version: u32,
    /// 128 random bits, hex; an act of this id counts once.
    pub id: &'a str,
    /// The organisation it is for.
    pub organisation: &'a str,
    /// Why, in one line without personal data.
    pub reason: &'a str,
    /// When it was first signed, Unix seconds.
    pub signed_at: i64,
}

/// [`Act::head`] for an act that holds the fields of [`ActHead`] by their names. They are no struct of their own: what is signed has them on
/// both sides of the act's own fields, and refuses a field that it does not know, which serde does not do for flattened ones.
macro_rules! act_head {
    () => {
        fn head(&self) -> ActHead<'_> {
            ActHead {
                version: self.version,
                id: &self.id,
                organisation: &self.organisation,
                reason: &self.reason,
                signed_at: self.signed_at,
            }
        }
    };
}
pub(crate) use act_head;

/// Whose signatures make an act count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// One officer.
    Officer,
    /// An officer and another person.
    TwoPersons,
    /// As many different officers as the policy in force asks for.
    Threshold,
}

/// An act that officers sign.
pub trait Act: Serialize + DeserializeOwned {
    /// Payload type of its envelope.
    const TYPE: &'static str;
    /// Newest format version.
    const VERSION: u32 = 1;
    /// Whose signatures make it count.
    const QUORUM: Quorum;
    /// Whether its payload is read only as this crate writes it: compact JSON, fields in their order. Then whoever reads it anew from the
    /// documented format need not know what a JSON library forgives.
    const CANONICAL: bool = false;

    /// What every act says of itself.
    fn head(&self) -> ActHead<'_>;

    /// The rules of its own fields, in the order in which they are told.
    fn rules(&self) -> Vec<Rule>;

    /// Checks every rule that needs neither clock nor ledger.
    ///
    /// # Errors
    /// [`ActError::Invalid`] naming the first field that breaks its rule.
    fn check(&self, organisation: &str) -> Result<(), ActError> {
        let head = self.head();
        let reason = head.reason;
        let common = [
            (
                (1..=Self::VERSION).contains(&head.version),
                "version",
                "is not one that this version reads",
            ),
            (
                from_hex::<16>(head.id).is_some(),
                "id",
                "must be 32 hexadecimal digits",
            ),
            (
                is_identifier(head.organisation) && head.organisation == organisation,
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
        ];
        first_broken(common.into_iter().chain(self.rules()))
    }
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

fn first_broken(rules: impl IntoIterator<Item = Rule>) -> Result<(), ActError> {
    match rules.into_iter().find(|(holds, ..)| !holds) {
        Some((_, field, problem)) => Err(ActError::Invalid { field, problem }),
        None => Ok(()),
    }
}

/// Who may sign an organisation's acts: what its policy in force says under `dpo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officers {
    /// The data protection officers.
    pub keys: Vec<PublicKey>,
    /// Persons who may only add the second signature.
    pub second_keys: Vec<PublicKey>,
    /// How many of `keys` must sign the policy that replaces this one.
    pub threshold: usize,
}

impl Officers {
    /// Officers of whom any one will do, and nobody beside them.
    pub fn any_of(keys: &[PublicKey]) -> Officers {
        Officers {
            keys: keys.to_vec(),
            second_keys: Vec::new(),
            threshold: 1,
        }
    }

    fn pinned(&self, quorum: Quorum) -> Vec<PublicKey> {
        let seconds: &[PublicKey] = match quorum {
            Quorum::TwoPersons => &self.second_keys,
            Quorum::Officer | Quorum::Threshold => &[],
        };
        self.keys.iter().chain(seconds).copied().collect()
    }

    /// Those of `signed` that make an act count, in the order in which logs name them.
    fn counted(
        &self,
        quorum: Quorum,
        mut signed: Vec<PublicKey>,
    ) -> Result<Vec<PublicKey>, ActError> {
        match quorum {
            Quorum::Officer => signed.truncate(1),
            Quorum::TwoPersons => {
                let officer = (signed.iter().copied()).find(|key| self.keys.contains(key));
                let officer = officer.ok_or(ActError::TwoPersonsNeeded)?;
                let second = (signed.iter().copied()).find(|key| *key != officer);
                signed = vec![officer, second.ok_or(ActError::TwoPersonsNeeded)?];
            }
            Quorum::Threshold => {
                let needed = self.threshold.max(1);
                if signed.len() < needed {
                    return Err(ActError::TooFewOfficers {
                        signed: signed.len(),
                        needed,
                    });
                }
                signed.sort();
            }
        }
        Ok(signed)
    }
}

/// An act that as many persons signed as it needs.
#[derive(Clone, Debug)]
pub struct SignedAct<A> {
    act: A,
    hash: [u8; 32],
    signers: Vec<PublicKey>,
    envelope: Envelope,
}

impl<A: Act> SignedAct<A> {
    /// Checks the signatures and the rules. Whether it is fresh, unused and covered is the ledger's part.
    ///
    /// # Errors
    /// See [`ActError`]. Nothing of the payload is interpreted before a signature holds.
    pub fn verify(
        envelope: &Envelope,
        officers: &Officers,
        organisation: &str,
    ) -> Result<SignedAct<A>, ActError> {
        let pinned = officers.pinned(A::QUORUM);
        let (payload, signed) = envelope.verify_each(A::TYPE, &pinned)?;
        let act: A = serde_json::from_slice(&payload).map_err(|_| ActError::Unreadable)?;
        act.check(organisation)?;
        if A::CANONICAL && serde_json::to_vec(&act).map_err(|_| ActError::Unreadable)? != payload {
            return Err(ActError::Unreadable);
        }
        Ok(SignedAct {
            act,
            hash: crate::sha256(&payload),
            signers: officers.counted(A::QUORUM, signed)?,
            envelope: envelope.clone(),
        })
    }

    /// Whether it may be entered at `now`, Unix seconds.
    ///
    /// # Errors
    /// [`ActError::Invalid`] for one from the future, or one that lay about for more than 30 days.
    pub fn check_fresh(&self, now: i64) -> Result<(), ActError> {
        let signed_at = self.act.head().signed_at;
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

    /// The act.
    pub fn act(&self) -> &A {
        &self.act
    }

    /// SHA-256 of the signed bytes.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The keys whose signatures count: one officer's; an officer's and a second person's, in this order; or every officer's
    /// that signed, sorted. There is at least one.
    pub fn signers(&self) -> &[PublicKey] {
        &self.signers
    }

    /// The first of [`SignedAct::signers`], who is an officer.
    pub fn signer(&self) -> PublicKey {
        self.signers[0]
    }

    /// The act as signed.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}
