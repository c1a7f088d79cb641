//! Hearing of new guarantees: an organisation's higher lifetime cap enters the log that everybody reads.
//! The node's own ledger decides what counts; here it is only made known, with who signed.

use super::officers::officers;
use crate::CoordinatorError;
use crate::node_problem::NodeProblem;
use crate::state::State;
use crate::store::log::{self, Entry};
use crate::store::{guarantees, organisations};
use audit::EntryKind;
use protocol::exchange::GuaranteeNotice;
use protocol::{NewGuarantee, Officers, VerifiedGuarantee};

/// Takes in a new guarantee that the organisation's officer and a second person signed.
///
/// # Errors
/// [`NodeProblem`].
pub async fn guarantee(
    app: &State,
    organisation: &str,
    notice: &GuaranteeNotice,
) -> Result<(), NodeProblem> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let known = organisations::organisation_by_id(&mut transaction, organisation)
        .await?
        .ok_or(CoordinatorError::Corrupt {
            what: "organisation",
        })?;
    let officers = officers(&mut transaction, &known).await?;
    // Whom the organisation pins as second person is its own affair; that it is another person's key is not.
    let signers = Officers {
        second_keys: notice.second_keys.clone(),
        ..Officers::any_of(&officers)
    };
    let verified = VerifiedGuarantee::verify(&notice.act, &signers, organisation);
    let Ok(verified) = verified else {
        return Err(NodeProblem::refused(
            422,
            "signature-not-accepted",
            "two persons sign a new guarantee, one of them with the officer's key shown when joining or as an officer of the policy that the node has published",
        ));
    };
    let act: &NewGuarantee = verified.act();
    let (signer, second) = (verified.signers()[0], verified.signers()[1]);
    if guarantees::guarantee_insert(&mut transaction, act, verified.envelope(), now).await? {
        let entry = Entry::new(EntryKind::BudgetMove, "guarantee-raised")
            .node(organisation)
            .fact("act", act.id.as_str())
            .fact("lifetime-before", act.lifetime_before.nano())
            .fact("lifetime", act.lifetime.nano())
            .fact("signer", signer.to_string())
            .fact("second-signer", second.to_string());
        log::append(&mut transaction, now, entry).await?;
        transaction.commit().await?;
    }
    Ok(())
}
