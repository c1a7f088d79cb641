//! The organisations of the demo city: size, services offered, and whom each of them knows.
//! Names are invented; no real body's clients or numbers are behind them.

use crate::intake::Intake;
use crate::population::{Citizenship, Household, Person};

/// Service ids, in the order of the events' service index.
pub const SERVICES: [&str; 10] = [
    "social-secretariat",
    "home-care",
    "day-centre",
    "food-aid",
    "economic-aid",
    "housing-support",
    "minors-education",
    "language-course",
    "job-support",
    "meals-at-home",
];

/// Number of organisations with a profile of their own; further ones are small associations made from their number.
pub const NAMED_ORGANISATIONS: usize = 6;

/// How far a register knows where its clients live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HomeKnowledge {
    /// NIL and municipio.
    Full,
    /// The NIL alone.
    NilOnly,
    /// NIL and municipio, but of three clients in ten the municipio alone.
    OftenMunicipioOnly,
}

/// One organisation and its character.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Distinct clients over the five years at scale 1.
    pub(crate) clients: u64,
    /// Services offered (index into [`SERVICES`]) and how often a client uses them.
    pub(crate) services: Vec<(usize, f64)>,
    /// Rates at which people of the ages 0-5, 6-17, 18-34, 35-64, 65-74, 75 and over come.
    ages: [f64; 6],
    /// Weights of Italian, EU and other citizens.
    citizenship: [f64; 3],
    /// How strongly low income draws people to it (0 = not at all).
    poverty: f64,
    /// Factor for disabled people.
    disability: f64,
    /// Weights of the municipi 1..=9.
    territory: [f64; 9],
    /// Chance that a further member of a client's household is a client too.
    pub(crate) whole_households: f64,
    /// Share of clients whose household it knows.
    pub(crate) knows_household: f64,
    pub(crate) home: HomeKnowledge,
    /// Mean rows per client, and the share of very heavy users among clients.
    pub(crate) mean_rows: f64,
    pub(crate) heavy: f64,
    /// Capital letters in front of its household numbers.
    pub(crate) prefix: String,
}

impl Profile {
    /// How much it works in a municipio, 0 to 1.
    pub(crate) fn works_in(&self, municipio: u8) -> f64 {
        self.territory[usize::from(municipio).clamp(1, 9) - 1]
    }

    /// When it takes a person in.
    pub(crate) fn intake(&self, person: &Person) -> Intake<'_> {
        Intake::of(&self.ages, person)
    }

    /// How likely somebody who lives all through the window becomes a client, relative to others, at the age in it of which most come.
    pub(crate) fn rate(&self, person: &Person, household: &Household) -> f64 {
        let citizenship = match household.citizenship() {
            Citizenship::Italian => 0,
            Citizenship::Eu => 1,
            Citizenship::NonEu => 2,
        };
        let income = (10_000.0 / f64::from(household.isee.max(1_000.0)))
            .clamp(0.12, 4.0)
            .powf(self.poverty);
        let disability = if person.disability >= 2 {
            self.disability
        } else {
            1.0
        };
        let municipio = usize::from(household.homes[0].1).clamp(1, 9) - 1;
        self.intake(person).rate()
            * self.citizenship[citizenship]
            * income
            * disability
            * self.territory[municipio]
    }
}

/// Profiles of the first `count` organisations, in the fixed order of the demo.
pub(crate) fn profiles(count: usize) -> Vec<Profile> {
    let mut all = named();
    all.truncate(count);
    all.extend((all.len()..count).map(small_association));
    all
}

fn territory(favoured: &[usize], elsewhere: f64) -> [f64; 9] {
    std::array::from_fn(|index| {
        if favoured.contains(&(index + 1)) {
            1.0
        } else {
            elsewhere
        }
    })
}

fn named() -> Vec<Profile> {
    vec![
        Profile {
            id: "comune-milano".into(),
            name: "Comune di Milano, servizi sociali".into(),
            clients: 150_000,
            services: vec![
                (0, 3.0),
                (1, 1.6),
                (2, 0.6),
                (3, 0.5),
                (4, 1.8),
                (5, 1.2),
                (6, 1.2),
                (7, 0.4),
                (8, 0.9),
                (9, 0.8),
            ],
            ages: [1.0, 1.3, 0.7, 0.8, 1.0, 2.2],
            citizenship: [1.0, 1.1, 1.3],
            poverty: 0.6,
            disability: 3.0,
            territory: [1.0; 9],
            whole_households: 0.55,
            knows_household: 0.96,
            home: HomeKnowledge::Full,
            mean_rows: 12.0,
            heavy: 0.002,
            prefix: "CM".into(),
        },
        Profile {
            id: "fondazione-navigli".into(),
            name: "Fondazione Navigli".into(),
            clients: 60_000,
            services: vec![(3, 1.5), (4, 2.0), (5, 1.8), (8, 1.0), (0, 0.8)],
            ages: [0.8, 0.9, 1.0, 1.2, 0.8, 0.6],
            citizenship: [1.0, 1.4, 1.7],
            poverty: 1.1,
            disability: 1.3,
            territory: territory(&[1, 5, 6], 0.4),
            whole_households: 0.45,
            knows_household: 0.85,
            home: HomeKnowledge::Full,
            mean_rows: 11.0,
            heavy: 0.001,
            prefix: "FN".into(),
        },
        Profile {
            id: "cooperativa-girasole".into(),
            name: "Cooperativa sociale Girasole".into(),
            clients: 25_000,
            services: vec![(1, 3.0), (2, 1.0), (9, 1.4)],
            ages: [0.05, 0.1, 0.1, 0.25, 1.2, 4.0],
            citizenship: [1.0, 0.6, 0.5],
            poverty: 0.2,
            disability: 6.0,
            territory: territory(&[2, 3, 4, 7], 0.6),
            whole_households: 0.12,
            knows_household: 0.8,
            home: HomeKnowledge::Full,
            mean_rows: 18.0,
            heavy: 0.006,
            prefix: "GI".into(),
        },
        Profile {
            id: "associazione-porta-aperta".into(),
            name: "Associazione Porta Aperta".into(),
            clients: 12_000,
            services: vec![(3, 2.0), (7, 1.8), (8, 1.2), (0, 1.0)],
            ages: [0.4, 0.7, 1.5, 1.2, 0.3, 0.15],
            citizenship: [0.35, 1.5, 4.0],
            poverty: 1.2,
            disability: 1.0,
            territory: territory(&[2, 9, 8], 0.5),
            whole_households: 0.3,
            knows_household: 0.7,
            home: HomeKnowledge::Full,
            mean_rows: 12.0,
            heavy: 0.001,
            prefix: "PA".into(),
        },
        Profile {
            id: "cooperativa-lambro".into(),
            name: "Cooperativa sociale Lambro".into(),
            clients: 6_000,
            services: vec![(6, 3.0), (7, 0.7), (1, 0.5), (2, 0.5)],
            ages: [0.8, 5.0, 0.5, 0.4, 0.2, 0.3],
            citizenship: [1.0, 1.3, 1.6],
            poverty: 0.5,
            disability: 3.0,
            territory: territory(&[2, 3, 4], 0.15),
            whole_households: 0.4,
            knows_household: 0.75,
            home: HomeKnowledge::NilOnly,
            mean_rows: 15.0,
            heavy: 0.002,
            prefix: "CL".into(),
        },
        Profile {
            id: "associazione-ortica".into(),
            name: "Associazione Ortica solidale".into(),
            clients: 3_000,
            services: vec![(3, 2.0), (0, 1.0), (9, 1.0)],
            ages: [0.5, 0.6, 0.7, 1.0, 1.2, 1.6],
            citizenship: [1.0, 1.2, 1.3],
            poverty: 0.9,
            disability: 1.5,
            territory: territory(&[3], 0.03),
            whole_households: 0.3,
            knows_household: 0.6,
            home: HomeKnowledge::OftenMunicipioOnly,
            mean_rows: 10.0,
            heavy: 0.001,
            prefix: "OR".into(),
        },
    ]
}

/// The association number `index` (7th and later): one municipio, two or three services, 800 to 5,600 clients.
fn small_association(index: usize) -> Profile {
    let turn = index - NAMED_ORGANISATIONS.min(index);
    let municipio = turn % 9 + 1;
    let services = [
        vec![(3, 2.0), (0, 1.0)],
        vec![(6, 2.0), (7, 1.0)],
        vec![(9, 1.5), (1, 1.0), (2, 0.5)],
        vec![(8, 1.0), (7, 1.0), (0, 1.0)],
    ];
    let ages = [
        [1.0; 6],
        [0.8, 4.0, 0.8, 0.5, 0.2, 0.2],
        [0.05, 0.1, 0.1, 0.3, 1.5, 4.0],
        [0.1, 0.4, 1.5, 1.2, 0.3, 0.1],
    ];
    Profile {
        id: format!("associazione-quartiere-{:03}", index + 1),
        name: format!(
            "Associazione di quartiere {}, Municipio {municipio}",
            index + 1
        ),
        clients: 800 + (turn as u64 * 1_700) % 4_900,
        services: services[turn % 4].clone(),
        ages: ages[turn % 4],
        citizenship: [1.0, 1.2, 1.0 + (turn % 3) as f64],
        poverty: 0.8,
        disability: 1.5,
        territory: territory(&[municipio], 0.05),
        whole_households: 0.3,
        knows_household: 0.7,
        home: if turn % 5 == 4 {
            HomeKnowledge::NilOnly
        } else {
            HomeKnowledge::Full
        },
        mean_rows: 10.0,
        heavy: 0.001,
        prefix: format!("Q{:03}", index + 1),
    }
}
