//! `node-agent offer`: publishing what the organisation offers, for planning. Reads a file of places and services, never the register.

use crate::commands::spoken::Spoken;
use crate::config::NodeDir;
use crate::node::{open_ledger, read_policy};
use crate::words::Language;
use crate::words::faults::of_remark;
use crate::{clock, offer};
use ::offer::{Offer, read_file};
use anyhow::{Context, Result, ensure};
use audit::{EntryKind, Fact};
use clap::Subcommand;
use geography::City;
use protocol::OfferNotice;
use std::path::PathBuf;

/// What can be done with the offer.
#[derive(Subcommand)]
pub enum OfferCommand {
    /// Signs an offer for the coordinator, as the next version; a serving node hands it in.
    Publish {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// Sites and services: plain columns or the QuBi columns as CSV or XLSX, HSDS as JSON or as a folder of CSV files.
        #[arg(long)]
        file: PathBuf,
        /// A GeoJSON file of official outlines, by which sites with a position and no NIL are placed.
        #[arg(long)]
        areas: Option<PathBuf>,
        /// The language of what is said.
        #[command(flatten)]
        spoken: Spoken,
    },
    /// Shows the offer last signed.
    Show {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The language of what is said.
        #[command(flatten)]
        spoken: Spoken,
    },
    /// Signs an empty offer as the next version.
    Withdraw {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The language of what is said.
        #[command(flatten)]
        spoken: Spoken,
    },
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be read or the policy does not let it be published.
pub async fn run(command: OfferCommand) -> Result<()> {
    match command {
        OfferCommand::Publish {
            dir,
            file,
            areas,
            spoken,
        } => {
            let language = spoken.language();
            let refused = |path: &std::path::Path| {
                language.fill(
                    "terminal-offer-refused",
                    &[("name", &path.display().to_string())],
                )
            };
            let mut loaded = read_file(&file).with_context(|| refused(&file))?;
            if let Some(areas) = areas {
                let outlines = std::fs::read(&areas).with_context(|| refused(&areas))?;
                let city = City::with_outlines(&outlines).with_context(|| refused(&areas))?;
                loaded.offer.place(city.outlines());
            }
            let name = file.display().to_string();
            ensure!(
                !offer::is_empty(&loaded.offer),
                language.fill("terminal-offer-nothing", &[("name", &name)])
            );
            for remark in &loaded.remarks {
                let places = [("remark", &*of_remark(remark, language))];
                println!("{}", language.fill("terminal-offer-remark", &places));
            }
            sign(&NodeDir::new(dir), loaded.offer, language).await
        }
        OfferCommand::Withdraw { dir, spoken } => {
            sign(&NodeDir::new(dir), Offer::default(), spoken.language()).await
        }
        OfferCommand::Show { dir, spoken } => {
            let language = spoken.language();
            match offer::signed(&NodeDir::new(dir))? {
                Some((_, notice)) => show(&notice, language),
                None => println!("{}", language.say("terminal-offer-none")),
            }
            Ok(())
        }
    }
}

async fn sign(dir: &NodeDir, offer: Offer, language: Language) -> Result<()> {
    let policy = read_policy(dir).await?;
    let notice = offer::sign(dir, &policy, offer, clock::now())?;
    if dir.ledger().exists() {
        let ledger = open_ledger(dir, &notice.organisation).await?;
        let act = match offer::is_empty(&notice.offer) {
            true => "offer-withdrawn",
            false => "offer-published",
        };
        let facts = [
            ("act", Fact::from(act)),
            ("revision", Fact::from(notice.revision)),
        ];
        ledger
            .record(EntryKind::AdminAct, &facts, b"", clock::now())
            .await?;
    }
    show(&notice, language);
    println!("{}", language.say("terminal-offer-handed-in"));
    Ok(())
}

fn show(notice: &OfferNotice, language: Language) {
    let placed = notice.offer.sites.iter().filter(|site| site.nil.is_some());
    let places: u64 = (notice.offer.services.iter())
        .map(|service| u64::from(service.capacity.unwrap_or(0)))
        .sum();
    let counts = [
        ("revision", notice.revision.to_string()),
        ("sites", notice.offer.sites.len().to_string()),
        ("placed", placed.count().to_string()),
        ("services", notice.offer.services.len().to_string()),
        ("places", places.to_string()),
    ];
    let counts = counts.each_ref().map(|(place, count)| (*place, &**count));
    println!("{}", language.fill("terminal-offer", &counts));
}
