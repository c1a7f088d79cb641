//! Local search by opening, closing and swapping sites, with the bookkeeping of Resende and Werneck (2007), "A fast
//! swap-based local search procedure for location problems": what each pair of moves is worth is kept up to date
//! instead of being recomputed, and a point touches only the sites nearer than its second nearest open one.

use super::instance::{Count, Instance, Standing};

const NONE: u32 = u32::MAX;

/// A set of open sites, with what every move from it is worth.
#[derive(Clone)]
pub(crate) struct Interchange<'a> {
    instance: &'a Instance,
    /// Open sites; a slot keeps its index while its site is swapped for another.
    slots: Vec<u32>,
    /// The slot of each site, or `NONE`.
    slot_of: Vec<u32>,
    /// Of each point: entries of its nearest and second nearest open site; the row's end where there is none.
    nearest: Vec<u32>,
    second: Vec<u32>,
    /// What opening a site saves with all others staying.
    gain: Vec<f64>,
    /// What closing a slot's site costs with all others staying.
    loss: Vec<f64>,
    /// What of the loss of a slot and the gain of a site does not add up; by slot, then site.
    extra: Vec<Vec<f64>>,
    marked: Vec<bool>,
    net: Vec<f64>,
    value: f64,
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Open(usize),
    Close(usize),
    Swap { out: usize, site: usize },
}

impl<'a> Interchange<'a> {
    pub(crate) fn new(instance: &'a Instance, open: &[usize]) -> Self {
        let (points, sites) = (instance.points(), instance.sites());
        let mut this = Self {
            instance,
            slots: open.iter().map(|&site| site as u32).collect(),
            slot_of: vec![NONE; sites],
            nearest: vec![0; points],
            second: vec![0; points],
            gain: vec![0.0; sites],
            loss: vec![0.0; open.len()],
            extra: vec![vec![0.0; sites]; open.len()],
            marked: vec![false; points],
            net: vec![0.0; sites],
            value: 0.0,
        };
        for (slot, &site) in open.iter().enumerate() {
            this.slot_of[site] = slot as u32;
        }
        for point in 0..points {
            let row = instance.network.row(point);
            this.nearest[point] = this.next_open(point, row.start);
            this.second[point] = this.next_open(point, this.nearest[point] as usize + 1);
            this.count(point, 1.0);
        }
        this.value = this.recomputed();
        this
    }

    /// The objective of the open sites.
    pub(crate) fn value(&self) -> f64 {
        self.value
    }

    /// Open sites in ascending order.
    pub(crate) fn open(&self) -> Vec<usize> {
        let mut open: Vec<usize> = self.slots.iter().map(|&site| site as usize).collect();
        open.sort_unstable();
        open
    }

    pub(crate) fn is_open(&self, site: usize) -> bool {
        self.slot_of[site] != NONE
    }

    fn recomputed(&self) -> f64 {
        let service: f64 = (0..self.instance.points())
            .map(|point| self.instance.weight[point] * self.at(point, self.nearest[point]))
            .sum();
        let fixed: f64 = (self.slots.iter())
            .map(|&site| self.instance.fixed[site as usize])
            .sum();
        service + fixed
    }

    /// The first open entry of a point's row from `from` on.
    #[inline]
    fn next_open(&self, point: usize, from: usize) -> u32 {
        let end = self.instance.network.row(point).end;
        (from.min(end)..end)
            .find(|&at| self.slot_of[self.instance.network.site_at(at)] != NONE)
            .unwrap_or(end) as u32
    }

    /// The distance of an entry of a point, where the row's end stands for no site.
    #[inline]
    fn at(&self, point: usize, entry: u32) -> f64 {
        let row = self.instance.network.row(point);
        let outside = self.instance.outside[point];
        if (entry as usize) < row.end {
            self.instance
                .network
                .distance_at(entry as usize)
                .min(outside)
        } else {
            outside
        }
    }

    /// Adds (`sign` 1) or takes away (-1) what a point contributes to gains, losses and extras.
    #[inline]
    fn count(&mut self, point: usize, sign: f64) {
        let network = &self.instance.network;
        let row = network.row(point);
        let weight = sign * self.instance.weight[point];
        let first = self.at(point, self.nearest[point]);
        if self.nearest[point] as usize == row.end {
            for at in row {
                let distance = network.distance_at(at);
                if distance >= first {
                    break;
                }
                self.gain[network.site_at(at)] += weight * (first - distance);
            }
            return;
        }
        let slot = self.slot_of[network.site_at(self.nearest[point] as usize)] as usize;
        let second = self.at(point, self.second[point]);
        self.loss[slot] += weight * (second - first);
        let extra = &mut self.extra[slot];
        for at in row {
            let distance = network.distance_at(at);
            if distance >= second {
                break;
            }
            let site = network.site_at(at);
            if distance < first {
                self.gain[site] += weight * (first - distance);
                extra[site] += weight * (second - first);
            } else {
                extra[site] += weight * (second - distance);
            }
        }
    }

    /// Opens and closes sites. At least one of both is given.
    fn exchange(&mut self, out: Option<usize>, site: Option<usize>) {
        let instance = self.instance;
        let network = &instance.network;
        let mut touched: Vec<u32> = Vec::new();
        if let Some(out) = out {
            for &(point, at) in network.column(out) {
                let i = point as usize;
                if at == self.nearest[i] || at == self.second[i] {
                    self.count(i, -1.0);
                    self.marked[i] = true;
                    touched.push(point);
                }
            }
        }
        if let Some(site) = site {
            for &(point, at) in network.column(site) {
                let i = point as usize;
                if at < self.second[i] && !self.marked[i] {
                    self.count(i, -1.0);
                    self.marked[i] = true;
                    touched.push(point);
                }
            }
        }
        match (out, site) {
            (Some(out), Some(site)) => {
                let slot = self.slot_of[out];
                self.slot_of[out] = NONE;
                self.slot_of[site] = slot;
                self.slots[slot as usize] = site as u32;
                self.clear(slot as usize);
            }
            (None, Some(site)) => {
                self.slot_of[site] = self.slots.len() as u32;
                self.slots.push(site as u32);
                self.loss.push(0.0);
                self.extra.push(vec![0.0; instance.sites()]);
            }
            (Some(out), None) => {
                let slot = self.slot_of[out] as usize;
                self.slot_of[out] = NONE;
                self.slots.swap_remove(slot);
                self.loss.swap_remove(slot);
                self.extra.swap_remove(slot);
                if let Some(&moved) = self.slots.get(slot) {
                    self.slot_of[moved as usize] = slot as u32;
                }
            }
            (None, None) => return,
        }
        if let Some(out) = out {
            for &(point, at) in network.column(out) {
                let i = point as usize;
                if at == self.nearest[i] {
                    self.nearest[i] = self.second[i];
                    self.second[i] = self.next_open(i, self.second[i] as usize + 1);
                } else if at == self.second[i] {
                    self.second[i] = self.next_open(i, at as usize + 1);
                }
            }
        }
        if let Some(site) = site {
            for &(point, at) in network.column(site) {
                let i = point as usize;
                if at < self.nearest[i] {
                    self.second[i] = self.nearest[i];
                    self.nearest[i] = at;
                } else if at > self.nearest[i] && at < self.second[i] {
                    self.second[i] = at;
                }
            }
        }
        for point in touched {
            self.marked[point as usize] = false;
            self.count(point as usize, 1.0);
        }
    }

    /// What is left of rounding errors in a slot that no point is nearest to.
    fn clear(&mut self, slot: usize) {
        self.loss[slot] = 0.0;
        self.extra[slot].fill(0.0);
    }

    fn is_required(&self, site: usize) -> bool {
        self.instance.standing[site] == Standing::Required
    }

    /// The move that saves most and what it saves.
    fn best_move(&mut self) -> (Option<Move>, f64) {
        let instance = self.instance;
        for site in 0..instance.sites() {
            let blocked = self.slot_of[site] != NONE || instance.standing[site] == Standing::Closed;
            self.net[site] = if blocked {
                f64::NEG_INFINITY
            } else {
                self.gain[site] - instance.fixed[site]
            };
        }
        let (mut best, mut saved) = (None, 0.0);
        let open = self.slots.len();
        if !matches!(instance.count, Count::Exactly(_)) {
            if open < instance.count.most(instance.sites()) {
                for (site, &net) in self.net.iter().enumerate() {
                    if net > saved {
                        (best, saved) = (Some(Move::Open(site)), net);
                    }
                }
            }
            for slot in 0..open {
                let site = self.slots[slot] as usize;
                let save = instance.fixed[site] - self.loss[slot];
                if save > saved && !self.is_required(site) {
                    (best, saved) = (Some(Move::Close(site)), save);
                }
            }
        }
        for slot in 0..open {
            let out = self.slots[slot] as usize;
            if self.is_required(out) {
                continue;
            }
            let base = instance.fixed[out] - self.loss[slot];
            let mut most = f64::NEG_INFINITY;
            for (net, extra) in self.net.iter().zip(&self.extra[slot]) {
                most = most.max(net + extra);
            }
            if base + most > saved {
                saved = base + most;
                let site = (self.net.iter().zip(&self.extra[slot]))
                    .position(|(net, extra)| net + extra == most)
                    .unwrap_or(0);
                best = Some(Move::Swap { out, site });
            }
        }
        (best, saved)
    }

    /// Opens the site that saves most, again and again, until the count is met and no other saves anything, or as many are open as may be.
    pub(crate) fn open_greedily(&mut self) {
        let instance = self.instance;
        while self.slots.len() < instance.count.most(instance.sites()) {
            let best = (0..instance.sites())
                .filter(|&site| instance.standing[site] == Standing::Free && !self.is_open(site))
                .map(|site| (self.gain[site] - instance.fixed[site], site))
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            let Some((saved, site)) = best else { break };
            if saved <= 0.0 && self.slots.len() >= instance.count.least() {
                break;
            }
            self.exchange(None, Some(site));
        }
        self.value = self.recomputed();
    }

    /// Makes the best move until none improves the objective.
    pub(crate) fn descend(&mut self, stopped: &dyn Fn() -> bool) {
        loop {
            // Sums kept up to date carry rounding errors; a move must gain more than those.
            let floor = 1e-9 * (1.0 + self.value.abs());
            let (Some(best), saved) = self.best_move() else {
                return;
            };
            if saved <= floor || stopped() {
                return;
            }
            let before = self.value;
            match best {
                Move::Open(site) => self.exchange(None, Some(site)),
                Move::Close(out) => self.exchange(Some(out), None),
                Move::Swap { out, site } => self.exchange(Some(out), Some(site)),
            }
            self.value = self.recomputed();
            if self.value >= before {
                return;
            }
        }
    }

    /// Swaps `out` for `site` whatever it costs.
    pub(crate) fn swap(&mut self, out: usize, site: usize) {
        self.exchange(Some(out), Some(site));
        self.value = self.recomputed();
    }

    /// Opens exactly `open`.
    pub(crate) fn go_to(&mut self, open: &[usize]) {
        let wanted: std::collections::BTreeSet<usize> = open.iter().copied().collect();
        let outs: Vec<usize> = (self.open().into_iter())
            .filter(|site| !wanted.contains(site))
            .collect();
        let ins: Vec<usize> = (wanted.into_iter())
            .filter(|&site| !self.is_open(site))
            .collect();
        for at in 0..outs.len().max(ins.len()) {
            self.exchange(outs.get(at).copied(), ins.get(at).copied());
        }
        self.value = self.recomputed();
    }
}

#[cfg(test)]
mod tests {
    use super::super::instance::random;
    use super::*;
    use crate::random::Random;

    fn marks(instance: &Instance, open: &[usize]) -> Vec<bool> {
        (0..instance.sites())
            .map(|site| open.contains(&site))
            .collect()
    }

    #[test]
    fn every_move_is_worth_what_the_objective_says() {
        let mut random = Random::new(11);
        for _ in 0..60 {
            let instance = random::instance(&mut random, 14, 9);
            let mut search = Interchange::new(&instance, &[0, 3, 5]);
            for _ in 0..12 {
                let open = search.open();
                let value = instance.value(&marks(&instance, &open));
                assert!((search.value() - value).abs() < 1e-9 * (1.0 + value.abs()));
                for (slot, &out) in search.slots.clone().iter().enumerate() {
                    for site in (0..9).filter(|site| !open.contains(site)) {
                        let mut swapped = marks(&instance, &open);
                        swapped[out as usize] = false;
                        swapped[site] = true;
                        let kept = search.gain[site] - instance.fixed[site]
                            + instance.fixed[out as usize]
                            - search.loss[slot]
                            + search.extra[slot][site];
                        let real = value - instance.value(&swapped);
                        assert!((kept - real).abs() < 1e-6, "{kept} is not {real}");
                    }
                }
                let out = open[random.below(open.len())];
                let closed: Vec<usize> = (0..9).filter(|site| !open.contains(site)).collect();
                match random.below(3) {
                    0 if open.len() > 2 => search.exchange(Some(out), None),
                    1 if open.len() < 6 => {
                        search.exchange(None, Some(closed[random.below(closed.len())]));
                    }
                    _ => search.exchange(Some(out), Some(closed[random.below(closed.len())])),
                }
                search.value = search.recomputed();
            }
        }
    }

    #[test]
    fn each_site_opened_greedily_saves_at_least_as_much_as_any_other_would() {
        let mut random = Random::new(13);
        for _ in 0..60 {
            let mut instance = random::instance(&mut random, 14, 9);
            instance.standing = vec![Standing::Free; 9];
            let mut open: Vec<usize> = Vec::new();
            for most in 1..=6 {
                instance.count = Count::Exactly(most);
                let mut search = Interchange::new(&instance, &[]);
                search.open_greedily();
                let now = search.open();
                assert_eq!(now.len(), most);
                assert!(open.iter().all(|site| now.contains(site)));
                let value = instance.value(&marks(&instance, &now));
                assert!((search.value() - value).abs() < 1e-9 * (1.0 + value.abs()));
                for site in (0..9).filter(|site| !open.contains(site)) {
                    let mut other = marks(&instance, &open);
                    other[site] = true;
                    assert!(instance.value(&other) >= value - 1e-6);
                }
                open = now;
            }
        }
    }

    #[test]
    fn a_descent_ends_where_no_single_move_improves() {
        let mut random = Random::new(12);
        for _ in 0..40 {
            let mut instance = random::instance(&mut random, 12, 8);
            instance.count = Count::Exactly(3);
            instance.standing = vec![Standing::Free; 8];
            let mut search = Interchange::new(&instance, &[0, 1, 2]);
            search.descend(&|| false);
            let open = search.open();
            assert_eq!(open.len(), 3);
            for &out in &open {
                for site in (0..8).filter(|site| !open.contains(site)) {
                    let mut other = marks(&instance, &open);
                    other[out] = false;
                    other[site] = true;
                    assert!(instance.value(&other) >= search.value() - 1e-6);
                }
            }
        }
    }
}
