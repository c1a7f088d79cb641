//! A policy's decisions as a text that people read and keep under version control: role x purpose x category x measure x level.
//! Targets appear only where a rule names them, so that the text grows with the policy and not with the taxonomy.

use crate::authorizer::Authorizer;
use crate::day::Day;
use crate::grid::{self, Limits, Point};
use geography::Level;
use std::fmt::Write as _;

/// The matrix of a policy as of a day. Measures, and lawful bases, that are decided alike at every level share a line.
pub fn matrix(policy: &Authorizer, day: Day) -> String {
    let mut lines: Vec<Line> = Vec::new();
    let points = grid::points(&[policy]);
    for row in points.chunks(Level::ALL.len()) {
        let limits: Vec<Limits> = (row.iter())
            .map(|point| grid::limits(policy, point, day))
            .collect();
        let line = Line::of(policy, &row[0], &limits);
        match lines
            .iter_mut()
            .find(|known| known.key == line.key && known.cells == line.cells)
        {
            Some(known) => known.measures.extend(line.measures),
            None => lines.push(line),
        }
    }
    print(&merged(lines), day)
}

/// Lawful bases that are decided alike share a line.
fn merged(lines: Vec<Line>) -> Vec<Line> {
    let mut merged: Vec<Line> = Vec::new();
    for line in lines {
        let alike = |known: &&mut Line| {
            let keys = [0, 1, 3].map(|i| known.key[i] == line.key[i]);
            keys == [true; 3] && known.measures == line.measures && known.cells == line.cells
        };
        match merged.iter_mut().find(alike) {
            Some(known) => known.key[2] = format!("{} {}", known.key[2], line.key[2]),
            None => merged.push(line),
        }
    }
    merged
}

struct Line {
    key: [String; 4],
    measures: Vec<&'static str>,
    /// What is allowed at each level, coarsest first, and why the coarsest is denied.
    cells: Vec<String>,
}

impl Line {
    fn of(policy: &Authorizer, point: &Point, limits: &[Limits]) -> Line {
        let role =
            (policy.document().requester(&point.requester)).map_or("-", |known| known.role().id());
        let why = limits.first().and_then(|limits| limits.denial.as_ref());
        let why = why.map_or(String::new(), |denial| {
            format!("{}: {} ({})", denial.rule, denial.field, denial.code)
        });
        Line {
            key: [
                format!("{} {role}", point.requester),
                point.purpose.clone(),
                point.lawful_basis.clone(),
                point.subject.to_string(),
            ],
            measures: vec![point.measure],
            cells: limits.iter().map(Limits::to_string).chain([why]).collect(),
        }
    }

    fn columns(&self) -> Vec<String> {
        let measures = match self.measures.len() == query::Measure::IDS.len() {
            true => "every measure".to_owned(),
            false => self.measures.join(" "),
        };
        (self.key.iter().cloned())
            .chain([measures])
            .chain(self.cells.iter().cloned())
            .collect()
    }
}

fn print(lines: &[Line], day: Day) -> String {
    let head = [
        "requester and role",
        "purpose",
        "basis",
        "subject",
        "measure",
    ];
    let head = (head.into_iter().map(str::to_owned))
        .chain(Level::ALL.map(|level| level.id().to_owned()))
        .chain(["why not by city".to_owned()]);
    let mut table: Vec<Vec<String>> = vec![head.collect()];
    table.extend(lines.iter().map(Line::columns));
    let mut text = format!(
        "Decisions as of {day}, in a study that states every ground for special categories. Amounts are the most rho of one question,\n\
         answered at once (auto) or after a person's approval (manual). A category stands for its targets that are not sensitive;\n\
         each measure adds its own: services used for all but persons and households, money for amounts in cents, households.\n\n"
    );
    let widths: Vec<usize> = (0..table[0].len())
        .map(|column| table.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();
    for row in table {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
