//! Joining: one join string gives address, pinned authority and a single-use token; the node brings keys it made itself.
//! No private key ever leaves the node.

use crate::config::{NodeDir, write_private};
use crate::keys;
use crate::link::accepted;
use crate::policies;
use anyhow::{Result, ensure};
use identity::{AuthorityCertificate, JoinString, NodeClient, SigningKey, TlsKey};
use policy::PolicyDocument;
use protocol::PublicKey;
use protocol::exchange::{Join, JoinReply};
use std::time::Duration;

/// Why a join string is not for this node, or its coordinator not the one that issued it.
#[derive(Debug, thiserror::Error)]
pub enum NotJoined {
    /// It invites somebody else.
    #[error(
        "the join string invites `{invited}`, this node is `{organisation}`; ask for one of your own"
    )]
    OtherOrganisation {
        /// Whom it invites.
        invited: String,
        /// Whose node this is.
        organisation: String,
    },
    /// The officer named is none of the policy's.
    #[error(
        "`--dpo-key` is not among the `keys` under [dpo] of policy.toml; write it there first, or correct it"
    )]
    NotAnOfficer,
    /// The coordinator's log is signed with another key.
    #[error("the coordinator's log key is not the one in the join string; ask its operator")]
    OtherLogKey,
}

/// Joins the coordinator that issued `text`; `officer` is pinned there in place of the officer's key that the folder holds, which a
/// coordinator takes only with a join string for a new officer.
///
/// # Errors
/// When the join string is damaged or for another organisation, `officer` is none of the folder's policy, the coordinator is not the
/// pinned one, or the token is used up. Nothing is written then, so joining can be tried again.
pub async fn join(dir: &NodeDir, text: &str, officer: Option<PublicKey>) -> Result<()> {
    let mut config = dir.read_config()?;
    let invitation: JoinString = text.trim().parse()?;
    ensure!(
        invitation.organisation == config.organisation,
        NotJoined::OtherOrganisation {
            invited: invitation.organisation,
            organisation: config.organisation,
        }
    );
    if let Some(officer) = &officer {
        // Whom the policy does not name could sign nothing here, and the token would be used up.
        let policy = std::fs::read_to_string(dir.policy())?;
        ensure!(
            PolicyDocument::parse(&policy)?.dpo.keys.contains(officer),
            NotJoined::NotAnOfficer
        );
        if dir.pending()?.is_some()
            && let Some(had) = policies::latest(dir).await?
        {
            policies::ensure_may_go_on(&had.document, &policy, officer)?;
        }
    }
    let requester = dir.key(keys::REQUESTER);
    let requester_key = if requester.exists() {
        Some(keys::public(&SigningKey::load(&requester)?))
    } else {
        None
    };
    let request = Join {
        version: protocol::VERSION,
        organisation: config.organisation.clone(),
        token: invitation.token.as_str().to_owned(),
        csr_pem: TlsKey::load(&dir.key(keys::TLS))?.request_pem(&config.organisation)?,
        node_key: keys::public(&SigningKey::load(&dir.key(keys::NODE))?),
        requester_key,
        dpo_key: match officer {
            Some(officer) => officer,
            None => keys::read_public(&dir.key(keys::DPO_PUBLIC))?,
        },
    };
    let tls = identity::join_client_config(invitation.authority)?;
    let client = NodeClient::new(&invitation.address, tls)?;
    let reply = client
        .post_json("/node/v1/join", &request, Duration::from_secs(30))
        .await?;
    let reply: JoinReply = accepted(reply)?.json()?;

    let authority =
        AuthorityCertificate::from_pem_pinned(&reply.authority_pem, &invitation.authority)?;
    ensure!(
        reply.coordinator_key == PublicKey(*invitation.log_key.as_bytes()),
        NotJoined::OtherLogKey
    );
    identity::replace_public(&dir.key(keys::AUTHORITY), authority.pem().as_bytes())?;
    identity::replace_public(
        &dir.key(keys::CERTIFICATE),
        reply.certificate_pem.as_bytes(),
    )?;
    write_private(
        &dir.key(keys::COORDINATOR),
        reply.coordinator_key.to_string().as_bytes(),
    )?;
    if let Some(officer) = officer {
        write_private(&dir.key(keys::DPO_PUBLIC), officer.to_string().as_bytes())?;
    }
    config.coordinator = Some(invitation.address);
    dir.write_config(&config)?;
    Ok(())
}
