//! Comparing areas of a release, of one time or with an earlier one: rates, differences, ranks and custom unions, worked out on the
//! server from consistent estimates with what they share. Nothing is stored or spent. The work itself is `compose::Compared`.

use super::claim::Claim;
use super::consistent::{CONFIDENCE, Loaded, loaded, rounded};
use super::release::Release;
use super::statistics::{self, PublicWhole};
use crate::app::audience;
use crate::app::cuts::Cuts;
use crate::state::State;
use crate::store::accounts::Account;
use crate::{CoordinatorError, Problem};
use compose::{Compared, Contrast, Contrasted, Ranked, Region};
use geography::{Facts, Level};
use query::Measure;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// What is to be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The key of each other axis, where it has more than one.
    pub at: BTreeMap<String, String>,
    /// Per 1,000 residents, or families where households are counted.
    pub per_residents: bool,
    /// The area others are compared with; for rates the whole where absent.
    pub reference: Option<String>,
    /// Unions of areas by name, instead of the areas.
    pub custom: Vec<(String, Vec<String>)>,
    /// An earlier time: of which release, and its key of the axis `period`, where it has more than one.
    pub against: Option<(String, Option<String>)>,
    /// Places on offer by area, public and exact: they are taken off the counts. An area that is not named has none.
    pub places: Option<BTreeMap<String, u32>>,
}

/// Areas compared with each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Comparison {
    /// The release.
    pub release: String,
    /// The level of its areas.
    pub level: String,
    /// The key at each other axis.
    pub at: BTreeMap<String, String>,
    /// The other release, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// The public number numbers are per 1,000 of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole: Option<PublicWhole>,
    /// With which each interval and each rank interval holds the truth, as far as noise is concerned.
    pub confidence: f64,
    /// The most that the expected share of false claims among all `higher` and `lower` is.
    pub false_claims: f64,
    /// What `difference` is from: `reference`, `whole`, `before`, `places` or, where there is none, `nothing`.
    pub compared_with: String,
    /// All areas of the comparison together, as an area of its own.
    pub together: Interval,
    /// One per area, in the order of the level's keys.
    pub items: Vec<Item>,
    /// Areas left out, since nobody publishes a number of residents for them.
    pub left_out: Vec<String>,
}

/// The earlier time of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Against {
    /// The release.
    pub release: String,
    /// The key at each axis that is not of areas.
    pub at: BTreeMap<String, String>,
    /// Whether its bounds cut otherwise than those of the other: then a change may be theirs, and is `not-comparable`.
    #[serde(default)]
    pub other_bounds: bool,
}

/// A number with the interval it lies in; not cut at zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Interval {
    /// The most plausible value.
    pub estimate: f64,
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

/// An area, or a union of some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Item {
    /// Its key, or the union's name.
    pub key: String,
    /// The areas it is made of.
    pub areas: Vec<String>,
    /// Residents, or families, where rates are wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residents: Option<u64>,
    /// Places on offer, where they are taken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub places: Option<u64>,
    /// The number, places taken off.
    pub now: Interval,
    /// The same of the earlier time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Interval>,
    /// Its place among all, the largest first.
    pub rank: Rank,
    /// How it differs from what it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// A place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rank {
    /// By the estimates alone.
    pub rank: usize,
    /// No better.
    pub best: usize,
    /// No worse.
    pub worst: usize,
}

/// A difference and what may be claimed of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The most plausible value.
    pub estimate: f64,
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
    /// How often noise alone would do as much.
    pub p_value: f64,
    /// What may be claimed of it.
    pub verdict: Claim,
}

/// Of all claims at most a tenth is expected to be false.
const FALSE_CLAIMS: f64 = 0.1;

/// Numbers are per so many residents.
const PER: f64 = 1_000.0;

/// Most unions in one comparison: ranks look at all pairs.
pub const MOST_CUSTOM: usize = 50;

fn unfit(code: &'static str, path: &'static str, remedy: &'static str) -> Problem {
    Problem::Unfit { code, path, remedy }
}

/// Compares the areas of a release. Reading what is released is not logged, and neither is this.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn comparison(
    app: &State,
    account: &Account,
    id: &str,
    wanted: &Wanted,
) -> Result<Comparison, Problem> {
    let viewer = audience::viewer(app, account);
    let mut reader = app.database.read().await?;
    let now = loaded(&mut reader, &app.vouched, &viewer, id).await?;
    let before = match &wanted.against {
        None => None,
        Some((other, _)) => {
            let before = loaded(&mut reader, &app.vouched, &viewer, other).await?;
            // No privacy cost is not a lawful purpose: another study's release is not there.
            if before.release.summary.study != now.release.summary.study {
                return Err(Problem::NotFound);
            }
            alike(&now, &before)?;
            Some(before)
        }
    };
    drop(reader);
    compare(id, &now, before.as_ref(), wanted)
}

fn compare(
    id: &str,
    now: &Loaded,
    before: Option<&Loaded>,
    wanted: &Wanted,
) -> Result<Comparison, Problem> {
    let (at_now, place_now) = place(&now.release, &wanted.at)?;
    let before = match (before, &wanted.against) {
        (Some(before), Some((_, period))) => {
            let mut at = wanted.at.clone();
            match period {
                Some(period) => at.insert("period".to_owned(), period.clone()),
                None => at.remove("period"),
            };
            let (at, place) = place(&before.release, &at)?;
            Some((before, at, place))
        }
        _ => None,
    };
    let chosen = Chosen::of(now, wanted)?;
    let count = chosen.items.len();
    let mut regions: Vec<Region> = chosen
        .items
        .iter()
        .map(|item| item.region.clone())
        .collect();
    regions.push(chosen.together.region.clone());
    let mut factors: Vec<f64> = chosen.items.iter().map(|item| item.factor).collect();
    factors.push(chosen.together.factor);
    let offered: Vec<u64> = (chosen.items.iter().chain([&chosen.together]))
        .map(|item| item.places)
        .collect();
    let taken_off = |values: Vec<f64>| -> Vec<f64> {
        let pairs = values.into_iter().zip(&offered);
        pairs
            .map(|(value, places)| value - *places as f64)
            .collect()
    };
    let mut values = taken_off(values(now, &regions, place_now)?);
    let mut covariance = covariances(now, &regions)?;
    if let Some((before, _, place)) = &before {
        let shared = before.query == now.query && *place == place_now;
        if shared {
            return Err(unfit(
                "shared-noise",
                "against",
                "both are the same cells of the same answers; name another period or another release",
            ));
        }
        values.extend(taken_off(self::values(before, &regions, *place)?));
        let others = covariances(before, &regions)?;
        for row in &mut covariance {
            row.resize(2 * regions.len(), 0.0);
        }
        covariance.extend(others.into_iter().map(|row| {
            // Noise of other answers, or of other cells, is independent.
            [vec![0.0; regions.len()], row].concat()
        }));
        factors.extend_from_within(..);
    }
    let compared =
        Compared::try_new(&values, &covariance, &factors).map_err(CoordinatorError::from)?;
    let interval = |at: usize| {
        let (estimate, low, high) = compared.interval(at, CONFIDENCE);
        Interval {
            estimate: rounded(estimate),
            low: rounded(low),
            high: rounded(high),
        }
    };
    let other_bounds = (before.as_ref())
        .is_some_and(|(before, ..)| Cuts::of(&before.question) != Cuts::of(&now.question));
    let (compared_with, contrasts) = chosen.contrasts(wanted, before.is_some())?;
    let listed: Vec<Contrast> = contrasts.iter().flatten().cloned().collect();
    let mut found = compared
        .contrasts(&listed, CONFIDENCE, FALSE_CLAIMS)
        .into_iter();
    let items_alone: Vec<usize> = (0..count).collect();
    let alone = compared.part(&items_alone);
    let ranks = alone.ranks(CONFIDENCE);
    let items = (chosen
        .items
        .into_iter()
        .zip(contrasts)
        .zip(ranks)
        .enumerate())
    .map(|(at, ((item, contrast), rank))| Item {
        key: item.key,
        areas: item.areas,
        residents: wanted.per_residents.then_some(item.residents),
        places: wanted.places.as_ref().map(|_| item.places),
        now: interval(at),
        before: before.is_some().then(|| interval(count + 1 + at)),
        rank: rank.into(),
        difference: (contrast.and_then(|_| found.next()))
            .map(Difference::from)
            .map(|found| {
                if other_bounds {
                    found.between_other_bounds()
                } else {
                    found
                }
            }),
    })
    .collect();
    Ok(Comparison {
        release: id.to_owned(),
        level: now.question.level().id().to_owned(),
        at: at_now,
        against: before.map(|(before, at, _)| Against {
            release: before.release.summary.id.clone(),
            at,
            other_bounds,
        }),
        whole: wanted
            .per_residents
            .then(|| statistics::public_whole(now.question.measure())),
        confidence: 1.0 - CONFIDENCE.miss(),
        false_claims: FALSE_CLAIMS,
        compared_with: compared_with.to_owned(),
        together: interval(count),
        items,
        left_out: chosen.left_out,
    })
}

/// Areas to compare, with what turns their counts into what is compared.
struct Chosen {
    items: Vec<ChosenItem>,
    together: ChosenItem,
    left_out: Vec<String>,
}

struct ChosenItem {
    key: String,
    areas: Vec<String>,
    region: Region,
    residents: u64,
    places: u64,
    factor: f64,
}

impl Chosen {
    fn of(loaded: &Loaded, wanted: &Wanted) -> Result<Chosen, Problem> {
        let level = loaded.question.level();
        let keys = &(loaded.release.dimensions.first())
            .ok_or(CoordinatorError::Corrupt { what: "release" })?
            .keys;
        if wanted.per_residents && !matches!(level, Level::Nil | Level::City) {
            return Err(unfit(
                "no-public-number",
                "per",
                "residents are published by NIL and for the city; name a release at one of these levels",
            ));
        }
        let offered = wanted.places.clone().unwrap_or_default();
        if offered.keys().any(|area| !keys.contains(area)) {
            return Err(unfit(
                "unknown-area",
                "places",
                "use keys of the release's axis `area`",
            ));
        }
        let places = |areas: &[String]| -> u64 {
            let of = |area| offered.get(area).copied().map_or(0, u64::from);
            areas.iter().map(of).sum()
        };
        let named: Vec<(String, Vec<String>)> = if wanted.custom.is_empty() {
            (keys.iter())
                .filter(|key| *key != "unknown")
                .map(|key| (key.clone(), vec![key.clone()]))
                .collect()
        } else {
            wanted.custom.clone()
        };
        let families = loaded.question.measure() == Measure::Households;
        let mut chosen = Chosen {
            items: Vec::new(),
            together: item(loaded.level, "together", &[], keys, 0)?,
            left_out: Vec::new(),
        };
        for (key, areas) in named {
            let residents: u64 = areas
                .iter()
                .map(|area| residents(level, area, families))
                .sum();
            if wanted.per_residents && residents == 0 {
                chosen.left_out.push(key);
                continue;
            }
            let mut item = item(loaded.level, &key, &areas, keys, residents)?;
            item.places = places(&areas);
            if wanted.per_residents {
                item.factor = PER / residents as f64;
            }
            chosen.items.push(item);
        }
        let all: BTreeSet<String> = chosen
            .items
            .iter()
            .flat_map(|item| item.areas.clone())
            .collect();
        let all: Vec<String> = all.into_iter().collect();
        let of_all: u64 = all
            .iter()
            .map(|area| residents(level, area, families))
            .sum();
        chosen.together = item(loaded.level, "together", &all, keys, of_all)?;
        chosen.together.places = places(&all);
        if wanted.per_residents {
            chosen.together.factor = if of_all > 0 { PER / of_all as f64 } else { 0.0 };
        }
        Ok(chosen)
    }

    /// What each item is compared with, where it is.
    fn contrasts(
        &self,
        wanted: &Wanted,
        with_before: bool,
    ) -> Result<(&'static str, Vec<Option<Contrast>>), Problem> {
        let count = self.items.len();
        let from = |other: usize| {
            (0..count).map(move |at| (at != other).then(|| vec![(at, 1.0), (other, -1.0)]))
        };
        if with_before {
            let change = |at: usize| Some(vec![(at, 1.0), (count + 1 + at, -1.0)]);
            return Ok(("before", (0..count).map(change).collect()));
        }
        if let Some(reference) = &wanted.reference {
            let place = self.items.iter().position(|item| &item.key == reference);
            let place = place.ok_or_else(|| {
                unfit(
                    "unknown-area",
                    "reference",
                    "name one of the areas that are compared",
                )
            })?;
            return Ok(("reference", from(place).collect()));
        }
        if wanted.places.is_some() {
            let itself = |at: usize| Some(vec![(at, 1.0)]);
            return Ok(("places", (0..count).map(itself).collect()));
        }
        if wanted.per_residents && count > 1 {
            return Ok(("whole", from(count).collect()));
        }
        Ok(("nothing", vec![None; count]))
    }
}

fn item(
    level: usize,
    key: &str,
    areas: &[String],
    keys: &[String],
    residents: u64,
) -> Result<ChosenItem, Problem> {
    let region: Option<Region> = (areas.iter())
        .map(|area| Some((level, keys.iter().position(|known| known == area)?, 1.0)))
        .collect();
    Ok(ChosenItem {
        key: key.to_owned(),
        areas: areas.to_vec(),
        region: region.ok_or_else(|| {
            unfit(
                "unknown-area",
                "areas",
                "use keys of the release's axis `area`",
            )
        })?,
        residents,
        places: 0,
        factor: 1.0,
    })
}

fn residents(level: Level, area: &str, families: bool) -> u64 {
    let facts = Facts::milan();
    let of = |area: &geography::AreaFacts| {
        u64::from(if families {
            area.families
        } else {
            area.residents
        })
    };
    match level {
        Level::City => facts.areas().iter().map(of).sum(),
        Level::Nil => (area.parse().ok())
            .and_then(|nil| facts.area(nil))
            .map_or(0, of),
        Level::Municipio | Level::MicroArea => 0,
    }
}

/// The place within each area that keys of the other axes name, with all keys spelt out.
pub(super) fn place(
    release: &Release,
    at: &BTreeMap<String, String>,
) -> Result<(BTreeMap<String, String>, usize), Problem> {
    let axes = release.dimensions.get(1..).unwrap_or_default();
    if at
        .keys()
        .any(|name| axes.iter().all(|axis| &axis.name != name))
    {
        return Err(unfit(
            "no-such-axis",
            "at",
            "name axes the release has, other than `area`",
        ));
    }
    let mut place = 0;
    let mut spelt = BTreeMap::new();
    for axis in axes {
        let key = match (at.get(&axis.name), axis.keys.as_slice()) {
            (Some(key), keys) => keys.iter().position(|known| known == key),
            (None, [_]) => Some(0),
            (None, _) => None,
        };
        let key = key.ok_or_else(|| {
            unfit(
                "no-such-key",
                "at",
                "name a key of each axis of the release that has more than one, and of none that it lacks",
            )
        })?;
        place = place * axis.keys.len() + key;
        spelt.insert(axis.name.clone(), axis.keys[key].clone());
    }
    Ok((spelt, place))
}

fn values(loaded: &Loaded, regions: &[Region], place: usize) -> Result<Vec<f64>, CoordinatorError> {
    let inner = loaded.consistent.inner();
    let value = |region: &Region| {
        (region.iter())
            .map(|(_, area, weight)| {
                weight * loaded.consistent.values(loaded.level)[area * inner + place]
            })
            .sum()
    };
    Ok(regions.iter().map(value).collect())
}

/// The covariances of regions given at the level of the release, wherever it lies among the levels of its question.
fn covariances(loaded: &Loaded, regions: &[Region]) -> Result<Vec<Vec<f64>>, CoordinatorError> {
    let here: Vec<Region> = (regions.iter())
        .map(|region| {
            region
                .iter()
                .map(|(_, area, weight)| (loaded.level, *area, *weight))
                .collect()
        })
        .collect();
    Ok(loaded.consistent.covariances(&here)?)
}

/// Checks that two releases count the same of the same organisations, at other times.
fn alike(now: &Loaded, before: &Loaded) -> Result<(), Problem> {
    let (a, b) = (&now.question, &before.question);
    let same = [
        (a.measure() == b.measure(), "$.measure"),
        (a.level() == b.level(), "$.by.area"),
        (a.filter() == b.filter(), "$.filter"),
        (a.services() == b.services(), "$.services"),
        (a.edges() == b.edges(), "$.edges"),
    ];
    if let Some((_, path)) = same.into_iter().find(|(same, _)| !same) {
        return Err(unfit(
            "other-question",
            path,
            "both releases must count the same at two times; name another release of the same question",
        ));
    }
    let nodes = |loaded: &Loaded| -> BTreeSet<(String, String)> {
        (loaded.release.coverage.answered.iter())
            .map(|node| (node.node.clone(), node.dataset.clone()))
            .collect()
    };
    if nodes(now) != nodes(before) {
        return Err(unfit(
            "other-coverage",
            "against",
            "other organisations answered the two, so that a change may be theirs; name a release in which the same did",
        ));
    }
    Ok(())
}

impl From<Ranked> for Rank {
    fn from(ranked: Ranked) -> Rank {
        Rank {
            rank: ranked.rank,
            best: ranked.best,
            worst: ranked.worst,
        }
    }
}

impl Difference {
    /// The same between two numbers that were bounded differently.
    fn between_other_bounds(self) -> Difference {
        let verdict = Claim::NotComparable;
        Difference { verdict, ..self }
    }
}

impl From<Contrasted> for Difference {
    fn from(found: Contrasted) -> Difference {
        Difference {
            estimate: rounded(found.estimate),
            low: rounded(found.low),
            high: rounded(found.high),
            p_value: found.p_value,
            verdict: found.verdict.into(),
        }
    }
}
