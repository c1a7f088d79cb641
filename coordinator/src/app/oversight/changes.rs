//! Changes of decisions, point by point, folded into rows that people can read: points that differ in one respect only and change
//! alike are one row that lists what they differ in. A row stands for exactly the points it names, no more and no fewer.

use policy::diff::{Change, Direction};
use policy::grid::{Limits, Subject};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The most that is allowed at some points.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Allowed {
    /// Most loss of one question answered at once, nano-rho.
    pub auto: Option<u64>,
    /// Most loss answered after a person's approval, nano-rho, where that is more.
    pub manual: Option<u64>,
}

impl From<&Limits> for Allowed {
    fn from(limits: &Limits) -> Allowed {
        Allowed {
            auto: limits.auto.map(|rho| rho.nano()),
            manual: limits.manual.map(|rho| rho.nano()),
        }
    }
}

/// Points that change alike: every combination of what the lists name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
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

/// One respect in which points differ.
type Axis = fn(&mut Folded) -> &mut Vec<String>;

const AXES: [Axis; 5] = [
    |row| &mut row.levels,
    |row| &mut row.measures,
    |row| &mut row.lawful_bases,
    |row| &mut row.subjects,
    |row| &mut row.purposes,
];

/// Folds changes into rows, what is wider first.
pub(super) fn folded(changes: &[Change]) -> Vec<Folded> {
    let mut rows: Vec<Folded> = changes.iter().map(single).collect();
    for axis in AXES {
        rows = fold(rows, axis);
    }
    let rank = |row: &Folded| match row.direction {
        "wider" => 0,
        "other" => 1,
        _ => 2,
    };
    rows.sort_by(|a, b| (rank(a), a).cmp(&(rank(b), b)));
    rows
}

fn single(change: &Change) -> Folded {
    let point = &change.point;
    Folded {
        direction: match change.direction() {
            Direction::Wider => "wider",
            Direction::Narrower => "narrower",
            Direction::Other => "other",
        },
        requester: point.requester.clone(),
        purposes: vec![point.purpose.clone()],
        lawful_bases: vec![point.lawful_basis.clone()],
        subjects: vec![match &point.subject {
            Subject::Everybody => "everybody".to_owned(),
            Subject::Category(category) => format!("category {}", category.id()),
            Subject::Target(id) => format!("target {id}"),
        }],
        measures: vec![point.measure.to_owned()],
        levels: vec![point.level.id().to_owned()],
        before: Allowed::from(&change.before),
        after: Allowed::from(&change.after),
    }
}

/// Joins rows that are equal but for one axis.
fn fold(rows: Vec<Folded>, axis: Axis) -> Vec<Folded> {
    let mut joined: BTreeMap<Folded, Vec<String>> = BTreeMap::new();
    for mut row in rows {
        let values = std::mem::take(axis(&mut row));
        joined.entry(row).or_default().extend(values);
    }
    (joined.into_iter())
        .map(|(mut row, values)| {
            *axis(&mut row) = values;
            row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::Category;
    use policy::grid::Point;
    use privacy_loss::NanoRho;
    use std::collections::BTreeSet;

    fn change(
        purpose: &str,
        subject: Subject,
        level: geography::Level,
        after: Option<u64>,
    ) -> Change {
        let limits = |auto: Option<u64>| Limits {
            auto: auto.map(NanoRho::new),
            manual: None,
            denial: None,
        };
        Change {
            point: Point {
                requester: "comune-milano".to_owned(),
                purpose: purpose.to_owned(),
                lawful_basis: "art6-1-e".to_owned(),
                subject,
                measure: "persons",
                level,
            },
            before: limits(Some(5)),
            after: limits(after),
        }
    }

    #[test]
    fn rows_name_exactly_the_points_that_change() {
        use geography::Level::{City, Municipio, Nil};
        let category = || Subject::Category(Category::ALL[0]);
        let mut changes = Vec::new();
        for purpose in ["planning", "research"] {
            for level in [City, Municipio] {
                changes.push(change(purpose, Subject::Everybody, level, Some(9)));
            }
        }
        // One level of one purpose only: it must not be smeared over the others.
        changes.push(change("planning", category(), Nil, None));
        let rows = folded(&changes);
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert_eq!(
            (rows[0].direction, rows[1].direction),
            ("wider", "narrower")
        );
        let points = |row: &Folded| {
            let mut points = BTreeSet::new();
            for purpose in &row.purposes {
                for subject in &row.subjects {
                    for level in &row.levels {
                        points.insert((purpose.clone(), subject.clone(), level.clone()));
                    }
                }
            }
            points
        };
        assert_eq!(points(&rows[0]).len(), 4);
        assert_eq!(points(&rows[1]).len(), 1);
        assert_eq!(
            rows[1].after,
            Allowed {
                auto: None,
                manual: None
            }
        );
        assert!(folded(&[]).is_empty());
    }
}
