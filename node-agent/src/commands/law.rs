//! `node-agent law`: documents for the data protection officer, printed as HTML or JSON. It writes no file and sends nothing.

use crate::clock;
use crate::config::NodeDir;
use crate::fault::{self, OrFault};
use crate::law::{self, Facts, Kind, Language};
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One printable page.
    Html,
    /// For other programs.
    Json,
}

/// Options.
#[derive(Args)]
pub struct Law {
    /// Which document.
    #[arg(value_name = "DOCUMENT")]
    kind: Kind,
    /// The node's folder.
    #[arg(long)]
    dir: PathBuf,
    /// The study, for the sheet of a study.
    #[arg(long)]
    study: Option<String>,
    /// What organisations are called: a TOML file of lines `identifier = "Name"`. Without it they stand by their identifiers.
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// The language.
    #[arg(long, default_value = "it")]
    lang: Language,
    /// The format.
    #[arg(long, default_value = "html")]
    format: Format,
}

/// Prints the document.
///
/// # Errors
/// When the folder or the file of names cannot be read, or the study is not known.
pub async fn run(law: &Law) -> Result<()> {
    let mut facts = Facts::read(&NodeDir::new(&law.dir), clock::now()).await?;
    if let Some(file) = &law.names {
        facts.names = names(file)?;
    }
    let document = law::write(law.kind, &facts, law.study.as_deref(), law.lang)?;
    match law.format {
        Format::Html => print!("{}", law::page(&document)),
        Format::Json => println!("{}", serde_json::to_string_pretty(&document)?),
    }
    Ok(())
}

fn names(file: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(file).or_unread(file)?;
    Ok(toml::from_str(&text).or_fault(|| fault::NO_NAMES.with([&file.display().to_string()]))?)
}
