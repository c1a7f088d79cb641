//! The four ways in which a lifetime budget is divided, and the key of each part.
//! A part is only ever a narrower limit: it never adds to what may be spent in all.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A way of dividing the lifetime budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubCap {
    /// By calendar year, UTC; the key is its four digits.
    Year,
    /// By dataset.
    Dataset,
    /// By purpose.
    Purpose,
    /// By study.
    Study,
}

impl SubCap {
    /// Every way, in the order in which they are checked.
    pub const ALL: [SubCap; 4] = [
        SubCap::Year,
        SubCap::Dataset,
        SubCap::Purpose,
        SubCap::Study,
    ];

    /// Its name in policies, refusals and acts.
    pub fn as_str(self) -> &'static str {
        match self {
            SubCap::Year => "year",
            SubCap::Dataset => "dataset",
            SubCap::Purpose => "purpose",
            SubCap::Study => "study",
        }
    }

    /// The way of that name.
    pub fn from_name(name: &str) -> Option<SubCap> {
        SubCap::ALL.into_iter().find(|cap| cap.as_str() == name)
    }

    /// Whether `key` can name a part: four digits from 2020 on for a year, else an identifier.
    pub fn is_key(self, key: &str) -> bool {
        match self {
            SubCap::Year => {
                key.len() == 4 && key.bytes().all(|byte| byte.is_ascii_digit()) && key >= "2020"
            }
            _ => crate::is_identifier(key),
        }
    }
}

impl fmt::Display for SubCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_keys_follow_their_kind() {
        for cap in SubCap::ALL {
            assert_eq!(SubCap::from_name(cap.as_str()), Some(cap));
            assert_eq!(
                serde_json::to_string(&cap).expect("json"),
                format!("\"{cap}\"")
            );
        }
        assert!(SubCap::Year.is_key("2026"));
        for year in ["26", "02026", "2019", "20x6", ""] {
            assert!(!SubCap::Year.is_key(year), "{year}");
        }
        assert!(SubCap::Study.is_key("planning-2026"));
        assert!(!SubCap::Study.is_key("Planning"));
    }
}
