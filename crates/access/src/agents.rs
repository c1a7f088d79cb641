//! The rational agent access model (Saxon and Snow 2020): people choose the site where travel and crowding together
//! cost them least, until nobody gains by changing. That equilibrium minimises a convex potential (Beckmann, McGuire
//! and Winsten 1956), which is descended row by row: each row spreads over its sites as the others leave room.

use crate::travel::{Travel, is_open};
use optimise::{Demand, Site};

const SWEEPS: usize = 400;
const SETTLED: f64 = 1e-9;

/// What being served costs each row at equilibrium: travel in units of `tau` minutes and the crowding of the site in
/// units of the city's own demand per place. `None` where no site is reached. Rows that ask for nothing crowd nobody.
pub(crate) fn costs(
    demand: &[f64],
    all: &[Demand],
    sites: &[Site],
    travel: &Travel,
    tau: f64,
) -> Vec<Option<f64>> {
    debug_assert_eq!(demand.len(), all.len());
    let places = |site: usize| sites[site].capacity.unwrap_or(0.0);
    let reach: Vec<Vec<(usize, f64)>> = (travel.reach.iter())
        .map(|reach| {
            (reach.iter())
                .filter(|(site, _)| is_open(&sites[*site]) && places(*site) > 0.0)
                .map(|&(site, minutes)| (site, minutes / tau))
                .collect()
        })
        .collect();
    let asked: f64 = demand.iter().map(|d| d.max(0.0)).sum();
    let offered: f64 = (0..sites.len())
        .filter(|&site| is_open(&sites[site]))
        .map(places)
        .sum();
    // Crowding of one is the demand per place of the whole city.
    let unit = if offered > 0.0 { asked / offered } else { 0.0 };
    let room: Vec<f64> = (0..sites.len()).map(|site| places(site) * unit).collect();
    let mut load = vec![0.0; sites.len()];
    let mut spread: Vec<Vec<f64>> = reach.iter().map(|reach| vec![0.0; reach.len()]).collect();
    for _ in 0..SWEEPS {
        let mut moved = 0.0_f64;
        for (row, reach) in reach.iter().enumerate() {
            let amount = demand[row].max(0.0);
            if amount == 0.0 || reach.is_empty() {
                continue;
            }
            for (&(site, _), part) in reach.iter().zip(&spread[row]) {
                load[site] -= part;
            }
            let next = poured(amount, reach, &load, &room);
            for ((&(site, _), part), next) in reach.iter().zip(&mut spread[row]).zip(next) {
                load[site] += next;
                moved = moved.max((next - *part).abs() / amount);
                *part = next;
            }
        }
        if moved < SETTLED {
            break;
        }
    }
    (reach.iter())
        .map(|reach| {
            (reach.iter())
                .map(|&(site, travel)| travel + load[site] / room[site])
                .filter(|cost| cost.is_finite())
                .min_by(f64::total_cmp)
        })
        .collect()
}

/// `amount` spread so that all sites used cost the same and none unused costs less.
fn poured(amount: f64, reach: &[(usize, f64)], load: &[f64], room: &[f64]) -> Vec<f64> {
    let empty: Vec<f64> = (reach.iter())
        .map(|&(site, travel)| travel + load[site].max(0.0) / room[site])
        .collect();
    let mut order: Vec<usize> = (0..reach.len()).collect();
    order.sort_unstable_by(|&a, &b| empty[a].total_cmp(&empty[b]).then(a.cmp(&b)));
    let (mut wide, mut weighted, mut level) = (0.0, 0.0, f64::INFINITY);
    for &at in &order {
        if empty[at] >= level {
            break;
        }
        let room = room[reach[at].0];
        wide += room;
        weighted += room * empty[at];
        level = (amount + weighted) / wide;
    }
    (reach.iter().zip(&empty))
        .map(|(&(site, _), &empty)| ((level - empty) * room[site]).max(0.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gains_by_changing() {
        let (demand, sites, travel) = crate::measure::tests::city(9);
        let amounts: Vec<f64> = demand.iter().map(|row| row.demand).collect();
        let found = costs(&amounts, &demand, &sites, &travel, 20.0);
        // At equilibrium the whole cost is each row's own least cost times its demand, and pouring any row again from
        // the equilibrium's loads leaves the costs where they are.
        let again = costs(&amounts, &demand, &sites, &travel, 20.0);
        assert_eq!(found, again);
        assert!(found.iter().all(|cost| cost.is_some_and(|cost| cost > 0.0)));
        let double: Vec<f64> = amounts.iter().map(|amount| 2.0 * amount).collect();
        // Crowding is relative to the city's own: twice the demand everywhere changes nothing.
        let doubled = costs(&double, &demand, &sites, &travel, 20.0);
        for (a, b) in found.iter().zip(&doubled) {
            assert!((a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-5);
        }
    }

    #[test]
    fn two_sites_share_one_row_where_their_costs_meet() {
        // Travel 0 and 1, room 10 each, 10 people: level 1 + 0 = L, (L - 0) 10 + (L - 1) 10 = 10, so L = 1.
        let parts = poured(10.0, &[(0, 0.0), (1, 1.0)], &[0.0, 0.0], &[10.0, 10.0]);
        assert_eq!(parts, [10.0, 0.0]);
        let parts = poured(30.0, &[(0, 0.0), (1, 1.0)], &[0.0, 0.0], &[10.0, 10.0]);
        assert_eq!(parts, [20.0, 10.0]);
    }
}
