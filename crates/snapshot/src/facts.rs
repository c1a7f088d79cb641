//! What comes and goes in a person's life, as the register records it: needs, benefits and conditions, each from a month on.
//! A fact is one byte. How one person's facts are read depends on that person's rows only, never on their order.

use crate::row::{Day, Row};
use query::Month;
use taxonomy::model::{Benefit, Dwelling, GRADES, INCOME_BANDS, Need, Occupation, Recorded};

/// First codes of each kind of fact. They are part of snapshot files.
const BENEFIT: u8 = 32;
const DISABILITY: u8 = 64;
const INCOME: u8 = 72;
const OCCUPATION: u8 = 80;
const DWELLING: u8 = 96;
const END: u8 = 112;

/// A need, a benefit, a grade of disability, an ISEE band, a condition in work and study, or a dwelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fact(u8);

/// The kinds of facts, each with its codes.
enum Kind {
    Need(u8),
    Benefit(u8),
    Disability(u8),
    Income(u8),
    Occupation(Occupation),
    Dwelling(Dwelling),
}

impl Fact {
    pub(crate) fn need(need: Need) -> Fact {
        Fact(need as u8)
    }

    pub(crate) fn benefit(benefit: Benefit) -> Fact {
        Fact(BENEFIT + benefit as u8)
    }

    pub(crate) fn disability(grade: u8) -> Fact {
        Fact(DISABILITY + grade.min(GRADES as u8 - 1))
    }

    pub(crate) fn income(band: u8) -> Fact {
        Fact(INCOME + band.min(INCOME_BANDS as u8 - 1))
    }

    fn occupation(occupation: Occupation) -> Fact {
        Fact(OCCUPATION + occupation as u8)
    }

    fn dwelling(dwelling: Dwelling) -> Fact {
        Fact(DWELLING + dwelling as u8)
    }

    /// The fact with this code, where there is one.
    pub(crate) fn from_code(code: u8) -> Option<Fact> {
        Fact(code).kind().map(|_| Fact(code))
    }

    pub(crate) fn code(self) -> u8 {
        self.0
    }

    fn kind(self) -> Option<Kind> {
        let below = |value: u8, count: usize| (usize::from(value) < count).then_some(value);
        match self.0 {
            code @ 0..BENEFIT => below(code, Need::ALL.len()).map(Kind::Need),
            code @ BENEFIT..DISABILITY => {
                below(code - BENEFIT, Benefit::ALL.len()).map(Kind::Benefit)
            }
            code @ DISABILITY..INCOME => {
                below(code - DISABILITY, GRADES.into()).map(Kind::Disability)
            }
            code @ INCOME..OCCUPATION => {
                below(code - INCOME, INCOME_BANDS.into()).map(Kind::Income)
            }
            code @ OCCUPATION..DWELLING => {
                let known = Occupation::ALL.get(usize::from(code - OCCUPATION));
                known.copied().map(Kind::Occupation)
            }
            code @ DWELLING..END => {
                let known = Dwelling::ALL.get(usize::from(code - DWELLING));
                known.copied().map(Kind::Dwelling)
            }
            END.. => None,
        }
    }

    /// Whether it stays once it is recorded; other facts hold until another one of their kind.
    fn lasts(self) -> bool {
        self.0 < DISABILITY
    }

    /// The kind of a fact that another one of its kind replaces.
    fn replaces(self) -> u8 {
        match self.0 {
            0..INCOME => DISABILITY,
            INCOME..OCCUPATION => INCOME,
            OCCUPATION..DWELLING => OCCUPATION,
            DWELLING.. => DWELLING,
        }
    }
}

/// What holds at the end of `month`, of facts in the order of the months from which they hold.
pub(crate) fn recorded_by(facts: &[Fact], months: &[u16], month: Month) -> Recorded {
    let mut recorded = Recorded::default();
    for (fact, from) in facts.iter().zip(months) {
        if *from > month.index() {
            break;
        }
        match fact.kind() {
            Some(Kind::Need(need)) => recorded.needs |= 1 << need,
            Some(Kind::Benefit(benefit)) => recorded.benefits |= 1 << benefit,
            Some(Kind::Disability(grade)) => recorded.disability = Some(grade),
            Some(Kind::Income(band)) => recorded.income_band = Some(band),
            Some(Kind::Occupation(occupation)) => recorded.occupation = Some(occupation),
            Some(Kind::Dwelling(dwelling)) => recorded.dwelling = Some(dwelling),
            None => {}
        }
    }
    recorded
}

/// A person's facts while rows stream in, each a fact and a day in 32 bits: a fact that lasts with its first day, another
/// with its last day in each month.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements(Vec<u32>);

/// Bits of a day.
const DAY: u32 = 17;

impl Statements {
    /// Takes in what a row says.
    pub(crate) fn note_row(&mut self, row: &Row) {
        let said = [
            row.need.map(Fact::need),
            row.benefit.map(Fact::benefit),
            row.disability.map(Fact::disability),
            row.income_band.map(Fact::income),
            row.occupation.map(Fact::occupation),
            row.dwelling.map(Fact::dwelling),
        ];
        for fact in said.into_iter().flatten() {
            self.note(row.day, fact);
        }
    }

    fn note(&mut self, day: Day, fact: Fact) {
        let statement = u32::from(fact.0) << DAY | day.number();
        // A day is its month times 32 and more.
        let same = if fact.lasts() { DAY } else { 5 };
        let known = (self.0.iter_mut().rev()).find(|known| **known >> same == statement >> same);
        match known {
            Some(known) if fact.lasts() => *known = statement.min(*known),
            Some(known) => *known = statement.max(*known),
            None => self.0.push(statement),
        }
    }

    /// The facts, in the order of the months from which they hold. Of a kind that is replaced, what the last day of a month
    /// says holds from that month on; of two that one day says, the higher.
    pub(crate) fn timeline(&self) -> Vec<(u16, Fact)> {
        let mut said: Vec<(u16, u32, Fact)> = (self.0.iter())
            .map(|statement| {
                let day = statement & ((1 << DAY) - 1);
                ((day / 32) as u16, day, Fact((statement >> DAY) as u8))
            })
            .collect();
        let mut timeline: Vec<(u16, Fact)> = (said.iter())
            .filter(|(_, _, fact)| fact.lasts())
            .map(|(month, _, fact)| (*month, *fact))
            .collect();
        said.retain(|(_, _, fact)| !fact.lasts());
        said.sort_unstable_by_key(|(month, day, fact)| (fact.replaces(), *month, *day, *fact));
        let mut holds: Option<Fact> = None;
        for of_month in said.chunk_by(|a, b| (a.2.replaces(), a.0) == (b.2.replaces(), b.0)) {
            let Some((month, _, fact)) = of_month.last() else {
                continue;
            };
            if holds != Some(*fact) {
                timeline.push((*month, *fact));
                holds = Some(*fact);
            }
        }
        timeline.sort_unstable();
        timeline
    }
}

// A vocabulary that outgrows its codes needs a new version of the file.
const _: () = assert!(
    Need::ALL.len() <= BENEFIT as usize
        && Benefit::ALL.len() <= (DISABILITY - BENEFIT) as usize
        && Occupation::ALL.len() <= (DWELLING - OCCUPATION) as usize
        && Dwelling::ALL.len() <= (END - DWELLING) as usize
);

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn day(year: i16, month: i8, day: i8) -> Day {
        Day::of(date(year, month, day)).expect("a day")
    }

    #[test]
    fn conditions_hold_until_another_replaces_them_in_any_order_of_rows() {
        let said = [
            (day(2024, 1, 5), Fact::income(1)),
            (day(2024, 1, 20), Fact::income(2)),
            (day(2024, 3, 1), Fact::income(2)),
            (day(2024, 5, 1), Fact::income(0)),
            (day(2024, 5, 1), Fact::income(4)),
            (day(2024, 2, 1), Fact::need(Need::Food)),
            (day(2024, 4, 1), Fact::need(Need::Food)),
            (day(2024, 2, 1), Fact::disability(3)),
            (day(2024, 6, 1), Fact::dwelling(Dwelling::Settlement)),
            (day(2024, 6, 1), Fact::occupation(Occupation::Other)),
        ];
        let month = |of| Day::month(day(2024, of, 1));
        let expected = vec![
            (month(1), Fact::income(2)),
            (month(2), Fact::need(Need::Food)),
            (month(2), Fact::disability(3)),
            (month(5), Fact::income(4)),
            (month(6), Fact::occupation(Occupation::Other)),
            (month(6), Fact::dwelling(Dwelling::Settlement)),
        ];
        for turn in 0..said.len() {
            let mut turned = said;
            turned.rotate_left(turn);
            for rows in [turned, {
                turned.reverse();
                turned
            }] {
                let mut statements = Statements::default();
                rows.iter()
                    .for_each(|(day, fact)| statements.note(*day, *fact));
                assert_eq!(statements.timeline(), expected);
            }
        }
        let (months, facts): (Vec<u16>, Vec<Fact>) = expected.into_iter().unzip();
        let at = |of| {
            recorded_by(
                &facts,
                &months,
                Month::from_index(month(of)).expect("month"),
            )
        };
        assert_eq!((at(1).income_band, at(1).disability), (Some(2), None));
        assert_eq!((at(4).income_band, at(4).disability), (Some(2), Some(3)));
        assert!(!at(1).has_need(Need::Food) && at(12).has_need(Need::Food));
        assert_eq!(at(12).income_band, Some(4));
        assert_eq!(at(12).dwelling, Some(Dwelling::Settlement));
        assert_eq!(at(5).occupation, None);
    }

    #[test]
    fn every_fact_reads_back_and_no_other_code_is_one() {
        let all = Need::ALL.len() + Benefit::ALL.len() + usize::from(GRADES + INCOME_BANDS);
        let all = all + Occupation::ALL.len() + Dwelling::ALL.len();
        let known = (0..=u8::MAX).filter_map(Fact::from_code);
        assert_eq!(known.count(), all);
        assert_eq!(
            Fact::from_code(DWELLING),
            Some(Fact::dwelling(Dwelling::Home))
        );
        assert_eq!(Fact::from_code(END), None);
    }
}
