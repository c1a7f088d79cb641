//! Whether as many witnesses as the reader demands cosigned a log. A head that they cosigned covers every entry before it; what came
//! later may still be on its way to them, but for a node's charges, which are cosigned before their answer is stored.

use crate::log::Pack;
use crate::pack::Side;
use crate::report::Code;
use crate::trust::Trust;
use audit::{EntryKind, Header};

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
    let covered = (pack.cosigned.iter().filter(own))
        .filter(|signed| trust.witnesses_of(signed).len() >= required)
        .map(|signed| signed.checkpoint().size)
        .max()
        .unwrap_or(0);
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
            .filter(|header| header.at + DAY < pack.manifest.made_at)
            .map(|header: &Header| header.index)
            .find(|index| *index >= covered),
    };
    if let Some(index) = uncovered {
        let words = format!(
            "{required} witnesses are demanded, and a head that as many of the given ones cosigned has only {covered} entries"
        );
        pack.findings.add(Code::Uncosigned, Some(index), words);
    }
}
