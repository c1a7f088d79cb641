//! When an organisation takes people in: by their age at the time, while they live, and where a service is open to them.
//! Nothing here knows where the window ends but as the month at which registers are cut.

use crate::calendar::{Month, WINDOW_MONTHS, WINDOW_START};
use crate::events::{LAST, MONTHS};
use crate::population::{Citizenship, Household, NEVER, Person};
use crate::rng::Rng;

/// First and last year of age of the classes by which an organisation's clients are weighed.
const AGE_CLASSES: [(i32, i32); 6] = [(0, 5), (6, 17), (18, 34), (35, 64), (65, 74), (75, 130)];

/// Of clients whose whole window is alike, so many are known when it begins; the others come while it lasts. With spells of
/// twenty months on average in a window of sixty, through which arrivals grow by a few percent a year, the number followed at a time
/// is then at the window's start what it would be had there been no start.
const KNOWN_AT_START: f64 = 0.22;

/// How readily an organisation takes in one person over the window, by month.
///
/// Everybody of an age comes at the same rate at any time. So who lives in the window for a tenth of it is a client a tenth as
/// often. Were such people clients as often as others, whoever is born or comes of age late would have to come in what is left,
/// and the window's last months would fill with newcomers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intake<'a> {
    /// Rates of the classes of age.
    ages: &'a [f64; 6],
    /// Month of the window in which the person was born; negative before it.
    born: i32,
    lifetime: (usize, usize),
}

impl<'a> Intake<'a> {
    pub(crate) fn of(ages: &'a [f64; 6], person: &Person) -> Self {
        Self {
            ages,
            born: born(person),
            lifetime: lifetime(person),
        }
    }

    /// The rates of the ages lived in the window, with the months they hold in, those after the window left out.
    fn pieces(&self) -> impl Iterator<Item = (f64, usize, usize)> {
        let (from, to) = (self.lifetime.0 as i32, self.lifetime.1.min(LAST) as i32);
        AGE_CLASSES
            .iter()
            .zip(self.ages)
            .filter_map(move |(&(youngest, oldest), &rate)| {
                let from = from.max(self.born + 12 * youngest);
                let to = to.min(self.born + 12 * (oldest + 1) - 1);
                (from <= to).then_some((rate, from as usize, to as usize))
            })
    }

    /// The highest rate in the window.
    pub(crate) fn rate(&self) -> f64 {
        self.pieces().map(|piece| piece.0).fold(0.0, f64::max)
    }

    fn known_at_start(&self) -> f64 {
        let first = self.pieces().next();
        let before = self.born < 0 && self.lifetime.0 == 0;
        first.map_or(0.0, |(rate, ..)| if before { rate } else { 0.0 }) * KNOWN_AT_START
    }

    fn while_it_lasts(&self) -> f64 {
        let months: f64 = (self.pieces())
            .map(|(rate, from, to)| rate * (to + 1 - from) as f64)
            .sum();
        months / WINDOW_MONTHS as f64 * (1.0 - KNOWN_AT_START)
    }

    /// How often the person is a client, relative to somebody who lives at the highest rate all through the window.
    pub(crate) fn presence(&self) -> f64 {
        (self.known_at_start() + self.while_it_lasts()) / self.rate().max(1e-12)
    }

    /// The month in which the person comes, none for one known at the window's start.
    pub(crate) fn draw(&self, rng: &mut Rng) -> Option<usize> {
        let (known, later) = (self.known_at_start(), self.while_it_lasts());
        if rng.unit() * (known + later) < known {
            return None;
        }
        let mut left = rng.unit() * later * WINDOW_MONTHS as f64 / (1.0 - KNOWN_AT_START);
        let mut last = self.lifetime.0.min(LAST);
        for (rate, from, to) in self.pieces() {
            let mass = rate * (to + 1 - from) as f64;
            if left < mass {
                return Some((from + (left / rate) as usize).min(to));
            }
            left -= mass;
            last = to;
        }
        Some(last)
    }
}

/// Month of the window in which a person was born; negative before it.
fn born(person: &Person) -> i32 {
    i32::from(person.birth_month().0) - i32::from(Month::FIRST.0)
}

/// First and last month in which a person is alive (at least the window's last for those born at its very end); of those who
/// do not die within the window, the last that is drawn for.
pub(crate) fn lifetime(person: &Person) -> (usize, usize) {
    let from = if person.birth_day < WINDOW_START {
        0
    } else {
        (born(person) + 1).clamp(0, LAST as i32)
    };
    let last = if person.death == NEVER {
        MONTHS - 1
    } else {
        usize::from(person.death)
    };
    (from as usize, last.max(from as usize))
}

/// Months of a person's life in which a service takes people of that age and condition.
pub(crate) fn months_open_to(
    person: &Person,
    household: &Household,
    service: usize,
) -> Option<(usize, usize)> {
    let disabled = person.disability >= 2;
    let foreign = household.citizenship() != Citizenship::Italian;
    let (youngest, oldest) = match service {
        2 | 9 => (if disabled { 0 } else { 65 }, 130),
        4 | 5 => (18, 130),
        6 => (3, 17),
        7 if foreign => (6, 130),
        7 => return None,
        8 => (16, 66),
        _ => (0, 130),
    };
    let born = born(person);
    let (from, to) = lifetime(person);
    let from = (born + 12 * youngest).max(from as i32);
    let to = (born + 12 * (oldest + 1) - 1).min(to as i32);
    (from <= to && from <= LAST as i32).then_some((from as usize, to as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::window_day;

    const AGES: [f64; 6] = [0.8, 0.9, 1.0, 1.2, 0.8, 0.6];

    fn born_in(month: i32, death: u8) -> Person {
        // Months before the window are of the 1900s at the earliest.
        let day = if month >= 0 {
            window_day(month as usize)
        } else {
            WINDOW_START + month * 30 - 15
        };
        Person {
            birth_day: day,
            female: true,
            disability: 0,
            disabled_from: NEVER,
            death,
            household: 0,
        }
    }

    #[test]
    fn a_tenth_of_the_window_is_a_tenth_of_those_who_come_in_it() {
        let newborn = Intake::of(&AGES, &born_in(53, NEVER)).presence();
        assert!((newborn - (1.0 - KNOWN_AT_START) / 10.0).abs() < 1e-12);
        let adult = born_in(-12 * 40, NEVER);
        assert!((Intake::of(&AGES, &adult).presence() - 1.0).abs() < 1e-12);
        let dies = Intake::of(&AGES, &born_in(-12 * 40, 29)).presence();
        assert!((dies - KNOWN_AT_START - (1.0 - KNOWN_AT_START) / 2.0).abs() < 1e-12);
    }

    /// Over people born in every month of twenty years, weighed as clients are, as many come in one month as in another.
    /// Of some 4,000 a month a count is 8 standard deviations off less than once in 1e14.
    #[test]
    fn as_many_come_in_the_last_months_as_in_any() {
        let ages = [1.0; 6];
        let mut rng = Rng::stream(7, &[1]);
        let mut came = [0_u32; WINDOW_MONTHS];
        let mut open = [0.0; WINDOW_MONTHS];
        for born in -180..60 {
            let person = born_in(born, NEVER);
            let intake = Intake::of(&ages, &person);
            for _ in 0..2_000 {
                if rng.chance(intake.presence())
                    && let Some(month) = intake.draw(&mut rng)
                {
                    came[month] += 1;
                }
            }
            for expected in &mut open[intake.lifetime.0..] {
                *expected += 2_000.0 * (1.0 - KNOWN_AT_START) / WINDOW_MONTHS as f64;
            }
        }
        for (month, (&came, expected)) in came.iter().zip(open).enumerate() {
            let off = (f64::from(came) - expected).abs() / expected.sqrt();
            assert!(off < 8.0, "{came} came in month {month}, not {expected:.0}");
        }
    }
}
