//! Sensitivity and price of a query: how far one person's rows can move the exact bounded aggregate,
//! and how much noise a stated loss then buys. A function of the query and public constants only.

use crate::rho::NanoRho;
use query::{AggregateQuery, Measure, SliceOf};
use serde::{Deserialize, Serialize};

/// M: the most members of one household whose household kind is known. Larger households are reduced
/// to M members by a keyed choice; the rest are left out of questions that read the household.
pub const HOUSEHOLD_MEMBERS: u32 = 6;

/// The square of D2, the largest Euclidean distance between bounded aggregates of neighbouring
/// registers. It is an integer, so nothing is lost to rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensitivity {
    /// D2 squared.
    pub squared: u64,
}

impl Sensitivity {
    /// D2, rounded up to the next representable number.
    pub fn d2(self) -> f64 {
        (self.squared as f64).next_up().sqrt().next_up()
    }
}

/// What one part of an answer costs and how noisy it will be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlicePrice {
    /// What the part holds: a level's identifier, or `cut-off`.
    pub of: String,
    /// Number of its cells.
    pub cells: usize,
    /// How far one person's rows can move the part's exact cells.
    pub sensitivity: Sensitivity,
    /// The part's loss.
    pub rho: NanoRho,
    /// Scale of the discrete Gaussian: every cell of the part gets independent noise of this parameter.
    pub sigma: f64,
}

impl SlicePrice {
    /// An upper bound on the noise variance of each cell: sigma squared (Canonne, Kamath and Steinke
    /// 2020, Corollary 9), tight but for sigma below about one.
    pub fn variance(&self) -> f64 {
        self.sigma * self.sigma
    }

    fn new(of: &str, cells: usize, squared: u64, rho: NanoRho) -> SlicePrice {
        let sensitivity = Sensitivity { squared };
        // Rounded up by a relative 1e-12, far above the error of three float operations, so that the loss at
        // this sigma never exceeds what is charged.
        let sigma = (sensitivity.d2() / (2.0 * rho.rho()).sqrt()) * (1.0 + 1e-12);
        SlicePrice {
            of: of.to_owned(),
            cells,
            sensitivity,
            rho,
            sigma,
        }
    }
}

/// What a query costs and how noisy its answer will be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// What is charged: at least the sum over the parts.
    pub rho: NanoRho,
    /// The parts of the answer in the order of its cells; never empty, the finest level the last of the levels.
    pub slices: Vec<SlicePrice>,
}

impl Price {
    /// The part with the cells of the finest level; the only one of an answer that is not split.
    pub fn finest(&self) -> &SlicePrice {
        let levels = self.slices.iter().rev();
        // Unwrap safety: a query has at least one level, and so has its price.
        levels
            .into_iter()
            .find(|slice| slice.of != SliceOf::CutOff.id())
            .expect("a level")
    }
}

/// The sensitivity and price of `query`.
///
/// # Proof
/// A unit has one home micro-area, so at every level one area; it touches at most L0 cells of the level and adds an
/// integer of 0..=Linf to each. Adding or removing its rows moves the level's vector by at most sqrt(L0) Linf.
///
/// Where a part of the query reads the household, only members of the unit's household can be counted
/// differently. Before and after, they contribute the sum of at most M non-negative vectors (members
/// beyond M are left out), each with L0 entries up to Linf: norm at most M sqrt(L0) Linf. For
/// non-negative x and y, |x - y|^2 <= |x|^2 + |y|^2, so D2^2 <= 2 M^2 L0 Linf^2.
///
/// Where the unit is the household, one person's rows change the vector of one household only: a function of its kept
/// members' rows with at most L0 entries of 1, before and after. By the same inequality D2^2 <= 2 L0.
///
/// What was cut off is one number to which a unit adds 0..=K, and two numbers of 0..=m are at most m apart: m is K where
/// one person's part comes or goes or one household's changes, and M K where up to M members' do.
///
/// The Gaussian mechanism with parameter sigma on integers is D2^2 / (2 sigma^2)-zCDP (Canonne,
/// Kamath and Steinke 2020, Theorem 4), so sigma = D2 / sqrt(2 rho), rounded up, for each part with its share of rho.
/// The parts' noises are independent, so their losses add up (Bun and Steinke 2016, Lemma 1.7); shares are rounded down, so
/// the sum is at most what is charged.
pub fn price(query: &AggregateQuery) -> Price {
    let bounds = query.bounds();
    let per_cell = if query.measure().is_weighted() {
        u64::from(bounds.per_cell)
    } else {
        1
    };
    // No overflow: the query bounds this by `query::MAX_REACH`, 2^55, and 2 M^2 is 72.
    let one_unit = u64::from(bounds.cells) * per_cell * per_cell;
    let members = u64::from(HOUSEHOLD_MEMBERS);
    let reads_household = query.measure() != Measure::Households && query.reads_household();
    let of_level = match query.measure() {
        Measure::Households => 2 * one_unit,
        _ if reads_household => 2 * one_unit * members * members,
        _ => one_unit,
    };
    // No overflow: at most 6 x 10^8, squared.
    let of_cut_off = |at_most: u32| {
        let units = if reads_household { members } else { 1 };
        (units * u64::from(at_most)).pow(2)
    };
    let slices = (query.slices().into_iter())
        .map(|slice| {
            let squared = match (slice.of, query.cut_off()) {
                (SliceOf::CutOff, Some(cut_off)) => of_cut_off(cut_off.at_most),
                _ => of_level,
            };
            let rho = NanoRho::new(slice.rho_nano);
            SlicePrice::new(slice.of.id(), slice.cells.len(), squared, rho)
        })
        .collect();
    Price {
        rho: NanoRho::new(query.rho_nano()),
        slices,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priced(by: &str, measure: &str, cells: u32, per_cell: u32) -> SlicePrice {
        let text = format!(
            r#"{{"version":1,"measure":"{measure}","by":{{"area":"nil"{by}}},
                "period":{{"from":"2025-01","to":"2025-12"}},
                "bounds":{{"cells":{cells},"per_cell":{per_cell}}},"rho":100000000}}"#
        );
        let price = parsed(&text);
        assert_eq!(price.slices.len(), 1);
        assert_eq!(price.rho, price.finest().rho);
        price.finest().clone()
    }

    fn parsed(text: &str) -> Price {
        price(&AggregateQuery::parse(text.as_bytes()).expect("a legal query"))
    }

    fn split(measure: &str, target: &str, rho: u64) -> Price {
        parsed(&format!(
            r#"{{"version":1,"measure":"{measure}",
                "by":{{"area":{{"city":10,"municipio":20,"nil":65}},"target":["{target}"]}},
                "period":{{"from":"2025-01","to":"2025-12"}},"cut_off":{{"share":5,"at_most":7}},
                "bounds":{{"cells":1,"per_cell":1}},"rho":{rho}}}"#
        ))
    }

    #[test]
    fn the_parts_of_an_answer_share_the_loss_and_never_exceed_it() {
        for rho in [100, 101, 12_345, 100_000_000] {
            let price = split("persons", "minors", rho);
            let sum: u64 = price.slices.iter().map(|slice| slice.rho.nano()).sum();
            assert!(sum <= rho && sum + 4 > rho, "{sum} of {rho}");
            for slice in &price.slices {
                let loss = slice.sensitivity.squared as f64 / (2.0 * slice.sigma * slice.sigma);
                assert!(loss <= slice.rho.rho(), "{loss}");
            }
        }
        let price = split("persons", "minors", 100_000_000);
        let parts: Vec<(&str, usize, u64)> = (price.slices.iter())
            .map(|slice| (&*slice.of, slice.cells, slice.rho.nano()))
            .collect();
        let expected = [
            ("city", 1, 10_000_000),
            ("municipio", 10, 20_000_000),
            ("nil", 89, 65_000_000),
            ("cut-off", 1, 5_000_000),
        ];
        assert_eq!(parts, expected);
        assert_eq!(price.finest().of, "nil");
    }

    #[test]
    fn what_is_cut_off_is_priced_at_its_own_bound() {
        let squared = |measure, target| {
            let price = split(measure, target, 100_000_000);
            (
                price.slices[3].sensitivity.squared,
                price.finest().sensitivity.squared,
            )
        };
        assert_eq!(squared("persons", "minors"), (49, 1));
        assert_eq!(squared("persons", "alone-75-plus"), (36 * 49, 72));
        assert_eq!(squared("households", "alone-75-plus"), (49, 2));
    }

    #[test]
    fn persons_cost_the_root_of_the_cells() {
        assert_eq!(
            priced(r#","period":"quarter""#, "persons", 4, 1)
                .sensitivity
                .squared,
            4
        );
    }

    #[test]
    fn events_cost_their_bound_too() {
        assert_eq!(
            priced(r#","period":"month""#, "events", 3, 10)
                .sensitivity
                .squared,
            300
        );
    }

    #[test]
    fn whatever_reads_the_household_is_priced_at_the_household() {
        let plain = priced(r#","target":["minors"]"#, "persons", 1, 1);
        let household = priced(r#","target":["alone-75-plus"]"#, "persons", 1, 1);
        assert_eq!(plain.sensitivity.squared, 1);
        assert_eq!(household.sensitivity.squared, 2 * 36);
    }

    #[test]
    fn households_are_priced_as_one_unit_that_changes() {
        let price = priced(
            r#","household":true,"target":["alone-75-plus"],"period":"quarter""#,
            "households",
            3,
            1,
        );
        assert_eq!(price.sensitivity.squared, 6);
    }

    #[test]
    fn a_split_by_kind_of_household_reads_the_household() {
        let price = priced(r#","household":true"#, "persons", 1, 1);
        assert_eq!(price.sensitivity.squared, 72);
    }

    #[test]
    fn sums_cost_their_bound_and_bins_and_first_times_one() {
        let sum = priced("", r#"sum","quantity":"amount"#, 1, 50_000);
        assert_eq!(sum.sensitivity.squared, 2_500_000_000);
        let bins = priced("", r#"bins","edges":[100],"quantity":"amount"#, 1, 1);
        assert_eq!(bins.sensitivity.squared, 1);
        let first = priced(r#","period":"quarter""#, "first-time", 1, 1);
        assert_eq!(first.sensitivity.squared, 1);
    }

    #[test]
    fn the_largest_legal_reach_does_not_overflow() {
        let largest = priced(
            r#","household":true,"period":"month""#,
            r#"sum","quantity":"amount"#,
            3,
            query::MAX_QUANTITY,
        );
        assert_eq!(largest.sensitivity.squared, 72 * 3 * 10u64.pow(16));
    }

    #[test]
    fn the_loss_at_sigma_never_exceeds_the_charge() {
        for (cells, per_cell) in [(1, 1), (12, 7), (5, 99_999)] {
            let price = priced(r#","period":"month""#, "events", cells, per_cell);
            let loss = price.sensitivity.squared as f64 / (2.0 * price.sigma * price.sigma);
            assert!(loss <= price.rho.rho(), "{loss}");
            assert!(loss > price.rho.rho() * 0.999_999, "{loss}");
        }
    }
}
