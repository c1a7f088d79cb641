//! Series of a file with a training and a test part, and sums of scores over them.

use forecast::score;
use std::path::Path;

/// One series: `unique_id, ds, y, split` and further columns.
#[derive(Default)]
pub(crate) struct Sample {
    pub(crate) id: String,
    pub(crate) values: Vec<f64>,
    pub(crate) train: usize,
    pub(crate) groups: Vec<String>,
}

pub(crate) fn read(file: &Path) -> Result<Vec<Sample>, Box<dyn std::error::Error>> {
    let mut samples: Vec<Sample> = Vec::new();
    for record in csv::Reader::from_path(file)?.records() {
        let record = record?;
        if samples.last().is_none_or(|s| s.id != record[0]) {
            samples.push(Sample {
                id: record[0].to_owned(),
                groups: record.iter().skip(4).map(str::to_owned).collect(),
                ..Sample::default()
            });
        }
        if let Some(sample) = samples.last_mut() {
            sample.values.push(record[2].parse()?);
            sample.train += usize::from(&record[3] == "train");
        }
    }
    Ok(samples)
}

/// Scores of one method, summed over series.
#[derive(Default)]
pub(crate) struct Scores {
    pub(crate) name: String,
    series: f64,
    smape: f64,
    mase: f64,
    coverage: f64,
    msis: f64,
    with_intervals: bool,
}

impl Scores {
    pub(crate) fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Adds one series. `interval` gives ends of the 95 percent interval by step.
    pub(crate) fn add(
        &mut self,
        actual: &[f64],
        centre: &[f64],
        scale: f64,
        interval: Option<&dyn Fn(usize) -> (f64, f64)>,
    ) {
        self.series += 1.0;
        self.smape += score::smape(actual, centre);
        self.mase += score::mase(actual, centre, scale);
        if let Some(interval) = interval {
            let (low, high): (Vec<f64>, Vec<f64>) = (0..actual.len()).map(interval).unzip();
            self.with_intervals = true;
            self.coverage += score::coverage(actual, &low, &high);
            self.msis += score::msis(actual, &low, &high, 0.05, scale);
        }
    }

    /// Adds what another has counted.
    pub(crate) fn merge(&mut self, other: &Scores) {
        self.series += other.series;
        self.smape += other.smape;
        self.mase += other.mase;
        self.coverage += other.coverage;
        self.msis += other.msis;
        self.with_intervals |= other.with_intervals;
    }

    pub(crate) fn smape(&self) -> f64 {
        self.smape / self.series
    }

    pub(crate) fn mase(&self) -> f64 {
        self.mase / self.series
    }

    pub(crate) fn coverage(&self) -> f64 {
        self.coverage / self.series
    }

    pub(crate) fn msis(&self) -> f64 {
        self.msis / self.series
    }

    pub(crate) fn has_intervals(&self) -> bool {
        self.with_intervals
    }
}
