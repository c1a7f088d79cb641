//! The node that calls: its certificate verified by the handshake, and found active in the database.
//! Handlers name it as an argument, so that a forgotten check does not compile.

use crate::CoordinatorError;
use crate::app::enrol;
use crate::node_problem::NodeProblem;
use crate::state::{App, State};
use crate::store::log::{self, Entry};
use audit::EntryKind;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use identity::PeerCertificate;

/// A node whose certificate is active.
#[derive(Clone, Debug)]
pub struct NodeCaller {
    peer: PeerCertificate,
}

impl NodeCaller {
    /// The organisation.
    pub fn organisation(&self) -> &str {
        &self.peer.organisation
    }

    /// Asks again whether the certificate is active, for calls that last.
    ///
    /// # Errors
    /// [`NodeProblem`], logged.
    pub(super) async fn is_still_admitted(&self, app: &State) -> Result<(), NodeProblem> {
        admit(app, &self.peer).await
    }
}

impl FromRequestParts<App> for NodeCaller {
    type Rejection = NodeProblem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<NodeCaller, NodeProblem> {
        let peer = parts
            .extensions
            .get::<PeerCertificate>()
            .cloned()
            .ok_or_else(|| {
                NodeProblem::refused(401, "client-certificate-required", "join first")
            })?;
        admit(app, &peer).await?;
        enrol::seen(app, &peer.organisation).await?;
        Ok(NodeCaller { peer })
    }
}

async fn admit(app: &State, peer: &PeerCertificate) -> Result<(), NodeProblem> {
    let admitted = enrol::admit(app, peer).await;
    if let Err(problem @ NodeProblem::Refused { .. }) = &admitted {
        record(app, peer, problem.code()).await?;
    }
    admitted
}

/// A refused node calls again and again; what repeats itself is logged once an hour.
async fn record(
    app: &State,
    peer: &PeerCertificate,
    code: &'static str,
) -> Result<(), CoordinatorError> {
    let now = app.clock.now();
    if !app
        .refusals
        .is_news(format!("{} {code}", peer.serial_hex), now)
    {
        return Ok(());
    }
    let mut transaction = app.database.write().await?;
    let entry = Entry::new(EntryKind::Refusal, "call-refused")
        .node(&peer.organisation)
        .fact("certificate", peer.serial_hex.as_str())
        .fact("reason", code);
    log::append(&mut transaction, now, entry).await?;
    Ok(transaction.commit().await?)
}
