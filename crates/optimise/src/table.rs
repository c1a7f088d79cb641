//! Tables of demand, sites and travel as CSV, read from any reader. A bad row is named by file, line and column with
//! its remedy; all bad rows are looked for, and the first few are told.

use crate::problem::{Cost, Demand, Site, SiteStatus};
use std::collections::{BTreeSet, HashMap};
use std::io::Read;

/// At most so many bad rows are told.
const MOST_BAD_ROWS: usize = 10;

/// A table that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The text is no CSV.
    #[error(
        "{file}{} is no CSV in UTF-8; save it as CSV with the encoding UTF-8",
        line_of(source)
    )]
    Csv {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// A column is not there.
    #[error(
        "{file}: there is no column `{name}` (found: {found}); the first line must name {needed}"
    )]
    MissingColumn {
        /// The file.
        file: String,
        /// The column.
        name: &'static str,
        /// What is there.
        found: String,
        /// What must be there.
        needed: &'static str,
    },
    /// Another separator than the comma.
    #[error(
        "{file}: the columns are not separated by commas (found: {found}); write them with commas between, and numbers with a point"
    )]
    OtherSeparator {
        /// The file.
        file: String,
        /// The first line.
        found: String,
    },
    /// A column comes twice.
    #[error("{file}: the column `{name}` comes twice; keep one, or rename the other")]
    ColumnTwice {
        /// The file.
        file: String,
        /// The column.
        name: String,
    },
    /// A column that seems to be another one mistyped.
    #[error(
        "{file}: the column `{name}` is not known; write `{meant}` if that is meant, or rename it"
    )]
    MistypedColumn {
        /// The file.
        file: String,
        /// The column.
        name: String,
        /// What may be meant.
        meant: &'static str,
    },
    /// Travel by several modes, or not by the one asked for.
    #[error("{file}, column mode: {problem}")]
    Mode {
        /// The file.
        file: String,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// Rows that cannot be read.
    #[error("{file} has {count} rows that cannot be read:{rows}")]
    BadRows {
        /// The file.
        file: String,
        /// How many.
        count: usize,
        /// The first of them.
        rows: String,
    },
    /// No row.
    #[error("{file} has no row below its first line; give at least one")]
    NoRows {
        /// The file.
        file: String,
    },
}

/// Where in a file the text of an error stands.
fn line_of(error: &csv::Error) -> String {
    (error.position()).map_or(String::new(), |position| {
        format!(", line {}", position.line())
    })
}

/// What is wrong with a field: its column and the remedy.
type Bad = (&'static str, String);

/// A row being read.
struct Fields<'a> {
    record: &'a csv::StringRecord,
    places: &'a [(String, usize)],
}

impl<'a> Fields<'a> {
    fn text(&self, column: &'static str) -> Option<&'a str> {
        // A handful of columns: looking through them is faster than hashing their names for every row.
        let &(_, at) = self.places.iter().find(|(name, _)| name == column)?;
        let text = self.record.get(at)?.trim();
        (!text.is_empty()).then_some(text)
    }

    fn id(&self, column: &'static str) -> Result<String, Bad> {
        self.text(column)
            .map(str::to_owned)
            .ok_or_else(|| (column, "is empty; write an identifier".to_owned()))
    }

    fn number(&self, column: &'static str) -> Result<Option<f64>, Bad> {
        let Some(text) = self.text(column) else {
            return Ok(None);
        };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err((
                column,
                format!("`{}` is no number; write one like 12.5", short(text)),
            )),
        }
    }

    fn non_negative(&self, column: &'static str) -> Result<Option<f64>, Bad> {
        match self.number(column)? {
            Some(number) if number < 0.0 => {
                Err((column, format!("{number} is below 0; write 0 or more")))
            }
            number => Ok(number),
        }
    }
}

/// What a message shows of a field.
fn short(text: &str) -> String {
    text.chars().take(30).collect()
}

fn read<T>(
    input: impl Read,
    file: &str,
    known: &'static str,
    needed: &'static [&'static str],
    mut row: impl FnMut(&Fields<'_>) -> Result<Option<T>, Bad>,
) -> Result<Vec<T>, TableError> {
    let no_csv = |source| TableError::Csv {
        file: file.to_owned(),
        source,
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let headers = reader.headers().map_err(no_csv)?.clone();
    let places: Vec<(String, usize)> = (headers.iter().enumerate())
        .map(|(at, name)| (name.trim_start_matches('\u{feff}').trim().to_owned(), at))
        .collect();
    if let [only] = places.as_slice()
        && only.0.contains([';', '\t'])
    {
        return Err(TableError::OtherSeparator {
            file: file.to_owned(),
            found: only.0.clone(),
        });
    }
    for name in known.split(", ") {
        if places.iter().filter(|(found, _)| found == name).count() > 1 {
            return Err(TableError::ColumnTwice {
                file: file.to_owned(),
                name: name.to_owned(),
            });
        }
    }
    for &name in needed {
        if !places.iter().any(|(found, _)| found == name) {
            return Err(TableError::MissingColumn {
                file: file.to_owned(),
                name,
                found: headers.iter().collect::<Vec<_>>().join(", "),
                needed: known,
            });
        }
    }
    // Columns that mean nothing to us are left alone, but not one that is a known column mistyped.
    for (name, _) in &places {
        let absent = |known: &&str| !places.iter().any(|(found, _)| found == known);
        let meant = (known.split(", ").filter(absent))
            .find(|known| known.len() >= 5 && is_mistyped(name, known));
        if let Some(meant) = meant {
            return Err(TableError::MistypedColumn {
                file: file.to_owned(),
                name: name.clone(),
                meant,
            });
        }
    }
    let (mut rows, mut bad, mut count, mut seen) = (Vec::new(), String::new(), 0, 0_usize);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(no_csv)? {
        // What spreadsheets leave below a table.
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        seen += 1;
        let fields = Fields {
            record: &record,
            places: &places,
        };
        match row(&fields) {
            Ok(read) => rows.extend(read),
            Err((column, remedy)) => {
                count += 1;
                if count <= MOST_BAD_ROWS {
                    let line = record.position().map_or(0, csv::Position::line);
                    bad.push_str(&format!(
                        "\n  {file}, line {line}, column {column}: {remedy}"
                    ));
                }
            }
        }
    }
    if count > 0 {
        return Err(TableError::BadRows {
            file: file.to_owned(),
            count,
            rows: bad,
        });
    }
    if seen == 0 {
        return Err(TableError::NoRows {
            file: file.to_owned(),
        });
    }
    Ok(rows)
}

/// Whether `name` is at most two letters away from `known` (Levenshtein), and not `known` itself.
fn is_mistyped(name: &str, known: &str) -> bool {
    let (name, known): (Vec<char>, Vec<char>) = (name.chars().collect(), known.chars().collect());
    let mut row: Vec<usize> = (0..=known.len()).collect();
    for (i, a) in name.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in known.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    (1..=2).contains(&row[known.len()])
}

/// Reads `id,demand[,variance][,target]`.
///
/// # Errors
/// Names file, line and column with the remedy.
pub fn demand(input: impl Read, file: &str) -> Result<Vec<Demand>, TableError> {
    let mut seen = std::collections::HashSet::new();
    read(
        input,
        file,
        "id, demand, variance, target",
        &["id", "demand"],
        |row| {
            let id = row.id("id")?;
            let target = row.text("target").map(str::to_owned);
            if !seen.insert((id.clone(), target.clone())) {
                return Err((
                    "id",
                    format!(
                        "`{}` comes twice for one target; add the rows up",
                        short(&id)
                    ),
                ));
            }
            Ok(Some(Demand {
                id,
                demand: row.number("demand")?.ok_or_else(|| {
                    (
                        "demand",
                        "is empty; write a number, 0 where nothing is needed".to_owned(),
                    )
                })?,
                variance: row.non_negative("variance")?.unwrap_or(0.0),
                target,
            }))
        },
    )
}

/// Reads `id[,status,capacity,fixed_cost,running_cost,module_capacity,module_cost,modules,targets]`; targets are
/// separated by `;`.
///
/// # Errors
/// Names file, line and column with the remedy.
pub fn sites(input: impl Read, file: &str) -> Result<Vec<Site>, TableError> {
    const KNOWN: &str = "id, status, capacity, fixed_cost, running_cost, module_capacity, module_cost, modules, targets";
    let mut seen = std::collections::HashSet::new();
    read(input, file, KNOWN, &["id"], |row| {
        let id = row.id("id")?;
        if !seen.insert(id.clone()) {
            return Err((
                "id",
                format!("`{}` comes twice; keep one row for each site", short(&id)),
            ));
        }
        let status = match row.text("status") {
            None => SiteStatus::Candidate,
            Some(text) => SiteStatus::from_id(text).ok_or_else(|| {
                let remedy = "write candidate, required, extendable or closed";
                (
                    "status",
                    format!("`{}` is no status; {remedy}", short(text)),
                )
            })?,
        };
        let modules = row.non_negative("modules")?.unwrap_or(0.0);
        if modules.fract() != 0.0 || modules > 1e6 {
            return Err((
                "modules",
                format!("{modules} is no number of modules; write a whole number"),
            ));
        }
        Ok(Some(Site {
            id,
            status,
            capacity: row.non_negative("capacity")?,
            fixed_cost: row.non_negative("fixed_cost")?.unwrap_or(0.0),
            running_cost: row.non_negative("running_cost")?.unwrap_or(0.0),
            module_capacity: row.non_negative("module_capacity")?.unwrap_or(0.0),
            module_cost: row.non_negative("module_cost")?.unwrap_or(0.0),
            modules: modules as usize,
            targets: (row.text("targets").unwrap_or_default().split(';'))
                .map(|target| target.trim().to_owned())
                .filter(|target| !target.is_empty())
                .collect(),
        }))
    })
}

/// Reads `from_id,to_id,minutes[,mode]`, of one mode where `mode` is given. Pairs beyond `within` minutes are left out,
/// the nearest of each area excepted: it tells what radius would reach the area.
///
/// # Errors
/// Names file, line and column with the remedy.
pub fn costs(
    input: impl Read,
    file: &str,
    mode: Option<&str>,
    within: Option<f64>,
) -> Result<Vec<Cost>, TableError> {
    const KNOWN: &str = "from_id, to_id, minutes, mode";
    let mut beyond: HashMap<String, Cost> = HashMap::new();
    let mut pairs = Pairs::default();
    let mut kept = read(
        input,
        file,
        KNOWN,
        &["from_id", "to_id", "minutes"],
        |row| {
            if mode.is_some() && row.text("mode") != mode {
                return Ok(None);
            }
            let minutes = row.non_negative("minutes")?.ok_or_else(|| {
                (
                    "minutes",
                    "is empty; write minutes, or leave an unreachable pair out".to_owned(),
                )
            })?;
            let cost = Cost {
                from_id: row.id("from_id")?,
                to_id: row.id("to_id")?,
                minutes,
            };
            if !pairs.insert(&cost, row.text("mode").unwrap_or_default()) {
                return Err((
                    "to_id",
                    format!(
                        "the pair {} to {} comes twice; keep one row for each pair",
                        short(&cost.from_id),
                        short(&cost.to_id)
                    ),
                ));
            }
            if within.is_none_or(|within| minutes <= within) {
                return Ok(Some(cost));
            }
            let nearest = beyond
                .entry(cost.from_id.clone())
                .or_insert_with(|| cost.clone());
            if cost.minutes < nearest.minutes {
                *nearest = cost;
            }
            Ok(None)
        },
    )?;
    let mut beyond: Vec<Cost> = beyond.into_values().collect();
    beyond.sort_by(|a, b| a.from_id.cmp(&b.from_id));
    kept.extend(beyond);
    Ok(kept)
}

/// The pairs seen so far: by mode and origin, a bit for each destination.
#[derive(Default)]
struct Pairs {
    modes: HashMap<String, usize>,
    origins: HashMap<String, usize>,
    ends: HashMap<String, usize>,
    seen: HashMap<(usize, usize), Vec<u64>>,
}

impl Pairs {
    /// Whether the pair is new.
    fn insert(&mut self, cost: &Cost, mode: &str) -> bool {
        let origin = (
            number(&mut self.modes, mode),
            number(&mut self.origins, &cost.from_id),
        );
        let end = number(&mut self.ends, &cost.to_id);
        let bits = self.seen.entry(origin).or_default();
        if bits.len() <= end / 64 {
            bits.resize(end / 64 + 1, 0);
        }
        let is_new = bits[end / 64] >> (end % 64) & 1 == 0;
        bits[end / 64] |= 1 << (end % 64);
        is_new
    }
}

/// The number of a name. Millions of rows name few places, so a name is kept once.
fn number(numbers: &mut HashMap<String, usize>, name: &str) -> usize {
    if let Some(&number) = numbers.get(name) {
        return number;
    }
    numbers.insert(name.to_owned(), numbers.len());
    numbers.len() - 1
}

/// Whether a table of travel tells the minutes of one mode: the one asked for, or the only one.
///
/// # Errors
/// Names the modes that it has.
pub fn one_mode(input: impl Read, file: &str, mode: Option<&str>) -> Result<(), TableError> {
    let modes = modes(input);
    let found = modes
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    let problem = match mode {
        None if modes.len() <= 1 => return Ok(()),
        Some(mode) if modes.contains(mode) => return Ok(()),
        None => format!("the rows name several; pick one with --mode: {found}"),
        Some(mode) if modes.is_empty() => {
            format!("there is none, so no row is of mode `{mode}`; leave --mode out")
        }
        Some(mode) => format!("no row is of mode `{mode}`; write one of {found}"),
    };
    Err(TableError::Mode {
        file: file.to_owned(),
        problem,
    })
}

/// The modes that a table of travel names; none where it has no such column.
pub fn modes(input: impl Read) -> BTreeSet<String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let column = (reader.headers().ok()).and_then(|names| {
        (names.iter()).position(|name| name.trim_start_matches('\u{feff}').trim() == "mode")
    });
    let Some(column) = column else {
        return BTreeSet::new();
    };
    let mut modes = BTreeSet::new();
    for row in reader.records().flatten() {
        let mode = row.get(column).unwrap_or_default().trim();
        if !mode.is_empty() && !modes.contains(mode) {
            modes.insert(mode.to_owned());
        }
    }
    modes
}

/// Reads `id,latitude,longitude`, in degrees.
///
/// # Errors
/// Names file, line and column with the remedy.
pub fn places(input: impl Read, file: &str) -> Result<Vec<(String, f64, f64)>, TableError> {
    const KNOWN: &str = "id, latitude, longitude";
    let mut seen = std::collections::HashSet::new();
    read(
        input,
        file,
        KNOWN,
        &["id", "latitude", "longitude"],
        |row| {
            let id = row.id("id")?;
            if !seen.insert(id.clone()) {
                return Err((
                    "id",
                    format!("`{}` comes twice; keep one row for each place", short(&id)),
                ));
            }
            let degrees = |column: &'static str, most: f64| match row.number(column)? {
                Some(degrees) if degrees.abs() <= most => Ok(degrees),
                _ => Err((
                    column,
                    format!("must be a number of degrees between -{most} and {most}"),
                )),
            };
            Ok(Some((
                id,
                degrees("latitude", 90.0)?,
                degrees("longitude", 180.0)?,
            )))
        },
    )
}

#[cfg(test)]
mod tests;
