//! `node-agent budget`: where every cap of the account stands, and the signed acts that move budget or promise more.
//! An officer's key is read for the one act and kept nowhere; what is shown follows from policy and ledger alone.

use crate::config::NodeDir;
use crate::studies::Studies;
use crate::words::Language;
use crate::{acts, clock, node};
use anyhow::{Result, ensure};
use clap::Subcommand;
use identity::SigningKey;
use ledger::{Cap, CapStanding, Exhaustion, LedgerReader};
use policy::Authorizer;
use privacy_loss::{NanoRho, epsilon};
use protocol::{NewGuarantee, SubCap};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::PathBuf;

/// What can be done with the budget.
#[derive(Subcommand)]
pub enum BudgetCommand {
    /// Shows every cap: what it allows, what is spent, what is left and until when it lasts.
    Show {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Moves unspent budget from one year, dataset, purpose or study to another, as data protection officer.
    Move {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// What both parts are: `year`, `dataset`, `purpose` or `study`.
        #[arg(long, value_parser = part)]
        part: SubCap,
        /// The part that gives, such as `2027`.
        #[arg(long)]
        from: String,
        /// The part that receives, such as `2026`.
        #[arg(long)]
        to: String,
        /// How much, in nano-rho.
        #[arg(long)]
        rho: u64,
        /// Why, in one line without personal data.
        #[arg(long)]
        reason: String,
        /// The officer's signing key; read for this act only.
        #[arg(long)]
        dpo_key: PathBuf,
    },
    /// Begins a new guarantee: a higher lifetime cap, which a second person must sign too.
    Raise {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The lifetime cap to be promised, in nano-rho.
        #[arg(long)]
        lifetime: u64,
        /// Why, in one line without personal data.
        #[arg(long)]
        reason: String,
        /// The officer's signing key; read for this act only.
        #[arg(long)]
        dpo_key: PathBuf,
    },
    /// Adds the second signature to a new guarantee and enters it.
    Countersign {
        /// The node's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The act's id, as `raise` printed it.
        #[arg(long)]
        act: String,
        /// Signing key of a second officer, or of a person in `dpo.second_keys`; read for this act only.
        #[arg(long)]
        dpo_key: PathBuf,
    },
}

fn part(name: &str) -> Result<SubCap, String> {
    SubCap::from_name(name)
        .ok_or_else(|| "write `year`, `dataset`, `purpose` or `study`".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When folder, policy or ledger cannot be read.
pub async fn run(command: BudgetCommand) -> Result<()> {
    match command {
        BudgetCommand::Show { dir, json } => {
            let dir = NodeDir::new(dir);
            let standings = standings(&dir, &node::read_policy(&dir).await?).await?;
            if json {
                println!("{}", serde_json::to_string_pretty(&as_json(&standings))?);
            } else {
                print(&standings, Language::of_environment());
            }
        }
        BudgetCommand::Move {
            dir,
            part,
            from,
            to,
            rho,
            reason,
            dpo_key,
        } => {
            let dir = NodeDir::new(dir);
            let officer = SigningKey::load(&dpo_key)?;
            let wish = acts::Wish {
                part,
                from,
                to,
                rho: NanoRho::new(rho),
                reason,
            };
            let index = acts::move_budget(&dir, wish, &officer, clock::now()).await?;
            println!("moved, at entry {index} of the log");
            let standings = standings(&dir, &node::read_policy(&dir).await?).await?;
            print(&standings, Language::of_environment());
        }
        BudgetCommand::Raise {
            dir,
            lifetime,
            reason,
            dpo_key,
        } => {
            let dir = NodeDir::new(dir);
            let officer = SigningKey::load(&dpo_key)?;
            let lifetime = NanoRho::new(lifetime);
            let act = acts::begin_raise(&dir, lifetime, reason, &officer, clock::now()).await?;
            println!("{}", in_words_of(&act));
            println!(
                "nothing has changed yet: a second person runs `node-agent budget countersign --dir {} --act {} --dpo-key FILE`",
                dir.path().display(),
                act.id
            );
        }
        BudgetCommand::Countersign { dir, act, dpo_key } => {
            let dir = NodeDir::new(dir);
            let second = SigningKey::load(&dpo_key)?;
            let (act, index) =
                acts::countersign(&dir, &act, &second, clock::now(), confirmed).await?;
            println!("promised, at entry {index} of the log");
            if node::read_policy(&dir).await?.caps().lifetime < act.lifetime {
                println!(
                    "the policy still names less; change `caps.lifetime` in {} to spend more",
                    dir.policy().display()
                );
            }
        }
    }
    Ok(())
}

/// Shows the second person what they are about to sign; at a terminal they must say yes.
fn confirmed(act: &NewGuarantee) -> Result<()> {
    println!("{}", in_words_of(act));
    if std::io::stdin().is_terminal() {
        println!("sign it? `yes` signs");
        let mut said = String::new();
        std::io::stdin().read_line(&mut said)?;
        ensure!(said.trim() == "yes", "nothing was signed");
    }
    Ok(())
}

/// What the two persons sign, with what it means.
fn in_words_of(act: &NewGuarantee) -> String {
    format!(
        "new guarantee {}: lifetime cap {} in place of {}, epsilon {:.2} in place of {:.2} at delta 1e-6\n  reason: {}",
        act.id,
        act.lifetime,
        act.lifetime_before,
        epsilon(act.lifetime, 1e-6),
        epsilon(act.lifetime_before, 1e-6),
        act.reason
    )
}

/// Where every cap stands, the parts this node knows included. Before the first start nothing is spent.
///
/// # Errors
/// When configuration or ledger cannot be read.
pub(crate) async fn standings(dir: &NodeDir, policy: &Authorizer) -> Result<Vec<CapStanding>> {
    let known = known_parts(dir, policy)?;
    let now = clock::now();
    Ok(match LedgerReader::open_made(&dir.ledger()).await? {
        Some(ledger) => ledger.standing(policy.caps(), &known, now).await?,
        None => ledger::unspent(policy.caps(), &known, now)?,
    })
}

/// The dataset, purposes and studies to which something can be charged here.
///
/// # Errors
/// When the configuration cannot be read.
pub(crate) fn known_parts(dir: &NodeDir, policy: &Authorizer) -> Result<Vec<(SubCap, String)>> {
    let config = dir.read_config()?;
    let mut known = vec![(SubCap::Dataset, config.dataset.id.clone())];
    let purposes = policy.document().purposes.keys();
    known.extend(purposes.map(|purpose| (SubCap::Purpose, purpose.clone())));
    let studies = Studies::new(dir, &config.organisation).ids();
    known.extend(studies.into_iter().map(|study| (SubCap::Study, study)));
    Ok(known)
}

/// The standings as JSON; amounts in nano-rho, times in unix seconds.
pub(crate) fn as_json(standings: &[CapStanding]) -> Value {
    let lasts = |exhaustion: Exhaustion| match exhaustion {
        Exhaustion::UsedUp => json!({ "kind": "used-up" }),
        Exhaustion::At(at) => json!({ "kind": "until", "at": at }),
        Exhaustion::NotInPeriod => json!({ "kind": "not-in-period" }),
        Exhaustion::NoPace => json!({ "kind": "no-pace" }),
    };
    (standings.iter())
        .map(|standing| {
            json!({
                "cap": standing.cap.as_str(),
                "key": standing.key,
                "limit": standing.limit,
                "spent": standing.spent,
                "left": standing.left(),
                "at_the_pace_of_90_days": lasts(standing.recent),
                "at_the_pace_since_the_first_charge": lasts(standing.overall),
            })
        })
        .collect()
}

/// Prints one line for each cap.
pub(crate) fn print(standings: &[CapStanding], language: Language) {
    for standing in standings {
        let name = match standing.cap {
            Cap::Lifetime => language.say("terminal-lifetime").to_owned(),
            Cap::Part(part) => format!("{part} {}", standing.key),
        };
        let budget = [
            ("name", name),
            ("spent", standing.spent.to_string()),
            ("limit", standing.limit.to_string()),
            ("left", standing.left().to_string()),
            ("until", in_words(standing, language)),
        ];
        let budget = budget.each_ref().map(|(place, text)| (*place, &**text));
        println!("{}", language.fill("terminal-budget", &budget));
        if standing.cap == Cap::Lifetime {
            let epsilon = |rho: NanoRho| format!("{:.2}", epsilon(rho, 1e-6));
            let (spent, limit) = (epsilon(standing.spent), epsilon(standing.limit));
            let epsilons = [("spent", &*spent), ("limit", &*limit)];
            println!("{}", language.fill("terminal-epsilon", &epsilons));
        }
    }
}

/// Until when a cap lasts, as a reader would say it; nothing where nothing was charged yet.
fn in_words(standing: &CapStanding, language: Language) -> String {
    let until = |exhaustion: Exhaustion| match exhaustion {
        Exhaustion::UsedUp => Some(language.say("terminal-used-up").to_owned()),
        Exhaustion::At(at) => jiff::Timestamp::from_second(at).ok().map(|at| {
            let day = at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
            language.fill("terminal-until", &[("day", &day)])
        }),
        Exhaustion::NotInPeriod => Some(language.say("terminal-through").to_owned()),
        Exhaustion::NoPace => None,
    };
    let said = match (until(standing.recent), until(standing.overall)) {
        (Some(recent), Some(overall)) if recent == overall => recent,
        (Some(recent), Some(overall)) => {
            let paces = [("recent", &*recent), ("overall", &*overall)];
            language.fill("terminal-paces", &paces)
        }
        (Some(recent), None) => language.fill("terminal-pace-recent", &[("recent", &recent)]),
        (None, Some(overall)) => language.fill("terminal-pace-overall", &[("overall", &overall)]),
        (None, None) => return String::new(),
    };
    format!("; {said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(recent: Exhaustion, overall: Exhaustion) -> CapStanding {
        CapStanding {
            cap: Cap::Lifetime,
            key: String::new(),
            limit: NanoRho::new(10),
            spent: NanoRho::new(4),
            recent,
            overall,
        }
    }

    #[test]
    fn a_forecast_is_said_once_where_both_paces_agree() {
        let at = Exhaustion::At(1_750_000_000);
        let said = |recent, overall| in_words(&standing(recent, overall), Language::En);
        assert_eq!(said(at, at), "; until 2025-06-15");
        assert_eq!(
            said(Exhaustion::NoPace, at),
            "; until 2025-06-15 at the pace since the first charge, nothing spent for 90 days"
        );
        assert_eq!(said(Exhaustion::NoPace, Exhaustion::NoPace), "");
        assert_eq!(said(Exhaustion::UsedUp, Exhaustion::UsedUp), "; used up");
    }

    #[test]
    fn json_states_amounts_and_times_as_numbers() {
        let value = as_json(&[standing(Exhaustion::At(7), Exhaustion::NotInPeriod)]);
        assert_eq!(value[0]["left"], 6);
        assert_eq!(value[0]["at_the_pace_of_90_days"]["at"], 7);
        assert_eq!(
            value[0]["at_the_pace_since_the_first_charge"]["kind"],
            "not-in-period"
        );
    }
}
