//! `node-agent objection`: who objected or must be forgotten, on this node's own list.
//! Codes are read from standard input or a file, never from the command line, which other programs can see.

use crate::commands::spoken::Spoken;
use crate::config::NodeDir;
use crate::objections::{self, Reason};
use crate::people::{Naming, quoted};
use crate::words::Language;
use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use snapshot::Mapping;
use std::io::{BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Commands on the list.
#[derive(Subcommand)]
pub enum ObjectionCommand {
    /// Enters people, one line of standard input or of a file each: the codice fiscale, or the key columns with `;` between them.
    /// Lines that name nobody are reported by number; all others are entered.
    Add {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// A file in place of standard input: one person a line, or a table (CSV, XLSX) with the mapping's key columns.
        #[arg(long)]
        file: Option<PathBuf>,
        /// Why they are left out.
        #[arg(long, value_enum, default_value = "objection")]
        reason: Reason,
        /// The language of what is said.
        #[command(flatten)]
        spoken: Spoken,
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
        /// The language of what is said.
        #[command(flatten)]
        spoken: Spoken,
    },
}

/// Runs one of the commands.
///
/// # Errors
/// When the folder is no node's, or a line names nobody.
pub fn run(command: ObjectionCommand) -> Result<()> {
    match command {
        ObjectionCommand::Add {
            dir,
            file,
            reason,
            spoken,
        } => add(
            &NodeDir::new(dir),
            file.as_deref(),
            reason,
            spoken.language(),
        ),
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
        ObjectionCommand::Remove { dir, id, spoken } => {
            let language = spoken.language();
            ensure!(
                objections::remove(&NodeDir::new(dir), &id)?,
                language.fill("terminal-no-entry", &[("id", &id)])
            );
            println!("{}", language.fill("terminal-taken-off", &[("id", &id)]));
            Ok(())
        }
    }
}

fn add(dir: &NodeDir, file: Option<&Path>, reason: Reason, language: Language) -> Result<()> {
    dir.read_config()?;
    let text = std::fs::read_to_string(dir.mapping()).context("cannot read the mapping")?;
    let mapping = Mapping::parse(&text)?;
    let naming = Naming::of(&mapping);
    let list = match file {
        Some(file) => naming.read_file(file, &mapping)?,
        None => naming.read_text(&typed(&naming, language)?),
    };
    list.ensure_not_empty()?;
    let entered = objections::enter_list(dir, &mapping, &list, reason)?;
    let (new, known) = (entered.new.to_string(), entered.known.to_string());
    let told = [("new", &*new), ("known", &*known)];
    println!("{}", language.fill("terminal-entered", &told));
    if !list.unreadable.is_empty() {
        let write = match naming.is_by_code() {
            true => language.say("terminal-a-code").to_owned(),
            false => {
                let columns = quoted(naming.columns());
                language.fill("terminal-key-columns", &[("columns", &columns)])
            }
        };
        let (count, lines) = (list.unreadable.len().to_string(), list.unreadable_lines());
        let told = [("count", &*count), ("lines", &*lines), ("write", &*write)];
        bail!(language.fill("terminal-not-people", &told));
    }
    Ok(())
}

/// Standard input: all of it, or up to an empty line where a person types.
fn typed(naming: &Naming, language: Language) -> Result<String> {
    let mut text = String::new();
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        let columns = naming.columns().join(";");
        println!(
            "{}",
            language.fill("terminal-type-people", &[("columns", &columns)])
        );
        for line in input.lines() {
            let line = line?;
            if line.trim().is_empty() {
                break;
            }
            text.push_str(&line);
            text.push('\n');
        }
    } else {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes)?;
        text = source::decode_text(&bytes);
    }
    Ok(text)
}
