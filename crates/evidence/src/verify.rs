//! The offline check of packs, each alone and each node's against the coordinator's.
//! It computes on the bytes and the trust it is given, and on nothing else.

use crate::acceptances::Accepted;
use crate::books::Books;
use crate::log::Pack;
use crate::pack::Side;
use crate::report::Report;
use crate::trust::Trust;
use crate::{EvidenceError, books, counterpart, witnesses};

/// Checks packs, each a name for the report and the bytes of its ZIP.
///
/// # Errors
/// [`EvidenceError::Unreadable`] and [`EvidenceError::OtherVersion`], where a file is not a pack that can be read at all.
pub fn verify(packs: &[(String, Vec<u8>)], trust: &Trust) -> Result<Report, EvidenceError> {
    let mut report = Report::default();
    let (mut nodes, mut coordinators) = (Vec::new(), Vec::new());
    for (name, bytes) in packs {
        let pack = Pack::open(name, bytes, trust)?;
        report.checked.push(summary(name, &pack));
        match pack.manifest.side {
            Side::Node => nodes.push(pack),
            Side::Coordinator => coordinators.push(pack),
        }
    }
    // Nodes first: their officers may have accepted that a coordinator was restored.
    let mut nodes = checked(nodes, trust, &[]);
    let accepted: Vec<Accepted> = (nodes.iter())
        .flat_map(|(_, books)| books.accepted.iter().cloned())
        .collect();
    let mut coordinators = checked(coordinators, trust, &accepted);
    for (node, own) in &mut nodes {
        for (coordinator, theirs) in &mut coordinators {
            counterpart::compare(trust, (node, own), (coordinator, theirs));
        }
        if coordinators.is_empty() {
            (node.findings).notice("no pack of the coordinator was given to compare it with");
        }
    }
    for (pack, _) in nodes.into_iter().chain(coordinators) {
        report.notices.extend(pack.findings.notices);
        report.findings.extend(pack.findings.found);
    }
    report.findings.sort_by_key(|finding| finding.code);
    Ok(report)
}

/// Each pack, checked alone, with its books.
fn checked(packs: Vec<Pack>, trust: &Trust, accepted: &[Accepted]) -> Vec<(Pack, Books)> {
    let check = |mut pack: Pack| {
        pack.check_log(trust, accepted);
        let books = books::read(&mut pack, trust);
        witnesses::check(&mut pack, trust);
        (pack, books)
    };
    packs.into_iter().map(check).collect()
}

fn summary(name: &str, pack: &Pack) -> String {
    let time = jiff::Timestamp::from_second(pack.manifest.made_at).map_or_else(
        |_| pack.manifest.made_at.to_string(),
        |time| time.to_string(),
    );
    let withheld = match &pack.manifest.scope {
        Some(scope) => format!(", made for {scope}"),
        None => String::new(),
    };
    format!(
        "pack      {name}: log {}, {} entries, made {time}{withheld}",
        pack.manifest.origin,
        pack.entries.len()
    )
}
