//! `coordinator forecast`: series in, forecasts with intervals out, as CSV. It reads, hands over to the `forecast`
//! crate on all cores, and writes rows in the order in which the series came; it decides nothing about a model.

mod table;

use clap::Args;
use forecast::{Calibration, Forecast, ForecastError, Kind, Prior, Season, Series, forecast};
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal as _, Write as _};
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
    /// Periods in a cycle: 12, 4 or 1; where absent, what the periods suggest, and 12 for plain numbers.
    #[arg(long)]
    pub season: Option<usize>,
    /// Levels of the intervals in percent.
    #[arg(long, value_delimiter = ',', default_value = "50,80,95")]
    pub levels: Vec<f64>,
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
    #[error("the file is no CSV in UTF-8")]
    Csv(#[from] csv::Error),
    /// A column is not there.
    #[error(
        "there is no column `{name}` (found: {found}); the first line must name unique_id, ds, y and the columns of the hierarchy"
    )]
    MissingColumn {
        /// Its name.
        name: String,
        /// What is there.
        found: String,
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
    /// A period of a series comes twice.
    #[error("column ds: a period of series `{id}` comes twice; keep one row for each period")]
    PeriodTwice {
        /// The series.
        id: String,
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

/// Series forecast at once, between two words of progress.
const BATCH: usize = 256;

/// Reads, forecasts, writes; says how far it is on standard error.
pub fn run(options: &Options) -> Result<(), ForecastCommandError> {
    let table = table::read(
        BufReader::new(open(&options.series)?),
        &options.series.display().to_string(),
        &[],
    )?;
    let season = season(options, &table)?;
    let levels = levels(&options.levels)?;
    if options.horizon == 0 {
        return Err(ForecastCommandError::Option {
            option: "horizon",
            source: ForecastError::NoHorizon,
        });
    }
    let kind = kind(options, &table);
    let series = table
        .rows
        .iter()
        .map(|row| own_series(row, &table, season, kind))
        .collect::<Result<Vec<_>, _>>()?;
    eprintln!(
        "{} series, season of {} periods, {}",
        series.len(),
        season.periods(),
        describe(kind, table.has_variance)
    );
    let all: Vec<&Series> = series.iter().collect();
    let calibration = Calibration::learn(&all, options.horizon).map_err(|source| {
        ForecastCommandError::Option {
            option: "horizon",
            source,
        }
    })?;
    eprintln!(
        "intervals calibrated on {} held-out windows",
        calibration.windows()
    );

    let mut out = Output::create(&options.out, levels)?;
    let mut progress = Progress::new(series.len());
    for (rows, series) in table.rows.chunks(BATCH).zip(series.chunks(BATCH)) {
        let forecasts = rows
            .par_iter()
            .zip(series)
            .map(|(row, series)| {
                forecast(series, options.horizon, &Prior::default()).map_err(|source| {
                    ForecastCommandError::Series {
                        id: row.id.clone(),
                        source,
                    }
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        for (row, forecast) in rows.iter().zip(&forecasts) {
            out.write(row, &table, forecast, &calibration)?;
        }
        progress.advance(rows.len());
    }
    out.finish()
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

fn levels(percent: &[f64]) -> Result<Vec<f64>, ForecastCommandError> {
    if let Some(&percent) = percent.iter().find(|p| !(**p > 0.0 && **p < 100.0)) {
        return Err(ForecastCommandError::Option {
            option: "levels",
            source: ForecastError::InvalidLevel { percent },
        });
    }
    Ok(percent.to_vec())
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

/// The file of forecasts.
struct Output {
    writer: csv::Writer<BufWriter<File>>,
    /// In percent, as asked.
    levels: Vec<f64>,
}

impl Output {
    fn create(file: &Path, levels: Vec<f64>) -> Result<Self, ForecastCommandError> {
        let out = File::create(file).map_err(|source| ForecastCommandError::File {
            file: file.to_owned(),
            source,
        })?;
        let mut writer = csv::Writer::from_writer(BufWriter::new(out));
        let mut header = vec!["unique_id".to_owned(), "ds".to_owned(), "mean".to_owned()];
        for level in &levels {
            header.push(format!("lo-{level}"));
            header.push(format!("hi-{level}"));
        }
        writer.write_record(&header)?;
        Ok(Self { writer, levels })
    }

    fn write(
        &mut self,
        row: &Row,
        table: &Table,
        forecast: &Forecast,
        calibration: &Calibration,
    ) -> Result<(), ForecastCommandError> {
        // Unwrap safety: a row without a period has been refused.
        let last = *row.ordinals.last().unwrap();
        for (step, mean) in forecast.centre().iter().enumerate() {
            let label = table
                .calendar
                .label(last, step as i64 + 1)
                .ok_or_else(|| ForecastCommandError::BeyondCalendar { id: row.id.clone() })?;
            self.writer.write_field(&row.id)?;
            self.writer.write_field(label)?;
            self.writer.write_field(number(*mean))?;
            for level in &self.levels {
                let deviations =
                    calibration.deviations(level / 100.0, step, forecast.noise_known());
                let (low, high) = forecast.interval(step, deviations);
                self.writer.write_field(number(low))?;
                self.writer.write_field(number(high))?;
            }
            self.writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), ForecastCommandError> {
        self.writer.flush()?;
        self.writer
            .into_inner()
            .map_err(|error| error.into_error())?
            .flush()?;
        Ok(())
    }
}

/// A number with as many digits as anybody reads: nine that count.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.8e}").parse().unwrap_or(value);
    rounded.to_string()
}

/// Words of progress on standard error, at most one for each hundredth, and on one line where it is a terminal.
struct Progress {
    done: usize,
    all: usize,
    said: usize,
    terminal: bool,
}

impl Progress {
    fn new(all: usize) -> Self {
        Self {
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
            eprint!("\rforecast {} of {} series", self.done, self.all);
            if self.done == self.all {
                eprintln!();
            }
        } else if tenths > self.said || self.done == self.all {
            self.said = tenths;
            eprintln!("forecast {} of {} series", self.done, self.all);
        }
    }
}
