//! The generated population keeps Milan's margins; seeds are fixed, so these tests have no false alarms.

use demo_city::{Citizenship, HouseholdKind, Person, milan, populate};

/// 1 January 2021, in days since 1 January 1970.
const START: i32 = 18_628;

fn resident_at_start(person: &Person) -> bool {
    person.birth_day < START
}

#[test]
fn residents_families_ages_kinds_and_foreigners_follow_the_tables_at_scale_one() {
    let margins = milan();
    let city = populate(&margins, 42, 1.0, &mut |_| {});
    let mut residents = [0_u64; 89];
    let mut families = [0_u64; 89];
    let mut ages = vec![[0_u64; 16]; 89];
    let mut kinds = [0_u64; 7];
    let mut foreigners = [0_u64; 89];
    for person in city
        .persons
        .iter()
        .filter(|person| resident_at_start(person))
    {
        let household = &city.households[person.household as usize];
        let nil = usize::from(household.homes[0].0);
        residents[nil] += 1;
        ages[nil][(((START - person.birth_day) as f64 / 365.25) as usize / 5).min(15)] += 1;
        foreigners[nil] += u64::from(household.citizenship() != Citizenship::Italian);
    }
    for household in &city.households {
        families[usize::from(household.homes[0].0)] += 1;
        kinds[HouseholdKind::ALL
            .iter()
            .position(|kind| *kind == household.kind)
            .unwrap()] += 1;
    }

    // Residents of every NIL exactly, families within 2 in 100 except where the table leaves fewer adults than families.
    for nil in &margins {
        let index = usize::from(nil.nil);
        assert_eq!(
            residents[index], nil.residents,
            "residents of NIL {}",
            nil.nil
        );
        let missing = nil.families.abs_diff(families[index]) as f64;
        assert!(
            missing <= 2.0 + 0.1 * nil.families as f64,
            "families of NIL {}: {}",
            nil.nil,
            families[index]
        );
    }
    let total: u64 = families.iter().sum();
    assert!(total.abs_diff(751_850) < 1_000, "{total} families");

    // Ages: total variation distance from the 2011 shares, city and every NIL of more than 1,000 residents.
    let distance = |counts: &[u64; 16], shares: &[u64; 16]| {
        let (n, m) = (
            counts.iter().sum::<u64>() as f64,
            shares.iter().sum::<u64>() as f64,
        );
        counts
            .iter()
            .zip(shares)
            .map(|(&c, &s)| (c as f64 / n - s as f64 / m).abs())
            .sum::<f64>()
            / 2.0
    };
    for nil in margins.iter().filter(|nil| nil.residents > 1_000) {
        let found = distance(&ages[usize::from(nil.nil)], &nil.ages);
        assert!(found < 0.01, "ages of NIL {}: {found}", nil.nil);
    }

    let kind_total: u64 = margins.iter().flat_map(|nil| nil.kinds).sum();
    for (index, kind) in HouseholdKind::ALL.iter().enumerate() {
        let table =
            margins.iter().map(|nil| nil.kinds[index]).sum::<u64>() as f64 / kind_total as f64;
        let made = kinds[index] as f64 / city.households.len() as f64;
        assert!((table - made).abs() < 0.02, "{kind:?}: {made} for {table}");
    }

    for nil in margins.iter().filter(|nil| nil.residents > 1_000) {
        let index = usize::from(nil.nil);
        let share = foreigners[index] as f64 / residents[index] as f64;
        assert!(
            (share - nil.foreign_share).abs() < 0.01,
            "foreigners of NIL {}: {share}",
            nil.nil
        );
    }
}

#[test]
fn households_hold_what_their_kind_says() {
    let city = populate(&milan(), 7, 0.2, &mut |_| {});
    let mut position = 0;
    for household in &city.households {
        assert_eq!(
            household.first, position,
            "households lie one after the other"
        );
        position += u32::from(household.size);
        let members = &city.persons[household.first as usize..position as usize];
        let start: Vec<&Person> = members
            .iter()
            .filter(|person| resident_at_start(person))
            .collect();
        let minors = start
            .iter()
            .filter(|person| f64::from(START - person.birth_day) < 18.0 * 365.25)
            .count();
        match household.kind {
            HouseholdKind::Single => assert_eq!((start.len(), minors), (1, 0)),
            HouseholdKind::Couple => assert_eq!(start.len(), 2),
            kind if kind.has_minors() => assert!(minors >= 1 && start.len() > minors),
            _ => assert!(start.len() >= 2),
        }
    }
    assert_eq!(position as usize, city.persons.len());
}

#[test]
fn people_are_born_die_turn_75_and_move() {
    let city = populate(&milan(), 7, 0.1, &mut |_| {});
    let born = city
        .persons
        .iter()
        .filter(|person| !resident_at_start(person))
        .count();
    let dead = city
        .persons
        .iter()
        .filter(|person| person.death != u8::MAX)
        .count();
    let moved = city
        .households
        .iter()
        .filter(|household| household.moves_in != u8::MAX)
        .count();
    let turning = city
        .persons
        .iter()
        .filter(|p| (1946..=1950).contains(&p.birth_month().year()))
        .count();
    let people = city.persons.len() as f64;
    assert!(
        (0.015..0.05).contains(&(born as f64 / people)),
        "{born} born"
    );
    assert!(
        (0.02..0.09).contains(&(dead as f64 / people)),
        "{dead} dead"
    );
    assert!(
        (0.06..0.12).contains(&(moved as f64 / city.households.len() as f64)),
        "{moved} moved"
    );
    assert!(turning as f64 / people > 0.02, "{turning} turn 75");
}
