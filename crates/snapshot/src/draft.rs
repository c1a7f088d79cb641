//! A person while rows stream in: for each attribute, what the latest row says of it.
//! Nothing here depends on the order of rows, nor on any other person's.

use crate::codice_fiscale::CodiceFiscale;
use crate::row::{Day, Row};
use crate::snapshot::{BENEFITS, NEEDS, NEVER};
use taxonomy::model::{CitizenshipGroup, Sex};

/// The value of the latest row that has one. Of two rows on one day the greater value wins: a rule
/// that reads these rows alone, in whatever order they come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latest<T>(Option<(Day, T)>);

impl<T: Copy + Ord> Latest<T> {
    const NONE: Latest<T> = Latest(None);

    fn note(&mut self, day: Day, value: Option<T>) {
        if let Some(value) = value {
            self.0 = self.0.max(Some((day, value)));
        }
    }

    pub(crate) fn value(&self) -> Option<T> {
        self.0.map(|(_, value)| value)
    }
}

/// One person's attributes so far.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) code: CodiceFiscale,
    pub(crate) last_day: Day,
    pub(crate) sex: Latest<Sex>,
    pub(crate) birth: Latest<Day>,
    pub(crate) citizenship: Latest<CitizenshipGroup>,
    /// NIL, and municipio where the same row has it (0 where not): a home is one statement.
    pub(crate) home: Latest<(u16, u8)>,
    /// Municipio, for registers that know no NIL.
    pub(crate) municipio: Latest<u8>,
    /// The household's keyed hash. Not its position in a table, which other people's rows decide.
    pub(crate) household: Latest<[u8; 32]>,
    pub(crate) income_band: Latest<u8>,
    pub(crate) disability: Latest<u8>,
    /// Month each need was first recorded, or [`NEVER`].
    pub(crate) needs: [u16; NEEDS],
    /// Month each benefit was first recorded, or [`NEVER`].
    pub(crate) benefits: [u16; BENEFITS],
}

impl Draft {
    pub(crate) fn new(row: &Row<'_>) -> Draft {
        Draft {
            code: row.code,
            last_day: row.day,
            sex: Latest::NONE,
            birth: Latest::NONE,
            citizenship: Latest::NONE,
            home: Latest::NONE,
            municipio: Latest::NONE,
            household: Latest::NONE,
            income_band: Latest::NONE,
            disability: Latest::NONE,
            needs: [NEVER; NEEDS],
            benefits: [NEVER; BENEFITS],
        }
    }

    /// Takes in a row of this person; `household` is the keyed hash of its household number.
    pub(crate) fn note(&mut self, row: &Row<'_>, household: Option<[u8; 32]>) {
        let day = row.day;
        self.last_day = self.last_day.max(day);
        self.sex.note(day, row.sex);
        self.birth.note(day, row.birth);
        self.citizenship.note(day, row.citizenship);
        self.home
            .note(day, row.nil.map(|nil| (nil, row.municipio.unwrap_or(0))));
        self.municipio.note(day, row.municipio);
        self.household.note(day, household);
        self.income_band.note(day, row.income_band);
        self.disability.note(day, row.disability);
        if let Some(need) = row.need {
            let first = &mut self.needs[need as usize];
            *first = day.month().min(*first);
        }
        if let Some(benefit) = row.benefit {
            let first = &mut self.benefits[benefit as usize];
            *first = day.month().min(*first);
        }
    }

    /// Month of birth: as recorded, else, where the mapping allows it, from the codice fiscale.
    pub(crate) fn birth_month(&self, derive: bool) -> Option<u16> {
        let derived = || self.code.birth_date(self.last_day.date()).and_then(Day::of);
        self.birth
            .value()
            .or_else(|| derive.then(derived).flatten())
            .map(Day::month)
    }

    /// Recorded sex, else, where the mapping allows it, from the codice fiscale.
    pub(crate) fn recorded_sex(&self, derive: bool) -> Sex {
        let known = self.sex.value().filter(|sex| *sex != Sex::Unknown);
        known.unwrap_or(if derive {
            self.code.sex()
        } else {
            Sex::Unknown
        })
    }
}
