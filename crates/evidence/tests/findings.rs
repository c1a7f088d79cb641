//! Each kind of finding by a pack that shows it, whole packs that show none, and 1,000 random changes that are all found.

mod support;

use audit::{EntryKind, Fact};
use evidence::{Code, EntryLine, EvidenceError, Trust, verify};
use protocol::{Act, LogState, Restoration};
use std::collections::BTreeSet;
use support::tamper::{Members, Numbers, change, resign, rezip, unzip};
use support::*;

#[track_caller]
fn codes(world: &World, trust: &Trust) -> Vec<Code> {
    codes_of(&world.packs(), trust)
}

#[test]
fn whole_packs_of_both_sides_hold() {
    let world = World::new();
    let report = verify(&world.packs(), &trust_with_heads(&world)).unwrap();
    assert!(report.holds(), "{report}");
    assert_eq!(report.notices, Vec::<String>::new());
    assert_eq!(report.exit_code(), 0);
    let text = report.to_string();
    assert!(text.contains("holds") && text.contains("unmodified software"));
}

/// A pack whose lines of entries were changed, and its manifest signed again by the log's own key.
fn with_other_lines(pack: &[u8], side: usize, change: &dyn Fn(&mut Vec<&[u8]>)) -> Vec<u8> {
    let mut members = unzip(pack);
    let entries = members["entries.jsonl"].clone();
    let mut lines: Vec<&[u8]> = entries.split_inclusive(|byte| *byte == b'\n').collect();
    change(&mut lines);
    members.insert("entries.jsonl".to_owned(), lines.concat());
    let manifest = resign(&members["manifest.note"], &members, side);
    members.insert("manifest.note".to_owned(), manifest);
    rezip(&members, zip::CompressionMethod::Stored)
}

#[test]
fn entries_in_another_order_are_told_from_entries_that_are_missing() {
    type Change = fn(&mut Vec<&[u8]>);
    let table: [(Change, bool, bool); 5] = [
        (|_| {}, false, false),
        (|lines| lines.swap(1, 3), true, false),
        (|lines| lines.rotate_left(1), true, false),
        (|lines| _ = lines.remove(2), false, true),
        (|lines| lines[1] = lines[3], false, true),
    ];
    for (side, (name, pack)) in World::new().packs().into_iter().enumerate() {
        for (number, (change, reordered, removed)) in table.iter().enumerate() {
            let packs = [(name.clone(), with_other_lines(&pack, side, change))];
            let found = codes_of(&packs, &trust());
            let has = |code| found.contains(&code);
            assert_eq!(
                (has(Code::Reordered), has(Code::Removed)),
                (*reordered, *removed),
                "{name}, change {number}: {found:?}"
            );
        }
    }
}

#[test]
fn equal_contents_give_equal_bytes() {
    let world = World::new();
    assert_eq!(world.node_pack(), world.node_pack());
}

#[test]
fn a_log_rewritten_by_its_own_keeper_is_found_with_a_checkpoint_kept_before() {
    let world = World::new();
    let trust = trust_with_heads(&world);
    let mut rewritten = world.clone();
    let last = rewritten.coordinator.entries.last_mut().unwrap();
    last.facts.insert("reason".to_owned(), "other".into());
    assert_eq!(
        codes(&rewritten, &trust),
        [Code::Forked, Code::MissingCounterpart]
    );
    // Alone and without that checkpoint nothing contradicts it, and the report says so.
    let alone = [("c.zip".to_owned(), rewritten.coordinator_pack())];
    let report = verify(&alone, &support::trust()).unwrap();
    assert!(report.holds());
    assert!(report.notices.iter().any(|it| it.contains("no checkpoint")));
}

#[test]
fn a_restored_backup_is_shorter_than_what_was_cosigned() {
    let world = World::new();
    let mut back = world.clone();
    back.node.entries.truncate(3);
    back.ledger = World::new().ledger;
    let packs = [("n.zip".to_owned(), back.node_pack())];
    assert!(codes_of(&packs, &trust_with_heads(&world)).contains(&Code::Removed));
    // The coordinator's pack alone holds a head that the short log contradicts.
    let packs = [packs[0].clone(), world.packs()[1].clone()];
    let found = codes_of(&packs, &support::trust());
    assert!(found.contains(&Code::Removed) && found.contains(&Code::MissingCounterpart));
}

#[test]
fn two_clones_that_went_on_apart_are_a_fork() {
    let (mut one, mut two) = (World::new(), World::new());
    one.node
        .push(entry(EntryKind::Alarm, [("code", "one".into())]));
    two.node
        .push(entry(EntryKind::Alarm, [("code", "two".into())]));
    let mut trust = support::trust();
    let head = one.node.head(&node_signer()).to_string();
    trust.add_checkpoint("one", &head).unwrap();
    let pack = |world: &World| vec![("n.zip".to_owned(), world.node_pack())];
    assert_eq!(codes_of(&pack(&one), &trust), []);
    assert_eq!(codes_of(&pack(&two), &trust), [Code::Forked]);
}

#[test]
fn books_that_do_not_add_up_are_found_although_every_signature_holds() {
    let alone = |world: &World| {
        codes_of(
            &[("n.zip".to_owned(), world.node_pack())],
            &support::trust(),
        )
    };
    let mut total = World::new();
    total.ledger.spent -= 1;
    assert_eq!(alone(&total), [Code::TotalDiffers]);

    let mut parts = World::new();
    parts.ledger.by_study.insert("other".to_owned(), 1);
    assert_eq!(alone(&parts), [Code::TotalDiffers]);

    let mut free = World::new();
    free.answer(7, 1, 1, 0);
    assert_eq!(alone(&free), [Code::AnswerWithoutCharge]);

    let mut over = World::new();
    over.charge(8, 10_000);
    assert_eq!(alone(&over), [Code::Overspent]);

    let mut unsigned = World::new();
    unsigned.node.entries.last_mut().unwrap().body = b"{}".to_vec();
    assert_eq!(alone(&unsigned), [Code::Signature]);

    let mut twice = World::new();
    twice.charge(0, 1);
    assert_eq!(alone(&twice), [Code::Altered]);
}

#[test]
fn what_one_side_logged_and_the_other_did_not_is_found_on_both_sides() {
    let both = |world: &World| codes(world, &support::trust());
    let of = |request: u64, kind: EntryKind| {
        move |entry: &support::Entry| {
            entry.kind == kind
                && entry.facts.get("request") == Some(&Fact::from(request_id(request)))
        }
    };
    // The coordinator hides an answer that it got, its release and all.
    let mut hidden = World::new();
    hidden
        .coordinator
        .entries
        .retain(|it| !of(2, EntryKind::Answer)(it));
    assert_eq!(both(&hidden), [Code::MissingCounterpart]);

    // The node logged an answer that was never asked for.
    let mut unasked = World::new();
    let charge = unasked.charge(8, 1);
    unasked.answer(8, charge, charge, 1);
    unasked.coordinator = World::new().coordinator;
    assert_eq!(both(&unasked), [Code::MissingCounterpart]);

    // The node's log lacks a refusal and an answer.
    let mut unrefused = World::new();
    unrefused
        .node
        .entries
        .retain(|it| it.kind != EntryKind::Refusal);
    assert!(both(&unrefused).contains(&Code::MissingCounterpart));

    // Both have it, and not the same.
    for (fact, value) in [
        ("sealed-hash", Fact::from("00")),
        ("rho", 1.into()),
        ("charge-index", 0.into()),
    ] {
        let mut other = World::new();
        let answer = (other.coordinator.entries.iter_mut()).find(|it| of(1, EntryKind::Answer)(it));
        answer.unwrap().facts.insert(fact.to_owned(), value);
        assert_eq!(both(&other), [Code::CounterpartDiffers], "{fact}");
    }
}

#[test]
fn what_is_still_under_way_is_no_finding() {
    let mut world = World::new();
    world.made_at = NOW + 60;
    world
        .coordinator
        .entries
        .truncate(world.coordinator.entries.len() - 5);
    let report = verify(&world.packs(), &support::trust()).unwrap();
    assert!(report.holds(), "{report}");
    assert!(report.notices.iter().any(|it| it.contains("under way")));
}

#[test]
fn erased_bodies_need_a_tombstone_and_withheld_entries_a_scope() {
    let world = World::new();
    let mut contents = world.coordinator_contents();
    let mut lines: Vec<serde_json::Value> = contents
        .entries
        .iter()
        .map(|it| serde_json::to_value(it).unwrap())
        .collect();
    for field in ["salt", "body"] {
        lines[1].as_object_mut().unwrap().remove(field);
    }
    contents.entries = lines
        .iter()
        .map(|it| serde_json::from_value(it.clone()).unwrap())
        .collect();
    let pack = |contents: &evidence::Contents| {
        vec![(
            "c.zip".to_owned(),
            evidence::write(contents, &coordinator_signer()).unwrap(),
        )]
    };
    assert_eq!(
        codes_of(&pack(&contents), &support::trust()),
        [Code::Altered]
    );

    let mut erased = world.clone();
    erased.coordinator.push(entry(
        EntryKind::Tombstone,
        [("code", "body-erased".into()), ("entry", 1.into())],
    ));
    let mut whole = erased.coordinator_contents();
    whole.entries[1] = contents.entries[1].clone();
    assert_eq!(codes_of(&pack(&whole), &support::trust()), []);

    let leaf = protocol::from_hex::<32>(lines[2]["leaf"].as_str().unwrap()).unwrap();
    let mut withheld = world.coordinator_contents();
    withheld.entries[2] = EntryLine::withheld(&leaf);
    assert_eq!(
        codes_of(&pack(&withheld), &support::trust())[0],
        Code::Altered
    );
    withheld.scope = Some("another".to_owned());
    let report = verify(&pack(&withheld), &support::trust()).unwrap();
    assert!(
        report
            .findings
            .iter()
            .all(|it| it.code == Code::AnswerWithoutCharge),
        "{report}"
    );
}

#[test]
fn keys_come_from_the_reader_alone() {
    let world = World::new();
    let other =
        Trust::from_keys("k", &format!("{}\n", signer("another/log", 9).log_key())).unwrap();
    let found = codes(&world, &other);
    assert_eq!(found, [Code::Signature]);
    let impostor = Trust::from_keys(
        "k",
        &format!("{}\n", signer(protocol::COORDINATOR_LOG, 9).log_key()),
    )
    .unwrap();
    assert_eq!(codes_of(&world.packs()[1..], &impostor), [Code::Signature]);
    for (text, line) in [
        ("", 1),
        ("# none\n", 1),
        ("a+b\n", 1),
        ("\nofficer x y\n", 2),
    ] {
        let refused = Trust::from_keys("k", text);
        assert!(
            matches!(refused, Err(EvidenceError::Trust { line: at, .. }) if at == line),
            "{text:?}"
        );
    }
    assert!(support::trust().add_checkpoint("c", "no note").is_err());
}

#[test]
fn a_restoration_explains_a_lost_head_only_with_the_officers_key() {
    let world = World::new();
    let lost = world.node.head(&node_signer());
    let kept = 5;
    let mut back = world.clone();
    back.node.entries.truncate(kept);
    let ended = lost.checkpoint();
    let act = Restoration {
        version: 1,
        id: request_id(98),
        organisation: ORGANISATION.to_owned(),
        old_key: public(1),
        new_key: public(2),
        kept: LogState::new(kept as u64, &[7; 32]),
        ended: LogState::new(ended.size, &ended.root),
        reason: "a broken disk".to_owned(),
        signed_at: NOW,
    };
    let payload = serde_json::to_vec(&act).unwrap();
    let signed = |payload_type| {
        protocol::Envelope::sign(payload_type, &payload, &public(3), |bytes| {
            pair(3).sign(bytes).as_ref().try_into().unwrap()
        })
    };
    let mut restoration = entry(
        EntryKind::Restoration,
        [
            ("act", "restoration".into()),
            ("act-id", act.id.as_str().into()),
            (
                "act-hash",
                protocol::hex(&protocol::sha256(&payload)).into(),
            ),
            ("signer", public(3).to_string().into()),
            ("old-key", act.old_key.to_string().into()),
            ("new-key", act.new_key.to_string().into()),
            ("kept-size", act.kept.size.into()),
            ("kept-root", act.kept.root.as_str().into()),
            ("ended-size", act.ended.size.into()),
            ("ended-root", act.ended.root.as_str().into()),
        ],
    );
    // Something else that the officer signed once, and words that the act does not say, explain nothing.
    let mut other = restoration.clone();
    other.body = serde_json::to_vec(&signed("application/x")).unwrap();
    let mut invented = restoration.clone();
    invented.facts.insert("kept-size".to_owned(), 4u64.into());
    invented.body = serde_json::to_vec(&signed(Restoration::TYPE)).unwrap();
    for false_words in [other, invented] {
        let mut back = back.clone();
        back.node.push(false_words);
        let pack = [("n.zip".to_owned(), back.node_pack())];
        let mut trust = support::trust();
        trust.add_checkpoint("lost", &lost.to_string()).unwrap();
        let report = verify(&pack, &trust).unwrap();
        let mut codes = report.findings.iter().map(|it| it.code);
        assert!(
            codes.any(|code| matches!(code, Code::Forked | Code::Removed)),
            "{report}"
        );
    }
    restoration.body = serde_json::to_vec(&signed(Restoration::TYPE)).unwrap();
    back.node.push(restoration);
    let pack = [("n.zip".to_owned(), back.node_pack())];
    let mut trust = support::trust();
    trust.add_checkpoint("lost", &lost.to_string()).unwrap();
    let report = verify(&pack, &trust).unwrap();
    assert!(
        report
            .notices
            .iter()
            .any(|it| it.contains("went on from a backup"))
    );
    assert!(
        !report
            .findings
            .iter()
            .any(|it| matches!(it.code, Code::Forked | Code::Removed)),
        "{report}"
    );

    let keys: String = keys()
        .lines()
        .filter(|line| !line.starts_with("officer"))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut without = Trust::from_keys("k", &keys).unwrap();
    without.add_checkpoint("lost", &lost.to_string()).unwrap();
    let report = verify(&pack, &without).unwrap();
    assert!(
        report
            .findings
            .iter()
            .any(|it| matches!(it.code, Code::Forked | Code::Removed))
    );
}

/// Whether only the manifest's signature line was repeated, which says nothing new.
fn says_the_same(changed: &Members, whole: &Members) -> bool {
    let lines = |members: &Members| -> Option<BTreeSet<Vec<u8>>> {
        let note = members.get("manifest.note")?;
        Some(
            note.split(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect(),
        )
    };
    let rest = |members: &Members| {
        let mut rest = members.clone();
        rest.remove("manifest.note");
        rest
    };
    let grown =
        changed.get("manifest.note").map(Vec::len) > whole.get("manifest.note").map(Vec::len);
    let ends = |members: &Members| {
        members
            .get("manifest.note")
            .is_some_and(|note| note.starts_with(b"{"))
    };
    grown && ends(changed) && lines(changed) == lines(whole) && rest(changed) == rest(whole)
}

/// Whoever has no key cannot change anything; whoever signs a new manifest over it cannot either, but for what only people
/// read: `keys.txt`.
#[test]
fn a_thousand_random_changes_of_exports_are_all_found() {
    let world = World::new();
    let trust = trust_with_heads(&world);
    let whole = [unzip(&world.node_pack()), unzip(&world.coordinator_pack())];
    let mut numbers = Numbers(1);
    let (mut made, mut missed) = (0, Vec::new());
    while made < 1_000 {
        let side = numbers.next(2);
        let resigned = numbers.next(2) == 1;
        let mut members = whole[side].clone();
        let what = change(&mut members, &mut numbers);
        if members == whole[side] || says_the_same(&members, &whole[side]) {
            continue;
        }
        made += 1;
        if resigned {
            // Cosigned heads stand for themselves in any order, and whoever keeps a log may leave some out: that is for the
            // other side's pack, and the reader's own checkpoints, to show. One that was never there is found.
            let heads = |members: &Members| -> BTreeSet<Vec<u8>> {
                let bytes = members.get("cosigned.jsonl").cloned().unwrap_or_default();
                (bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec)).collect()
            };
            let only_left_out = heads(&members).is_subset(&heads(&whole[side]));
            let readable = |name: &String| {
                let heads = name == "cosigned.jsonl" && (side == 1 || only_left_out);
                name != "keys.txt" && !heads
            };
            let semantic = |members: &Members| -> Members {
                (members.iter().filter(|(name, _)| readable(name)))
                    .map(|(name, bytes)| (name.clone(), bytes.clone()))
                    .collect()
            };
            let Some(note) = members.get("manifest.note").cloned() else {
                continue;
            };
            if semantic(&members) == semantic(&whole[side])
                || members["manifest.note"] != whole[side]["manifest.note"]
            {
                continue;
            }
            members.insert("manifest.note".to_owned(), resign(&note, &members, side));
        }
        let pack = [(
            "p.zip".to_owned(),
            rezip(&members, zip::CompressionMethod::Stored),
        )];
        if verify(&pack, &trust).is_ok_and(|report| report.holds()) {
            missed.push(format!("{what}, resigned: {resigned}"));
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}

#[test]
fn a_cut_or_flipped_zip_never_holds_unless_it_says_the_same() {
    let world = World::new();
    let trust = trust_with_heads(&world);
    let bytes = world.node_pack();
    let whole = unzip(&bytes);
    let mut numbers = Numbers(2);
    for _ in 0..400 {
        let mut changed = bytes.clone();
        if numbers.next(4) == 0 {
            changed.truncate(numbers.next(bytes.len()));
        } else {
            let place = numbers.next(bytes.len());
            changed[place] ^= 1 << numbers.next(8);
        }
        let holds = verify(&[("p.zip".to_owned(), changed.clone())], &trust)
            .is_ok_and(|report| report.holds());
        if holds {
            // The container's own fields, such as a time, say nothing.
            assert_eq!(unzip(&changed), whole);
        }
    }
}

#[test]
fn packing_a_pack_anew_changes_nothing() {
    let world = World::new();
    let members = unzip(&world.node_pack());
    for method in [
        zip::CompressionMethod::Stored,
        zip::CompressionMethod::Deflated,
    ] {
        let pack = [("p.zip".to_owned(), rezip(&members, method))];
        assert!(verify(&pack, &trust_with_heads(&world)).unwrap().holds());
    }
}
