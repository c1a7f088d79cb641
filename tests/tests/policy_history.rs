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

    /// Serves until the coordinator knows the policy of this hash as the one in force and as many versions of policies, then ends;
    /// returns those, each with the one it replaced, sorted.
    async fn published(
        &mut self,
        hash: &str,
        count: usize,
    ) -> Result<Vec<(String, Option<String>)>> {
        let process = self.node.start(None)?;
        let began = Instant::now();
        loop {
            let all = self.admin.get("/api/v1/policies").await?;
            let own = (all["organisations"].as_array().into_iter().flatten())
                .find(|organisation| organisation["organisation"] == REQUESTER)
                .context("the organisation")?;
            let shown = self.node.command(&["policy", "show"], &[]).await?;
            let is_in_force = shown.contains(hash) && !shown.contains("not installed yet");
            let versions = versions(own);
            let is_whole = own["published"] == true && is_whole(own) && versions.len() >= count;
            if is_in_force && own["in_force"] == hash && is_whole {
                process.kill()?;
                return Ok(versions);
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

    /// Writes the folder's policy.
    fn write_policy(&self, document: &str) -> Result<()> {
        Ok(std::fs::write(
            self.node.dir().join("policy.toml"),
            document,
        )?)
    }

    /// Joins with an officer who takes the place of the one named before.
    async fn join_with(&self, officer: &Officer, join_string: &str) -> Result<()> {
        let words = [join_string, "--dpo-key", &officer.key];
        self.node.command(&["join"], &words).await.map(drop)
    }

    /// Restores, signed by an officer.
    async fn restore(&self, officer: &Officer, language: &str) -> Result<Finished> {
        let dir = self.node.dir().to_str().context("a path")?;
        let words = [
            "restore",
            "--dir",
            dir,
            "--reason",
            "a disk and a person are lost",
        ];
        let words = [
            &words[..],
            &["--dpo-key", officer.path()?, "--lang", language],
        ]
        .concat();
        run("node-agent", &words, "").await
    }

    /// A node whose installed policy was replaced by one that two of three officers change is lost, and with it the key of the first
    /// officer and of another one; it is unpacked from a backup, and nothing signed for it yet. Returns both policies and the officers
    /// that were added, of whom the first has a key still.
    async fn lose_a_node(&mut self) -> Result<([String; 2], [Officer; 2])> {
        let first = (self.node.command(&["policy", "show"], &["--document"])).await?;
        self.published(&hash(&first), 1).await?;
        let (left, lost) = (self.officer("left").await?, self.officer("lost").await?);
        let pinned = self.pinned().await?;
        let second = (self.with_officers(2, &[&pinned, &left.key, &lost.key])).await?;
        self.node.replace_policy(&second).await?;
        let expected = chain(&[(&second, Some(&first)), (&first, None)]);
        assert_eq!(self.published(&hash(&second), 2).await?, expected);
        let file = self.city.path().join("node.wib");
        let file = file.to_str().context("a path")?;
        // With the requester's key, by which studies are proposed.
        (self
            .node
            .command(&["backup"], &["--out", file, "--with-keys"]))
        .await?;
        std::fs::remove_dir_all(self.node.dir())?;
        self.node.command(&["restore"], &["--from", file]).await?;
        Ok(([first, second], [left, lost]))
    }

    /// The key that was named when the organisation joined.
    async fn pinned(&self) -> Result<String> {
        let text = (self.node.command(&["policy", "show"], &["--document"])).await?;
        let key = policy::PolicyDocument::parse(&text)?.dpo.keys[0];
        Ok(key.to_string())
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
    let installed = world.published(&hash(&first), 1).await?;
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
    // Also the one between, from which officers went back.
    let between = [
        (&third, Some(&second)),
        (&second, Some(&first)),
        (&first, None),
    ];
    let followed = world.published(&hash(&second), 3).await?;
    assert_eq!(followed, chain(&between));

    // Their officer names another one, who countersigns from then on.
    let next = world.officer("next").await?;
    let fourth = world.with_officers(1, &[&next.key]).await?;
    world.node.replace_policy(&fourth).await?;
    let expected = [
        (&fourth, Some(&second)),
        (&third, Some(&second)),
        (&second, Some(&first)),
        (&first, None),
    ];
    assert_eq!(world.published(&hash(&fourth), 4).await?, chain(&expected));
    world.propose("later").await?;
    assert!(!world.is_countersigned("later").await?);
    let signed = world.countersign("later", &next).await?;
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    assert!(world.is_countersigned("later").await?);
    world.node.audit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_officer_of_the_last_policy_brings_back_that_policy_alone() -> Result<()> {
    let mut world = World::start().await?;
    let ([first, second], [left, lost]) = world.lose_a_node().await?;
    let fresh = world.officer("fresh").await?;
    let other = world.with_officers(1, &[&left.key, &fresh.key]).await?;

    // With another policy it would be written off in vain: no step is taken, and the join string is not used up.
    let invitation = world.office.invite_new_officer(REQUESTER).await?;
    world.write_policy(&other)?;
    let refused = world.join_with(&left, &invitation).await;
    let refused = format!("{:#}", refused.err().context("it joined")?);
    assert!(
        refused.contains("can only bring back that same policy"),
        "{refused}"
    );
    world.write_policy(&second)?;
    world.join_with(&left, &invitation).await?;
    world.write_policy(&other)?;
    let (before, entries) = (world.node.balance().await?, world.node.log().await?.len());
    for (language, words) in [
        ("en", "can only bring back that same policy"),
        (
            "it",
            "può soltanto riportare in vigore quella stessa politica",
        ),
    ] {
        let refused = world.restore(&left, language).await?;
        assert_eq!(refused.code, Some(1), "{}", refused.stdout);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert_eq!(world.node.balance().await?, before);
    assert_eq!(world.node.log().await?.len(), entries);

    // As the message says: the same policy again.
    world.write_policy(&second)?;
    let restored = world.restore(&left, "en").await?;
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert!(world.node.balance().await?.spent > before.spent);
    let expected = chain(&[(&second, Some(&first)), (&first, None)]);
    assert_eq!(world.published(&hash(&second), 2).await?, expected);
    world.node.audit().await?;

    // No policy that was installed names the officer pinned now, so the coordinator takes countersignatures from that one alone.
    world.propose("anew").await?;
    let by_another = world.countersign("anew", &lost).await?;
    assert_eq!(by_another.code, Some(1), "{}", by_another.stdout);
    assert!(!world.is_countersigned("anew").await?);
    let signed = world.countersign("anew", &left).await?;
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    assert!(world.is_countersigned("anew").await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_officer_of_no_policy_begins_anew_and_the_coordinator_follows() -> Result<()> {
    let mut world = World::start().await?;
    let ([first, second], [left, _]) = world.lose_a_node().await?;
    let (new, colleague) = (
        world.officer("new").await?,
        world.officer("colleague").await?,
    );
    let third = world.with_officers(1, &[&new.key, &colleague.key]).await?;
    world.write_policy(&third)?;

    // Only the administration lets an organisation name another officer.
    let ordinary = world.office.invite(REQUESTER).await?;
    let refused = world.join_with(&new, &ordinary).await;
    let refused = format!("{:#}", refused.err().context("it joined")?);
    assert!(refused.contains("other-officer"), "{refused}");
    let invitation = world.office.invite_new_officer(REQUESTER).await?;
    world.join_with(&new, &invitation).await?;
    let before = world.node.balance().await?;
    let restored = world.restore(&new, "en").await?;
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert!(world.node.balance().await?.spent > before.spent);
    let expected = [(&third, None), (&second, Some(&first)), (&first, None)];
    assert_eq!(world.published(&hash(&third), 2).await?, chain(&expected));
    let audit = world.node.audit().await?;
    assert!(audit.contains("went on from a backup"), "{audit}");

    // The officers are those of the new policy, not only the one pinned when joining, and no others.
    world.propose("anew").await?;
    let by_another = world.countersign("anew", &left).await?;
    assert_eq!(by_another.code, Some(1), "{}", by_another.stdout);
    let signed = world.countersign("anew", &colleague).await?;
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    assert!(world.is_countersigned("anew").await?);
    Ok(())
}
