//! A person while rows stream in: for each attribute, what the latest row says of it.
//! Nothing here depends on the order of rows, nor on any other person's.

use crate::facts::Statements;
use crate::latest::{Latest, LatestWide};
use crate::person_key::PersonKey;
use crate::row::{Day, HouseholdId, Row};
use crate::traits::Traits;
use taxonomy::model::{CitizenshipGroup, HouseholdRole, Sex};

/// One person's attributes so far. Of two rows of one day the greater value wins.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) person: PersonKey,
    last_day: Day,
    birth: LatestWide,
    /// Place among the values of [`Sex`].
    sex: Latest,
    citizenship: Latest,
    /// NIL, and municipio where the same row has it (0 where not): a home is one statement.
    home: Latest,
    /// Municipio, for registers that know no NIL.
    municipio: Latest,
    role: Latest,
    carer: Latest,
    household: Option<(Day, HouseholdId)>,
    /// Whether any row says that the address is protected.
    protected: bool,
    /// Needs, benefits and conditions.
    pub(crate) statements: Statements,
}

impl Draft {
    pub(crate) fn new(row: &Row) -> Draft {
        Draft {
            person: row.person,
            last_day: row.day,
            birth: LatestWide::default(),
            sex: Latest::default(),
            citizenship: Latest::default(),
            home: Latest::default(),
            municipio: Latest::default(),
            role: Latest::default(),
            carer: Latest::default(),
            household: None,
            protected: false,
            statements: Statements::default(),
        }
    }

    /// Takes in a row of this person.
    pub(crate) fn note(&mut self, row: &Row) {
        let day = row.day;
        let municipio = row.municipio.map(u16::from);
        self.last_day = self.last_day.max(day);
        self.birth.note(day, row.birth.map(Day::number));
        self.sex.note(day, row.sex.map(|sex| sex as u16));
        self.citizenship
            .note(day, row.citizenship.map(|group| group as u16));
        self.home
            .note(day, row.nil.map(|nil| nil << 4 | municipio.unwrap_or(0)));
        self.municipio.note(day, municipio);
        self.role.note(day, row.role.map(|role| role as u16));
        self.carer.note(day, row.carer.map(u16::from));
        self.protected |= row.protected;
        if let Some(household) = row.household {
            self.household = self.household.max(Some((day, household)));
        }
        self.statements.note_row(row);
    }

    /// Month of birth: as recorded, else, where the mapping allows it, from the codice fiscale.
    pub(crate) fn birth_month(&self, derive: bool) -> Option<u16> {
        self.recorded_birth()
            .or_else(|| derive.then(|| self.derived_birth()).flatten())
            .map(Day::month)
    }

    fn recorded_birth(&self) -> Option<Day> {
        self.birth.value().map(Day::from_number)
    }

    fn derived_birth(&self) -> Option<Day> {
        let code = self.person.code()?;
        code.birth_date(self.last_day.date()).and_then(Day::of)
    }

    /// Whether the recorded date of birth, and the recorded sex, differ from those in the codice fiscale. What is not
    /// recorded differs from nothing.
    pub(crate) fn differs_from_code(&self) -> [bool; 2] {
        let births = self.recorded_birth().zip(self.derived_birth());
        let recorded = self.recorded_sex();
        let sexes = recorded.zip(self.person.code().map(|code| code.sex()));
        [
            births.is_some_and(|(recorded, derived)| recorded != derived),
            sexes.is_some_and(|(recorded, derived)| recorded != derived),
        ]
    }

    fn recorded_sex(&self) -> Option<Sex> {
        let sex = self.sex.value()?;
        let sex = Sex::ALL.get(usize::from(sex)).copied();
        sex.filter(|sex| *sex != Sex::Unknown)
    }

    /// Whether nobody may learn where the person lives.
    /// Takes in that the address is protected.
    pub(crate) fn protect(&mut self) {
        self.protected = true;
    }

    pub(crate) fn is_protected(&self) -> bool {
        self.protected
    }

    /// NIL, and municipio where it is known with it.
    pub(crate) fn home(&self) -> Option<(u16, Option<u8>)> {
        let home = self.home.value().filter(|_| !self.protected)?;
        let municipio = (home & 0xf) as u8;
        Some((home >> 4, (municipio > 0).then_some(municipio)))
    }

    /// Municipio, with or without a NIL.
    pub(crate) fn municipio(&self) -> Option<u16> {
        self.municipio.value().filter(|_| !self.protected)
    }

    /// Household.
    pub(crate) fn household(&self) -> Option<HouseholdId> {
        self.household.map(|(_, household)| household)
    }

    /// Sex, citizenship, role and whether a carer; the sex as recorded, else, where the mapping allows it, from the
    /// codice fiscale.
    pub(crate) fn traits(&self, derive: bool) -> Traits {
        let derived = || self.person.code().map(|code| code.sex());
        let sex = (self.recorded_sex())
            .or_else(|| derive.then(derived).flatten())
            .unwrap_or(Sex::Unknown);
        let citizenship = self.citizenship.value();
        Traits::new(
            sex,
            citizenship.and_then(|group| CitizenshipGroup::ALL.get(usize::from(group)).copied()),
            (self.role.value()).and_then(|role| HouseholdRole::ALL.get(usize::from(role)).copied()),
            self.carer.value().map(|carer| carer == 1),
        )
    }
}
