//! Changes of decisions between two policies, as the website is told them: rows that each stand for exactly the points they name.

use policy::diff::{Change, Direction};
use policy::folded::{self, Amounts};
use policy::grid::Subject;
use serde::Serialize;
use utoipa::ToSchema;

/// The most that is allowed at some points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Allowed {
    /// Most loss of one question answered at once, nano-rho.
    pub auto: Option<u64>,
    /// Most loss answered after a person's approval, nano-rho, where that is more.
    pub manual: Option<u64>,
}

impl From<Amounts> for Allowed {
    fn from(amounts: Amounts) -> Allowed {
        Allowed {
            auto: amounts.auto.map(|rho| rho.nano()),
            manual: amounts.manual.map(|rho| rho.nano()),
        }
    }
}

/// Points that change alike: every combination of what the lists name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Folded {
    /// `wider`, `narrower` or `other`.
    pub direction: &'static str,
    /// Who asks.
    pub requester: String,
    /// For which purposes.
    pub purposes: Vec<String>,
    /// On which lawful bases.
    pub lawful_bases: Vec<String>,
    /// About whom: `everybody`, `category ID` or `target ID`.
    pub subjects: Vec<String>,
    /// Counting what.
    pub measures: Vec<String>,
    /// How finely.
    pub levels: Vec<String>,
    /// What was allowed.
    pub before: Allowed,
    /// What is.
    pub after: Allowed,
}

impl From<folded::Folded> for Folded {
    fn from(row: folded::Folded) -> Folded {
        let owned = |ids: Vec<&'static str>| ids.into_iter().map(str::to_owned).collect();
        let named = |subject: Subject| match subject {
            Subject::Everybody => "everybody".to_owned(),
            Subject::Category(category) => format!("category {}", category.id()),
            Subject::Target(id) => format!("target {id}"),
        };
        Folded {
            direction: match row.direction {
                Direction::Wider => "wider",
                Direction::Narrower => "narrower",
                Direction::Other => "other",
            },
            requester: row.requester,
            purposes: row.purposes,
            lawful_bases: row.lawful_bases,
            subjects: row.subjects.into_iter().map(named).collect(),
            measures: owned(row.measures),
            levels: owned(row.levels),
            before: Allowed::from(row.before),
            after: Allowed::from(row.after),
        }
    }
}

/// Changes as rows, what is wider first.
pub(super) fn folded(changes: &[Change]) -> Vec<Folded> {
    let rows = folded::folded(changes);
    rows.into_iter().map(Folded::from).collect()
}
