//! Good plans fast: a greedy start, then iterated local search (Lourenço, Martin and Stützle 2003): a few random swaps,
//! a descent, and back to the best plan where that was worse. It proves nothing; bounds are `lagrangean`'s.

use super::instance::{Count, Instance, Standing};
use super::interchange::Interchange;
use crate::random::Random;

/// A plan and its objective.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) open: Vec<usize>,
    pub(crate) value: f64,
}

/// A set that the count and the standings allow: required sites and, where a count is to be met, the sites that save
/// most one after another. The instance must be consistent.
pub(crate) fn start(instance: &Instance) -> Vec<usize> {
    let required: Vec<usize> = (0..instance.sites())
        .filter(|&site| instance.standing[site] == Standing::Required)
        .collect();
    let mut search = Interchange::new(instance, &required);
    search.open_greedily();
    search.open()
}

/// Searches for `rounds` rounds without a better plan, from `from`.
pub(crate) fn iterated(
    instance: &Instance,
    from: &[usize],
    rounds: usize,
    random: &mut Random,
    stopped: &dyn Fn() -> bool,
    better: &mut dyn FnMut(&Found),
) -> Found {
    let mut search = Interchange::new(instance, from);
    search.descend(stopped);
    let mut best = Found {
        open: search.open(),
        value: search.value(),
    };
    better(&best);
    let mut idle = 0;
    while idle < rounds && !stopped() {
        idle += 1;
        // Small kicks mostly; larger ones as the search stays where it is.
        let strength = 1 + random.below(2 + (idle * 4 / rounds.max(1)));
        if !kick(instance, &mut search, strength, random) {
            return best;
        }
        search.descend(stopped);
        if search.value() < best.value - 1e-9 * (1.0 + best.value.abs()) {
            best = Found {
                open: search.open(),
                value: search.value(),
            };
            better(&best);
            idle = 0;
        } else if search.value() > best.value {
            search.go_to(&best.open);
        }
    }
    best
}

/// Makes `strength` random swaps; false where there is nothing to swap.
fn kick(
    instance: &Instance,
    search: &mut Interchange<'_>,
    strength: usize,
    random: &mut Random,
) -> bool {
    for _ in 0..strength {
        let outs: Vec<usize> = (search.open().into_iter())
            .filter(|&site| instance.standing[site] == Standing::Free)
            .collect();
        let ins: Vec<usize> = (0..instance.sites())
            .filter(|&site| instance.standing[site] == Standing::Free && !search.is_open(site))
            .collect();
        if outs.is_empty() || ins.is_empty() {
            return false;
        }
        search.swap(outs[random.below(outs.len())], ins[random.below(ins.len())]);
    }
    true
}

/// Sites chosen by a bound made a plan that the count allows, then improved.
pub(crate) fn repaired(
    instance: &Instance,
    chosen: &[usize],
    stopped: &dyn Fn() -> bool,
) -> Option<Found> {
    match instance.count {
        Count::Exactly(p) if chosen.len() != p => return None,
        Count::AtMost(p) if chosen.len() > p => return None,
        _ => {}
    }
    let mut search = Interchange::new(instance, chosen);
    search.descend(stopped);
    Some(Found {
        open: search.open(),
        value: search.value(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::instance::random;
    use super::*;

    #[test]
    fn iterated_search_keeps_counts_and_standings_and_finds_small_optima() {
        let mut random = Random::new(3);
        let (mut optimal, mut tried) = (0, 0);
        for _ in 0..60 {
            let instance = random::instance(&mut random, 12, 9);
            if !instance.is_consistent() {
                continue;
            }
            // Unwrap safety: a consistent instance has a plan.
            let optimum = random::enumerated(&instance).unwrap();
            let from = start(&instance);
            let found = iterated(&instance, &from, 30, &mut random, &|| false, &mut |_| ());
            for site in 0..9 {
                match instance.standing[site] {
                    Standing::Required => assert!(found.open.contains(&site)),
                    Standing::Closed => assert!(!found.open.contains(&site)),
                    Standing::Free => {}
                }
            }
            match instance.count {
                Count::Exactly(p) => assert_eq!(found.open.len(), p),
                Count::AtMost(p) => assert!(found.open.len() <= p),
                Count::Any => {}
            }
            assert!(found.value >= optimum - 1e-6);
            tried += 1;
            optimal += usize::from(found.value <= optimum + 1e-6);
        }
        assert!(
            tried >= 30 && optimal * 10 >= tried * 9,
            "{optimal} of {tried}"
        );
    }
}
