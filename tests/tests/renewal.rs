//! A node renews its certificate by itself while it serves, and goes on with the new one.

use anyhow::{Context, Result};
use identity::NodeCertificate;
use std::time::Duration;
use system_tests::city::City;
use system_tests::node::Node;
use system_tests::requester::{self, Requester, persons_by_municipio};
use system_tests::witness::Witness;

const ORGANISATION: &str = "cooperativa-lambro";
const STUDY: &str = "renewal";
/// Of a certificate that is valid for a day: more than two thirds, less than all of it.
const AGE: Duration = Duration::from_secs(20 * 3_600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ageing_certificate_is_renewed_while_serving_and_the_new_one_is_shown() -> Result<()> {
    let city = City::generate(0.001)?;
    let requester = Requester::new()?;
    let witness = Witness::start()?;
    let study = requester.sign_study(&requester::study(STUDY, &[ORGANISATION], 1_000_000_000))?;
    witness.publish(study.clone());
    witness.issue_aged(AGE);
    let register = city.register(ORGANISATION);
    let key = requester.public_key();
    let mut node = Node::enrol(
        city.path(),
        ORGANISATION,
        &register,
        &key,
        &witness,
        &[STUDY],
    )
    .await?;
    let certificate = |node: &Node| -> Result<NodeCertificate> {
        let pem = std::fs::read_to_string(node.dir().join("keys/tls.pem"))?;
        Ok(NodeCertificate::from_pem(&pem)?)
    };
    let old = certificate(&node)?;

    let mut process = node.start(None)?;
    process.printed("the certificate was renewed").await?;
    let new = certificate(&node)?;
    assert!(new.not_after > old.not_after);
    // What is asked after the renewal reaches the node over a connection with the new certificate.
    let ask = |rho| -> Result<String> {
        let request = requester::request(ORGANISATION, &study, &persons_by_municipio(rho))?;
        Ok(witness.offer(ORGANISATION, &requester.sign_request(&request)))
    };
    witness.answered(ORGANISATION, &ask(1_000_000)?, 1).await?;
    let shown = witness.desk(ORGANISATION, |desk| desk.certificates.clone());
    assert_eq!(shown.first(), Some(&old.serial_hex));
    assert_eq!(shown.last(), Some(&new.serial_hex));
    process.kill()?;

    // The next start begins with it, and has nothing to renew.
    let _process = node.start(None)?;
    witness.answered(ORGANISATION, &ask(2_000_000)?, 1).await?;
    let shown = witness.desk(ORGANISATION, |desk| desk.certificates.clone());
    assert_eq!(shown.last().context("a call")?, &new.serial_hex);
    assert_eq!(certificate(&node)?, new);
    Ok(())
}
