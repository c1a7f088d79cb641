//! `coordinator forecast`: series in, forecasts with intervals out, as CSV. It reads, hands over to the `forecast`
//! crate on all cores, and writes rows in the order in which the series came; it decides nothing about a model.

mod levels;
mod output;
mod table;

use crate::out_file::{OutFile, overwritten};
use clap::Args;
use forecast::{
    Backtest, Calibration, Forecast, ForecastError, Kind, Months, Prior, Season, Series, backtest,
    forecast, forecast_on_calendar,
};
use output::{BacktestOutput, ExplanationOutput, Output};
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use table::{Row, Table};

/// Forecasts series.
#[derive(Args, Debug)]
pub struct Options {
    /// The series: CSV with the columns unique_id, ds, y and, where the noise is known, variance.
    #[arg(long)]
    pub series: PathBuf,
    /// How many periods to forecast.
    #[arg(long)]
    pub horizon: usize,
    /// Periods in a cycle: 12 for months, 4 for quarters, 1 for none; where absent, what the periods suggest, and 12 for plain numbers.
    #[arg(long)]
    pub season: Option<usize>,
    /// Levels of the intervals in percent.
    #[arg(long, value_delimiter = ',', default_value = "50,80,95")]
    pub levels: Vec<f64>,
    /// Columns that group the series: sums over every distinct grouping they and their combinations make are forecast too,
    /// and all forecasts add up. Sums follow the series, named by their groups.
    #[arg(long, value_delimiter = ',')]
    pub hierarchy: Vec<String>,
    /// Also scores forecasts from past origins, in a file beside the forecasts that ends in `.backtest.csv`. With `--hierarchy` those of all
    /// series and sums, made to agree and calibrated at each origin by what was known then.
    #[arg(long)]
    pub backtest: bool,
    /// Also says what each forecast consists of, in a file beside the forecasts that ends in `.explanation.csv`: model, level, slope,
    /// season, what is borrowed, unusual periods, and where the width of each interval is from.
    #[arg(long)]
    pub explain: bool,
    /// Series of months follow working days, Italian public holidays and Easter where that stands out; not with `--hierarchy`.
    #[arg(long, conflicts_with = "hierarchy")]
    pub calendar: bool,
    /// What the values are; where absent, counts where variances are given, amounts elsewhere.
    #[arg(long, value_enum)]
    pub kind: Option<KindOption>,
    /// Where the forecasts go.
    #[arg(long)]
    pub out: PathBuf,
}

/// What the values are.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum KindOption {
    /// Counts: never negative, at least Poisson.
    Counts,
    /// Anything else.
    Amounts,
}

/// Why a file cannot be forecast.
#[derive(Debug, thiserror::Error)]
pub enum ForecastCommandError {
    /// A file cannot be read or written.
    #[error("cannot open {}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Writing failed.
    #[error("cannot write the forecasts")]
    Write(#[from] std::io::Error),
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
        "{file}: there is no column `{name}` (found: {found}); the first line must name unique_id, ds, y and the columns of the hierarchy"
    )]
    MissingColumn {
        /// The file.
        file: String,
        /// Its name.
        name: String,
        /// What is there.
        found: String,
    },
    /// A column comes twice.
    #[error("{file}: the column `{name}` comes twice; keep one, or rename the other")]
    ColumnTwice {
        /// The file.
        file: String,
        /// Its name.
        name: String,
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
    /// A file to write is the one that is read.
    #[error("--out would overwrite {}, which holds the series; name another file", file.display())]
    Overwrites {
        /// The file.
        file: PathBuf,
    },
    /// Rows that cannot be read.
    #[error("{file}: {count} of its rows cannot be read:{rows}")]
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
    /// A period of a series comes twice.
    #[error(
        "{file}, column ds: a period of series `{id}` comes twice, in lines {first} and {again}; keep one row for each period"
    )]
    PeriodTwice {
        /// The file.
        file: String,
        /// The series.
        id: String,
        /// The line it stands in first.
        first: u64,
        /// The line it stands in again.
        again: u64,
    },
    /// A series spans more periods than any does.
    #[error(
        "column ds: the periods of series `{id}` span more than any series does; look for a mistyped year"
    )]
    TooLong {
        /// The series.
        id: String,
    },
    /// A period beyond the calendar.
    #[error(
        "column ds: the periods after the last of series `{id}` cannot be written; ask for a shorter horizon"
    )]
    BeyondCalendar {
        /// The series.
        id: String,
    },
    /// More periods than anybody looks ahead.
    #[error("option --horizon: ask for at most {MOST_AHEAD} periods")]
    TooFar,
    /// An option that is none.
    #[error("option --{option}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What is wrong.
        #[source]
        source: ForecastError,
    },
    /// A series that cannot be forecast.
    #[error("series `{id}`")]
    Series {
        /// Its identifier.
        id: String,
        /// Why.
        #[source]
        source: ForecastError,
    },
}

/// Only writing leaves an error of CSV to be converted: reading says which file.
impl From<csv::Error> for ForecastCommandError {
    fn from(error: csv::Error) -> Self {
        Self::Write(error.into())
    }
}

/// Where in a file the text of an error stands.
fn line_of(error: &csv::Error) -> String {
    (error.position()).map_or(String::new(), |position| {
        format!(", line {}", position.line())
    })
}

/// The most periods that are forecast: eight centuries of months.
const MOST_AHEAD: usize = 10_000;

/// Series forecast at once, between two words of progress.
const BATCH: usize = 256;

/// Reads, forecasts, writes; says how far it is on standard error.
pub fn run(options: &Options) -> Result<(), ForecastCommandError> {
    let levels = levels_of(&options.levels)?;
    if options.horizon == 0 {
        return Err(ForecastCommandError::Option {
            option: "horizon",
            source: ForecastError::NoHorizon,
        });
    }
    if options.horizon > MOST_AHEAD {
        return Err(ForecastCommandError::TooFar);
    }
    keep(options)?;
    let name = options.series.display().to_string();
    let table = table::read(
        BufReader::new(open(&options.series)?),
        &name,
        &options.hierarchy,
    )?;
    let season = season(options, &table)?;
    let kind = kind(options, &table);
    eprintln!(
        "{} series, season of {} periods, {}",
        table.rows.len(),
        season.periods(),
        describe(kind, table.has_variance)
    );
    // Forecasts that cannot be written are found out before they are made.
    let out = OutFile::try_new(&options.out).map_err(|source| ForecastCommandError::File {
        file: options.out.clone(),
        source,
    })?;
    if options.hierarchy.is_empty() {
        each_alone(&table, options, levels, season, kind, out)
    } else {
        together(&table, options, levels, season, kind, out)
    }
}

/// Refuses to write over the series.
fn keep(options: &Options) -> Result<(), ForecastCommandError> {
    let mut written = vec![options.out.clone()];
    written.extend((options.backtest).then(|| options.out.with_extension("backtest.csv")));
    written.extend((options.explain).then(|| options.out.with_extension("explanation.csv")));
    let is_read = |file: &PathBuf| overwritten(file, [options.series.as_path()]).is_some();
    match written.into_iter().find(is_read) {
        Some(file) => Err(ForecastCommandError::Overwrites { file }),
        None => Ok(()),
    }
}

/// Every series by itself, batch after batch.
fn each_alone(
    table: &Table,
    options: &Options,
    levels: Vec<f64>,
    season: Season,
    kind: Kind,
    out: OutFile,
) -> Result<(), ForecastCommandError> {
    let series = table
        .rows
        .iter()
        .map(|row| own_series(row, table, season, kind))
        .collect::<Result<Vec<_>, _>>()?;
    let all: Vec<&Series> = series.iter().collect();
    let calibration = Calibration::learn(&all, options.horizon).map_err(|source| {
        ForecastCommandError::Option {
            option: "horizon",
            source,
        }
    })?;
    eprintln!(
        "intervals calibrated on {} held-out series",
        calibration.windows()
    );
    let mut out = Output::try_new(out.create()?, levels)?;
    let mut explained = explanations(options)?;
    let ahead = |row: &Row, series: &Series| {
        let of_months = options.calendar && season == Season::Months;
        let months = of_months.then(|| months_of(row, table)).flatten();
        match months {
            Some(months) => {
                forecast_on_calendar(series, options.horizon, &Prior::default(), months)
            }
            None => forecast(series, options.horizon, &Prior::default())
                .map(|forecast| (forecast, None)),
        }
    };
    let mut progress = Progress::new("forecast", series.len());
    for (rows, series) in table.rows.chunks(BATCH).zip(series.chunks(BATCH)) {
        let forecasts = rows
            .par_iter()
            .zip(series)
            .map(|(row, series)| ahead(row, series).map_err(|source| of_series(row, source)))
            .collect::<Result<Vec<_>, _>>()?;
        for (row, (forecast, effect)) in rows.iter().zip(&forecasts) {
            // Unwrap safety: a series without a period has been refused by `own_series`.
            out.write(
                &row.id,
                *row.ordinals.last().unwrap(),
                table,
                forecast,
                &calibration,
            )?;
            if let (Some(explained), Some(&first)) = (&mut explained, row.ordinals.first()) {
                explained.write(&row.id, first, table, forecast, *effect)?;
            }
        }
        progress.advance(rows.len());
    }
    out.finish()?;
    explained.map_or(Ok(()), ExplanationOutput::finish)?;
    if options.backtest {
        let alone = |row: &Row, past: &Series| ahead(row, past).map(|(found, _)| found);
        backtests(table, options, &series, &calibration, alone)?;
    }
    Ok(())
}

/// Series and sums over them, so that all forecasts add up.
fn together(
    table: &Table,
    options: &Options,
    levels: Vec<f64>,
    season: Season,
    kind: Kind,
    out: OutFile,
) -> Result<(), ForecastCommandError> {
    let found = levels::run(table, options, season, kind)?;
    let mut out = Output::try_new(out.create()?, levels)?;
    let mut explained = explanations(options)?;
    let leaf_level = found.calibrations.len() - 1;
    for (row, forecast) in table.rows.iter().zip(&found.leaves) {
        out.write(
            &row.id,
            found.last,
            table,
            forecast,
            &found.calibrations[leaf_level],
        )?;
    }
    for (node, forecast) in found.hierarchy.nodes().iter().zip(&found.sums) {
        out.write(
            &node.name,
            found.last,
            table,
            forecast,
            &found.calibrations[node.level],
        )?;
    }
    out.finish()?;
    if let Some(mut explained) = explained.take() {
        for (row, forecast) in table.rows.iter().zip(&found.leaves) {
            explained.write(&row.id, found.first, table, forecast, None)?;
        }
        for (node, forecast) in found.hierarchy.nodes().iter().zip(&found.sums) {
            explained.write(&node.name, found.first, table, forecast, None)?;
        }
        explained.finish()?;
    }
    if options.backtest {
        let mut out = BacktestOutput::create(&options.out.with_extension("backtest.csv"))?;
        let (sums, leaves) = found.backtests.split_at(found.hierarchy.nodes().len());
        for (row, tried) in table.rows.iter().zip(leaves) {
            out.write(&row.id, tried)?;
        }
        for (node, tried) in found.hierarchy.nodes().iter().zip(sums) {
            out.write(&node.name, tried)?;
        }
        out.finish()?;
        amount("series", leaves.iter().flatten());
        amount("sums", sums.iter().flatten());
    }
    Ok(())
}

/// The months of a series, where its periods are months of a calendar.
fn months_of(row: &Row, table: &Table) -> Option<Months> {
    let (year, month) = table.calendar.month(*row.ordinals.first()?)?;
    Months::try_new(year, month)
}

/// The file of explanations, where one is wanted.
fn explanations(options: &Options) -> Result<Option<ExplanationOutput>, ForecastCommandError> {
    let file = options.out.with_extension("explanation.csv");
    (options.explain)
        .then(|| ExplanationOutput::create(&file))
        .transpose()
}

/// Writes the backtest of every series by itself, forecast by `ahead`, and says what it amounts to.
fn backtests(
    table: &Table,
    options: &Options,
    series: &[Series],
    calibration: &Calibration,
    ahead: impl Fn(&Row, &Series) -> Result<Forecast, ForecastError> + Sync,
) -> Result<(), ForecastCommandError> {
    let mut out = BacktestOutput::create(&options.out.with_extension("backtest.csv"))?;
    let mut progress = Progress::new("backtested", series.len());
    let mut all = Vec::new();
    for (rows, series) in table.rows.chunks(BATCH).zip(series.chunks(BATCH)) {
        let found = rows
            .par_iter()
            .zip(series)
            .map(|(row, series)| {
                backtest(series, options.horizon, calibration, |past| {
                    ahead(row, past)
                })
                .map_err(|source| of_series(row, source))
            })
            .collect::<Result<Vec<_>, _>>()?;
        for (row, found) in rows.iter().zip(found) {
            out.write(&row.id, &found)?;
            all.extend(found);
        }
        progress.advance(rows.len());
    }
    out.finish()?;
    amount("series", all.iter());
    Ok(())
}

/// Says what backtests amount to.
fn amount<'a>(what: &str, all: impl Iterator<Item = &'a Backtest>) {
    let all: Vec<&Backtest> = all.collect();
    for horizon in forecast::HORIZONS {
        let at: Vec<_> = all.iter().filter(|b| b.horizon == horizon).collect();
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        if !at.is_empty() {
            eprintln!(
                "{horizon} ahead: MASE {:.3}, {:.1} percent inside 95 percent intervals, {} {what}",
                mean(at.iter().filter_map(|b| b.mase).collect()),
                100.0 * mean(at.iter().map(|b| b.coverage).collect()),
                at.len()
            );
        }
    }
}

fn of_series(row: &Row, source: ForecastError) -> ForecastCommandError {
    ForecastCommandError::Series {
        id: row.id.clone(),
        source,
    }
}

fn open(file: &Path) -> Result<File, ForecastCommandError> {
    File::open(file).map_err(|source| ForecastCommandError::File {
        file: file.to_owned(),
        source,
    })
}

fn season(options: &Options, table: &Table) -> Result<Season, ForecastCommandError> {
    let periods = options.season.or(table.calendar.season()).unwrap_or(12);
    Season::try_new(periods).map_err(|source| ForecastCommandError::Option {
        option: "season",
        source,
    })
}

fn levels_of(percent: &[f64]) -> Result<Vec<f64>, ForecastCommandError> {
    if let Some(&percent) = percent.iter().find(|p| !(**p > 0.0 && **p < 100.0)) {
        return Err(ForecastCommandError::Option {
            option: "levels",
            source: ForecastError::InvalidLevel { percent },
        });
    }
    // The same level twice would give the file two columns of one name.
    let mut levels: Vec<f64> = Vec::new();
    for &level in percent {
        if !levels.contains(&level) {
            levels.push(level);
        }
    }
    Ok(levels)
}

fn kind(options: &Options, table: &Table) -> Kind {
    match options.kind {
        Some(KindOption::Counts) => Kind::Counts,
        Some(KindOption::Amounts) => Kind::Amounts,
        None if table.has_variance => Kind::Counts,
        None => Kind::Amounts,
    }
}

fn describe(kind: Kind, has_variance: bool) -> &'static str {
    match (kind, has_variance) {
        (Kind::Counts, true) => "counts with known noise",
        (Kind::Counts, false) => "counts without noise",
        (Kind::Amounts, true) => "amounts with known noise",
        (Kind::Amounts, false) => "amounts without known noise",
    }
}

fn own_series(
    row: &Row,
    table: &Table,
    season: Season,
    kind: Kind,
) -> Result<Series, ForecastCommandError> {
    let (Some(&first), Some(&last)) = (row.ordinals.first(), row.ordinals.last()) else {
        return Err(ForecastCommandError::Series {
            id: row.id.clone(),
            source: ForecastError::NoValues,
        });
    };
    let (values, variances) = row.spread(&table.calendar, first, last)?;
    Series::try_new(
        values,
        table.has_variance.then_some(variances),
        season,
        kind,
    )
    .map_err(|source| ForecastCommandError::Series {
        id: row.id.clone(),
        source,
    })
}

/// Words of progress on standard error, at most one for each hundredth, and on one line where it is a terminal.
struct Progress {
    what: &'static str,
    done: usize,
    all: usize,
    said: usize,
    terminal: bool,
}

impl Progress {
    fn new(what: &'static str, all: usize) -> Self {
        Self {
            what,
            done: 0,
            all,
            said: 0,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    fn advance(&mut self, by: usize) {
        self.done += by;
        let tenths = self.done * 10 / self.all.max(1);
        if self.terminal {
            eprint!("\r{} {} of {} series", self.what, self.done, self.all);
            if self.done == self.all {
                eprintln!();
            }
        } else if tenths > self.said || self.done == self.all {
            self.said = tenths;
            eprintln!("{} {} of {} series", self.what, self.done, self.all);
        }
    }
}

#[cfg(test)]
mod tests;
