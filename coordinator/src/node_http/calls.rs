//! The short calls of nodes: join, renew, greet, hand in what was signed, witnessed, answered.
//! Each handler reads a body and hands it to the use case; it decides nothing itself.

use super::caller::NodeCaller;
use super::error::{other_media_type, too_large, unreadable};
use crate::app::oversight::policies;
use crate::app::{collect, enrol, guarantee, head, offers, restore, sign, study, witness};
use crate::node_problem::NodeProblem;
use crate::state::App;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use protocol::exchange::{
    AnswerReply, CheckpointOffer, Cosignature, GuaranteeNotice, Hello, HelloReply, Join, JoinReply,
    LogHead, LogHeadWanted, Receipts, ReceiptsWanted, Renew, RestorationOffer, Signed,
    WaitingNotice,
};
use protocol::{Envelope, VERSION};

type Incoming<T> = Result<Json<T>, JsonRejection>;

fn read<T>(body: Incoming<T>) -> Result<T, NodeProblem> {
    body.map(|Json(body)| body)
        .map_err(|rejection| unreadable(&rejection))
}

pub(super) fn known_version(version: u32) -> Result<(), NodeProblem> {
    if version == VERSION {
        Ok(())
    } else {
        Err(NodeProblem::refused(
            422,
            "unknown-version",
            "this coordinator speaks version 1",
        ))
    }
}

pub(super) async fn join(
    State(app): State<App>,
    body: Incoming<Join>,
) -> Result<Json<JoinReply>, NodeProblem> {
    let body = read(body)?;
    known_version(body.version)?;
    Ok(Json(enrol::join(&app, &body).await?))
}

pub(super) async fn renew(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<Renew>,
) -> Result<Json<JoinReply>, NodeProblem> {
    let body = read(body)?;
    known_version(body.version)?;
    Ok(Json(
        enrol::renew(&app, caller.organisation(), &body).await?,
    ))
}

pub(super) async fn hello(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<Hello>,
) -> Result<Json<HelloReply>, NodeProblem> {
    let body = read(body)?;
    known_version(body.version)?;
    Ok(Json(
        enrol::hello(&app, caller.organisation(), &body).await?,
    ))
}

pub(super) async fn signed(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<Signed>,
) -> Result<StatusCode, NodeProblem> {
    let body = read(body)?;
    known_version(body.version)?;
    sign::signed(&app, caller.organisation(), &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn checkpoint(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<CheckpointOffer>,
) -> Result<Json<Cosignature>, NodeProblem> {
    let body = read(body)?;
    known_version(body.version)?;
    let checkpoint = witness::cosign(&app, caller.organisation(), &body).await?;
    Ok(Json(Cosignature { checkpoint }))
}

pub(super) async fn log_head(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<LogHeadWanted>,
) -> Result<Json<LogHead>, NodeProblem> {
    let body = read(body)?;
    known_version(body.version)?;
    Ok(Json(head::head(&app, caller.organisation(), &body).await?))
}

pub(super) async fn answers(
    State(app): State<App>,
    caller: NodeCaller,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<AnswerReply>, NodeProblem> {
    let body = body.map_err(|_| too_large())?;
    // JSON of an older node, or an envelope with its cells beside it.
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    if media_type != Some(Envelope::media_type(&body).as_bytes()) {
        return Err(other_media_type());
    }
    let status = collect::answer(&app, caller.organisation(), body).await?;
    Ok(Json(AnswerReply { status }))
}

pub(super) async fn guarantee(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<GuaranteeNotice>,
) -> Result<StatusCode, NodeProblem> {
    let body = read(body)?;
    known_version(body.version)?;
    guarantee::guarantee(&app, caller.organisation(), &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn policy(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<Envelope>,
) -> Result<StatusCode, NodeProblem> {
    let body = read(body)?;
    policies::publish(&app, caller.organisation(), &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn receipts(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<ReceiptsWanted>,
) -> Result<Json<Receipts>, NodeProblem> {
    let body = read(body)?;
    known_version(body.version)?;
    Ok(Json(
        restore::receipts(&app, caller.organisation(), &body).await?,
    ))
}

pub(super) async fn restoration(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<RestorationOffer>,
) -> Result<StatusCode, NodeProblem> {
    let body = read(body)?;
    known_version(body.version)?;
    restore::restoration(&app, caller.organisation(), &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn waiting(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<WaitingNotice>,
) -> Result<StatusCode, NodeProblem> {
    let body = read(body)?;
    known_version(body.version)?;
    collect::waiting(&app, caller.organisation(), &body.request).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn studies(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<Envelope>,
) -> Result<StatusCode, NodeProblem> {
    let body = read(body)?;
    study::from_node(&app, caller.organisation(), &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn offer(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<Envelope>,
) -> Result<StatusCode, NodeProblem> {
    let body = read(body)?;
    offers::take_in(&app, caller.organisation(), &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn consents(
    State(app): State<App>,
    caller: NodeCaller,
    body: Incoming<Envelope>,
) -> Result<StatusCode, NodeProblem> {
    let body = read(body)?;
    study::consent(&app, caller.organisation(), &body).await?;
    Ok(StatusCode::NO_CONTENT)
}
