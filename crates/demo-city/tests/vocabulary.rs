//! What the city writes is named as the public vocabularies name it, and every home has a public area.
//! The generator itself depends on neither crate, so that its truth stays an independent witness.

use std::collections::BTreeSet;

use demo_city::truth::AreaLevel;
use demo_city::{CityConfig, SERVICES, Truth, generate, milan};
use geography::{Level, Partition};
use taxonomy::Taxonomy;
use taxonomy::model::{Benefit, CitizenshipGroup, Need};

#[test]
fn services_are_those_of_the_taxonomy() {
    let public: Vec<&str> = Taxonomy::built_in()
        .services()
        .iter()
        .map(|service| service.id.as_str())
        .collect();
    assert_eq!(public, SERVICES);
}

#[test]
fn municipi_of_every_nil_are_those_of_the_geography() {
    for nil in milan() {
        let mut municipi: Vec<u8> = nil
            .municipi
            .iter()
            .map(|&(municipio, _)| municipio)
            .collect();
        municipi.sort_unstable();
        assert_eq!(
            municipi,
            Partition::milan().municipi_of_nil(u16::from(nil.nil))
        );
    }
}

#[test]
fn truth_speaks_in_public_keys_and_places_homes_as_the_geography_does() {
    let dir = tempfile::tempdir().unwrap();
    let config = CityConfig {
        seed: 3,
        scale: 0.02,
        ..CityConfig::default()
    };
    let manifest = generate(&config, dir.path(), &mut |_| {}).unwrap();
    let partition = Partition::milan();
    let mut needs = BTreeSet::new();
    let mut benefits = BTreeSet::new();
    for organisation in &manifest.organisations {
        let truth = Truth::load(dir.path(), &organisation.id).unwrap();
        for person in &truth.persons {
            let known = |value: u8| (value != 0).then_some(value);
            let home =
                partition.micro_area(known(person.nil).map(u16::from), known(person.municipio));
            for (ours, level) in [
                (AreaLevel::MicroArea, "micro-area"),
                (AreaLevel::Nil, "nil"),
                (AreaLevel::Municipio, "municipio"),
                (AreaLevel::City, "city"),
            ] {
                let level = Level::from_id(level).unwrap();
                let key = &partition.keys(level)[usize::from(partition.area_of(home, level))];
                assert_eq!(&truth.area_key(ours, person), key);
            }
            if let Some(group) = &person.citizenship {
                assert!(CitizenshipGroup::from_id(group).is_some());
            }
            needs.extend(person.needs.iter().map(|span| span.id.clone()));
            benefits.extend(person.benefits.iter().map(|span| span.id.clone()));
        }
    }
    assert_eq!(
        needs,
        Need::ALL.iter().map(|need| need.id().to_owned()).collect()
    );
    assert_eq!(
        benefits,
        Benefit::ALL
            .iter()
            .map(|benefit| benefit.id().to_owned())
            .collect()
    );
}

#[test]
fn every_organisation_has_an_offer_at_places_that_exist() {
    let dir = tempfile::tempdir().unwrap();
    let config = CityConfig {
        seed: 3,
        scale: 0.001,
        ..CityConfig::default()
    };
    let manifest = generate(&config, dir.path(), &mut |_| {}).unwrap();
    let mut kinds = BTreeSet::new();
    for organisation in &manifest.organisations {
        let path = demo_city::offer_path(dir.path(), &organisation.id);
        let loaded = offer::read_file(&path).unwrap();
        assert!(loaded.remarks.is_empty(), "{:?}", loaded.remarks);
        assert!(!loaded.offer.sites.is_empty());
        for site in &loaded.offer.sites {
            let municipi = Partition::milan().municipi_of_nil(site.nil.unwrap());
            assert!(municipi.contains(&site.municipio.unwrap()));
        }
        for service in &loaded.offer.services {
            assert!(service.capacity.unwrap() >= 5);
            kinds.extend(service.service.clone());
        }
    }
    assert!(kinds.len() >= 8, "{kinds:?}");
}

#[test]
fn every_declared_target_has_people_in_the_largest_register() {
    let dir = tempfile::tempdir().unwrap();
    let config = CityConfig {
        seed: 3,
        scale: 0.02,
        organisations: 1,
        ..CityConfig::default()
    };
    generate(&config, dir.path(), &mut |_| {}).unwrap();
    let truth = Truth::load(dir.path(), "comune-milano").unwrap();
    let at = demo_city::Month::LAST;
    let age = |person: &demo_city::truth::PersonRecord| person.age_at(at);
    let single_parent = |person: &demo_city::truth::PersonRecord| {
        let members = truth.household_of(person);
        let minors = members
            .iter()
            .filter(|&&i| age(&truth.persons[i]).is_some_and(|age| age < 18))
            .count();
        minors > 0 && members.len() == minors + 1
    };
    let share = |rule: &dyn Fn(&demo_city::truth::PersonRecord) -> bool| {
        truth.persons.iter().filter(|person| rule(person)).count() as f64
            / truth.persons.len() as f64
    };
    for (target, found) in [
        ("minors", share(&|p| age(p).is_some_and(|age| age < 18))),
        (
            "elderly-75-plus",
            share(&|p| age(p).is_some_and(|age| age >= 75)),
        ),
        (
            "women-18-64",
            share(&|p| p.sex == Some('F') && age(p).is_some_and(|age| (18..=64).contains(&age))),
        ),
        (
            "non-eu-citizens",
            share(&|p| p.citizenship.as_deref() == Some("non-eu")),
        ),
        ("living-alone", share(&|p| truth.household_of(p).len() == 1)),
        (
            "alone-75-plus",
            share(&|p| truth.household_of(p).len() == 1 && age(p).is_some_and(|age| age >= 75)),
        ),
        ("single-parent-families", share(&single_parent)),
        ("housing-need", share(&|p| p.has_need("housing", at))),
        ("income-support", share(&|p| p.has_benefit("adi", at))),
        ("severe-disability", share(&|p| p.disability == Some(3))),
        (
            "low-income",
            share(&|p| p.income_band.is_some_and(|band| band <= 2)),
        ),
    ] {
        assert!((0.01..0.8).contains(&found), "{target}: {found}");
    }
}
