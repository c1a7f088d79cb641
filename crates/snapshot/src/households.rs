//! Who lives with whom: people who name one household number, at most M of them kept.
//! The one place where what is kept of a person depends on other people's rows.

use crate::row::HouseholdId;
use crate::snapshot::{BEYOND_HOUSEHOLD, NO_HOUSEHOLD};
use privacy_loss::HOUSEHOLD_MEMBERS;

/// The households of a register, as stored, in the order of their first members.
pub(crate) struct Households {
    /// For each person in order.
    pub(crate) of_person: Vec<u32>,
    /// Where each household's members start, and where the last one's end.
    pub(crate) starts: Vec<u32>,
    /// Months of birth of members, ascending within a household.
    pub(crate) births: Vec<u16>,
    /// Places of members, ascending within a household.
    pub(crate) members: Vec<u32>,
    /// Members not kept.
    pub(crate) beyond: u64,
}

impl Households {
    /// Households of people, of whom `named` gives those who name one, in any order; `births` are everybody's.
    ///
    /// A household with more than M members keeps the M with the lowest keyed ranks. A rank is a function of one person
    /// alone, so a new member displaces at most one other and changes nobody's rank.
    pub(crate) fn of(
        mut named: Vec<(HouseholdId, u32)>,
        births: &[u16],
        rank: impl Fn(u32) -> [u8; 32],
    ) -> Households {
        named.sort_unstable_by_key(|(household, place)| (household.number(), *place));
        let most = HOUSEHOLD_MEMBERS as usize;
        let mut households = Households {
            of_person: vec![NO_HOUSEHOLD; births.len()],
            starts: vec![0],
            births: Vec::with_capacity(named.len()),
            members: Vec::with_capacity(named.len()),
            beyond: 0,
        };
        // Members of each household together, those kept.
        let mut kept: Vec<(u32, u32)> = Vec::with_capacity(named.len());
        let mut group: Vec<u32> = Vec::new();
        for same in named.chunk_by(|a, b| a.0 == b.0) {
            group.clear();
            group.extend(same.iter().map(|(_, place)| *place));
            if group.len() > most {
                group.sort_by_cached_key(|place| rank(*place));
                for place in group.drain(most..) {
                    households.of_person[place as usize] = BEYOND_HOUSEHOLD;
                    households.beyond += 1;
                }
                group.sort_unstable();
            }
            let first = group.first().copied().unwrap_or_default();
            kept.extend(group.iter().map(|place| (first, *place)));
        }
        // The order of the register's own numbers is not kept.
        kept.sort_unstable();
        for same in kept.chunk_by(|a, b| a.0 == b.0) {
            let household = (households.starts.len() - 1) as u32;
            let start = households.births.len();
            for (_, place) in same {
                households.of_person[*place as usize] = household;
                households.members.push(*place);
                households.births.push(births[*place as usize]);
            }
            households.births[start..].sort_unstable();
            households.starts.push(households.births.len() as u32);
        }
        households
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.starts.len() - 1
    }
}
