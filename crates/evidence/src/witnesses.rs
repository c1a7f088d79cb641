//! Whether as many witnesses as the reader demands cosigned a log. A head that they cosigned covers every entry before it; what came
//! later may still be on its way to them, but for a node's charges, which are cosigned before their answer is stored.

use crate::log::Pack;
use crate::pack::Side;
use crate::report::Code;
use crate::trust::Trust;
use audit::{EntryKind, Header};
use std::collections::BTreeMap;

/// How long the coordinator's entries may take to be cosigned, in seconds.
const DAY: i64 = 86_400;

/// Adds a finding for the first entry that must be cosigned and is not.
pub(crate) fn check(pack: &mut Pack, trust: &Trust) {
    let required = trust.required_witnesses();
    if required == 0 {
        return;
    }
    let own =
        |signed: &&audit::SignedCheckpoint| signed.checkpoint().origin == pack.manifest.origin;
    // Witnesses look at different moments, so they need not have cosigned one and the same head: each covers all that came
    // before the largest it cosigned.
    let mut furthest: BTreeMap<&str, u64> = BTreeMap::new();
    for signed in pack.cosigned.iter().filter(own) {
        for witness in trust.witnesses_of(signed) {
            let size = furthest.entry(witness).or_default();
            *size = signed.checkpoint().size.max(*size);
        }
    }
    let mut sizes: Vec<u64> = furthest.into_values().collect();
    sizes.sort_unstable();
    let covered = (sizes.len().checked_sub(required)).map_or(0, |place| sizes[place]);
    // The pack's own word for when it was made, but not a moment before its last entry.
    let last = (pack.entries.iter()).filter_map(|entry| Some(entry.header.as_ref()?.at));
    let made_at = last.fold(pack.manifest.made_at, i64::max);
    let headers = (pack.entries.iter()).filter_map(|entry| entry.header.as_ref());
    // What a restoration booked again was cosigned in the log that was lost.
    let is_charge = |index: &u64| {
        (usize::try_from(*index).ok())
            .and_then(|index| pack.entries.get(index)?.header.as_ref())
            .is_some_and(|header| {
                header.kind == EntryKind::Charge && header.number("recovered-by").is_none()
            })
    };
    let uncovered = match pack.manifest.side {
        Side::Node => headers
            .filter(|header| header.kind == EntryKind::Answer)
            .filter_map(|answer| answer.number("allowed-by"))
            .filter(is_charge)
            .find(|charge| *charge >= covered),
        Side::Coordinator => headers
            .filter(|header| header.at + DAY < made_at)
            .map(|header: &Header| header.index)
            .find(|index| *index >= covered),
    };
    if let Some(index) = uncovered {
        let words = format!(
            "{required} witnesses are demanded, and as many of the given ones cosigned only {covered} entries"
        );
        pack.findings.add(Code::Uncosigned, Some(index), words);
    }
}
