//! Policies, words and acts as a node's log holds them, signed by keys of seeds.

use super::*;

impl World {
    /// The policy that the node begins with.
    pub(crate) fn install_policy(&mut self, number: u64) {
        let document = policy(number);
        let hash = protocol::hex(&protocol::sha256(document.as_bytes()));
        let mut installed = entry(
            EntryKind::PolicyChange,
            [
                ("act", "policy-installed".into()),
                ("policy-hash", hash.as_str().into()),
                ("replaces", self.policy_hash.as_str().into()),
                ("act-id", "".into()),
                ("act-hash", "".into()),
                ("signers", "".into()),
            ],
        );
        self.policies.push(document.clone());
        installed.body = document.into_bytes();
        self.policy_hash = hash;
        self.node.push(installed);
    }

    /// A policy that replaces the one in force, signed by the officers of these seeds.
    pub(crate) fn sign_policy(&mut self, number: u64, signers: &[u8]) {
        let act = PolicyChange {
            version: 1,
            id: request_id(200 + number),
            organisation: ORGANISATION.to_owned(),
            replaces: self.policy_hash.clone(),
            document: policy(number),
            reason: "narrower".to_owned(),
            signed_at: NOW,
        };
        let payload = serde_json::to_vec(&act).unwrap();
        let signed = |seed: u8, bytes: &[u8]| -> [u8; 64] {
            pair(seed).sign(bytes).as_ref().try_into().unwrap()
        };
        let first = signers[0];
        let mut envelope = Envelope::sign(PolicyChange::TYPE, &payload, &public(first), |bytes| {
            signed(first, bytes)
        });
        for seed in &signers[1..] {
            envelope
                .add_signature(&public(*seed), |bytes| signed(*seed, bytes))
                .unwrap();
        }
        let mut keys: Vec<PublicKey> = signers.iter().map(|seed| public(*seed)).collect();
        keys.sort();
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let mut changed = entry(
            EntryKind::PolicyChange,
            [
                ("act", "policy-signed".into()),
                ("policy-hash", act.policy_hash().into()),
                ("replaces", act.replaces.as_str().into()),
                ("act-id", act.id.as_str().into()),
                (
                    "act-hash",
                    protocol::hex(&protocol::sha256(&payload)).into(),
                ),
                ("signers", keys.join(",").into()),
            ],
        );
        changed.body = serde_json::to_vec(&envelope).unwrap();
        self.policy_hash = act.policy_hash();
        self.policies.push(act.document);
        self.node.push(changed);
    }

    /// A lifetime cap of 2,000 nano-rho instead of the 1,000 that the account was opened with.
    pub(crate) fn raise_lifetime(&mut self, signers: [u8; 2]) {
        let act = NewGuarantee {
            version: 1,
            id: request_id(97),
            organisation: ORGANISATION.to_owned(),
            lifetime_before: privacy_loss_of(1_000),
            lifetime: privacy_loss_of(2_000),
            reason: "a census".to_owned(),
            signed_at: NOW,
        };
        let payload = serde_json::to_vec(&act).unwrap();
        let signed = |seed: u8, bytes: &[u8]| -> [u8; 64] {
            pair(seed).sign(bytes).as_ref().try_into().unwrap()
        };
        let [first, second] = signers;
        let mut envelope = Envelope::sign(NewGuarantee::TYPE, &payload, &public(first), |bytes| {
            signed(first, bytes)
        });
        envelope
            .add_signature(&public(second), |bytes| signed(second, bytes))
            .unwrap();
        let mut raised = entry(
            EntryKind::BudgetMove,
            [
                ("act", "new-guarantee".into()),
                ("act-id", act.id.as_str().into()),
                (
                    "act-hash",
                    protocol::hex(&protocol::sha256(&payload)).into(),
                ),
                ("signer", public(first).to_string().into()),
                ("second-signer", public(second).to_string().into()),
                ("lifetime-before", act.lifetime_before.nano().into()),
                ("lifetime", act.lifetime.nano().into()),
            ],
        );
        raised.body = serde_json::to_vec(&envelope).unwrap();
        self.ledger.lifetime = Some(2_000);
        self.node.push(raised);
    }

    /// The log goes on from a backup of all entries so far, as `officer` signed it.
    pub(crate) fn restore(&mut self, officer: u8) {
        let head = self.node.head(&node_signer());
        let kept = head.checkpoint();
        let act = Restoration {
            version: 1,
            id: request_id(98),
            organisation: ORGANISATION.to_owned(),
            old_key: public(1),
            new_key: public(1),
            kept: LogState::new(kept.size, &kept.root),
            ended: LogState::new(kept.size, &kept.root),
            reason: "a broken disk".to_owned(),
            signed_at: NOW,
        };
        let payload = serde_json::to_vec(&act).unwrap();
        let envelope = Envelope::sign(Restoration::TYPE, &payload, &public(officer), |bytes| {
            pair(officer).sign(bytes).as_ref().try_into().unwrap()
        });
        let mut restored = entry(
            EntryKind::Restoration,
            [
                ("act", "restoration".into()),
                ("act-id", act.id.as_str().into()),
                (
                    "act-hash",
                    protocol::hex(&protocol::sha256(&payload)).into(),
                ),
                ("signer", public(officer).to_string().into()),
                ("old-key", act.old_key.to_string().into()),
                ("new-key", act.new_key.to_string().into()),
                ("kept-size", act.kept.size.into()),
                ("kept-root", act.kept.root.as_str().into()),
                ("ended-size", act.ended.size.into()),
                ("ended-root", act.ended.root.as_str().into()),
            ],
        );
        restored.body = serde_json::to_vec(&envelope).unwrap();
        self.node.push(restored);
    }

    /// The coordinator's log goes on from a backup of its first `kept` entries; the node had seen all of it.
    pub(crate) fn set_back(&mut self, kept: usize) {
        let head = self.coordinator.head(&coordinator_signer());
        let line = cosign(head.checkpoint(), &node_signer(), NOW as u64);
        self.held.push(head.with_signature(line));
        self.coordinator.entries.truncate(kept);
        self.coordinator.push(entry(
            EntryKind::Login,
            [("code", format!("signed-in-{kept}").into())],
        ));
    }

    /// The officers of these seeds accept it, and that the answers to these requests are lost.
    pub(crate) fn accept(&mut self, signers: &[u8], lost: &[u64]) {
        let act = self.acceptance(lost);
        self.accept_as(&act, signers, |_| {});
    }

    /// What they sign.
    pub(crate) fn acceptance(&self, lost: &[u64]) -> CoordinatorAcceptance {
        let (held, head) = (
            self.held.last().unwrap(),
            self.coordinator.head(&coordinator_signer()),
        );
        let state = |head: &SignedCheckpoint| {
            LogState::new(head.checkpoint().size, &head.checkpoint().root)
        };
        let mut lost: Vec<String> = lost.iter().map(|number| request_id(*number)).collect();
        lost.sort();
        CoordinatorAcceptance {
            version: 1,
            id: request_id(96),
            organisation: ORGANISATION.to_owned(),
            held: state(held),
            held_note: held.to_string(),
            accepted: state(&head),
            accepted_note: head.to_string(),
            lost,
            reason: "a broken disk".to_owned(),
            signed_at: NOW,
        }
    }

    pub(crate) fn accept_as(
        &mut self,
        act: &CoordinatorAcceptance,
        signers: &[u8],
        change: impl Fn(&mut Entry),
    ) {
        let payload = serde_json::to_vec(act).unwrap();
        let mut envelope = Envelope::unsigned(CoordinatorAcceptance::TYPE, &payload);
        for seed in signers {
            envelope
                .add_signature(&public(*seed), |bytes| {
                    pair(*seed).sign(bytes).as_ref().try_into().unwrap()
                })
                .unwrap();
        }
        let mut keys: Vec<PublicKey> = signers.iter().map(|seed| public(*seed)).collect();
        keys.sort();
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let mut accepted = entry(
            EntryKind::Acceptance,
            [
                ("act", CoordinatorAcceptance::NAME.into()),
                ("act-id", act.id.as_str().into()),
                (
                    "act-hash",
                    protocol::hex(&protocol::sha256(&payload)).into(),
                ),
                ("signers", keys.join(",").into()),
                ("held-size", act.held.size.into()),
                ("held-root", act.held.root.as_str().into()),
                ("accepted-size", act.accepted.size.into()),
                ("accepted-root", act.accepted.root.as_str().into()),
                ("lost", (act.lost.len() as u64).into()),
            ],
        );
        accepted.body = serde_json::to_vec(&envelope).unwrap();
        change(&mut accepted);
        self.node.push(accepted);
    }

    /// The node's pack with the body of an entry erased, and the tombstone that says so.
    pub(crate) fn node_pack_without_body(&self, index: u64) -> Vec<u8> {
        let mut erased = self.clone();
        erased.node.push(entry(
            EntryKind::Tombstone,
            [("code", "body-erased".into()), ("entry", index.into())],
        ));
        let mut contents = erased.node_contents();
        let line = &mut contents.entries[usize::try_from(index).unwrap()];
        let mut bare = serde_json::to_value(&*line).unwrap();
        for field in ["salt", "body"] {
            bare.as_object_mut().unwrap().remove(field);
        }
        *line = serde_json::from_value(bare).unwrap();
        evidence::write(&contents, &node_signer()).unwrap()
    }

    /// A charge by the rule that waits for a person.
    pub(crate) fn charge_manually(&mut self, number: u64) {
        self.ask(number);
        let charge = self.charge(number, 1) as usize;
        self.node.entries[charge].body = b"after-reading".to_vec();
    }

    /// An officer's word on a request, under the policy in force.
    pub(crate) fn approve(&mut self, number: u64, officer: u8) {
        let act = Approval {
            version: 2,
            id: request_id(300 + number),
            organisation: ORGANISATION.to_owned(),
            request: request_id(number),
            request_hash: hash("request", number),
            policy_hash: Some(self.policy_hash.clone()),
            word: Word::Approved,
            reason: "useful".to_owned(),
            signed_at: NOW,
        };
        let payload = serde_json::to_vec(&act).unwrap();
        let envelope = Envelope::sign(Approval::TYPE, &payload, &public(officer), |bytes| {
            pair(officer).sign(bytes).as_ref().try_into().unwrap()
        });
        let mut said = entry(
            EntryKind::Decision,
            [
                ("act-id", act.id.as_str().into()),
                (
                    "act-hash",
                    protocol::hex(&protocol::sha256(&payload)).into(),
                ),
                ("signer", public(officer).to_string().into()),
                ("request", act.request.as_str().into()),
                ("request-hash", act.request_hash.as_str().into()),
                ("word", "approved".into()),
                ("policy-hash", self.policy_hash.as_str().into()),
            ],
        );
        said.body = serde_json::to_vec(&envelope).unwrap();
        self.node.push(said);
    }
}
