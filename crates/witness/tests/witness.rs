//! A witness over its real port: it cosigns what extends what it saw, and nothing else, also after it was started again.

use audit::{Hash, LogSigner, NoteKey, SignedCheckpoint, consistency_proof, verify_cosignature};
use protocol::{
    Act, COORDINATOR_LOG, CoordinatorRestoration, Envelope, LogState, PublicKey, Restoration,
};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::convert::Infallible;
use std::path::Path;
use witness::{Client, Submission, SubmitError, Watched, Witness, WitnessAddress};

const ORIGIN: &str = "welfare-intelligence/node/cooperativa-lambro";

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn public(seed: u8) -> PublicKey {
    PublicKey(pair(seed).public_key().as_ref().try_into().unwrap())
}

fn signer(name: &str, seed: u8) -> LogSigner {
    let pair = pair(seed);
    LogSigner::new(name, public(seed).0, move |bytes| {
        pair.sign(bytes).as_ref().try_into().unwrap()
    })
    .unwrap()
}

/// A log in memory: `count` entries that differ by `salt`.
#[derive(Clone)]
struct Log(Vec<Hash>);

impl Log {
    fn new(count: u64) -> Log {
        let mut log = Log(Vec::new());
        log.grow(count, 0);
        log
    }

    fn grow(&mut self, count: u64, salt: u64) {
        for _ in 0..count {
            let entry = [self.0.len() as u64, salt].map(u64::to_be_bytes).concat();
            self.0.push(audit::leaf_hash(&entry));
        }
    }

    fn head(&self, by: &LogSigner) -> SignedCheckpoint {
        SignedCheckpoint::sign(self.0.len() as u64, audit::root(&self.0), by)
    }

    async fn submit(
        &self,
        client: &Client,
        held: u64,
        by: &LogSigner,
    ) -> Result<audit::NoteSignature, SubmitError> {
        let head = self.head(by);
        let proof = |from: u64| {
            let hashes = consistency_proof(&self.0, usize::try_from(from).unwrap()).unwrap();
            async move { Ok::<_, Infallible>(hashes) }
        };
        client.submit(&head, held, proof).await
    }
}

/// A witness of the logs in `list`, serving; it goes on from what the folder holds.
async fn serving(folder: &Path, list: &str) -> (Witness, Client) {
    let watched = Watched::parse(list).unwrap();
    let own = signer("university.example/witness", 9);
    let witness = Witness::open(&folder.join("witness.db"), watched, own)
        .await
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = WitnessAddress {
        key: witness.key().to_string(),
        address: format!("http://{}", listener.local_addr().unwrap()),
        authority: None,
    };
    tokio::spawn(witness::serve(witness.clone(), listener));
    (witness, Client::new(&address, folder).unwrap())
}

fn list() -> String {
    format!(
        "# logs\n{}\n{}\nofficer {ORIGIN} {}\n",
        signer(ORIGIN, 1).log_key(),
        // The key of another witness names no log.
        signer("another/witness", 8).witness_key(),
        public(3)
    )
}

fn held_of(error: &SubmitError) -> Option<u64> {
    match error {
        SubmitError::HistoryDiffers { held, .. } => Some(*held),
        _ => None,
    }
}

#[tokio::test]
async fn a_log_that_grows_is_cosigned_from_wherever_it_is_thought_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let (witness, client) = serving(folder.path(), &list()).await;
    let by = signer(ORIGIN, 1);
    let mut log = Log::new(3);
    // Whatever size the log believes the witness to hold: none, too few, too many, the right one.
    for believed in [0, 0, 999, 3, 10] {
        let line = log.submit(&client, believed, &by).await.unwrap();
        let head = log.head(&by);
        assert!(verify_cosignature(head.checkpoint(), &line, witness.key()).is_ok());
        // The same head again is cosigned again.
        assert!(log.submit(&client, believed, &by).await.is_ok());
        log.grow(4, 0);
    }
    assert_eq!(witness.heads().await.unwrap()[0].checkpoint.size, 19);
    assert_eq!(witness.contradictions().await.unwrap(), []);
}

#[tokio::test]
async fn a_forked_or_rolled_back_log_is_refused_also_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let by = signer(ORIGIN, 1);
    let mut log = Log::new(5);
    let backup = log.clone();
    log.grow(5, 0);
    {
        let (_, client) = serving(folder.path(), &list()).await;
        log.submit(&client, 0, &by).await.unwrap();
    }
    let (witness, client) = serving(folder.path(), &list()).await;
    // A backup in its place, as it is and when it went on to the same size and beyond.
    let mut forked = backup.clone();
    for more in [0, 5, 3] {
        forked.grow(more, 1);
        for believed in [0, 5, 10, 13] {
            let refused = forked.submit(&client, believed, &by).await.unwrap_err();
            assert_eq!(held_of(&refused), Some(10), "{refused}");
        }
    }
    // What was signed against the head held is kept, both heads with it: a head of the same size, and one without a proof.
    let kept = witness.contradictions().await.unwrap();
    let sizes: Vec<u64> = (kept.iter())
        .map(|it| SignedCheckpoint::open(&it.note, by.log_key()).unwrap())
        .map(|head| head.checkpoint().size)
        .collect();
    assert_eq!(sizes, [10, 13]);
    assert!(kept.iter().all(|it| it.held == log.head(&by).to_string()));
    // The log itself goes on.
    log.grow(1, 0);
    assert!(log.submit(&client, 10, &by).await.is_ok());
}

#[tokio::test]
async fn only_known_logs_are_cosigned_and_only_by_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (witness, client) = serving(folder.path(), &list()).await;
    let log = Log::new(2);
    for (by, expected) in [
        (signer(ORIGIN, 2), 403),
        (signer("another/log", 1), 404),
        (signer("another/witness", 8), 404),
    ] {
        match log.submit(&client, 0, &by).await {
            Err(SubmitError::Refused { status, .. }) => assert_eq!(status, expected),
            other => panic!("{other:?}"),
        }
    }
    for broken in ["", "old 0\n", "old 0\n\nno note", "old 3\n\nlog\n2\n\n"] {
        let refused = witness.add(broken, 0).await.unwrap();
        assert_eq!(refused, Err(witness::Refused::Malformed), "{broken}");
    }
    let head = log.head(&signer(ORIGIN, 1));
    let beyond = Submission {
        old: 3,
        proof: Vec::new(),
        checkpoint: head.to_string(),
    };
    let refused = witness.add(&beyond.to_string(), 0).await.unwrap();
    assert_eq!(refused, Err(witness::Refused::Malformed));
    assert_eq!(witness.heads().await.unwrap(), []);
    assert!(Watched::parse("no key\n").is_err());
}

#[tokio::test]
async fn a_line_of_somebody_else_is_no_cosignature() {
    let folder = tempfile::tempdir().unwrap();
    let (_, client) = serving(folder.path(), &list()).await;
    let by = signer(ORIGIN, 1);
    assert!(Log::new(2).submit(&client, 0, &by).await.is_ok());
    // A log that pins another key for the witness at this address takes nothing from it.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = WitnessAddress {
        key: signer("university.example/witness", 7)
            .witness_key()
            .to_string(),
        address: format!("http://{}", listener.local_addr().unwrap()),
        authority: None,
    };
    let impostor = Client::new(&address, folder.path()).unwrap();
    let watched = Watched::parse(&list()).unwrap();
    let other = folder.path().join("other.db");
    let own = signer("university.example/witness", 9);
    let witness = Witness::open(&other, watched, own).await.unwrap();
    tokio::spawn(witness::serve(witness, listener));
    let refused = Log::new(2).submit(&impostor, 0, &by).await;
    assert!(
        matches!(refused, Err(SubmitError::Unreachable(_))),
        "{refused:?}"
    );
    for (key, at) in [
        ("a+b", "http://x"),
        (&signer("log", 1).log_key().to_string(), "http://x"),
        (&address.key, "x:1"),
        (&address.key, "https://x"),
    ] {
        let wrong = WitnessAddress {
            key: key.to_owned(),
            address: at.to_owned(),
            authority: None,
        };
        let refused = Client::new(&wrong, folder.path());
        assert!(
            matches!(refused, Err(SubmitError::Configuration { .. })),
            "{key} {at}"
        );
    }
}

#[tokio::test]
async fn an_officer_lets_a_log_go_on_from_a_backup_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let (witness, client) = serving(folder.path(), &list()).await;
    let (old, new) = (signer(ORIGIN, 1), signer(ORIGIN, 2));
    let mut log = Log::new(4);
    let backup = log.clone();
    log.grow(6, 0);
    log.submit(&client, 0, &old).await.unwrap();
    let state = |log: &Log| LogState::new(log.0.len() as u64, &audit::root(&log.0));
    let act = |officer: u8, ended: LogState, old_key: PublicKey| {
        let act = Restoration {
            version: 1,
            id: format!("{:032x}", ended.size + u64::from(officer)),
            organisation: "cooperativa-lambro".to_owned(),
            old_key,
            new_key: public(2),
            kept: state(&backup),
            ended,
            reason: "a broken disk".to_owned(),
            signed_at: 0,
        };
        let payload = serde_json::to_vec(&act).unwrap();
        Envelope::sign(Restoration::TYPE, &payload, &public(officer), |bytes| {
            pair(officer).sign(bytes).as_ref().try_into().unwrap()
        })
    };
    let mut other = backup.clone();
    other.grow(6, 1);
    for refused in [
        // A stranger; an end before what this witness saw; another past of that length; another key than the log has.
        act(4, state(&log), public(1)),
        act(3, state(&backup), public(1)),
        act(3, state(&other), public(1)),
        act(3, state(&log), public(5)),
    ] {
        assert!(witness.restore(ORIGIN, &refused, 0).await.is_err());
    }
    let mut going_on = backup.clone();
    going_on.grow(2, 2);
    assert!(going_on.submit(&client, 4, &new).await.is_err());
    let signed = act(3, state(&log), public(1));
    assert_eq!(witness.restorations().await.unwrap(), []);
    let gone_on = witness.restore(ORIGIN, &signed, 7).await.unwrap();
    assert_eq!((gone_on.ended.size, gone_on.from.size), (10, 4));
    // What was held is kept beside the act, as the log signed it.
    let kept = witness.restorations().await.unwrap();
    assert_eq!((kept.len(), kept[0].at), (1, 7));
    assert_eq!(kept[0].act, serde_json::to_string(&signed).unwrap());
    let before = kept[0].before.as_ref().expect("a head was held");
    assert_eq!(before.note, log.head(&old).to_string());
    assert!(going_on.submit(&client, 4, &new).await.is_ok());
    // The act counts once, and the log that ended is not taken any more.
    assert!(witness.restore(ORIGIN, &signed, 0).await.is_err());
    assert!(matches!(
        log.submit(&client, 10, &old).await,
        Err(SubmitError::Refused { status: 403, .. })
    ));
    let key = NoteKey::log(ORIGIN, public(2).0).unwrap();
    assert!(SignedCheckpoint::open(&witness.heads().await.unwrap()[0].note, &key).is_ok());
}

/// An act by which the coordinator's log goes on, signed by the officer of that seed.
fn coordinator_act(officer: u8, ended: String, goes_on: String) -> Envelope {
    let act = CoordinatorRestoration {
        version: 1,
        id: format!("{:032x}", ended.len() + goes_on.len() * 1_000),
        organisation: "comune-milano".to_owned(),
        ended,
        goes_on,
        reason: "a broken disk".to_owned(),
        signed_at: 0,
    };
    let payload = serde_json::to_vec(&act).unwrap();
    let key = public(officer);
    Envelope::sign(CoordinatorRestoration::TYPE, &payload, &key, |bytes| {
        pair(officer).sign(bytes).as_ref().try_into().unwrap()
    })
}

#[tokio::test]
async fn the_coordinators_log_goes_on_from_a_backup_under_its_own_key_as_an_officer_signed() {
    let folder = tempfile::tempdir().unwrap();
    let list = format!(
        "{}\nofficer {COORDINATOR_LOG} {}\nofficer {ORIGIN} {}\n",
        signer(COORDINATOR_LOG, 1).log_key(),
        public(3),
        public(4)
    );
    let (witness, client) = serving(folder.path(), &list).await;
    let by = signer(COORDINATOR_LOG, 1);
    let mut log = Log::new(4);
    let mut restored = log.clone();
    log.grow(6, 0);
    log.submit(&client, 0, &by).await.unwrap();
    restored.grow(2, 1);
    let notes = |log: &Log| log.head(&by).to_string();
    let mut other = restored.clone();
    other.grow(4, 2);
    // Without the act the shorter log is another history.
    assert_eq!(
        held_of(&restored.submit(&client, 4, &by).await.unwrap_err()),
        Some(10)
    );
    for refused in [
        // The officer of another log; an end before what was seen; another past of that length; a head that no key of this log signed.
        coordinator_act(4, notes(&log), notes(&restored)),
        coordinator_act(3, notes(&restored), notes(&other)),
        coordinator_act(3, notes(&other), notes(&restored)),
        coordinator_act(
            3,
            notes(&log),
            restored.head(&signer(COORDINATOR_LOG, 2)).to_string(),
        ),
        coordinator_act(3, notes(&log), notes(&log)),
    ] {
        assert!(witness.restore(COORDINATOR_LOG, &refused, 0).await.is_err());
        assert_eq!(witness.heads().await.unwrap()[0].checkpoint.size, 10);
    }
    let signed = coordinator_act(3, notes(&log), notes(&restored));
    assert!(witness.restore(ORIGIN, &signed, 0).await.is_err());
    witness.restore(COORDINATOR_LOG, &signed, 0).await.unwrap();
    assert!(witness.restore(COORDINATOR_LOG, &signed, 0).await.is_err());
    // From the named head on, and from nowhere else: the log that ended is another history now.
    restored.grow(5, 1);
    assert!(restored.submit(&client, 6, &by).await.is_ok());
    log.grow(3, 0);
    assert!(log.submit(&client, 10, &by).await.is_err());
    let kept = witness.restorations().await.unwrap();
    assert_eq!(kept[0].before.as_ref().unwrap().checkpoint.size, 10);
    assert_eq!(witness.heads().await.unwrap()[0].checkpoint.size, 11);
}

#[tokio::test]
async fn no_act_keeps_a_key_of_the_coordinators_log_that_is_taken_out_of_the_list() {
    fn list(keys: &[&LogSigner]) -> String {
        let keys: Vec<String> = keys.iter().map(|by| by.log_key().to_string()).collect();
        let officer = format!("officer {COORDINATOR_LOG} {}", public(3));
        format!("{}\n{officer}\n", keys.join("\n"))
    }
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (signer(COORDINATOR_LOG, 1), signer(COORDINATOR_LOG, 2));
    let mut log = Log::new(4);
    let mut restored = log.clone();
    log.grow(6, 0);
    restored.grow(2, 1);
    {
        let (witness, client) = serving(folder.path(), &list(&[&old, &new])).await;
        log.submit(&client, 0, &old).await.unwrap();
        let (ended, goes_on) = (log.head(&old), restored.head(&new));
        let act = coordinator_act(3, ended.to_string(), goes_on.to_string());
        witness.restore(COORDINATOR_LOG, &act, 0).await.unwrap();
    }
    restored.grow(5, 1);
    for (listed, by, is_taken) in [
        // What the act ended stays ended, also where the list no longer names what it went on with.
        (list(&[&old]), &new, false),
        (list(&[&old]), &old, false),
        (list(&[&old, &new]), &old, false),
        (list(&[&old, &new]), &new, true),
    ] {
        let (_, client) = serving(folder.path(), &listed).await;
        match restored.submit(&client, 6, by).await {
            Ok(_) => assert!(is_taken, "{listed}"),
            Err(SubmitError::Refused { status: 403, .. }) => assert!(!is_taken, "{listed}"),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn two_witnesses_of_one_name_and_the_names_of_logs_are_refused() {
    let address = |name: &str, seed| WitnessAddress {
        key: signer(name, seed).witness_key().to_string(),
        address: "http://127.0.0.1:1".to_owned(),
        authority: None,
    };
    let all = |witnesses: &[WitnessAddress]| Client::all(witnesses, Path::new(""));
    let (one, other) = (address("one.example", 1), address("other.example", 1));
    assert_eq!(all(&[one.clone(), other]).unwrap().len(), 2);
    for twice in [address("one.example", 1), address("one.example", 2)] {
        let error = all(&[one.clone(), twice]).unwrap_err().to_string();
        assert!(
            error.contains("`one.example`") && error.contains("remove one"),
            "{error}"
        );
    }
    let log = address(COORDINATOR_LOG, 1);
    assert!(
        all(&[log])
            .unwrap_err()
            .to_string()
            .contains("those of logs")
    );
}
