//! The people and households of the city, made from the margins of each NIL.
//! It knows nothing of organisations or services.

use crate::Progress;
use crate::calendar::{Month, WINDOW_MONTHS, WINDOW_START, month_of, window_day};
use crate::households::{Frame, members_of};
use crate::margins::{HouseholdKind, NilMargins, apportion};
use crate::parallel;
use crate::rng::Rng;

/// Where a person's citizenship lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Citizenship {
    /// Italian.
    Italian,
    /// Of another member state of the European Union.
    Eu,
    /// Of any other state.
    NonEu,
}

/// No such month: the person does not die, the household does not move, within the window.
pub(crate) const NEVER: u8 = u8::MAX;

/// One inhabitant.
#[derive(Debug, Clone)]
pub struct Person {
    /// Birth date as days since 1 January 1970.
    pub birth_day: i32,
    /// Whether the person is a woman.
    pub female: bool,
    /// Disability grade 0..=3 from `disabled_from` on, 0 before.
    pub disability: u8,
    /// Month of the window (0 = January 2021) from which `disability` holds.
    pub disabled_from: u8,
    /// Month of the window in which the person dies, 255 for none.
    pub death: u8,
    /// Index of the household.
    pub household: u32,
}

impl Person {
    /// The month of birth.
    pub fn birth_month(&self) -> Month {
        month_of(self.birth_day)
    }

    /// Completed years in the window's month `index`; 0 before birth.
    pub(crate) fn age_in(&self, index: usize) -> u16 {
        Month(Month::FIRST.0 + index as u16).age_of(self.birth_month())
    }
}

/// One household; its members are `first..first + size`, the head first.
#[derive(Debug, Clone)]
pub struct Household {
    /// Index of its head among the persons.
    pub first: u32,
    /// Members, those born within the window included.
    pub size: u8,
    /// Its kind at the start of the window.
    pub kind: HouseholdKind,
    /// Homes as (NIL, municipio): before and after the move.
    pub homes: [(u8, u8); 2],
    /// Month of the window in which it moves, 255 for none.
    pub moves_in: u8,
    /// Index of its country in the crate's table of origins; 0 is Italy.
    pub origin: u8,
    /// Equivalent income (ISEE) of 2023 in euro.
    pub isee: f32,
    /// How much it turns to services compared with others like it; mean 1.
    pub reliance: f32,
}

impl Household {
    /// Home (NIL, municipio) in the window's month `index`.
    pub(crate) fn home_in(&self, index: usize) -> (u8, u8) {
        self.homes[usize::from(index >= usize::from(self.moves_in))]
    }

    /// Citizenship of its members.
    pub fn citizenship(&self) -> Citizenship {
        crate::names::ORIGINS[usize::from(self.origin)].citizenship
    }
}

/// All people and households, NIL by NIL.
#[derive(Debug, Clone, Default)]
pub struct Population {
    /// Every person who lives in the city at some time in the window.
    pub persons: Vec<Person>,
    /// Every household.
    pub households: Vec<Household>,
}

impl Population {
    /// The household of a person.
    pub(crate) fn household_of(&self, person: u32) -> &Household {
        &self.households[self.persons[person as usize].household as usize]
    }
}

/// Makes the population of the city at `scale` times its size.
///
/// Residents, families and ages by NIL follow the margins; births, deaths and moves within the window come on top.
pub fn populate(
    margins: &[NilMargins],
    seed: u64,
    scale: f64,
    progress: &mut dyn FnMut(Progress),
) -> Population {
    let scaled = |counts: Vec<u64>| {
        let total = (counts.iter().sum::<u64>() as f64 * scale).round() as u64;
        apportion(total, &counts)
    };
    let residents = scaled(margins.iter().map(|nil| nil.residents).collect());
    let families = scaled(margins.iter().map(|nil| nil.families).collect());
    let jobs: Vec<usize> = (0..margins.len()).collect();
    let parts = parallel::map(&jobs, progress, |_, &index, _| {
        people_of_nil(margins, index, residents[index], families[index], seed)
    });
    let mut city = Population::default();
    for part in parts {
        let (person_base, household_base) =
            (city.persons.len() as u32, city.households.len() as u32);
        city.persons
            .extend(part.persons.into_iter().map(|mut person| {
                person.household += household_base;
                person
            }));
        city.households
            .extend(part.households.into_iter().map(|mut household| {
                household.first += person_base;
                household
            }));
    }
    city
}

/// People and households of one NIL.
fn people_of_nil(
    margins: &[NilMargins],
    index: usize,
    residents: u64,
    families: u64,
    seed: u64,
) -> Population {
    let nil = &margins[index];
    let mut rng = Rng::stream(seed, &[1, u64::from(nil.nil)]);
    let mut part = Population::default();
    let mut frame = Frame::fit(nil, residents, families, &mut rng);
    // Poorer neighbourhoods are not in the margins; the share of foreign residents stands in for them.
    let wealth = (-3.5 * (nil.foreign_share - 0.14)).exp();
    for kind in frame.kinds_in_order(&mut rng) {
        let members = members_of(kind, &mut frame, &mut rng);
        let homes = homes(margins, index, &mut rng);
        let moves = rng.chance(0.09);
        let household = part.households.len() as u32;
        let first = part.persons.len() as u32;
        for &(age, female) in &members {
            part.persons.push(person(age, female, household, &mut rng));
        }
        let parents = match kind {
            HouseholdKind::CoupleWithAdultChildren => 2,
            HouseholdKind::SingleParentWithAdultChildren => 1,
            _ => members.len(),
        };
        // Some adult children live with their parents because they are disabled.
        let mut own = Rng::stream(seed, &[12, u64::from(nil.nil), u64::from(household)]);
        for child in part.persons[first as usize..].iter_mut().skip(parents) {
            if child.age_in(0) >= 25 && own.chance(0.1) {
                child.disability = child.disability.max(2 + own.below(2) as u8);
            }
        }
        let mother_age = members
            .iter()
            .take(2)
            .filter(|&&(_, female)| female)
            .map(|&(age, _)| age)
            .min();
        let may_bear =
            mother_age.is_some_and(|age| (20..=42).contains(&age)) && kind != HouseholdKind::Other;
        let chance = if kind == HouseholdKind::Single {
            0.05
        } else {
            0.3
        };
        if may_bear && rng.chance(chance) {
            part.persons.push(newborn(household, &mut rng));
        }
        part.households.push(Household {
            first,
            size: (part.persons.len() as u32 - first) as u8,
            kind,
            homes,
            moves_in: if moves {
                1 + rng.below(WINDOW_MONTHS - 1) as u8
            } else {
                NEVER
            },
            origin: 0,
            isee: isee(kind, members[0].0, wealth, &mut rng),
            reliance: rng.lognormal(0.9) as f32,
        });
    }
    settle_foreigners(nil, residents, &mut part, &mut rng);
    part
}

/// The home before and after a possible move.
fn homes(margins: &[NilMargins], index: usize, rng: &mut Rng) -> [(u8, u8); 2] {
    let piece = |nil: &NilMargins, rng: &mut Rng| {
        let weights: Vec<f64> = nil
            .municipi
            .iter()
            .map(|&(_, count)| count as f64)
            .collect();
        (
            nil.nil,
            nil.municipi
                .get(rng.weighted(&weights))
                .map_or(0, |&(municipio, _)| municipio),
        )
    };
    let here = piece(&margins[index], rng);
    let weights: Vec<f64> = margins.iter().map(|nil| nil.residents as f64).collect();
    let there = rng.weighted(&weights);
    [here, piece(&margins[there], rng)]
}

/// A person of the given age on 1 January 2021.
fn person(age: u16, female: bool, household: u32, rng: &mut Rng) -> Person {
    let (grade_chance, yearly_death) = match age {
        0..=17 => (0.025, 0.0002),
        18..=64 => (0.03, 0.002),
        65..=74 => (0.07, 0.014),
        75..=84 => (0.15, 0.042),
        _ => (0.35, 0.13),
    };
    let disability = if rng.chance(grade_chance) {
        1 + rng.weighted(&[0.4, 0.35, 0.25]) as u8
    } else {
        0
    };
    let comes_later = age >= 65 && rng.chance(0.5);
    let death = rng.exponential() / yearly_death * 12.0;
    Person {
        // Age in completed years on the first day of the window; the 365.25-day year moves some by a day.
        birth_day: WINDOW_START - 1 - (f64::from(age) * 365.25 + rng.unit() * 364.0) as i32,
        female,
        disability,
        disabled_from: if comes_later {
            rng.below(WINDOW_MONTHS) as u8
        } else {
            0
        },
        death: if death < WINDOW_MONTHS as f64 {
            death as u8
        } else {
            NEVER
        },
        household,
    }
}

/// A child born within the window.
fn newborn(household: u32, rng: &mut Rng) -> Person {
    let days = (window_day(WINDOW_MONTHS) - WINDOW_START) as usize;
    Person {
        birth_day: WINDOW_START + rng.below(days) as i32,
        female: rng.chance(0.487),
        disability: if rng.chance(0.02) {
            1 + rng.below(3) as u8
        } else {
            0
        },
        disabled_from: 0,
        death: NEVER,
        household,
    }
}

/// An equivalent income in euro, log-normal around a median that depends on household, age and neighbourhood.
fn isee(kind: HouseholdKind, head_age: u16, wealth: f64, rng: &mut Rng) -> f32 {
    let by_kind = match kind {
        HouseholdKind::Couple | HouseholdKind::CoupleWithAdultChildren => 1.2,
        HouseholdKind::SingleParentWithMinors => 0.65,
        HouseholdKind::SingleParentWithAdultChildren => 0.9,
        _ => 1.0,
    };
    let by_age = if head_age < 30 { 0.8 } else { 1.0 };
    let income = 19_500.0 * by_kind * by_age * wealth * (0.8 * rng.normal()).exp();
    income.clamp(0.0, 150_000.0) as f32
}

/// Gives households an origin until the NIL's share of foreigners is reached, younger ones more often.
fn settle_foreigners(nil: &NilMargins, residents: u64, part: &mut Population, rng: &mut Rng) {
    let target = (nil.foreign_share * residents as f64).round() as usize;
    let mut order: Vec<(f64, usize)> = part
        .households
        .iter()
        .enumerate()
        .map(|(index, household)| {
            let weight = match part.persons[household.first as usize].age_in(0) {
                0..=29 => 1.2,
                30..=49 => 2.0,
                50..=64 => 1.0,
                65..=74 => 0.25,
                _ => 0.06,
            };
            (rng.exponential() / weight, index)
        })
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut settled = 0;
    for (_, index) in order {
        if settled >= target {
            break;
        }
        let household = &mut part.households[index];
        household.origin = crate::names::draw_origin(nil.continents, rng);
        household.isee *= 0.68;
        let members = &part.persons[household.first as usize..][..usize::from(household.size)];
        // The share is of residents at the start; children born later do not count towards it.
        settled += members
            .iter()
            .filter(|person| person.birth_day < WINDOW_START)
            .count();
    }
}
