//! Proven bounds: the Lagrangean relaxation of who serves whom, climbed by subgradients, and sites fixed by their
//! reduced cost (Beasley 1993, "Lagrangean heuristics for location problems").
//!
//! With a price `u[i]` per unit of demand for serving point i, sites become independent: the reduced cost of site j is
//! `fixed[j] - sum of weight[i] * max(0, u[i] - distance)`, and choosing sites by reduced cost alone bounds every plan
//! from below. A point of negative weight is bounded the other way: its nearest distance is at most
//! `reach - sum of share[j] * (reach - distance[j])` over open sites j for any shares adding up to at most one,
//! where no plan serves it farther than `reach`.

use super::instance::{Count, Instance, Standing};

/// What is settled about a site in a part of the search.
pub(crate) type Fixing = Standing;

/// The prices of a bound. Every value of them gives a valid bound.
#[derive(Clone, Debug)]
pub(crate) struct Prices {
    /// By point; read for points of positive weight only.
    pub(crate) unit: Vec<f64>,
    /// Of points of negative weight: reach, and sites with their distance and share.
    pub(crate) shares: Vec<Share>,
}

/// The shares of one point of negative weight.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    point: usize,
    reach: f64,
    /// Site, distance below `reach`, share.
    sites: Vec<(usize, f64, f64)>,
}

impl Prices {
    /// Prices at which the plan `open` is served: a good first guess.
    pub(crate) fn at_plan(instance: &Instance, open: &[bool]) -> Self {
        let unit = (0..instance.points())
            .map(|point| instance.served_at(point, open))
            .collect();
        let shares = (0..instance.points())
            .filter(|&point| instance.weight[point] < 0.0)
            .map(|point| {
                let reach = farthest(instance, point);
                let sites = match instance.nearest(point, open) {
                    Some((site, distance)) if distance < reach => vec![(site, distance, 1.0)],
                    _ => Vec::new(),
                };
                Share {
                    point,
                    reach,
                    sites,
                }
            })
            .collect();
        Self { unit, shares }
    }

    /// The same prices where the sites of `keep` alone remain; `instance` is the smaller one.
    pub(crate) fn restricted_to(&self, instance: &Instance, number: &[Option<usize>]) -> Self {
        let shares = (self.shares.iter())
            .map(|share| Share {
                point: share.point,
                reach: share.reach.min(farthest(instance, share.point)),
                sites: (share.sites.iter())
                    .filter_map(|&(site, distance, part)| Some((number[site]?, distance, part)))
                    .collect(),
            })
            .collect();
        Self {
            unit: self.unit.clone(),
            shares,
        }
    }
}

impl Prices {
    /// These prices where points that are served alike were added up: `groups` says which became which point of `merged`.
    /// `open` is a plan, for what has no price of its own.
    pub(crate) fn added_up(
        &self,
        instance: &Instance,
        merged: &Instance,
        groups: &[Vec<usize>],
        open: &[bool],
    ) -> Self {
        let mut prices = Self::at_plan(merged, open);
        for (unit, group) in prices.unit.iter_mut().zip(groups) {
            // The mean of valid prices is one.
            let weight = |&point: &usize| instance.weight[point].max(0.0);
            let sum: f64 = group.iter().map(weight).sum();
            if sum > 0.0 {
                let paid = |point: &usize| weight(point) * self.unit[*point];
                *unit = group.iter().map(paid).sum::<f64>() / sum;
            }
        }
        for share in &mut prices.shares {
            if let [alone] = groups[share.point][..]
                && let Some(own) = self.shares.iter().find(|own| own.point == alone)
            {
                share.reach = own.reach;
                share.sites.clone_from(&own.sites);
            }
        }
        prices
    }
}

/// No plan serves the point farther than this.
fn farthest(instance: &Instance, point: usize) -> f64 {
    let (_, distances) = instance.network.reach(point);
    let outside = instance.outside[point];
    let Count::Exactly(p) = instance.count else {
        return outside;
    };
    // Of the sites - p + 1 nearest sites at least one is open, provided that all are reached.
    if p == 0 || distances.len() < instance.sites() {
        return outside;
    }
    distances[instance.sites() - p].min(outside)
}

/// A bound and what it chose.
#[derive(Clone, Debug)]
pub(crate) struct Climbed {
    pub(crate) bound: f64,
    pub(crate) prices: Prices,
    /// How often each site was chosen lately, near the sites' values in the linear relaxation.
    pub(crate) frequency: Vec<f64>,
    /// Whether the fixings leave no plan better than the cutoff.
    pub(crate) is_closed: bool,
}

/// Room for the work, reused over iterations.
pub(crate) struct Relaxation<'a> {
    instance: &'a Instance,
    reduced: Vec<f64>,
    chosen: Vec<bool>,
    order: Vec<u32>,
    direction: Vec<f64>,
    /// Largest reduced cost that was chosen freely, and smallest that was not.
    last_in: f64,
    first_out: f64,
    is_full: bool,
}

/// When to stop climbing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) iterations: usize,
    /// Iterations without progress after which steps are halved.
    pub(crate) patience: usize,
    /// First step, relative to Polyak's.
    pub(crate) step: f64,
}

impl<'a> Relaxation<'a> {
    pub(crate) fn new(instance: &'a Instance) -> Self {
        Self {
            instance,
            reduced: vec![0.0; instance.sites()],
            chosen: vec![false; instance.sites()],
            order: Vec::with_capacity(instance.sites()),
            direction: vec![0.0; instance.points()],
            last_in: 0.0,
            first_out: 0.0,
            is_full: false,
        }
    }

    /// The bound at `prices` under `fixings`, or `None` where no set obeys the fixings.
    pub(crate) fn bound(&mut self, prices: &Prices, fixings: &[Fixing]) -> Option<f64> {
        let instance = self.instance;
        let network = &instance.network;
        self.reduced.copy_from_slice(&instance.fixed);
        let mut bound = 0.0;
        for point in 0..instance.points() {
            let weight = instance.weight[point];
            if weight <= 0.0 {
                continue;
            }
            let unit = prices.unit[point].min(instance.outside[point]);
            bound += weight * unit;
            let (sites, distances) = network.reach(point);
            for (&site, &distance) in sites.iter().zip(distances) {
                if distance >= unit {
                    break;
                }
                self.reduced[site as usize] -= weight * (unit - distance);
            }
        }
        for share in &prices.shares {
            let weight = -instance.weight[share.point];
            bound -= weight * share.reach;
            for &(site, distance, part) in &share.sites {
                self.reduced[site] += weight * part * (share.reach - distance);
            }
        }
        self.choose(fixings).map(|chosen| bound + chosen)
    }

    /// The cheapest allowed set by reduced cost, and that cost.
    fn choose(&mut self, fixings: &[Fixing]) -> Option<f64> {
        self.order.clear();
        let (mut cost, mut open) = (0.0, 0);
        for (site, fixing) in fixings.iter().enumerate() {
            self.chosen[site] = *fixing == Standing::Required;
            match fixing {
                Standing::Required => {
                    cost += self.reduced[site];
                    open += 1;
                }
                Standing::Free => self.order.push(site as u32),
                Standing::Closed => {}
            }
        }
        let most = self.instance.count.most(self.instance.sites());
        let least = self.instance.count.least();
        if open > most || open + self.order.len() < least {
            return None;
        }
        let room = (most - open).min(self.order.len());
        let reduced = &self.reduced;
        let by_cost = |a: &u32, b: &u32| {
            reduced[*a as usize]
                .total_cmp(&reduced[*b as usize])
                .then(a.cmp(b))
        };
        if room > 0 && room < self.order.len() {
            self.order.select_nth_unstable_by(room - 1, by_cost);
        }
        let must = least.saturating_sub(open);
        let exactly = must == room;
        let (mut taken, mut last_in) = (0, f64::NEG_INFINITY);
        let mut first_out = f64::INFINITY;
        for (at, &site) in self.order.iter().enumerate() {
            let value = reduced[site as usize];
            if at < room && (exactly || value < 0.0) {
                self.chosen[site as usize] = true;
                cost += value;
                taken += 1;
                last_in = last_in.max(value);
            } else {
                first_out = first_out.min(value);
            }
        }
        self.is_full = taken == room;
        if exactly {
            self.last_in = last_in;
            self.first_out = first_out;
        } else {
            // One more may open without another closing, unless the count is reached.
            self.last_in = if self.is_full { last_in.min(0.0) } else { 0.0 };
            self.first_out = if self.is_full {
                first_out.min(0.0)
            } else {
                0.0
            };
        }
        Some(cost)
    }

    /// Fixes every site whose other state has a bound above `cutoff`. The last call of `bound` returned `bound`.
    pub(crate) fn fix(&self, bound: f64, cutoff: f64, fixings: &mut [Fixing]) -> usize {
        let mut settled = 0;
        for (site, fixing) in fixings.iter_mut().enumerate() {
            if *fixing != Standing::Free {
                continue;
            }
            let reduced = self.reduced[site];
            if self.chosen[site] {
                if bound - reduced + self.first_out > cutoff {
                    *fixing = Standing::Required;
                    settled += 1;
                }
            } else if bound + reduced - self.last_in > cutoff {
                *fixing = Standing::Closed;
                settled += 1;
            }
        }
        settled
    }

    /// The sites chosen by the last bound.
    pub(crate) fn chosen(&self) -> Vec<usize> {
        (0..self.chosen.len())
            .filter(|&site| self.chosen[site])
            .collect()
    }

    /// Climbs from `prices`, fixing sites on the way. `cutoff` is the value above which a plan is of no interest, and
    /// `each` sees the relaxation after every improvement and may lower it.
    pub(crate) fn climb(
        &mut self,
        mut prices: Prices,
        fixings: &mut [Fixing],
        mut cutoff: f64,
        effort: Effort,
        stopped: &dyn Fn() -> bool,
        each: &mut dyn FnMut(&Self, f64, usize) -> Option<f64>,
    ) -> Climbed {
        let instance = self.instance;
        let mut best = Climbed {
            bound: f64::NEG_INFINITY,
            prices: prices.clone(),
            frequency: vec![0.0; instance.sites()],
            is_closed: false,
        };
        self.direction.fill(0.0);
        let (mut step, mut idle) = (effort.step, 0);
        let mut blend = 1.0_f64;
        for iteration in 0..effort.iterations {
            let Some(bound) = self.bound(&prices, fixings) else {
                best.is_closed = true;
                break;
            };
            blend = (blend * 0.9).max(0.08);
            for (frequency, &chosen) in best.frequency.iter_mut().zip(&self.chosen) {
                *frequency += blend * (f64::from(u8::from(chosen)) - *frequency);
            }
            if bound > best.bound {
                let progress = bound - best.bound > 1e-4 * (cutoff - best.bound).abs();
                best.bound = bound;
                best.prices.clone_from(&prices);
                if progress {
                    idle = 0;
                }
                if bound > cutoff {
                    best.is_closed = true;
                    break;
                }
            }
            self.fix(bound, cutoff, fixings);
            if let Some(lower) = each(self, bound, iteration) {
                cutoff = cutoff.min(lower);
                if best.bound > cutoff {
                    best.is_closed = true;
                    break;
                }
            }
            idle += 1;
            if idle > effort.patience {
                step *= 0.5;
                idle = 0;
                if step < 2e-3 {
                    break;
                }
                prices.clone_from(&best.prices);
                self.direction.fill(0.0);
                continue;
            }
            if stopped() {
                break;
            }
            if !self.step(&mut prices, step, cutoff - bound) {
                // No point is served twice or not at all: the chosen set is a plan of this value.
                break;
            }
        }
        best
    }

    /// One step along the smoothed subgradient; false where it is zero.
    fn step(&mut self, prices: &mut Prices, step: f64, distance: f64) -> bool {
        let instance = self.instance;
        let network = &instance.network;
        let mut norm = 0.0;
        for point in 0..instance.points() {
            let weight = instance.weight[point];
            if weight <= 0.0 {
                continue;
            }
            let unit = prices.unit[point];
            let (sites, distances) = network.reach(point);
            let mut served = 0_u32;
            for (&site, &distance) in sites.iter().zip(distances) {
                if distance >= unit {
                    break;
                }
                served += u32::from(self.chosen[site as usize]);
            }
            let slope = 1.0 - f64::from(served);
            // At the price of being served by none there is nothing to raise.
            let slope = if slope > 0.0 && unit >= instance.outside[point] {
                0.0
            } else {
                slope
            };
            let direction = &mut self.direction[point];
            *direction = slope + SMOOTHING * *direction;
            norm += weight * *direction * *direction;
        }
        let shares_move = self.move_shares(prices);
        if norm <= 0.0 {
            return shares_move;
        }
        let length = step * distance.max(1e-6 * distance.abs().max(1.0)) / norm;
        for point in 0..instance.points() {
            if instance.weight[point] > 0.0 {
                let nearest = network.reach(point).1.first().copied();
                let outside = instance.outside[point];
                let unit = &mut prices.unit[point];
                *unit = (*unit + length * self.direction[point])
                    .max(nearest.unwrap_or(outside).min(outside))
                    .min(outside);
            }
        }
        true
    }

    /// Moves a part of every share to the nearest chosen site, as in fictitious play.
    fn move_shares(&self, prices: &mut Prices) -> bool {
        const PART: f64 = 0.05;
        let mut moved = false;
        for share in &mut prices.shares {
            let network = &self.instance.network;
            let nearest = (network.row(share.point))
                .find(|&at| self.chosen[network.site_at(at)])
                .map(|at| (network.site_at(at), network.distance_at(at)))
                .filter(|(_, distance)| *distance < share.reach);
            let Some((site, distance)) = nearest else {
                continue;
            };
            if share.sites.len() == 1 && share.sites[0].0 == site && share.sites[0].2 >= 1.0 {
                continue;
            }
            moved = true;
            share.sites.retain_mut(|(_, _, part)| {
                *part *= 1.0 - PART;
                *part > 1e-3
            });
            match share.sites.iter_mut().find(|(other, _, _)| *other == site) {
                Some((_, _, part)) => *part += PART,
                None => share.sites.push((site, distance, PART)),
            }
        }
        moved
    }
}

/// How much of the last direction is kept.
const SMOOTHING: f64 = 0.6;

#[cfg(test)]
mod tests {
    use super::super::instance::random;
    use super::*;
    use crate::random::Random;

    const EFFORT: Effort = Effort {
        iterations: 200,
        patience: 15,
        step: 1.0,
    };

    #[test]
    fn no_bound_exceeds_the_optimum_and_most_come_near() {
        let mut random = Random::new(21);
        let (mut near, mut tried) = (0, 0);
        for _ in 0..200 {
            let instance = random::instance(&mut random, 12, 8);
            let Some(optimum) = random::enumerated(&instance) else {
                continue;
            };
            let mut fixings = instance.standing.clone();
            let from = Prices::at_plan(&instance, &[true; 8]);
            let mut relaxation = Relaxation::new(&instance);
            // A cutoff that no plan exceeds: nothing is fixed, and the bound holds for every plan.
            let climbed = relaxation.climb(
                from,
                &mut fixings,
                optimum + 1e-6 + optimum.abs(),
                EFFORT,
                &|| false,
                &mut |_, _, _| None,
            );
            assert!(
                climbed.bound <= optimum + 1e-7 * (1.0 + optimum.abs()),
                "{} exceeds {optimum}",
                climbed.bound
            );
            tried += 1;
            near += usize::from(climbed.bound >= optimum - 0.1 * optimum.abs() - 1.0);
        }
        assert!(tried > 100 && near * 4 >= tried * 3, "{near} of {tried}");
    }

    #[test]
    fn random_prices_bound_and_fixings_keep_an_optimal_plan() {
        let mut random = Random::new(22);
        for _ in 0..300 {
            let instance = random::instance(&mut random, 9, 7);
            let Some(optimum) = random::enumerated(&instance) else {
                continue;
            };
            let open: Vec<bool> = (0..7).map(|_| random.below(2) == 0).collect();
            let mut prices = Prices::at_plan(&instance, &open);
            for unit in &mut prices.unit {
                *unit *= 0.5 + random.unit();
            }
            let mut relaxation = Relaxation::new(&instance);
            let mut fixings = instance.standing.clone();
            // Unwrap safety: an instance with an optimum obeys its own standings.
            let bound = relaxation.bound(&prices, &fixings).unwrap();
            assert!(bound <= optimum + 1e-7 * (1.0 + optimum.abs()));
            relaxation.fix(bound, optimum + 1e-6, &mut fixings);
            let mut fixed = instance.clone();
            fixed.standing = fixings;
            // Unwrap safety: fixing at a cutoff above the optimum leaves an optimal plan.
            let left = random::enumerated(&fixed).unwrap();
            assert!((left - optimum).abs() < 1e-6);
        }
    }
}
