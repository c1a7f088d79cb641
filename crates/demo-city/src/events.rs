//! Service events of one client over five years: season, trend, skew, and the disorder of real registers.
//! It decides what a row will show or hide; `register` writes it.

use crate::calendar::{WINDOW_MONTHS, WINDOW_START, civil, window_day};
use crate::circumstances::{BENEFITS, CITIZENSHIP_INCOME, Circumstances, NEEDS};
use crate::intake::{lifetime, months_open_to};
use crate::organisations::Profile;
use crate::population::{Household, Person};
use crate::rng::Rng;

/// How the codice fiscale of a row is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeState {
    Clean,
    /// Lower case or with blanks; valid once normalised.
    Untidy,
    Missing,
    WrongCheck,
    Truncated,
    Placeholder,
}

/// Fields a row leaves blank, as bits.
pub(crate) mod blank {
    pub(crate) const SEX: u8 = 1;
    pub(crate) const BIRTH: u8 = 2;
    pub(crate) const CITIZENSHIP: u8 = 4;
    pub(crate) const HOME: u8 = 8;
    pub(crate) const ISEE: u8 = 16;
    pub(crate) const DISABILITY: u8 = 32;
    pub(crate) const HOUSEHOLD: u8 = 64;
}

/// Further fields that a row leaves blank, as bits.
pub(crate) mod further_blank {
    pub(crate) const ROLE: u8 = 1;
    pub(crate) const CARER: u8 = 2;
    pub(crate) const OCCUPATION: u8 = 4;
    pub(crate) const DWELLING: u8 = 8;
}

/// One row of a register before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Index of the client in its organisation.
    pub(crate) client: u32,
    /// Where among the rows of its day it is written.
    pub(crate) order: u32,
    /// Days since 1 January 2021.
    pub(crate) day: u16,
    pub(crate) service: u8,
    /// Hours in tenths.
    pub(crate) quantity: u8,
    pub(crate) cents: u32,
    /// Need and benefit as index + 1; 0 for blank.
    pub(crate) need: u8,
    pub(crate) benefit: u8,
    pub(crate) blank: u8,
    pub(crate) code: CodeState,
    pub(crate) impossible_date: bool,
    pub(crate) unknown_service: bool,
    /// An exact copy of another row.
    pub(crate) copy: bool,
}

impl Row {
    /// Further fields it leaves blank: each of them in one row of eight, by what makes the event distinct, so that copies
    /// are exact.
    pub(crate) fn further_blanks(&self) -> u8 {
        use further_blank::{CARER, DWELLING, OCCUPATION, ROLE};
        let event = u64::from(self.day) << 48
            | u64::from(self.service) << 40
            | u64::from(self.quantity) << 32
            | u64::from(self.cents);
        let bits = (event ^ u64::from(self.client) << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        [ROLE, CARER, OCCUPATION, DWELLING]
            .into_iter()
            .enumerate()
            .filter(|(place, _)| bits >> (3 * place) & 7 == 0)
            .fold(0, |blanks, (_, bit)| blanks | bit)
    }

    /// Whether a node keeps it: linkable, with a date and a known service, and no copy of another row.
    pub(crate) fn is_valid(&self) -> bool {
        matches!(self.code, CodeState::Clean | CodeState::Untidy)
            && !self.impossible_date
            && !self.unknown_service
            && !self.copy
    }

    /// Index of its month in the window.
    pub(crate) fn month(&self) -> usize {
        let (year, month, _) = civil(WINDOW_START + i32::from(self.day));
        ((year - 2021) * 12) as usize + month as usize - 1
    }
}

/// Months that are drawn for: those of the window, and as many after it as a spell may last. Registers are cut at the window's
/// end, as any register is cut at today: nothing that is drawn may know where.
pub(crate) const MONTHS: usize = WINDOW_MONTHS + 60;

/// Cumulative weight of months for each service.
pub(crate) struct Seasons {
    cumulative: Vec<[f64; MONTHS + 1]>,
    /// The most that a month of the window weighs against the mean of all, over all services.
    most: f64,
}

/// January to December of each service, and its growth per year; in the order of `SERVICES`.
const SEASONS: [([f64; 12], f64); 10] = [
    (
        [1.1, 1.0, 1.0, 1.0, 1.0, 1.0, 0.9, 0.5, 1.1, 1.1, 1.0, 0.9],
        0.02,
    ),
    (
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.85, 1.0, 1.0, 1.0, 1.0],
        0.04,
    ),
    (
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.9, 0.6, 1.0, 1.0, 1.0, 0.9],
        0.03,
    ),
    (
        [1.2, 1.1, 1.0, 1.0, 0.9, 0.9, 0.8, 0.6, 0.9, 1.0, 1.1, 1.5],
        0.09,
    ),
    (
        [1.3, 1.3, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6, 0.9, 1.0, 1.2, 1.2],
        0.01,
    ),
    (
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.1, 1.0, 0.7, 1.3, 1.2, 1.0, 0.8],
        0.07,
    ),
    (
        [1.0, 1.1, 1.1, 1.0, 1.1, 0.8, 0.5, 0.1, 0.8, 1.3, 1.3, 0.9],
        0.03,
    ),
    (
        [1.0, 1.1, 1.1, 1.0, 1.0, 0.7, 0.3, 0.05, 1.2, 1.5, 1.3, 0.8],
        0.06,
    ),
    (
        [1.1, 1.1, 1.1, 1.0, 1.0, 0.9, 0.8, 0.4, 1.2, 1.2, 1.1, 0.7],
        -0.01,
    ),
    (
        [1.0, 0.9, 0.9, 0.9, 0.9, 1.1, 1.4, 1.5, 1.0, 0.9, 0.9, 1.1],
        0.03,
    ),
];

impl Seasons {
    pub(crate) fn new() -> Self {
        let cumulative: Vec<[f64; MONTHS + 1]> = SEASONS
            .iter()
            .enumerate()
            .map(|(service, (season, growth))| {
                let mut sums = [0.0; MONTHS + 1];
                for month in 0..MONTHS {
                    // The first half of 2021 was still the pandemic: more food and meals, few courses.
                    let pandemic = match (month < 6, service) {
                        (true, 3) => 1.4,
                        (true, 9) => 1.3,
                        (true, 7) => 0.4,
                        (true, 2) => 0.6,
                        _ => 1.0,
                    };
                    let trend = (1.0 + growth).powf(month as f64 / 12.0);
                    sums[month + 1] = sums[month] + season[month % 12] * trend * pandemic;
                }
                sums
            })
            .collect();
        let mut seasons = Self {
            cumulative,
            most: 1.0,
        };
        seasons.most = (0..SEASONS.len())
            .flat_map(|service| (0..=LAST).map(move |month| (service, month)))
            .map(|(service, month)| seasons.intake(service, Some(month)))
            .fold(1.0, f64::max);
        seasons
    }

    /// How many come to a service in a month of the window, against the most that come to any in one month, every service having
    /// as many as another over the window. Those known at the window's start (no month) came in months of every kind.
    fn intake(&self, service: usize, month: Option<usize>) -> f64 {
        let sums = &self.cumulative[service];
        let mean = sums[LAST + 1] / WINDOW_MONTHS as f64;
        month.map_or(1.0, |month| (sums[month + 1] - sums[month]) / mean) / self.most
    }

    /// A month in `from..=to`, drawn by the service's season and trend.
    fn draw(&self, service: usize, from: usize, to: usize, rng: &mut Rng) -> usize {
        let sums = &self.cumulative[service];
        let target = sums[from] + rng.unit() * (sums[to + 1] - sums[from]);
        (sums.partition_point(|&sum| sum <= target).saturating_sub(1)).clamp(from, to)
    }
}

/// The window's last month.
pub(crate) const LAST: usize = WINDOW_MONTHS - 1;

/// So many courses are drawn for a client before one event is placed in the window by force: few live in it so shortly.
const MOST_COURSES: usize = 200;

/// Months for which a client is followed, on average.
const MEAN_SPELL: f64 = 20.0;

/// So often a month and service are drawn for a client before the services' seasons are let be.
const MOST_DRAWS: usize = 200;

/// What is needed to make the rows of one client.
pub(crate) struct ClientCase<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) seasons: &'a Seasons,
    pub(crate) person: &'a Person,
    pub(crate) household: &'a Household,
    pub(crate) circumstances: Circumstances,
    pub(crate) client: u32,
}

impl ClientCase<'_> {
    /// All rows of the client up to the window's end, copies included, in order of their day; at least one.
    ///
    /// Clients are those whom the window knows: a course of events with none in it is drawn again. Conditioning whole
    /// courses so is what cutting a register does. Forcing an event into what is left of the window instead would pile up
    /// newcomers in its last months.
    pub(crate) fn rows(&self, rng: &mut Rng) -> Vec<Row> {
        let mut rows: Vec<Row> = (0..MOST_COURSES)
            .map(|_| self.course(rng))
            .find(|rows| !rows.is_empty())
            .unwrap_or_else(|| {
                let (start, services) = self.admission(rng);
                vec![self.row(services[0].0, start.unwrap_or(services[0].1), rng)]
            });
        // The same service, day, hours and amount twice would be one event for every node: keep one.
        rows.sort_by_key(|row| (row.day, row.service, row.quantity, row.cents));
        rows.dedup_by_key(|row| (row.day, row.service, row.quantity, row.cents));
        let copies: Vec<Row> = rows
            .iter()
            .filter(|_| rng.chance(0.01))
            .map(|row| Row {
                copy: true,
                order: row.order.wrapping_mul(0x9e37_79b9).wrapping_add(1),
                ..row.clone()
            })
            .collect();
        rows.extend(copies);
        rows.sort_by_key(|row| row.day);
        rows
    }

    /// Rows within the window of one spell with its services, in no order.
    fn course(&self, rng: &mut Rng) -> Vec<Row> {
        let (drawn, services) = self.admission(rng);
        let (main, from, to) = services[0];
        let heavy = rng.chance(self.profile.heavy);
        let months = |rng: &mut Rng| (rng.exponential() * MEAN_SPELL) as usize;
        let (start, end) = if heavy {
            (from, to.min(LAST))
        } else {
            let start = drawn.unwrap_or(from);
            (start, (start + months(rng)).min(to))
        };
        let within = (end - start + 1) as f64;
        // Whoever is known before the window has been for as long as is still to come, on average; those months' events are cut off.
        let length = match drawn {
            None if !heavy => within + months(rng) as f64,
            _ => within,
        };
        let count = if heavy {
            (450.0 * rng.lognormal(0.6)).min(length * 40.0)
        } else {
            let usual = self.profile.mean_rows - 450.0 * self.profile.heavy;
            // In proportion to the spell, or the years at the window's ends would hold too much.
            let by_length = length / 15.0;
            (usual * 1.12 * by_length * rng.lognormal(1.0)).min(length * 10.0)
        };
        let count = 1 + rng.poisson((count - 1.0).max(0.0));
        (0..count)
            .filter_map(|_| {
                if !rng.chance(within / length) {
                    return None;
                }
                let pick = if rng.chance(0.72) {
                    0
                } else {
                    rng.below(services.len())
                };
                let (service, from, to) = services[pick];
                // A second service may be open to the client only outside the spell; then the main one stands in.
                let (service, from, to) = if from.max(start) <= to.min(end) {
                    (service, from.max(start), to.min(end))
                } else {
                    (main, start, end)
                };
                let month = self.seasons.draw(service, from, to, rng);
                (month <= LAST).then(|| self.row(service, month, rng))
            })
            .collect()
    }

    /// The month in which the client comes (none for one known before the window), and up to three services with the months in which they are open to the client: first the
    /// main one, of those that are open then, by its season and trend.
    fn admission(&self, rng: &mut Rng) -> (Option<usize>, Vec<(usize, usize, usize)>) {
        let offered = &self.profile.services;
        let mut open: Vec<(f64, (usize, usize, usize))> = offered
            .iter()
            .filter_map(|&(service, weight)| {
                let (from, to) = months_open_to(self.person, self.household, service)?;
                Some((weight * self.affinity(service), (service, from, to)))
            })
            .collect();
        let intake = self.profile.intake(self.person);
        for _ in 0..MOST_DRAWS {
            let drawn = intake.draw(rng);
            let start = drawn.unwrap_or(0);
            let weights: Vec<f64> = (open.iter())
                .map(|(weight, (_, from, to))| {
                    if (*from..=*to).contains(&start) {
                        *weight
                    } else {
                        0.0
                    }
                })
                .collect();
            if weights.iter().all(|weight| *weight == 0.0) {
                break;
            }
            let main = rng.weighted(&weights);
            let service = open[main].1.0;
            if !rng.chance(self.seasons.intake(service, drawn)) {
                continue;
            }
            let mut chosen = vec![open.remove(main).1];
            let further = usize::from(rng.chance(0.4)) + usize::from(rng.chance(0.15));
            for _ in 0..further.min(open.len()) {
                let weights: Vec<f64> = open.iter().map(|(weight, _)| *weight).collect();
                chosen.push(open.remove(rng.weighted(&weights)).1);
            }
            return (drawn, chosen);
        }
        // Nothing offered fits: the client came with somebody else of the household and is noted there.
        let (from, to) = lifetime(self.person);
        (intake.draw(rng), vec![(offered[0].0, from, to)])
    }

    /// How much a service suits the client.
    fn affinity(&self, service: usize) -> f64 {
        let age = self.person.age_in(30);
        let needs = |bit: u8| self.circumstances.needs >> bit & 1 == 1;
        match service {
            0 => 0.8,
            1 if self.person.disability >= 2 => 2.0,
            1 => [0.04, 0.4, 1.5][usize::from(age >= 65) + usize::from(age >= 75)],
            3 => {
                if needs(1) {
                    2.0
                } else {
                    0.5
                }
            }
            4 => {
                if self.household.isee < 9_360.0 {
                    1.5
                } else {
                    0.4
                }
            }
            5 => {
                if needs(0) {
                    4.0
                } else {
                    0.3
                }
            }
            6 => {
                if needs(4) {
                    2.5
                } else {
                    1.2
                }
            }
            7 => 1.2,
            8 => {
                if needs(3) {
                    2.0
                } else {
                    0.4
                }
            }
            _ => 1.0,
        }
    }

    /// One row in a month of the window.
    fn row(&self, service: usize, month: usize, rng: &mut Rng) -> Row {
        let (first, next) = (window_day(month), window_day(month + 1));
        let mut day = first + rng.below((next - first) as usize) as i32;
        for _ in 0..4 {
            // 1 January 1970 was a Thursday. Food and meals come on every day of the week.
            if matches!(service, 3 | 9) || (day + 3).rem_euclid(7) < 5 {
                break;
            }
            day = first + rng.below((next - first) as usize) as i32;
        }
        let day = day.max(self.person.birth_day).max(first);
        let (quantity, cents) = quantity_and_amount(service, rng);
        Row {
            client: self.client,
            order: rng.bits() as u32,
            day: (day - WINDOW_START) as u16,
            service: service as u8,
            quantity,
            cents,
            need: self.need(service, rng),
            benefit: self.benefit(month, rng),
            blank: blanks(rng),
            code: code_state(rng),
            impossible_date: rng.chance(0.001),
            unknown_service: rng.chance(0.001),
            copy: false,
        }
    }

    /// The need written on a row: the one the service answers where the client has it, else any of the client's.
    fn need(&self, service: usize, rng: &mut Rng) -> u8 {
        let bits = self.circumstances.needs;
        if bits == 0 || rng.chance(0.35) {
            return 0;
        }
        let answered = [
            None,
            Some(2),
            Some(2),
            Some(1),
            Some(1),
            Some(0),
            Some(4),
            Some(4),
            Some(3),
            Some(2),
        ][service];
        let own: Vec<u8> = (0..NEEDS.len() as u8)
            .filter(|bit| bits >> bit & 1 == 1)
            .collect();
        match answered {
            Some(bit) if bits >> bit & 1 == 1 && rng.chance(0.7) => bit + 1,
            _ => own[rng.below(own.len())] + 1,
        }
    }

    /// The benefit written on a row; the assegno di inclusione took the place of the reddito di cittadinanza in January 2024.
    fn benefit(&self, month: usize, rng: &mut Rng) -> u8 {
        let own: Vec<u8> = (0..BENEFITS.len() as u8)
            .filter(|bit| {
                let exists = match *bit {
                    0 => month >= 36,
                    CITIZENSHIP_INCOME => month < 36,
                    _ => true,
                };
                self.circumstances.benefits >> bit & 1 == 1 && exists
            })
            .collect();
        if own.is_empty() || rng.chance(0.3) {
            0
        } else {
            own[rng.below(own.len())] + 1
        }
    }
}

/// Hours in tenths and euro cents of one event of a service.
fn quantity_and_amount(service: usize, rng: &mut Rng) -> (u8, u32) {
    let halves = |least: usize, most: usize, rng: &mut Rng| {
        (5 * (least + rng.below(most - least + 1))) as u8
    };
    match service {
        1 => {
            let quantity = halves(1, 6, rng);
            (quantity, u32::from(quantity) * 225)
        }
        2 => (halves(8, 16, rng), 4_800),
        4 => (10, 500 * (10 + rng.below(90) as u32)),
        5 => (
            halves(1, 3, rng),
            if rng.chance(0.5) {
                0
            } else {
                1_000 * (10 + rng.below(170) as u32)
            },
        ),
        6 | 7 => (halves(2, 6, rng), 0),
        9 => (5, 650 + 10 * rng.below(25) as u32),
        _ => (halves(1, 3, rng), 0),
    }
}

/// Which fields a row leaves blank.
fn blanks(rng: &mut Rng) -> u8 {
    let rates = [
        (blank::SEX, 0.01),
        (blank::BIRTH, 0.01),
        (blank::CITIZENSHIP, 0.03),
        (blank::HOME, 0.02),
        (blank::ISEE, 0.4),
        (blank::DISABILITY, 0.15),
        (blank::HOUSEHOLD, 0.02),
    ];
    rates.into_iter().fold(
        0,
        |bits, (bit, rate)| if rng.chance(rate) { bits | bit } else { bits },
    )
}

/// About two rows in a hundred without a code, one with a bad one, one untidily written.
fn code_state(rng: &mut Rng) -> CodeState {
    match (rng.unit() * 1000.0) as u32 {
        0..20 => CodeState::Missing,
        20..27 => CodeState::WrongCheck,
        27..29 => CodeState::Truncated,
        29..30 => CodeState::Placeholder,
        30..40 => CodeState::Untidy,
        _ => CodeState::Clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisations::profiles;
    use crate::population::NEVER;
    use crate::{Citizenship, HouseholdKind};

    /// People who come of age in every month of the window: services open to adults only take in as many of those who are adult by
    /// then in one year as in the next, but for growth. They would take in 1.4 times as many in the last year, if whoever comes of
    /// age late had to come in what is left. The seed is fixed; over seeds the ratio of some 1,300 to 2,500 varies by 0.04.
    #[test]
    fn who_comes_of_age_late_does_not_fill_the_last_months() {
        let profile = &profiles(2)[1];
        let seasons = Seasons::new();
        let household = Household {
            first: 0,
            size: 1,
            kind: HouseholdKind::Other,
            homes: [(1, 1); 2],
            moves_in: NEVER,
            origin: 0,
            isee: 8_000.0,
            reliance: 1.0,
        };
        assert_eq!(household.citizenship(), Citizenship::Italian);
        let mut came = [0_u32; 5];
        for month in 0..WINDOW_MONTHS {
            let person = Person {
                birth_day: window_day(month) - 18 * 365 - 4,
                female: false,
                disability: 0,
                disabled_from: NEVER,
                death: NEVER,
                household: 0,
            };
            let case = ClientCase {
                profile,
                seasons: &seasons,
                person: &person,
                household: &household,
                circumstances: Circumstances::default(),
                client: 0,
            };
            let mut rng = Rng::stream(11, &[month as u64]);
            for _ in 0..400 {
                let (drawn, services) = case.admission(&mut rng);
                if let Some(start) = drawn
                    && matches!(services[0].0, 4 | 5)
                {
                    came[start / 12] += 1;
                }
            }
        }
        // So many more have come of age by the middle of each year.
        let rates: Vec<f64> = (0..5)
            .map(|year| f64::from(came[year]) / (year as f64 + 0.5))
            .collect();
        for pair in rates[1..].windows(2) {
            let growth = pair[1] / pair[0];
            assert!((0.85..1.2).contains(&growth), "{came:?}: {growth}");
        }
    }
}
