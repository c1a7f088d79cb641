//! A node's policies at a real coordinator, over real processes: it learns of every one that the policy in force follows from, also of those
//! that came and went while the node was off or was restored, and takes in what their officers countersign.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use system_tests::PATIENCE;
use system_tests::city::City;
use system_tests::http::Website;
use system_tests::node::Node;
use system_tests::process::{Finished, run, run_ok};
use system_tests::requester::{REQUESTER, study};
use system_tests::stack::Office;

const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// More than any question costs here.
const RHO: u64 = 1_000_000_000;

/// A coordinator, and one node that asks and answers.
struct World {
    city: City,
    office: Office,
    admin: Website,
    node: Node,
}

impl World {
    async fn start() -> Result<World> {
        let city = City::generate(0.001)?;
        let office = Office::start(city.path()).await?;
        let node = Node::init(city.path(), REQUESTER, &city.register(REQUESTER), None).await?;
        node.join(&office.invite(REQUESTER).await?).await?;
        Ok(World {
            admin: office.administrator().await?,
            city,
            office,
            node,
        })
    }

    /// Serves until the coordinator knows the policy of this hash as the one in force, then ends; returns the versions that it knows
    /// of, each with the one it replaced, sorted.
    async fn published(&mut self, hash: &str) -> Result<Vec<(String, Option<String>)>> {
        let process = self.node.start(None)?;
        let began = Instant::now();
        loop {
            let all = self.admin.get("/api/v1/policies").await?;
            let own = (all["organisations"].as_array().into_iter().flatten())
                .find(|organisation| organisation["organisation"] == REQUESTER)
                .context("the organisation")?;
            let shown = self.node.command(&["policy", "show"], &[]).await?;
            let is_in_force = shown.contains(hash) && !shown.contains("not installed yet");
            if is_in_force && own["in_force"] == hash && own["published"] == true && is_whole(own) {
                process.kill()?;
                return Ok(versions(own));
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "{own:#}\n{}\n{}",
                process.tail(),
                self.office.process.tail()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Proposes a study.
    async fn propose(&self, id: &str) -> Result<()> {
        let file = self.city.path().join(format!("{id}.json"));
        std::fs::write(&file, serde_json::to_vec(&study(id, &[REQUESTER], RHO))?)?;
        let file = file.to_str().context("a path")?;
        (self.node.command(&["study", "propose"], &["--file", file])).await?;
        Ok(())
    }

    /// Countersigns a study with a key.
    async fn countersign(&self, id: &str, officer: &Officer) -> Result<Finished> {
        let dir = self.node.dir().to_str().context("a path")?;
        let words = ["study", "countersign", "--dir", dir, "--study", id];
        let words = [&words[..], &["--dpo-key", officer.path()?]].concat();
        run("node-agent", &words, "").await
    }

    /// Whether the coordinator holds a countersignature of a study.
    async fn is_countersigned(&self, id: &str) -> Result<bool> {
        let all = self.admin.get("/api/v1/studies").await?;
        let study = (all["studies"].as_array().into_iter().flatten())
            .find(|study| study["id"] == id)
            .context("the study")?;
        Ok(study["countersigned"] == serde_json::json!([REQUESTER]))
    }

    /// Makes a key.
    async fn officer(&self, name: &str) -> Result<Officer> {
        let path = (self.node.officer_key()).with_file_name(format!("{name}.key"));
        let key = run_ok(
            "node-agent",
            &["keygen", "--out", path.to_str().context("a path")?],
            "",
        )
        .await?;
        let key = key.trim().to_owned();
        Ok(Officer { path, key })
    }

    /// The policy in force, with other officers.
    async fn with_officers(&self, threshold: i64, officers: &[&str]) -> Result<String> {
        let text = (self.node.command(&["policy", "show"], &["--document"])).await?;
        let mut policy: toml::Table = text.parse()?;
        let dpo =
            (policy.get_mut("dpo").and_then(toml::Value::as_table_mut)).context("officers")?;
        dpo.insert("keys".to_owned(), officers.to_vec().into());
        dpo.insert("threshold".to_owned(), threshold.into());
        Ok(toml::to_string(&policy)?)
    }
}

/// A data protection officer's key.
struct Officer {
    path: PathBuf,
    key: String,
}

impl Officer {
    fn path(&self) -> Result<&str> {
        self.path.to_str().context("a path")
    }
}

/// Whether each version's forerunner came as well.
fn is_whole(own: &Value) -> bool {
    let versions = versions(own);
    (versions
        .iter()
        .filter_map(|(_, replaces)| replaces.as_ref()))
    .all(|replaces| versions.iter().any(|(hash, _)| hash == replaces))
}

fn versions(own: &Value) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let versions = own["versions"].as_array().into_iter().flatten();
    let mut versions: Vec<_> = versions
        .filter_map(|version| Some((text(&version["hash"])?, text(&version["replaces"]))))
        .collect();
    versions.sort();
    versions
}

fn hash(document: &str) -> String {
    protocol::hex(&protocol::sha256(document.as_bytes()))
}

/// Policies, each with the one it replaced, as [`versions`] gives them.
fn chain<D: AsRef<str>>(policies: &[(D, Option<D>)]) -> Vec<(String, Option<String>)> {
    let hash = |document: &D| hash(document.as_ref());
    let mut chain: Vec<_> = (policies.iter())
        .map(|(document, replaces)| (hash(document), replaces.as_ref().map(hash)))
        .collect();
    chain.sort();
    chain
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_coordinator_follows_what_changed_while_a_node_was_off() -> Result<()> {
    let mut world = World::start().await?;
    let first = (world.node.command(&["policy", "show"], &["--document"])).await?;
    let installed = world.published(&hash(&first)).await?;
    assert_eq!(installed, chain(&[(&first, None)]));

    // Two changes, and back to the first of them, between one contact and the next.
    let [second, third] = [6, 7].map(|minimum| {
        let to = format!("display_minimum = {minimum}");
        first.replacen("display_minimum = 5", &to, 1)
    });
    ensure!(second != first, "the starter's minimum is 5");
    for document in [&second, &third, &second] {
        world.node.replace_policy(document).await?;
    }
    // The one between is no part of what the present one follows from, as it first came into force.
    let followed = world.published(&hash(&second)).await?;
    assert_eq!(followed, chain(&[(&second, Some(&first)), (&first, None)]));

    // Their officer names another one, who countersigns from then on.
    let next = world.officer("next").await?;
    let fourth = world.with_officers(1, &[&next.key]).await?;
    world.node.replace_policy(&fourth).await?;
    let expected = [
        (&fourth, Some(&second)),
        (&second, Some(&first)),
        (&first, None),
    ];
    assert_eq!(world.published(&hash(&fourth)).await?, chain(&expected));
    world.propose("later").await?;
    assert!(!world.is_countersigned("later").await?);
    let signed = world.countersign("later", &next).await?;
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    assert!(world.is_countersigned("later").await?);
    world.node.audit().await?;
    Ok(())
}
