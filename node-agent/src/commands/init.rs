//! `node-agent init`: makes a node's folder for one register.
//! It writes a starter policy for the officer to read; it decides nothing on its own that the policy does not show.

use crate::commands::recognise::{RegisterOptions, recognise};
use crate::commands::spoken::Spoken;
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
    #[command(flatten)]
    spoken: Spoken,
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
    let language = init.spoken.language();
    let dir = NodeDir::new(&init.dir);
    let at = init.dir.display().to_string();
    ensure!(
        !dir.config().exists(),
        language.fill("terminal-node-there", &[("dir", &at)])
    );
    let identifier = |flag: &str| language.fill("terminal-identifier", &[("flag", flag)]);
    ensure!(
        protocol::is_identifier(&init.organisation),
        identifier("--organisation")
    );
    let dpo_key =
        PublicKey::from_hex(&init.dpo_key).with_context(|| language.say("terminal-dpo-key"))?;
    // Everything given is checked before anything is written, so that a slip leaves no half-made folder.
    let others = match (&init.requester, &init.requester_key) {
        (Some(requester), Some(key)) => {
            ensure!(
                protocol::is_identifier(requester),
                identifier("--requester")
            );
            let key =
                PublicKey::from_hex(key).with_context(|| language.say("terminal-requester-key"))?;
            Some((requester.clone(), key))
        }
        _ => None,
    };
    let Some(register) = init.register.as_ref().or(init.register_flag.as_ref()) else {
        bail!(language.say("terminal-no-register"));
    };
    let recognised = recognise(register, &init.options, !init.yes, language)?;

    private_file::create_folder(&init.dir)
        .with_context(|| language.fill("terminal-not-made", &[("dir", &at)]))?;
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

    let made = [("organisation", init.organisation.as_str()), ("dir", &at)];
    println!("{}", language.fill("terminal-made", &made));
    if init.asks {
        println!("requester key {requester_key}");
    }
    if !init.yes {
        let (mapping, policy) = (dir.mapping(), dir.policy());
        let (mapping, policy) = (mapping.display().to_string(), policy.display().to_string());
        let next = [
            ("mapping", mapping.as_str()),
            ("policy", &policy),
            ("dir", &at),
        ];
        println!("{}", language.fill("terminal-next", &next));
    }
    Ok(())
}
