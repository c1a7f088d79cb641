//! `node-agent init`: makes a node's folder for one register.
//! It writes a starter policy for the officer to read; it decides nothing on its own that the policy does not show.

use crate::commands::recognise::{RegisterOptions, recognise};
use crate::config::{Config, Dataset, NodeDir, Retention, write_private};
use crate::keys;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use identity::SigningKey;
use policy::Starter;
use protocol::PublicKey;
use std::path::PathBuf;

/// Arguments of `init`.
#[derive(Args)]
pub struct Init {
    /// The folder to make.
    #[arg(long)]
    dir: PathBuf,
    /// The register: a CSV, TSV, XLSX, Parquet, SQLite or SIUSS XML file, a HMIS folder, or the address of a database.
    #[arg(value_name = "REGISTER", required_unless_present = "register_flag")]
    register: Option<String>,
    /// The same, by name.
    #[arg(
        long = "register",
        value_name = "REGISTER",
        conflicts_with = "register"
    )]
    register_flag: Option<String>,
    #[command(flatten)]
    options: RegisterOptions,
    /// The organisation's identifier, as the coordinator's operator gave it.
    #[arg(long)]
    organisation: String,
    /// Public key of the data protection officer: 64 hexadecimal digits, as `node-agent keygen` printed them.
    #[arg(long)]
    dpo_key: String,
    /// This organisation asks questions itself: make a key that signs them.
    #[arg(long)]
    asks: bool,
    /// The organisation that will ask questions.
    #[arg(
        long,
        required_unless_present = "asks",
        conflicts_with = "asks",
        requires = "requester_key"
    )]
    requester: Option<String>,
    /// Its public key, received from it by another way than this network.
    #[arg(long, requires = "requester")]
    requester_key: Option<String>,
    /// The starter policy: `comune-department`, `cooperative` or `volunteer-association`.
    #[arg(long, value_parser = starter, default_value = "comune-department")]
    policy: Starter,
    /// A folder with another list of target groups (targets.toml) and services (services.toml) than those built in.
    #[arg(long, value_name = "FOLDER")]
    taxonomy: Option<PathBuf>,
    /// Ask nothing, and say nothing of what comes next; for scripts.
    #[arg(long)]
    yes: bool,
}

fn starter(id: &str) -> Result<Starter, String> {
    Starter::from_id(id).ok_or_else(|| {
        "write `comune-department`, `cooperative` or `volunteer-association`".to_owned()
    })
}

/// Makes the folder.
///
/// # Errors
/// When it holds a node already, the register cannot be read, or a key is not valid.
pub fn run(init: &Init) -> Result<()> {
    let dir = NodeDir::new(&init.dir);
    ensure!(
        !dir.config().exists(),
        "{} holds a node already; choose another folder",
        init.dir.display()
    );
    ensure!(
        protocol::is_identifier(&init.organisation),
        "`--organisation` must be 1 to 64 of a-z, 0-9 and -"
    );
    let dpo_key = PublicKey::from_hex(&init.dpo_key).context(
        "`--dpo-key` must be 64 hexadecimal digits; `node-agent keygen --out dpo.key` prints them",
    )?;
    // Everything given is checked before anything is written, so that a slip leaves no half-made folder.
    let others = match (&init.requester, &init.requester_key) {
        (Some(requester), Some(key)) => {
            ensure!(
                protocol::is_identifier(requester),
                "`--requester` must be 1 to 64 of a-z, 0-9 and -"
            );
            let key = PublicKey::from_hex(key).context(
                "`--requester-key` must be 64 hexadecimal digits; the requester's `node-agent init --asks` prints them",
            )?;
            Some((requester.clone(), key))
        }
        _ => None,
    };
    let Some(register) = init.register.as_ref().or(init.register_flag.as_ref()) else {
        bail!("name the register: `node-agent init REGISTER --dir DIR ...`");
    };
    let recognised = recognise(register, &init.options, !init.yes)?;

    std::fs::create_dir_all(&init.dir)?;
    keys::create(&dir, init.asks)?;
    let (requester, requester_key) = match others {
        Some(others) => others,
        None => (
            init.organisation.clone(),
            keys::public(&SigningKey::load(&dir.key(keys::REQUESTER))?),
        ),
    };
    write_private(&dir.key(keys::DPO_PUBLIC), dpo_key.to_string().as_bytes())?;
    let policy = (init.policy).text(&init.organisation, &requester, &requester_key, &dpo_key);
    write_private(&dir.policy(), policy.as_bytes())?;
    let cases = init.policy.cases(&requester);
    write_private(&dir.policy().with_extension("cases.toml"), cases.as_bytes())?;
    write_private(&dir.mapping(), recognised.mapping.as_bytes())?;
    if !recognised.local.is_default() {
        write_private(&dir.sources(), recognised.local.to_toml().as_bytes())?;
    }
    dir.write_config(&Config {
        version: 1,
        organisation: init.organisation.clone(),
        coordinator: None,
        taxonomy: init
            .taxonomy
            .as_ref()
            .map(std::path::absolute)
            .transpose()?,
        witnesses: Vec::new(),
        dataset: Dataset {
            id: "clients".to_owned(),
            register: recognised.register,
        },
        retention: Retention::default(),
        page: Default::default(),
    })?;

    println!("node of {} in {}", init.organisation, init.dir.display());
    if init.asks {
        println!("requester key {requester_key}");
    }
    if !init.yes {
        println!(
            "next: read {} and {} with your data protection officer,",
            dir.mapping().display(),
            dir.policy().display()
        );
        println!(
            "then `node-agent join --dir {} JOINSTRING`",
            init.dir.display()
        );
    }
    Ok(())
}
