//! The chain of a node's policies, from its log alone: each signed as the one before asks for, each decision under the one in force.
//! What the log cannot prove, its first policy above all, is held to the officers that the reader named.

use crate::log::{self, Pack};
use crate::report::Code;
use crate::trust::Trust;
use audit::{EntryKind, Header};
use protocol::{ChainFault, CoordinatorAcceptance, PolicyChain, PublicKey};
use std::collections::BTreeSet;

/// Where a pack keeps policies as files, each named by its hash.
const FOLDER: &str = "policies/";

/// What the chain of a log's policies gives.
pub(crate) struct Chain {
    /// The entry of the first policy that can be read: from there on the log says who its officers are, and before it only the reader
    /// does.
    pub(crate) first: Option<u64>,
    /// Acceptances of a restored coordinator that the officers in force signed.
    pub(crate) accepted: Vec<ChainedAcceptance>,
}

/// An acceptance of a restored coordinator, signed as the policy in force asks for. Who its officers are the log says of itself.
pub(crate) struct ChainedAcceptance {
    /// Its entry.
    pub(crate) index: u64,
    /// What they signed.
    pub(crate) act: CoordinatorAcceptance,
    /// Who signed.
    pub(crate) signers: Vec<PublicKey>,
}

/// Follows the policies of a node's log and adds what is wrong to its findings.
pub(crate) fn check(pack: &mut Pack, trust: &Trust) -> Chain {
    let named = trust.officers(&pack.manifest.origin);
    let is_named = |keys: &[PublicKey]| keys.iter().any(|key| named.contains(key));
    let mut chain = PolicyChain::default();
    let (mut first, mut before_any) = (None, 0);
    let mut accepted = Vec::new();
    let (mut found, mut notices) = (Vec::new(), Vec::new());
    for entry in &pack.entries {
        let Some(header) = &entry.header else {
            continue;
        };
        let recovered = header.number("recovered-by").is_some();
        let allows = matches!(header.kind, EntryKind::Charge | EntryKind::Reuse);
        if allows && !recovered && chain.last().is_none() {
            before_any += 1;
        }
        if let (EntryKind::Restoration, Some(last)) = (header.kind, chain.last())
            && !named.is_empty()
        {
            let signer = header.text("signer").and_then(PublicKey::from_hex);
            let known =
                signer.is_some_and(|key| last.officers.keys.contains(&key) || is_named(&[key]));
            if !known {
                let words = "goes on from a backup by a key that is neither an officer's of the policy before nor of the file of keys";
                found.push((Code::Signature, header.index, words.to_owned()));
            }
        }
        let anchors = chain.anchors().len();
        let followed = chain.follow(
            header.kind.as_str(),
            &|name| header.text(name),
            &|name| header.number(name),
            entry.body.as_deref(),
        );
        match (followed, chain.accepted()) {
            (Err(fault), _) => found.push((code_of(fault), header.index, fault.to_string())),
            (Ok(()), Some(act)) if header.kind == EntryKind::Acceptance => {
                // The chain found that these are the signers of the act.
                let signers = header.text("signers").unwrap_or_default();
                accepted.push(ChainedAcceptance {
                    index: header.index,
                    act: act.clone(),
                    signers: signers.split(',').filter_map(PublicKey::from_hex).collect(),
                });
            }
            (Ok(()), _) => {}
        }
        match (first, chain.last()) {
            (None, Some(policy)) => {
                first = Some(header.index);
                if !named.is_empty() && !is_named(&policy.officers.keys) {
                    let words = "the policy it begins with names no officer of the file of keys";
                    found.push((Code::Signature, header.index, words.to_owned()));
                }
            }
            _ => notices.extend(chain.anchors()[anchors..].iter().map(|anchor| {
                format!(
                    "after a restoration it begins anew with the policy {}, which no earlier officer signed",
                    anchor.policy_hash
                )
            })),
        }
    }
    for (code, index, words) in found {
        pack.findings.add(code, Some(index), words);
    }
    if let Some(last) = chain.last()
        && Some(&last.organisation) != pack.manifest.organisation.as_ref()
    {
        let words = "its policies are another organisation's";
        pack.findings.add(Code::Altered, None, words);
    }
    for notice in notices {
        pack.findings.notice(notice);
    }
    if first.is_some() && before_any > 0 {
        pack.findings.notice(format!(
            "{before_any} charges and reuses stand before its first policy; nothing shows under which they were allowed"
        ));
    }
    check_files(pack);
    Chain { first, accepted }
}

/// Holds the policies that lie in the pack as files to those that the log put in force: each file is one of them, and the one that
/// came into force last is there, unless its entry was erased.
fn check_files(pack: &mut Pack) {
    let changes: Vec<&Header> = (pack.entries.iter())
        .filter_map(|entry| entry.header.as_ref())
        .filter(|header| header.kind == EntryKind::PolicyChange)
        .collect();
    let Some(last) = changes.last() else {
        return;
    };
    let path_of = |header: &Header| {
        let hash = header.text("policy-hash").unwrap_or_default();
        format!("{FOLDER}{hash}.toml")
    };
    let known: BTreeSet<String> = changes.iter().map(|header| path_of(header)).collect();
    let mut found = Vec::new();
    for (path, bytes) in &pack.members {
        if !path.starts_with(FOLDER) {
            continue;
        }
        let named = format!("{FOLDER}{}.toml", protocol::hex(&protocol::sha256(bytes)));
        if *path != named {
            found.push((
                Code::Altered,
                format!("{path} is not the policy it is named by"),
            ));
        } else if !known.contains(path) {
            let words = format!("{path} is a policy that its log never put in force");
            found.push((Code::Altered, words));
        }
    }
    let path = path_of(last);
    let erased = log::erased(&pack.entries).contains(&last.index);
    if !pack.members.contains_key(&path) && !erased {
        found.push((
            Code::Damaged,
            format!("{path}, the policy in force, is missing"),
        ));
    }
    for (code, words) in found {
        pack.findings.add(code, None, words);
    }
}

fn code_of(fault: ChainFault) -> Code {
    match fault {
        ChainFault::Installed | ChainFault::TooFewOfficers | ChainFault::NoOfficer => {
            Code::Signature
        }
        ChainFault::OtherDocument
        | ChainFault::OtherBefore
        | ChainFault::OtherOrganisation
        | ChainFault::OtherWords
        | ChainFault::ActRepeated => Code::Altered,
        ChainFault::NotInForce | ChainFault::NotApproved => Code::NotInForce,
    }
}
