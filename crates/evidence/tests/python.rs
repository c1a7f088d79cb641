//! A verifier in Python, written from docs/AUDIT-FORMAT.md alone, finds what ours finds in the same packs.
//! Where Python or its package `cryptography` is missing it is skipped, visibly, and fails where `CI=true`.

mod support;

use evidence::{Trust, verify};
use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
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

/// One process of Python that runs the verifier's command line again and again: starting one takes longer than verifying does.
struct Verifier {
    child: Child,
    said: BufReader<ChildStdout>,
}

/// Reads the arguments of one run a line, and writes what it printed and how it ended.
const DRIVER: &str = "\
import contextlib, io, json, sys
sys.path.insert(0, sys.argv[1])
import verifier
for line in sys.stdin:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        code = verifier.main(json.loads(line))
    print(json.dumps([said.getvalue().strip(), code]), flush=True)
";

impl Verifier {
    fn start() -> Verifier {
        let mut child = Command::new(python().unwrap())
            .args(["-B", "-c", DRIVER])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Verifier { child, said }
    }

    /// What it finds: its codes and its exit code.
    fn found(
        &mut self,
        folder: &Path,
        packs: &[(String, Vec<u8>)],
        heads: &[String],
        witnesses: usize,
    ) -> (String, i32) {
        let write = |name: &str, bytes: &[u8]| -> String {
            let path = folder.join(name);
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let mut words = vec![write("keys.txt", keys().as_bytes())];
        words.extend(packs.iter().map(|(name, bytes)| write(name, bytes)));
        for (number, head) in heads.iter().enumerate() {
            let path = write(&format!("{number}.note"), head.as_bytes());
            words.extend(["--checkpoint".to_owned(), path]);
        }
        words.extend(["--witnesses".to_owned(), witnesses.to_string()]);
        let line = serde_json::to_string(&words).unwrap();
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
        let mut reply = String::new();
        // Nothing is read where the verifier ended in an error of its own, which is on standard error.
        self.said.read_line(&mut reply).unwrap();
        serde_json::from_str(&reply).unwrap_or_else(|_| panic!("the verifier said `{reply}`"))
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[track_caller]
fn agree_with_witnesses(
    verifier: &RefCell<Verifier>,
    what: &str,
    packs: &[(String, Vec<u8>)],
    heads: &[String],
    witnesses: usize,
) {
    let mut trust: Trust = support::trust();
    trust.require_witnesses(witnesses);
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
    assert_eq!(
        verifier
            .borrow_mut()
            .found(folder.path(), packs, heads, witnesses),
        ours,
        "{what}"
    );
}

#[test]
fn a_verifier_written_from_the_document_agrees_on_whole_and_changed_packs() {
    if !python_is_there() {
        return;
    }
    let verifier = RefCell::new(Verifier::start());
    let agree = |what: &str, packs: &[(String, Vec<u8>)], heads: &[String]| {
        agree_with_witnesses(&verifier, what, packs, heads, 0);
    };
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
    changed("a refusal under the policy in force", &|it| {
        it.refuse_under_policy(8);
    });
    changed("a refusal under the policy before", &|it| {
        it.sign_policy(7, &[3, 5]);
        it.policy_hash = "00".repeat(32);
        it.refuse_under_policy(8);
    });
    changed("a refusal after a restoration", &|it| {
        it.restore(3);
        it.refuse_under_policy(8);
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
    changed("no file of the policy in force", &|it| it.policies.clear());
    changed("a file of no policy of the log", &|it| {
        it.policies.push(policy(7));
    });
    let mut opened = |what, act: &dyn Fn(&mut World)| {
        changed(what, &|it| {
            *it = World::opened();
            act(it);
            it.install_policy(0);
        });
    };
    opened("a guarantee before the first policy", &|it| {
        it.raise_lifetime([3, 9]);
    });
    opened("a stranger's guarantee before the first policy", &|it| {
        it.raise_lifetime([8, 9]);
    });
    opened("a restoration before the first policy", &|it| it.restore(3));
    opened("a stranger's restoration before the first policy", &|it| {
        it.restore(9);
    });
    changed("no policy at all, and a word", &|it| {
        *it = World::opened();
        it.approve(8, 3);
    });
    changed("two swapped", &|it| it.node.entries.swap(1, 3));
    let lost = [0, 1, 2, 3, 4];
    changed("a coordinator set back", &|it| it.set_back(0));
    changed("a coordinator set back and accepted", &|it| {
        it.set_back(0);
        it.accept(&[3, 5], &lost);
    });
    changed("one set back later and accepted", &|it| {
        it.set_back(9);
        it.accept(&[6, 3], &lost[2..]);
    });
    changed(
        "one accepted by officers whom the reader did not name",
        &|it| {
            it.set_back(0);
            it.accept(&[5, 6], &lost);
        },
    );
    for (what, signer) in [
        ("one accepted by a node's operator beside the officer", 9),
        ("one accepted by the officer beside a node's operator", 3),
    ] {
        changed(what, &|it| {
            *it = World::of_an_operator();
            it.set_back(0);
            it.accept(&[signer], &lost[..2]);
        });
    }
    changed("one accepted by one officer of two", &|it| {
        it.set_back(0);
        it.accept(&[3], &lost);
    });
    changed("one accepted without all that was lost", &|it| {
        it.set_back(0);
        it.accept(&[3, 5], &lost[1..]);
    });
    changed("an acceptance with invented words", &|it| {
        it.set_back(0);
        let act = it.acceptance(&lost);
        it.accept_as(&act, &[3, 5], |entry| {
            entry.facts.insert("held-size".to_owned(), 1_u64.into());
        });
    });
    changed("an acceptance of a head that nobody signed", &|it| {
        it.set_back(0);
        let mut act = it.acceptance(&lost);
        act.accepted.size += 1;
        it.accept_as(&act, &[3, 5], |_| {});
    });
    changed("one set back twice and accepted twice", &|it| {
        it.set_back(12);
        it.accept(&[3, 5], &lost);
        it.set_back(4);
        it.accept(&[3, 6], &lost);
    });
    changed("one set back later still and accepted", &|it| {
        *it = World::set_back_twice(false);
    });
    changed(
        "one set back once more with an old act entered anew",
        &|it| {
            *it = World::set_back_twice(true);
        },
    );
    for (what, other) in &worlds {
        agree(what, &other.packs(), &[]);
        agree(what, &other.packs(), &heads);
        if !other.held.is_empty() {
            let held: Vec<String> = other.held.iter().map(ToString::to_string).collect();
            agree(what, &other.packs(), &held);
        }
    }
    for (what, hostile) in
        (World::with_hostile_acts().into_iter()).chain(World::with_repeated_acts())
    {
        agree(what, &hostile.packs(), &[]);
    }
    agree(
        "a word under an id of its own making",
        &World::with_a_renamed_word().packs(),
        &[],
    );

    let mut witnessed = World::new();
    witnessed.witnessed = true;
    for demanded in 1..=3 {
        agree_with_witnesses(
            &verifier,
            "two witnesses",
            &witnessed.packs()[..1],
            &[],
            demanded,
        );
        agree_with_witnesses(&verifier, "one witness", &world.packs(), &[], demanded);
    }
    let mut manual = World::new();
    manual.charge_manually(8);
    let mut waited = World::new();
    waited.approve(8, 3);
    waited.charge_manually(8);
    let mut without_policy = World::opened();
    without_policy.install_policy(0);
    without_policy.raise_lifetime([8, 9]);
    for (what, erased, index) in [
        ("the rule of a charge erased", &manual, manual.charge_of(8)),
        ("that of one approved", &waited, waited.charge_of(8)),
        ("the first policy erased", &without_policy, 1),
    ] {
        let pack = [("n.zip".to_owned(), erased.node_pack_without_body(index))];
        agree(what, &pack, &[]);
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
