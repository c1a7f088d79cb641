//! Studies: purpose-bound programmes within which questions are asked, and the consent of each
//! organisation's data protection officer to them. Neither grants a release by itself.

use crate::dsse::{Envelope, EnvelopeError, PublicKey};
use geography::Level;
use privacy_loss::NanoRho;
use serde::{Deserialize, Serialize};

/// A study, as signed by the requester.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Format version, 1.
    pub version: u32,
    /// Public identifier.
    pub id: String,
    /// A title people read.
    pub title: String,
    /// Organisation that asks.
    pub requester: String,
    /// GDPR purpose, an identifier of the policies' purpose hierarchy.
    pub purpose: String,
    /// Lawful basis, such as `art6-1-e`.
    pub lawful_basis: String,
    /// Grounds for special categories, such as `art9-2-g`; empty where none are asked.
    pub special_categories: Vec<String>,
    /// Organisations that are asked.
    pub participants: Vec<String>,
    /// `persons`, `events`.
    pub measures: Vec<String>,
    /// Targets that may be named.
    pub targets: Vec<String>,
    /// Finest level that may be asked.
    pub finest_level: Level,
    /// Most loss of one query.
    pub max_rho_per_query: NanoRho,
    /// Most loss of the whole study, for each organisation.
    pub max_rho_total: NanoRho,
    /// First second of validity, Unix time.
    pub valid_from: i64,
    /// First second after validity, Unix time.
    pub valid_until: i64,
}

/// Why a study or a consent is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StudyError {
    /// The envelope does not hold.
    #[error("the signature of the study is not accepted")]
    Envelope(#[from] EnvelopeError),
    /// The payload is no study of this version.
    #[error("not a study this version can read: {0}")]
    Unreadable(String),
    /// A field breaks its rule.
    #[error("the field `{field}` of the study {problem}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: &'static str,
    },
}

impl Study {
    /// Payload type of a signed study.
    pub const TYPE: &'static str = "application/vnd.welfare-intelligence.study+json";

    /// Checks every rule that does not need another document.
    ///
    /// # Errors
    /// [`StudyError::Invalid`] naming the first field that breaks its rule.
    pub fn check(&self) -> Result<(), StudyError> {
        let ids = |ids: &[String]| ids.iter().all(|id| crate::is_identifier(id));
        let rules: [(bool, &'static str, &'static str); 11] = [
            (self.version == crate::VERSION, "version", "must be 1"),
            (
                crate::is_identifier(&self.id),
                "id",
                "must be 1 to 64 of a-z, 0-9, -",
            ),
            (
                !self.title.trim().is_empty()
                    && self.title.chars().count() <= 200
                    && !self.title.chars().any(char::is_control),
                "title",
                "must be one line of 1 to 200 characters",
            ),
            (
                crate::is_identifier(&self.requester),
                "requester",
                "must be 1 to 64 of a-z, 0-9, -",
            ),
            (
                crate::is_identifier(&self.purpose),
                "purpose",
                "must be 1 to 64 of a-z, 0-9, -",
            ),
            (
                crate::is_identifier(&self.lawful_basis),
                "lawful_basis",
                "must be 1 to 64 of a-z, 0-9, -",
            ),
            (
                ids(&self.special_categories),
                "special_categories",
                "must hold identifiers",
            ),
            (
                !self.participants.is_empty() && ids(&self.participants),
                "participants",
                "must name at least one organisation",
            ),
            (
                !self.measures.is_empty()
                    && self
                        .measures
                        .iter()
                        .all(|m| query::Measure::IDS.contains(&m.as_str())),
                "measures",
                "must hold measures: `persons`, `events`, `households`, `first-time`, `sum`, `bins`",
            ),
            (
                ids(&self.targets),
                "targets",
                "must hold identifiers of targets",
            ),
            (
                self.valid_from < self.valid_until,
                "valid_until",
                "must lie after `valid_from`",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, problem)) => Err(StudyError::Invalid { field, problem }),
            None => Ok(()),
        }
    }

    /// Whether the study is in force at `now`, Unix seconds.
    pub fn in_force(&self, now: i64) -> bool {
        (self.valid_from..self.valid_until).contains(&now)
    }
}

/// A study whose signature a pinned key has made.
#[derive(Clone, Debug)]
pub struct VerifiedStudy {
    study: Study,
    hash: [u8; 32],
    signer: PublicKey,
}

impl VerifiedStudy {
    /// Checks signature and rules.
    ///
    /// # Errors
    /// See [`StudyError`].
    pub fn verify(envelope: &Envelope, pinned: &[PublicKey]) -> Result<VerifiedStudy, StudyError> {
        let (payload, signer) = envelope.verify(Study::TYPE, pinned)?;
        let study: Study = serde_json::from_slice(&payload)
            .map_err(|error| StudyError::Unreadable(error.to_string()))?;
        study.check()?;
        Ok(VerifiedStudy {
            study,
            hash: crate::sha256(&payload),
            signer,
        })
    }

    /// The study.
    pub fn study(&self) -> &Study {
        &self.study
    }

    /// SHA-256 of the signed bytes.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Who signed it.
    pub fn signer(&self) -> PublicKey {
        self.signer
    }
}

/// The countersignature of one organisation's data protection officer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Format version, 1.
    pub version: u32,
    /// Organisation that consents.
    pub organisation: String,
    /// The study.
    pub study: String,
    /// SHA-256 of the study's signed bytes, hex.
    pub study_hash: String,
    /// When, Unix seconds.
    pub signed_at: i64,
}

impl Consent {
    /// Payload type of a signed consent.
    pub const TYPE: &'static str = "application/vnd.welfare-intelligence.consent+json";
}

/// A consent whose signature a pinned key of the organisation's DPO has made.
#[derive(Clone, Debug)]
pub struct VerifiedConsent {
    consent: Consent,
}

impl VerifiedConsent {
    /// Checks the signature and that the consent is for exactly this study.
    ///
    /// # Errors
    /// See [`StudyError`].
    pub fn verify(
        envelope: &Envelope,
        pinned: &[PublicKey],
        organisation: &str,
        study: &VerifiedStudy,
    ) -> Result<VerifiedConsent, StudyError> {
        let (payload, _) = envelope.verify(Consent::TYPE, pinned)?;
        let consent: Consent = serde_json::from_slice(&payload)
            .map_err(|error| StudyError::Unreadable(error.to_string()))?;
        let invalid = |field, problem| Err(StudyError::Invalid { field, problem });
        if consent.version != crate::VERSION {
            return invalid("version", "must be 1");
        }
        if consent.organisation != organisation {
            return invalid("organisation", "is another organisation's");
        }
        if consent.study != study.study.id || consent.study_hash != crate::hex(&study.hash) {
            return invalid(
                "study_hash",
                "belongs to another study or to another text of it",
            );
        }
        Ok(VerifiedConsent { consent })
    }

    /// The consent.
    pub fn consent(&self) -> &Consent {
        &self.consent
    }
}
