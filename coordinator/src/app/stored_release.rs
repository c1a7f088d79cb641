//! A release as it is stored: what follows from its cells and the noise of each part is left out, and put back when it is read.
//!
//! Format 1 is the release as it is served. Formats 2 and 3 begin with their version and hold each different noise once. Format 2 holds
//! values and brackets as [`protocol::cells`] writes them, in its JSON. Format 3, which is written, is a line of JSON without cells, a line
//! with the values and, where there are brackets, one with their lower ends, each in base64 of what [`protocol::packed`] writes; the upper
//! ends follow from them.

use super::release::{Axis, ComposedRelease, Privacy, Release, ReleaseObligations, ReleaseSummary};
use crate::CoordinatorError;
use base64::prelude::{BASE64_STANDARD, Engine};
use compose::{Bracket, Composed, Coverage, Sums};
use protocol::packed;
use serde::{Deserialize, Serialize};

/// How every stored release of format 2 begins.
const FORMAT_2: &str = r#"{"version":2,"#;
/// How every stored release of format 3 begins.
const FORMAT_3: &str = r#"{"version":3,"#;

/// The first line of format 3. What is written is borrowed.
#[derive(Serialize)]
struct Head<'a> {
    version: u32,
    summary: &'a ReleaseSummary,
    dimensions: &'a [Axis],
    cells: usize,
    noise: &'a [compose::Noise],
    /// How many cells in a row have which noise, where there are several.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    runs: &'a [(usize, usize)],
    coverage: &'a Coverage,
    privacy: &'a Privacy,
    estimand: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    obligations: &'a Option<ReleaseObligations>,
}

/// The same, read.
#[derive(Deserialize)]
struct HeadRead {
    summary: ReleaseSummary,
    dimensions: Vec<Axis>,
    cells: usize,
    noise: Vec<compose::Noise>,
    #[serde(default)]
    runs: Vec<(usize, usize)>,
    coverage: Coverage,
    privacy: Privacy,
    estimand: String,
    #[serde(default)]
    obligations: Option<ReleaseObligations>,
}

#[derive(Deserialize)]
struct Stored {
    // Not flattened, so that nothing is read twice.
    summary: ReleaseSummary,
    dimensions: Vec<Axis>,
    #[serde(with = "protocol::cells")]
    values: Vec<i64>,
    noise: Vec<Noise>,
    /// For each cell its noise, where there are several.
    #[serde(default)]
    noise_of: Vec<u32>,
    coverage: Coverage,
    privacy: Privacy,
    estimand: String,
    bracket: Option<StoredBracket>,
    #[serde(default)]
    obligations: Option<ReleaseObligations>,
}

#[derive(Clone, Copy, Deserialize)]
struct Noise {
    variance: f64,
    margin_95: f64,
    margin_9999: f64,
}

#[derive(Deserialize)]
struct StoredBracket {
    #[serde(with = "protocol::cells")]
    lower: Vec<i64>,
    #[serde(with = "protocol::cells")]
    upper: Vec<i64>,
}

/// Writes a release in format 3.
///
/// # Errors
/// [`CoordinatorError::Format`].
pub fn write(release: &ComposedRelease) -> Result<String, CoordinatorError> {
    let sums = &release.sums;
    let mut text = serde_json::to_string(&Head {
        version: 3,
        summary: &release.summary,
        dimensions: &release.dimensions,
        cells: sums.values.len(),
        noise: &sums.noise,
        runs: if sums.noise.len() > 1 {
            &sums.runs
        } else {
            &[]
        },
        coverage: &release.coverage,
        privacy: &release.privacy,
        estimand: &release.estimand,
        obligations: &release.obligations,
    })?;
    for cells in [Some(&sums.values), sums.lower.as_ref()]
        .into_iter()
        .flatten()
    {
        let bytes = packed::encode(cells);
        text.reserve(1 + bytes.len().div_ceil(3) * 4);
        text.push('\n');
        BASE64_STANDARD.encode_string(bytes, &mut text);
    }
    Ok(text)
}

/// Reads a stored release of any format.
///
/// # Errors
/// [`CoordinatorError::Format`] or [`CoordinatorError::Corrupt`].
pub fn read(text: &str) -> Result<Release, CoordinatorError> {
    if text.starts_with(FORMAT_3) {
        return read_3(text);
    }
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

fn read_3(text: &str) -> Result<Release, CoordinatorError> {
    let corrupt = || CoordinatorError::Corrupt { what: "release" };
    let mut lines = text.split('\n');
    let head: HeadRead = serde_json::from_str(lines.next().unwrap_or_default())?;
    let mut cells = || -> Result<Option<Vec<i64>>, CoordinatorError> {
        let Some(line) = lines.next() else {
            return Ok(None);
        };
        let bytes = BASE64_STANDARD.decode(line).map_err(|_| corrupt())?;
        (packed::decode(&bytes, head.cells).map(Some)).map_err(|_| corrupt())
    };
    let values = cells()?.ok_or_else(corrupt)?;
    let lower = cells()?;
    if lines.next().is_some() {
        return Err(corrupt());
    }
    if head.runs.is_empty() && head.noise.len() != 1 {
        return Err(corrupt());
    }
    let runs = match head.runs.is_empty() {
        true => vec![(head.cells, 0)],
        false => head.runs,
    };
    let sums = Sums {
        values,
        lower,
        noise: head.noise,
        runs,
    };
    let Composed {
        values,
        display,
        variance,
        margin_95,
        margin_9999,
        too_uncertain,
        bracket,
    } = sums.spread().map_err(|_| corrupt())?;
    Ok(Release {
        summary: head.summary,
        dimensions: head.dimensions,
        values,
        display,
        variance,
        margin_95,
        margin_9999,
        too_uncertain,
        coverage: head.coverage,
        privacy: head.privacy,
        estimand: head.estimand,
        bracket,
        obligations: head.obligations,
        display_minimum: None,
    }
    .shown())
}
