//! The past of a forecast: consistent estimates of a cube's releases in the order of their periods, with their known noise.
//! A period that other organisations answered is left out, never scaled up; one whose release has ended is missing, and said to be. Where
//! bounds change from one period to the next, so may the level of the bounded numbers: such a step is named, and never taken for need.

use super::super::comparison::place;
use super::super::consistent::{Loaded, loaded};
use super::ForecastWanted;
use super::levels::{PastLevel, PastLevels, covariance, estimates, mean, with_city};
use super::views::{MissingPeriod, WhyMissing};
use crate::app::audience;
use crate::app::cuts::Cuts;
use crate::state::State;
use crate::store::accounts::Account;
use crate::store::cubes::{self, AskKind};
use crate::store::release_terms::{self, ReleaseTerms};
use crate::store::visible::Viewer;
use crate::{CoordinatorError, Problem};
use geography::Level;
use query::{Measure, PeriodKind};
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};

/// The series of all areas of a level over common periods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    /// Releases it is made of, each once.
    pub(super) releases: Vec<String>,
    /// All periods from the first to the last.
    pub(super) periods: Vec<String>,
    /// Periods without values here, since other organisations answered.
    pub(super) left_out: Vec<String>,
    /// Periods for which there is nothing at all, those before the first among them, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) missing: Vec<MissingPeriod>,
    /// Periods from which on the bounds cut otherwise than in the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) bounds_changed: Vec<String>,
    /// Areas, `unknown` among them.
    pub(super) keys: Vec<String>,
    /// By area and period; NaN where there is none, which is stored as null.
    #[serde(with = "gaps")]
    pub(super) values: Vec<Vec<f64>>,
    /// The same of noise variances.
    pub(super) variances: Vec<Vec<f64>>,
    #[serde(with = "kind_id")]
    pub(super) kind: PeriodKind,
    /// Whether the values are counts.
    pub(super) counts: bool,
    /// All levels of the releases, where there are several areas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) levels: Option<PastLevels>,
}

impl Past {
    /// Series to be forecast: all areas of all levels, or, of the only one, all areas and all together where there are several.
    pub(super) fn count(&self) -> usize {
        let together = || self.keys.len() + usize::from(self.keys.len() > 1);
        (self.levels.as_ref()).map_or_else(together, |all| all.covariance.len())
    }

    /// The places of [`Past::bounds_changed`] among the periods.
    pub(super) fn breaks(&self) -> Vec<usize> {
        let changed = |period: &String| self.bounds_changed.contains(period);
        (0..self.periods.len())
            .filter(|at| changed(&self.periods[*at]))
            .collect()
    }
}

/// JSON has no NaN.
pub(super) mod gaps {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        values: &[Vec<f64>],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let whole = |value: &f64| (!value.is_nan()).then_some(*value);
        let rows: Vec<Vec<Option<f64>>> =
            (values.iter().map(|row| row.iter().map(whole).collect())).collect();
        rows.serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Vec<f64>>, D::Error> {
        let rows = Vec::<Vec<Option<f64>>>::deserialize(from)?;
        let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
        Ok((rows
            .into_iter()
            .map(|row| row.into_iter().map(known).collect()))
        .collect())
    }
}

mod kind_id {
    use query::PeriodKind;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(kind: &PeriodKind, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(kind.id())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PeriodKind, D::Error> {
        let id = String::deserialize(from)?;
        (PeriodKind::ALL.into_iter())
            .find(|kind| kind.id() == id)
            .ok_or_else(|| D::Error::custom("no kind of period"))
    }
}

/// Months since year 0, which order periods.
type First = u16;

struct Point {
    key: String,
    nodes: BTreeSet<(String, String)>,
    release: String,
    /// By level, the city always among them: values and variances of all areas.
    levels: Vec<(Vec<f64>, Vec<f64>)>,
    /// Which of the covariances is that of its noise.
    noise: usize,
    cuts: Cuts,
}

/// What the releases of a cube say, by the first month of each period.
#[derive(Default)]
struct Gathered {
    points: BTreeMap<First, Point>,
    /// Noise covariances of all areas, each with what tells it from others: variances, and whose they are.
    noises: Vec<Noise>,
}

struct Noise {
    variances: Vec<Vec<f64>>,
    finest: Vec<Option<Level>>,
    covariance: Vec<Vec<f64>>,
}

fn unfit(code: &'static str, path: &'static str, remedy: &'static str) -> Problem {
    Problem::Unfit { code, path, remedy }
}

/// What an account may see of a release of a cube.
enum Sight {
    Shown,
    /// It could be seen, were its time not over.
    Ended,
    /// It is not there for this account.
    Hidden,
}

async fn sight(
    reader: &mut SqliteConnection,
    viewer: &Viewer<'_>,
    release: &str,
) -> Result<Sight, Problem> {
    let Some(terms) = release_terms::terms_of(reader, release).await? else {
        return Ok(Sight::Hidden);
    };
    if viewer.may_see(reader, &terms).await? {
        return Ok(Sight::Shown);
    }
    let lasting = ReleaseTerms {
        keep_until: None,
        ..terms
    };
    Ok(match viewer.may_see(reader, &lasting).await? {
        true => Sight::Ended,
        false => Sight::Hidden,
    })
}

/// Gathers the past of what is wanted, of the releases that the account may see now.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub(super) async fn past(
    app: &State,
    account: &Account,
    wanted: &ForecastWanted,
) -> Result<Past, Problem> {
    let level = Level::from_id(&wanted.level).ok_or_else(|| Problem::InvalidBody {
        path: "$.level".to_owned(),
        code: "unknown-id",
    })?;
    let mut reader = app.database.read().await?;
    let cube = (cubes::cube_by_id(&mut reader, &wanted.cube).await?).ok_or(Problem::NotFound)?;
    let asks = cubes::cube_asks(&mut reader, &wanted.cube).await?;
    // What was asked again later stands for the earlier answer.
    let (again, first): (Vec<_>, Vec<_>) = asks
        .into_iter()
        .partition(|ask| ask.kind == AskKind::Revision);
    let kind = cube.cube.kind();
    let viewer = audience::viewer(app, account);
    let mut gathered = Gathered::default();
    let mut levels: Vec<Level> = Vec::new();
    let mut ended: BTreeSet<First> = BTreeSet::new();
    let mut counts = true;
    for ask in first.into_iter().chain(again) {
        let Some(release) = ask.release else { continue };
        match sight(&mut reader, &viewer, &release).await? {
            Sight::Shown => {
                let loaded = loaded(&mut reader, &app.vouched, &viewer, &release).await?;
                counts = !matches!(loaded.question.measure(), Measure::Sum(_));
                levels = with_city(loaded.consistent.levels());
                gathered.add(&loaded, level, wanted)?;
            }
            Sight::Ended => {
                let months = ask.span.from.index()..=ask.span.to.index();
                ended.extend(months.step_by(usize::from(kind.months())));
            }
            Sight::Hidden => {}
        }
    }
    drop(reader);
    let Gathered { points, noises } = gathered;
    let Some((_, last)) = points.last_key_value() else {
        return Err(match ended.is_empty() {
            true => unfit(
                "nothing-released",
                "$.cube",
                "nothing of this cube is released yet; ask it first",
            ),
            false => unfit(
                "releases-ended",
                "$.cube",
                "the time of all releases of this cube is over; ask it again",
            ),
        });
    };
    let nodes = last.nodes.clone();
    let (from, to) = (points.keys().min().copied(), points.keys().max().copied());
    let (Some(from), Some(to)) = (from, to) else {
        return Err(CoordinatorError::Corrupt { what: "cube" }.into());
    };
    let areas = geography::Partition::milan().keys(level).to_vec();
    let why = |at: &First| match ended.contains(at) {
        true => WhyMissing::Ended,
        false => WhyMissing::NotReleased,
    };
    let missing = (ended.iter().copied())
        .chain((from..=to).step_by(usize::from(kind.months())))
        .filter(|at| !points.contains_key(at))
        .collect::<BTreeSet<First>>();
    let mut past = Past {
        releases: Vec::new(),
        periods: Vec::new(),
        left_out: Vec::new(),
        bounds_changed: Vec::new(),
        missing: (missing.iter())
            .map(|at| MissingPeriod {
                period: key_of(*at, kind),
                why: why(at),
            })
            .collect(),
        values: vec![Vec::new(); areas.len()],
        variances: vec![Vec::new(); areas.len()],
        keys: areas,
        kind,
        counts,
        levels: None,
    };
    let sizes: Vec<usize> = last.levels.iter().map(|(values, _)| values.len()).collect();
    let mut series: Vec<Areas> = (sizes.iter())
        .map(|areas| (vec![Vec::new(); *areas], vec![Vec::new(); *areas]))
        .collect();
    let mut periods_of = vec![0; noises.len()];
    let mut cuts_before: Option<Cuts> = None;
    for at in (from..=to).step_by(usize::from(kind.months())) {
        let point = points.get(&at);
        let used = point.filter(|point| point.nodes == nodes);
        past.periods.push(match point {
            Some(point) => point.key.clone(),
            None => key_of(at, kind),
        });
        if let Some(point) = used {
            if !past.releases.contains(&point.release) {
                past.releases.push(point.release.clone());
            }
            if cuts_before
                .replace(point.cuts)
                .is_some_and(|before| before != point.cuts)
            {
                past.bounds_changed.push(point.key.clone());
            }
        } else if point.is_some() {
            past.left_out.extend(past.periods.last().cloned());
        }
        if let Some(point) = used {
            periods_of[point.noise] += 1;
        }
        for (place, (values, variances)) in series.iter_mut().enumerate() {
            for (area, (values, variances)) in values.iter_mut().zip(variances).enumerate() {
                values.push(used.map_or(f64::NAN, |point| point.levels[place].0[area]));
                variances.push(used.map_or(0.0, |point| point.levels[place].1[area]));
            }
        }
    }
    let own = levels.iter().position(|known| *known == level);
    let own = own.ok_or(CoordinatorError::Corrupt { what: "cube" })?;
    (past.values, past.variances) = std::mem::take(&mut series[own]);
    if levels.len() > 1 {
        let used = || noises.iter().zip(&periods_of).filter(|(_, n)| **n > 0);
        let finest: Vec<Option<Level>> =
            (used().flat_map(|(noise, _)| noise.finest.iter().copied())).collect();
        let covariances: Vec<(&[Vec<f64>], usize)> = used()
            .map(|(noise, periods)| (&noise.covariance[..], *periods))
            .collect();
        past.levels = Some(PastLevels {
            relations: compose::area_relations(&levels, &finest),
            covariance: mean(&covariances),
            levels: (levels.iter().zip(series))
                .map(|(level, (values, variances))| PastLevel {
                    level: level.id().to_owned(),
                    values,
                    variances,
                })
                .collect(),
        });
    }
    Ok(past)
}

/// Values and variances of all areas of a level, by area and period.
type Areas = (Vec<Vec<f64>>, Vec<Vec<f64>>);

impl Gathered {
    /// The periods of one release.
    fn add(
        &mut self,
        loaded: &Loaded,
        level: Level,
        wanted: &ForecastWanted,
    ) -> Result<(), Problem> {
        let consistent = &loaded.consistent;
        if !consistent.levels().contains(&level) {
            return Err(unfit(
                "no-such-level",
                "$.level",
                "the cube is not asked at this level; name one of its levels",
            ));
        }
        if wanted.at.contains_key("period") {
            return Err(unfit(
                "no-such-axis",
                "$.at",
                "a forecast is of all periods; leave `period` out",
            ));
        }
        let nodes: BTreeSet<(String, String)> = (loaded.release.coverage.answered.iter())
            .map(|node| (node.node.clone(), node.dataset.clone()))
            .collect();
        let noise = self.noise(loaded)?;
        let cuts = Cuts::of(&loaded.question);
        for period in loaded.question.periods() {
            let mut at = wanted.at.clone();
            at.insert("period".to_owned(), period.key.clone());
            let (_, place) = place(&loaded.release, &at)?;
            self.points.insert(
                period.first.index(),
                Point {
                    key: period.key,
                    nodes: nodes.clone(),
                    release: loaded.release.summary.id.clone(),
                    levels: estimates(consistent, &self.noises[noise].covariance, place),
                    noise,
                    cuts,
                },
            );
        }
        Ok(())
    }

    /// The place of a release's noise covariance among those known; releases of the same registers and sizes of noise share it.
    fn noise(&mut self, loaded: &Loaded) -> Result<usize, Problem> {
        let consistent = &loaded.consistent;
        let finest: Vec<Option<Level>> = (loaded.release.coverage.answered.iter())
            .map(|node| node.finest_level)
            .collect();
        let variances: Vec<Vec<f64>> = (0..consistent.levels().len())
            .map(|level| consistent.variance(level).to_vec())
            .collect();
        let known = (self.noises.iter())
            .position(|noise| noise.finest == finest && noise.variances == variances);
        if let Some(known) = known {
            return Ok(known);
        }
        self.noises.push(Noise {
            variances,
            finest,
            covariance: covariance(consistent).map_err(CoordinatorError::from)?,
        });
        Ok(self.noises.len() - 1)
    }
}

/// A period nobody released is named as the others are.
fn key_of(first: First, kind: PeriodKind) -> String {
    let month = query::Month::from_index(first);
    let (year, month) = month.map_or((0, 1), |month| (month.year(), month.month()));
    match kind {
        PeriodKind::Month => format!("{year:04}-{month:02}"),
        PeriodKind::Quarter => format!("{year:04}-Q{}", (month - 1) / 3 + 1),
        PeriodKind::Year => format!("{year:04}"),
    }
}

/// The keys of the periods after the last.
pub(super) fn ahead(past: &Past, horizon: usize) -> Vec<String> {
    let step = past.kind.months();
    // Every past has a last period, whose first month counts from the last known key.
    let last = past
        .periods
        .last()
        .and_then(|key| first_month(key, past.kind))
        .unwrap_or(0);
    (1..=horizon as u16)
        .map(|ahead| key_of(last + ahead * step, past.kind))
        .collect()
}

/// The months of the past, where its periods are months: they have working days.
pub(super) fn months(past: &Past) -> Option<forecast::Months> {
    let first = match past.kind {
        PeriodKind::Month => query::Month::parse(past.periods.first()?)?,
        PeriodKind::Quarter | PeriodKind::Year => return None,
    };
    let (year, month) = (i16::try_from(first.year()), i8::try_from(first.month()));
    forecast::Months::try_new(year.ok()?, month.ok()?)
}

fn first_month(key: &str, kind: PeriodKind) -> Option<First> {
    let month = match kind {
        PeriodKind::Month => query::Month::parse(key)?,
        PeriodKind::Quarter => {
            let (year, quarter) = key.split_once("-Q")?;
            query::Month::try_new(
                year.parse().ok()?,
                3 * (quarter.parse::<u8>().ok()? - 1) + 1,
            )?
        }
        PeriodKind::Year => query::Month::try_new(key.parse().ok()?, 1)?,
    };
    Some(month.index())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_go_on_as_they_were_written() {
        let past = |key: &str, kind| Past {
            releases: Vec::new(),
            periods: vec![key.to_owned()],
            left_out: Vec::new(),
            missing: Vec::new(),
            bounds_changed: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
            variances: Vec::new(),
            kind,
            counts: true,
            levels: None,
        };
        assert_eq!(
            ahead(&past("2025-11", PeriodKind::Month), 3),
            ["2025-12", "2026-01", "2026-02"]
        );
        assert_eq!(
            ahead(&past("2025-Q3", PeriodKind::Quarter), 2),
            ["2025-Q4", "2026-Q1"]
        );
        assert_eq!(ahead(&past("2025", PeriodKind::Year), 2), ["2026", "2027"]);
    }
}
