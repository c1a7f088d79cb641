//! Decisions that an officer expects of a policy, in a file beside it, and whether the policy makes them.
//! A case asks in plain words; it needs no signature and permits nothing.

use crate::authorizer::{Authorizer, Verdict};
use crate::day::Day;
use crate::error::{PolicyError, unreadable};
use crate::question::Question;
use crate::vocabulary::{Approval, Category};
use geography::Level;
use privacy_loss::NanoRho;
use serde::Deserialize;

/// What is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// Allowed at once.
    Allow,
    /// Allowed after a person's approval.
    Manual,
    /// Denied.
    Deny,
}

/// One expected decision.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// What is expected.
    pub expect: Expected,
    /// The rule that decides, where that matters.
    pub rule: Option<String>,
    /// The code of the denial, where that matters.
    pub code: Option<String>,
    requester: String,
    purpose: String,
    lawful_basis: String,
    #[serde(default)]
    special_grounds: Vec<String>,
    measure: String,
    /// Categories beside those of the targets, such as of an axis.
    #[serde(default)]
    categories: Vec<Category>,
    #[serde(default)]
    targets: Vec<String>,
    level: Level,
    rho: NanoRho,
    day: Option<Day>,
}

/// A file of cases.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    version: u32,
    /// The cases, in order.
    pub case: Vec<Case>,
}

impl Cases {
    /// Reads a file of cases, TOML of version 1.
    ///
    /// # Errors
    /// [`PolicyError`] naming line and key.
    pub fn parse(text: &str) -> Result<Cases, PolicyError> {
        let cases: Cases = toml::from_str(text)
            .map_err(|error| PolicyError::CasesUnreadable(unreadable(&error)))?;
        if cases.version != 1 {
            return Err(PolicyError::invalid("version", "must be 1"));
        }
        for (i, case) in cases.case.iter().enumerate() {
            case.check(&format!("case[{i}]"))?;
        }
        Ok(cases)
    }
}

impl Case {
    /// What it asks; `today` where it names no day.
    pub fn question(&self, today: Day) -> Question {
        let of_targets = self.targets.iter().flat_map(|id| Category::of_target(id));
        let of_measure = Category::of_measure_id(&self.measure);
        Question {
            requester: self.requester.clone(),
            purpose: self.purpose.clone(),
            lawful_basis: self.lawful_basis.clone(),
            special_grounds: self.special_grounds.clone(),
            measure: self.measure.clone(),
            categories: (self.categories.iter().copied())
                .chain(of_targets)
                .chain(of_measure)
                .collect(),
            targets: self.targets.clone(),
            level: self.level,
            rho: self.rho,
            day: self.day.unwrap_or(today),
        }
    }

    /// What it expects, in the words of its file.
    pub fn expectation(&self) -> String {
        let word = match self.expect {
            Expected::Allow => "allow",
            Expected::Manual => "manual",
            Expected::Deny => "deny",
        };
        let rule = (self.rule.as_ref()).map_or(String::new(), |rule| format!(" by {rule}"));
        let code = (self.code.as_ref()).map_or(String::new(), |code| format!(" ({code})"));
        format!("{word}{rule}{code}")
    }

    /// Whether the policy decides as expected, and how it decides.
    pub fn run(&self, policy: &Authorizer, today: Day) -> (bool, Verdict) {
        let verdict = policy.judge(&self.question(today));
        let (found, rule, code) = match &verdict {
            Verdict::Allowed {
                rule,
                approval: Approval::Auto,
            } => (Expected::Allow, rule, None),
            Verdict::Allowed {
                rule,
                approval: Approval::Manual,
            } => (Expected::Manual, rule, None),
            Verdict::Denied(denial) => (Expected::Deny, &denial.rule, Some(&denial.code)),
        };
        let fits = found == self.expect
            && self.rule.as_ref().is_none_or(|expected| expected == rule)
            && (self.code.as_ref()).is_none_or(|expected| Some(expected) == code);
        (fits, verdict)
    }

    /// A misspelt word would be denied, and so seem to be a good test of a denial.
    fn check(&self, place: &str) -> Result<(), PolicyError> {
        let taxonomy = taxonomy::Taxonomy::current();
        if !query::Measure::IDS.contains(&self.measure.as_str()) {
            return Err(PolicyError::invalid(
                &format!("{place}.measure"),
                "is no measure",
            ));
        }
        match self.targets.iter().find(|id| taxonomy.target(id).is_none()) {
            Some(id) => Err(PolicyError::invalid(
                &format!("{place}.targets"),
                &format!("`{}` is no target of the taxonomy", id.escape_default()),
            )),
            None => Ok(()),
        }
    }
}
