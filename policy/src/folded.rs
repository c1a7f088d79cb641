//! Changes of decisions, point by point, folded into rows that people can read: points that differ in one respect only and change
//! alike are one row that lists what they differ in. A row stands for exactly the points it names, no more and no fewer.

use crate::diff::{Change, Direction};
use crate::grid::{Limits, Subject};
use privacy_loss::NanoRho;
use std::collections::BTreeMap;
use std::fmt;

/// The most that is allowed at some points, whatever the reason why no more is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amounts {
    /// Most loss of one question answered at once.
    pub auto: Option<NanoRho>,
    /// Most loss answered after a person's approval, where that is more.
    pub manual: Option<NanoRho>,
}

impl From<&Limits> for Amounts {
    fn from(limits: &Limits) -> Amounts {
        Amounts {
            auto: limits.auto,
            manual: limits.manual,
        }
    }
}

impl fmt::Display for Amounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |rho: NanoRho| {
            rho.to_string()
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
        };
        let texts: Vec<String> = [("auto", self.auto), ("manual", self.manual)]
            .into_iter()
            .filter_map(|(word, rho)| Some(format!("{word} {}", amount(rho?))))
            .collect();
        match texts.is_empty() {
            true => f.write_str("no"),
            false => f.write_str(&texts.join(" ")),
        }
    }
}

/// Points that change alike: every combination of what the lists name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folded {
    /// Which way they change.
    pub direction: Direction,
    /// Who asks.
    pub requester: String,
    /// For which purposes.
    pub purposes: Vec<String>,
    /// On which lawful bases.
    pub lawful_bases: Vec<String>,
    /// About whom.
    pub subjects: Vec<Subject>,
    /// Counting what.
    pub measures: Vec<&'static str>,
    /// How finely, as the levels are called.
    pub levels: Vec<&'static str>,
    /// What was allowed.
    pub before: Amounts,
    /// What is.
    pub after: Amounts,
}

impl fmt::Display for Folded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.direction {
            Direction::Wider => "wider   ",
            Direction::Narrower => "narrower",
            Direction::Other => "other   ",
        };
        let subjects: Vec<String> = self.subjects.iter().map(Subject::to_string).collect();
        let measures = match self.measures.len() == query::Measure::IDS.len() {
            true => "every measure".to_owned(),
            false => self.measures.join(" "),
        };
        write!(
            f,
            "{word}  {}, {}, {}, {}, {measures}, {}: {} -> {}",
            self.requester,
            self.purposes.join(" "),
            self.lawful_bases.join(" "),
            subjects.join(" "),
            self.levels.join(" "),
            self.before,
            self.after
        )
    }
}

/// Folds changes into rows, what is wider first.
pub fn folded(changes: &[Change]) -> Vec<Folded> {
    let mut rows: Vec<Folded> = changes.iter().map(single).collect();
    rows = fold(rows, |row| &mut row.levels);
    rows = fold(rows, |row| &mut row.measures);
    rows = fold(rows, |row| &mut row.lawful_bases);
    rows = fold(rows, |row| &mut row.subjects);
    rows = fold(rows, |row| &mut row.purposes);
    rows.sort();
    rows
}

fn single(change: &Change) -> Folded {
    let point = &change.point;
    Folded {
        direction: change.direction(),
        requester: point.requester.clone(),
        purposes: vec![point.purpose.clone()],
        lawful_bases: vec![point.lawful_basis.clone()],
        subjects: vec![point.subject.clone()],
        measures: vec![point.measure],
        levels: vec![point.level.id()],
        before: Amounts::from(&change.before),
        after: Amounts::from(&change.after),
    }
}

/// Joins rows that are equal but for one axis.
fn fold<T>(rows: Vec<Folded>, axis: fn(&mut Folded) -> &mut Vec<T>) -> Vec<Folded> {
    let mut joined: BTreeMap<Folded, Vec<T>> = BTreeMap::new();
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
    use crate::Category;
    use crate::grid::Point;
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
            (Direction::Wider, Direction::Narrower)
        );
        let points = |row: &Folded| {
            let mut points = BTreeSet::new();
            for purpose in &row.purposes {
                for subject in &row.subjects {
                    for level in &row.levels {
                        points.insert((purpose.clone(), subject.clone(), *level));
                    }
                }
            }
            points
        };
        assert_eq!(points(&rows[0]).len(), 4);
        assert_eq!(points(&rows[1]).len(), 1);
        assert_eq!((rows[1].after.auto, rows[1].after.manual), (None, None));
        assert_eq!(
            rows[0].to_string(),
            "wider     comune-milano, planning research, art6-1-e, -, persons, city municipio: auto 0.000000005 -> auto 0.000000009"
        );
        assert!(folded(&[]).is_empty());
    }
}
