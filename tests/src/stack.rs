//! The whole system on one machine: a demo city, the real coordinator, six real nodes, enrolled through their command
//! lines as people would. Everything stops when it is dropped.

use crate::city::{City, ORGANISATIONS};
use crate::http::Website;
use crate::node::Node;
use crate::process::{Process, run_ok};
use crate::requester::{REQUESTER, study};
use anyhow::{Context, Result, bail};
use audit::EntryKind;
use privacy_loss::NanoRho;
use protocol::PublicKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const COORDINATOR: &str = "coordinator";
/// The study every node has countersigned.
pub const STUDY: &str = "city";
/// The account that asks.
pub const ANALYST: (&str, &str) = ("anna", "only-for-this-test");
/// The account that administers.
pub const ADMIN: (&str, &str) = ("alba", "only-for-this-test-too");
/// The account of an organisation's member, made by [`Stack::describe`].
const ORGANISATION: (&str, &str) = ("olga", "only-for-this-test-as-well");
/// The account of a data protection officer, made by [`Stack::describe`].
const DPO: (&str, &str) = ("dario", "only-for-this-test-again");
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// A loss, in nano-rho, beyond which answers are exact but for odds that no test ever meets.
const NOISE_REMOVED: u64 = 1_000_000_000_000;

/// A running system.
pub struct Stack {
    /// The nodes that run, by organisation.
    pub running: BTreeMap<&'static str, Process>,
    /// All nodes, by organisation.
    pub nodes: BTreeMap<&'static str, Node>,
    /// The coordinator's process.
    pub coordinator: Process,
    /// The website, signed in as the analyst.
    pub website: Website,
    /// Where browsers find it.
    pub web: String,
    /// Where nodes find it, `host:port`.
    pub node_address: String,
    /// The city.
    pub city: City,
    config: PathBuf,
}

impl Stack {
    /// Generates a city of `scale` times Milan, starts the coordinator, enrols every organisation, has a study signed and
    /// countersigned in which an organisation may lose `max_rho` nano-rho, and starts all nodes.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn start(scale: f64, max_rho: u64) -> Result<Stack> {
        let as_it_is = |city: &City, organisation: &str| Ok(city.register(organisation));
        Stack::start_prepared(City::generate(scale)?, max_rho, &[], as_it_is).await
    }

    /// As [`Stack::start`], of a city there is: each node reads the register that `register` names, and has these numbers in its policy.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn start_prepared(
        city: City,
        max_rho: u64,
        policy: &[(&str, i64)],
        register: impl Fn(&City, &str) -> Result<PathBuf>,
    ) -> Result<Stack> {
        let office = Office::start(city.path()).await?;
        let mut stack = Stack {
            running: BTreeMap::new(),
            nodes: BTreeMap::new(),
            coordinator: office.process,
            website: office.website,
            web: office.web,
            node_address: office.node_address,
            city,
            config: office.config,
        };
        stack.enrol(policy, register).await?;
        stack.agree(max_rho).await?;
        for organisation in ORGANISATIONS {
            stack.start_node(organisation, None)?;
        }
        stack.nodes_are_online(ORGANISATIONS.len()).await?;
        Ok(stack)
    }

    /// Runs `coordinator admin` with this installation's configuration.
    ///
    /// # Errors
    /// When it does not succeed.
    pub async fn admin(&self, words: &[&str], more: &[&str]) -> Result<String> {
        admin(&self.config, words, more).await
    }

    async fn enrol(
        &mut self,
        policy: &[(&str, i64)],
        register: impl Fn(&City, &str) -> Result<PathBuf>,
    ) -> Result<()> {
        let mut requester: Option<PublicKey> = None;
        for organisation in ORGANISATIONS {
            let pinned = requester.as_ref().map(|key| (REQUESTER, key));
            let register = register(&self.city, organisation)?;
            let node = Node::init(self.city.path(), organisation, &register, pinned).await?;
            if !policy.is_empty() {
                node.edit_policy(policy).await?;
            }
            requester = requester.or(node.requester_key());
            node.join(&join_string(&self.config, organisation, &[]).await?)
                .await?;
            self.nodes.insert(organisation, node);
        }
        Ok(())
    }

    async fn agree(&self, max_rho: u64) -> Result<()> {
        let file = self.city.path().join("study.json");
        let mut study = study(STUDY, &ORGANISATIONS, max_rho);
        // What a study may lose in all bounds a question too; only a test that removes the noise asks for more than usual.
        if max_rho > NOISE_REMOVED {
            study.max_rho_per_query = NanoRho::new(max_rho);
        }
        std::fs::write(&file, serde_json::to_vec(&study)?)?;
        let file = file.to_str().context("a path in UTF-8")?;
        self.node(REQUESTER)?
            .command(&["study", "propose"], &["--file", file])
            .await?;
        for node in self.nodes.values() {
            node.countersign(STUDY).await?;
        }
        Ok(())
    }

    /// Has every node publish what its organisation offers.
    ///
    /// # Errors
    /// When a node does not, or its policy cannot be changed.
    pub async fn publish_offers(&self) -> Result<()> {
        for organisation in ORGANISATIONS {
            let file = self.city.offer(organisation);
            let file = file.to_str().context("a path in UTF-8")?;
            self.node(organisation)?
                .command(&["offer", "publish"], &["--file", file])
                .await?;
        }
        Ok(())
    }

    /// A node.
    ///
    /// # Errors
    /// When there is none of that organisation.
    pub fn node(&self, organisation: &str) -> Result<&Node> {
        self.nodes.get(organisation).context("no such node")
    }

    /// Starts a node, if it does not run.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_node(
        &mut self,
        organisation: &'static str,
        failpoint: Option<&str>,
    ) -> Result<()> {
        let node = self.nodes.get_mut(organisation).context("no such node")?;
        let process = node.start(failpoint)?;
        self.running.insert(organisation, process);
        Ok(())
    }

    /// Kills a node with SIGKILL.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_node(&mut self, organisation: &str) -> Result<()> {
        let process = self.running.remove(organisation);
        process.context("the node does not run")?.kill()
    }

    /// Waits until so many nodes are shown as online.
    ///
    /// # Errors
    /// When that never happens.
    pub async fn nodes_are_online(&self, count: usize) -> Result<()> {
        let began = Instant::now();
        loop {
            let nodes = self.website.get("/api/v1/nodes").await?;
            let online = (nodes["nodes"].as_array().into_iter().flatten())
                .filter(|node| node["state"] == "online")
                .count();
            if online == count {
                return Ok(());
            }
            if began.elapsed() > crate::PATIENCE {
                bail!(
                    "{online} nodes are online, not {count}: {nodes:#}\n{}",
                    self.tails()
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Asks a question; returns the query's id.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ask(&self, query: &Value, validity_seconds: i64) -> Result<String> {
        let body = json!({ "study": STUDY, "query": query, "ask_anew": true, "validity_seconds": validity_seconds });
        let key = crate::requester::request_id()?;
        let reply = self
            .website
            .post("/api/v1/queries", &body, &[("idempotency-key", &key)])
            .await?;
        let reply = reply.with_status(&[202]).context("asking")?;
        reply.location_id().context("a query has an address")
    }

    /// Waits until `ready` finds what it looks for in the query's view.
    ///
    /// # Errors
    /// When it never does.
    pub async fn query_when<T>(&self, id: &str, ready: impl Fn(&Value) -> Option<T>) -> Result<T> {
        let began = Instant::now();
        loop {
            let view = self.website.get(&format!("/api/v1/queries/{id}")).await?;
            if let Some(value) = ready(&view) {
                return Ok(value);
            }
            if began.elapsed() > crate::PATIENCE {
                bail!("the query stays as it is: {view:#}\n{}", self.tails());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits for the release of a query, and gets it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn release_of(&self, query: &str) -> Result<Value> {
        let release = self
            .query_when(query, |view| view["release"].as_str().map(str::to_owned))
            .await?;
        self.website
            .get(&format!("/api/v1/releases/{release}"))
            .await
    }

    /// Writes the description of this installation that the browser test reads, with a login for each role; returns its path.
    ///
    /// # Errors
    /// When an account cannot be made or the file not written.
    pub async fn describe(&self) -> Result<PathBuf> {
        for (role, (name, password)) in [("organisation", ORGANISATION), ("dpo", DPO)] {
            add_account(&self.config, role, name, password).await?;
        }
        let path = self.city.path().join("demo.json");
        let logins: serde_json::Map<String, Value> = [
            ("analyst", ANALYST),
            ("organisation", ORGANISATION),
            ("dpo", DPO),
            ("admin", ADMIN),
        ]
        .into_iter()
        .map(|(role, (name, password))| {
            let login = json!({ "name": name, "password": password });
            (role.to_owned(), login)
        })
        .collect();
        let demo = json!({ "web": self.web, "logins": logins });
        std::fs::write(&path, serde_json::to_vec(&demo)?)?;
        Ok(path)
    }

    /// The coordinator's folder: its database, its authority, its keys.
    pub fn coordinator_dir(&self) -> PathBuf {
        self.city.path().join(COORDINATOR)
    }

    /// Waits until the coordinator's log holds an entry in which all these words stand; returns it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn logged(&self, words: &[&str]) -> Result<Value> {
        let began = Instant::now();
        loop {
            let mut after = None;
            loop {
                let path = after.map_or("/api/v1/log".to_owned(), |index| {
                    format!("/api/v1/log?after={index}")
                });
                let page = self.website.get(&path).await?;
                let entries = page["entries"].as_array().context("entries")?;
                let found = entries.iter().find(|entry| {
                    let text = entry.to_string();
                    words.iter().all(|word| text.contains(word))
                });
                if let Some(entry) = found {
                    return Ok(entry.clone());
                }
                let last = entries
                    .iter()
                    .filter_map(|entry| entry["index"].as_u64())
                    .max();
                if last.is_none() || last <= after {
                    break;
                }
                after = last;
            }
            if began.elapsed() > crate::PATIENCE {
                bail!(
                    "the coordinator's log has no entry with {words:?}\n{}",
                    self.tails()
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until a node's own log holds an entry of this kind with this code.
    ///
    /// # Errors
    /// When there is none.
    pub async fn node_logged(&self, organisation: &str, kind: EntryKind, code: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            let log = self.node(organisation)?.log().await?;
            let found = (log.iter())
                .any(|entry| entry.header.kind == kind && entry.header.text("code") == Some(code));
            if found {
                return Ok(());
            }
            if began.elapsed() > crate::PATIENCE {
                bail!(
                    "the log of {organisation} has no `{code}`\n{}",
                    self.tails()
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The ends of all logs.
    pub fn tails(&self) -> String {
        let nodes = self.running.values().map(Process::tail);
        let tails: Vec<String> = nodes.chain([self.coordinator.tail()]).collect();
        tails.join("\n")
    }
}

async fn admin(config: &Path, words: &[&str], more: &[&str]) -> Result<String> {
    let config = config.to_str().context("a path in UTF-8")?;
    let arguments = [&["admin"], words, &["--config", config], more].concat();
    run_ok(COORDINATOR, &arguments, "").await
}

async fn add_account(config: &Path, role: &str, name: &str, password: &str) -> Result<()> {
    let config = config.to_str().context("a path in UTF-8")?;
    let arguments = ["admin", "account", "add", "--config", config];
    let more = [
        "--name",
        name,
        "--role",
        role,
        "--organisation",
        REQUESTER,
        "--password-stdin",
    ];
    run_ok(COORDINATOR, &[&arguments[..], &more[..]].concat(), password).await?;
    Ok(())
}

async fn join_string(config: &Path, organisation: &str, more: &[&str]) -> Result<String> {
    let more = [&["--organisation", organisation], more].concat();
    let said = admin(config, &["join-token"], &more).await?;
    let printed = said
        .split_whitespace()
        .find(|word| word.starts_with("wi1."));
    Ok(printed.context("no join string was printed")?.to_owned())
}

/// A coordinator alone, without any city: its process, and its website with the analyst signed in.
pub struct Office {
    /// The process.
    pub process: Process,
    /// The website, signed in as the analyst.
    pub website: Website,
    /// Where browsers find it.
    pub web: String,
    /// Where nodes find it, `host:port`.
    pub node_address: String,
    config: PathBuf,
}

impl Office {
    /// Makes and starts a coordinator below `dir`.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(dir: &Path) -> Result<Office> {
        let (config, web, node_address) = initialise(dir).await?;
        let config_text = config.to_str().context("a path in UTF-8")?.to_owned();
        for ((name, password), role) in [(ANALYST, "analyst"), (ADMIN, "admin")] {
            add_account(&config, role, name, password).await?;
        }
        let log = dir.join("logs").join("coordinator.log");
        let serve = ["serve", "--config", &config_text];
        let process = Process::start(COORDINATOR, &serve, &[], &log)?;
        let mut website = Website::new(&web);
        let began = Instant::now();
        while !website.is_up("/health").await {
            if began.elapsed() > crate::PATIENCE {
                bail!("the coordinator does not come up\n{}", process.tail());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        website.sign_in(ANALYST.0, ANALYST.1).await?;
        Ok(Office {
            process,
            website,
            web,
            node_address,
            config,
        })
    }

    /// A join string for an organisation.
    ///
    /// # Errors
    /// When none is made.
    pub async fn invite(&self, organisation: &str) -> Result<String> {
        join_string(&self.config, organisation, &[]).await
    }

    /// A join string with which an organisation may name another officer.
    ///
    /// # Errors
    /// When none is made.
    pub async fn invite_new_officer(&self, organisation: &str) -> Result<String> {
        join_string(&self.config, organisation, &["--new-officer"]).await
    }

    /// The website, signed in as the administrator.
    ///
    /// # Errors
    /// When signing in fails.
    pub async fn administrator(&self) -> Result<Website> {
        let mut website = Website::new(&self.web);
        website.sign_in(ADMIN.0, ADMIN.1).await?;
        Ok(website)
    }
}

/// Makes the coordinator's folder, on free ports of this machine.
async fn initialise(home: &Path) -> Result<(PathBuf, String, String)> {
    let dir = home.join(COORDINATOR);
    std::fs::create_dir_all(home.join("logs"))?;
    let dir_text = dir.to_str().context("a path in UTF-8")?;
    run_ok(COORDINATOR, &["admin", "init", "--dir", dir_text], "").await?;
    let config = dir.join("coordinator.toml");
    let mut table: toml::Table = std::fs::read_to_string(&config)?.parse()?;
    // Both are held until both are known, so that they differ.
    let (web, nodes) = (
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    );
    let (web, nodes) = (
        web.local_addr()?.to_string(),
        nodes.local_addr()?.to_string(),
    );
    let public_url = format!("http://{web}");
    for (key, value) in [
        ("web_listen", &web),
        ("public_url", &public_url),
        ("node_listen", &nodes),
        ("node_address", &nodes),
    ] {
        table.insert(key.to_owned(), toml::Value::String(value.clone()));
    }
    std::fs::write(&config, toml::to_string(&table)?)?;
    Ok((config, public_url, nodes))
}
