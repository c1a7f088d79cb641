//! People who objected (Art. 21 GDPR) or must be forgotten (Art. 17): left out as if the register had no row of them.
//! Only pseudonyms under the node's key are kept, so the list names nobody to anyone without that key.

use crate::keys::NodeKey;
use crate::person_key::PersonKey;
use foldhash::fast::RandomState;
use std::collections::HashSet;
use std::fmt;

/// The people a build leaves out.
#[derive(Clone, Default)]
pub struct Objections(HashSet<[u8; 32], RandomState>);

impl Objections {
    /// The mark of a person on the list: the person's pseudonym in this node.
    pub fn mark(key: &NodeKey, person: &PersonKey) -> [u8; 32] {
        key.pseudonym(person.bytes())
    }

    /// Whether nobody objected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn hold(&self, pseudonym: &[u8; 32]) -> bool {
        !self.0.is_empty() && self.0.contains(pseudonym)
    }
}

impl FromIterator<[u8; 32]> for Objections {
    fn from_iter<I: IntoIterator<Item = [u8; 32]>>(marks: I) -> Objections {
        Objections(marks.into_iter().collect())
    }
}

/// Not even how many.
impl fmt::Debug for Objections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objections(..)")
    }
}
