//! Who is a client of which organisation, and the identity of each client.
//! Only clients get a name and a codice fiscale; nobody else of the city ever appears in a register.

use std::collections::HashSet;

use crate::calendar::{civil_later, day_of};
use crate::codice_fiscale::{codice_fiscale, omocodia};
use crate::names;
use crate::organisations::Profile;
use crate::population::Population;
use crate::rng::Rng;

/// One client of one organisation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    /// Index of the person in the population.
    pub(crate) person: u32,
    /// Number of the household in this organisation; 0 when it does not know it.
    pub(crate) household_number: u32,
}

/// Chooses the distinct clients of an organisation, whole households often together.
///
/// Households are drawn without replacement in proportion to their members' rates and presences (Efraimidis and Spirakis, 2006);
/// `reliance` is shared by all organisations, which is what makes their clienteles overlap.
pub(crate) fn choose(
    city: &Population,
    profile: &Profile,
    number: usize,
    seed: u64,
    scale: f64,
) -> Vec<Client> {
    let mut rng = Rng::stream(seed, &[2, number as u64]);
    let wanted =
        ((profile.clients as f64 * scale).round() as usize).clamp(1, city.persons.len().max(1));
    let mut order: Vec<(f64, u32)> = Vec::with_capacity(city.households.len());
    for (index, household) in city.households.iter().enumerate() {
        let weight: f64 = members(household)
            .map(|p| {
                let person = &city.persons[p as usize];
                profile.rate(person, household) * profile.intake(person).presence()
            })
            .sum();
        order.push((
            rng.exponential() / (weight * f64::from(household.reliance)).max(1e-9),
            index as u32,
        ));
    }
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut clients = Vec::with_capacity(wanted);
    for (households, (_, index)) in order.into_iter().enumerate() {
        if clients.len() >= wanted {
            break;
        }
        let household = &city.households[index as usize];
        let persons = || members(household).map(|p| &city.persons[p as usize]);
        let rates: Vec<f64> = persons()
            .map(|person| profile.rate(person, household).max(1e-9))
            .collect();
        let presences: Vec<f64> = persons()
            .map(|person| profile.intake(person).presence())
            .collect();
        let weights: Vec<f64> = (rates.iter().zip(&presences))
            .map(|(rate, presence)| rate * presence)
            .collect();
        let first = rng.weighted(&weights);
        let most = rates.iter().copied().fold(0.0, f64::max);
        for (position, person) in members(household).enumerate() {
            let joins = position == first
                || rng.chance(
                    profile.whole_households
                        * (rates[position] / most).sqrt()
                        * presences[position],
                );
            if joins && clients.len() < wanted {
                let known = rng.chance(profile.knows_household);
                clients.push(Client {
                    person,
                    household_number: if known { households as u32 + 1 } else { 0 },
                });
            }
        }
    }
    // Registers list clients in no order that tells anything; a stable one makes later steps simple.
    clients.sort_unstable_by_key(|client| client.person);
    clients
}

fn members(household: &crate::population::Household) -> std::ops::Range<u32> {
    household.first..household.first + u32::from(household.size)
}

/// Name and codice fiscale of one client.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) surname: &'static str,
    pub(crate) name: String,
    pub(crate) code: [u8; 16],
}

/// Identities of the given persons (ascending indices), every code unique; some are omocodia variants.
pub(crate) fn identify(
    city: &Population,
    persons: &[u32],
    seed: u64,
    years_later: i32,
) -> Vec<Identity> {
    let mut taken = HashSet::with_capacity(persons.len());
    persons
        .iter()
        .map(|&index| {
            let person = &city.persons[index as usize];
            let household = city.household_of(index);
            let head = &city.persons[household.first as usize];
            let mut own = Rng::stream(seed, &[3, u64::from(index)]);
            let mut shared = Rng::stream(seed, &[4, u64::from(person.household)]);
            let is_child = person.birth_day > head.birth_day + 16 * 365;
            let surname = if index == household.first || is_child {
                names::draw_surname(household.origin, &mut shared)
            } else {
                names::draw_surname(household.origin, &mut own)
            };
            let name = names::draw_name(household.origin, person.female, &mut own);
            let born_lately = person.birth_day >= day_of(2005, 1, 1);
            let place = names::draw_birthplace(household.origin, born_lately, &mut own);
            let plain = codice_fiscale(
                surname,
                &name,
                !person.female,
                civil_later(person.birth_day, years_later),
                place,
            );
            // The authorities change the code of whoever comes second; a few more keep what was changed elsewhere.
            let first_step = if own.chance(0.002) { 1 } else { 0 };
            let code = (first_step..=127)
                .map(|step| {
                    if step == 0 {
                        plain
                    } else {
                        omocodia(plain, step)
                    }
                })
                .find(|code| taken.insert(*code))
                // 128 people of one name, day and place would be needed to come here.
                .unwrap_or(plain);
            Identity {
                surname,
                name,
                code,
            }
        })
        .collect()
}
