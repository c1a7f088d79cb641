//! `node-agent init`: makes a node's folder for one register.
//! It writes a starter policy for the officer to read; it decides nothing on its own that the policy does not show.

use crate::config::{Config, Dataset, NodeDir, Retention, write_private};
use crate::keys;
use anyhow::{Context, Result, ensure};
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
    /// The register's CSV file.
    #[arg(long)]
    register: PathBuf,
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
    /// Say nothing of what comes next; for scripts.
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
    let mapping = snapshot::Mapping::municipal_register_of(&header(init)?);
    try_out(init, &mapping)?;

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
    write_private(&dir.mapping(), mapping.as_bytes())?;
    let register = std::fs::canonicalize(&init.register)?;
    dir.write_config(&Config {
        version: 1,
        organisation: init.organisation.clone(),
        coordinator: None,
        dataset: Dataset {
            id: "clients".to_owned(),
            register,
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
            "next: read {} with your data protection officer,",
            dir.policy().display()
        );
        println!(
            "then `node-agent join --dir {} JOINSTRING`",
            init.dir.display()
        );
    }
    Ok(())
}

/// The register's first line.
fn header(init: &Init) -> Result<String> {
    use std::io::{BufRead, Read};
    const LONGEST: u64 = 1 << 16;

    let file = std::fs::File::open(&init.register)
        .with_context(|| format!("cannot open the register {}", init.register.display()))?;
    let mut line = Vec::new();
    std::io::BufReader::new(file.take(LONGEST)).read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Reads the register's beginning with the mapping, under a key that is thrown away, so that a column that does not
/// fit is named now and not at the first start.
fn try_out(init: &Init, mapping: &str) -> Result<()> {
    use std::io::Read;
    const BEGINNING: u64 = 1 << 18;

    let file = std::fs::File::open(&init.register)
        .with_context(|| format!("cannot open the register {}", init.register.display()))?;
    let edition = snapshot::Edition {
        number: 1,
        label: "trial".to_owned(),
        created_at: 0,
    };
    let mapping = snapshot::Mapping::parse(mapping)?;
    let trial = snapshot::NodeKey::new(&[0; 32]);
    snapshot::Snapshot::build(&mapping, file.take(BEGINNING), &trial, edition)
        .with_context(|| format!("{} does not fit the mapping", init.register.display()))?;
    Ok(())
}
