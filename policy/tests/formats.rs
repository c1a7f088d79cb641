//! Policy documents of version 1, the earliest and one that uses everything added since, stay readable and mean the same.

use policy::{Authorizer, PolicyError};
use privacy_loss::NanoRho;
use protocol::SubCap;

const EARLIEST: &str = include_str!("fixtures/policy-1.toml");

#[test]
fn the_earliest_document_is_readable() {
    let policy = Authorizer::from_toml(EARLIEST).expect("valid");
    let caps = policy.caps();
    assert_eq!(caps.lifetime, NanoRho::new(10_000_000_000));
    assert_eq!(
        caps.limit(SubCap::Year, "2026"),
        NanoRho::new(4_000_000_000)
    );
    assert_eq!(caps.limit(SubCap::Study, "a"), NanoRho::new(2_500_000_000));
    assert_eq!(policy.dpo_keys().len(), 1);
    assert_eq!(policy.second_keys(), []);
    assert_eq!(policy.document().rules.len(), 2);
}

fn with(caps: &str, officers: &str) -> Result<Authorizer, PolicyError> {
    let text = EARLIEST
        .replacen("\n[purposes]", &format!("{caps}\n[purposes]"), 1)
        .replacen(
            "\n[[requesters]]",
            &format!("{officers}\n[[requesters]]"),
            1,
        );
    Authorizer::from_toml(&text)
}

#[test]
fn caps_of_single_keys_and_second_persons_are_read_and_checked() {
    let caps = "\n[caps.year]\n2027 = 2_000_000_000\n[caps.purpose]\nresearch = 500_000_000\n";
    let second = format!("second_keys = [\"{}\"]\n", "03".repeat(32));
    let policy = with(caps, &second).expect("valid");
    assert_eq!(
        policy.caps().limit(SubCap::Year, "2027"),
        NanoRho::new(2_000_000_000)
    );
    assert_eq!(
        policy.caps().limit(SubCap::Purpose, "research"),
        NanoRho::new(500_000_000)
    );
    assert_eq!(
        policy.caps().limit(SubCap::Purpose, "planning"),
        NanoRho::new(8_000_000_000)
    );
    assert_eq!(policy.second_keys().len(), 1);

    for (caps, officers, key) in [
        ("\n[caps.year]\nnext = 1\n", String::new(), "caps.year.next"),
        (
            "\n[caps.study]\na = 10_000_000_001\n",
            String::new(),
            "caps.study.a",
        ),
        (
            "\n[caps.purpose]\nother = 1\n",
            String::new(),
            "caps.purpose.other",
        ),
        (
            "",
            format!("second_keys = [\"{}\"]\n", "01".repeat(32)),
            "dpo.second_keys",
        ),
    ] {
        match with(caps, &officers).map(drop) {
            Err(PolicyError::Invalid { key: named, .. }) => assert_eq!(named, key),
            other => panic!("{key}: {other:?}"),
        }
    }
}
