//! `node-agent audit witness`: witnessing the logs of others, from a folder that has nothing to do with a node's. It needs no register,
//! no policy and no coordinator, so that anybody may do it: a university, an order of professions, another city.

use crate::clock;
use crate::config::write_private;
use crate::fault::OrFault;
use crate::keys;
use anyhow::{Context, Result, ensure};
use audit::{Checkpoint, SignedNote};
use clap::{Args, Subcommand};
use identity::SigningKey;
use ledger::LogSigner;
use protocol::{Act as _, COORDINATOR_LOG, CoordinatorRestoration};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use witness::{Watched, Witness};

const KEY: &str = "witness.key";
const NAME: &str = "name.txt";
const LOGS: &str = "logs.txt";
const DATABASE: &str = "witness.db";
/// What a fresh list of logs says.
const EMPTY_LIST: &str = "\
# The logs that this witness cosigns, one key a line as their keepers handed it over: name+id+base64.
# And the officer who may let a log go on from a backup: officer ORIGIN HEX
";

/// What to do as a witness.
#[derive(Subcommand)]
pub enum WitnessCommand {
    /// Makes a witness's folder, and prints the key by which its cosignatures are known.
    Init {
        /// The folder.
        #[arg(long)]
        dir: PathBuf,
        /// Its name in signatures, such as `university.example/witness`.
        #[arg(long)]
        name: String,
    },
    /// Serves `/add-checkpoint` (C2SP tlog-witness, plain HTTP) for the logs in `logs.txt`, until stopped.
    Serve {
        /// The folder.
        #[arg(long)]
        dir: PathBuf,
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8440")]
        listen: SocketAddr,
    },
    /// Prints the key, the last head of each log, and the heads that contradicted one: exit code 3 if there are any.
    Show {
        /// The folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Prints the head that the witness holds of a log, as the log signed it: what an act says where the log ended.
    Head {
        /// The folder.
        #[arg(long)]
        dir: PathBuf,
        /// The log's name.
        #[arg(long)]
        log: String,
    },
    /// Lets a log go on from a backup, as its officer signed it; the head held before is kept.
    Restoration {
        /// The folder.
        #[arg(long)]
        dir: PathBuf,
        /// The log's name.
        #[arg(long)]
        log: String,
        /// The signed act: of a node as it keeps it in `acts/`, of the coordinator as `sign` wrote it.
        #[arg(long)]
        act: PathBuf,
    },
    /// Signs, as an officer, that the coordinator's log goes on from a backup. No witness's folder is needed.
    Sign(Sign),
}

/// Arguments of `sign`.
#[derive(Args)]
pub struct Sign {
    /// The head where the log ended: what `head` prints at the witness.
    #[arg(long)]
    ended: PathBuf,
    /// The head from which it goes on: `checkpoint.note` of a pack that the restored coordinator exports.
    #[arg(long)]
    goes_on: PathBuf,
    /// The officer's organisation.
    #[arg(long)]
    organisation: String,
    /// The officer's signing key; read for this act only.
    #[arg(long)]
    dpo_key: PathBuf,
    /// Why, in one line without personal data.
    #[arg(long)]
    reason: String,
    /// The file to write; it must not exist.
    #[arg(long)]
    out: PathBuf,
}

/// Runs one.
///
/// # Errors
/// When a file cannot be read or written, or the act is not accepted; the message names the remedy.
pub async fn run(command: WitnessCommand) -> Result<ExitCode> {
    match command {
        WitnessCommand::Init { dir, name } => init(&dir, &name)?,
        WitnessCommand::Serve { dir, listen } => serve(&dir, listen).await?,
        WitnessCommand::Show { dir } => return show(&dir).await,
        WitnessCommand::Head { dir, log } => head(&dir, &log).await?,
        WitnessCommand::Restoration { dir, log, act } => restoration(&dir, &log, &act).await?,
        WitnessCommand::Sign(words) => sign(&words)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn init(dir: &Path, name: &str) -> Result<()> {
    // A name that cannot name a key leaves no folder behind.
    audit::NoteKey::witness(name, [0; 32])
        .context("`--name` must be one word without `+`, such as university.example/witness")?;
    ensure!(
        !name.starts_with("welfare-intelligence/"),
        "`--name` must be the witness's own: names from welfare-intelligence/ on are those of logs"
    );
    private_file::create_folder(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    SigningKey::create(&dir.join(KEY))?;
    write_private(&dir.join(NAME), name.as_bytes())?;
    write_private(&dir.join(LOGS), EMPTY_LIST.as_bytes())?;
    println!("witness key {}", signer(dir)?.witness_key());
    println!(
        "write the keys of the logs to be cosigned into {}",
        dir.join(LOGS).display()
    );
    Ok(())
}

fn signer(dir: &Path) -> Result<LogSigner> {
    let key = SigningKey::load(&dir.join(KEY))?;
    let public = *key.public_key().as_bytes();
    let name = read(&dir.join(NAME))?;
    Ok(LogSigner::new(name.trim(), public, move |bytes| {
        key.sign(bytes)
    })?)
}

fn watched(dir: &Path) -> Result<Watched> {
    let list = dir.join(LOGS);
    Watched::parse(&read(&list)?).with_context(|| list.display().to_string())
}

async fn open(dir: &Path) -> Result<Witness> {
    Ok(Witness::open(&dir.join(DATABASE), watched(dir)?, signer(dir)?).await?)
}

async fn serve(dir: &Path, listen: SocketAddr) -> Result<()> {
    let logs = watched(dir)?.origins().len();
    ensure!(
        logs > 0,
        "{} names no log: write the key of each, one a line",
        dir.join(LOGS).display()
    );
    let witness = open(dir).await?;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    println!("witness listening on {}", listener.local_addr()?);
    tracing::info!(key = %witness.key(), logs, "witnessing");
    tokio::select! {
        served = ::witness::serve(witness, listener) => Ok(served?),
        () = crate::serve::stopped() => Ok(()),
    }
}

async fn show(dir: &Path) -> Result<ExitCode> {
    let witness = open(dir).await?;
    println!("key       {}", witness.key());
    for held in witness.heads().await? {
        let head = &held.checkpoint;
        println!(
            "log       {}: {} entries, root {}, cosigned {}",
            head.origin,
            head.size,
            protocol::hex(&head.root),
            time(held.at)
        );
    }
    for restored in witness.restorations().await? {
        println!(
            "RESTORATION {}: {} goes on from a backup, as this act says",
            time(restored.at),
            restored.origin
        );
        println!("{}", restored.act);
        if let Some(before) = restored.before {
            println!("HELD BEFORE, cosigned {}", time(before.at));
            print!("{}", before.note);
        }
    }
    let contradictions = witness.contradictions().await?;
    for contradiction in &contradictions {
        println!(
            "CONTRADICTION {}: this head, signed by the log, does not extend the one held",
            time(contradiction.at)
        );
        print!("{}", contradiction.note);
        println!("HELD");
        print!("{}", contradiction.held);
    }
    Ok(match contradictions.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(3),
    })
}

async fn head(dir: &Path, log: &str) -> Result<()> {
    let heads = open(dir).await?.heads().await?;
    let held = heads.iter().find(|held| held.checkpoint.origin == log);
    let held = held.with_context(|| {
        format!(
            "no head of `{log}` is held: `--log` must be the name of a log, as `show` prints it"
        )
    })?;
    print!("{}", held.note);
    Ok(())
}

async fn restoration(dir: &Path, log: &str, act: &Path) -> Result<()> {
    let envelope = serde_json::from_str(&read(act)?)
        .with_context(|| format!("{} is no signed act", act.display()))?;
    let act = (open(dir).await?)
        .restore(log, &envelope, clock::now())
        .await?;
    println!(
        "{log} ended at {} entries and goes on from {}: {}",
        act.ended.size, act.from.size, act.reason
    );
    println!("`node-agent audit witness show` prints the act and the head that was held before");
    Ok(())
}

fn sign(words: &Sign) -> Result<()> {
    let checkpoint = |path: &Path| -> Result<(String, Checkpoint)> {
        let text = std::fs::read_to_string(path).or_unread(path)?;
        let head = (SignedNote::parse(&text))
            .and_then(|note| Checkpoint::parse(note.text()))
            .ok()
            .filter(|head| head.origin == COORDINATOR_LOG)
            .with_context(|| {
                format!(
                    "{} is no signed checkpoint of {COORDINATOR_LOG}",
                    path.display()
                )
            })?;
        Ok((text, head))
    };
    let ((ended, last), (goes_on, from)) = (checkpoint(&words.ended)?, checkpoint(&words.goes_on)?);
    let act = CoordinatorRestoration {
        version: protocol::VERSION,
        id: crate::acts::act_id()?,
        organisation: words.organisation.clone(),
        ended,
        goes_on,
        reason: words.reason.clone(),
        signed_at: clock::now(),
    };
    act.check(&words.organisation)?;
    let key = SigningKey::load(&words.dpo_key)?;
    let signed = keys::sign_json(&key, CoordinatorRestoration::TYPE, &act)?;
    ensure!(!words.out.exists(), "{} exists", words.out.display());
    write_private(&words.out, &serde_json::to_vec(&signed)?)?;
    println!(
        "{}: {COORDINATOR_LOG} ended at {} entries and goes on from {}; hand it to the keeper of the witness",
        words.out.display(),
        last.size,
        from.size
    );
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read {}: `node-agent audit witness init` makes a witness's folder",
            path.display()
        )
    })
}

fn time(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}
