//! Complete subtrees: what of a log is stored so that its old roots and its proofs cost a few hashes, not all leaves.
//! A plan names the subtrees it needs; the caller fetches them and hands them in, so nothing here reads a store.

use crate::AuditError;
use crate::merkle::{Hash, node_hash, root, split};

/// The subtree over the leaves `position * 2^level` to, but without, `(position + 1) * 2^level`. At level 0 it is a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subtree {
    /// Base-2 logarithm of its number of leaves.
    pub level: u8,
    /// Its place among the subtrees of its level, from the left.
    pub position: u64,
}

/// Number of complete subtrees of more than one leaf in a tree of `size` leaves.
pub fn inner_subtrees(size: u64) -> u64 {
    size - u64::from(size.count_ones())
}

/// The hashes of a proof, each by the complete subtrees it is made of. A plan over `size` leaves names at most two
/// subtrees for each bit of `size`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofPlan {
    parts: Vec<Vec<Subtree>>,
}

impl ProofPlan {
    /// The root over the first `size` leaves: one hash.
    pub fn root(size: u64) -> ProofPlan {
        ProofPlan {
            parts: vec![cover(0, size)],
        }
    }

    /// The path of [`crate::inclusion_proof`].
    ///
    /// # Errors
    /// [`AuditError::OutOfRange`] if there is no such leaf.
    pub fn inclusion(index: u64, size: u64) -> Result<ProofPlan, AuditError> {
        if index >= size {
            return Err(AuditError::OutOfRange);
        }
        let (mut first, mut end) = (0, size);
        let mut parts = Vec::new();
        while end - first > 1 {
            let middle = first + split(end - first);
            if index < middle {
                parts.push(cover(middle, end));
                end = middle;
            } else {
                parts.push(cover(first, middle));
                first = middle;
            }
        }
        parts.reverse();
        Ok(ProofPlan { parts })
    }

    /// The proof of [`crate::consistency_proof`].
    ///
    /// # Errors
    /// [`AuditError::OutOfRange`] if `from` is more than `size`.
    pub fn consistency(from: u64, size: u64) -> Result<ProofPlan, AuditError> {
        if from > size {
            return Err(AuditError::OutOfRange);
        }
        let mut parts = Vec::new();
        if from == 0 || from == size {
            return Ok(ProofPlan { parts });
        }
        // As in `consistency_proof`: `known` says that the old root is itself a subtree of the new tree here.
        let (mut first, mut end, mut known) = (0, size, true);
        while from < end {
            let middle = first + split(end - first);
            if from <= middle {
                parts.push(cover(middle, end));
                end = middle;
            } else {
                parts.push(cover(first, middle));
                first = middle;
                known = false;
            }
        }
        if !known {
            parts.push(cover(first, end));
        }
        parts.reverse();
        Ok(ProofPlan { parts })
    }

    /// Every subtree that is needed.
    pub fn subtrees(&self) -> impl Iterator<Item = Subtree> + '_ {
        self.parts.iter().flatten().copied()
    }

    /// The proof's hashes, from those of the subtrees.
    ///
    /// # Errors
    /// [`AuditError::OutOfRange`] where `hash_of` knows none: the log is shorter.
    pub fn resolve(
        &self,
        hash_of: impl Fn(Subtree) -> Option<Hash>,
    ) -> Result<Vec<Hash>, AuditError> {
        let join = |part: &Vec<Subtree>| {
            let mut joined: Option<Hash> = None;
            for subtree in part.iter().rev() {
                let left = hash_of(*subtree).ok_or(AuditError::OutOfRange)?;
                joined = Some(match joined {
                    Some(right) => node_hash(&left, &right),
                    None => left,
                });
            }
            Ok(joined.unwrap_or_else(|| root(&[])))
        };
        self.parts.iter().map(join).collect()
    }
}

/// The complete subtrees over the leaves from `first` to `end`, left to right. Ranges of RFC 6962 begin where a subtree
/// as large as they are may begin, so each subtree is the largest that fits.
fn cover(mut first: u64, end: u64) -> Vec<Subtree> {
    let mut subtrees = Vec::new();
    while first < end {
        let fits = (end - first).ilog2();
        let level = fits.min(first.trailing_zeros());
        subtrees.push(Subtree {
            // A logarithm of 64 bits fits eight.
            level: level as u8,
            position: first >> level,
        });
        first += 1 << level;
    }
    subtrees
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{Tree, leaf_hash};
    use crate::proof::{consistency_proof, inclusion_proof};
    use std::collections::BTreeMap;

    /// Every proof of every tree of up to 70 leaves, planned from stored subtrees, is the one made from all leaves; no plan
    /// needs more than two subtrees a level.
    #[test]
    fn planned_proofs_equal_those_made_from_all_leaves() {
        let all: Vec<Hash> = (0..70u64).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let (mut tree, mut stored) = (Tree::default(), BTreeMap::new());
        for size in 0..=all.len() {
            let leaves = &all[..size];
            let resolve = |plan: ProofPlan| {
                assert!(plan.subtrees().count() <= 2 * 7, "{plan:?}");
                plan.resolve(|subtree| match subtree.level {
                    0 => leaves.get(subtree.position as usize).copied(),
                    _ => stored.get(&subtree).copied(),
                })
                .unwrap()
            };
            let count = size as u64;
            assert_eq!(stored.len() as u64, inner_subtrees(count));
            assert_eq!(resolve(ProofPlan::root(count)), [root(leaves)]);
            for index in 0..size {
                let planned = resolve(ProofPlan::inclusion(index as u64, count).unwrap());
                assert_eq!(planned, inclusion_proof(leaves, index).unwrap());
            }
            for from in 0..=size {
                let planned = resolve(ProofPlan::consistency(from as u64, count).unwrap());
                assert_eq!(planned, consistency_proof(leaves, from).unwrap());
            }
            if let Some(leaf) = all.get(size) {
                stored.extend(tree.grow(*leaf));
            }
        }
    }

    #[test]
    fn what_a_log_does_not_hold_is_out_of_range() {
        assert_eq!(ProofPlan::inclusion(3, 3), Err(AuditError::OutOfRange));
        assert_eq!(ProofPlan::consistency(4, 3), Err(AuditError::OutOfRange));
        assert_eq!(
            ProofPlan::root(3).resolve(|_| None),
            Err(AuditError::OutOfRange)
        );
    }
}
