//! The node agent's command line. Every command names its folder; what each does stands in the library.

use anyhow::{Context, Result};
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use node_agent::commands;
use node_agent::config::NodeDir;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Answers differentially private questions about a register, under the organisation's own policy.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Dir {
    /// The node's folder.
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Makes a node's folder: configuration, mapping, starter policy and keys.
    Init(Box<commands::init::Init>),
    /// Makes a signing key, for a data protection officer's own device.
    Keygen {
        /// The file to write; it must not exist.
        #[arg(long)]
        out: PathBuf,
    },
    /// Joins a coordinator with the join string its operator gave you.
    Join {
        #[command(flatten)]
        dir: Dir,
        /// The join string, starting with `wi1.`.
        join_string: String,
        /// Public key of a new data protection officer, where earlier keys are lost: 64 hexadecimal digits. The join string has to be one for
        /// a new officer.
        #[arg(long)]
        dpo_key: Option<String>,
        #[command(flatten)]
        spoken: commands::spoken::Spoken,
    },
    /// Serves until stopped.
    Serve {
        #[command(flatten)]
        dir: Dir,
        /// A folder with other lists of target groups and services, in place of the one that node.toml names.
        #[arg(long, value_name = "FOLDER")]
        taxonomy: Option<PathBuf>,
    },
    /// Prints a link, good once, to the node's own page on this computer.
    Open {
        #[command(flatten)]
        dir: Dir,
    },
    /// Stops asking for work until resumed; questions then expire unanswered.
    Pause {
        #[command(flatten)]
        dir: Dir,
    },
    /// Goes on after a pause.
    Resume {
        #[command(flatten)]
        dir: Dir,
    },
    /// Shows edition, data quality, studies and budget. For the organisation's own eyes.
    Status {
        #[command(flatten)]
        dir: Dir,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        spoken: commands::spoken::Spoken,
    },
    /// Shows what a question would cost and how exact its answer would be. Spends nothing.
    Preview {
        #[command(flatten)]
        dir: Dir,
        #[command(flatten)]
        preview: commands::preview::Previewed,
    },
    /// Studies: propose, list, countersign.
    Study {
        #[command(subcommand)]
        command: commands::study::StudyCommand,
    },
    /// The mapping: its schema, and a check of one.
    Mapping {
        #[command(subcommand)]
        command: commands::mapping::MappingCommand,
    },
    /// People who objected or must be forgotten: left out from the next edition on.
    Objection {
        #[command(subcommand)]
        command: commands::objection::ObjectionCommand,
    },
    /// The privacy budget: where it stands, moving it, and promising more.
    Budget {
        #[command(subcommand)]
        command: commands::budget::BudgetCommand,
    },
    /// Shows which target groups this register can be asked about, by its mapping alone.
    Targets {
        #[command(flatten)]
        dir: Dir,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        spoken: commands::spoken::Spoken,
    },
    /// Policies: check, test, compare, sign; and the one in force.
    Policy {
        #[command(subcommand)]
        command: commands::policy::NodePolicyCommand,
    },
    /// Requests that the policy leaves to a person.
    Requests {
        #[command(subcommand)]
        command: commands::requests::RequestsCommand,
    },
    /// What the organisation offers: publishing its sites and services to the coordinator, for planning.
    Offer {
        #[command(subcommand)]
        command: commands::offer::OfferCommand,
    },
    /// Writes one file from which this node can be restored.
    Backup(commands::backup::Backup),
    /// Restores a node from a backup: first unpacks it, then, after joining anew, accounts for what was spent since.
    Restore(commands::backup::Restore),
    /// Documents for the data protection officer, from configuration, policy and ledger: record of processing (record),
    /// annex to the impact assessment (dpia), joint controllers (joint), one study (study), access, objection.
    Law(commands::law::Law),
    /// The log.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Verifies this node's log and ledger, or evidence packs of anybody, which need no folder. Packs: exit code 0 if all
    /// holds, 1 if a file cannot be read, 3 if a log is not what was signed, 4 if books do not add up, 5 if the two sides
    /// do not agree.
    Verify(commands::audit::Verify),
    /// Writes the log, its proofs, policy and studies into one ZIP that a third party can verify.
    Export {
        #[command(flatten)]
        dir: Dir,
        /// The file to write; it must not exist.
        #[arg(long)]
        out: PathBuf,
    },
    /// The coordinator's log as this node holds it, and going on with a coordinator that was restored from a backup.
    #[command(subcommand)]
    Coordinator(commands::coordinator::CoordinatorCommand),
    /// A witness of other logs: a further organisation that cosigns what extends what it saw, and refuses what does not.
    #[command(subcommand)]
    Witness(commands::witness::WitnessCommand),
}

#[tokio::main]
async fn main() -> ExitCode {
    closed_pipe::ends_quietly();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = match install_taxonomy(&matches) {
        Ok(()) => run(cli.command).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            let spoken = commands::spoken::asked_for(&matches);
            let (language, word) = node_agent::words::faults::of_terminal(spoken);
            let said = node_agent::words::faults::said(&error, language);
            eprintln!("{word}: {said}");
            ExitCode::FAILURE
        }
    }
}

/// Puts the taxonomy in place that the command line or the node's configuration names, before anything is read by it.
fn install_taxonomy(matches: &ArgMatches) -> Result<()> {
    let configured = || {
        let dir = NodeDir::new(argument(matches, "dir")?);
        dir.read_config().ok()?.taxonomy
    };
    if let Some(folder) = argument(matches, "taxonomy").or_else(configured) {
        taxonomy::Taxonomy::install(&folder)
            .with_context(|| format!("the taxonomy in {} is refused", folder.display()))?;
    }
    Ok(())
}

/// The path that an argument of the innermost command holds.
fn argument(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    match matches.subcommand() {
        Some((_, below)) => argument(below, name),
        None => matches.try_get_one::<PathBuf>(name).ok().flatten().cloned(),
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Init(init) => commands::init::run(&init)?,
        Command::Keygen { out } => {
            let key = identity::SigningKey::create(&out)
                .with_context(|| format!("cannot make a key at {}", out.display()))?;
            println!("{}", node_agent::keys::public(&key));
        }
        Command::Join {
            dir,
            join_string,
            dpo_key,
            spoken,
        } => {
            let dir = NodeDir::new(dir.dir);
            commands::join::run(&dir, &join_string, dpo_key.as_deref(), spoken).await?
        }
        Command::Serve { dir, .. } => node_agent::serve::serve(NodeDir::new(dir.dir)).await?,
        Command::Open { dir } => println!("{}", node_agent::page::open(&NodeDir::new(dir.dir))?),
        Command::Pause { dir } => set_paused(&NodeDir::new(dir.dir), true)?,
        Command::Resume { dir } => set_paused(&NodeDir::new(dir.dir), false)?,
        Command::Status { dir, json, spoken } => {
            commands::status::run(&NodeDir::new(dir.dir), json, spoken).await?
        }
        Command::Preview { dir, preview } => {
            commands::preview::run(&NodeDir::new(dir.dir), &preview).await?
        }
        Command::Study { command } => commands::study::run(command).await?,
        Command::Mapping { command } => commands::mapping::run(command)?,
        Command::Objection { command } => commands::objection::run(command)?,
        Command::Budget { command } => commands::budget::run(command).await?,
        Command::Targets { dir, json, spoken } => {
            commands::targets::run(&NodeDir::new(dir.dir), json, spoken)?
        }
        Command::Policy { command } => return commands::policy::run(command).await,
        Command::Requests { command } => commands::requests::run(command).await?,
        Command::Offer { command } => commands::offer::run(command).await?,
        Command::Backup(backup) => commands::backup::back_up(&backup).await?,
        Command::Restore(restore) => commands::backup::restore(&restore).await?,
        Command::Law(law) => commands::law::run(&law).await?,
        Command::Audit { command } => {
            return match command {
                AuditCommand::Verify(what) => commands::audit::verify(&what).await,
                AuditCommand::Coordinator(command) => commands::coordinator::run(command).await,
                AuditCommand::Witness(command) => commands::witness::run(command).await,
                AuditCommand::Export { dir, out } => {
                    commands::audit::export(&NodeDir::new(dir.dir), &out).await
                }
            };
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn set_paused(dir: &NodeDir, paused: bool) -> Result<()> {
    dir.read_config()?;
    dir.set_paused(paused)?;
    println!("{}", if paused { "paused" } else { "resumed" });
    Ok(())
}
