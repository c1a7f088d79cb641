//! `coordinator taxonomy check`: whether a list of targets can be used, and what is in it.
//! Without a file it checks the list this program is built with.

use anyhow::{Context, Result};
use clap::Subcommand;
use std::path::PathBuf;
use taxonomy::{Taxonomy, Unit};

/// The list of target groups.
#[derive(Debug, Subcommand)]
pub enum TaxonomyCommand {
    /// Checks a list of targets: every fault with the target, the field and the remedy; exit code 1 if there is one.
    Check {
        /// The list of targets, or a folder with `targets.toml` and `services.toml`; the one built in where absent.
        file: Option<PathBuf>,
    },
}

/// Runs a command.
///
/// # Errors
/// A file that cannot be read, or the faults of the list.
pub fn run(command: &TaxonomyCommand) -> Result<()> {
    let TaxonomyCommand::Check { file } = command;
    let read;
    let taxonomy = match file {
        None => Taxonomy::built_in(),
        Some(folder) if folder.is_dir() => {
            Taxonomy::install(folder).with_context(|| format!("{} is refused", folder.display()))?
        }
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            read =
                Taxonomy::parse(&text).with_context(|| format!("{} is refused", file.display()))?;
            &read
        }
    };
    let count = |is_counted: &dyn Fn(&taxonomy::Target) -> bool| {
        taxonomy
            .targets()
            .iter()
            .filter(|target| is_counted(target))
            .count()
    };
    println!("publisher       {}", taxonomy.publisher());
    println!("version         {}", taxonomy.version());
    println!("sha-256         {}", protocol::hex(&taxonomy.hash()));
    println!(
        "person targets  {}",
        count(&|target| target.unit == Unit::Person)
    );
    println!(
        "family targets  {}",
        count(&|target| target.unit == Unit::Family)
    );
    println!(
        "read household  {}",
        count(&|target| target.predicate.reads_household())
    );
    println!(
        "must be named   {}",
        count(&taxonomy::Target::must_be_named)
    );
    Ok(())
}
