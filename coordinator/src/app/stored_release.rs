//! A release as it is stored: what follows from its cells and the noise of each part is left out, and put back when it is read.
//!
//! Format 1 is the release as it is served. Format 2, which is written, begins with its version; it holds values and brackets as
//! [`protocol::cells`] writes them, and each different noise once.

use super::release::{Axis, Privacy, Release, ReleaseObligations, ReleaseSummary};
use crate::CoordinatorError;
use compose::{Bracket, Coverage};
use serde::{Deserialize, Serialize};

/// How every stored release of format 2 begins.
const FORMAT_2: &str = r#"{"version":2,"#;

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    // Not flattened, so that nothing is read twice.
    summary: ReleaseSummary,
    dimensions: Vec<Axis>,
    #[serde(with = "protocol::cells")]
    values: Vec<i64>,
    noise: Vec<Noise>,
    /// For each cell its noise, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    noise_of: Vec<u32>,
    coverage: Coverage,
    privacy: Privacy,
    estimand: String,
    bracket: Option<StoredBracket>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    obligations: Option<ReleaseObligations>,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Noise {
    variance: f64,
    margin_95: f64,
    margin_9999: f64,
}

#[derive(Serialize, Deserialize)]
struct StoredBracket {
    #[serde(with = "protocol::cells")]
    lower: Vec<i64>,
    #[serde(with = "protocol::cells")]
    upper: Vec<i64>,
}

/// Writes a release in format 2.
///
/// # Errors
/// [`CoordinatorError::Format`].
pub fn write(release: &Release) -> Result<String, CoordinatorError> {
    let mut noise: Vec<Noise> = Vec::new();
    let mut noise_of = Vec::new();
    let mut last = 0;
    let cells = (release.variance.iter()).zip(&release.margin_95);
    for ((&variance, &margin_95), &margin_9999) in cells.zip(&release.margin_9999) {
        let own = Noise {
            variance,
            margin_95,
            margin_9999,
        };
        // Few differ, and mostly the same follows.
        if noise.get(last) != Some(&own) {
            last = noise
                .iter()
                .position(|noise| *noise == own)
                .unwrap_or_else(|| {
                    noise.push(own);
                    noise.len() - 1
                });
        }
        noise_of.push(last as u32);
    }
    if noise.len() <= 1 {
        noise_of.clear();
    }
    Ok(serde_json::to_string(&Stored {
        version: 2,
        summary: release.summary.clone(),
        dimensions: release.dimensions.clone(),
        values: release.values.clone(),
        noise,
        noise_of,
        coverage: release.coverage.clone(),
        privacy: release.privacy.clone(),
        estimand: release.estimand.clone(),
        bracket: release.bracket.as_ref().map(|bracket| StoredBracket {
            lower: bracket.lower.clone(),
            upper: bracket.upper.clone(),
        }),
        obligations: release.obligations.clone(),
    })?)
}

/// Reads a stored release of either format.
///
/// # Errors
/// [`CoordinatorError::Format`] or [`CoordinatorError::Corrupt`].
pub fn read(text: &str) -> Result<Release, CoordinatorError> {
    if !text.starts_with(FORMAT_2) {
        return Ok(serde_json::from_str(text)?);
    }
    let stored: Stored = serde_json::from_str(text)?;
    let corrupt = || CoordinatorError::Corrupt { what: "release" };
    let places = match stored.noise_of.len() {
        0 => vec![0; stored.values.len()],
        _ => stored.noise_of,
    };
    if places.len() != stored.values.len() {
        return Err(corrupt());
    }
    let noise: Vec<Noise> = (places.iter())
        .map(|place| stored.noise.get(*place as usize).copied())
        .collect::<Option<_>>()
        .ok_or_else(corrupt)?;
    Ok(Release {
        summary: stored.summary,
        dimensions: stored.dimensions,
        display: (stored.values.iter())
            .map(|value| value.max(&0).unsigned_abs())
            .collect(),
        variance: noise.iter().map(|noise| noise.variance).collect(),
        margin_95: noise.iter().map(|noise| noise.margin_95).collect(),
        margin_9999: noise.iter().map(|noise| noise.margin_9999).collect(),
        too_uncertain: (stored.values.iter().zip(&noise))
            .map(|(&value, noise)| noise.margin_95 > value as f64)
            .collect(),
        values: stored.values,
        coverage: stored.coverage,
        privacy: stored.privacy,
        estimand: stored.estimand,
        bracket: stored.bracket.map(|bracket| Bracket {
            lower: bracket.lower,
            upper: bracket.upper,
        }),
        obligations: stored.obligations,
        display_minimum: None,
    }
    .shown())
}
