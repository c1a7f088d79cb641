//! `node-agent mapping`: the mapping's schema, for editors that complete and check as one writes, and a check of a mapping.

use crate::commands::spoken::Spoken;
use anyhow::{Context, Result};
use clap::Subcommand;
use snapshot::Mapping;
use std::path::PathBuf;

/// Commands on mappings.
#[derive(Subcommand)]
pub enum MappingCommand {
    /// Prints the JSON Schema of `mapping.toml`.
    Schema,
    /// Checks a mapping and says what it lacks. Reads no register.
    Check {
        /// The mapping.
        #[arg(long)]
        file: PathBuf,
        /// The language of what is said.
        #[command(flatten)]
        spoken: Spoken,
    },
}

/// Runs one of the commands.
///
/// # Errors
/// A mapping that does not read, with the key and what to write instead.
pub fn run(command: MappingCommand) -> Result<()> {
    match command {
        MappingCommand::Schema => {
            println!(
                "{}",
                serde_json::to_string_pretty(&source::mapping_schema())?
            );
        }
        MappingCommand::Check { file, spoken } => {
            let language = spoken.language();
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file)
                .with_context(|| language.fill("terminal-mapping-unread", &[("name", &name)]))?;
            let mapping =
                Mapping::parse(&text).with_context(|| language.say("terminal-mapping-invalid"))?;
            let level = mapping.finest_level().id();
            let reads = [("file", name.as_str()), ("level", level)];
            println!("{}", language.fill("terminal-mapping-reads", &reads));
        }
    }
    Ok(())
}
