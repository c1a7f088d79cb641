//! The long poll: a node waits here until there is something for it to do.
//! It holds no lock and no connection while it waits, and asks again whether the node is admitted before handing out work.

use super::caller::NodeCaller;
use super::calls::known_version;
use super::error::unreadable;
use crate::app::{dispatch, enrol};
use crate::hub::REOFFER;
use crate::node_problem::NodeProblem;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use protocol::exchange::{Poll, PollReply};
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait in seconds.
const LONGEST: u32 = 30;

pub(super) async fn poll(
    State(app): State<App>,
    caller: NodeCaller,
    body: Result<Json<Poll>, JsonRejection>,
) -> Result<Json<PollReply>, NodeProblem> {
    let Json(poll) = body.map_err(|rejection| unreadable(&rejection))?;
    known_version(poll.version)?;
    let organisation = caller.organisation();
    let deadline = Instant::now() + Duration::from_secs(u64::from(poll.wait_seconds.min(LONGEST)));
    let mut stopping = app.hub.stopping();
    let waker = app.hub.waker(organisation);
    loop {
        let woken = waker.notified();
        tokio::pin!(woken);
        // From here on no wake-up is lost, though work is looked for first.
        woken.as_mut().enable();
        if app.hub.must_greet(organisation) {
            return Err(NodeProblem::refused(
                409,
                "greet-first",
                "greet again: there is news for this node",
            ));
        }
        let items = dispatch::work(&app, organisation).await?;
        let over = Instant::now() >= deadline || *stopping.borrow();
        if !items.is_empty() || over {
            enrol::seen(&app, organisation).await?;
            return Ok(Json(PollReply { items }));
        }
        tokio::select! {
            () = &mut woken => {}
            () = tokio::time::sleep_until(deadline.min(Instant::now() + REOFFER)) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        caller.is_still_admitted(&app).await?;
    }
}
