//! What is recorded of a person in few words each, packed into one integer.

use taxonomy::model::{CitizenshipGroup, Sex};

const SEX: Bits = Bits { from: 0, count: 2 };
const CITIZENSHIP: Bits = Bits { from: 2, count: 2 };
const DISABILITY: Bits = Bits { from: 4, count: 3 };
const INCOME: Bits = Bits { from: 7, count: 4 };
/// All bits in use.
const ALL: u16 = 0x7ff;

/// Some bits of the integer. All of them set mean that the value is not known.
struct Bits {
    from: u16,
    count: u16,
}

impl Bits {
    const fn unknown(&self) -> u16 {
        (1 << self.count) - 1
    }

    fn get(&self, all: u16) -> Option<u8> {
        let value = all >> self.from & self.unknown();
        (value != self.unknown()).then_some(value as u8)
    }

    fn set(&self, value: Option<u8>) -> u16 {
        value.map_or(self.unknown(), |value| u16::from(value).min(self.unknown())) << self.from
    }
}

/// Sex, group of citizenships, grade of disability and ISEE band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits(u16);

impl Traits {
    pub(crate) fn new(
        sex: Sex,
        citizenship: Option<CitizenshipGroup>,
        disability: Option<u8>,
        income_band: Option<u8>,
    ) -> Traits {
        Traits(
            SEX.set(Some(sex as u8))
                | CITIZENSHIP.set(citizenship.map(|group| group as u8))
                | DISABILITY.set(disability)
                | INCOME.set(income_band),
        )
    }

    /// Traits as stored, where they are some.
    pub(crate) fn from_bits(bits: u16) -> Option<Traits> {
        let traits = Traits(bits);
        let sex = SEX.get(bits).map(usize::from);
        let citizenship = CITIZENSHIP.get(bits).map_or(0, usize::from);
        (bits & !ALL == 0
            && sex.is_some_and(|sex| sex < Sex::ALL.len())
            && citizenship < CitizenshipGroup::ALL.len())
        .then_some(traits)
    }

    pub(crate) fn bits(self) -> u16 {
        self.0
    }

    pub(crate) fn sex(self) -> Sex {
        let sex = SEX
            .get(self.0)
            .and_then(|sex| Sex::ALL.get(usize::from(sex)));
        sex.copied().unwrap_or(Sex::Unknown)
    }

    pub(crate) fn citizenship(self) -> Option<CitizenshipGroup> {
        let group = CITIZENSHIP.get(self.0)?;
        CitizenshipGroup::ALL.get(usize::from(group)).copied()
    }

    pub(crate) fn disability(self) -> Option<u8> {
        DISABILITY.get(self.0)
    }

    pub(crate) fn income_band(self) -> Option<u8> {
        INCOME.get(self.0)
    }
}

// A vocabulary that outgrows its bits needs a new version of the file.
const _: () = assert!(Sex::ALL.len() < 4 && CitizenshipGroup::ALL.len() < 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_reads_back_as_it_was_stored() {
        let or_unknown = |most: u8| (0..=most).map(Some).chain([None]);
        for sex in Sex::ALL {
            for group in (CitizenshipGroup::ALL.iter().copied().map(Some)).chain([None]) {
                for disability in or_unknown(3) {
                    for income in or_unknown(5) {
                        let traits = Traits::new(*sex, group, disability, income);
                        assert_eq!(Traits::from_bits(traits.bits()), Some(traits));
                        let read = (traits.sex(), traits.citizenship());
                        assert_eq!(read, (*sex, group));
                        assert_eq!(
                            (traits.disability(), traits.income_band()),
                            (disability, income)
                        );
                    }
                }
            }
        }
        assert_eq!(Traits::from_bits(3), None, "a sex that is none");
        assert_eq!(Traits::from_bits(1 << 11), None, "a bit nobody uses");
    }
}
