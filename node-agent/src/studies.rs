//! The studies this node knows, and its data protection officer's consent to each.
//! A study without consent exists only to be read; no request in it is answered.

use crate::config::{NodeDir, write_private};
use crate::fault::{Fault, NOT_OFFICER, OrFault, STUDY_ELSEWHERE};
use crate::keys;
use anyhow::{Result, bail, ensure};
use identity::SigningKey;
use protocol::{Consent, Envelope, PublicKey, Study, VerifiedConsent, VerifiedStudy};
use std::path::PathBuf;

/// The studies folder of one node.
#[derive(Clone, Debug)]
pub struct Studies {
    dir: PathBuf,
    organisation: String,
}

/// Why a study cannot be used for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StudyUnusable {
    /// No such study, or it is not signed by a pinned requester.
    #[error("the study is not known here")]
    Unknown,
    /// Known, but not countersigned by the data protection officer.
    #[error("the data protection officer has not countersigned the study")]
    NotConsented,
    /// The request names another text of the study.
    #[error("the request was signed for another text of the study")]
    OtherText,
}

impl StudyUnusable {
    /// The field at fault and a stable code.
    pub fn field_and_code(self) -> (&'static str, &'static str) {
        match self {
            StudyUnusable::Unknown => ("study", "unknown-study"),
            StudyUnusable::NotConsented => ("study", "not-countersigned"),
            StudyUnusable::OtherText => ("study_hash", "other-study-text"),
        }
    }
}

impl Studies {
    /// The studies of the node in `dir`.
    pub fn new(dir: &NodeDir, organisation: &str) -> Studies {
        Studies {
            dir: dir.studies(),
            organisation: organisation.to_owned(),
        }
    }

    fn study_path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.study.json"))
    }

    fn consent_path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.consent.json"))
    }

    /// Keeps a study as received, if a pinned requester signed it; the first text of an id stays.
    ///
    /// # Errors
    /// When it is not signed by a pinned requester, or another text of the same id is kept.
    pub fn keep(&self, envelope: &Envelope, requesters: &[PublicKey]) -> Result<()> {
        let verified = VerifiedStudy::verify(envelope, requesters)?;
        let path = self.study_path(&verified.study().id);
        if path.exists() {
            let known = self.read_envelope(&path)?;
            ensure!(
                known.payload == envelope.payload,
                "another text of study {} is known already",
                verified.study().id
            );
            return Ok(());
        }
        write_private(&path, &serde_json::to_vec(envelope)?)?;
        Ok(())
    }

    fn read_envelope(&self, path: &PathBuf) -> Result<Envelope> {
        let bytes = std::fs::read(path).or_unread(path)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// A known study as it was signed.
    pub fn envelope(&self, id: &str) -> Option<Envelope> {
        self.read_envelope(&self.study_path(id)).ok()
    }

    /// A known study, its signature checked again.
    ///
    /// # Errors
    /// When it is unknown or no pinned requester signed it.
    pub fn study(
        &self,
        id: &str,
        requesters: &[PublicKey],
    ) -> Result<VerifiedStudy, StudyUnusable> {
        if !protocol::is_identifier(id) {
            return Err(StudyUnusable::Unknown);
        }
        let envelope = self
            .read_envelope(&self.study_path(id))
            .map_err(|_| StudyUnusable::Unknown)?;
        let study =
            VerifiedStudy::verify(&envelope, requesters).map_err(|_| StudyUnusable::Unknown)?;
        if study.study().id == id {
            Ok(study)
        } else {
            Err(StudyUnusable::Unknown)
        }
    }

    /// The study a request was signed for, with the officer's consent to exactly that text.
    ///
    /// # Errors
    /// See [`StudyUnusable`].
    pub fn consented(
        &self,
        id: &str,
        study_hash: &str,
        requesters: &[PublicKey],
        officers: &[PublicKey],
    ) -> Result<VerifiedStudy, StudyUnusable> {
        let study = self.study(id, requesters)?;
        if protocol::hex(&study.hash()) != study_hash {
            return Err(StudyUnusable::OtherText);
        }
        let consent = self
            .read_envelope(&self.consent_path(id))
            .map_err(|_| StudyUnusable::NotConsented)?;
        VerifiedConsent::verify(&consent, officers, &self.organisation, &study)
            .map_err(|_| StudyUnusable::NotConsented)?;
        Ok(study)
    }

    /// Identifiers of the studies kept, sorted.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = std::fs::read_dir(&self.dir)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".study.json").map(str::to_owned))
            .collect();
        ids.sort();
        ids
    }

    /// Consents kept to studies that have not ended, to be handed to the coordinator, by the id of the study.
    pub fn consents(&self, now: i64) -> Vec<(String, Envelope)> {
        (self.ids().into_iter())
            .filter(|id| !self.has_ended(id, now))
            .filter_map(|id| {
                let consent = self.read_envelope(&self.consent_path(&id)).ok()?;
                Some((id, consent))
            })
            .collect()
    }

    /// Whether a study says itself that it has ended, whoever signed it.
    fn has_ended(&self, id: &str, now: i64) -> bool {
        let payload = self.envelope(id).and_then(|it| it.unverified_payload());
        let study = payload.and_then(|it| serde_json::from_slice::<Study>(&it).ok());
        study.is_some_and(|study| study.valid_until <= now)
    }

    /// Countersigns a study with the officer's key, which the caller holds for this one act.
    ///
    /// # Errors
    /// When the study is unknown, does not name this organisation, or the key is not pinned in the policy.
    pub fn countersign(
        &self,
        id: &str,
        officer: &SigningKey,
        officers: &[PublicKey],
        requesters: &[PublicKey],
        now: i64,
    ) -> Result<Envelope> {
        if !officers.contains(&keys::public(officer)) {
            bail!(Fault::new(&NOT_OFFICER));
        }
        let study = self.study(id, requesters)?;
        ensure!(
            study.study().participants.contains(&self.organisation),
            Fault::new(&STUDY_ELSEWHERE)
        );
        let consent = Consent {
            version: protocol::VERSION,
            organisation: self.organisation.clone(),
            study: id.to_owned(),
            study_hash: protocol::hex(&study.hash()),
            signed_at: now,
        };
        let envelope = keys::sign_json(officer, Consent::TYPE, &consent)?;
        write_private(&self.consent_path(id), &serde_json::to_vec(&envelope)?)?;
        Ok(envelope)
    }

    /// Signs a new study with the requester's own key and keeps it.
    ///
    /// # Errors
    /// When a field breaks its rule, named with the remedy, or the id is taken.
    pub fn propose(&self, study: &Study, requester: &SigningKey) -> Result<Envelope> {
        study.check()?;
        ensure!(
            study.requester == self.organisation,
            "`requester` must be this organisation, {}",
            self.organisation
        );
        let envelope = keys::sign_json(requester, Study::TYPE, study)?;
        let path = self.study_path(&study.id);
        ensure!(
            !path.exists(),
            "a study `{}` is known already; choose another id",
            study.id
        );
        write_private(&path, &serde_json::to_vec(&envelope)?)?;
        Ok(envelope)
    }
}
