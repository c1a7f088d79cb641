//! Which of a unit's cells count where there are more than L0: those of the lowest keyed rank.

/// The first 64 bits of a keyed hash.
pub(crate) fn word(bytes: &[u8; 32]) -> u64 {
    bytes[..8]
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The rank of a cell among a unit's cells: a mix of the beginnings of two HMAC-SHA-256 values, the pseudonym and the
/// cell's tag under the edition's sampling key. Both are unknown outside the node, so the mix needs to be even, not
/// secret; the sensitivity holds for any function of these two.
///
/// The mix is, but for its last step, the finaliser of SplitMix64 (Steele, Lea and Flood 2014), a bijection that spreads every bit. Over people,
/// whose words are as good as drawn at random, each cell of a set is as likely to have the lowest rank as any other.
#[inline]
pub(crate) fn rank(word: u64, tag: u64) -> u64 {
    let mut x = word ^ tag;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x >> 24
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator of words, as HMAC gives them to people.
    fn words(seed: u64) -> impl Iterator<Item = u64> {
        (1..).map(move |n: u64| {
            let place = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            rank(place, 0) << 32 ^ rank(place, 1)
        })
    }

    /// Of four cells, each order is as likely as any other, also where tags differ in one bit only. Fixed seeds, so the
    /// outcome never changes; the limit is that of a false alarm of 1e-6 (chi-square, 23 degrees: 71.2).
    #[test]
    fn every_order_of_cells_is_as_likely_as_any_other() {
        const PEOPLE: usize = 240_000;
        let drawn: Vec<u64> = words(7).take(4).collect();
        for tags in [[drawn[0], drawn[1], drawn[2], drawn[3]], [0, 1, 2, 1 << 63]] {
            let mut seen = std::collections::BTreeMap::new();
            for word in words(11).take(PEOPLE) {
                let mut order = [0, 1, 2, 3];
                order.sort_by_key(|cell: &usize| rank(word, tags[*cell]));
                *seen.entry(order).or_insert(0u32) += 1;
            }
            assert_eq!(seen.len(), 24);
            let expected = PEOPLE as f64 / 24.0;
            let distances = seen
                .values()
                .map(|count| (f64::from(*count) - expected).powi(2));
            let chi_square = distances.sum::<f64>() / expected;
            assert!(chi_square < 71.2, "{chi_square}");
        }
    }
}
