//! What documents are made from: configuration, policy, ledger, studies. It reads nothing of the register.

use super::document::Language;
use super::names;
use crate::config::{NodeDir, Retention};
use crate::{commands, node, studies::Studies};
use anyhow::Result;
use ledger::Balance;
use policy::PolicyDocument;
use protocol::Study;
use std::collections::{BTreeMap, BTreeSet};

/// A study that this node knows.
#[derive(Clone, Debug)]
pub struct KnownStudy {
    /// Its text.
    pub study: Study,
    /// Whether the officer countersigned it.
    pub countersigned: bool,
}

/// What documents are made from.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The organisation.
    pub organisation: String,
    /// Its dataset.
    pub dataset: String,
    /// Names and addresses of the further witnesses of its log.
    pub witnesses: Vec<String>,
    /// How long things are kept.
    pub retention: Retention,
    /// The policy in force.
    pub policy: PolicyDocument,
    /// Its hash.
    pub policy_hash: String,
    /// What was spent.
    pub balance: Balance,
    /// The studies known here whose signature holds.
    pub studies: Vec<KnownStudy>,
    /// What organisations are called, by identifier, as far as whoever asks for a document says so: a node is told no names.
    pub names: BTreeMap<String, String>,
    /// Now, Unix seconds.
    pub now: i64,
}

impl Facts {
    /// Reads them from a node's folder, also while it serves.
    ///
    /// # Errors
    /// When configuration, policy or ledger cannot be read.
    pub async fn read(dir: &NodeDir, now: i64) -> Result<Facts> {
        let config = dir.read_config()?;
        let policy = node::read_policy(dir).await?;
        let (requesters, officers) = (policy.requester_keys(), policy.dpo_keys());
        let kept = Studies::new(dir, &config.organisation);
        let known = |id: &String| {
            let study = kept.study(id, &requesters).ok()?;
            let hash = protocol::hex(&study.hash());
            let consent = kept.consented(id, &hash, &requesters, &officers);
            Some(KnownStudy {
                study: study.study().clone(),
                countersigned: consent.is_ok(),
            })
        };
        Ok(Facts {
            studies: kept.ids().iter().filter_map(known).collect(),
            balance: commands::status::balance(dir).await?,
            policy: policy.document().clone(),
            policy_hash: policy.policy_hash().to_owned(),
            organisation: config.organisation,
            dataset: config.dataset.id,
            witnesses: (config.witnesses.iter())
                .map(|it| {
                    let name = it.key.split('+').next().unwrap_or_default();
                    format!("{name} ({})", it.address)
                })
                .collect(),
            retention: config.retention,
            names: BTreeMap::new(),
            now,
        })
    }

    /// The lifetime cap in force: the one promised, unless the policy is narrower.
    pub(super) fn lifetime(&self) -> privacy_loss::NanoRho {
        let named = self.policy.caps.lifetime;
        self.balance
            .lifetime
            .map_or(named, |fixed| fixed.min(named))
    }

    /// Organisations that any study known here names.
    pub(super) fn participants(&self) -> BTreeSet<&String> {
        let named = self.studies.iter().flat_map(|it| &it.study.participants);
        let mut all: BTreeSet<&String> = named.collect();
        all.insert(&self.organisation);
        all
    }

    /// What whoever receives releases owes, in words, and in words about recipients.
    pub(super) fn releases(&self) -> [String; 2] {
        let Some(releases) = &self.policy.releases else {
            return [
                "La policy, di una versione anteriore, non fissa chi può vedere i risultati né per quanto si tengono: vale ciò che fissano le altre organizzazioni.".to_owned(),
                "The policy is of an earlier version and does not say who may see the results or how long they are kept: what the other organisations lay down applies.".to_owned(),
            ];
        };
        [Language::It, Language::En].map(|language| {
            let audience = names::audience(releases.audience, language);
            let months = releases.retention_months;
            language.pick(
                format!("I risultati che il coordinatore compone può vederli {audience}; vanno cancellati dopo {months} mesi al più. Un'altra organizzazione che partecipa o una regola possono essere più strette: vale il vincolo più stretto."),
                format!("The results that the coordinator composes may be seen by {audience}; they must be erased after {months} months at most. Another organisation that takes part, or a rule, may be stricter: the strictest limit applies."),
            )
        })
    }

    /// What further witnesses receive, where there are any.
    pub(super) fn witnesses_in_words(&self) -> [String; 2] {
        let names = self.witnesses.join(", ");
        match self.witnesses.is_empty() {
            true => [
                "Non è configurato nessun testimone del log oltre al coordinatore.".to_owned(),
                "No witness of the log other than the coordinator is configured.".to_owned(),
            ],
            false => [
                format!(
                    "Testimoni del log oltre al coordinatore: {names}. Ricevono solo il numero delle voci del log e un'impronta, nessun dato di persone."
                ),
                format!(
                    "Witnesses of the log other than the coordinator: {names}. They receive only the number of log entries and a hash, no personal data."
                ),
            ],
        }
    }

    /// Requesters, comma-separated.
    pub(super) fn requesters(&self) -> String {
        self.called(self.policy.requesters.iter().map(|it| &it.organisation))
    }

    /// What an organisation is called; its identifier where nobody said.
    pub(super) fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    /// Organisations with their names, each with the identifier by which policies and logs know it, comma-separated.
    pub(super) fn called<'a>(&self, ids: impl IntoIterator<Item = &'a String>) -> String {
        let called = ids.into_iter().map(|id| match self.names.get(id) {
            Some(name) => format!("{name} («{id}»)"),
            None => id.clone(),
        });
        called.collect::<Vec<_>>().join(", ")
    }
}

/// A moment as people write it: the day, UTC.
pub(super) fn day(at: i64, language: Language) -> String {
    let format = language.pick("%d/%m/%Y", "%Y-%m-%d");
    jiff::Timestamp::from_second(at)
        .map(|time| time.strftime(format).to_string())
        .unwrap_or_else(|_| at.to_string())
}

/// From when until when a study holds.
pub(super) fn validity(study: &Study, language: Language) -> String {
    let of = |at| day(at, language);
    format!("{} – {}", of(study.valid_from), of(study.valid_until))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use privacy_loss::NanoRho;
    use protocol::PublicKey;

    pub(in crate::law) fn facts() -> Facts {
        let starter = policy::starter(
            "cooperativa-lambro",
            "comune-milano",
            &PublicKey([1; 32]),
            &PublicKey([2; 32]),
        );
        let study = Study {
            version: 1,
            id: "planning".to_owned(),
            title: "Pianificazione <2026>".to_owned(),
            requester: "comune-milano".to_owned(),
            purpose: "service-planning".to_owned(),
            lawful_basis: "art6-1-e".to_owned(),
            special_categories: vec!["art9-2-g".to_owned()],
            participants: vec!["comune-milano".to_owned(), "cooperativa-lambro".to_owned()],
            measures: vec!["persons".to_owned()],
            targets: vec!["elderly-75-plus".to_owned()],
            finest_level: geography::Level::from_id("nil").expect("a level"),
            max_rho_per_query: NanoRho::new(250_000_000),
            max_rho_total: NanoRho::new(2_000_000_000),
            valid_from: 1_767_225_600,
            valid_until: 1_798_761_600,
        };
        Facts {
            organisation: "cooperativa-lambro".to_owned(),
            dataset: "clients".to_owned(),
            witnesses: vec!["university.example/witness (witness.example:8440)".to_owned()],
            retention: Retention::default(),
            policy: PolicyDocument::parse(&starter).expect("the starter policy"),
            policy_hash: "00".repeat(32),
            balance: Balance::default(),
            studies: vec![KnownStudy {
                study,
                countersigned: true,
            }],
            names: BTreeMap::new(),
            now: 1_790_000_000,
        }
    }
}
