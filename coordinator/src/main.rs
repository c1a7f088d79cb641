//! The coordinator's command line: serve, and acts of administration.
//! It parses, opens, and hands over; what is done is in the library.

use anyhow::{Context, Result, anyhow};
use clap::{Parser, Subcommand};
use coordinator::admin_accounts::{self, Change};
use coordinator::areas::Areas;
use coordinator::store::accounts::Role;
use coordinator::{
    Config, access_command, admin, forecast_command, offer_command, optimise_command, serve,
    solve_worker, taxonomy_command,
};
use std::io::{IsTerminal as _, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Asks organisations' nodes, composes their noisy answers, serves the website.
#[derive(Parser)]
#[command(name = "coordinator", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the website, its API and the nodes.
    Serve {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// A folder with other lists of target groups and services, in place of the one that the configuration names.
        #[arg(long, value_name = "FOLDER")]
        taxonomy: Option<PathBuf>,
    },
    /// Acts of administration; each is logged.
    #[command(subcommand)]
    Admin(Admin),
    /// The log: exporting it, and verifying packs.
    #[command(subcommand)]
    Audit(Audit),
    /// Checks a file of official outlines before it is served: closed rings, ids, reference system, places.
    Areas {
        /// The GeoJSON file.
        #[arg(long)]
        file: PathBuf,
    },
    /// Policies of organisations: check, test, compare, sign.
    #[command(subcommand)]
    Policy(policy_commands::PolicyCommand),
    /// Forecasts series with known noise: CSV in, CSV with intervals out.
    Forecast(forecast_command::Options),
    /// Sites and services.
    #[command(subcommand)]
    Offer(offer_command::OfferCommand),
    /// The list of target groups.
    #[command(subcommand)]
    Taxonomy(taxonomy_command::TaxonomyCommand),
    /// Measures who reaches which offer, and what a scenario changes.
    Access(Box<access_command::Options>),
    /// Finds where to open, with how many places: a plan with its bound, and how solid it is against noise.
    Optimise(Box<optimise_command::Options>),
    /// Solves the problem on standard input for another process of this program.
    #[command(hide = true)]
    SolveWorker,
    /// Prints the description of the API (OpenAPI 3.1, JSON).
    Openapi,
}

#[derive(Subcommand)]
enum Audit {
    /// Writes the log, its proofs and the studies into one ZIP that a third party can verify.
    Export {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// The file to write; it must not exist.
        #[arg(long)]
        out: PathBuf,
    },
    /// Verifies evidence packs of anybody; needs no configuration. Exit code 0 if all holds, 1 if a file cannot be read, 3 if
    /// a log is not what was signed, 4 if books do not add up, 5 if the two sides do not agree.
    Verify {
        /// Evidence packs; a node's is compared with the coordinator's where both are given.
        #[arg(value_name = "PACK", required = true)]
        packs: Vec<PathBuf>,
        /// A file of public keys received by another way than the packs, one to a line.
        #[arg(long)]
        keys: PathBuf,
        /// A checkpoint kept from before; can be repeated.
        #[arg(long)]
        checkpoint: Vec<PathBuf>,
        /// How many witnesses of the file of keys must have cosigned each log, its own keeper not counted.
        #[arg(long, default_value_t = 0, value_name = "K")]
        witnesses: usize,
    },
}

#[derive(Subcommand)]
enum Admin {
    /// Makes authority, log key, database and configuration, and prints the authority's fingerprint.
    Init {
        /// The folder.
        #[arg(long)]
        dir: PathBuf,
        /// Where the website and API listen.
        #[arg(long, default_value = "127.0.0.1:8420")]
        web_listen: SocketAddr,
        /// Where nodes are served.
        #[arg(long, default_value = "127.0.0.1:8421")]
        node_listen: SocketAddr,
        /// The address nodes dial, where it is another.
        #[arg(long)]
        node_address: Option<String>,
    },
    /// Accounts of people.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Makes an API token for an account and prints it.
    ApiToken {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// The account's name.
        #[arg(long)]
        name: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        label: String,
    },
    /// Invites an organisation and prints its join string.
    JoinToken {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// The organisation's identifier.
        #[arg(long)]
        organisation: String,
        /// Its name for people; the identifier where absent.
        #[arg(long)]
        name: Option<String>,
        /// Lets an organisation that joined before pin another data protection officer's key.
        #[arg(long)]
        new_officer: bool,
    },
    /// Nodes of organisations.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Studies.
    #[command(subcommand)]
    Study(StudyCommand),
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Adds an account.
    Add {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// Its name.
        #[arg(long)]
        name: String,
        /// analyst, organisation, dpo or admin.
        #[arg(long, value_parser = role)]
        role: Role,
        /// The organisation it belongs to.
        #[arg(long)]
        organisation: Option<String>,
        /// Reads the password from standard input; there is no other way to give it.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Changes an account and ends its sessions.
    Change {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// Its name.
        #[arg(long)]
        name: String,
        /// analyst, organisation, dpo or admin.
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        /// The organisation it belongs to.
        #[arg(long)]
        organisation: Option<String>,
        /// Reads a new password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Closes an account: sessions and API tokens end, and nobody can sign in. What it asked stays in the books.
    Close {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// Its name.
        #[arg(long)]
        name: String,
    },
}

#[derive(Subcommand)]
enum NodeCommand {
    /// Bars an organisation's node until it joins again.
    Revoke {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// The organisation's identifier.
        #[arg(long)]
        organisation: String,
    },
}

#[derive(Subcommand)]
enum StudyCommand {
    /// Adds a study its requester signed.
    Add {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
        /// The signed study.
        #[arg(long)]
        file: PathBuf,
    },
}

fn role(text: &str) -> Result<Role, String> {
    Role::from_id(text).ok_or_else(|| "one of analyst, organisation, dpo, admin".to_owned())
}

#[tokio::main]
async fn main() -> ExitCode {
    closed_pipe::ends_quietly();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        // HiGHS warns of every search that time cuts short, which the plan's status says.
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,highs=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let done = match Arguments::parse().command {
        Command::Policy(command) => policy_commands::run(command),
        command => run(command).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve { config, taxonomy } => {
            let config = Config::read(&config)?;
            if let Some(folder) = taxonomy.as_ref().or(config.taxonomy.as_ref()) {
                taxonomy::Taxonomy::install(folder)
                    .with_context(|| format!("the taxonomy in {} is refused", folder.display()))?;
            }
            serve::serve(config).await?;
        }
        Command::Admin(command) => administrate(command).await?,
        Command::Audit(Audit::Export { config, out }) => {
            admin::audit_export(&Config::read(&config)?, &out).await?;
            println!("wrote {}", out.display());
        }
        Command::Audit(Audit::Verify {
            packs,
            keys,
            checkpoint,
            witnesses,
        }) => {
            let report = evidence::verify_files(&packs, &keys, &checkpoint, witnesses)?;
            print!("{report}");
            return Ok(ExitCode::from(report.exit_code()));
        }
        Command::Areas { file } => {
            let areas = Areas::load(Some(&file), None)
                .with_context(|| format!("{} is refused", file.display()))?;
            println!(
                "{} fits: an outline for each of the {} areas",
                file.display(),
                areas.count()
            );
        }
        // Its exit code says more than done or not, so `main` runs it.
        Command::Policy(_) => {}
        Command::Forecast(options) => forecast_command::run(&options)?,
        Command::Offer(command) => offer_command::run(&command)?,
        Command::Taxonomy(command) => taxonomy_command::run(&command)?,
        Command::Access(options) => access_command::run(&options)?,
        Command::Optimise(options) => optimise_command::run(&options).await?,
        Command::SolveWorker => solve_worker::work()?,
        Command::Openapi => {
            println!(
                "{}",
                serde_json::to_string_pretty(&coordinator::http::openapi())?
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn password_from_stdin() -> Result<String> {
    let mut password = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut password)
        .context("cannot read the password from standard input")?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}

async fn administrate(command: Admin) -> Result<()> {
    match command {
        Admin::Init {
            dir,
            web_listen,
            node_listen,
            node_address,
        } => {
            let made = admin::init(&dir, web_listen, node_listen, node_address).await?;
            println!("configuration        {}", made.config.display());
            println!("authority fingerprint {}", made.authority);
        }
        Admin::Account(AccountCommand::Add {
            config,
            name,
            role,
            organisation,
            password_stdin: _,
        }) => {
            let password = password_from_stdin()?;
            let config = Config::read(&config)?;
            admin::account_add(&config, &name, role, organisation.as_deref(), &password).await?;
            println!("added {name}");
        }
        Admin::Account(AccountCommand::Change {
            config,
            name,
            role,
            organisation,
            password_stdin,
        }) => {
            let password = password_stdin.then(password_from_stdin).transpose()?;
            let change = Change {
                role,
                organisation: organisation.as_deref(),
                password: password.as_deref(),
            };
            admin_accounts::account_change(&Config::read(&config)?, &name, &change).await?;
            println!("changed {name}; its sessions have ended");
        }
        Admin::Account(AccountCommand::Close { config, name }) => {
            admin_accounts::account_close(&Config::read(&config)?, &name).await?;
            println!("closed {name}");
        }
        Admin::ApiToken {
            config,
            name,
            label,
        } => {
            println!(
                "{}",
                admin::api_token(&Config::read(&config)?, &name, &label).await?
            );
        }
        Admin::JoinToken {
            config,
            organisation,
            name,
            new_officer,
        } => {
            let (config, name) = (Config::read(&config)?, name.as_deref());
            let text = if new_officer {
                admin::join_token_for_new_officer(&config, &organisation, name).await?
            } else {
                admin::join_token(&config, &organisation, name).await?
            };
            println!("{text}");
        }
        Admin::Node(NodeCommand::Revoke {
            config,
            organisation,
        }) => {
            admin::node_revoke(&Config::read(&config)?, &organisation).await?;
            println!("revoked {organisation}");
        }
        Admin::Study(StudyCommand::Add { config, file }) => {
            let id = admin::study_add(&Config::read(&config)?, &file)
                .await
                .map_err(|error| anyhow!(error))?;
            println!("added {id}");
        }
    }
    Ok(())
}
