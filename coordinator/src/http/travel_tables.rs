//! `/api/v1/travel-tables`: uploaded origins and destinations; `/api/v1/views`: saved views, which reports print.

use super::auth::Caller;
use super::body::Body;
use crate::Problem;
use crate::app::planning::travel_tables::{self, LARGEST, TravelTableView};
use crate::app::planning::views::{self, SavedView, ViewWanted};
use crate::state::App;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(upload).layer(DefaultBodyLimit::max(LARGEST)))
        .routes(routes!(tables))
        .routes(routes!(remove_table))
        .routes(routes!(list, save))
        .routes(routes!(remove_view))
}

/// A CSV body.
struct Csv(String);

impl<S: Send + Sync> FromRequest<S> for Csv {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Csv, Problem> {
        let is_csv = (request.headers().get(header::CONTENT_TYPE))
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("text/csv"));
        if !is_csv {
            return Err(Problem::UnsupportedMediaType);
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| Problem::TooLarge)?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| Problem::InvalidBody {
            path: "$".to_owned(),
            code: "not-utf-8",
        })?;
        Ok(Csv(text))
    }
}

/// What an upload is called.
#[derive(Deserialize, IntoParams)]
struct Named {
    /// 1 to 120 printable characters.
    name: Option<String>,
}

/// Uploads a table of travel: `from_id,to_id,minutes[,mode]`, at most 4 MiB. Destinations are ids of sites, or numbers of
/// neighbourhoods, which then serve the sites in them; an absent pair is unreachable.
#[utoipa::path(
    post, path = "/api/v1/travel-tables", params(Named),
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 201, headers(("Location" = String))), (status = 401), (status = 403), (status = 413), (status = 415),
        (status = 422)
    )
)]
async fn upload(
    State(app): State<App>,
    Caller(account): Caller,
    Query(Named { name }): Query<Named>,
    Csv(text): Csv,
) -> Result<Response, Problem> {
    let id = travel_tables::upload(&app, &account, &name.unwrap_or_default(), &text).await?;
    let location = format!("/api/v1/travel-tables/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)]).into_response())
}

/// Tables of travel, newest first.
#[derive(Serialize, ToSchema)]
struct TravelTablesView {
    tables: Vec<TravelTableView>,
}

/// All tables of travel.
#[utoipa::path(
    get, path = "/api/v1/travel-tables", responses((status = 200, body = TravelTablesView), (status = 401))
)]
async fn tables(State(app): State<App>, _: Caller) -> Result<Json<TravelTablesView>, Problem> {
    let tables = travel_tables::list(&app).await?;
    Ok(Json(TravelTablesView { tables }))
}

/// Removes a table of travel. Results made with it keep its name.
#[utoipa::path(
    delete, path = "/api/v1/travel-tables/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404))
)]
async fn remove_table(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    travel_tables::remove(&app, &account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Saved views, newest first.
#[derive(Serialize, ToSchema)]
struct SavedViews {
    views: Vec<SavedView>,
}

/// All saved views.
#[utoipa::path(get, path = "/api/v1/views", responses((status = 200, body = SavedViews), (status = 401)))]
async fn list(State(app): State<App>, _: Caller) -> Result<Json<SavedViews>, Problem> {
    let views = views::list(&app).await?;
    Ok(Json(SavedViews { views }))
}

/// Saves a view: an address of the website with its filters.
#[utoipa::path(
    post, path = "/api/v1/views", request_body = ViewWanted,
    responses(
        (status = 201, headers(("Location" = String))), (status = 401), (status = 413), (status = 415), (status = 422)
    )
)]
async fn save(
    State(app): State<App>,
    Caller(account): Caller,
    Body(wanted): Body<ViewWanted>,
) -> Result<Response, Problem> {
    let id = views::save(&app, &account, &wanted).await?;
    let location = format!("/api/v1/views/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)]).into_response())
}

/// Removes a saved view.
#[utoipa::path(
    delete, path = "/api/v1/views/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404))
)]
async fn remove_view(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    views::remove(&app, &account, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
