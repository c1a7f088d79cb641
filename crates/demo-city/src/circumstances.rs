//! What happens to a client besides service events: needs, benefits, place in the household, work, dwelling.
//! It is drawn from the person and the household alone, so that every organisation meets the same person.

use crate::margins::HouseholdKind;
use crate::population::{Citizenship, Household, Person, Population};
use crate::rng::Rng;

/// Need ids, in the order of the bits of [`Circumstances::needs`].
pub(crate) const NEEDS: [&str; 31] = [
    "housing",
    "food",
    "care",
    "work",
    "education",
    "isolation",
    "eviction",
    "debt",
    "utilities",
    "digital",
    "language",
    "documents",
    "health-access",
    "mobility",
    "parenting",
    "child-protection",
    "family-conflict",
    "maternity",
    "mental-health",
    "addiction",
    "gambling",
    "hiv",
    "violence",
    "trafficking",
    "justice",
    "school-dropout",
    "dementia",
    "dependency",
    "respite",
    "asylum",
    "unaccompanied",
];

/// Benefit ids, in the order of the bits of [`Circumstances::benefits`].
pub(crate) const BENEFITS: [&str; 32] = [
    "adi",
    "carer-allowance",
    "disability-allowance",
    "rent-aid",
    "family-allowance",
    "maternity-allowance",
    "purchase-card",
    "income-supplement",
    "shopping-vouchers",
    "nursery-aid",
    "school-aid",
    "treatment-aid",
    "home-care-aid",
    "day-centre-aid",
    "residential-aid",
    "transport-aid",
    "work-grant",
    "scholarship",
    "foster-aid",
    "utility-bonus",
    "tax-relief",
    "school-meals",
    "public-housing",
    "disability-pension",
    "attendance-allowance",
    "frequency-allowance",
    "communication-allowance",
    "social-allowance",
    "care-leave",
    "severe-disability-fund",
    "after-us",
    "citizenship-income",
];
/// Its place among the benefits: the one that ended in 2023 when the first began.
pub(crate) const CITIZENSHIP_INCOME: u8 = 31;

/// Words of the register for places in the household.
pub(crate) const ROLES: [&str; 6] = [
    "CAPOFAMIGLIA",
    "PARTNER",
    "FIGLIO",
    "GENITORE",
    "PARENTE",
    "ALTRO",
];
/// Their public ids.
pub(crate) const ROLE_IDS: [&str; 6] = ["head", "partner", "child", "parent", "relative", "other"];

/// Ids of conditions in work and study.
pub(crate) const OCCUPATIONS: [&str; 8] = [
    "employed",
    "unemployed",
    "first-job",
    "homemaker",
    "student",
    "retired",
    "unable",
    "other",
];
const EMPLOYED: u8 = 0;
const UNEMPLOYED: u8 = 1;
const FIRST_JOB: u8 = 2;
const HOMEMAKER: u8 = 3;
const STUDENT: u8 = 4;
const RETIRED: u8 = 5;
const UNABLE: u8 = 6;
const OTHER: u8 = 7;

/// Ids of dwellings.
pub(crate) const DWELLINGS: [&str; 11] = [
    "home",
    "relatives",
    "foster-family",
    "residential",
    "health-facility",
    "prison",
    "friends",
    "homeless",
    "shelter",
    "supported-housing",
    "settlement",
];
const FOSTER_FAMILY: u8 = 2;
const RESIDENTIAL: u8 = 3;

/// The circumstances of a person, the same for all organisations that know them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// Bits in the order of [`NEEDS`].
    pub(crate) needs: u32,
    /// Bits in the order of [`BENEFITS`].
    pub(crate) benefits: u32,
    /// Index into [`ROLES`].
    pub(crate) role: u8,
    /// Whether the person cares for a relative.
    pub(crate) carer: bool,
    /// Index into [`OCCUPATIONS`] before and after the change; `None` of small children.
    occupation: Option<[u8; 2]>,
    /// Month of the window in which the occupation changes.
    occupation_changes: u8,
    /// Index into [`DWELLINGS`].
    pub(crate) dwelling: u8,
    /// Whether the address is protected.
    pub(crate) protected: bool,
}

impl Circumstances {
    /// Condition in work and study in the window's month `index`.
    pub(crate) fn occupation_in(&self, index: usize) -> Option<u8> {
        let [before, after] = self.occupation?;
        Some(if index < usize::from(self.occupation_changes) {
            before
        } else {
            after
        })
    }
}

/// A person as circumstances are drawn for, in July 2023, the middle of the window.
struct Case<'a> {
    person: &'a Person,
    household: &'a Household,
    members: &'a [Person],
    age: u16,
    /// Draws of the person, and draws that all members share.
    own: Rng,
    shared: Rng,
}

/// The circumstances of a person.
pub(crate) fn circumstances(city: &Population, index: u32, seed: u64) -> Circumstances {
    let person: &Person = &city.persons[index as usize];
    let household = city.household_of(index);
    let first = household.first as usize;
    let mut case = Case {
        person,
        household,
        members: &city.persons[first..first + usize::from(household.size)],
        age: person.age_in(30),
        own: Rng::stream(seed, &[5, u64::from(index)]),
        shared: Rng::stream(seed, &[6, u64::from(person.household)]),
    };
    let (needs, benefits) = case.first_needs_and_benefits();
    // What came later has streams of its own.
    case.own = Rng::stream(seed, &[10, u64::from(index)]);
    case.shared = Rng::stream(seed, &[11, u64::from(person.household)]);
    let role = case.role(index == household.first);
    let carer = case.carer();
    let dwelling = case.dwelling();
    let (occupation, occupation_changes) = case.occupation();
    let needs = case.further_needs(needs, role, carer);
    let benefits = case.further_benefits(benefits, needs, carer, dwelling);
    let has = |id: &str| needs >> place(&NEEDS, id) & 1 == 1;
    let protected =
        has("violence") && case.own.chance(0.5) || has("child-protection") && case.own.chance(0.25);
    Circumstances {
        needs,
        benefits,
        role,
        carer,
        occupation,
        occupation_changes,
        dwelling,
        protected,
    }
}

/// The place of an id in a list; beyond it for one that is not there, which sets no bit that has a name.
fn place(ids: &[&str], id: &str) -> usize {
    let found = ids.iter().position(|known| *known == id);
    debug_assert!(found.is_some(), "{id}");
    found.unwrap_or(31)
}

fn bits(ids: &[&str], set: &[(&str, bool)]) -> u32 {
    (set.iter().filter(|(_, set)| *set)).fold(0, |bits, (id, _)| bits | 1 << place(ids, id))
}

impl Case<'_> {
    fn is_foreign(&self) -> bool {
        self.household.origin != 0
    }

    fn is_non_eu(&self) -> bool {
        self.household.citizenship() == Citizenship::NonEu
    }

    /// Needs and benefits that turn on income, age and disability alone.
    fn first_needs_and_benefits(&mut self) -> (u32, u32) {
        let (age, isee, grade) = (self.age, self.household.isee, self.person.disability);
        let (own, shared) = (&mut self.own, &mut self.shared);
        let housing = shared.chance(by_income(isee, [0.35, 0.25, 0.12, 0.03]));
        let food = shared.chance(by_income(isee, [0.5, 0.25, 0.06, 0.01]));
        let poor = shared.chance(by_income(isee, [0.55, 0.35, 0.0, 0.0]));
        let rent = housing && isee < 15_000.0 && shared.chance(0.6);
        let care = own.chance(match (grade, age) {
            (2.., _) => 0.8,
            (_, 80..) => 0.5,
            (_, 75..) => 0.3,
            _ => 0.02,
        });
        let work = (18..65).contains(&age) && own.chance(by_income(isee, [0.45, 0.35, 0.15, 0.04]));
        let foreign = self.household.origin != 0;
        let education = (3..18).contains(&age) && own.chance(if foreign { 0.45 } else { 0.25 });
        let alone = self.household.size == 1 && age >= 65;
        let isolation = own.chance(if alone { 0.4 } else { 0.04 });
        let carer = (grade == 3 || (age >= 85 && care)) && own.chance(0.35);
        let allowance = grade >= 2 && own.chance(0.7);
        let needs = bits(
            &NEEDS,
            &[
                ("housing", housing),
                ("food", food),
                ("care", care),
                ("work", work),
                ("education", education),
                ("isolation", isolation),
            ],
        );
        let benefits = bits(
            &BENEFITS,
            &[
                ("adi", poor),
                ("carer-allowance", carer),
                ("disability-allowance", allowance),
                ("rent-aid", rent),
            ],
        );
        (needs, benefits)
    }

    fn role(&mut self, is_head: bool) -> u8 {
        let couple = matches!(
            self.household.kind,
            HouseholdKind::Couple
                | HouseholdKind::CoupleWithMinors
                | HouseholdKind::CoupleWithAdultChildren
        );
        let head = &self.members[0];
        let is_second =
            (self.members.get(1)).is_some_and(|second| std::ptr::eq(second, self.person));
        let years = |days: i32| days / 365;
        match years(self.person.birth_day - head.birth_day) {
            _ if is_head => 0,
            _ if is_second && couple => 1,
            15.. => 2,
            ..=-16 => 3,
            _ if self.own.chance(0.5) => 4,
            _ => 5,
        }
    }

    /// Adults care for members who are disabled or very old.
    fn carer(&mut self) -> bool {
        let is_cared_for = |member: &Person| member.disability >= 2 || member.age_in(30) >= 85;
        let somebody = (self.members.iter())
            .any(|member| !std::ptr::eq(member, self.person) && is_cared_for(member));
        let chance = match (somebody, self.age) {
            (_, ..16) => 0.0,
            (true, 16..18) => 0.1,
            (true, _) => 0.4,
            (false, _) => 0.015,
        };
        self.own.chance(chance)
    }

    fn dwelling(&mut self) -> u8 {
        let settlement = self.is_foreign() && self.household.isee < 15_000.0;
        if settlement && self.shared.chance(0.02) {
            return 10;
        }
        let poor = self.household.isee < 9_360.0;
        let alone = self.household.size == 1;
        // In the order of `DWELLINGS`, up to supported housing.
        let weights = match self.age {
            ..18 => [93.0, 2.0, 1.6, 1.9, 0.1, 0.0, 0.0, 0.0, 0.0, 1.0],
            18..65 if poor && alone => [70.0, 4.0, 0.0, 1.0, 0.5, 1.0, 6.0, 5.0, 7.0, 5.0],
            18..65 => [95.0, 1.5, 0.0, 0.2, 0.1, 0.3, 1.0, 0.2, 0.3, 1.0],
            65..80 => [96.0, 0.5, 0.0, 1.5, 0.5, 0.0, 0.2, 0.3, 0.3, 0.5],
            _ => [88.0, 0.5, 0.0, 9.0, 2.0, 0.0, 0.0, 0.0, 0.1, 0.3],
        };
        self.own.weighted(&weights) as u8
    }

    fn occupation(&mut self) -> (Option<[u8; 2]>, u8) {
        let isee = self.household.isee;
        let changes = self.own.below(60) as u8;
        let first = match self.age {
            ..6 => return (None, changes),
            6..18 => STUDENT,
            18..25 => [STUDENT, EMPLOYED, UNEMPLOYED, FIRST_JOB, OTHER]
                [self.own.weighted(&[50.0, 25.0, 8.0, 12.0, 5.0])],
            25..67 if self.person.disability >= 2 && self.own.chance(0.5) => UNABLE,
            25..60 => {
                let employed = by_income(isee, [30.0, 45.0, 65.0, 85.0]);
                let home = if self.person.female { 15.0 } else { 2.0 };
                [EMPLOYED, UNEMPLOYED, FIRST_JOB, HOMEMAKER, OTHER]
                    [self.own.weighted(&[employed, 25.0, 1.0, home, 5.0])]
            }
            60..67 => {
                [EMPLOYED, UNEMPLOYED, RETIRED, OTHER][self.own.weighted(&[40.0, 15.0, 40.0, 5.0])]
            }
            _ => [RETIRED, HOMEMAKER, OTHER][self.own.weighted(&[85.0, 12.0, 3.0])],
        };
        let then = match first {
            EMPLOYED if self.own.chance(0.15) => UNEMPLOYED,
            UNEMPLOYED | FIRST_JOB if self.own.chance(0.3) => EMPLOYED,
            same => same,
        };
        (Some([first, then]), changes)
    }

    fn further_needs(&mut self, first: u32, role: u8, carer: bool) -> u32 {
        let (age, isee) = (self.age, self.household.isee);
        let (foreign, non_eu) = (self.is_foreign(), self.is_non_eu());
        let (female, grade) = (self.person.female, self.person.disability);
        let minors = self.members.iter().any(|member| member.age_in(30) < 18);
        let infant = self.members.iter().any(|member| member.age_in(30) < 2);
        let adult = age >= 18;
        let housing = first & 1 == 1;
        let (own, shared) = (&mut self.own, &mut self.shared);
        // Draws that members share come in a fixed order, whoever is asked for.
        let eviction = shared.chance(0.25);
        let debt = shared.chance(by_income(isee, [0.15, 0.1, 0.06, 0.02]));
        let utilities = shared.chance(by_income(isee, [0.3, 0.2, 0.08, 0.01]));
        let conflict = shared.chance(0.03);
        let protection = shared.chance(0.04);
        let mut draw =
            |condition: bool, chance: f64| own.chance(if condition { chance } else { 0.0 });
        let addiction = draw(age >= 14, if adult { 0.025 } else { 0.015 });
        let set = [
            ("eviction", housing && eviction),
            ("debt", debt && adult),
            ("utilities", utilities),
            ("digital", draw(true, if age >= 65 { 0.15 } else { 0.03 })),
            ("language", draw(foreign && age >= 6, 0.3)),
            ("documents", draw(true, if foreign { 0.15 } else { 0.01 })),
            (
                "health-access",
                draw(true, by_income(isee, [0.1, 0.08, 0.04, 0.02])),
            ),
            (
                "mobility",
                draw(true, if age >= 75 || grade >= 2 { 0.18 } else { 0.01 }),
            ),
            ("parenting", draw(adult && minors && role <= 1, 0.12)),
            ("child-protection", protection && !adult),
            ("family-conflict", conflict && self.household.size > 1),
            (
                "maternity",
                draw(
                    female && (16..46).contains(&age),
                    if infant { 0.4 } else { 0.03 },
                ),
            ),
            (
                "mental-health",
                draw(age >= 11, if addiction { 0.35 } else { 0.05 }),
            ),
            ("addiction", addiction),
            ("gambling", draw(adult, 0.015)),
            ("hiv", draw(adult, 0.01)),
            (
                "violence",
                draw(true, if female && adult { 0.03 } else { 0.008 }),
            ),
            ("trafficking", draw(non_eu && (16..46).contains(&age), 0.03)),
            (
                "justice",
                draw(age >= 14, if female || age >= 65 { 0.004 } else { 0.02 }),
            ),
            ("school-dropout", draw((11..23).contains(&age), 0.07)),
            (
                "dementia",
                draw(age >= 65, if age >= 75 { 0.14 } else { 0.04 }),
            ),
            (
                "dependency",
                draw(
                    true,
                    match (grade, age) {
                        (3, _) => 0.5,
                        (_, 85..) => 0.35,
                        (_, 75..) => 0.1,
                        _ => 0.003,
                    },
                ),
            ),
            ("respite", draw(carer, 0.5)),
            ("asylum", draw(non_eu, 0.06)),
            (
                "unaccompanied",
                draw(non_eu && (10..18).contains(&age), 0.12),
            ),
        ];
        first | bits(&NEEDS, &set)
    }

    fn further_benefits(&mut self, first: u32, needs: u32, carer: bool, dwelling: u8) -> u32 {
        let (age, isee, grade) = (self.age, self.household.isee, self.person.disability);
        let minors = self
            .members
            .iter()
            .filter(|member| member.age_in(30) < 18)
            .count();
        let has = |id: &str| needs >> place(&NEEDS, id) & 1 == 1;
        let (own, shared) = (&mut self.own, &mut self.shared);
        let family = shared.chance(0.5) && minors >= 3 && isee < 9_360.0;
        let supplement = shared.chance(by_income(isee, [0.2, 0.15, 0.05, 0.0]));
        let public_housing = shared.chance(by_income(isee, [0.2, 0.15, 0.08, 0.01]));
        let poor = isee < 9_360.0;
        let modest = isee < 15_000.0;
        let mut draw =
            |condition: bool, chance: f64| own.chance(if condition { chance } else { 0.0 });
        let set = [
            ("family-allowance", family),
            ("maternity-allowance", draw(has("maternity"), 0.4)),
            ("purchase-card", draw(age >= 65 && poor, 0.3)),
            ("income-supplement", supplement),
            ("shopping-vouchers", draw(has("food"), 0.3)),
            ("nursery-aid", draw(age <= 2 && modest, 0.4)),
            ("school-aid", draw((6..18).contains(&age) && modest, 0.25)),
            ("treatment-aid", draw(true, 0.01)),
            ("home-care-aid", draw(has("care"), 0.15)),
            ("day-centre-aid", draw(grade >= 2, 0.15)),
            ("residential-aid", draw(dwelling == RESIDENTIAL, 0.5)),
            ("transport-aid", draw(has("mobility"), 0.3)),
            ("work-grant", draw(has("work"), 0.1)),
            ("scholarship", draw((14..25).contains(&age) && modest, 0.12)),
            ("foster-aid", draw(dwelling == FOSTER_FAMILY, 0.7)),
            ("utility-bonus", draw(has("utilities"), 0.4)),
            ("tax-relief", draw(poor, 0.15)),
            ("school-meals", draw((3..11).contains(&age) && modest, 0.35)),
            ("public-housing", public_housing),
            ("disability-pension", draw(grade == 3, 0.4)),
            (
                "attendance-allowance",
                draw(grade == 3 || has("dependency"), 0.4),
            ),
            ("frequency-allowance", draw(grade >= 1 && age < 18, 0.5)),
            ("communication-allowance", draw(grade >= 2, 0.06)),
            ("social-allowance", draw(age >= 67 && poor, 0.4)),
            ("care-leave", draw(carer, 0.2)),
            ("severe-disability-fund", draw(grade == 3, 0.2)),
            (
                "after-us",
                draw(grade == 3 && (18..65).contains(&age), 0.25),
            ),
            // It was paid to those who would receive its successor.
            ("citizenship-income", draw(first & 1 == 1, 0.7)),
        ];
        first | bits(&BENEFITS, &set)
    }
}

/// The value for incomes up to 6,000, 9,360, 15,000 euro and above.
fn by_income(isee: f32, values: [f64; 4]) -> f64 {
    match isee {
        ..=6_000.0 => values[0],
        ..=9_360.0 => values[1],
        ..=15_000.0 => values[2],
        _ => values[3],
    }
}
