//! Several processes on one ledger file: the write lock that serialises them is the operating system's, not this process's.

use super::{NOW, Place, caps, sound, terms};
use crate::{Charge, Ledger, LedgerError};
use std::path::Path;
use std::process::{Command, Stdio};

/// Names the ledger file to a process that charges.
const FILE: &str = "WI_TEST_LEDGER";
/// The first of its request numbers.
const FIRST: &str = "WI_TEST_FIRST";
const PROCESSES: u64 = 4;
/// Requests of each process; every other one is a request that all processes make.
const REQUESTS: u64 = 24;
const ROOM: u64 = 20;

/// What each further process runs. Without a ledger named to it, it is no test.
#[test]
fn charging_process() {
    let (Ok(file), Ok(first)) = (std::env::var(FILE), std::env::var(FIRST)) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(charge_all(Path::new(&file), first.parse().unwrap()));
}

async fn charge_all(file: &Path, first: u64) {
    let ledger = Ledger::open(file, super::signer("node/log", 1))
        .await
        .unwrap();
    for number in 0..REQUESTS {
        let request = if number % 2 == 0 {
            number
        } else {
            first + number
        };
        match ledger
            .charge_terms(&terms(request, 10, caps(10 * ROOM)), NOW)
            .await
        {
            Ok(Charge::Debited(debit)) => {
                let sealed = format!("{first} answers {request}").into_bytes();
                match ledger.store_answer(debit, &sealed, &sealed, NOW).await {
                    Ok(_) | Err(LedgerError::AlreadyAnswered { .. }) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            Ok(Charge::Answered(_)) | Err(LedgerError::CapExceeded { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn processes_that_charge_one_file_at_once_never_pass_the_cap_nor_charge_a_request_twice() {
    let place = Place::new();
    let ledger = place.open().await;
    let processes: Vec<_> = (1..=PROCESSES)
        .map(|process| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "tests::processes::charging_process"])
                .env(FILE, place.path())
                .env(FIRST, (1_000 * process).to_string())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let report = sound(&ledger).await;
    // More was asked than the cap has room for, and all of it was used.
    assert_eq!(
        (report.charges, report.spent_nano),
        (ROOM, u128::from(10 * ROOM))
    );
    assert_eq!(report.answers, ROOM);
}
