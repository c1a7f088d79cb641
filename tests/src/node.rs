//! A real node in a folder of its own: made, enrolled and countersigned through its own command line.
//! Tests read its ledger beside it, as an auditor would, and never write there.

use crate::process::{Process, run, run_ok};
use crate::witness::Witness;
use anyhow::{Context, Result, ensure};
use ledger::{Balance, Entry, LedgerReader};
use protocol::PublicKey;
use std::path::{Path, PathBuf};

const BINARY: &str = "node-agent";

/// A node's folder and how to run it.
#[derive(Debug)]
pub struct Node {
    organisation: String,
    dir: PathBuf,
    dpo_key: PathBuf,
    logs: PathBuf,
    starts: usize,
    requester_key: Option<PublicKey>,
}

impl Node {
    /// Makes a node for `register` under `home`, which pins `requester` as the one body that may ask. Without
    /// one, the node makes a requester key of its own.
    ///
    /// # Errors
    /// When `node-agent init` fails.
    pub async fn init(
        home: &Path,
        organisation: &str,
        register: &Path,
        requester: Option<(&str, &PublicKey)>,
    ) -> Result<Node> {
        let mut node = Node {
            organisation: organisation.to_owned(),
            dir: home.join("nodes").join(organisation),
            dpo_key: home.join("dpo").join(organisation).join("dpo.key"),
            logs: home.join("logs"),
            starts: 0,
            requester_key: None,
        };
        std::fs::create_dir_all(&node.logs)?;
        std::fs::create_dir_all(node.dpo_key.parent().context("a folder")?)?;
        let dpo_key = text(&node.dpo_key)?;
        let dpo_public = run_ok(BINARY, &["keygen", "--out", dpo_key], "").await?;
        let mut arguments = vec![
            "init",
            "--dir",
            text(&node.dir)?,
            "--register",
            text(register)?,
            "--organisation",
            organisation,
            "--dpo-key",
            dpo_public.trim(),
            "--yes",
        ];
        let pinned = requester.map(|(requester, key)| (requester, key.to_string()));
        match &pinned {
            Some((requester, key)) => {
                arguments.extend(["--requester", requester, "--requester-key", key]);
            }
            None => arguments.push("--asks"),
        }
        let said = run_ok(BINARY, &arguments, "").await?;
        node.requester_key = (said.lines())
            .find_map(|line| line.strip_prefix("requester key "))
            .and_then(|key| PublicKey::from_hex(key.trim()));
        Ok(node)
    }

    /// The requester key it made for itself, if it asks questions.
    pub fn requester_key(&self) -> Option<PublicKey> {
        self.requester_key
    }

    /// The organisation.
    pub fn organisation(&self) -> &str {
        &self.organisation
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs a command of the node agent on this folder.
    ///
    /// # Errors
    /// When it does not succeed.
    pub async fn command(&self, words: &[&str], more: &[&str]) -> Result<String> {
        let mut arguments = words.to_vec();
        arguments.extend(["--dir", text(&self.dir)?]);
        arguments.extend(more);
        run_ok(BINARY, &arguments, "").await
    }

    /// Joins with a join string.
    ///
    /// # Errors
    /// When joining fails.
    pub async fn join(&self, join_string: &str) -> Result<()> {
        self.command(&["join"], &[join_string]).await.map(drop)
    }

    /// Countersigns a study as data protection officer.
    ///
    /// # Errors
    /// When the study is not known or the key not pinned.
    pub async fn countersign(&self, study: &str) -> Result<()> {
        let more = ["--study", study, "--dpo-key", text(&self.dpo_key)?];
        self.command(&["study", "countersign"], &more)
            .await
            .map(drop)
    }

    /// Where the officer's key lies.
    pub fn officer_key(&self) -> &Path {
        &self.dpo_key
    }

    /// Runs a command that the officer signs.
    ///
    /// # Errors
    /// When it does not succeed.
    pub async fn act(&self, words: &[&str], more: &[&str]) -> Result<String> {
        let more = [more, &["--dpo-key", text(&self.dpo_key)?]].concat();
        self.command(words, &more).await
    }

    /// Makes a key for a second person, pins it in the policy, and returns where it lies.
    ///
    /// # Errors
    /// When the key cannot be made or the policy not be written.
    pub async fn second_key(&self) -> Result<PathBuf> {
        let path = self.dpo_key.with_file_name("second.key");
        let public = run_ok(BINARY, &["keygen", "--out", text(&path)?], "").await?;
        let policy_path = self.dir.join("policy.toml");
        let mut policy: toml::Table = std::fs::read_to_string(&policy_path)?.parse()?;
        let officers = (policy.get_mut("dpo").and_then(toml::Value::as_table_mut))
            .context("the policy has officers")?;
        officers.insert(
            "second_keys".to_owned(),
            vec![public.trim().to_owned()].into(),
        );
        std::fs::write(&policy_path, toml::to_string(&policy)?)?;
        Ok(path)
    }

    /// Makes, enrols and countersigns a node at a witness in one go.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn enrol(
        home: &Path,
        organisation: &str,
        register: &Path,
        requester: &PublicKey,
        witness: &Witness,
        studies: &[&str],
    ) -> Result<Node> {
        let pinned = Some((crate::requester::REQUESTER, requester));
        let node = Node::init(home, organisation, register, pinned).await?;
        node.join(&witness.invite(organisation)?).await?;
        for study in studies {
            node.countersign(study).await?;
        }
        Ok(node)
    }

    /// Replaces numbers in the policy: every key of that name, at whatever depth. Once the node has served, the officer signs
    /// the new policy; before that the file is what will be installed.
    ///
    /// # Errors
    /// When the policy has no such key, or is not accepted.
    pub async fn edit_policy(&self, numbers: &[(&str, i64)]) -> Result<()> {
        let text = self.command(&["policy", "show"], &["--document"]).await?;
        let mut policy: toml::Table = text.parse()?;
        for (key, number) in numbers {
            let found = replace(&mut policy, key, *number);
            ensure!(found > 0, "the policy has no number `{key}`");
        }
        self.replace_policy(&toml::to_string(&policy)?).await
    }

    /// Replaces the policy by another: signed by the officer once the node has served, as the file to be installed before.
    ///
    /// # Errors
    /// When the policy is not accepted.
    pub async fn replace_policy(&self, document: &str) -> Result<()> {
        let installed = match LedgerReader::open_made(&self.dir.join("node.db")).await? {
            Some(reader) => reader.policy().await?.is_some(),
            None => false,
        };
        if !installed {
            std::fs::write(self.dir.join("policy.toml"), document)?;
            return Ok(());
        }
        let (file, signed) = (
            self.dpo_key.with_file_name("next.toml"),
            self.dpo_key.with_file_name("next.json"),
        );
        std::fs::write(&file, document)?;
        // The policy signed before lies there still, and `sign` writes over nothing.
        if signed.exists() {
            std::fs::remove_file(&signed)?;
        }
        let in_force = self.command(&["policy", "show"], &["--document"]).await?;
        let replaces = protocol::hex(&protocol::sha256(in_force.as_bytes()));
        let arguments = [
            "policy",
            "sign",
            text(&file)?,
            "--replaces",
            &replaces,
            "--reason",
            "a test",
            "--dpo-key",
            text(&self.dpo_key)?,
            "--out",
            text(&signed)?,
        ];
        run_ok(BINARY, &arguments, "").await?;
        self.command(&["policy", "apply"], &["--signed", text(&signed)?])
            .await
            .map(drop)
    }

    /// Has the node dial another address at its next start.
    ///
    /// # Errors
    /// When the configuration cannot be read or written.
    pub fn set_coordinator(&self, address: &str) -> Result<()> {
        let path = self.dir.join("node.toml");
        let mut config: toml::Table = std::fs::read_to_string(&path)?.parse()?;
        config.insert("coordinator".to_owned(), address.into());
        std::fs::write(&path, toml::to_string(&config)?)?;
        Ok(())
    }

    /// Starts serving; with a failpoint, where the process is to stop for good.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self, failpoint: Option<&str>) -> Result<Process> {
        self.starts += 1;
        let log = (self.logs).join(format!("{}-{}.log", self.organisation, self.starts));
        let variables: Vec<(&str, &str)> = failpoint
            .map(|name| ("WI_FAILPOINT", name))
            .into_iter()
            .collect();
        let arguments = ["serve", "--dir", text(&self.dir)?];
        Process::start(BINARY, &arguments, &variables, &log)
    }

    async fn reader(&self) -> Result<LedgerReader> {
        Ok(LedgerReader::open(&self.dir.join("node.db")).await?)
    }

    /// What the ledger says was spent; nothing before its first opening has come to its end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn balance(&self) -> Result<Balance> {
        match LedgerReader::open_made(&self.dir.join("node.db")).await? {
            Some(reader) => Ok(reader.balance().await?),
            None => Ok(Balance::default()),
        }
    }

    /// The stored answer to a request.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn stored_answer(&self, request_id: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.reader().await?.answer(request_id).await?)
    }

    /// The whole log.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn log(&self) -> Result<Vec<Entry>> {
        Ok(self.reader().await?.entries(0, u32::MAX).await?)
    }

    /// Runs `node-agent audit verify`, which must find the ledger sound; returns what it printed.
    ///
    /// # Errors
    /// When it finds anything wrong.
    pub async fn audit(&self) -> Result<String> {
        let arguments = ["audit", "verify", "--dir", text(&self.dir)?];
        let finished = run(BINARY, &arguments, "").await?;
        ensure!(
            finished.code == Some(0) && finished.stdout.trim_end().ends_with("\nsound"),
            "the audit of {} found: {}{}",
            self.organisation,
            finished.stdout,
            finished.stderr
        );
        Ok(finished.stdout)
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

fn replace(table: &mut toml::Table, key: &str, number: i64) -> usize {
    let mut found = 0;
    for (name, value) in table.iter_mut() {
        match value {
            toml::Value::Integer(old) if name == key => {
                *old = number;
                found += 1;
            }
            toml::Value::Table(inner) => found += replace(inner, key, number),
            toml::Value::Array(items) => {
                for item in items.iter_mut().filter_map(toml::Value::as_table_mut) {
                    found += replace(item, key, number);
                }
            }
            _ => {}
        }
    }
    found
}
