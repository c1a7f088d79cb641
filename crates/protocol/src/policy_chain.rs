//! The chain of an organisation's policies as its log tells it: from the first one, which is trusted as the organisation joined with
//! it, each was signed by as many officers of the one before as that one asks for. It takes no key from anywhere but the chain.
//!
//! A restoration breaks nothing off: the log goes on with the policy it ended with, or with one that its officers signed. Where the
//! restoration was signed by a key that is no officer's of that policy, which the coordinator accepts only after it was handed that
//! key anew, another policy may begin; it is a new [`Anchor`], and whoever reads the log is told so.

use crate::act::{Officers, SignedAct};
use crate::coordinator_acceptance::CoordinatorAcceptance;
use crate::dsse::{Envelope, PublicKey};
use crate::policy_change::PolicyChange;
use crate::policy_text::PolicyText;
use crate::{Approval, Word};
use std::collections::BTreeSet;

/// What the entry of a policy states.
#[derive(Clone, Copy, Debug)]
struct StatedPolicy<'a> {
    /// SHA-256 of the policy, hex.
    policy_hash: &'a str,
    /// SHA-256 of the one before, hex; empty for the first.
    replaces: &'a str,
    /// The act's id; empty where the policy was installed.
    act_id: &'a str,
    /// SHA-256 of the act, hex; empty where the policy was installed.
    act_hash: &'a str,
    /// The officers that signed, hexadecimal and sorted, joined by commas.
    signers: &'a str,
}

/// What the entry of a person's word states.
#[derive(Clone, Copy, Debug)]
struct StatedWord<'a> {
    /// The act's id.
    act_id: &'a str,
    /// SHA-256 of the act, hex.
    act_hash: &'a str,
    /// The officer.
    signer: &'a str,
    /// The request.
    request: &'a str,
    /// SHA-256 of its signed bytes, hex.
    request_hash: &'a str,
    /// What was said.
    word: &'a str,
    /// The policy under which it was said.
    policy_hash: &'a str,
}

/// A policy that nothing in the log proves: the first, or one that a re-pinned officer began anew with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// SHA-256 of it, hex.
    pub policy_hash: String,
    /// Its officers.
    pub officers: Vec<PublicKey>,
    /// The signer of the restoration after which it began, unless it is the first.
    pub restored_by: Option<PublicKey>,
}

/// Why an entry does not follow from the policies before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// The body is no policy, or not the one stated.
    #[error("does not hold the policy it states")]
    OtherDocument,
    /// A policy that nobody signed, where one was in force.
    #[error("installs a policy where one was in force")]
    Installed,
    /// It replaces another policy than the one before it.
    #[error("replaces another policy than the one before it")]
    OtherBefore,
    /// The signatures are not those that the policy before asks for.
    #[error("is not signed by as many officers of the policy before as that one asks for")]
    TooFewOfficers,
    /// It is for another organisation.
    #[error("is another organisation's policy")]
    OtherOrganisation,
    /// Its signer is no officer of the policy in force.
    #[error("is signed by nobody who was an officer under the policy in force")]
    NoOfficer,
    /// It was decided under another policy than the one in force.
    #[error("was decided under another policy than the one in force")]
    NotInForce,
    /// An acceptance whose entry says something else than the officers signed.
    #[error("does not say what the officers signed")]
    OtherWords,
    /// The rule waits for a person, and nobody said yes to exactly this request under this policy.
    #[error("was allowed by a rule that waits for a person, and nobody approved it")]
    NotApproved,
    /// The act in it was entered before.
    #[error("enters an act that an earlier entry holds")]
    ActRepeated,
}

/// Whether a log whose last policy is `last` may go on with `fresh`, which nobody signed, after a restoration that `restorer` signed: with
/// the same one, or with one that names a restorer who is no officer of the last one and so was pinned anew.
///
/// # Errors
/// [`ChainFault`].
pub fn may_go_on(
    last: &PolicyText,
    fresh: &PolicyText,
    restorer: &PublicKey,
) -> Result<(), ChainFault> {
    if last.organisation != fresh.organisation {
        return Err(ChainFault::OtherOrganisation);
    }
    let pinned_anew = !last.officers.keys.contains(restorer);
    if fresh.hash == last.hash || (pinned_anew && fresh.officers.keys.contains(restorer)) {
        return Ok(());
    }
    Err(ChainFault::Installed)
}

/// The chain up to an entry.
#[derive(Clone, Debug, Default)]
pub struct PolicyChain {
    last: Option<PolicyText>,
    /// Who signed the restoration after the last policy, if there was one.
    restored_by: Option<PublicKey>,
    anchors: Vec<Anchor>,
    approved: BTreeSet<[String; 3]>,
    accepted: Option<CoordinatorAcceptance>,
    /// Ids of the acts so far.
    acts: BTreeSet<String>,
}

impl PolicyChain {
    /// The chain of a log whose last policy is `last`; `restored_by` signed the restoration after it, if there was one. What was
    /// approved under it is not known.
    pub fn after(last: Option<PolicyText>, restored_by: Option<PublicKey>) -> PolicyChain {
        PolicyChain {
            last,
            restored_by,
            ..PolicyChain::default()
        }
    }

    /// The policy that came into force last; after a restoration nothing is in force until it is entered again.
    pub fn last(&self) -> Option<&PolicyText> {
        self.last.as_ref()
    }

    /// The policy in force.
    pub fn in_force(&self) -> Option<&PolicyText> {
        (self.last.as_ref()).filter(|_| self.restored_by.is_none())
    }

    /// What the log does not prove.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// The last acceptance of a restored coordinator that as many officers signed as the policy in force asked for.
    pub fn accepted(&self) -> Option<&CoordinatorAcceptance> {
        self.accepted.as_ref()
    }

    /// Whether a policy may be entered that nobody signed: the first, or after a restoration what [`may_go_on`] lets in.
    ///
    /// # Errors
    /// [`ChainFault`].
    pub fn may_install(&self, fresh: &PolicyText) -> Result<(), ChainFault> {
        match (&self.last, &self.restored_by) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(ChainFault::Installed),
            (Some(last), Some(restorer)) => may_go_on(last, fresh, restorer),
        }
    }

    /// A signed policy, if it follows from the one before.
    ///
    /// # Errors
    /// [`ChainFault`].
    pub fn verify_change(
        &self,
        envelope: &Envelope,
    ) -> Result<(SignedAct<PolicyChange>, PolicyText), ChainFault> {
        let last = self.last.as_ref().ok_or(ChainFault::OtherBefore)?;
        let act = SignedAct::<PolicyChange>::verify(envelope, &last.officers, &last.organisation)
            .map_err(|_| ChainFault::TooFewOfficers)?;
        if act.act().replaces != last.hash {
            return Err(ChainFault::OtherBefore);
        }
        let fresh = PolicyText::read(&act.act().document).ok_or(ChainFault::OtherDocument)?;
        if fresh.organisation != last.organisation {
            return Err(ChainFault::OtherOrganisation);
        }
        Ok((act, fresh))
    }

    /// Follows one entry of a log: its kind, its facts that are texts and those that are numbers, and its body where that is there.
    /// Entries of other kinds than policies, acts, words and what they allow say nothing to the chain; nor does a charge that a
    /// restoration booked again, which was allowed under a policy of the log that was lost.
    ///
    /// What a person signed counts once in a log, whatever it did: an entry whose act was entered before does nothing here.
    ///
    /// # Errors
    /// [`ChainFault`].
    pub fn follow<'h>(
        &mut self,
        kind: &str,
        fact: &dyn Fn(&str) -> Option<&'h str>,
        number: &dyn Fn(&str) -> Option<u64>,
        body: Option<&[u8]>,
    ) -> Result<(), ChainFault> {
        let act = fact("act-id").unwrap_or_default();
        if !act.is_empty() && !self.acts.insert(act.to_owned()) {
            return Err(ChainFault::ActRepeated);
        }
        self.follow_kind(kind, fact, number, body)
    }

    fn follow_kind<'h>(
        &mut self,
        kind: &str,
        fact: &dyn Fn(&str) -> Option<&'h str>,
        number: &dyn Fn(&str) -> Option<u64>,
        body: Option<&[u8]>,
    ) -> Result<(), ChainFault> {
        let text = |name: &str| fact(name).unwrap_or_default();
        let key = |name: &str| fact(name).and_then(PublicKey::from_hex);
        match kind {
            "policy-change" => {
                let stated = StatedPolicy {
                    policy_hash: text("policy-hash"),
                    replaces: text("replaces"),
                    act_id: text("act-id"),
                    act_hash: text("act-hash"),
                    signers: text("signers"),
                };
                self.policy(&stated, body.unwrap_or_default())
            }
            "restoration" => {
                self.restored_by = key("signer").or(self.restored_by);
                Ok(())
            }
            "budget-move" => {
                let Some(officers) = self.officers() else {
                    return Ok(());
                };
                let officer = key("signer").is_some_and(|key| officers.keys.contains(&key));
                let second = fact("second-signer").is_none()
                    || key("second-signer").is_some_and(|key| {
                        officers.keys.contains(&key) || officers.second_keys.contains(&key)
                    });
                (officer && second)
                    .then_some(())
                    .ok_or(ChainFault::NoOfficer)
            }
            "decision" => {
                let stated = StatedWord {
                    act_id: text("act-id"),
                    act_hash: text("act-hash"),
                    signer: text("signer"),
                    request: text("request"),
                    request_hash: text("request-hash"),
                    word: text("word"),
                    policy_hash: text("policy-hash"),
                };
                self.word(&stated, body.unwrap_or_default())
            }
            "acceptance" => {
                let text = |name: &str| text(name).to_owned();
                self.acceptance(&text, number, body.unwrap_or_default())
            }
            "charge" | "reuse" if number("recovered-by").is_none() => self.allows(
                text("request"),
                text("request-hash"),
                text("policy-hash"),
                body.and_then(|body| std::str::from_utf8(body).ok()),
            ),
            "refusal" => self.refuses(fact("policy-hash")),
            _ => Ok(()),
        }
    }

    /// Follows the entry of a policy; what is at fault is taken for in force all the same, so that one fault is told once.
    ///
    /// # Errors
    /// [`ChainFault`].
    fn policy(&mut self, stated: &StatedPolicy<'_>, body: &[u8]) -> Result<(), ChainFault> {
        let followed = match stated.act_id.is_empty() {
            true => self.follow_installed(stated, body),
            false => self.follow_signed(stated, body),
        };
        self.restored_by = None;
        followed
    }

    fn follow_installed(
        &mut self,
        stated: &StatedPolicy<'_>,
        body: &[u8],
    ) -> Result<(), ChainFault> {
        let document = std::str::from_utf8(body).map_err(|_| ChainFault::OtherDocument)?;
        let fresh = PolicyText::read(document).ok_or(ChainFault::OtherDocument)?;
        let before = self.last.as_ref().map_or("", |last| last.hash.as_str());
        let allowed = self.may_install(&fresh);
        let follows = stated.replaces == before && stated.signers.is_empty();
        let same = fresh.hash == stated.policy_hash;
        if self
            .last
            .as_ref()
            .is_none_or(|last| last.hash != fresh.hash)
        {
            self.anchors.push(Anchor {
                policy_hash: fresh.hash.clone(),
                officers: fresh.officers.keys.clone(),
                restored_by: self.restored_by,
            });
        }
        self.last = Some(fresh);
        if !same {
            return Err(ChainFault::OtherDocument);
        }
        if !follows {
            return Err(ChainFault::OtherBefore);
        }
        allowed
    }

    fn follow_signed(&mut self, stated: &StatedPolicy<'_>, body: &[u8]) -> Result<(), ChainFault> {
        let envelope: Envelope =
            serde_json::from_slice(body).map_err(|_| ChainFault::OtherDocument)?;
        let verified = self.verify_change(&envelope);
        let claimed = (envelope.unverified_payload())
            .and_then(|payload| serde_json::from_slice::<PolicyChange>(&payload).ok())
            .and_then(|act| PolicyText::read(&act.document));
        if claimed.is_some() {
            self.last = claimed;
        }
        let (act, fresh) = verified?;
        let signers: Vec<String> = act.signers().iter().map(ToString::to_string).collect();
        let fits = stated.policy_hash == fresh.hash
            && stated.replaces == act.act().replaces
            && stated.act_id == act.act().id
            && stated.act_hash == crate::hex(&act.hash());
        if !fits {
            return Err(ChainFault::OtherDocument);
        }
        if stated.signers != signers.join(",") {
            return Err(ChainFault::TooFewOfficers);
        }
        Ok(())
    }

    /// Who may sign acts now; nobody is known before there is a policy. After a restoration its signer may, too.
    pub fn officers(&self) -> Option<Officers> {
        let mut officers = self.last.as_ref()?.officers.clone();
        officers.keys.extend(self.restored_by);
        Some(officers)
    }

    /// Follows a person's word: an officer's of the policy in force, about exactly one request, under that policy.
    ///
    /// # Errors
    /// [`ChainFault`].
    fn word(&mut self, stated: &StatedWord<'_>, body: &[u8]) -> Result<(), ChainFault> {
        let policy = self.in_force().ok_or(ChainFault::NotInForce)?;
        let envelope: Envelope = serde_json::from_slice(body).map_err(|_| ChainFault::NoOfficer)?;
        let act = SignedAct::<Approval>::verify(&envelope, &policy.officers, &policy.organisation)
            .map_err(|_| ChainFault::NoOfficer)?;
        let said = act.act();
        let fits = stated.act_id == said.id
            && stated.act_hash == crate::hex(&act.hash())
            && stated.signer == act.signer().to_string()
            && stated.request == said.request
            && stated.request_hash == said.request_hash
            && stated.word == said.word.id();
        if !fits {
            return Err(ChainFault::NoOfficer);
        }
        if stated.policy_hash != policy.hash || !said.is_under(&policy.hash) {
            return Err(ChainFault::NotInForce);
        }
        if said.word == Word::Approved {
            let key = [&said.request, &said.request_hash, &policy.hash].map(Clone::clone);
            self.approved.insert(key);
        }
        Ok(())
    }

    /// Follows the acceptance of a restored coordinator: signed as the policy in force asks for, with the words that its entry states,
    /// in the one form in which a node writes it.
    fn acceptance(
        &mut self,
        text: &dyn Fn(&str) -> String,
        number: &dyn Fn(&str) -> Option<u64>,
        body: &[u8],
    ) -> Result<(), ChainFault> {
        let policy = self.in_force().ok_or(ChainFault::NotInForce)?;
        let envelope: Option<Envelope> = serde_json::from_slice(body).ok();
        let written = envelope.filter(|envelope| envelope.to_bytes() == body);
        let act = written.and_then(|envelope| {
            SignedAct::<CoordinatorAcceptance>::verify(
                &envelope,
                &policy.officers,
                &policy.organisation,
            )
            .ok()
        });
        let act = act.ok_or(ChainFault::TooFewOfficers)?;
        let signers: Vec<String> = act.signers().iter().map(ToString::to_string).collect();
        let words = act.act();
        let fits = text("act") == CoordinatorAcceptance::NAME
            && text("act-id") == words.id
            && text("act-hash") == crate::hex(&act.hash())
            && text("signers") == signers.join(",")
            && number("held-size") == Some(words.held.size)
            && text("held-root") == words.held.root
            && number("accepted-size") == Some(words.accepted.size)
            && text("accepted-root") == words.accepted.root
            && number("lost") == Some(words.lost.len() as u64);
        if !fits {
            return Err(ChainFault::OtherWords);
        }
        self.accepted = Some(words.clone());
        Ok(())
    }

    /// Whether a request could be refused now under the policy that the refusal names; one of an earlier version names none.
    ///
    /// # Errors
    /// [`ChainFault::NotInForce`]; none before there is a policy, for then the log says nothing of policies.
    fn refuses(&self, policy_hash: Option<&str>) -> Result<(), ChainFault> {
        let Some(policy_hash) = policy_hash.filter(|_| self.last.is_some()) else {
            return Ok(());
        };
        (self
            .in_force()
            .is_some_and(|policy| policy.hash == policy_hash))
        .then_some(())
        .ok_or(ChainFault::NotInForce)
    }

    /// Whether a request could be allowed now by the rule of a policy; `rule` is absent where it was erased, and then counts as one
    /// that waits for a person wherever the policy has such rules, so that erasing it hides no approval that was due.
    ///
    /// # Errors
    /// [`ChainFault`]; none before there is a policy, for then the log says nothing of policies.
    fn allows(
        &self,
        request: &str,
        request_hash: &str,
        policy_hash: &str,
        rule: Option<&str>,
    ) -> Result<(), ChainFault> {
        if self.last.is_none() {
            return Ok(());
        }
        let policy = (self.in_force())
            .filter(|policy| policy.hash == policy_hash)
            .ok_or(ChainFault::NotInForce)?;
        let key = [request, request_hash, policy_hash].map(str::to_owned);
        let waits = match rule {
            Some(rule) => policy.manual_rules.contains(rule),
            None => !policy.manual_rules.is_empty(),
        };
        if waits && !self.approved.contains(&key) {
            return Err(ChainFault::NotApproved);
        }
        Ok(())
    }
}
