//! Inclusion and consistency proofs of RFC 6962, made from leaf hashes and checked without them.
//! Verification follows RFC 9162 sections 2.1.3.2 and 2.1.4.2 and accepts no proof with a hash too few or too many.

use crate::AuditError;
use crate::merkle::{Hash, node_hash, root, split};

/// The path from leaf `index` to the root over `leaves`, from the bottom up.
///
/// # Errors
/// [`AuditError::OutOfRange`] if there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Result<Vec<Hash>, AuditError> {
    if index >= leaves.len() {
        return Err(AuditError::OutOfRange);
    }
    let mut path = Vec::new();
    let (mut leaves, mut index) = (leaves, index);
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
        if index < left.len() {
            path.push(root(right));
            leaves = left;
        } else {
            path.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    path.reverse();
    Ok(path)
}

/// Checks that `leaf` is at `index` of the tree with `size` leaves and root `expected`.
///
/// # Errors
/// [`AuditError::OutOfRange`] if the tree has no such index, [`AuditError::BadProof`] if the path does not fit.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    expected: &Hash,
) -> Result<(), AuditError> {
    if index >= size {
        return Err(AuditError::OutOfRange);
    }
    let (mut position, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return Err(AuditError::BadProof);
        }
        if position & 1 == 1 || position == last {
            hash = node_hash(sibling, &hash);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == *expected {
        Ok(())
    } else {
        Err(AuditError::BadProof)
    }
}

/// Proof that the tree over all of `leaves` extends the tree over the first `from` of them. Empty when `from`
/// is zero or the whole.
///
/// # Errors
/// [`AuditError::OutOfRange`] if there are fewer than `from` leaves.
pub fn consistency_proof(leaves: &[Hash], from: usize) -> Result<Vec<Hash>, AuditError> {
    if from > leaves.len() {
        return Err(AuditError::OutOfRange);
    }
    let mut proof = Vec::new();
    if from == 0 || from == leaves.len() {
        return Ok(proof);
    }
    // RFC 6962 section 2.1.2: `known` says that the old root is itself a subtree of the new tree here.
    let (mut leaves, mut from, mut known) = (leaves, from, true);
    while from < leaves.len() {
        let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
        if from <= left.len() {
            proof.push(root(right));
            leaves = left;
        } else {
            proof.push(root(left));
            from -= left.len();
            leaves = right;
            known = false;
        }
    }
    if !known {
        proof.push(root(leaves));
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that the tree of `size` leaves with root `new` extends the tree of `from` leaves with root `old`.
/// Every tree extends the empty one, whose root must be the hash of nothing.
///
/// # Errors
/// [`AuditError::OutOfRange`] if the tree shrank, [`AuditError::BadProof`] if the proof does not fit: the log
/// was rewritten or forked.
pub fn verify_consistency(
    from: u64,
    old: &Hash,
    size: u64,
    new: &Hash,
    proof: &[Hash],
) -> Result<(), AuditError> {
    if from > size {
        return Err(AuditError::OutOfRange);
    }
    let fits = |fits: bool| {
        if fits {
            Ok(())
        } else {
            Err(AuditError::BadProof)
        }
    };
    if from == 0 {
        return fits(proof.is_empty() && *old == root(&[]) && (size > 0 || new == old));
    }
    if from == size {
        return fits(proof.is_empty() && old == new);
    }
    // When the old size is a power of two, its root is a node of the new tree and the proof leaves it out.
    let (first, rest) = if from.is_power_of_two() {
        (old, proof)
    } else {
        proof.split_first().ok_or(AuditError::BadProof)?
    };
    let (mut position, mut last) = (from - 1, size - 1);
    while position & 1 == 1 {
        position >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(AuditError::BadProof);
        }
        if position & 1 == 1 || position == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    fits(last == 0 && old_hash == *old && new_hash == *new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::tests::{hash, reference_leaves};
    use crate::merkle::{leaf_hash, root};
    use proptest::prelude::*;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count as u64)
            .map(|i| leaf_hash(&i.to_be_bytes()))
            .collect()
    }

    #[test]
    fn proofs_equal_the_reference_vectors_of_certificate_transparency() {
        let leaves = reference_leaves();
        let check_inclusion = |index: usize, size: usize, expected: &[&str]| {
            let expected: Vec<Hash> = expected.iter().map(|text| hash(text)).collect();
            assert_eq!(
                inclusion_proof(&leaves[..size], index).unwrap(),
                expected,
                "{index} of {size}"
            );
        };
        check_inclusion(0, 1, &[]);
        check_inclusion(
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        );
        check_inclusion(
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        );
        check_inclusion(
            2,
            3,
            &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
        );

        let check_consistency = |from: usize, size: usize, expected: &[&str]| {
            let expected: Vec<Hash> = expected.iter().map(|text| hash(text)).collect();
            assert_eq!(
                consistency_proof(&leaves[..size], from).unwrap(),
                expected,
                "{from} to {size}"
            );
        };
        check_consistency(1, 1, &[]);
        check_consistency(
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        );
        check_consistency(
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        );
    }

    #[test]
    fn every_proof_of_every_small_tree_verifies() {
        let all = leaves(40);
        for size in 0..=all.len() {
            let tree = root(&all[..size]);
            for index in 0..size {
                let path = inclusion_proof(&all[..size], index).unwrap();
                verify_inclusion(&all[index], index as u64, size as u64, &path, &tree).unwrap();
            }
            for from in 0..=size {
                let proof = consistency_proof(&all[..size], from).unwrap();
                verify_consistency(from as u64, &root(&all[..from]), size as u64, &tree, &proof)
                    .unwrap();
            }
        }
    }

    #[test]
    fn a_tree_that_shrank_or_an_index_outside_is_refused() {
        let all = leaves(9);
        assert_eq!(
            verify_consistency(9, &root(&all), 8, &root(&all[..8]), &[]),
            Err(AuditError::OutOfRange)
        );
        assert_eq!(
            verify_inclusion(&all[0], 9, 9, &[], &root(&all)),
            Err(AuditError::OutOfRange)
        );
        assert_eq!(inclusion_proof(&all, 9), Err(AuditError::OutOfRange));
        assert_eq!(consistency_proof(&all, 10), Err(AuditError::OutOfRange));
    }

    #[test]
    fn the_empty_tree_is_extended_only_from_its_own_root() {
        let all = leaves(3);
        verify_consistency(0, &root(&[]), 3, &root(&all), &[]).unwrap();
        assert!(verify_consistency(0, &all[0], 3, &root(&all), &[]).is_err());
        assert!(verify_consistency(0, &root(&[]), 0, &root(&all), &[]).is_err());
        assert!(verify_consistency(0, &root(&[]), 3, &root(&all), &[all[0]]).is_err());
    }

    proptest! {
        #[test]
        fn an_inclusion_proof_verifies_and_any_flipped_bit_fails(
            size in 1usize..200, at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>(),
        ) {
            let all = leaves(size);
            let index = at.index(size);
            let tree = root(&all);
            let mut path = inclusion_proof(&all, index).unwrap();
            prop_assert!(verify_inclusion(&all[index], index as u64, size as u64, &path, &tree).is_ok());

            let bit = bit.index(256 * (path.len() + 2));
            let (place, bit) = (bit / 256, bit % 256);
            let (mut leaf, mut expected) = (all[index], tree);
            let hash = match place {
                0 => &mut leaf,
                1 => &mut expected,
                other => &mut path[other - 2],
            };
            hash[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_inclusion(&leaf, index as u64, size as u64, &path, &expected).is_err());
        }

        #[test]
        fn a_proof_with_a_hash_too_many_or_too_few_fails(size in 2usize..200, at in any::<prop::sample::Index>()) {
            let all = leaves(size);
            let index = at.index(size);
            let tree = root(&all);
            let mut path = inclusion_proof(&all, index).unwrap();
            path.push([0; 32]);
            prop_assert!(verify_inclusion(&all[index], index as u64, size as u64, &path, &tree).is_err());
            path.truncate(path.len() - 2);
            prop_assert!(verify_inclusion(&all[index], index as u64, size as u64, &path, &tree).is_err());

            let from = at.index(size - 1) + 1;
            let mut proof = consistency_proof(&all, from).unwrap();
            proof.push([0; 32]);
            prop_assert!(verify_consistency(from as u64, &root(&all[..from]), size as u64, &tree, &proof).is_err());
            proof.truncate(proof.len() - 2);
            prop_assert!(verify_consistency(from as u64, &root(&all[..from]), size as u64, &tree, &proof).is_err());
        }

        #[test]
        fn a_consistency_proof_verifies_and_any_flipped_bit_fails(
            size in 2usize..200, at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>(),
        ) {
            let all = leaves(size);
            let from = at.index(size - 1) + 1;
            let (mut old, mut new) = (root(&all[..from]), root(&all));
            let mut proof = consistency_proof(&all, from).unwrap();
            prop_assert!(verify_consistency(from as u64, &old, size as u64, &new, &proof).is_ok());

            let bit = bit.index(256 * (proof.len() + 2));
            let (place, bit) = (bit / 256, bit % 256);
            let hash = match place {
                0 => &mut old,
                1 => &mut new,
                other => &mut proof[other - 2],
            };
            hash[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_consistency(from as u64, &old, size as u64, &new, &proof).is_err());
        }

        #[test]
        fn a_fork_has_no_consistency_proof(
            size in 2usize..100, at in any::<prop::sample::Index>(), changed in any::<prop::sample::Index>(),
        ) {
            let honest = leaves(size);
            let from = at.index(size - 1) + 1;
            let mut forked = honest.clone();
            forked[changed.index(from)] = leaf_hash(b"another history");
            let old = root(&honest[..from]);
            for candidate in [&honest, &forked] {
                let proof = consistency_proof(candidate, from).unwrap();
                prop_assert!(
                    verify_consistency(from as u64, &old, size as u64, &root(&forked), &proof).is_err()
                );
            }
        }
    }
}
