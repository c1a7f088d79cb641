//! The table of series a file holds: read row by row into numbers, checked, named by line where it is bad.
//! The text of the file is never held; of a row there remain a period, a value and a variance.

use super::ForecastCommandError;
use forecast::{Calendar, PeriodError, Reader};
use std::collections::HashMap;
use std::io::Read;

/// At most so many bad rows are told.
const MOST_BAD_ROWS: usize = 10;

/// One series of the file.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) id: String,
    /// Values of the columns of the hierarchy, in the order asked.
    pub(super) groups: Vec<String>,
    /// Ordinals of the periods that have a row, ascending.
    pub(super) ordinals: Vec<i64>,
    /// The lines they stand in.
    lines: Vec<u64>,
    /// NaN where missing.
    pub(super) values: Vec<f64>,
    /// Empty where the file has no variances.
    pub(super) variances: Vec<f64>,
}

/// All series of the file, in the order in which they first appear.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    pub(super) calendar: Calendar,
    pub(super) has_variance: bool,
}

/// Where the columns are.
struct Columns {
    id: usize,
    period: usize,
    value: usize,
    variance: Option<usize>,
    groups: Vec<usize>,
}

impl Columns {
    fn find(
        headers: &csv::StringRecord,
        file: &str,
        hierarchy: &[String],
    ) -> Result<Self, ForecastCommandError> {
        let is_named =
            |header: &str, name: &str| header.trim_start_matches('\u{feff}').trim() == name;
        let place = |name: &str| {
            let mut places = (0..headers.len()).filter(|&at| is_named(&headers[at], name));
            match (places.next(), places.next()) {
                (_, Some(_)) => Err(ForecastCommandError::ColumnTwice {
                    file: file.to_owned(),
                    name: name.to_owned(),
                }),
                (place, None) => Ok(place),
            }
        };
        let need = |name: &str| {
            place(name)?.ok_or_else(|| {
                let file = file.to_owned();
                let found = headers.iter().collect::<Vec<_>>().join(", ");
                if headers.len() == 1 && found.contains([';', '\t']) {
                    return ForecastCommandError::OtherSeparator { file, found };
                }
                ForecastCommandError::MissingColumn {
                    file,
                    name: name.to_owned(),
                    found,
                }
            })
        };
        Ok(Self {
            id: need("unique_id")?,
            period: need("ds")?,
            value: need("y")?,
            variance: place("variance")?,
            groups: hierarchy
                .iter()
                .map(|name| need(name))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// A row that cannot be read.
#[derive(Debug, PartialEq)]
struct Bad {
    line: u64,
    column: &'static str,
    problem: String,
}

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.problem
        )
    }
}

/// Reads a table from CSV text.
pub(super) fn read(
    input: impl Read,
    file: &str,
    hierarchy: &[String],
) -> Result<Table, ForecastCommandError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let no_csv = |source| ForecastCommandError::Csv {
        file: file.to_owned(),
        source,
    };
    let columns = Columns::find(reader.headers().map_err(no_csv)?, file, hierarchy)?;
    let mut periods = Reader::default();
    let mut rows: Vec<Row> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut bad = Vec::new();
    let mut bad_rows = 0_usize;
    let mut record = csv::StringRecord::new();
    let mut current: Option<usize> = None;
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => return Err(no_csv(error)),
        }
        // What spreadsheets leave below a table.
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        // A quoted field may span lines; the record knows where it began.
        let line = record.position().map_or(line, csv::Position::line);
        match parse(&record, &columns, &mut periods, line) {
            Ok((ordinal, value, variance)) => {
                // Unwrap safety: `parse` has seen that the column is there.
                let id = record.get(columns.id).unwrap();
                let place = match current.filter(|&p| rows[p].id == id) {
                    Some(place) => place,
                    None => *places.entry(id.to_owned()).or_insert_with(|| {
                        rows.push(Row {
                            id: id.to_owned(),
                            groups: groups(&record, &columns),
                            ..Row::default()
                        });
                        rows.len() - 1
                    }),
                };
                current = Some(place);
                let row = &mut rows[place];
                if row.groups.len() != columns.groups.len()
                    || columns
                        .groups
                        .iter()
                        .zip(&row.groups)
                        .any(|(&c, g)| record.get(c) != Some(g.as_str()))
                {
                    bad_rows += 1;
                    bad.push(Bad {
                        line,
                        column: "of the hierarchy",
                        problem: "differs from the rows of the same series before; give each series one place".to_owned(),
                    });
                } else {
                    row.ordinals.push(ordinal);
                    row.lines.push(line);
                    row.values.push(value);
                    row.variances.extend(variance);
                }
            }
            Err(problem) => {
                bad_rows += 1;
                bad.push(problem);
            }
        }
        bad.truncate(MOST_BAD_ROWS);
    }
    if bad_rows > 0 {
        return Err(ForecastCommandError::BadRows {
            file: file.to_owned(),
            count: bad_rows,
            rows: bad.iter().map(|b| format!("\n  {b}")).collect(),
        });
    }
    for row in &mut rows {
        order(row, file)?;
    }
    let calendar = periods
        .calendar(rows.iter().map(|row| row.ordinals.as_slice()))
        .ok_or_else(|| ForecastCommandError::NoRows {
            file: file.to_owned(),
        })?;
    Ok(Table {
        rows,
        calendar,
        has_variance: columns.variance.is_some(),
    })
}

fn groups(record: &csv::StringRecord, columns: &Columns) -> Vec<String> {
    columns
        .groups
        .iter()
        .filter_map(|&column| record.get(column).map(str::to_owned))
        .collect()
}

fn parse(
    record: &csv::StringRecord,
    columns: &Columns,
    periods: &mut Reader,
    line: u64,
) -> Result<(i64, f64, Option<f64>), Bad> {
    let fail = |column, problem: String| Bad {
        line,
        column,
        problem,
    };
    let cell = |place: usize, column: &'static str| {
        record.get(place).ok_or_else(|| {
            fail(
                column,
                "the row ends before it; give every column".to_owned(),
            )
        })
    };
    if cell(columns.id, "unique_id")?.is_empty() {
        return Err(fail("unique_id", "is empty; name the series".to_owned()));
    }
    let label = cell(columns.period, "ds")?;
    let ordinal = periods
        .read(label)
        .map_err(|error: PeriodError| fail("ds", error.to_string()))?;
    let text = cell(columns.value, "y")?.trim();
    let value = if missing(text) {
        f64::NAN
    } else {
        text.parse::<f64>()
            .ok()
            .filter(|v| v.is_finite())
            .ok_or_else(|| fail("y", format!("`{text}` is no number; write digits with a point, or nothing where it is not known")))?
    };
    let variance = match columns.variance {
        None => None,
        Some(place) => {
            let text = cell(place, "variance")?.trim();
            if missing(text) && value.is_nan() {
                Some(0.0)
            } else {
                Some(text.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0).ok_or_else(|| {
                    fail("variance", format!("`{text}` is no variance; write the square of the noise's standard deviation, 0 where there is no noise"))
                })?)
            }
        }
    };
    Ok((ordinal, value, variance))
}

fn missing(text: &str) -> bool {
    text.is_empty()
        || ["na", "nan", "null"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
}

/// Puts the periods of a series in order, and refuses one that comes twice.
fn order(row: &mut Row, file: &str) -> Result<(), ForecastCommandError> {
    if row.ordinals.windows(2).all(|pair| pair[0] < pair[1]) {
        return Ok(());
    }
    let mut places: Vec<usize> = (0..row.ordinals.len()).collect();
    places.sort_by_key(|&i| row.ordinals[i]);
    // The order is stable, so the earlier line stands first.
    if let Some(pair) = (places.windows(2)).find(|p| row.ordinals[p[0]] == row.ordinals[p[1]]) {
        return Err(ForecastCommandError::PeriodTwice {
            file: file.to_owned(),
            id: row.id.clone(),
            first: row.lines[pair[0]],
            again: row.lines[pair[1]],
        });
    }
    let sorted = |values: &[f64]| -> Vec<f64> { places.iter().map(|&i| values[i]).collect() };
    row.values = sorted(&row.values);
    if !row.variances.is_empty() {
        row.variances = sorted(&row.variances);
    }
    row.ordinals = places.iter().map(|&i| row.ordinals[i]).collect();
    Ok(())
}

/// The most periods a series may span: a thousand years of months; beyond lies a mistyped date.
const MOST_PERIODS: i64 = 200_000;

impl Row {
    /// Values and variances of every period from `first` to `last` (ordinals), NaN where there is no row.
    pub(super) fn spread(
        &self,
        calendar: &Calendar,
        first: i64,
        last: i64,
    ) -> Result<(Vec<f64>, Vec<f64>), ForecastCommandError> {
        let span = calendar.periods_between(first, last);
        if span >= MOST_PERIODS {
            return Err(ForecastCommandError::TooLong {
                id: self.id.clone(),
            });
        }
        let n = span as usize + 1;
        let mut values = vec![f64::NAN; n];
        let mut variances = vec![0.0; n];
        for (i, &ordinal) in self.ordinals.iter().enumerate() {
            let at = calendar.periods_between(first, ordinal) as usize;
            values[at] = self.values[i];
            if let Some(&variance) = self.variances.get(i) {
                variances[at] = variance;
            }
        }
        Ok((values, variances))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        read(text.as_bytes(), "series.csv", &[])
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn names_bad_rows_by_line_column_and_remedy() {
        let told =
            refusal("unique_id,ds,y\na,2021-01,1\na,2021-02,x\n,2021-03,2\na,soon,2\na,2021-05\n");
        assert!(told.contains("4 of its rows cannot be read"), "{told}");
        assert!(
            told.contains("line 3, column y: `x` is no number"),
            "{told}"
        );
        assert!(
            told.contains("line 4, column unique_id: is empty"),
            "{told}"
        );
        assert!(
            told.contains("line 5, column ds: `soon` is no period"),
            "{told}"
        );
        assert!(
            told.contains("line 6, column y: the row ends before it"),
            "{told}"
        );
    }

    #[test]
    fn refuses_missing_columns_double_periods_and_negative_variances() {
        assert!(refusal("id,ds,y\n").contains("unique_id"));
        assert!(refusal("unique_id;ds;y\na;1;2\n").contains("with commas"));
        assert!(
            refusal("unique_id,ds,y,y\na,1,2,3\n")
                .contains("series.csv: the column `y` comes twice")
        );
        let told = refusal("unique_id,ds,y\na,1,2\nb,1,2\na,1,3\n");
        assert!(told.contains("`a` comes twice, in lines 2 and 4"), "{told}");
        let told = refusal("unique_id,ds,y,variance\na,1,2,-4\n");
        assert!(told.contains("line 2, column variance"), "{told}");
    }

    #[test]
    fn empty_rows_are_passed_over() {
        let text = "unique_id,ds,y\na,2021-01,1\n\n  \na,2021-02,2\n,,\n";
        let table = read(text.as_bytes(), "series.csv", &[]).unwrap();
        assert_eq!(table.rows[0].values, [1.0, 2.0]);
    }

    #[test]
    fn what_is_no_utf_8_is_named_by_file_and_line() {
        let told = read(
            &b"unique_id,ds,y\na,1,2\nCitt\xe0,1,2\n"[..],
            "series.csv",
            &[],
        )
        .unwrap_err()
        .to_string();
        assert!(told.starts_with("series.csv, line 3"), "{told}");
    }

    #[test]
    fn keeps_order_of_series_and_fills_gaps() {
        let text =
            "unique_id,ds,y,variance\nb,2021-03,3,4\nb,2021-01,1,4\na,2021-01,,\na,2021-02,2,9\n";
        let table = read(text.as_bytes(), "series.csv", &[]).unwrap();
        let ids: Vec<&str> = table.rows.iter().map(|r| r.id.as_str()).collect();
        assert_eq!(ids, ["b", "a"]);
        let b = &table.rows[0];
        let (values, variances) = b
            .spread(&table.calendar, b.ordinals[0], b.ordinals[1])
            .unwrap();
        assert_eq!(values[0], 1.0);
        assert!(values[1].is_nan());
        assert_eq!((values[2], variances[2]), (3.0, 4.0));
    }
}
