//! A demo city's registers, read and aggregated without cutting anything off, against the city's own truth.
//! Files, encodings and disorder are those the city writes; the truth is computed without this crate.

use ::kernel as kernel_under_test;
use demo_city::truth::{AreaLevel, PeriodKind, PersonRecord, as_of};
use demo_city::{CityConfig, Truth, generate, register_path};
use kernel_under_test::aggregate;
use query::AggregateQuery;
use snapshot::{Edition, Mapping, NodeKey, Snapshot};
use std::collections::BTreeMap;
use std::fs::File;

/// Non-empty cells by area and quarter.
fn cells(
    snapshot: &Snapshot,
    measure: &str,
    level: &str,
    target: Option<&str>,
) -> BTreeMap<(String, String), u64> {
    let by_target = target.map_or(String::new(), |target| format!(r#","target":["{target}"]"#));
    let per_cell = if measure == "persons" {
        1
    } else {
        query::MAX_PER_CELL
    };
    let text = format!(
        r#"{{"version":1,"measure":"{measure}","by":{{"area":"{level}"{by_target},"period":"quarter"}},
            "period":{{"from":"2023-01","to":"2024-12"}},"bounds":{{"cells":8,"per_cell":{per_cell}}},"rho":1000000}}"#
    );
    let query = AggregateQuery::parse(text.as_bytes()).expect("a legal query");
    let dimensions = query.dimensions();
    let (areas, periods) = (&dimensions[0].keys, &dimensions[dimensions.len() - 1].keys);
    let values = aggregate(&query, snapshot).release_through(|cells| cells);
    assert_eq!(values.len(), areas.len() * periods.len());
    (areas.iter().flat_map(|area| {
        periods
            .iter()
            .map(move |period| (area.clone(), period.clone()))
    }))
    .zip(values)
    .filter(|(_, value)| *value != 0)
    .map(|(keys, value)| (keys, u64::try_from(value).expect("counts")))
    .collect()
}

#[test]
fn answers_that_cut_nothing_off_are_the_truth_of_the_demo_city() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = CityConfig {
        scale: 0.02,
        ..CityConfig::default()
    };
    let manifest = generate(&config, directory.path(), &mut |_| {}).expect("a city");
    let mapping = Mapping::municipal_register_of(&demo_city::COLUMNS.join(";"));
    let mapping = Mapping::parse(&mapping).expect("the municipal mapping");
    let (from, to) = (
        "2023-01".parse().expect("month"),
        "2024-12".parse().expect("month"),
    );
    for organisation in &manifest.organisations {
        let id = organisation.id.as_str();
        let register = File::open(register_path(directory.path(), id)).expect("a register");
        let edition = Edition {
            number: 1,
            label: "2026-01".to_owned(),
            created_at: 0,
        };
        let (snapshot, quality) =
            Snapshot::build(&mapping, register, &NodeKey::new(&[9; 32]), edition)
                .expect("a snapshot");
        let truth = Truth::load(directory.path(), id).expect("a truth");
        assert_eq!(quality.rows, organisation.rows, "{id}");
        assert_eq!(snapshot.person_count(), truth.persons.len(), "{id}");

        let check = |target: Option<&str>,
                     holds: &dyn Fn(&PersonRecord, demo_city::Month) -> bool| {
            for (name, level) in [
                ("city", AreaLevel::City),
                ("municipio", AreaLevel::Municipio),
                ("nil", AreaLevel::Nil),
                ("micro-area", AreaLevel::MicroArea),
            ] {
                let expected = truth.persons_by(level, PeriodKind::Quarter, from, to, holds);
                assert_eq!(
                    cells(&snapshot, "persons", name, target),
                    expected,
                    "{id} {name} {target:?}"
                );
            }
            let expected =
                truth.events_by(AreaLevel::Nil, PeriodKind::Quarter, from, to, holds, None);
            assert_eq!(
                cells(&snapshot, "events", "nil", target),
                expected,
                "{id} events {target:?}"
            );
        };
        let born = |person: &PersonRecord, end| person.birth.is_some_and(|birth| birth <= end);
        let alone = |person: &PersonRecord, end| {
            let members = truth
                .household_of(person)
                .iter()
                .map(|index| &truth.persons[*index]);
            // Who is not born yet is no member yet.
            members
                .filter(|member| member.birth.is_none() || born(member, end))
                .count()
                == 1
        };
        check(None, &|_, _| true);
        check(Some("minors"), &|person, end| {
            born(person, end) && person.age_at(end) < Some(18)
        });
        check(Some("elderly-75-plus"), &|person, end| {
            person.age_at(end) >= Some(75)
        });
        check(Some("housing-need"), &|person, end| {
            person.has_need("housing", end)
        });
        check(Some("income-support"), &|person, end| {
            person.has_benefit("adi", end)
        });
        check(Some("low-income"), &|person, end| {
            as_of(&person.income_band_from, end).is_some_and(|band| *band <= 2)
        });
        // Truth knows every member, the snapshot the most it keeps: both see that several are born.
        check(Some("alone-75-plus"), &|person, end| {
            person.age_at(end) >= Some(75) && alone(person, end)
        });
    }
}
