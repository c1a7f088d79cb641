//! Serving: says hello, waits for work, answers it, and hands answers in on a fixed tick.
//! It retries for ever and quietly; what it logs is the same whatever the register holds.

use crate::clock;
use crate::config::{ConfigError, NodeDir};
use crate::editions;
use crate::handing_in::{Greeted, HandingIn, promised, published_offer};
use crate::link::LinkError;
use crate::node::{Node, NodeError, NotBuilt};
use crate::{
    answer, local_log, offer, oversight, page, policies, renewal, requester, second_witness,
};
use anyhow::Result;
use audit::{EntryKind, Fact};
use protocol::Envelope;
use protocol::exchange::{Hello, WorkItem};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Answers leave at whole multiples of this after their request came in, so that the time an answer took says
/// nothing about the register.
const TICK: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_secs(2);
/// How long until an edition that could not be built is tried again.
const BUILD_AGAIN: Duration = Duration::from_secs(60);
/// What the coordinator says when it has news for a node.
const GREET_FIRST: &str = "greet-first";
/// How long between two looks at the coordinator's log.
const OBSERVE: Duration = Duration::from_secs(3_600);
/// As [`OBSERVE`], while it shows another history than the node holds: officers may accept it at any moment.
const OBSERVE_SET_BACK: Duration = Duration::from_secs(20);
/// A pause before greeting on request, so that a coordinator that always asks for it is no busy loop.
const GREET_AGAIN: Duration = Duration::from_millis(100);

/// Serves until the process is told to stop.
///
/// # Errors
/// When the node cannot start; once serving, only a stop ends it.
pub async fn serve(dir: NodeDir) -> Result<()> {
    let config = dir.read_config()?;
    dir.ensure_not_restoring()?;
    if config.coordinator.is_none() {
        return Err(ConfigError::NotJoined.into());
    }
    let node = Arc::new(Node::open(dir, None).await?);
    node.install_policy(clock::now()).await?;
    node.open_account(clock::now()).await?;
    // The page may fail; answering goes on without it. It is there while the edition is built, and says why where that fails.
    tokio::spawn(page::bind(Arc::clone(&node)).await?.serve());
    tokio::select! {
        () = work(node) => Ok(()),
        () = stopped() => Ok(()),
    }
}

pub(crate) async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            // Without a handler for SIGTERM the default action ends the process, which is as good.
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

async fn work(node: Arc<Node>) {
    let in_hand: Arc<Mutex<HashSet<[u8; 32]>>> = Arc::default();
    let handing_in = HandingIn::start(Arc::clone(&node));
    let mut greeted_with = None;
    let mut watches = false;
    let mut logged = None;
    let mut look_at_certificate = Instant::now();
    let mut edited = None;
    let mut observed: Option<(Instant, Duration)> = None;
    let mut anchored = None;
    let mut builds = Builds::default();
    loop {
        refresh_policy(&node, &mut edited).await;
        let edition = publish_when_due(&node, &mut builds).await;
        anchor_when_due(&node, &mut anchored).await;
        withdraw_offer_when_forbidden(&node).await;
        // A node that is paused or lacks its edition asks for no work. It says so, and goes on making known what its organisation
        // decided since, an offer taken back above all, and renewing its certificate.
        let works = !node.dir().is_paused() && edition == Edition::Current;
        let mut hello = node.hello();
        if !works {
            hello.datasets.clear();
        }
        let greeting = (
            works,
            hello.policy_hash.clone(),
            node.edition_number(),
            consents_at(&node),
            promised(&node).await.len(),
            published_offer(&node).map(|(_, notice)| notice.revision),
        );
        if greeted_with.as_ref() != Some(&greeting) {
            match greet(&node, &hello).await {
                Ok(greeted) => {
                    handing_in.greeted(greeted);
                    greeted_with = Some(greeting);
                    logged = None;
                    observed = None;
                    // Not before: a call while the edition is built would show from when on it is.
                    if !watches {
                        watches = true;
                        tokio::spawn(second_witness::watch(Arc::clone(&node)));
                    }
                }
                Err(error) => {
                    log_refusal(&node, &error, &mut logged).await;
                    wait_after(&error).await;
                    continue;
                }
            }
        }
        if Instant::now() >= look_at_certificate {
            look_at_certificate = Instant::now() + renewal::LOOK_AGAIN;
            renew(&node).await;
        }
        if !works {
            tokio::time::sleep(RETRY).await;
            continue;
        }
        if observed.is_none_or(|(at, every)| at.elapsed() > every) {
            let anew = observed.is_none();
            match oversight::observe(&node, anew, clock::now()).await {
                Ok(extends) => {
                    let every = if extends { OBSERVE } else { OBSERVE_SET_BACK };
                    observed = Some((Instant::now(), every));
                }
                Err(error) => {
                    observed = None;
                    tracing::warn!(reason = %error, "the coordinator's log could not be looked at")
                }
            }
        }
        match node.link().poll().await {
            Ok(reply) => {
                // The wait was long; what came in is decided under the policy as it stands now.
                refresh_policy(&node, &mut edited).await;
                // Nor is anything done that was asked for before a pause and came in after it: it is offered again once the node
                // asks for work.
                if !node.dir().is_paused() {
                    for item in reply.items {
                        take(&node, item, &in_hand);
                    }
                }
            }
            Err(error) => {
                greeted_with = None;
                log_refusal(&node, &error, &mut logged).await;
                wait_after(&error).await;
            }
        }
    }
}

/// The consents there are now, as they are signed.
fn consents_at(node: &Node) -> Vec<(String, String)> {
    (node.studies().consents(clock::now()).into_iter())
        .map(|(study, consent)| (study, consent.payload))
        .collect()
}

/// Renews the certificate if it is due. It has a third of its life left, so what does not succeed is tried again later.
async fn renew(node: &Node) {
    let now = jiff::Timestamp::from_second(clock::now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let renewed = renewal::renew_when_due(node.dir(), node.config(), node.link(), now).await;
    if let Err(error) = renewed {
        tracing::error!(
            reason = %format!("{error:#}"),
            "the certificate could not be renewed; trying again in an hour"
        );
    }
}

/// Takes over a policy that officers signed; a file that was edited changes nothing, which is said once.
async fn refresh_policy(node: &Node, edited: &mut Option<String>) {
    match node.reload_policy().await {
        Ok(true) => tracing::info!(
            policy = node.policy().policy_hash(),
            "a signed policy is in force"
        ),
        Ok(false) => {}
        Err(error) => tracing::error!(
            reason = %format!("{error:#}"),
            "the policy could not be read again; it stays as it was"
        ),
    }
    let file = policies::file_hash(node.dir());
    let differs = file.is_some() && file.as_deref() != Some(node.policy().policy_hash());
    if differs && *edited != file {
        tracing::warn!(
            "policy.toml is not the policy in force; it changes nothing until officers sign it: `node-agent policy sign`, then \
             `node-agent policy apply`"
        );
    }
    *edited = file.filter(|_| differs);
}

async fn wait_after(error: &LinkError) {
    match error {
        // The coordinator has news, such as a countersigned study; the greeting that follows fetches it.
        LinkError::Refused { code, .. } if code == GREET_FIRST => {
            return tokio::time::sleep(GREET_AGAIN).await;
        }
        LinkError::Unreachable(error) if error.refusal_code().is_some() => {
            tracing::error!(reason = %error, "no connection to the coordinator was made; trying again")
        }
        LinkError::Unreachable(_) => {
            tracing::warn!("the coordinator is out of reach; trying again")
        }
        LinkError::Refused { code, message, .. } => {
            tracing::error!(code, message, "the coordinator refuses this node")
        }
    }
    tokio::time::sleep(RETRY).await;
}

/// Writes into the node's own log that the coordinator and this node do not accept each other, once until they do again.
async fn log_refusal(node: &Node, error: &LinkError, logged: &mut Option<String>) {
    let Some(code) = error.refusal_code() else {
        return;
    };
    if code == GREET_FIRST || logged.as_deref() == Some(code) {
        return;
    }
    // The code is the coordinator's word; the log takes short identifiers only.
    let said = if protocol::is_identifier(code) {
        code
    } else {
        "unreadable"
    };
    let by = match error {
        LinkError::Refused { .. } => "coordinator",
        LinkError::Unreachable(_) => "handshake",
    };
    let facts = [("by", Fact::from(by)), ("code", Fact::from(said))];
    match (node.ledger())
        .record(EntryKind::Alarm, &facts, &[], clock::now())
        .await
    {
        Ok(_) => *logged = Some(code.to_owned()),
        Err(error) => {
            tracing::error!(reason = %error, "the coordinator's refusal could not be logged")
        }
    }
}

/// Whether the edition held is the one that the calendar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edition {
    /// It is.
    Current,
    /// It is older, and the current one cannot be built.
    Behind,
}

/// What is remembered of editions that could not be built.
#[derive(Default)]
struct Builds {
    /// The one that the log has an alarm of.
    alarmed: Option<u32>,
    /// Until when none is built: building reads the whole register.
    rests_until: Option<Instant>,
}

/// A new month publishes a new edition, changed or not. One that cannot be built is an alarm in the log, once, and nothing is answered
/// until it is: whoever objected since the edition of before is in that one still. It does not matter whether anybody did, so
/// that silence tells nobody.
async fn publish_when_due(node: &Arc<Node>, builds: &mut Builds) -> Edition {
    let now = clock::now();
    let due = editions::number_at(now);
    let before = node.edition_number();
    if before == Some(due) {
        return Edition::Current;
    }
    if builds
        .rests_until
        .is_some_and(|until| Instant::now() < until)
    {
        return Edition::Behind;
    }
    let (dir, config) = (node.dir().clone(), node.config().clone());
    let built =
        tokio::task::spawn_blocking(move || editions::open_current(&dir, &config, now)).await;
    let reason = match built {
        Ok(Ok(edition)) => {
            node.publish(edition);
            *builds = Builds::default();
            if let Err(error) = record_edition(node, due).await {
                tracing::error!(reason = %error, "the new edition could not be logged");
            }
            tracing::info!(
                organisation = node.organisation(),
                edition = due,
                "{}",
                if before.is_none() {
                    "serving"
                } else {
                    "serving a new edition"
                }
            );
            return Edition::Current;
        }
        Ok(Err(error)) => NotBuilt::of(&error),
        Err(_) => NotBuilt::of(&anyhow::anyhow!("the task was lost")),
    };
    node.note_not_built(reason.clone());
    let reason = reason.english;
    builds.rests_until = Some(Instant::now() + BUILD_AGAIN);
    if builds.alarmed != Some(due) {
        tracing::error!(
            reason,
            "the new edition could not be built; nothing is answered until it is; trying again every minute"
        );
        let facts = [
            ("by", Fact::from("edition")),
            ("code", Fact::from("edition-not-built")),
            ("edition", Fact::from(u64::from(due))),
        ];
        match (node.ledger())
            .record(EntryKind::Alarm, &facts, &[], now)
            .await
        {
            Ok(_) => builds.alarmed = Some(due),
            Err(error) => tracing::error!(reason = %error, "the alarm could not be logged"),
        }
    }
    Edition::Behind
}

/// Logs that the edition served was published, once, with the number of months that were passed over since the last, and
/// erases the answers whose time ended with it.
async fn record_edition(node: &Node, edition: u32) -> Result<(), ledger::LedgerError> {
    let number = u64::from(edition);
    let last = (node.ledger().reader())
        .latest(EntryKind::Edition)
        .await?
        .and_then(|header| header.number("edition"));
    if last == Some(number) {
        return Ok(());
    }
    let kept = node.config().retention.answers.saturating_sub(1);
    let erased = (node.ledger())
        .erase_answers(edition.saturating_sub(kept), clock::now())
        .await?;
    if erased > 0 {
        tracing::info!(answers = erased, "answers were erased after their time");
    }
    let missed = last.map_or(0, |last| number.saturating_sub(last + 1));
    let facts = [
        ("dataset", Fact::from(node.config().dataset.id.as_str())),
        ("edition", Fact::from(number)),
        ("missed", Fact::from(missed)),
    ];
    (node.ledger())
        .record(EntryKind::Edition, &facts, &[], clock::now())
        .await?;
    let exact = local_log::record_edition(node.dir(), edition, clock::now());
    if let Err(error) = exact.await {
        tracing::error!(reason = %format!("{error:#}"), "the local log could not be written");
    }
    Ok(())
}

/// Anchors the local log in the node's own, once a day.
async fn anchor_when_due(node: &Node, looked: &mut Option<i64>) {
    let now = clock::now();
    let day = now.div_euclid(86_400);
    if *looked == Some(day) {
        return;
    }
    match local_log::anchor(node.dir(), node.ledger(), now).await {
        Ok(()) => *looked = Some(day),
        Err(error) => {
            tracing::error!(reason = %format!("{error:#}"), "the local log could not be anchored")
        }
    }
}

/// Says what is served, by `hello`; takes over new studies.
///
/// # Errors
/// See [`LinkError`]; greeting again is always right.
pub async fn greet(node: &Node, hello: &Hello) -> Result<Greeted, LinkError> {
    let reply = node.link().hello(hello).await?;
    for study in &reply.studies {
        if let Err(error) = node.studies().keep(study, &node.pinned_requesters()) {
            tracing::warn!(reason = %error, "a study was not kept");
        }
    }
    if node
        .remember_witnessed(reply.cosigned_checkpoint.as_deref())
        .await
        .is_err()
    {
        tracing::error!("the coordinator holds no readable checkpoint of this log");
    }
    Ok(Greeted {
        policy_wanted: reply.policy_wanted,
    })
}

/// Takes back what was published once the policy in force no longer lets the offer be public.
async fn withdraw_offer_when_forbidden(node: &Node) {
    match offer::withdraw_when_forbidden(node.dir(), &node.policy(), clock::now()) {
        Ok(None) => {}
        Ok(Some(notice)) => {
            tracing::info!(
                "the offer is withdrawn: the policy in force does not let it be published"
            );
            let facts = [
                ("act", Fact::from("offer-withdrawn")),
                ("revision", Fact::from(notice.revision)),
            ];
            let logged = (node.ledger()).record(EntryKind::AdminAct, &facts, b"", clock::now());
            if let Err(error) = logged.await {
                tracing::error!(reason = %error, "the withdrawal of the offer could not be logged");
            }
        }
        Err(error) => {
            tracing::error!(reason = %format!("{error:#}"), "the offer could not be withdrawn")
        }
    }
}

fn take(node: &Arc<Node>, item: WorkItem, in_hand: &Arc<Mutex<HashSet<[u8; 32]>>>) {
    let id = protocol::sha256(&serde_json::to_vec(&item).unwrap_or_default());
    let Ok(mut hands) = in_hand.lock() else {
        return;
    };
    if !hands.insert(id) {
        // The coordinator offers work again until it is done.
        return;
    }
    let (node, in_hand) = (Arc::clone(node), Arc::clone(in_hand));
    tokio::spawn(async move {
        match item {
            WorkItem::Sign { query_id, requests } => {
                sign(&node, &query_id, &requests, clock::now()).await;
            }
            WorkItem::Answer { request } => respond(&node, &request).await,
        }
        if let Ok(mut hands) = in_hand.lock() {
            hands.remove(&id);
        }
    });
}

/// Signs requests with this organisation's own key and hands them in, if it has one; what does not succeed is asked for again.
pub async fn sign(node: &Node, query_id: &str, requests: &[String], now: i64) {
    let Some(key) = node.requester_key() else {
        tracing::error!("asked to sign requests, but this organisation has no requester key");
        return;
    };
    let signed = requester::sign(
        query_id,
        requests,
        node.organisation(),
        node.studies(),
        key,
        now,
    );
    let facts = [
        ("query", Fact::from(query_id)),
        ("signed", Fact::from(signed.requests.len() as u64)),
    ];
    if let Err(error) = node
        .ledger()
        .record(EntryKind::Request, &facts, &[], now)
        .await
    {
        tracing::error!(reason = %error, "the signature could not be logged and is not handed in");
        return;
    }
    if let Err(error) = node.link().signed(&signed).await {
        tracing::warn!(reason = %error, "the signed requests could not be handed in; they will be asked for again");
    }
}

async fn respond(node: &Node, request: &Envelope) {
    let came_in = Instant::now();
    match answer::answer(node, request, clock::now()).await {
        Ok(sealed) => {
            let ticks = came_in.elapsed().as_secs() / TICK.as_secs() + 1;
            tokio::time::sleep_until(came_in + TICK * u32::try_from(ticks).unwrap_or(u32::MAX))
                .await;
            failpoint::reach("answer-sending");
            match node.link().answer(sealed.envelope()).await {
                Ok(_) => failpoint::reach("answer-sent"),
                Err(error) => {
                    tracing::warn!(reason = %error, "an answer could not be handed in; it will be asked for again")
                }
            }
        }
        Err(NodeError::WaitsForApproval) => waits(node, request).await,
        Err(NodeError::Paused) => tracing::info!("a request that came before the pause stays open"),
        Err(error) => tracing::error!(reason = %error.reason(), "a request stays open"),
    }
}

/// Tells the coordinator that a person has to approve first; one that does not know the call only shows less.
async fn waits(node: &Node, request: &Envelope) {
    let id = request
        .unverified_payload()
        .and_then(|payload| serde_json::from_slice::<protocol::Request>(&payload).ok())
        .map(|request| request.id);
    if let Some(id) = id
        && let Err(error) = node.link().waiting(&id).await
    {
        tracing::debug!(reason = %error, "the coordinator was not told that a request waits");
    }
}
