//! The chain of a node's policies, from its log alone: each signed as the one before asks for, each decision under the one in force.
//! What the log cannot prove, its first policy above all, is held to the officers that the reader named.

use crate::log::Pack;
use crate::report::Code;
use crate::trust::Trust;
use audit::EntryKind;
use protocol::{ChainFault, PolicyChain};

/// Follows the policies of a node's log and adds what is wrong to its findings; `false` where the log holds no policy.
pub(crate) fn check(pack: &mut Pack, trust: &Trust) -> bool {
    let mut chain = PolicyChain::default();
    let (mut found, mut before_any, mut restorations) = (Vec::new(), 0, Vec::new());
    for entry in &pack.entries {
        let Some(header) = &entry.header else {
            continue;
        };
        let recovered = header.number("recovered-by").is_some();
        let allows = matches!(header.kind, EntryKind::Charge | EntryKind::Reuse);
        if allows && !recovered && chain.last().is_none() {
            before_any += 1;
        }
        if header.kind == EntryKind::Restoration {
            let officers = chain.last().map(|last| last.officers.keys.clone());
            restorations.push((header.index, header.text("signer"), officers));
        }
        let followed = chain.follow(
            header.kind.as_str(),
            &|name| header.text(name),
            recovered,
            entry.body.as_deref(),
        );
        if let Err(fault) = followed {
            found.push((code_of(fault), header.index, fault.to_string()));
        }
    }
    if chain.last().is_none() {
        return false;
    }
    let named = trust.officers(&pack.manifest.origin);
    let is_named = |keys: &[protocol::PublicKey]| keys.iter().any(|key| named.contains(key));
    for (index, signer, officers) in restorations {
        let signer = signer.and_then(protocol::PublicKey::from_hex);
        let known = signer
            .zip(officers)
            .is_some_and(|(signer, officers)| officers.contains(&signer) || is_named(&[signer]));
        if !known && !named.is_empty() {
            let words = "goes on from a backup by a key that is neither an officer's of the policy before nor of the file of keys";
            found.push((Code::Signature, index, words.to_owned()));
        }
    }
    for (code, index, words) in found {
        pack.findings.add(code, Some(index), words);
    }
    let organisation = chain.last().map(|last| last.organisation.clone());
    if organisation != pack.manifest.organisation {
        let words = "its policies are another organisation's";
        pack.findings.add(Code::Altered, None, words);
    }
    for anchor in chain.anchors() {
        match &anchor.restored_by {
            None if !named.is_empty() && !is_named(&anchor.officers) => pack.findings.add(
                Code::Signature,
                None,
                "the policy it begins with names no officer of the file of keys",
            ),
            None => {}
            Some(_) => pack.findings.notice(format!(
                "after a restoration it begins anew with the policy {}, which no earlier officer signed",
                anchor.policy_hash
            )),
        }
    }
    if before_any > 0 {
        pack.findings.notice(format!(
            "{before_any} charges and reuses stand before its first policy; nothing shows under which they were allowed"
        ));
    }
    true
}

fn code_of(fault: ChainFault) -> Code {
    match fault {
        ChainFault::Installed | ChainFault::TooFewOfficers | ChainFault::NoOfficer => {
            Code::Signature
        }
        ChainFault::OtherDocument | ChainFault::OtherBefore | ChainFault::OtherOrganisation => {
            Code::Altered
        }
        ChainFault::NotInForce | ChainFault::NotApproved => Code::NotInForce,
    }
}
