//! A coordinator that went on from a backup: a fork unless the officers of the node that saw more accepted exactly that, and then told.

mod support;

use evidence::{Code, Trust, verify};
use std::collections::BTreeSet;
use support::*;

/// Requests of which the coordinator's log keeps nothing where it goes on from its first entries.
const LOST: [u64; 5] = [0, 1, 2, 3, 4];
const KEPT: usize = 0;

fn found(change: impl Fn(&mut World)) -> Vec<Code> {
    let mut world = World::new();
    world.set_back(KEPT);
    change(&mut world);
    let mut codes = codes_of(&world.packs(), &trust());
    codes.sort();
    codes.dedup();
    codes
}

/// What the same log says where nothing but the act is at fault.
fn unexplained() -> Vec<Code> {
    found(|_| {})
}

#[test]
fn it_is_a_fork_without_an_act_and_an_accepted_restoration_with_one() {
    assert!(unexplained().contains(&Code::Removed));
    assert!(unexplained().contains(&Code::MissingCounterpart));

    let mut world = World::new();
    world.set_back(KEPT);
    world.accept(&[3, 5], &LOST);
    let report = verify(&world.packs(), &trust()).unwrap();
    assert!(report.holds(), "{report}");
    let told = |words: &str| report.notices.iter().any(|notice| notice.contains(words));
    assert!(
        told("accepted that the coordinator went on from a backup"),
        "{report}"
    );
    assert!(
        told("of the log as it was before it went on from a backup"),
        "{report}"
    );
    assert!(
        told("requests that cooperativa-lambro allowed are missing here"),
        "{report}"
    );

    // The reader's own checkpoint of that head is explained where the node's pack is there, and only then.
    let mut trust = trust();
    trust
        .add_checkpoint("kept", &world.held[0].to_string())
        .unwrap();
    assert_eq!(codes_of(&world.packs(), &trust), []);
    assert_eq!(codes_of(&world.packs()[1..], &trust), [Code::Removed]);
    // Another head of the lost log is not.
    let mut other = World::new();
    other.coordinator.entries.truncate(7);
    let head = other.coordinator.head(&coordinator_signer());
    trust.add_checkpoint("another", &head.to_string()).unwrap();
    assert_eq!(codes_of(&world.packs(), &trust), [Code::Removed]);
}

#[test]
fn an_act_explains_what_it_names_and_nothing_else() {
    let with = |extra: Code| {
        let mut codes = unexplained();
        codes.push(extra);
        codes.sort();
        codes.dedup();
        codes
    };
    assert_eq!(found(|it| it.accept(&[3, 5], &LOST)), []);
    // One officer of the two that the policy asks for, and one that is none.
    assert_eq!(found(|it| it.accept(&[3], &LOST)), with(Code::Signature));
    assert_eq!(found(|it| it.accept(&[3, 9], &LOST)), with(Code::Signature));
    // A request that it does not name.
    assert_eq!(
        found(|it| it.accept(&[3, 5], &LOST[..4])),
        [Code::MissingCounterpart]
    );
    // Words of the entry that nobody signed.
    let invented = found(|it| {
        let act = it.acceptance(&LOST);
        it.accept_as(&act, &[3, 5], |entry| {
            entry.facts.insert("lost".to_owned(), 0_u64.into());
        });
    });
    assert_eq!(invented, with(Code::Altered));
    // A head that the coordinator never signed.
    let forged = found(|it| {
        let mut act = it.acceptance(&LOST);
        act.held_note = act
            .held_note
            .replace("welfare-intelligence/coordinator\n", "x\n");
        it.accept_as(&act, &[3, 5], |_| {});
    });
    assert_eq!(forged, with(Code::Signature));
    // The coordinator went back once more, behind the head that was accepted, which nobody accepted.
    let again = found(|it| {
        it.accept(&[3, 5], &LOST);
        it.coordinator.entries.clear();
    });
    assert!(again.contains(&Code::Removed), "{again:?}");
}

#[test]
fn an_old_act_entered_anew_is_no_later_one() {
    let found = |replayed| codes_of(&World::set_back_twice(replayed).packs(), &trust());
    assert_eq!(found(false), []);
    assert_eq!(found(true), [Code::Altered, Code::Removed]);
}

#[test]
fn an_act_that_breaks_a_rule_is_told_and_explains_nothing() {
    for (what, world) in World::with_hostile_acts() {
        let found = codes_of(&world.packs(), &trust());
        assert!(found.contains(&Code::Signature), "{what}: {found:?}");
        assert!(found.contains(&Code::Removed), "{what}: {found:?}");
    }
}

#[test]
fn only_an_officer_whom_the_reader_named_explains_anything() {
    let lost = [0, 1];
    let set_back = |signers: &[u8]| {
        let mut world = World::of_an_operator();
        world.set_back(KEPT);
        world.accept(signers, &lost);
        world
    };
    // The operator of a node named themselves beside the officer in a policy that nobody signed. Nothing in that log is at fault.
    let operator = set_back(&[9]);
    let report = verify(&operator.packs(), &trust()).unwrap();
    let words = format!("none of those who signed: {};", public(9));
    assert!(
        report.notices.iter().any(|it| it.contains(&words)),
        "{report}"
    );
    let found: BTreeSet<Code> = report.findings.iter().map(|it| it.code).collect();
    assert_eq!(
        found,
        BTreeSet::from([Code::Removed, Code::MissingCounterpart])
    );
    // Nor is the reader's own checkpoint explained, with the packs of which only the coordinator's would show the fork.
    let mut holding = trust();
    holding
        .add_checkpoint("kept", &operator.held[0].to_string())
        .unwrap();
    let mut packs = operator.packs();
    assert_eq!(codes_of(&packs[1..], &holding), [Code::Removed]);
    let mut silent = operator.clone();
    silent.held.clear();
    packs[0].1 = silent.node_pack();
    assert!(codes_of(&packs, &holding).contains(&Code::Removed));
    // The officer whom the reader named, alone or beside another.
    for signers in [&[3][..], &[3, 9]] {
        assert_eq!(codes_of(&set_back(signers).packs(), &holding), []);
    }
    // A policy that the operator signed afterwards brings nobody nearer.
    let mut changed = World::of_an_operator();
    changed.set_back(KEPT);
    changed.sign_policy(7, &[9]);
    changed.accept(&[5, 6], &lost);
    assert!(codes_of(&changed.packs(), &holding).contains(&Code::Removed));
    // Nor does one that the officer signed: the reader names its officers first.
    let mut followed = World::new();
    followed.set_back(KEPT);
    followed.accept(&[5, 6], &LOST);
    assert!(codes_of(&followed.packs(), &trust()).contains(&Code::Removed));
    let named = format!(
        "{}officer {} {}\n",
        keys(),
        protocol::node_log(ORGANISATION),
        public(5)
    );
    let named = Trust::from_keys("keys.txt", &named).unwrap();
    assert_eq!(codes_of(&followed.packs(), &named), []);
}

#[test]
fn a_reader_who_knows_no_officer_or_no_key_of_the_coordinator_has_nothing_explained() {
    let mut world = World::new();
    world.set_back(KEPT);
    world.accept(&[3, 5], &LOST);
    let without = |word: &str| {
        let keys: Vec<String> = (keys().lines())
            .filter(|line| !line.contains(word))
            .map(str::to_owned)
            .collect();
        Trust::from_keys("keys.txt", &keys.join("\n")).unwrap()
    };
    assert!(codes_of(&world.packs(), &without("officer ")).contains(&Code::Removed));
    let report = verify(
        &world.packs()[..1],
        &without("welfare-intelligence/coordinator"),
    )
    .unwrap();
    assert!(
        report
            .notices
            .iter()
            .any(|it| it.contains("no key of the coordinator's log was given")),
        "{report}"
    );
}
