//! Fits households of the known kinds to the residents and ages of one NIL.
//! Residents and ages are kept exactly; kinds and the number of families give way where they cannot agree.

use crate::margins::{HouseholdKind, NilMargins, apportion};
use crate::rng::Rng;

/// Adult age groups: 18-19, 20-24, ..., 80-84, 85 and over.
const GROUPS: usize = 15;

/// How much each role is wanted from each adult age group.
const PARENT_OF_MINORS: [f64; GROUPS] = [
    0.05, 2.0, 8.0, 20.0, 30.0, 30.0, 20.0, 8.0, 2.0, 0.5, 0.05, 0.01, 0.01, 0.01, 0.01,
];
const PARENT_OF_ADULTS: [f64; GROUPS] = [
    0.001, 0.001, 0.001, 0.001, 0.5, 3.0, 12.0, 20.0, 22.0, 20.0, 18.0, 15.0, 12.0, 8.0, 5.0,
];
const ADULT_CHILD: [f64; GROUPS] = [
    40.0, 40.0, 25.0, 12.0, 6.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.2, 0.05, 0.01, 0.01, 0.01,
];
const COUPLE: [f64; GROUPS] = [
    0.2, 2.0, 8.0, 9.0, 6.0, 5.0, 5.0, 7.0, 10.0, 13.0, 16.0, 16.0, 14.0, 9.0, 4.0,
];
const ANY: [f64; GROUPS] = [1.0; GROUPS];

/// The residents of one NIL not yet placed, and the households to place them in.
pub(crate) struct Frame {
    kinds: [u64; 7],
    minors: Vec<u16>,
    adults: [Vec<u16>; GROUPS],
    /// Children and adults beyond the least each household takes.
    spare_minors: usize,
    spare_adults: usize,
    /// Households still to come that can take them.
    takers_of_minors: usize,
    takers_of_adults: usize,
}

impl Frame {
    /// Draws the ages of `residents` people and makes the kinds of `families` households agree with them.
    pub(crate) fn fit(nil: &NilMargins, residents: u64, families: u64, rng: &mut Rng) -> Self {
        let mut minors = Vec::new();
        let mut adults: [Vec<u16>; GROUPS] = Default::default();
        for (band, count) in apportion(residents, &nil.ages).into_iter().enumerate() {
            for _ in 0..count {
                let age = if band < 15 {
                    band * 5 + rng.below(5)
                } else {
                    old_age(rng)
                } as u16;
                if age < 18 {
                    minors.push(age)
                } else {
                    adults[group(age)].push(age)
                }
            }
        }
        rng.shuffle(&mut minors);
        adults.iter_mut().for_each(|ages| rng.shuffle(ages));
        let adult_count = adults.iter().map(Vec::len).sum::<usize>() as u64;
        let mut kinds: [u64; 7] = std::array::from_fn(|_| 0);
        let shares = if nil.kinds.iter().sum::<u64>() == 0 {
            [1, 0, 0, 0, 0, 0, 0]
        } else {
            nil.kinds
        };
        kinds.copy_from_slice(&apportion(families.min(adult_count), &shares));
        agree(&mut kinds, minors.len() as u64, adult_count);
        let least: u64 = HouseholdKind::ALL
            .iter()
            .zip(kinds)
            .map(|(kind, count)| kind.least_adults() as u64 * count)
            .sum();
        let takers_of_minors = (kinds[2] + kinds[4]) as usize;
        Self {
            kinds,
            spare_minors: minors.len().saturating_sub(takers_of_minors),
            spare_adults: adult_count.saturating_sub(least) as usize,
            takers_of_minors,
            takers_of_adults: (kinds[3] + kinds[5] + kinds[6]) as usize,
            minors,
            adults,
        }
    }

    /// The households to make: those with the narrowest ages first, singles last.
    pub(crate) fn kinds_in_order(&self, rng: &mut Rng) -> Vec<HouseholdKind> {
        let mut ordered = Vec::new();
        for kinds in [[2, 4].as_slice(), &[3, 5], &[1], &[6], &[0]] {
            let start = ordered.len();
            for &kind in kinds {
                ordered.extend(std::iter::repeat_n(
                    HouseholdKind::ALL[kind],
                    self.kinds[kind] as usize,
                ));
            }
            rng.shuffle(&mut ordered[start..]);
        }
        ordered
    }

    /// Takes an adult, wanted by `weights`, near the age group of a partner where one is given.
    fn adult(&mut self, weights: &[f64; GROUPS], near: Option<u16>, rng: &mut Rng) -> u16 {
        let wanted: [f64; GROUPS] = std::array::from_fn(|index| {
            let distance = near.map_or(0.0, |age| (group(age) as f64 - index as f64).abs());
            weights[index] * self.adults[index].len() as f64 * (-1.2 * distance).exp()
        });
        let index = rng.weighted(&wanted);
        self.adults[index]
            .pop()
            .or_else(|| self.adults.iter_mut().find_map(Vec::pop))
            .unwrap_or(40)
    }

    /// Takes a child who can be a child of somebody of the given age, if a few tries find one.
    fn minor(&mut self, parent: u16, rng: &mut Rng) -> u16 {
        for _ in 0..6 {
            let index = rng.below(self.minors.len());
            if self
                .minors
                .get(index)
                .is_some_and(|&age| (17..=45).contains(&parent.saturating_sub(age)))
            {
                return self.minors.swap_remove(index);
            }
        }
        self.minors.pop().unwrap_or(5)
    }

    /// How many of `spare` the next of `takers` households takes; the last one takes the rest.
    fn share(spare: &mut usize, takers: &mut usize, rng: &mut Rng) -> usize {
        let mean = *spare as f64 / (*takers).max(1) as f64;
        let taken = if *takers <= 1 {
            *spare
        } else {
            rng.poisson(mean).min(*spare).min(6 + mean as usize)
        };
        *spare -= taken;
        *takers = takers.saturating_sub(1);
        taken
    }
}

/// Ages and sexes (true = woman) of a household of the given kind, the head first, then the partner if there is one.
pub(crate) fn members_of(
    kind: HouseholdKind,
    frame: &mut Frame,
    rng: &mut Rng,
) -> Vec<(u16, bool)> {
    use HouseholdKind as Kind;
    let (weights, woman) = match kind {
        Kind::Single | Kind::Other => (&ANY, None),
        Kind::Couple => (&COUPLE, Some(0.1)),
        Kind::CoupleWithMinors => (&PARENT_OF_MINORS, Some(0.1)),
        Kind::CoupleWithAdultChildren => (&PARENT_OF_ADULTS, Some(0.1)),
        Kind::SingleParentWithMinors => (&PARENT_OF_MINORS, Some(0.83)),
        Kind::SingleParentWithAdultChildren => (&PARENT_OF_ADULTS, Some(0.78)),
    };
    let head = frame.adult(weights, None, rng);
    let head_woman = rng.chance(woman.unwrap_or(match head {
        0..=64 => 0.48,
        65..=79 => 0.66,
        _ => 0.76,
    }));
    let mut members = vec![(head, head_woman)];
    if matches!(
        kind,
        Kind::Couple | Kind::CoupleWithMinors | Kind::CoupleWithAdultChildren
    ) {
        let partner = frame.adult(weights, Some(head), rng);
        members.push((partner, head_woman != rng.chance(0.98)));
    }
    if matches!(
        kind,
        Kind::CoupleWithAdultChildren | Kind::SingleParentWithAdultChildren | Kind::Other
    ) {
        let weights = if kind == Kind::Other {
            &ANY
        } else {
            &ADULT_CHILD
        };
        for _ in 0..=Frame::share(&mut frame.spare_adults, &mut frame.takers_of_adults, rng) {
            members.push((frame.adult(weights, None, rng), rng.chance(0.5)));
        }
    }
    if kind.has_minors() {
        for _ in 0..=Frame::share(&mut frame.spare_minors, &mut frame.takers_of_minors, rng) {
            members.push((frame.minor(head, rng), rng.chance(0.487)));
        }
    }
    members
}

/// Changes kinds until every household finds the adults and children it needs and everybody finds a household.
fn agree(kinds: &mut [u64; 7], minors: u64, adults: u64) {
    let shift = |kinds: &mut [u64; 7], from: usize, to: usize, most: u64| {
        let moved = kinds[from].min(most);
        kinds[from] -= moved;
        kinds[to] += moved;
        moved
    };
    let least = |kinds: &[u64; 7]| -> u64 {
        HouseholdKind::ALL
            .iter()
            .zip(kinds)
            .map(|(kind, count)| kind.least_adults() as u64 * count)
            .sum()
    };
    // Fewer children than households that must have one: those lose their children, not their adults.
    let mut surplus = (kinds[2] + kinds[4]).saturating_sub(minors);
    surplus -= shift(kinds, 2, 1, surplus);
    shift(kinds, 4, 0, surplus);
    // Many more children than such households can plausibly take: couples and singles become parents.
    let mut wanted = minors.div_ceil(4).saturating_sub(kinds[2] + kinds[4]);
    wanted -= shift(kinds, 1, 2, wanted);
    shift(kinds, 0, 4, wanted);
    // Fewer adults than households need: each change needs one adult less.
    for (from, to) in [(3, 5), (6, 0), (1, 0), (5, 0), (2, 4)] {
        let deficit = least(kinds).saturating_sub(adults);
        shift(kinds, from, to, deficit);
    }
    for lost in [0, 4] {
        let deficit = least(kinds).saturating_sub(adults);
        kinds[lost] -= kinds[lost].min(deficit);
    }
    // More adults than places, and no household that takes more: one single becomes a shared home.
    if adults > least(kinds) {
        let takers = kinds[3] + kinds[5] + kinds[6];
        let wanted = (adults - least(kinds)).div_ceil(4).saturating_sub(takers);
        shift(kinds, 0, 6, wanted);
    }
}

/// The group of an adult's age.
fn group(age: u16) -> usize {
    (usize::from(age.max(15)) - 15)
        .div_euclid(5)
        .min(GROUPS - 1)
}

/// An age of 75 or more, falling off as in Milan's population.
fn old_age(rng: &mut Rng) -> usize {
    match rng.weighted(&[0.38, 0.31, 0.20, 0.11]) {
        3 => 90 + rng.below(9),
        step => 75 + step * 5 + rng.below(5),
    }
}
