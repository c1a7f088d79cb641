//! The Merkle tree hash of RFC 6962, over a whole list or grown leaf by leaf.
//! Leaves and nodes are hashed with different prefixes, so that no node can pass for a leaf.

use crate::AuditError;
use crate::subtree::Subtree;
use ring::digest;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Hash of an entry: SHA-256(0x00 || entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256(&[&[0], entry])
}

/// Hash of a node over its two children: SHA-256(0x01 || left || right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Root over leaf hashes; the root of no leaves is the hash of nothing.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
            node_hash(&root(left), &root(right))
        }
    }
}

/// The largest power of two smaller than `size`, for `size` of at least two.
pub(crate) fn split(size: u64) -> u64 {
    debug_assert!(size > 1);
    1 << (size - 1).ilog2()
}

/// A tree that only grows: its size and the roots of its complete subtrees, largest first. That is enough to
/// append and to compute the root, in space and time logarithmic in the size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    frontier: Vec<Hash>,
}

impl Tree {
    /// A tree from its stored parts.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] unless there is exactly one hash per one-bit of the size.
    pub fn from_parts(size: u64, frontier: &[u8]) -> Result<Tree, AuditError> {
        let malformed = AuditError::Malformed { what: "tree state" };
        if frontier.len() != 32 * size.count_ones() as usize {
            return Err(malformed);
        }
        let frontier = frontier
            .chunks_exact(32)
            .map(|chunk| {
                let mut hash = [0; 32];
                hash.copy_from_slice(chunk);
                hash
            })
            .collect();
        Ok(Tree { size, frontier })
    }

    /// The hashes of the complete subtrees, one after the other, as [`Tree::from_parts`] reads them.
    pub fn frontier_bytes(&self) -> Vec<u8> {
        self.frontier.concat()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf hash and returns its index.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size;
        self.grow(leaf);
        index
    }

    /// Appends a leaf hash and returns the subtrees of more than one leaf that it completes, smallest first: one on
    /// average.
    pub fn grow(&mut self, leaf: Hash) -> Vec<(Subtree, Hash)> {
        let index = self.size;
        let (mut hash, mut completed) = (leaf, Vec::new());
        // Each trailing one-bit of the size is a complete subtree as large as the one just completed.
        for level in 1..=index.trailing_ones() as u8 {
            if let Some(left) = self.frontier.pop() {
                hash = node_hash(&left, &hash);
                let position = index >> level;
                completed.push((Subtree { level, position }, hash));
            }
        }
        self.frontier.push(hash);
        self.size += 1;
        completed
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        let mut subtrees = self.frontier.iter().rev();
        match subtrees.next() {
            None => root(&[]),
            Some(last) => subtrees.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn unhex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    }

    pub(crate) fn hash(text: &str) -> Hash {
        unhex(text).try_into().unwrap()
    }

    /// The entries that the Certificate Transparency reference implementation tests its trees with.
    pub(crate) fn reference_leaves() -> Vec<Hash> {
        [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ]
        .iter()
        .map(|entry| leaf_hash(&unhex(entry)))
        .collect()
    }

    #[test]
    fn roots_equal_the_reference_vectors_of_certificate_transparency() {
        let expected = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let leaves = reference_leaves();
        let mut tree = Tree::default();
        for (size, expected) in expected.iter().enumerate() {
            assert_eq!(root(&leaves[..size]), hash(expected), "size {size}");
            assert_eq!(tree.root(), hash(expected), "size {size}, grown");
            if size < leaves.len() {
                assert_eq!(tree.append(leaves[size]), size as u64);
            }
        }
    }

    #[test]
    fn a_tree_state_with_a_hash_too_few_or_too_many_is_refused() {
        assert!(Tree::from_parts(3, &[0; 32]).is_err());
        assert!(Tree::from_parts(3, &[0; 96]).is_err());
        assert!(Tree::from_parts(3, &[0; 63]).is_err());
        assert!(Tree::from_parts(3, &[0; 64]).is_ok());
    }

    proptest! {
        #[test]
        fn a_grown_tree_has_the_root_of_its_list(count in 0u64..300) {
            let leaves: Vec<Hash> = (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect();
            let mut tree = Tree::default();
            for leaf in &leaves {
                tree.append(*leaf);
            }
            prop_assert_eq!(tree.root(), root(&leaves));
            let reread = Tree::from_parts(tree.size(), &tree.frontier_bytes()).unwrap();
            prop_assert_eq!(reread, tree);
        }
    }
}
