//! Policies, words and acts as a node's log holds them, signed by keys of seeds.

use super::*;

impl World {
    /// The policy that the node begins with.
    pub(crate) fn install_policy(&mut self, number: u64) {
        self.install(policy(number));
    }

    fn install(&mut self, document: String) {
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

    /// A node whose operator holds its log's key and began its log with a policy that nobody signed: of the officer whom the reader named
    /// and, beside them, of the operator, either of whom will do. Two requests were answered.
    pub(crate) fn of_an_operator() -> World {
        let mut world = World::opened();
        world.install(policy_of(0, 1, &[3, 9]));
        for number in 0..2 {
            world.ask(number);
            let charge = world.charge(number, 10 + number);
            world.answer(number, charge, charge, 10 + number);
        }
        world.cosigned_at = world.node.entries.len();
        world
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
            id: request_id(1_000 + self.node.entries.len() as u64),
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
        self.accept_written(act, &serde_json::to_vec(act).unwrap(), signers, change);
    }

    /// As [`World::accept_as`], with the act written in these bytes.
    fn accept_written(
        &mut self,
        act: &CoordinatorAcceptance,
        payload: &[u8],
        signers: &[u8],
        change: impl Fn(&mut Entry),
    ) {
        let mut envelope = Envelope::unsigned(CoordinatorAcceptance::TYPE, payload);
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
                ("act-hash", protocol::hex(&protocol::sha256(payload)).into()),
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

    /// Coordinators that were set back, each with an act that as many officers signed as must and that breaks one rule of the act.
    pub(crate) fn with_hostile_acts() -> Vec<(&'static str, World)> {
        let set_back = || {
            let mut world = World::new();
            world.set_back(0);
            world
        };
        let lost = [0, 1, 2, 3, 4];
        let empty = || {
            let head = SignedCheckpoint::sign(0, audit::root(&[]), &coordinator_signer());
            (LogState::new(0, &audit::root(&[])), head.to_string())
        };
        let mut worlds = Vec::new();
        let mut broken = |what, change: &dyn Fn(&mut CoordinatorAcceptance)| {
            let mut world = set_back();
            let mut act = world.acceptance(&lost);
            change(&mut act);
            world.accept_as(&act, &[3, 5], |_| {});
            worlds.push((what, world));
        };
        broken("another version", &|act| act.version = 2);
        broken("an id that is short", &|act| act.id.truncate(30));
        broken("another organisation", &|act| act.organisation.push('a'));
        broken("no reason", &|act| act.reason = "\u{2003}".to_owned());
        broken("a long reason", &|act| act.reason = "è".repeat(201));
        broken("a reason of two lines", &|act| {
            act.reason = "one\u{85}two".to_owned();
        });
        broken("the empty head accepted", &|act| {
            (act.accepted, act.accepted_note) = empty();
        });
        broken("the empty head held", &|act| {
            (act.held, act.held_note) = empty();
        });
        broken("one head twice", &|act| {
            act.accepted = act.held.clone();
            act.accepted_note = act.held_note.clone();
        });
        broken("a root in capitals", &|act| {
            act.held.root = act.held.root.to_uppercase();
        });
        broken("a note without its last line break", &|act| {
            act.held_note.truncate(act.held_note.len() - 1);
        });
        broken("a note with a thousand signatures", &|act| {
            act.held_note += &"\u{2014} stranger AAAAAAAA\n".repeat(1_000);
        });
        broken("lost out of order", &|act| act.lost.reverse());
        broken("lost twice", &|act| act.lost.push(act.lost[4].clone()));
        broken("lost in capitals", &|act| {
            act.lost = vec![act.lost[0].to_uppercase()];
        });
        broken("lost without an id", &|act| {
            act.lost.insert(0, String::new());
        });
        let mut written = |what, write: &dyn Fn(&str) -> String| {
            let mut world = set_back();
            let act = world.acceptance(&lost);
            let text = serde_json::to_string(&act).unwrap();
            let payload = write(&text);
            assert_ne!(payload, text, "{what}");
            world.accept_written(&act, payload.as_bytes(), &[3, 5], |_| {});
            worlds.push((what, world));
        };
        written("an unknown field", &|text| {
            text.replacen('{', "{\"all\":true,", 1)
        });
        written("a field twice", &|text| {
            text.replacen('{', "{\"version\":1,", 1)
        });
        written("a field missing", &|text| {
            text.replace("\"version\":1,", "")
        });
        written("a number with a point", &|text| {
            text.replace("\"version\":1,", "\"version\":1.0,")
        });
        written("spaces", &|text| text.replacen(':', ": ", 1));
        written("an escape", &|text| {
            text.replace("a broken", "\\u0061 broken")
        });
        written("half a character", &|text| {
            text.replace("a broken", "\\ud800 broken")
        });
        written("a head as a list", &|text| {
            (text.replace("{\"size\":", "["))
                .replace("\"root\":", "")
                .replace("\"},", "\"],")
        });
        for (what, change) in [
            (
                "an envelope with spaces",
                (|body| body + " ") as fn(String) -> String,
            ),
            ("an envelope with an attachment", |body| {
                body[..body.len() - 1].to_owned() + ",\"attachment\":\"AAAA\"}"
            }),
            ("a signature with loose bits", |body| {
                let end = body.find("==\"}").unwrap();
                let mut bytes = body.into_bytes();
                // The last digit of 64 bytes has four bits that say nothing; here one of them is set.
                bytes[end - 1] += 1;
                String::from_utf8(bytes).unwrap()
            }),
        ] {
            let mut world = set_back();
            let act = world.acceptance(&lost);
            world.accept_as(&act, &[3, 5], |entry| {
                let body = String::from_utf8(entry.body.clone()).unwrap();
                entry.body = change(body).into_bytes();
            });
            worlds.push((what, world));
        }
        worlds
    }

    /// Logs that hold one act twice, or two acts under one id, each as it was signed.
    pub(crate) fn with_repeated_acts() -> Vec<(&'static str, World)> {
        let again = |world: &mut World| {
            let last = world.node.entries.last().unwrap().clone();
            world.node.push(last);
        };
        let mut moved = World::new();
        again(&mut moved);
        let mut said = World::new();
        said.approve(8, 6);
        again(&mut said);
        let mut said_later = World::new();
        said_later.approve(8, 6);
        let word = said_later.node.entries.last().unwrap().clone();
        said_later.sign_policy(7, &[3, 5]);
        said_later.node.push(word);
        let mut under_one_id = World::new();
        under_one_id.sign_policy(100, &[3, 5]);
        under_one_id.approve(0, 3);
        let mut accepted = World::new();
        accepted.set_back(0);
        accepted.accept(&[3, 5], &[0, 1, 2, 3, 4]);
        again(&mut accepted);
        vec![
            ("a move entered twice", moved),
            ("a word entered twice", said),
            ("a word entered again under a later policy", said_later),
            ("a policy and a word under one id", under_one_id),
            ("an acceptance entered twice", accepted),
        ]
    }

    /// A word that is entered again under an id of its own making.
    pub(crate) fn with_a_renamed_word() -> World {
        let mut world = World::new();
        world.approve(8, 6);
        let mut word = world.node.entries.last().unwrap().clone();
        (word.facts).insert("act-id".to_owned(), request_id(999).as_str().into());
        world.node.push(word);
        world
    }

    /// A coordinator that was set back twice and accepted twice. Where it is `replayed`, it went back once more, to the head accepted
    /// first, and the node's operator entered the first act anew.
    pub(crate) fn set_back_twice(replayed: bool) -> World {
        let mut world = World::new();
        let login = |code: &str| entry(EntryKind::Login, [("code", code.into())]);
        world.set_back(12);
        world.accept(&[3, 5], &[0, 1, 2, 3, 4]);
        let first = world.node.entries.last().unwrap().clone();
        for code in ["a", "b", "c"] {
            world.coordinator.push(login(code));
        }
        world.set_back(14);
        let mut act = world.acceptance(&[]);
        act.signed_at += 1;
        world.accept_as(&act, &[3, 5], |_| {});
        if replayed {
            world.node.push(first);
            world.coordinator.entries.truncate(13);
            world.coordinator.push(login("d"));
        }
        world
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
