//! The built-in list says what it means; faults of another list name target, field and remedy.

use crate::model::{self, Benefit, CitizenshipGroup, Need, Sex};
use crate::*;
use geography::Level;
use std::collections::BTreeSet;

const TARGETS: &str = include_str!("../data/targets.toml");

#[test]
fn built_in_ids_are_unique_and_ascii() {
    let taxonomy = Taxonomy::built_in();
    let mut ids = BTreeSet::new();
    for id in
        (taxonomy.targets().iter().map(|t| &t.id)).chain(taxonomy.services().iter().map(|s| &s.id))
    {
        assert!(ids.insert(id.clone()), "{id} twice");
        assert!(
            id.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "{id}"
        );
    }
    let of = |unit| {
        let targets = taxonomy.targets().iter();
        targets.filter(|target| target.unit == unit).count()
    };
    assert_eq!((of(Unit::Person), of(Unit::Family)), (93, 25));
    for area in UserArea::ALL {
        let of_area = |target: &&Target| target.area == *area;
        assert!(
            taxonomy.targets().iter().filter(of_area).count() >= 5,
            "{area:?}"
        );
    }
}

/// A query that names no taxonomy means the first. Where this fails because the list built in was changed, leave the constant:
/// queries then name the new list, and nodes with another one refuse them.
#[test]
fn the_first_taxonomy_is_the_one_built_in() {
    assert!(Taxonomy::built_in().is_first());
}

#[test]
fn services_keep_their_positions() {
    let services = Taxonomy::built_in().services();
    let ids: Vec<&str> = services.iter().map(|service| service.id.as_str()).collect();
    assert_eq!(
        ids[..10],
        [
            "social-secretariat",
            "home-care",
            "day-centre",
            "food-aid",
            "economic-aid",
            "housing-support",
            "minors-education",
            "language-course",
            "job-support",
            "meals-at-home"
        ]
    );
    let codes: Vec<&String> = services.iter().flat_map(|service| &service.siuss).collect();
    let distinct: BTreeSet<&&String> = codes.iter().collect();
    assert_eq!(codes.len(), distinct.len(), "one code means one service");
}

/// The twelve groups of the first list, in which releases and policies were written, mean what they meant.
#[test]
fn the_first_targets_keep_their_meaning() {
    let expected = [
        ("minors", r#"age = { max = 17 }"#, "micro-area"),
        ("elderly-75-plus", r#"age = { min = 75 }"#, "micro-area"),
        (
            "women-18-64",
            r#"all = [{ sex = "F" }, { age = { min = 18, max = 64 } }]"#,
            "micro-area",
        ),
        ("non-eu-citizens", r#"citizenship = "non-eu""#, "city"),
        ("living-alone", r#"household = "alone""#, "micro-area"),
        (
            "alone-75-plus",
            r#"all = [{ age = { min = 75 } }, { household = "alone" }]"#,
            "micro-area",
        ),
        (
            "single-parent-families",
            r#"household = "single-parent""#,
            "micro-area",
        ),
        ("housing-need", r#"need = "housing""#, "micro-area"),
        ("income-support", r#"benefit = "adi""#, "micro-area"),
        (
            "severe-disability",
            r#"disability = { min = 3 }"#,
            "municipio",
        ),
        ("low-income", r#"income = { max = 2 }"#, "micro-area"),
        (
            "frequent-users",
            r#"service_use = { min_events = 4 }"#,
            "micro-area",
        ),
    ];
    for (id, predicate, level) in expected {
        let target = Taxonomy::built_in().target(id).expect(id);
        let meant: Predicate = toml::from_str(predicate).expect(predicate);
        assert_eq!(target.predicate, meant, "{id}");
        assert_eq!(target.finest_level.id(), level, "{id}");
    }
}

#[test]
fn groups_that_answers_can_harm_are_for_the_city_only_and_must_be_named() {
    let harmed: BTreeSet<GroupHarm> = (Taxonomy::built_in().targets().iter())
        .filter_map(|target| target.group_harm)
        .collect();
    assert_eq!(harmed, GroupHarm::ALL.iter().copied().collect());
    for target in Taxonomy::built_in().targets() {
        if target.group_harm.is_some() {
            assert_eq!(target.finest_level, Level::City, "{}", target.id);
            assert!(target.must_be_named(), "{}", target.id);
        }
        if target.sensitive {
            assert!(target.finest_level <= Level::Municipio, "{}", target.id);
        }
    }
}

#[test]
fn what_a_target_needs_follows_from_its_predicate() {
    let needs = |id: &str| {
        let target = Taxonomy::built_in().target(id).expect(id);
        target.needs_fields().iter().collect::<Vec<_>>()
    };
    assert_eq!(needs("minors"), [Attribute::BirthDate]);
    assert_eq!(needs("frequent-users"), []);
    assert_eq!(
        needs("single-parent-families"),
        [Attribute::BirthDate, Attribute::Household]
    );
    assert_eq!(
        needs("foreign-families-with-minors"),
        [
            Attribute::BirthDate,
            Attribute::Citizenship,
            Attribute::Household
        ]
    );
    for target in Taxonomy::built_in().targets() {
        let reads = target.needs_fields().holds(Attribute::Household);
        assert_eq!(target.predicate.reads_household(), reads);
        assert!(reads || target.unit == Unit::Person, "{}", target.id);
    }
    let known = Attributes::NONE.with(Attribute::BirthDate);
    let lacks = |id: &str| {
        let mut all = Taxonomy::built_in().evaluable(known);
        all.find(|(target, _)| target.id == id).expect(id).1
    };
    assert!(lacks("minors").is_empty());
    assert_eq!(
        lacks("alone-75-plus"),
        Attributes::NONE.with(Attribute::Household)
    );
}

#[test]
fn bands_hold_their_ends() {
    let band = |age| model::AGE_BANDS[model::age_band(Some(age))].0;
    assert_eq!(
        [band(2), band(3), band(17), band(18), band(120)],
        ["0-2", "3-5", "14-17", "18-29", "85+"]
    );
    assert_eq!(
        [300_000, 300_001, 2_500_001].map(model::income_band),
        [0, 1, 5]
    );
}

#[test]
fn vocabularies_keep_the_positions_that_snapshots_store() {
    let needs: Vec<&str> = Need::ALL[..6].iter().map(|need| need.id()).collect();
    assert_eq!(
        needs,
        ["housing", "food", "care", "work", "education", "isolation"]
    );
    let benefits: Vec<&str> = Benefit::ALL[..4].iter().map(|b| b.id()).collect();
    assert_eq!(
        benefits,
        ["adi", "carer-allowance", "disability-allowance", "rent-aid"]
    );
    assert_eq!(CitizenshipGroup::NonEu as u8, 2);
    assert_eq!(Sex::Unknown as u8, 2);
    let codes: Vec<&str> = Benefit::ALL.iter().filter_map(|b| b.siuss()).collect();
    let distinct: BTreeSet<&&str> = codes.iter().collect();
    assert_eq!(codes.len(), distinct.len(), "one code means one benefit");
}

#[test]
fn another_list_can_stand_in_its_place_and_has_its_own_hash() {
    let other = TARGETS.replacen("Minori", "Minorenni", 1);
    let (ours, theirs) = (
        Taxonomy::built_in(),
        Taxonomy::parse(&other).expect("a list"),
    );
    assert_eq!(theirs.targets().len(), ours.targets().len());
    assert_ne!(theirs.hash(), ours.hash());
    assert_eq!(ours.version(), "2026-11");
}

fn faults(from: &str, to: &str, expected: [&str; 3]) {
    assert!(TARGETS.contains(from), "{from}");
    let error = Taxonomy::parse(&TARGETS.replacen(from, to, 1)).expect_err(to);
    let error = error.to_string();
    assert!(expected.iter().all(|part| error.contains(part)), "{error}");
}

#[test]
fn faults_name_the_target_the_field_and_the_remedy() {
    faults(
        "format = 2",
        "format = 1",
        ["list of targets", "format", "write `format = 2`"],
    );
    faults(
        "version = \"2026-11\"",
        "version = \"\"",
        ["version", "blank", "say which list"],
    );
    faults(
        "id = \"minors\"",
        "id = \"Minors\"",
        ["`Minors`", "id", "a-z"],
    );
    faults(
        "id = \"minors\"",
        "id = \"infants-0-2\"",
        ["`infants-0-2`", "id", "choose a new one"],
    );
    faults(
        "it = \"Minori\"\n",
        "",
        ["`minors`", "it", "write `it = ...`"],
    );
    faults("it = \"Minori\"", "it = \" \"", ["`minors`", "it", "blank"]);
    faults(
        "it = \"Minori\"",
        "itt = \"Minori\"",
        ["`minors`", "itt", "correct its name"],
    );
    faults(
        "area = \"families\"",
        "area = \"kids\"",
        ["`minors`, area", "unknown variant", "families"],
    );
    faults(
        "age = { max = 17 }",
        "aeg = { max = 17 }",
        ["`minors`, predicate", "aeg", "expected one of"],
    );
    faults(
        "age = { max = 17 }",
        "age = { }",
        ["`minors`, predicate", "neither", "write at least one"],
    );
    faults(
        "age = { max = 17 }",
        "age = { min = 18, max = 17 }",
        ["`minors`, predicate", "empty", "the lower first"],
    );
    faults(
        "{ income = { max = 2 } }",
        "{ income = { min = 6 } }",
        ["predicate", "income", "between 0 and 5"],
    );
    faults(
        "[{ age = 17 }]",
        "[{ age = 18 }]",
        ["`minors`, example", "does not belong", "correct"],
    );
    faults(
        "counterexample = [{ age = 18 }]",
        "counterexample = [{ age = 1 }]",
        ["`minors`, counterexample", "belongs", "correct"],
    );
    faults(
        "[{ age = 17 }]",
        "[]",
        ["`minors`, example", "names nobody", "write at least one"],
    );
    faults(
        "service = \"home-care\"",
        "service = \"homecare\"",
        ["predicate", "homecare", "list of services"],
    );
    faults(
        "sensitive = true\n",
        "",
        [
            "`maternity-support`, sensitive",
            "health",
            "write `sensitive = true`",
        ],
    );
    faults(
        "finest_level = \"city\"",
        "finest_level = \"nil\"",
        ["finest_level", "too fine", "write"],
    );
    faults(
        "group_harm = \"ethnicity\"\n",
        "",
        ["`non-eu-citizens`, group_harm", "missing", "write"],
    );
    faults(
        "unit = \"family\"\n",
        "unit = \"household\"\n",
        ["unit", "household", "family"],
    );
    faults(
        "predicate = { household = \"single-parent\" }",
        "predicate = { age = { max = 38 } }",
        [
            "`single-parent-families`, predicate",
            "tells members",
            "members",
        ],
    );
    faults(
        "{ members = { of = { age = { max = 17 } }, min = 1 } }",
        "{ members = { of = { household = \"alone\" }, min = 1 } }",
        ["predicate", "inside `members`", "own attributes"],
    );
}

#[test]
fn every_fault_is_found_at_once() {
    let text = (TARGETS.replacen("it = \"Minori\"\n", "", 1)).replacen("en = \"Minors\"\n", "", 1);
    let TaxonomyError::Targets(faults) = Taxonomy::parse(&text).expect_err("two faults") else {
        panic!("faults of targets");
    };
    assert_eq!(faults.len(), 2, "{faults:?}");
}

/// What the list claims of other classifications is in them. The files are not part of this project.
#[test]
fn crosswalks_name_codes_that_exist() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let Ok(siuss) = std::fs::read_to_string(data.join("taxonomies/siuss_prestazioni.csv")) else {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "no {}",
            data.display()
        );
        eprintln!("skipped: {} is absent", data.display());
        return;
    };
    let read = |name: &str| std::fs::read_to_string(data.join(name)).expect(name);
    let first = |text: &str| -> BTreeSet<String> {
        let codes = text.lines().filter_map(|line| line.split(',').next());
        codes.map(str::to_owned).collect()
    };
    let (siuss, open) = (
        first(&siuss),
        first(&read("taxonomies/open_eligibility.csv")),
    );
    let schemas = read("registers/siuss_xsd_enumerations.csv");
    let wemi = read("taxonomies/wemi_categories.csv");
    let mut checked = 0;
    for target in Taxonomy::built_in().targets() {
        for (classification, codes) in &target.crosswalk {
            for code in codes {
                let in_schema = |schema: &str| {
                    let code = code.replace(' ', ",");
                    schemas.contains(&format!("{schema},{code},"))
                };
                let exists = match classification {
                    Classification::Siuss => {
                        siuss.contains(code)
                            || ["area 1", "area 2", "area 3"].contains(&code.as_str())
                    }
                    Classification::OpenEligibility => open.contains(code),
                    Classification::Sinba => in_schema("SINBA.xsd"),
                    Classification::Sina => in_schema("PS_PSA_SINA201812.xsd"),
                    Classification::Wemi => wemi.contains(&format!("categoria,{code},")),
                    Classification::Istat => UserArea::ALL.iter().any(|area| area.istat() == code),
                };
                assert!(exists, "{}: {classification:?} {code}", target.id);
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked}");
    let benefits = Benefit::ALL.iter().filter_map(|benefit| benefit.siuss());
    let services = Taxonomy::built_in().services().iter();
    let services = services.flat_map(|service| service.siuss.iter().map(String::as_str));
    for code in benefits.chain(services) {
        assert!(siuss.contains(code), "{code}");
    }
}
