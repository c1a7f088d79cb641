//! The witness's side of each call of the node API.
//! It checks what a coordinator must check before it cosigns; everything else it only keeps.

use super::State;
use super::desk::{Desk, Handed, Held};
use crate::requester::now;
use audit::{NoteKey, SignedCheckpoint, cosign, root, verify_consistency};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use identity::PeerCertificate;
use jiff::Timestamp;
use protocol::exchange::{
    AnswerReply, AnswerStatus, CheckpointOffer, Cosignature, GuaranteeNotice, Hello, HelloReply,
    Join, JoinReply, NodeRefusal, Poll, PollReply, Receipts, ReceiptsWanted, Renew,
    RestorationOffer, Signed,
};
use protocol::{
    Answer, Envelope, LogState, Officers, Outcome, PublicKey, VerifiedPolicyPublication,
    VerifiedRestoration,
};
use std::sync::Arc;
use std::time::Duration;

type Witness = Shared<Arc<State>>;
type Refused = (StatusCode, Json<NodeRefusal>);

const LOOK_AGAIN: Duration = Duration::from_millis(500);

fn refused(status: StatusCode, code: &str) -> Refused {
    let message = format!("the witness refuses: {code}");
    let code = code.to_owned();
    (status, Json(NodeRefusal { code, message }))
}

fn with_desk<T>(
    state: &State,
    peer: &PeerCertificate,
    f: impl FnOnce(&mut Desk) -> T,
) -> Result<T, Refused> {
    let value = {
        let mut desks = state.desks();
        match desks.desks.get_mut(&peer.organisation) {
            Some(desk) => f(desk),
            None => return Err(refused(StatusCode::FORBIDDEN, "not-joined")),
        }
    };
    state.announce();
    Ok(value)
}

pub(crate) async fn join(
    Shared(state): Witness,
    Json(join): Json<Join>,
) -> Result<Json<JoinReply>, Refused> {
    let invited = state.desks().tokens.remove(&join.token);
    if invited.as_deref() != Some(join.organisation.as_str()) {
        return Err(refused(StatusCode::FORBIDDEN, "token"));
    }
    let age = *(state.age.lock()).map_err(|_| refused(StatusCode::INTERNAL_SERVER_ERROR, "age"))?;
    let reply = certify(&state, &join.csr_pem, &join.organisation, age)?;
    (state.desks().desks)
        .entry(join.organisation)
        .and_modify(|desk| desk.join_again(join.node_key, join.dpo_key))
        .or_insert_with(|| Desk::new(join.node_key, join.dpo_key));
    state.announce();
    Ok(reply)
}

pub(crate) async fn renew(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(renew): Json<Renew>,
) -> Result<Json<JoinReply>, Refused> {
    certify(&state, &renew.csr_pem, &peer.organisation, Duration::ZERO)
}

/// A certificate of a day that was issued `age` ago.
fn certify(
    state: &State,
    csr_pem: &str,
    organisation: &str,
    age: Duration,
) -> Result<Json<JoinReply>, Refused> {
    let bad = |_| refused(StatusCode::BAD_REQUEST, "csr");
    let issued = (state.authority)
        .issue_node(csr_pem, organisation, super::DAY, Timestamp::now() - age)
        .map_err(bad)?;
    Ok(Json(JoinReply {
        certificate_pem: issued.pem,
        authority_pem: state.authority.certificate().pem(),
        coordinator_key: PublicKey(*state.log_key.as_bytes()),
    }))
}

pub(crate) async fn hello(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(hello): Json<Hello>,
) -> Result<Json<HelloReply>, Refused> {
    let (cosigned_checkpoint, policy_wanted) = with_desk(&state, &peer, |desk| {
        // A command says hello without datasets, only to learn of studies; it will not poll.
        if !hello.datasets.is_empty() {
            desk.begin_generation();
            desk.hellos.push(hello);
            desk.certificates.push(peer.serial_hex.clone());
        }
        let note = desk.held.as_ref().map(|held| held.note.clone());
        (note, desk.wants_policies)
    })?;
    Ok(Json(HelloReply {
        server_time: now(),
        studies: state.desks().studies.clone(),
        cosigned_checkpoint,
        policy_wanted,
    }))
}

pub(crate) async fn poll(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(poll): Json<Poll>,
) -> Result<Json<PollReply>, Refused> {
    let until = tokio::time::Instant::now() + Duration::from_secs(poll.wait_seconds.into());
    let generation = with_desk(&state, &peer, |desk| {
        desk.certificates.push(peer.serial_hex.clone());
        desk.generation
    })?;
    let mut changes = state.changed.subscribe();
    loop {
        changes.mark_unchanged();
        let items = {
            let mut desks = state.desks();
            match desks.desks.get_mut(&peer.organisation) {
                // Whoever polls for a process that is gone gets nothing that its successor could miss.
                Some(desk) if desk.generation == generation => desk.due(),
                _ => return Ok(Json(PollReply { items: Vec::new() })),
            }
        };
        if !items.is_empty() || tokio::time::Instant::now() >= until {
            return Ok(Json(PollReply { items }));
        }
        // Offers become due again by time alone, hence the second reason to look.
        let _ = tokio::time::timeout(LOOK_AGAIN, changes.changed()).await;
    }
}

pub(crate) async fn signed(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(signed): Json<Signed>,
) -> Result<StatusCode, Refused> {
    with_desk(&state, &peer, |desk| desk.keep_signed(signed))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn checkpoint(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(offer): Json<CheckpointOffer>,
) -> Result<Json<Cosignature>, Refused> {
    with_desk(&state, &peer, |desk| {
        if desk.mute {
            return Err(refused(StatusCode::SERVICE_UNAVAILABLE, "mute"));
        }
        match extended(&state, &peer.organisation, desk, &offer) {
            Some(held) => {
                let checkpoint = held.note.clone();
                desk.cosigned.push((held.size, held.root));
                desk.held = Some(held);
                Ok(Json(Cosignature { checkpoint }))
            }
            None => {
                desk.contradictions += 1;
                Err(refused(StatusCode::CONFLICT, "history-differs"))
            }
        }
    })?
}

/// The checkpoint offered, cosigned, if it is the node's and extends the last one.
fn extended(
    state: &State,
    organisation: &str,
    desk: &Desk,
    offer: &CheckpointOffer,
) -> Option<Held> {
    let key = NoteKey::log(&protocol::node_log(organisation), desk.node_key.0).ok()?;
    let signed = SignedCheckpoint::open(&offer.checkpoint, &key).ok()?;
    let (size, root_now) = (signed.checkpoint().size, signed.checkpoint().root);
    let (from, old) = match (&desk.held, &desk.kept) {
        (Some(held), _) => (held.size, held.root),
        (None, Some(kept)) => (kept.size, kept.root_bytes()?),
        // A log under another key goes on only as an officer's act says.
        (None, None) if desk.earlier.is_some() => return None,
        (None, None) => (0, root(&[])),
    };
    let proof: Vec<[u8; 32]> = (offer.consistency.iter())
        .map(|hash| protocol::from_hex(hash))
        .collect::<Option<_>>()?;
    if offer.from != from || verify_consistency(from, &old, size, &root_now, &proof).is_err() {
        return None;
    }
    let line = cosign(
        signed.checkpoint(),
        &state.signer,
        u64::try_from(now()).ok()?,
    );
    Some(Held {
        size,
        root: root_now,
        note: signed.with_signature(line).to_string(),
    })
}

pub(crate) async fn answers(
    Shared(state): Witness,
    peer: PeerCertificate,
    body: Bytes,
) -> Result<Response, Refused> {
    let unreadable = |_| refused(StatusCode::BAD_REQUEST, "unreadable");
    let envelope = Envelope::from_bytes(&body).map_err(unreadable)?;
    let handed = Handed {
        bytes: body.to_vec(),
        envelope,
    };
    with_desk(&state, &peer, |desk| {
        let signer = std::slice::from_ref(&desk.node_key);
        let Ok(answer) = Answer::signed_by(&handed.envelope, signer) else {
            return Err(refused(StatusCode::BAD_REQUEST, "signature"));
        };
        if let Outcome::Answered { receipt, .. } = &answer.outcome
            && (desk.held.as_ref()).is_none_or(|held| held.size <= receipt.charge_index)
        {
            desk.uncosigned_answers += 1;
        }
        if desk.lose_answers > 0 {
            desk.lose_answers -= 1;
            desk.lost.push(handed);
            return Err(refused(StatusCode::SERVICE_UNAVAILABLE, "lost"));
        }
        let status = if desk.keep(handed) {
            AnswerStatus::Duplicate
        } else {
            AnswerStatus::Accepted
        };
        Ok(Json(AnswerReply { status }).into_response())
    })?
}

pub(crate) async fn guarantee(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(notice): Json<GuaranteeNotice>,
) -> Result<StatusCode, Refused> {
    with_desk(&state, &peer, |desk| desk.guarantees.push(notice))?;
    Ok(StatusCode::NO_CONTENT)
}

/// One page holds everything; what comes after it is empty.
pub(crate) async fn receipts(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(wanted): Json<ReceiptsWanted>,
) -> Result<Json<Receipts>, Refused> {
    with_desk(&state, &peer, |desk| {
        let earlier = match &desk.earlier {
            Some(earlier) if earlier.key == wanted.node_key => earlier,
            _ => return Err(refused(StatusCode::CONFLICT, "other-log")),
        };
        let after = wanted.after.unwrap_or_default();
        let mut receipts = desk.receipts(&earlier.key);
        receipts.retain(|receipt| receipt.request_id > after);
        Ok(Json(Receipts {
            receipts,
            cosigned_checkpoint: earlier.held.as_ref().map(|held| held.note.clone()),
            cosigned_within: earlier.within(wanted.kept_size).0,
        }))
    })?
}

pub(crate) async fn restoration(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(offer): Json<RestorationOffer>,
) -> Result<StatusCode, Refused> {
    with_desk(&state, &peer, |desk| {
        let officers = Officers::any_of(&[desk.dpo_key]);
        let verified = VerifiedRestoration::verify(&offer.act, &officers, &peer.organisation)
            .map_err(|_| refused(StatusCode::BAD_REQUEST, "signature"))?;
        let act = verified.act();
        let earlier =
            (desk.earlier.as_ref()).ok_or_else(|| refused(StatusCode::CONFLICT, "other-log"))?;
        let (size, last) = earlier.within(u64::MAX);
        let ended = LogState::new(size, &last);
        let (from, old) = earlier.within(act.kept.size);
        let proof: Option<Vec<[u8; 32]>> = (offer.consistency.iter())
            .map(|hash| protocol::from_hex(hash))
            .collect();
        let extends = (proof.zip(act.kept.root_bytes())).is_some_and(|(proof, kept)| {
            verify_consistency(from, &old, act.kept.size, &kept, &proof).is_ok()
        });
        if offer.from != from || !extends {
            return Err(refused(StatusCode::CONFLICT, "other-past"));
        }
        if act.old_key != earlier.key || act.new_key != desk.node_key || act.ended != ended {
            return Err(refused(StatusCode::CONFLICT, "other-end"));
        }
        desk.kept = Some(act.kept.clone());
        Ok(StatusCode::NO_CONTENT)
    })?
}

pub(crate) async fn studies(
    Shared(state): Witness,
    _peer: PeerCertificate,
    Json(study): Json<Envelope>,
) -> StatusCode {
    state.desks().studies.push(study);
    StatusCode::NO_CONTENT
}

pub(crate) async fn consents(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(consent): Json<Envelope>,
) -> Result<StatusCode, Refused> {
    with_desk(&state, &peer, |desk| desk.consents.push(consent))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn offer(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(offer): Json<Envelope>,
) -> Result<StatusCode, Refused> {
    with_desk(&state, &peer, |desk| desk.published_offers.push(offer))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn policy(
    Shared(state): Witness,
    peer: PeerCertificate,
    Json(policy): Json<Envelope>,
) -> Result<StatusCode, Refused> {
    with_desk(&state, &peer, |desk| {
        if let Some(status) = desk.refuse_policies.pop_front().flatten() {
            return Err(refused(status, "as-told"));
        }
        let read = |policy: &Envelope| {
            VerifiedPolicyPublication::verify(policy, &desk.node_key, &peer.organisation).ok()
        };
        let hash = read(&policy).map(|policy| policy.policy_hash());
        let in_force = desk.hellos.last().map(|hello| hello.policy_hash.clone());
        let replaced = (desk.published_policies.iter().filter_map(read))
            .any(|known| known.act().map(|act| act.replaces.clone()) == hash);
        // As the coordinator does: each after the one that replaced it.
        if hash.is_none() || hash != in_force && !replaced {
            return Err(refused(StatusCode::CONFLICT, "other-policy"));
        }
        desk.published_policies.push(policy);
        Ok(StatusCode::NO_CONTENT)
    })?
}
