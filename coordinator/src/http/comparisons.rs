//! `/api/v1/releases/{id}/consistent` and `/api/v1/releases/{id}/comparison`: levels that agree, and areas compared, for nothing.
//! Every signed-in account may read them, as it may read what they are made of.

use super::auth::Caller;
use crate::Problem;
use crate::app::audience;
use crate::app::comparison::{self, Comparison, MOST_CUSTOM, Wanted};
use crate::app::consistent::{self, ConsistentView};
use crate::app::margins;
use crate::state::App;
use axum::Json;
use axum::extract::{Path, Query, State};
use std::collections::BTreeMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(consistent))
        .routes(routes!(comparison))
}

/// Estimates of all levels of the question a release is part of, which agree with each other; intervals at 90 percent. With other
/// questions about the same people, split by other keys of sex, age, citizenship or household, their sums agree too.
#[utoipa::path(
    get, path = "/api/v1/releases/{id}/consistent",
    params(
        ("id" = String, Path),
        ("with" = Option<String>, Query, description = "Releases of other questions about the same people, at most three, separated by commas")
    ),
    responses((status = 200, body = ConsistentView), (status = 401), (status = 404), (status = 409), (status = 422))
)]
async fn consistent(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Query(mut parameters): Query<BTreeMap<String, String>>,
) -> Result<Json<ConsistentView>, Problem> {
    audience::ensure(&app, &account, &id).await?;
    let with = parameters.remove("with");
    if let Some(unknown) = parameters.into_keys().next() {
        return Err(invalid(&unknown, "unknown-field"));
    }
    let with: Option<Vec<String>> = with.map(|with| with.split(',').map(str::to_owned).collect());
    Ok(Json(match with {
        None => consistent::view(&app, &account, &id).await?,
        Some(with) => margins::together(&app, &account, &id, &with).await?,
    }))
}

/// Areas of a release compared: intervals and ranks at 90 percent, differences of which at most a tenth is expected to be false.
#[utoipa::path(
    get, path = "/api/v1/releases/{id}/comparison",
    params(
        ("id" = String, Path),
        ("per" = Option<String>, Query, description = "`residents`: per 1,000 residents, or families where households are counted"),
        ("reference" = Option<String>, Query, description = "The area the others are compared with; for rates the whole where absent"),
        ("areas" = Option<String>, Query, description = "Unions of areas instead of areas: `north:9+10+11,south:40+41`"),
        ("against" = Option<String>, Query, description = "A release of the same question at another time"),
        ("against_period" = Option<String>, Query, description = "Its period, where it has more than one"),
        ("places" = Option<String>, Query, description = "Places on offer, public and exact, to be taken off the counts: `9:40,10:25`; areas that are not named have none"),
        ("target" = Option<String>, Query, description = "A key of that axis; so for `service`, `sex`, `age_band`, `citizenship`, `household`, `bin` and `period`"),
    ),
    responses((status = 200, body = Comparison), (status = 401), (status = 404), (status = 409), (status = 422))
)]
async fn comparison(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Result<Json<Comparison>, Problem> {
    audience::ensure(&app, &account, &id).await?;
    let wanted = parse(parameters)?;
    Ok(Json(
        comparison::comparison(&app, &account, &id, &wanted).await?,
    ))
}

/// Axes at which a release can be held at one key.
pub(super) const AXES: [&str; 8] = [
    "target",
    "service",
    "sex",
    "age_band",
    "citizenship",
    "household",
    "bin",
    "period",
];

/// Most places of one area.
const MOST_PLACES: u32 = 10_000_000;

fn invalid(path: &str, code: &'static str) -> Problem {
    Problem::InvalidBody {
        path: path.to_owned(),
        code,
    }
}

fn parse(mut parameters: BTreeMap<String, String>) -> Result<Wanted, Problem> {
    let at = AXES
        .iter()
        .filter_map(|axis| parameters.remove_entry(*axis))
        .collect();
    let per_residents = match parameters.remove("per").as_deref() {
        None => false,
        Some("residents") => true,
        Some(_) => return Err(invalid("per", "unknown-id")),
    };
    let against_period = parameters.remove("against_period");
    let against = match (parameters.remove("against"), against_period) {
        (Some(release), period) => Some((release, period)),
        (None, None) => None,
        (None, Some(_)) => return Err(invalid("against", "missing-field")),
    };
    let wanted = Wanted {
        at,
        per_residents,
        reference: parameters.remove("reference"),
        custom: match parameters.remove("areas") {
            None => Vec::new(),
            Some(text) => unions(&text)?,
        },
        against,
        places: parameters
            .remove("places")
            .as_deref()
            .map(places)
            .transpose()?,
    };
    match parameters.into_keys().next() {
        Some(unknown) => Err(invalid(&unknown, "unknown-field")),
        None => Ok(wanted),
    }
}

/// `key:number,key:number`, each key once.
fn places(text: &str) -> Result<BTreeMap<String, u32>, Problem> {
    let mut found = BTreeMap::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (key, number) = part
            .split_once(':')
            .ok_or_else(|| invalid("places", "wrong-type"))?;
        let number: u32 = (number.parse().ok())
            .filter(|number| *number <= MOST_PLACES)
            .ok_or_else(|| invalid("places", "out-of-range"))?;
        if found.insert(key.to_owned(), number).is_some() {
            return Err(invalid("places", "wrong-type"));
        }
    }
    Ok(found)
}

/// `name:key+key,name:key`.
fn unions(text: &str) -> Result<Vec<(String, Vec<String>)>, Problem> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for part in text.split(',') {
        let (name, keys) = part
            .split_once(':')
            .ok_or_else(|| invalid("areas", "wrong-type"))?;
        // A plus stands for a space where a query was written by hand.
        let keys: Vec<String> = keys.split(['+', ' ']).map(str::to_owned).collect();
        let mut distinct = keys.clone();
        distinct.sort();
        distinct.dedup();
        let is_taken = found.iter().any(|(known, _)| known == name);
        if name.is_empty()
            || is_taken
            || distinct.len() < keys.len()
            || keys.iter().any(String::is_empty)
        {
            return Err(invalid("areas", "wrong-type"));
        }
        found.push((name.to_owned(), keys));
    }
    if found.len() > MOST_CUSTOM {
        return Err(invalid("areas", "out-of-range"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(pairs: &[(&str, &str)]) -> Result<Wanted, (String, String)> {
        let pairs = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        parse(pairs.collect()).map_err(|problem| {
            let path = problem.path().unwrap_or_default().to_owned();
            (path, problem.code())
        })
    }

    #[test]
    fn parameters_are_read_strictly() {
        let found = parsed(&[
            ("target", "minors"),
            ("per", "residents"),
            ("areas", "north:9+10,south:40"),
            ("against", "r"),
            ("places", "9:40,10:0"),
        ]);
        let text = |text: &str| text.to_owned();
        let expected = Wanted {
            at: [(text("target"), text("minors"))].into(),
            per_residents: true,
            reference: None,
            custom: vec![
                (text("north"), vec![text("9"), text("10")]),
                (text("south"), vec![text("40")]),
            ],
            against: Some((text("r"), None)),
            places: Some([(text("9"), 40), (text("10"), 0)].into()),
        };
        assert_eq!(found, Ok(expected));
        for (pairs, path, code) in [
            (&[("per", "people")][..], "per", "unknown-id"),
            (&[("area", "9")], "area", "unknown-field"),
            (&[("against_period", "2025-Q1")], "against", "missing-field"),
            (&[("places", "9:many")], "places", "out-of-range"),
            (&[("places", "9:1,9:2")], "places", "wrong-type"),
            (&[("areas", "9+10")], "areas", "wrong-type"),
            (&[("areas", "a:9,a:10")], "areas", "wrong-type"),
            (&[("areas", "a:9+9")], "areas", "wrong-type"),
            (&[("areas", "a:")], "areas", "wrong-type"),
        ] {
            assert_eq!(parsed(pairs), Err((path.to_owned(), code.to_owned())));
        }
    }
}
