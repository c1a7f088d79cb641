//! `/api/v1/releases/{id}/statistics`: means, rates and quantiles of a release, for nothing. Every signed-in account may
//! read them, as it may read what they are made of.

use super::auth::Caller;
use crate::Problem;
use crate::app::audience;
use crate::app::export;
use crate::app::statistics::{self, Statistic, Statistics, Whole};
use crate::state::App;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(statistics))
        .routes(routes!(statistics_csv))
}

/// A statistic of each cell of a release, with its interval at 95 percent.
#[utoipa::path(
    get, path = "/api/v1/releases/{id}/statistics",
    params(
        ("id" = String, Path),
        ("kind" = String, Query, description = "`mean`: a sum per presence or event; `rate`: per 1,000; `quantiles` and `spread`: of a quantity counted by bin"),
        ("of" = Option<String>, Query, description = "`mean`, `rate`: the release to divide by; for `rate` also `residents`"),
        ("percents" = Option<String>, Query, description = "`quantiles`: rising numbers from 1 to 99, `25,50,75` where absent"),
        ("most" = Option<u32>, Query, description = "`spread`: amounts above it count as it"),
    ),
    responses((status = 200, body = Statistics), (status = 401), (status = 404), (status = 409), (status = 422))
)]
async fn statistics(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Result<Json<Statistics>, Problem> {
    audience::ensure(&app, &account, &id).await?;
    let statistic = parse(parameters)?;
    Ok(Json(
        statistics::statistics(&app, &account, &id, &statistic).await?,
    ))
}

/// The same as a table (RFC 4180).
#[utoipa::path(
    get, path = "/api/v1/releases/{id}/statistics.csv",
    params(
        ("id" = String, Path),
        ("kind" = String, Query, description = "as for `statistics`, and so are the others"),
        ("of" = Option<String>, Query), ("percents" = Option<String>, Query), ("most" = Option<u32>, Query),
    ),
    responses(
        (status = 200, content_type = "text/csv", body = String), (status = 401), (status = 404), (status = 409),
        (status = 422)
    )
)]
async fn statistics_csv(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    audience::ensure(&app, &account, &id).await?;
    let statistic = parse(parameters)?;
    let found = statistics::statistics(&app, &account, &id, &statistic).await?;
    let table = export::statistics_csv(&found, &app.areas);
    // The id was found in the database, so it is the plain identifier that was stored.
    let disposition = format!("attachment; filename=\"statistics-{}.csv\"", found.release);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, table).into_response())
}

fn invalid(path: &str, code: &'static str) -> Problem {
    Problem::InvalidBody {
        path: path.to_owned(),
        code,
    }
}

fn parse(mut parameters: BTreeMap<String, String>) -> Result<Statistic, Problem> {
    let kind = (parameters.remove("kind")).ok_or_else(|| invalid("kind", "missing-field"))?;
    let of = |parameters: &mut BTreeMap<String, String>| {
        (parameters.remove("of")).ok_or_else(|| invalid("of", "missing-field"))
    };
    let statistic = match kind.as_str() {
        "mean" => Statistic::Mean {
            of: of(&mut parameters)?,
        },
        "rate" => Statistic::Rate {
            of: match of(&mut parameters)?.as_str() {
                "residents" => Whole::Residents,
                release => Whole::Release(release.to_owned()),
            },
        },
        "quantiles" => Statistic::Quantiles {
            percents: percents(parameters.remove("percents").as_deref())?,
        },
        "spread" => Statistic::Spread {
            most: match parameters.remove("most") {
                None => None,
                Some(text) => Some(text.parse().map_err(|_| invalid("most", "out-of-range"))?),
            },
        },
        _ => return Err(invalid("kind", "unknown-id")),
    };
    match parameters.into_keys().next() {
        Some(unknown) => Err(invalid(&unknown, "unknown-field")),
        None => Ok(statistic),
    }
}

fn percents(text: Option<&str>) -> Result<Vec<u8>, Problem> {
    let out_of_range = || invalid("percents", "out-of-range");
    let Some(text) = text else {
        return Ok(vec![25, 50, 75]);
    };
    let percents = (text.split(','))
        .map(|part| {
            part.parse()
                .ok()
                .filter(|percent| (1..=99).contains(percent))
        })
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(out_of_range)?;
    if percents.is_sorted_by(|a, b| a < b) {
        Ok(percents)
    } else {
        Err(out_of_range())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(pairs: &[(&str, &str)]) -> Result<Statistic, (String, String)> {
        let pairs = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        parse(pairs.collect()).map_err(|problem| {
            let path = problem.path().unwrap_or_default().to_owned();
            (path, problem.code())
        })
    }

    fn refused(pairs: &[(&str, &str)], path: &str, code: &str) {
        let expected = Err((path.to_owned(), code.to_owned()));
        assert_eq!(parsed(pairs), expected);
    }

    #[test]
    fn parameters_are_read_strictly() {
        let quartiles = Statistic::Quantiles {
            percents: vec![25, 50, 75],
        };
        assert_eq!(parsed(&[("kind", "quantiles")]), Ok(quartiles));
        let residents = Statistic::Rate {
            of: Whole::Residents,
        };
        assert_eq!(
            parsed(&[("kind", "rate"), ("of", "residents")]),
            Ok(residents)
        );
        refused(&[], "kind", "missing-field");
        refused(&[("kind", "mode")], "kind", "unknown-id");
        refused(&[("kind", "mean")], "of", "missing-field");
        refused(&[("kind", "spread"), ("of", "x")], "of", "unknown-field");
        refused(
            &[("kind", "spread"), ("most", "-1")],
            "most",
            "out-of-range",
        );
        for percents in ["", "0", "100", "50,50", "75,25", "50,"] {
            refused(
                &[("kind", "quantiles"), ("percents", percents)],
                "percents",
                "out-of-range",
            );
        }
    }
}
