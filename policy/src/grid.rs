//! What a policy decides over everything that matters to it, point by point: requester, purpose, basis, subject, measure, level.
//! Decisions change only at the limits that rules state, so a finite grid shows them all but for dates and combinations of subjects.

use crate::authorizer::{Authorizer, Verdict};
use crate::day::Day;
use crate::document::{ANY, PolicyDocument};
use crate::folded::Amounts;
use crate::permit::Denial;
use crate::question::Question;
use crate::vocabulary::{Approval, Category, LAWFUL_BASES, SPECIAL_GROUNDS};
use geography::Level;
use privacy_loss::NanoRho;
use std::collections::BTreeSet;
use std::fmt;

/// What a point asks about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Nobody in particular: no target, no axis of people.
    Everybody,
    /// Any one target or axis of a category that is not sensitive.
    Category(Category),
    /// A target that a rule names.
    Target(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Everybody => f.write_str("-"),
            Subject::Category(category) => f.write_str(category.id()),
            Subject::Target(id) => write!(f, "target {id}"),
        }
    }
}

/// A point of the grid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Who asks.
    pub requester: String,
    /// For what.
    pub purpose: String,
    /// On which basis.
    pub lawful_basis: String,
    /// About whom.
    pub subject: Subject,
    /// Counting what.
    pub measure: &'static str,
    /// How finely.
    pub level: Level,
}

/// The most that a policy allows at a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most loss of one question that is answered at once.
    pub auto: Option<NanoRho>,
    /// The most that is answered after a person's approval, where that is more.
    pub manual: Option<NanoRho>,
    /// Why the smallest question is denied, where it is.
    pub denial: Option<Denial>,
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Amounts::from(self).fmt(f)
    }
}

/// Every point that matters to any of the policies.
pub fn points(policies: &[&Authorizer]) -> Vec<Point> {
    let documents = || policies.iter().map(|policy| policy.document());
    let requesters: BTreeSet<&str> = documents()
        .flat_map(|document| &document.requesters)
        .map(|requester| requester.organisation.as_str())
        .collect();
    let purposes: BTreeSet<&str> = documents()
        .flat_map(|document| document.purposes.keys())
        .map(String::as_str)
        .collect();
    let named = |words: fn(&crate::Rule) -> &[String]| -> BTreeSet<&str> {
        documents()
            .flat_map(|document| &document.rules)
            .flat_map(words)
            .map(String::as_str)
            .filter(|word| *word != ANY)
            .collect()
    };
    let mut bases = named(|rule| &rule.lawful_bases);
    if bases.is_empty() {
        bases.insert(LAWFUL_BASES[4]);
    }
    let targets = named(|rule| &rule.targets);
    let subjects: Vec<Subject> = [Subject::Everybody]
        .into_iter()
        .chain(Category::ALL.iter().copied().map(Subject::Category))
        .chain(targets.into_iter().map(|id| Subject::Target(id.to_owned())))
        .collect();
    let mut points = Vec::new();
    for requester in requesters {
        for purpose in &purposes {
            for basis in &bases {
                for subject in &subjects {
                    for measure in query::Measure::IDS {
                        points.extend(Level::ALL.map(|level| Point {
                            requester: requester.to_owned(),
                            purpose: (*purpose).to_owned(),
                            lawful_basis: (*basis).to_owned(),
                            subject: subject.clone(),
                            measure,
                            level,
                        }));
                    }
                }
            }
        }
    }
    points
}

/// The losses at which a policy's decisions may change, ascending, after the smallest there is.
fn steps(document: &PolicyDocument) -> BTreeSet<NanoRho> {
    let limits = (document.rules.iter()).filter_map(|rule| rule.max_rho_per_query);
    limits
        .filter(|rho| *rho > NanoRho::ZERO)
        .chain([NanoRho::new(1)])
        .collect()
}

/// What a policy allows at a point on a day, in a study that states every ground for special categories.
pub fn limits(policy: &Authorizer, point: &Point, day: Day) -> Limits {
    let (categories, targets) = match &point.subject {
        Subject::Everybody => (BTreeSet::new(), Vec::new()),
        Subject::Category(category) => (BTreeSet::from([*category]), Vec::new()),
        Subject::Target(id) => (Category::of_target(id), vec![id.clone()]),
    };
    let categories = (categories.into_iter())
        .chain(Category::of_measure_id(point.measure))
        .collect();
    let mut question = Question {
        requester: point.requester.clone(),
        purpose: point.purpose.clone(),
        lawful_basis: point.lawful_basis.clone(),
        special_grounds: SPECIAL_GROUNDS.map(str::to_owned).to_vec(),
        measure: point.measure.to_owned(),
        categories,
        targets,
        level: point.level,
        rho: NanoRho::ZERO,
        day,
    };
    let mut found = Limits {
        auto: None,
        manual: None,
        denial: None,
    };
    for rho in steps(policy.document()) {
        question.rho = rho;
        match policy.judge(&question) {
            Verdict::Allowed {
                approval: Approval::Auto,
                ..
            } => found.auto = Some(rho),
            Verdict::Allowed {
                approval: Approval::Manual,
                ..
            } => found.manual = Some(rho),
            Verdict::Denied(denial) => {
                if found.auto.is_none() && found.manual.is_none() && found.denial.is_none() {
                    found.denial = Some(denial);
                }
            }
        }
    }
    found
}
