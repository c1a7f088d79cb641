//! Policies, the decisions under them, acts and witnesses: each rule of a node's log by a pack that breaks it.

mod support;

use evidence::{Code, Trust, verify};
use std::collections::BTreeSet;
use support::*;

#[test]
fn each_policy_is_signed_by_the_officers_of_the_one_before() {
    let found = |change: &dyn Fn(&mut World)| {
        let mut world = World::new();
        change(&mut world);
        codes_of(&[("n.zip".to_owned(), world.node_pack())], &trust())
    };
    assert_eq!(found(&|it| it.sign_policy(7, &[6, 5, 3])), []);
    for too_few in [&[3_u8][..], &[8, 9], &[3, 3], &[3, 9]] {
        assert_eq!(found(&|it| it.sign_policy(7, too_few)), [Code::Signature]);
    }
    assert_eq!(found(&|it| it.install_policy(7)), [Code::Signature]);
    // Signed as it should be, and over a policy that was never in force.
    let over_another = |it: &mut World| {
        it.policy_hash = "00".repeat(32);
        it.sign_policy(7, &[3, 5]);
    };
    assert_eq!(found(&over_another), [Code::Altered]);
    let renamed = |it: &mut World| {
        it.sign_policy(7, &[3, 5]);
        let last = it.node.entries.last_mut().unwrap();
        last.facts
            .insert("policy-hash".to_owned(), "00".repeat(32).into());
    };
    // The file of the policy has its own name then, and none has that of the header.
    assert_eq!(found(&renamed), [Code::Damaged, Code::Altered]);
}

#[test]
fn an_act_stands_in_one_entry_of_a_log() {
    for (what, world) in World::with_repeated_acts() {
        let found = codes_of(&[("n.zip".to_owned(), world.node_pack())], &trust());
        assert!(found.contains(&Code::Altered), "{what}: {found:?}");
    }
    let renamed = World::with_a_renamed_word();
    let packs = [("n.zip".to_owned(), renamed.node_pack())];
    assert_eq!(codes_of(&packs, &trust()), [Code::Signature]);
}

#[test]
fn the_first_policy_is_held_to_the_officers_of_the_reader() {
    let world = World::new();
    let text = keys().replace(&public(3).to_string(), &public(9).to_string());
    let trust = Trust::from_keys("keys.txt", &text).unwrap();
    let packs = [("n.zip".to_owned(), world.node_pack())];
    assert_eq!(codes_of(&packs, &trust), [Code::Signature]);
}

#[test]
fn what_was_decided_is_held_to_the_policy_in_force_and_to_a_persons_word() {
    let found = |change: &dyn Fn(&mut World)| {
        let mut world = World::new();
        change(&mut world);
        codes_of(&[("n.zip".to_owned(), world.node_pack())], &trust())
    };
    let under_the_one_before = |it: &mut World| {
        let before = it.policy_hash.clone();
        it.sign_policy(7, &[3, 5]);
        it.policy_hash = before;
        it.charge(8, 10);
    };
    assert_eq!(found(&under_the_one_before), [Code::NotInForce]);
    assert_eq!(found(&|it| it.charge_manually(8)), [Code::NotInForce]);
    let approved = |it: &mut World| {
        it.approve(8, 6);
        it.charge_manually(8);
    };
    assert_eq!(found(&approved), []);
    let before_a_change = |it: &mut World| {
        it.approve(8, 6);
        it.sign_policy(7, &[3, 5]);
        it.charge_manually(8);
    };
    assert_eq!(found(&before_a_change), [Code::NotInForce]);
    let by_a_stranger = |it: &mut World| {
        it.approve(8, 9);
        it.charge_manually(8);
    };
    assert_eq!(found(&by_a_stranger), [Code::Signature, Code::NotInForce]);
    // A refusal that states a policy states the one in force.
    assert_eq!(found(&|it| it.refuse_under_policy(8)), []);
    let refused_under_the_one_before = |it: &mut World| {
        let before = it.policy_hash.clone();
        it.sign_policy(7, &[3, 5]);
        it.policy_hash = before;
        it.refuse_under_policy(8);
    };
    assert_eq!(found(&refused_under_the_one_before), [Code::NotInForce]);
    let refused_after_a_restoration = |it: &mut World| {
        it.restore(3);
        it.refuse_under_policy(8);
    };
    assert_eq!(found(&refused_after_a_restoration), [Code::NotInForce]);
}

#[test]
fn acts_before_the_first_policy_are_held_to_the_officers_of_the_reader() {
    let found = |change: &dyn Fn(&mut World)| {
        let mut world = World::opened();
        change(&mut world);
        world.install_policy(0);
        codes_of(&[("n.zip".to_owned(), world.node_pack())], &trust())
    };
    assert_eq!(found(&|it| it.raise_lifetime([3, 9])), []);
    assert_eq!(found(&|it| it.raise_lifetime([8, 9])), [Code::Signature]);
    assert_eq!(found(&|it| it.restore(3)), []);
    assert_eq!(found(&|it| it.restore(9)), [Code::Signature]);
    // And the policy that begins after a restoration is held to them as one that begins without.
    let mut world = World::opened();
    world.restore(3);
    world.install_policy(0);
    let keys = keys().replace(&public(3).to_string(), &public(9).to_string());
    let trust = Trust::from_keys("keys.txt", &keys).unwrap();
    let report = verify(&[("n.zip".to_owned(), world.node_pack())], &trust).unwrap();
    let entries: BTreeSet<Option<u64>> = report.findings.iter().map(|it| it.entry).collect();
    assert_eq!(entries, BTreeSet::from([Some(1), Some(2)]), "{report}");
}

#[test]
fn an_erased_body_hides_neither_a_policy_nor_an_approval_that_was_due() {
    // The only policy, erased: it is told, and acts are held to the reader's officers again.
    let mut world = World::opened();
    world.install_policy(0);
    let pack = [("n.zip".to_owned(), world.node_pack_without_body(1))];
    assert_eq!(codes_of(&pack, &trust()), [Code::Altered]);
    world.raise_lifetime([8, 9]);
    let pack = [("n.zip".to_owned(), world.node_pack_without_body(1))];
    assert_eq!(codes_of(&pack, &trust()), [Code::Signature, Code::Altered]);

    // The rule of a charge, erased: it may be the one that waits for a person.
    let mut world = World::new();
    world.charge_manually(8);
    let charge = world.charge_of(8);
    let pack = [("n.zip".to_owned(), world.node_pack_without_body(charge))];
    assert_eq!(codes_of(&pack, &trust()), [Code::NotInForce]);
    let mut world = World::new();
    world.approve(8, 6);
    world.charge_manually(8);
    let charge = world.charge_of(8);
    let pack = [("n.zip".to_owned(), world.node_pack_without_body(charge))];
    assert_eq!(codes_of(&pack, &trust()), []);
}

#[test]
fn policies_as_files_are_those_that_the_log_put_in_force() {
    let found = |change: &dyn Fn(&mut World)| {
        let mut world = World::new();
        change(&mut world);
        codes_of(&[("n.zip".to_owned(), world.node_pack())], &trust())
    };
    assert_eq!(found(&|it| it.policies.clear()), [Code::Damaged]);
    assert_eq!(found(&|it| it.policies.truncate(1)), [Code::Damaged]);
    let another = |it: &mut World| it.policies.push(policy(7));
    assert_eq!(found(&another), [Code::Damaged, Code::Altered]);

    let world = World::new();
    let with = |path: &str, text: &str| {
        let mut contents = world.node_contents();
        contents.documents.insert(path.to_owned(), text.into());
        let pack = evidence::write(&contents, &node_signer()).unwrap();
        codes_of(&[("n.zip".to_owned(), pack)], &trust())
    };
    let path_of = |text: &str| {
        let hash = protocol::hex(&protocol::sha256(text.as_bytes()));
        format!("policies/{hash}.toml")
    };
    assert_eq!(with(&path_of(&policy(0)), &policy(0)), []);
    assert_eq!(with(&path_of(&policy(7)), &policy(7)), [Code::Altered]);
    assert_eq!(with(&path_of(&policy(0)), &policy(1)), [Code::Altered]);
    assert_eq!(with("policies/now.toml", &policy(1)), [Code::Altered]);

    // An erased policy needs no file; that it was erased is told.
    let mut world = World::opened();
    world.install_policy(0);
    world.policies.clear();
    let pack = [("n.zip".to_owned(), world.node_pack_without_body(1))];
    assert_eq!(codes_of(&pack, &trust()), [Code::Altered]);
}

#[test]
fn as_many_witnesses_as_the_reader_demands_cosigned_what_was_answered() {
    let found = |count: usize, change: &dyn Fn(&mut World)| {
        let mut world = World::new();
        change(&mut world);
        let mut trust = trust();
        trust.require_witnesses(count);
        codes_of(&[("n.zip".to_owned(), world.node_pack())], &trust)
    };
    assert_eq!(found(1, &|_| {}), []);
    assert_eq!(found(2, &|_| {}), [Code::Uncosigned]);
    assert_eq!(found(2, &|it| it.witnessed = true), []);
    assert_eq!(found(3, &|it| it.witnessed = true), [Code::Uncosigned]);
    // A head from before the last answered charge covers the earlier ones only.
    assert_eq!(found(1, &|it| it.cosigned_at = 8), [Code::Uncosigned]);
    // What was charged and not answered may be on its way.
    let unanswered = |it: &mut World| {
        it.charge(8, 1);
    };
    assert_eq!(found(1, &unanswered), []);

    // The coordinator's entries have a day; its own cosignature of its log counts nothing.
    let of_coordinator = |count: usize, world: &World| {
        let mut trust = trust();
        trust.require_witnesses(count);
        codes_of(&[("c.zip".to_owned(), world.coordinator_pack())], &trust)
    };
    let mut world = World::new();
    assert_eq!(of_coordinator(1, &world), [Code::Uncosigned]);
    world.made_at = NOW + 86_400;
    assert_eq!(of_coordinator(1, &world), []);
}
