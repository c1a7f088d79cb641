//! Policies at the command line, the same under `node-agent policy` and `coordinator policy`: check, test, matrix, diff, simulate,
//! sign. Nothing here brings a policy into force; that is the node's alone, and its officers'.

mod sign;

use anyhow::{Context, Result};
use clap::Subcommand;
use policy::{Approval, Asked, Authorizer, Cases, Day, Decided, Language, Verdict, diff};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use sign::{Sign, read as read_signed, sign};

/// The exit code of a command that found what it looks for: a case that does not hold, a difference, another decision.
pub const FOUND: u8 = 3;

/// What can be done with policy documents.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Checks a document, says what it is and warns of limits that cannot be reached; exit code 1 names key, problem and remedy.
    Check {
        /// The policy.
        file: PathBuf,
    },
    /// Prints the JSON Schema of policy documents.
    Schema,
    /// Tries expected decisions, a TOML file of cases; exit code 3 if one does not hold.
    Test {
        /// The policy.
        file: PathBuf,
        /// The cases; by default the file beside the policy that ends in `.cases.toml`.
        #[arg(long)]
        cases: Option<PathBuf>,
        /// Explains every decision, in this language: `it` or `en`.
        #[arg(long, value_parser = language)]
        lang: Option<Language>,
        /// As of this day, `YYYY-MM-DD`; today where absent.
        #[arg(long, value_parser = day)]
        day: Option<Day>,
    },
    /// Prints every decision: role x purpose x category x measure x level.
    Matrix {
        /// The policy.
        file: PathBuf,
        /// Compares with this file instead of printing; exit code 3 if it differs.
        #[arg(long)]
        expected: Option<PathBuf>,
        /// As of this day, `YYYY-MM-DD`; today where absent.
        #[arg(long, value_parser = day)]
        day: Option<Day>,
    },
    /// Prints what two policies decide differently, and what else changes; exit code 3 if anything does.
    Diff {
        /// The policy before.
        before: PathBuf,
        /// The policy after.
        after: PathBuf,
        /// As of this day, `YYYY-MM-DD`; today where absent.
        #[arg(long, value_parser = day)]
        day: Option<Day>,
    },
    /// Replays a log under another policy: newly denied, newly allowed; exit code 3 if anything is.
    Simulate {
        /// The policy to try.
        file: PathBuf,
        /// The log: exported requests, one JSON object a line.
        #[arg(long)]
        log: PathBuf,
        /// The language of explanations: `it` or `en`.
        #[arg(long, value_parser = language, default_value = "en")]
        lang: Language,
    },
    /// Signs a policy as data protection officer, or adds a signature to one signed by another.
    Sign(Sign),
}

fn language(id: &str) -> Result<Language, String> {
    Language::from_id(id).ok_or_else(|| "write `it` or `en`".to_owned())
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a day as 2026-12-31".to_owned())
}

fn today() -> Day {
    Day::of(jiff::Timestamp::now().as_second())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a policy document.
///
/// # Errors
/// When it cannot be read or is not valid; the message names key, problem and remedy.
pub fn read_policy(path: &Path) -> Result<Authorizer> {
    Authorizer::from_toml(&read(path)?)
        .with_context(|| format!("{} is not a valid policy", path.display()))
}

fn found(anything: bool) -> ExitCode {
    match anything {
        true => ExitCode::from(FOUND),
        false => ExitCode::SUCCESS,
    }
}

/// Runs a command.
///
/// # Errors
/// When a file cannot be read or is not valid.
pub fn run(command: PolicyCommand) -> Result<ExitCode> {
    match command {
        PolicyCommand::Check { file } => check(&file),
        PolicyCommand::Schema => {
            println!("{}", serde_json::to_string_pretty(&policy::schema())?);
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Test {
            file,
            cases,
            lang,
            day,
        } => test(
            &read_policy(&file)?,
            &cases.unwrap_or_else(|| file.with_extension("cases.toml")),
            lang,
            day.unwrap_or_else(today),
        ),
        PolicyCommand::Matrix {
            file,
            expected,
            day,
        } => {
            let text = policy::matrix(&read_policy(&file)?, day.unwrap_or_else(today));
            match expected {
                None => {
                    print!("{text}");
                    Ok(ExitCode::SUCCESS)
                }
                Some(expected) => {
                    let same = read(&expected)? == text;
                    if !same {
                        println!("{} differs from the policy's decisions", expected.display());
                    }
                    Ok(found(!same))
                }
            }
        }
        PolicyCommand::Diff { before, after, day } => {
            let (before, after) = (read_policy(&before)?, read_policy(&after)?);
            let decisions = diff::decisions(&before, &after, day.unwrap_or_else(today));
            let terms = diff::terms(&before, &after);
            for row in policy::folded::folded(&decisions) {
                println!("{row}");
            }
            for term in &terms {
                println!("term      {term}");
            }
            if decisions.is_empty() && terms.is_empty() {
                println!("both policies decide alike");
            }
            Ok(found(!decisions.is_empty() || !terms.is_empty()))
        }
        PolicyCommand::Simulate { file, log, lang } => {
            let text = read(&log)?;
            let asked = Asked::read_lines(&text)
                .with_context(|| format!("{} cannot be replayed", log.display()))?;
            Ok(simulate(&read_policy(&file)?, &asked, lang))
        }
        PolicyCommand::Sign(options) => {
            sign(&options)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn check(file: &Path) -> Result<ExitCode> {
    let policy = read_policy(file)?;
    let document = policy.document();
    println!(
        "policy        {}, version {}",
        document.organisation, document.version
    );
    println!("hash          {}", policy.policy_hash());
    println!(
        "rules         {}, for {} and {}",
        document.rules.len(),
        counted(document.requesters.len(), "requester"),
        counted(document.purposes.len(), "purpose")
    );
    println!(
        "officers      {} of {} must sign the next policy",
        document.dpo.threshold(),
        document.dpo.keys.len()
    );
    if document.dpo.threshold() == document.dpo.keys.len() {
        println!(
            "              a lost key would leave no policy that can be signed; 2 of 3, one sealed away, survives it"
        );
    }
    for (key, narrowest, cap) in policy::beyond_reach(document) {
        println!(
            "warning       {key} is more than {narrowest}, {cap}: under these caps no question of that loss is answered; write at most that"
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn test(policy: &Authorizer, cases: &Path, lang: Option<Language>, today: Day) -> Result<ExitCode> {
    let text = read(cases)?;
    let parsed =
        Cases::parse(&text).with_context(|| format!("{} is no file of cases", cases.display()))?;
    let mut failed = 0;
    for case in &parsed.case {
        let (fits, verdict) = case.run(policy, today);
        match fits {
            true => println!("holds    {}", case.name),
            false => println!(
                "DIFFERS  {}: expected {}, decided {}",
                case.name,
                case.expectation(),
                decision(&verdict)
            ),
        }
        if let Some(lang) = lang.or((!fits).then_some(Language::En)) {
            println!(
                "        {}",
                policy.explain(&case.question(today)).text(lang)
            );
        }
        failed += usize::from(!fits);
    }
    println!(
        "{} of {} cases hold",
        parsed.case.len() - failed,
        parsed.case.len()
    );
    Ok(found(failed > 0))
}

/// A decision in the words of a file of cases.
fn decision(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Denied(denial) => format!("deny by {} ({})", denial.rule, denial.code),
        Verdict::Allowed { rule, approval } => match approval {
            Approval::Auto => format!("allow by {rule}"),
            Approval::Manual => format!("manual by {rule}"),
        },
    }
}

/// Replays a log and prints what the policy decides otherwise.
pub fn simulate(policy: &Authorizer, log: &[Asked], lang: Language) -> ExitCode {
    let replayed = policy::replay(policy, log);
    for (decided, words) in [
        (Decided::Denied, "newly denied"),
        (Decided::Allowed, "newly allowed"),
        (Decided::Manual, "newly left to a person"),
    ] {
        let changed = || (replayed.iter()).filter(|replayed| replayed.verdict.decided() == decided);
        println!("{words}: {}", changed().count());
        for replayed in changed() {
            println!(
                "  request {} of {} in {}, was {}",
                replayed.asked.request,
                replayed.asked.requester,
                replayed.asked.study,
                replayed.asked.decided.id()
            );
            if let Some(question) = replayed.asked.question() {
                println!("    {}", policy.explain(&question).text(lang));
            }
        }
    }
    println!(
        "{} of {} requests are decided as they were",
        log.len() - replayed.len(),
        log.len()
    );
    found(!replayed.is_empty())
}
