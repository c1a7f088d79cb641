//! A problem of the p-median family on a network: p-median, uncapacitated warehouse location, maximal covering with
//! partial coverage. It defines the objective that every other module must agree with.

use super::network::Network;
use std::sync::Arc;

/// What may be done with a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The plan decides.
    Free,
    /// Open in every plan.
    Required,
    /// Open in no plan.
    Closed,
}

/// How many sites a plan opens, required ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Exactly so many.
    Exactly(usize),
    /// At most so many.
    AtMost(usize),
    /// As many as pay.
    Any,
}

impl Count {
    pub(crate) fn most(self, sites: usize) -> usize {
        match self {
            Count::Exactly(p) | Count::AtMost(p) => p.min(sites),
            Count::Any => sites,
        }
    }

    pub(crate) fn least(self) -> usize {
        match self {
            Count::Exactly(p) => p,
            Count::AtMost(_) | Count::Any => 0,
        }
    }
}

/// Minimise, over sets S of open sites, the sum of `weight[i] * min(outside[i], nearest distance of i to S)` over
/// points and of `fixed[j]` over S.
///
/// Weights may be negative, as unclipped noisy demand is: a point is served by its **nearest** open site whatever its
/// weight's sign, so errors of noise cancel in sums instead of being rectified into demand that is not there.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Who reaches what.
    pub network: Arc<Network>,
    /// Demand of each point.
    pub weight: Vec<f64>,
    /// What being served by no site costs per unit of demand; never less than the distances of the row that count.
    pub outside: Vec<f64>,
    /// Cost of opening each site.
    pub fixed: Vec<f64>,
    /// What may be done with each site.
    pub standing: Vec<Standing>,
    /// How many may open.
    pub count: Count,
}

impl Instance {
    /// How many sites there are.
    pub fn sites(&self) -> usize {
        self.network.sites()
    }

    /// How many points there are.
    pub fn points(&self) -> usize {
        self.network.points()
    }

    /// Whether required sites, allowed sites and the count can be met together.
    pub fn is_consistent(&self) -> bool {
        let required = self.having(Standing::Required);
        let allowed = self.sites() - self.having(Standing::Closed);
        required <= self.count.most(self.sites())
            && self.count.least() <= allowed
            && match self.count {
                Count::Exactly(p) => p <= self.sites(),
                _ => true,
            }
    }

    fn having(&self, standing: Standing) -> usize {
        self.standing.iter().filter(|s| **s == standing).count()
    }

    /// The objective of opening the sites marked in `open`.
    pub fn value(&self, open: &[bool]) -> f64 {
        let service: f64 = (0..self.points())
            .map(|point| self.weight[point] * self.served_at(point, open))
            .sum();
        let fixed: f64 = (0..self.sites())
            .filter(|&site| open[site])
            .map(|site| self.fixed[site])
            .sum();
        service + fixed
    }

    /// The distance at which a point is served.
    pub fn served_at(&self, point: usize, open: &[bool]) -> f64 {
        match self.nearest(point, open) {
            Some((_, distance)) => distance.min(self.outside[point]),
            None => self.outside[point],
        }
    }

    /// The nearest open site of a point and its distance.
    pub fn nearest(&self, point: usize, open: &[bool]) -> Option<(usize, f64)> {
        (self.network.row(point))
            .find(|&at| open[self.network.site_at(at)])
            .map(|at| (self.network.site_at(at), self.network.distance_at(at)))
    }

    /// Whether every objective is a whole number, so that bounds may be rounded up.
    pub(crate) fn is_whole(&self) -> bool {
        // Beyond this, sums of whole numbers are no longer exact.
        const LARGEST: f64 = 1e9;
        let whole = |x: f64| x.fract() == 0.0 && x.abs() < LARGEST;
        self.fixed.iter().all(|&f| whole(f))
            && (0..self.points()).all(|point| {
                let weight = self.weight[point];
                whole(weight * self.outside[point])
                    && (self.network.reach(point).1.iter()).all(|&d| whole(weight * d))
            })
    }

    /// The same problem with points that every plan serves alike added up. Points without weight leave.
    pub(crate) fn merged(&self) -> Self {
        self.merged_from().0
    }

    /// [`Self::merged`], and which points each of its points stands for.
    pub(crate) fn merged_from(&self) -> (Self, Vec<Vec<usize>>) {
        let alike = self.network.alike(&self.outside);
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.points()];
        for (point, &first) in alike.iter().enumerate() {
            members[first].push(point);
        }
        let weight_of = |group: &[usize]| group.iter().map(|&at| self.weight[at]).sum::<f64>();
        let groups: Vec<Vec<usize>> = (members.into_iter())
            .filter(|group| weight_of(group) != 0.0)
            .collect();
        if groups.len() == self.points() {
            return (self.clone(), groups);
        }
        let kept: Vec<usize> = groups.iter().map(|group| group[0]).collect();
        let merged = Self {
            network: Arc::new(self.network.of_points(&kept)),
            weight: groups.iter().map(|group| weight_of(group)).collect(),
            outside: kept.iter().map(|&point| self.outside[point]).collect(),
            fixed: self.fixed.clone(),
            standing: self.standing.clone(),
            count: self.count,
        };
        (merged, groups)
    }
}

#[cfg(test)]
pub(crate) mod random {
    //! Small random problems, and their optima by enumeration.

    use super::*;
    use crate::random::Random;

    /// A problem of at most `sites` sites, with negative weights, absent pairs, and sites required and closed.
    pub(crate) fn instance(random: &mut Random, points: usize, sites: usize) -> Instance {
        let whole = random.below(2) == 0;
        let number = |from: f64, to: f64, random: &mut Random| {
            let x = from + (to - from) * random.unit();
            if whole { x.round() } else { x }
        };
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); points];
        for row in &mut rows {
            for site in 0..sites as u32 {
                if random.below(5) > 0 {
                    row.push((site, number(0.0, 40.0, random)));
                }
            }
        }
        let weight: Vec<f64> = (0..points).map(|_| number(-6.0, 25.0, random)).collect();
        let fixed_costs = random.below(2) == 0;
        let fixed = (0..sites)
            .map(|_| {
                if fixed_costs {
                    number(0.0, 120.0, random)
                } else {
                    0.0
                }
            })
            .collect();
        let standing = (0..sites)
            .map(|_| match random.below(10) {
                0 => Standing::Required,
                1 => Standing::Closed,
                _ => Standing::Free,
            })
            .collect();
        let p = 2 + random.below(sites / 2);
        let count = match random.below(3) {
            0 => Count::Exactly(p),
            1 => Count::AtMost(p),
            _ => Count::Any,
        };
        Instance {
            network: Arc::new(Network::new(sites, rows)),
            weight,
            outside: vec![45.0; points],
            fixed,
            standing,
            count,
        }
    }

    /// The least objective over all sets, if any set is allowed.
    pub(crate) fn enumerated(instance: &Instance) -> Option<f64> {
        let sites = instance.sites();
        (0_u32..1 << sites)
            .filter_map(|set| {
                let open: Vec<bool> = (0..sites).map(|site| set >> site & 1 == 1).collect();
                let size = set.count_ones() as usize;
                let allowed = match instance.count {
                    Count::Exactly(p) => size == p,
                    Count::AtMost(p) => size <= p,
                    Count::Any => true,
                } && (0..sites).all(|site| match instance.standing[site] {
                    Standing::Free => true,
                    Standing::Required => open[site],
                    Standing::Closed => !open[site],
                });
                allowed.then(|| instance.value(&open))
            })
            .min_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn merging_alike_points_changes_no_objective() {
        let rows = vec![vec![(0, 0.0)], vec![(0, 0.0), (1, 0.0)], vec![(0, 0.0)]];
        let instance = Instance {
            network: Arc::new(Network::new(2, rows)),
            weight: vec![3.0, 4.0, -1.0],
            outside: vec![1.0; 3],
            fixed: vec![0.0; 2],
            standing: vec![Standing::Free; 2],
            count: Count::Exactly(1),
        };
        let merged = instance.merged();
        assert_eq!(merged.points(), 2);
        for open in [[true, false], [false, true], [true, true]] {
            assert_eq!(merged.value(&open), instance.value(&open));
        }
    }

    #[test]
    fn a_negative_weight_is_served_by_the_nearest_site_too() {
        let instance = Instance {
            network: Arc::new(Network::new(2, vec![vec![(0, 1.0), (1, 8.0)]])),
            weight: vec![-2.0],
            outside: vec![9.0],
            fixed: vec![0.0; 2],
            standing: vec![Standing::Free; 2],
            count: Count::Any,
        };
        assert_eq!(instance.value(&[true, true]), -2.0);
        assert_eq!(instance.value(&[false, true]), -16.0);
        assert_eq!(random::enumerated(&instance), Some(-18.0));
    }

    #[test]
    fn impossible_counts_are_inconsistent() {
        let mut instance = random::instance(&mut Random::new(1), 3, 4);
        instance.standing = vec![Standing::Required; 4];
        instance.count = Count::AtMost(3);
        assert!(!instance.is_consistent());
        instance.count = Count::Exactly(5);
        assert!(!instance.is_consistent());
        instance.count = Count::Exactly(4);
        assert!(instance.is_consistent());
    }
}
