//! The node's one flow, from a signed request to a sealed answer.
//! Nothing is computed before it is permitted and charged; nothing leaves without noise, receipt and log entry.

use crate::approvals;
use crate::node::{Node, NodeError, denial};
use crate::sealed::SealedAnswer;
use ledger::Charge;
use policy::{Approval, Ask};
use protocol::{Envelope, VerifiedRequest, Word};

/// Answers one request: with noisy cells, with the cells it already released, or with a refusal.
///
/// # Errors
/// [`NodeError`] when nothing can be said to the requester yet: the ledger cannot be written, or no
/// witness could confirm the log. The request stays open and is tried again.
pub async fn answer(node: &Node, envelope: &Envelope, now: i64) -> Result<SealedAnswer, NodeError> {
    // Request: the signature of a pinned requester, addressed to this node, in time.
    let request = match VerifiedRequest::verify(
        envelope,
        &node.pinned_requesters(),
        node.organisation(),
        now,
    ) {
        Ok(request) => request,
        Err(error) => return node.refuse_unverified(envelope, &error, now).await,
    };
    let refuse = |denial| node.refuse(&request, denial, now);

    // Study: known here, countersigned by this organisation's officer, this very text.
    let study = match node.consented_study(request.request()) {
        Ok(study) => study,
        Err(error) => return refuse(denial("study", error.field_and_code())).await,
    };
    let edition = match node.edition(&request) {
        Ok(edition) => edition,
        Err(field_and_code) => return refuse(denial("edition", field_and_code)).await,
    };

    // AggregateQuery -> Permit: the policy sees the question and its price, never data.
    let price = privacy_loss::price(request.query());
    let policy = node.policy();
    let decided = policy.decide(&Ask {
        study: &study,
        request: &request,
        price: &price,
        now,
    });
    let under = policy.policy_hash();
    let word = approvals::keep(node, envelope, &request, &decided, under, now).await?;
    let permit = match decided {
        Ok(permit) => permit,
        Err(denial) => return refuse(denial).await,
    };
    // A person's refusal holds, whatever the policy has come to say since. What it leaves to a person waits for that person's
    // word, or for its own end.
    match (word, permit.approval()) {
        (Some(Word::Refused), _) => {
            return refuse(denial(permit.rule(), approvals::REFUSED)).await;
        }
        (None, Approval::Manual) => return Err(NodeError::WaitsForApproval),
        (Some(Word::Approved), _) | (None, Approval::Auto) => {}
    }

    // Permit -> Debit: one transaction, after a witness confirmed that the log was never shortened.
    node.witness(now).await?;
    failpoint::reach("answer-permitted");
    // Confirming takes a while; what was paused meanwhile spends nothing.
    if node.dir().is_paused() {
        return Err(NodeError::Paused);
    }
    let debit = match node.ledger().charge(&permit, now).await {
        Ok(Charge::Debited(debit)) => debit,
        Ok(Charge::Answered(sealed)) => return Ok(SealedAnswer::stored(sealed)),
        Ok(Charge::Reusable(reuse)) => return node.reseal(permit, reuse, &request, now).await,
        Err(error) => match error.denial() {
            // The ledger has logged its own refusal already.
            Some(denial) => return refuse(denial).await,
            None => return Err(error.into()),
        },
    };
    failpoint::reach("answer-charged");

    // Debit -> Exact -> Noisy: one synchronous function, so that no exact value crosses an await.
    let query = request.query().clone();
    let noisy = tokio::task::spawn_blocking(move || {
        let exact = kernel::aggregate(&query, &edition);
        failpoint::reach("answer-aggregated");
        mechanism::release(exact, &price)
    })
    .await??;
    failpoint::reach("answer-noised");

    // Noisy -> Receipt -> SealedAnswer: the debit is cosigned before its answer can leave.
    node.witness(now).await?;
    let sealed = SealedAnswer::seal(permit, &debit, noisy, &request, node.signing_key())?;
    let sealed = node.store(debit, sealed, now).await?;
    failpoint::reach("answer-stored");
    // Once more, so that a copy of this ledger made between debit and answer is behind its witness and cannot draw again.
    node.witness(now).await?;
    Ok(sealed)
}
