//! Joining, renewing, greeting, and whether a certificate may still speak.
//! A handshake alone lets nobody in: every call asks the database whether the certificate is active.

use super::policy_history::PolicyLinks;
use crate::CoordinatorError;
use crate::node_problem::NodeProblem;
use crate::state::State;
use crate::store::certificates::{self, CertificateState};
use crate::store::log::{self, Entry};
use crate::store::organisations::{self, Keys};
use crate::store::tokens::{self, JoinTokenUse};
use crate::store::{checkpoints, datasets, restorations, studies};
use audit::EntryKind;
use identity::PeerCertificate;
use protocol::exchange::{Hello, HelloReply, Join, JoinReply, Renew};
use std::time::Duration;

/// How long a node's certificate is valid: nodes renew at two thirds of it.
pub const CERTIFICATE_VALIDITY: Duration = Duration::from_secs(90 * 86_400);
/// How long a join string can be used, in seconds.
pub const JOIN_TOKEN_SECONDS: i64 = 7 * 86_400;

/// Certifies a node that holds an unused join token, and pins its keys. The officer's key pinned first stays: whoever joins
/// again would else bring the officer who signs how the log goes on.
///
/// # Errors
/// [`NodeProblem`]; a refused token is logged, and spent only when a certificate was made.
pub async fn join(app: &State, join: &Join) -> Result<JoinReply, NodeProblem> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let spent =
        tokens::join_token_spend(&mut transaction, &identity::token_hash(&join.token), now).await?;
    let invited = match spent {
        JoinTokenUse::Spent(invitation) if invitation.organisation == join.organisation => {
            Ok(invitation)
        }
        JoinTokenUse::Spent(_) => Err("token-of-another-organisation"),
        JoinTokenUse::Used => Err("token-used"),
        JoinTokenUse::Expired => Err("token-expired"),
        JoinTokenUse::Unknown => Err("token-unknown"),
    };
    let invitation = match invited {
        Ok(invitation) => invitation,
        Err(reason) => {
            let remedy = "ask the administration for a new join string";
            // Whatever the token's row became is undone with the transaction.
            transaction.rollback().await?;
            return refuse(app, reason, remedy).await;
        }
    };
    let before = organisations::organisation_by_id(&mut transaction, &join.organisation)
        .await?
        .and_then(|before| before.keys);
    let officer_before = (before.map(|before| before.dpo)).filter(|dpo| *dpo != join.dpo_key);
    if officer_before.is_some() && !invitation.new_officer {
        transaction.rollback().await?;
        let remedy = "join with the data protection officer's key of before, or ask the administration for a join string \
                      for a new officer: `coordinator admin join-token --new-officer`";
        return refuse(app, "other-officer", remedy).await;
    }
    if restorations::log_has_ended(&mut transaction, &join.organisation, &join.node_key).await? {
        transaction.rollback().await?;
        let remedy = "the log of this node key ended; restore a backup of the log that went on: `node-agent restore`";
        return refuse(app, "log-ended", remedy).await;
    }
    let issued = app
        .authority
        .issue_node(
            &join.csr_pem,
            &join.organisation,
            CERTIFICATE_VALIDITY,
            app.clock.timestamp(),
        )
        .map_err(request_refused)?;
    let keys = Keys {
        node: join.node_key,
        requester: join.requester_key,
        dpo: join.dpo_key,
    };
    organisations::organisation_join(&mut transaction, &join.organisation, &keys, now).await?;
    certificates::certificate_insert(&mut transaction, &join.organisation, &issued, false, now)
        .await?;
    let mut entry = Entry::new(EntryKind::Enrolment, "node-joined")
        .node(&join.organisation)
        .fact("certificate", issued.serial_hex.as_str())
        .fact("node-key", join.node_key.to_string())
        .fact("dpo-key", join.dpo_key.to_string());
    if let Some(key) = join.requester_key {
        entry = entry.fact("requester-key", key.to_string());
    }
    log::append(&mut transaction, now, entry).await?;
    if before.is_some_and(|before| (before.node, before.requester) != (keys.node, keys.requester)) {
        let entry = Entry::new(EntryKind::Alarm, "keys-changed").node(&join.organisation);
        log::append(&mut transaction, now, entry).await?;
    }
    if let Some(officer) = officer_before {
        let entry = Entry::new(EntryKind::Alarm, "dpo-changed")
            .node(&join.organisation)
            .fact("dpo-key-before", officer.to_string())
            .fact("dpo-key", join.dpo_key.to_string());
        log::append(&mut transaction, now, entry).await?;
    }
    transaction.commit().await?;
    Ok(reply(app, issued.pem))
}

/// Logs that a join was refused, and why. The token is not spent.
async fn refuse(
    app: &State,
    reason: &'static str,
    remedy: &'static str,
) -> Result<JoinReply, NodeProblem> {
    let mut transaction = app.database.write().await?;
    let entry = Entry::new(EntryKind::Refusal, "join-refused").fact("reason", reason);
    log::append(&mut transaction, app.clock.now(), entry).await?;
    transaction.commit().await?;
    Err(NodeProblem::refused(403, reason, remedy))
}

fn reply(app: &State, certificate_pem: String) -> JoinReply {
    JoinReply {
        certificate_pem,
        authority_pem: app.authority.certificate().pem(),
        coordinator_key: app.log_key,
    }
}

fn request_refused(error: identity::IdentityError) -> NodeProblem {
    match error {
        identity::IdentityError::InvalidRequest(_) => NodeProblem::refused(
            422,
            "certificate-request-refused",
            "send a certificate request for a P-256 key, signed by that key",
        ),
        other => NodeProblem::from(other),
    }
}

/// Makes a new certificate for a node that shows its present one.
///
/// # Errors
/// [`NodeProblem`].
pub async fn renew(
    app: &State,
    organisation: &str,
    renew: &Renew,
) -> Result<JoinReply, NodeProblem> {
    let now = app.clock.now();
    let issued = app
        .authority
        .issue_node(
            &renew.csr_pem,
            organisation,
            CERTIFICATE_VALIDITY,
            app.clock.timestamp(),
        )
        .map_err(request_refused)?;
    let mut transaction = app.database.write().await?;
    certificates::certificate_insert(&mut transaction, organisation, &issued, true, now).await?;
    let entry = Entry::new(EntryKind::Enrolment, "certificate-renewed")
        .node(organisation)
        .fact("certificate", issued.serial_hex.as_str());
    log::append(&mut transaction, now, entry).await?;
    transaction.commit().await?;
    Ok(reply(app, issued.pem))
}

/// Whether a certificate may speak for its organisation now.
///
/// # Errors
/// [`NodeProblem`] with the reason; logging it is the caller's part.
pub async fn admit(app: &State, peer: &PeerCertificate) -> Result<(), NodeProblem> {
    let refused = |code, message| Err(NodeProblem::refused(403, code, message));
    let mut reader = app.database.read().await?;
    let (owner, serial) = (&peer.organisation, &peer.serial_hex);
    let shown = certificates::certificate_shown(&mut reader, owner, serial).await?;
    drop(reader);
    let Some((true, state)) = shown else {
        return refused(
            "node-revoked",
            "this organisation was revoked; ask the administration for a new join string",
        );
    };
    match state {
        Some(CertificateState::Active) => Ok(()),
        Some(CertificateState::Issued) => {
            let mut transaction = app.database.write().await?;
            certificates::certificate_take_over(&mut transaction, owner, serial).await?;
            transaction.commit().await?;
            Ok(())
        }
        Some(CertificateState::Revoked) => refused(
            "certificate-revoked",
            "ask the administration for a new join string",
        ),
        Some(CertificateState::Superseded) => refused(
            "certificate-superseded",
            "use the node's latest certificate",
        ),
        None => refused(
            "certificate-unknown",
            "ask the administration for a new join string",
        ),
    }
}

/// Notes that a node called.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn seen(app: &State, organisation: &str) -> Result<(), CoordinatorError> {
    let now = app.clock.now();
    if app.hub.seen(organisation, now) {
        let mut transaction = app.database.write().await?;
        organisations::organisation_seen(&mut transaction, organisation, now).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Notes what a node serves, and tells it what concerns it.
///
/// # Errors
/// [`NodeProblem`].
pub async fn hello(
    app: &State,
    organisation: &str,
    hello: &Hello,
) -> Result<HelloReply, NodeProblem> {
    let now = app.clock.now();
    let names_are_ids = hello
        .datasets
        .iter()
        .all(|dataset| protocol::is_identifier(&dataset.id));
    let mut ids: Vec<&String> = hello.datasets.iter().map(|dataset| &dataset.id).collect();
    ids.sort();
    ids.dedup();
    if !names_are_ids
        || ids.len() != hello.datasets.len()
        || protocol::from_hex::<32>(&hello.policy_hash).is_none()
    {
        return Err(NodeProblem::refused(
            422,
            "unreadable-greeting",
            "name datasets once each, and hash the policy",
        ));
    }
    // A greeting without datasets is of a command, or of a node that asks for no work at present: what it serves otherwise stays known.
    let serves = !hello.datasets.is_empty();
    let mut transaction = app.database.write().await?;
    if serves
        && datasets::datasets_replace(&mut transaction, organisation, &hello.datasets, now).await?
    {
        for dataset in &hello.datasets {
            let entry = Entry::new(EntryKind::Edition, "edition-published")
                .node(organisation)
                .fact("dataset", dataset.id.as_str())
                .fact("edition", u64::from(dataset.edition))
                .fact("finest-level", dataset.finest_level.id());
            log::append(&mut transaction, now, entry).await?;
        }
    }
    let known = organisations::organisation_by_id(&mut transaction, organisation)
        .await?
        .ok_or(CoordinatorError::Corrupt {
            what: "organisation",
        })?;
    if known.policy_hash != hello.policy_hash {
        organisations::organisation_policy(&mut transaction, organisation, &hello.policy_hash)
            .await?;
        let entry = Entry::new(EntryKind::PolicyChange, "policy-in-force")
            .node(organisation)
            .fact("policy-hash", hello.policy_hash.as_str());
        log::append(&mut transaction, now, entry).await?;
    }
    let cosigned = match known.keys {
        Some(keys) => {
            checkpoints::checkpoint_latest(&mut transaction, organisation, &keys.node).await?
        }
        None => None,
    };
    let studies = (studies::studies(&mut transaction).await?.into_iter())
        .filter(|stored| stored.study.valid_until > now)
        .filter(|stored| {
            let study = &stored.study;
            study.requester == organisation
                || study.participants.iter().any(|id| id == organisation)
        })
        .map(|stored| stored.envelope)
        .collect();
    let published = PolicyLinks::of(&mut transaction, organisation).await?;
    let policy_wanted = !published.is_complete(&hello.policy_hash);
    transaction.commit().await?;
    if serves {
        app.hub.greeted(organisation);
    }
    Ok(HelloReply {
        policy_wanted,
        server_time: now,
        studies,
        cosigned_checkpoint: cosigned.map(|witnessed| witnessed.cosigned),
    })
}
