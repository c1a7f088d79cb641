//! What is recorded of a person in few words each, packed into one integer.

use taxonomy::model::{CitizenshipGroup, HouseholdRole, Sex};

const SEX: Bits = Bits { from: 0, count: 2 };
const CITIZENSHIP: Bits = Bits { from: 2, count: 2 };
const ROLE: Bits = Bits { from: 4, count: 3 };
const CARER: Bits = Bits { from: 7, count: 2 };
/// All bits in use.
const ALL: u16 = 0x1ff;

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

/// Sex, group of citizenships, place in the household, and whether the person is a carer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits(u16);

impl Traits {
    pub(crate) fn new(
        sex: Sex,
        citizenship: Option<CitizenshipGroup>,
        role: Option<HouseholdRole>,
        carer: Option<bool>,
    ) -> Traits {
        Traits(
            SEX.set(Some(sex as u8))
                | CITIZENSHIP.set(citizenship.map(|group| group as u8))
                | ROLE.set(role.map(|role| role as u8))
                | CARER.set(carer.map(u8::from)),
        )
    }

    /// Traits as stored, where they are some.
    pub(crate) fn from_bits(bits: u16) -> Option<Traits> {
        let traits = Traits(bits);
        let sex = SEX.get(bits).map(usize::from);
        let citizenship = CITIZENSHIP.get(bits).map_or(0, usize::from);
        let role = ROLE.get(bits).map_or(0, usize::from);
        (bits & !ALL == 0
            && sex.is_some_and(|sex| sex < Sex::ALL.len())
            && citizenship < CitizenshipGroup::ALL.len()
            && role < HouseholdRole::ALL.len()
            && CARER.get(bits).is_none_or(|carer| carer <= 1))
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

    pub(crate) fn role(self) -> Option<HouseholdRole> {
        HouseholdRole::ALL
            .get(usize::from(ROLE.get(self.0)?))
            .copied()
    }

    pub(crate) fn carer(self) -> Option<bool> {
        CARER.get(self.0).map(|carer| carer == 1)
    }
}

// A vocabulary that outgrows its bits needs a new version of the file.
const _: () =
    assert!(Sex::ALL.len() < 4 && CitizenshipGroup::ALL.len() < 4 && HouseholdRole::ALL.len() < 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_reads_back_as_it_was_stored() {
        for sex in Sex::ALL {
            for group in (CitizenshipGroup::ALL.iter().copied().map(Some)).chain([None]) {
                for role in (HouseholdRole::ALL.iter().copied().map(Some)).chain([None]) {
                    for carer in [Some(false), Some(true), None] {
                        let traits = Traits::new(*sex, group, role, carer);
                        assert_eq!(Traits::from_bits(traits.bits()), Some(traits));
                        let read = (traits.sex(), traits.citizenship());
                        assert_eq!(read, (*sex, group));
                        assert_eq!((traits.role(), traits.carer()), (role, carer));
                    }
                }
            }
        }
        assert_eq!(Traits::from_bits(3), None, "a sex that is none");
        assert_eq!(Traits::from_bits(1 << 11), None, "a bit nobody uses");
    }
}
