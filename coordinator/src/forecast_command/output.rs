//! The files the command writes: forecasts with intervals, and what a backtest found. Numbers keep nine digits.

use super::ForecastCommandError;
use super::table::Table;
use forecast::{Backtest, CalendarEffect, Calibration, Forecast};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// A CSV file being written.
type Csv = csv::Writer<BufWriter<File>>;

fn create(file: &Path, header: &[String]) -> Result<Csv, ForecastCommandError> {
    let out = File::create(file).map_err(|source| ForecastCommandError::File {
        file: file.to_owned(),
        source,
    })?;
    begin(out, header)
}

fn begin(out: File, header: &[String]) -> Result<Csv, ForecastCommandError> {
    let mut writer = csv::Writer::from_writer(BufWriter::new(out));
    writer.write_record(header)?;
    Ok(writer)
}

fn finish(mut writer: Csv) -> Result<(), ForecastCommandError> {
    writer.flush()?;
    writer
        .into_inner()
        .map_err(|error| error.into_error())?
        .flush()?;
    Ok(())
}

/// A number with as many digits as anybody reads: nine that count.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.8e}").parse().unwrap_or(value);
    rounded.to_string()
}

/// The file of forecasts.
pub(super) struct Output {
    writer: Csv,
    /// In percent, as asked.
    levels: Vec<f64>,
}

impl Output {
    pub(super) fn try_new(out: File, levels: Vec<f64>) -> Result<Self, ForecastCommandError> {
        let mut header = vec!["unique_id".to_owned(), "ds".to_owned(), "mean".to_owned()];
        for level in &levels {
            header.push(format!("lo-{level}"));
            header.push(format!("hi-{level}"));
        }
        Ok(Self {
            writer: begin(out, &header)?,
            levels,
        })
    }

    /// The rows of one series whose last period is `last`.
    pub(super) fn write(
        &mut self,
        id: &str,
        last: i64,
        table: &Table,
        forecast: &Forecast,
        calibration: &Calibration,
    ) -> Result<(), ForecastCommandError> {
        for (step, mean) in forecast.centre().iter().enumerate() {
            let label = table
                .calendar
                .label(last, step as i64 + 1)
                .ok_or_else(|| ForecastCommandError::BeyondCalendar { id: id.to_owned() })?;
            self.writer.write_field(id)?;
            self.writer.write_field(label)?;
            self.writer.write_field(number(*mean))?;
            for level in &self.levels {
                let deviations = calibration.deviations(level / 100.0, step, forecast);
                let (low, high) = forecast.interval(step, deviations);
                self.writer.write_field(number(low))?;
                self.writer.write_field(number(high))?;
            }
            self.writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), ForecastCommandError> {
        finish(self.writer)
    }
}

/// The file of explanations: a row per series and period ahead, so that the parts of each width stand beside it; they make 1.
pub(super) struct ExplanationOutput(Csv);

impl ExplanationOutput {
    pub(super) fn create(file: &Path) -> Result<Self, ForecastCommandError> {
        let header = [
            "unique_id",
            "ahead",
            "model",
            "level",
            "slope",
            "season",
            "borrowed",
            "unusual",
            "working-day",
            "width-privacy",
            "width-process",
            "width-counting",
            "width-growth",
        ];
        Ok(Self(create(file, &header.map(str::to_owned))?))
    }

    /// The rows of one series whose first period is `first`.
    pub(super) fn write(
        &mut self,
        id: &str,
        first: i64,
        table: &Table,
        forecast: &Forecast,
        calendar: Option<CalendarEffect>,
    ) -> Result<(), ForecastCommandError> {
        let explanation = forecast.explanation();
        let model = explanation
            .best
            .map_or_else(|| "none".to_owned(), |(best, _)| best.to_string());
        let season: Vec<String> = explanation
            .season
            .iter()
            .map(|effect| number(*effect))
            .collect();
        let borrowed = match (forecast.borrowed().level, forecast.borrowed().season) {
            (true, _) => "level and season",
            (false, true) => "season",
            (false, false) => "",
        };
        let unusual: Vec<String> = (forecast.flags().iter())
            .map(|flag| {
                let period = table.calendar.label(first, flag.period as i64);
                format!("{} {}", period.unwrap_or_default(), flag.unusual)
            })
            .collect();
        for (step, shares) in explanation.shares.iter().enumerate() {
            let part = |of: f64| {
                if shares.total() > 0.0 {
                    number(of / shares.total())
                } else {
                    String::new()
                }
            };
            self.0.write_record([
                id.to_owned(),
                (step + 1).to_string(),
                model.clone(),
                number(explanation.level),
                number(explanation.slope),
                season.join(" "),
                borrowed.to_owned(),
                unusual.join("; "),
                calendar.map_or_else(String::new, |effect| number(effect.per_day)),
                part(shares.privacy),
                part(shares.process),
                part(shares.counting),
                part(shares.growth),
            ])?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), ForecastCommandError> {
        finish(self.0)
    }
}

/// The file of a backtest.
pub(super) struct BacktestOutput(Csv);

impl BacktestOutput {
    pub(super) fn create(file: &Path) -> Result<Self, ForecastCommandError> {
        let header = [
            "unique_id",
            "horizon",
            "origins",
            "mase",
            "coverage-95",
            "interval-score-95",
            "skill",
            "skill-noise-corrected",
        ];
        Ok(Self(create(file, &header.map(str::to_owned))?))
    }

    pub(super) fn write(
        &mut self,
        id: &str,
        found: &[Backtest],
    ) -> Result<(), ForecastCommandError> {
        let maybe = |value: Option<f64>| value.map_or_else(String::new, number);
        for at in found {
            self.0.write_record([
                id.to_owned(),
                at.horizon.to_string(),
                at.origins.to_string(),
                maybe(at.mase),
                number(at.coverage),
                number(at.interval_score),
                maybe(at.skill),
                maybe(at.skill_noise_corrected),
            ])?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), ForecastCommandError> {
        finish(self.0)
    }
}
