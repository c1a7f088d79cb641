//! Milan's margins by neighbourhood (NIL), read from the tables beside this crate.
//! They are facts restated with their source; no file outside the crate is read.

use std::collections::BTreeMap;

/// Kinds of household, in the order of the table of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HouseholdKind {
    /// One person living alone.
    Single,
    /// A couple without children.
    Couple,
    /// A couple with at least one child under 18.
    CoupleWithMinors,
    /// A couple with adult children only.
    CoupleWithAdultChildren,
    /// One parent with at least one child under 18.
    SingleParentWithMinors,
    /// One parent with adult children only.
    SingleParentWithAdultChildren,
    /// Adults living together in another way.
    Other,
}

impl HouseholdKind {
    /// All kinds, in table order.
    pub const ALL: [Self; 7] = [
        Self::Single,
        Self::Couple,
        Self::CoupleWithMinors,
        Self::CoupleWithAdultChildren,
        Self::SingleParentWithMinors,
        Self::SingleParentWithAdultChildren,
        Self::Other,
    ];

    /// Whether it holds children under 18 by definition.
    pub fn has_minors(self) -> bool {
        matches!(self, Self::CoupleWithMinors | Self::SingleParentWithMinors)
    }

    /// The least number of adults it takes.
    pub(crate) fn least_adults(self) -> usize {
        match self {
            Self::Single | Self::SingleParentWithMinors => 1,
            Self::CoupleWithAdultChildren => 3,
            _ => 2,
        }
    }
}

/// What is known of one NIL.
#[derive(Debug, Clone, PartialEq)]
pub struct NilMargins {
    /// The NIL's number, 1..=88.
    pub nil: u8,
    /// Residents registered in 2021.
    pub residents: u64,
    /// Families registered in 2021.
    pub families: u64,
    /// Foreign residents over all residents, census 2011; 0 where nobody lived.
    pub foreign_share: f64,
    /// Foreigners of 2011 from Europe, Africa, America and Asia.
    pub continents: [u64; 4],
    /// Residents of 2011 by five-year age band: 0-4, 5-9, ..., 70-74, 75 and over.
    pub ages: [u64; 16],
    /// Families of 2021 by kind, in the order of [`HouseholdKind::ALL`].
    pub kinds: [u64; 7],
    /// Municipi that share the NIL with their residents of 2011.
    pub municipi: Vec<(u8, u64)>,
}

/// Margins of all NIL in ascending order of their number.
pub fn milan() -> Vec<NilMargins> {
    let ages = table(include_str!("../data/nil_ages_2011.csv"));
    let kinds = table(include_str!("../data/nil_household_types_2021.csv"));
    let mut municipi: BTreeMap<u64, Vec<(u8, u64)>> = BTreeMap::new();
    for row in table(include_str!("../data/nil_municipio_2011.csv")) {
        municipi
            .entry(row[0])
            .or_default()
            .push((row[1] as u8, row[2]));
    }
    let column = |rows: &[Vec<u64>], nil: u64, index: usize| {
        rows.iter()
            .find(|row| row[0] == nil)
            .map_or(0, |row| row[index])
    };
    table(include_str!("../data/nil_margins.csv"))
        .into_iter()
        .map(|row| {
            let nil = row[0];
            NilMargins {
                nil: nil as u8,
                residents: row[1],
                families: row[2],
                foreign_share: if row[3] == 0 {
                    0.0
                } else {
                    row[4] as f64 / row[3] as f64
                },
                continents: [row[5], row[6], row[7], row[8]],
                ages: std::array::from_fn(|index| column(&ages, nil, index + 1)),
                kinds: std::array::from_fn(|index| column(&kinds, nil, index + 1)),
                municipi: municipi.get(&nil).cloned().unwrap_or_default(),
            }
        })
        .collect()
}

/// Rows of numbers of a table with `#` source lines and one line of column names.
fn table(text: &str) -> Vec<Vec<u64>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .map(|line| {
            // Unwrap safety: the tables are part of this crate and a test reads every cell.
            line.split(',')
                .map(|cell| {
                    cell.trim()
                        .parse()
                        .expect("a number in the crate's own table")
                })
                .collect()
        })
        .collect()
}

/// Splits `total` over `shares` in proportion, by largest remainder, ties to the earlier one; the parts sum to `total`
/// (all zeros when the shares are all zero).
pub(crate) fn apportion(total: u64, shares: &[u64]) -> Vec<u64> {
    let sum: u64 = shares.iter().sum();
    if sum == 0 {
        return vec![0; shares.len()];
    }
    let product = |share: u64| u128::from(total) * u128::from(share);
    let mut parts: Vec<u64> = shares
        .iter()
        .map(|&share| (product(share) / u128::from(sum)) as u64)
        .collect();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(product(shares[index]) % u128::from(sum)));
    let missing = total - parts.iter().sum::<u64>();
    for &index in order.iter().take(missing as usize) {
        parts[index] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_hold_the_published_totals() {
        let city = milan();
        assert_eq!(city.len(), 88);
        assert!(city.windows(2).all(|pair| pair[0].nil < pair[1].nil));
        assert_eq!(city.iter().map(|nil| nil.residents).sum::<u64>(), 1_386_285);
        assert_eq!(city.iter().map(|nil| nil.families).sum::<u64>(), 751_850);
        assert_eq!(
            city.iter().map(|nil| nil.municipi.len()).sum::<usize>(),
            106
        );
        assert_eq!(city.iter().filter(|nil| nil.municipi.len() > 1).count(), 17);
        assert_eq!(city.iter().flat_map(|nil| nil.ages).sum::<u64>(), 1_241_857);
        assert_eq!(city.iter().map(|nil| nil.kinds[0]).sum::<u64>(), 335_921);
    }

    #[test]
    fn apportioned_parts_sum_to_the_total() {
        assert_eq!(apportion(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(apportion(7, &[0, 5, 0]), [0, 7, 0]);
        assert_eq!(apportion(7, &[0, 0]), [0, 0]);
        assert_eq!(
            apportion(1_000_003, &[3, 9, 11, 2]).iter().sum::<u64>(),
            1_000_003
        );
    }
}
