//! Which of a unit's own cells count where there are more than L0: as many, drawn at random under the edition's key.
//! What is drawn are places in their order, so the draw reads nothing of a cell but how many there are.

/// Draws that come out of one mixed word, before the next is mixed. Of as many as 2^10 own cells, the fourth draw is
/// even to 2^-24.
pub(crate) const DRAWS_OF_A_WORD: u32 = 4;

/// A unit's draws without replacement.
///
/// The unit's word is the beginning of an HMAC-SHA-256 value, its pseudonym; the seed is another one, under a key of node and edition.
/// Both are unknown outside the node, so the mix needs to be even, not secret; the sensitivity holds for any function of
/// these two and the unit's own cells.
///
/// The mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014), a bijection that spreads every bit. Over people,
/// whose words are as good as drawn at random, each subset of the places is as likely to be drawn as any other, as nearly as
/// [`DRAWS_OF_A_WORD`] says. The first draws are the same for every L0, so that a looser bound keeps every cell that a
/// tighter one keeps.
pub(crate) struct Draws {
    word: u64,
    rest: u64,
    drawn: u32,
}

impl Draws {
    pub(crate) fn new(word: u64, seed: u64) -> Draws {
        let word = word ^ seed;
        Draws {
            word,
            rest: mix(word),
            drawn: 0,
        }
    }

    /// The next draw, below `bound`: a digit of the mixed word, read as a fraction of one, in mixed radix.
    #[inline]
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if self.drawn > 0 && self.drawn.is_multiple_of(DRAWS_OF_A_WORD) {
            let turn = u64::from(self.drawn / DRAWS_OF_A_WORD);
            self.rest = mix(self.word ^ turn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        self.drawn += 1;
        let digit = u128::from(self.rest) * bound as u128;
        self.rest = digit as u64;
        (digit >> 64) as usize
    }
}

#[inline]
fn mix(word: u64) -> u64 {
    let mut x = word;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Moves `keep` drawn ones of the own cells to the front; those behind are not kept.
pub(crate) fn choose<T>(own: &mut [T], keep: usize, mut draws: Draws) {
    for place in 0..keep.min(own.len()) {
        let drawn = place + draws.below(own.len() - place);
        own.swap(place, drawn);
    }
}

/// Up to four places of own cells, four bits for each.
pub(crate) type Places = u16;
/// In place of those out of more own cells than a table has: draw one by one.
pub(crate) const TOO_MANY: Places = Places::MAX;

/// The `nth` of some places.
#[inline]
pub(crate) fn place(places: Places, nth: usize) -> usize {
    usize::from(places >> (4 * nth)) % COUNTS
}

/// Places of the own cells kept, read off a table instead of drawn one by one: [`choose`] of up to four out of few.
pub(crate) struct Choices<const KEEP: usize> {
    /// For each number of own cells, in how many orders `KEEP` of them can be drawn, and where these begin.
    orders: [(u32, u32); COUNTS],
    places: Box<[Places; MOST_ENTRIES]>,
    /// Most own cells in the table.
    most: u32,
}

/// Numbers of own cells in a table are below this.
const COUNTS: usize = 16;
/// Most entries: what stays in a processor's nearest memory beside what else is there.
const MOST_ENTRIES: usize = 1 << 11;

impl<const KEEP: usize> Choices<KEEP> {
    pub(crate) fn new() -> Choices<KEEP> {
        const { assert!(KEEP <= DRAWS_OF_A_WORD as usize) };
        let mut choices = Choices {
            orders: [(0, 0); COUNTS],
            places: Box::new([0; MOST_ENTRIES]),
            most: 0,
        };
        let mut filled = 0;
        for count in 0..COUNTS {
            // Nothing to draw where all are kept.
            let orders = match count.checked_sub(KEEP) {
                None | Some(0) => 1,
                Some(dropped) => (dropped + 1..=count).product(),
            };
            let Some(places) = choices.places.get_mut(filled..filled + orders) else {
                break;
            };
            choices.orders[count] = (orders as u32, filled as u32);
            choices.most = count as u32;
            filled += orders;
            for (order, entry) in places.iter_mut().enumerate() {
                let mut own: [usize; COUNTS] = std::array::from_fn(|place| place);
                if count > KEEP {
                    // The draws are the digits of the order in mixed radix.
                    let mut rest = order;
                    let mut weight = orders;
                    for place in 0..KEEP {
                        weight /= count - place;
                        own.swap(place, place + rest / weight);
                        rest %= weight;
                    }
                }
                let packed = own[..KEEP].iter().rev();
                *entry = packed.fold(0, |packed, place| packed << 4 | *place as Places);
            }
        }
        choices
    }

    /// Which of so many own cells are kept. Where there are fewer than `KEEP`, the last places are behind them.
    #[inline]
    pub(crate) fn places(&self, count: u32, word: u64, seed: u64) -> Places {
        let (orders, first) = self.orders[count as usize % COUNTS];
        let order = (u128::from(mix(word ^ seed)) * u128::from(orders)) >> 64;
        let places = self.places[first.wrapping_add(order as u32) as usize % MOST_ENTRIES];
        if count > self.most { TOO_MANY } else { places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A generator of words, as HMAC gives them to people.
    fn words(seed: u64) -> impl Iterator<Item = u64> {
        (1..).map(move |n: u64| mix(seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
    }

    fn chosen(count: usize, keep: usize, word: u64, seed: u64) -> Vec<usize> {
        let mut own: Vec<usize> = (0..count).collect();
        choose(&mut own, keep, Draws::new(word, seed));
        own.truncate(keep);
        own
    }

    /// Of five cells, each order of three is as likely as any other. Fixed words, so the outcome never changes; the limit
    /// is that of a false alarm of 1e-6 (chi-square, 59 degrees: 124.2).
    #[test]
    fn every_order_of_cells_is_as_likely_as_any_other() {
        const PEOPLE: usize = 240_000;
        for seed in [0, 1, 1 << 63, 0x1234_5678_9abc_def0] {
            let mut orders: BTreeMap<Vec<usize>, u32> = BTreeMap::new();
            for word in words(seed).take(PEOPLE) {
                *orders.entry(chosen(5, 3, word, seed)).or_default() += 1;
            }
            let expected = PEOPLE as f64 / 60.0;
            let distances = orders
                .values()
                .map(|count| (f64::from(*count) - expected).powi(2));
            let chi_square = distances.sum::<f64>() / expected;
            assert!(orders.len() == 60 && chi_square < 124.2, "{chi_square}");
        }
    }

    /// Beyond the first mixed word too: each of twelve cells is the ninth drawn as often. Chi-square, 11 degrees: 48.9.
    #[test]
    fn later_draws_are_even_too() {
        const PEOPLE: usize = 120_000;
        let mut ninth = [0u32; 12];
        for word in words(7).take(PEOPLE) {
            ninth[chosen(12, 9, word, 3)[8]] += 1;
        }
        let expected = PEOPLE as f64 / 12.0;
        let distances = ninth.map(|count| (f64::from(count) - expected).powi(2));
        let chi_square = distances.iter().sum::<f64>() / expected;
        assert!(chi_square < 48.9, "{chi_square}");
    }

    #[test]
    fn a_looser_bound_keeps_what_a_tighter_one_keeps() {
        for (word, count) in words(1).take(200).zip((1..30).cycle()) {
            let all = chosen(count, count, word, 5);
            for keep in 1..count {
                assert_eq!(chosen(count, keep, word, 5), all[..keep]);
            }
        }
    }

    fn tables_agree<const KEEP: usize>() {
        let choices = Choices::<KEEP>::new();
        assert!(choices.most >= 7);
        for count in 0..40 {
            for word in words(KEEP as u64).take(2_000) {
                let places = choices.places(count as u32, word, 9);
                assert_eq!(places == TOO_MANY, count > choices.most as usize);
                if places == TOO_MANY {
                    continue;
                }
                let places: [usize; KEEP] = std::array::from_fn(|nth| place(places, nth));
                if count <= KEEP {
                    assert!(places.iter().copied().eq(0..KEEP));
                } else {
                    assert_eq!(places[..], chosen(count, KEEP, word, 9));
                }
            }
        }
    }

    #[test]
    fn the_table_draws_as_the_draws_do() {
        tables_agree::<1>();
        tables_agree::<2>();
        tables_agree::<3>();
        tables_agree::<4>();
    }
}
