//! A verifier in Python, written from docs/AUDIT-FORMAT.md alone, finds what ours finds in the same packs.
//! Where Python or its package `cryptography` is missing it is skipped, visibly, and fails where `CI=true`.

mod support;

use evidence::{Trust, verify};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::tamper::{Numbers, change, resign, rezip, unzip};
use support::*;

/// A Python that has the package `cryptography`: the first on the path may be another than the system's, which has its packages.
fn python() -> Option<&'static str> {
    let has_package = |program: &&str| {
        Command::new(program)
            .args([
                "-c",
                "import cryptography.hazmat.primitives.asymmetric.ed25519",
            ])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(has_package)
}

/// Whether the Python verifier can run here.
fn python_is_there() -> bool {
    let found = python().is_some();
    if !found {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "python3 with the package `cryptography` is needed: apt-get install python3-cryptography"
        );
        eprintln!("SKIPPED: python3 with the package `cryptography` is not there");
    }
    found
}

/// What the Python verifier finds: its codes and its exit code.
fn found_by_python(folder: &Path, packs: &[(String, Vec<u8>)], heads: &[String]) -> (String, i32) {
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut command = Command::new(python().unwrap());
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifier.py"))
        .arg(write("keys.txt", keys().as_bytes()));
    for (name, bytes) in packs {
        command.arg(write(name, bytes));
    }
    for (number, head) in heads.iter().enumerate() {
        command
            .arg("--checkpoint")
            .arg(write(&format!("{number}.note"), head.as_bytes()));
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("Traceback"), "{errors}");
    let codes = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    (codes, output.status.code().unwrap())
}

#[track_caller]
fn agree(what: &str, packs: &[(String, Vec<u8>)], heads: &[String]) {
    let mut trust: Trust = support::trust();
    for head in heads {
        trust.add_checkpoint("head", head).unwrap();
    }
    let ours = match verify(packs, &trust) {
        Ok(report) => {
            let mut codes: Vec<&str> = report.findings.iter().map(|it| it.code.as_str()).collect();
            codes.sort_unstable();
            codes.dedup();
            (codes.join("\n"), i32::from(report.exit_code()))
        }
        Err(_) => (String::new(), 1),
    };
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(found_by_python(folder.path(), packs, heads), ours, "{what}");
}

#[test]
fn a_verifier_written_from_the_document_agrees_on_whole_and_changed_packs() {
    if !python_is_there() {
        return;
    }
    let world = World::new();
    let heads: Vec<String> = [
        world.node.head(&node_signer()),
        world.coordinator.head(&coordinator_signer()),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    agree("whole packs", &world.packs(), &heads);

    let mut worlds: Vec<(&str, World)> = Vec::new();
    let mut changed = |what, change: &dyn Fn(&mut World)| {
        let mut other = World::new();
        change(&mut other);
        worlds.push((what, other));
    };
    changed("a total", &|it| it.ledger.spent += 1);
    changed("a part", &|it| it.ledger.by_year.clear());
    changed("a free answer", &|it| it.answer(7, 1, 1, 0));
    changed("too much", &|it| {
        it.charge(8, 10_000);
    });
    changed("an act unsigned", &|it| {
        it.node.entries.last_mut().unwrap().body = b"{}".to_vec();
    });
    changed("an answer hidden", &|it| {
        it.coordinator.entries.truncate(8);
    });
    changed("a node's log cut", &|it| it.node.entries.truncate(4));
    changed("another amount", &|it| {
        let answer = it
            .coordinator
            .entries
            .iter_mut()
            .find(|it| it.facts.contains_key("charge-index"));
        answer.unwrap().facts.insert("rho".to_owned(), 1.into());
    });
    changed("a policy by one officer of two", &|it| {
        it.sign_policy(7, &[3]);
    });
    changed("a policy by strangers", &|it| it.sign_policy(7, &[8, 9]));
    changed("a policy that nobody signed", &|it| it.install_policy(7));
    changed("a policy in its officers' order", &|it| {
        it.sign_policy(7, &[6, 5, 3]);
        it.sign_policy(8, &[5, 6]);
    });
    changed("a charge under the policy before", &|it| {
        it.sign_policy(7, &[3, 5]);
        it.policy_hash = "00".repeat(32);
        it.charge(8, 10);
    });
    changed("nobody asked", &|it| it.charge_manually(8));
    changed("somebody asked", &|it| {
        it.approve(8, 6);
        it.charge_manually(8);
    });
    changed("somebody asked who is no officer", &|it| {
        it.approve(8, 9);
        it.charge_manually(8);
    });
    changed("somebody asked under the policy before", &|it| {
        it.approve(8, 6);
        it.sign_policy(7, &[3, 5]);
        it.charge_manually(8);
    });
    changed("two swapped", &|it| it.node.entries.swap(1, 3));
    for (what, other) in &worlds {
        agree(what, &other.packs(), &[]);
        agree(what, &other.packs(), &heads);
    }

    let whole = [unzip(&world.node_pack()), unzip(&world.coordinator_pack())];
    let mut numbers = Numbers(3);
    for _ in 0..40 {
        let side = numbers.next(2);
        let mut members = whole[side].clone();
        let mut what = change(&mut members, &mut numbers);
        // Both ways of failing to read a manifest are one.
        if members.get("manifest.note") != whole[side].get("manifest.note") {
            continue;
        }
        if numbers.next(2) == 1 {
            let note = members["manifest.note"].clone();
            members.insert("manifest.note".to_owned(), resign(&note, &members, side));
            what.push_str(", signed again");
        }
        let pack = [(
            "p.zip".to_owned(),
            rezip(&members, zip::CompressionMethod::Deflated),
        )];
        agree(&what, &pack, &heads);
    }
}
