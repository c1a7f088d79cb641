//! Branch and bound on the sites that reduced costs left undecided: best bound first, several nodes at a time, each
//! climbed from its parent's prices. Nodes are merged in a fixed order, so that threads change nothing.

use super::instance::{Instance, Standing};
use super::lagrangean::{Climbed, Effort, Fixing, Prices, Relaxation};
use super::search::Found;
use super::{Cutoff, Improvement};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Nodes climbed at once.
const BATCH: usize = 4;
const EFFORT: Effort = Effort {
    iterations: 60,
    patience: 6,
    step: 0.6,
};

struct Node {
    bound: f64,
    number: usize,
    fixings: Vec<Fixing>,
    prices: Arc<Prices>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Node {}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Node {
    /// The lowest bound is greatest, the youngest among equals.
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .bound
            .total_cmp(&self.bound)
            .then(self.number.cmp(&other.number))
    }
}

/// How far the search came.
pub(super) struct Searched {
    /// A bound on every plan better than the cutoff; `None` where none is left.
    pub(super) bound: Option<f64>,
    pub(super) nodes: usize,
}

/// Searches below the root until nothing is left, `nodes` nodes are done, or it is stopped.
pub(super) fn search(
    instance: &Instance,
    root: &Climbed,
    fixings: &[Fixing],
    cutoff: &Cutoff,
    best: &mut Found,
    nodes: usize,
    improvement: &Improvement<'_>,
) -> Searched {
    let mut heap = BinaryHeap::new();
    let mut number = 0;
    push(&mut heap, &mut number, instance, root, fixings);
    let mut done = 0;
    let mut proven = root.bound;
    while !heap.is_empty() {
        if improvement.watch.is_stopped() || done >= nodes {
            break;
        }
        let limit = cutoff.of(best.value);
        let batch: Vec<Node> = std::iter::from_fn(|| heap.pop())
            .take(BATCH)
            .filter(|node| node.bound <= limit)
            .collect();
        let worked: Vec<_> = (batch.into_par_iter())
            .map(|node| work(instance, node, limit, improvement))
            .collect();
        done += worked.len();
        for (node, climbed, found) in worked {
            if let Some(found) = found.filter(|found| found.value < best.value) {
                *best = found;
                improvement.found(best);
            }
            if climbed.is_closed {
                continue;
            }
            push(&mut heap, &mut number, instance, &climbed, &node.fixings);
        }
        if let Some(lowest) = heap.peek() {
            proven = proven.max(lowest.bound.min(best.value));
            improvement.watch.bound(proven);
        }
    }
    let limit = cutoff.of(best.value);
    heap.retain(|node| node.bound <= limit);
    Searched {
        bound: heap.peek().map(|node| node.bound),
        nodes: done,
    }
}

/// Climbs a node and looks at the plans it meets.
fn work(
    instance: &Instance,
    mut node: Node,
    limit: f64,
    improvement: &Improvement<'_>,
) -> (Node, Climbed, Option<Found>) {
    let mut relaxation = Relaxation::new(instance);
    let mut found: Option<Found> = None;
    let mut climbed = relaxation.climb(
        (*node.prices).clone(),
        &mut node.fixings,
        limit,
        EFFORT,
        &|| improvement.watch.is_stopped(),
        &mut |_, _, _| None,
    );
    climbed.bound = climbed.bound.max(node.bound);
    let mut look = |open: &[bool]| {
        let value = instance.value(open);
        if value <= limit && found.as_ref().is_none_or(|found| value < found.value) {
            found = Some(Found {
                open: (0..open.len()).filter(|&site| open[site]).collect(),
                value,
            });
        }
    };
    if !climbed.is_closed {
        let chosen = relaxation.chosen();
        let mut open = vec![false; instance.sites()];
        for site in chosen {
            open[site] = true;
        }
        // The last set chosen may have been chosen before the last sites were settled.
        let allowed = (0..open.len()).all(|site| match node.fixings[site] {
            Standing::Required => open[site],
            Standing::Closed => !open[site],
            Standing::Free => true,
        });
        if allowed {
            look(&open);
        }
        if is_leaf(instance, &node.fixings) {
            let open: Vec<bool> = (node.fixings.iter())
                .map(|fixing| *fixing == Standing::Required)
                .collect();
            look(&open);
            climbed.is_closed = true;
        }
    }
    (node, climbed, found)
}

/// Whether the fixings leave one plan at most.
fn is_leaf(instance: &Instance, fixings: &[Fixing]) -> bool {
    let open = fixings
        .iter()
        .filter(|fixing| **fixing == Standing::Required)
        .count();
    open >= instance.count.most(instance.sites()) || !fixings.contains(&Standing::Free)
}

/// Adds both children of a node, split at the site the relaxation is least sure about.
fn push(
    heap: &mut BinaryHeap<Node>,
    number: &mut usize,
    instance: &Instance,
    climbed: &Climbed,
    fixings: &[Fixing],
) {
    let prices = Arc::new(climbed.prices.clone());
    let split = (0..instance.sites())
        .filter(|&site| fixings[site] == Standing::Free)
        .min_by(|&a, &b| {
            let doubt = |site: usize| (climbed.frequency[site] - 0.5).abs();
            doubt(a).total_cmp(&doubt(b))
        });
    let Some(split) = split else {
        // Everything is settled but not looked at: one child that is a leaf.
        *number += 1;
        heap.push(Node {
            bound: climbed.bound,
            number: *number,
            fixings: fixings.to_vec(),
            prices,
        });
        return;
    };
    for state in [Standing::Closed, Standing::Required] {
        let mut fixings = fixings.to_vec();
        fixings[split] = state;
        *number += 1;
        heap.push(Node {
            bound: climbed.bound,
            number: *number,
            fixings,
            prices: Arc::clone(&prices),
        });
    }
}
