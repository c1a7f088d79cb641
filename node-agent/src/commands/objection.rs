//! `node-agent objection`: who objected or must be forgotten, on this node's own list.
//! Codes are read from standard input, never from the command line, which other programs can see.

use crate::clock;
use crate::config::NodeDir;
use crate::keys;
use crate::objections::{self, Reason};
use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use snapshot::{CodiceFiscale, Mapping, NodeKey, PersonKey};
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

/// Commands on the list.
#[derive(Subcommand)]
pub enum ObjectionCommand {
    /// Enters people, one line of standard input each: the codice fiscale, or the key columns with `;` between them.
    Add {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// Why they are left out.
        #[arg(long, value_enum, default_value = "objection")]
        reason: Reason,
    },
    /// Lists the entries: number, day, reason. Nobody can tell from them who it is.
    List {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Takes an entry off the list.
    Remove {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The entry's number, as `objection list` prints it.
        id: String,
    },
}

/// Runs one of the commands.
///
/// # Errors
/// When the folder is no node's, or a line names nobody.
pub fn run(command: ObjectionCommand) -> Result<()> {
    match command {
        ObjectionCommand::Add { dir, reason } => add(&NodeDir::new(dir), reason),
        ObjectionCommand::List { dir } => {
            for entry in objections::entries(&NodeDir::new(dir))? {
                let reason = serde_json::to_string(&entry.reason)?;
                println!(
                    "{}  {}  {}",
                    entry.id(),
                    entry.entered,
                    reason.trim_matches('"')
                );
            }
            Ok(())
        }
        ObjectionCommand::Remove { dir, id } => {
            ensure!(
                objections::remove(&NodeDir::new(dir), &id)?,
                "there is no entry {id}; `node-agent objection list` prints them"
            );
            println!("removed {id}; the next edition holds this person again");
            Ok(())
        }
    }
}

fn add(dir: &NodeDir, reason: Reason) -> Result<()> {
    dir.read_config()?;
    let key = NodeKey::new(&keys::pseudonym_secret(dir)?);
    let text = std::fs::read_to_string(dir.mapping()).context("cannot read the mapping")?;
    let mapping = Mapping::parse(&text)?;
    let columns = mapping.person_key();
    if std::io::stdin().is_terminal() {
        let what = match columns {
            [] => "codice fiscale".to_owned(),
            columns => columns.join(";"),
        };
        println!("{what}, one person a line, an empty line to end:");
    }
    let (mut entered, mut known) = (0, 0);
    for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
        let line = line?;
        if line.trim().is_empty() {
            break;
        }
        let person = match columns {
            [] => CodiceFiscale::parse(&line).ok().map(PersonKey::of_code),
            columns if line.split(';').count() == columns.len() => {
                PersonKey::of_columns(line.split(';'))
            }
            _ => None,
        };
        let Some(person) = person else {
            bail!(
                "line {number} names nobody: write {}; the lines before it were entered",
                match columns {
                    [] => "a valid codice fiscale".to_owned(),
                    columns => format!("{} with `;` between them", columns.join(", ")),
                }
            );
        };
        match objections::add(dir, &key, columns, &person, reason, today())? {
            true => entered += 1,
            false => known += 1,
        }
    }
    println!("entered {entered}, on the list already {known}; left out from the next edition on");
    Ok(())
}

fn today() -> String {
    let now = jiff::Timestamp::from_second(clock::now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
