//! Registers are the same for one seed, as messy as stated, and the truth is what a plain reader of them finds.
//! Seeds are fixed, so these tests have no false alarms.

mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use demo_city::truth::{AreaLevel, PeriodKind, Span};
use demo_city::{CityConfig, CityManifest, Month, RegisterCounts, Truth, generate, register_path};
use reading::{Reading, Seen, read};

fn city(config: &CityConfig) -> (tempfile::TempDir, CityManifest) {
    let dir = tempfile::tempdir().unwrap();
    let manifest = generate(config, dir.path(), &mut |_| {}).unwrap();
    (dir, manifest)
}

fn small() -> CityConfig {
    CityConfig {
        seed: 11,
        scale: 0.01,
        ..CityConfig::default()
    }
}

/// Every file under a directory with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(
                    path.strip_prefix(dir).unwrap().to_owned(),
                    std::fs::read(&path).unwrap(),
                );
            }
        }
    }
    found
}

#[test]
fn one_seed_gives_the_same_bytes_and_another_seed_others() {
    let config = CityConfig {
        scale: 0.003,
        ..small()
    };
    let (first, manifest) = city(&config);
    let (second, _) = city(&config);
    assert!(files(first.path()) == files(second.path()));
    let (third, _) = city(&CityConfig {
        seed: 12,
        ..config.clone()
    });
    assert!(files(first.path()) != files(third.path()));
    assert_eq!(
        CityManifest::reusable(&config, first.path()),
        Some(manifest)
    );
    assert_eq!(
        CityManifest::reusable(
            &CityConfig {
                seed: 12,
                ..config.clone()
            },
            first.path()
        ),
        None
    );
    std::fs::write(register_path(first.path(), "comune-milano"), "cut").unwrap();
    assert_eq!(CityManifest::reusable(&config, first.path()), None);
}

#[test]
fn an_earlier_end_gives_the_first_part_of_the_same_registers() {
    let config = CityConfig {
        scale: 0.003,
        ..small()
    };
    let (whole, _) = city(&config);
    let (part, _) = city(&CityConfig {
        until: Month::of(2024, 6),
        ..config
    });
    for organisation in ["comune-milano", "cooperativa-girasole"] {
        let read = |dir: &Path| std::fs::read(register_path(dir, organisation)).unwrap();
        let (whole, part) = (read(whole.path()), read(part.path()));
        assert!(whole.starts_with(&part) && part.len() < whole.len());
    }
}

/// A register that is read today ends in the midst of its clients' courses. It must not show that its maker knew where.
#[test]
fn newcomers_do_not_pile_up_where_registers_end() {
    let (dir, manifest) = city(&CityConfig {
        scale: 0.02,
        ..small()
    });
    let readings: Vec<Reading> = (manifest.organisations.iter())
        .map(|organisation| read(&register_path(dir.path(), &organisation.id), true))
        .collect();
    let seen_in = |year: u32| {
        (readings.iter())
            .flat_map(|reading| reading.persons.values())
            .filter(|seen| (seen.events.keys()).any(|(at, month, _)| *at == year && *month >= 10))
            .count() as f64
    };
    let (before, last) = (seen_in(2024), seen_in(2025));
    assert!(
        (0.95..1.1).contains(&(last / before)),
        "{before} persons in the last quarter of 2024, {last} in that of 2025"
    );
}

#[test]
fn clients_are_as_many_as_scaled_and_organisations_as_many_as_asked() {
    let (_dir, manifest) = city(&small());
    let sizes: Vec<(&str, u64)> = manifest
        .organisations
        .iter()
        .map(|o| (o.id.as_str(), o.size))
        .collect();
    assert_eq!(
        sizes,
        [
            ("comune-milano", 1500),
            ("fondazione-navigli", 600),
            ("cooperativa-girasole", 250),
            ("associazione-porta-aperta", 120),
            ("cooperativa-lambro", 60),
            ("associazione-ortica", 30)
        ]
    );
    let (_dir, two) = city(&CityConfig {
        organisations: 2,
        ..small()
    });
    assert_eq!(
        two.organisations,
        manifest.organisations[..2],
        "other organisations change nothing"
    );
    let (dir, nine) = city(&CityConfig {
        organisations: 9,
        scale: 0.005,
        ..small()
    });
    let ids: BTreeSet<&str> = nine.organisations.iter().map(|o| o.id.as_str()).collect();
    assert_eq!(ids.len(), 9);
    assert!(
        nine.organisations
            .iter()
            .all(|o| o.rows > 0 && register_path(dir.path(), &o.id).exists())
    );
}

#[test]
fn impossible_configurations_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for config in [
        CityConfig {
            scale: f64::NAN,
            ..small()
        },
        CityConfig {
            scale: 0.0,
            ..small()
        },
        CityConfig {
            organisations: 0,
            ..small()
        },
        CityConfig {
            until: Month::of(2101, 1),
            ..small()
        },
    ] {
        assert!(generate(&config, dir.path(), &mut |_| {}).is_err());
    }
}

#[test]
fn registers_are_as_messy_as_stated_and_the_summary_counts_it() {
    let (dir, manifest) = city(&CityConfig {
        scale: 0.02,
        ..small()
    });
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("truth/summary.json")).unwrap())
            .unwrap();
    let mut accented = false;
    for organisation in &manifest.organisations {
        let path = register_path(dir.path(), &organisation.id);
        let found = read(&path, true);
        let counts: RegisterCounts =
            serde_json::from_value(summary["registers"][&organisation.id].clone()).unwrap();
        assert_eq!(found.rows as u64, counts.rows);
        assert_eq!(found.missing_codes as u64, counts.missing_codes);
        assert_eq!(found.malformed_codes as u64, counts.malformed_codes);
        assert_eq!(found.persons.len() as u64, counts.linked_persons);
        assert_eq!(
            found
                .persons
                .values()
                .flat_map(|seen| seen.events.values())
                .sum::<u64>(),
            counts.valid_rows
        );
        assert!(found.copied_lines as u64 >= counts.copies);
        let mean = counts.rows as f64 / counts.clients as f64;
        assert!(
            (4.0..25.0).contains(&mean),
            "{}: {mean} rows per client",
            organisation.id
        );
        accented |= std::fs::read(&path).unwrap().contains(&0xf2);
    }
    assert!(
        accented,
        "some name ends in o with an accent, as ISO-8859-1 writes it"
    );
    let comune = read(&register_path(dir.path(), "comune-milano"), true);
    let share = |count: usize| count as f64 / comune.rows as f64;
    assert!((share(comune.missing_codes) - 0.02).abs() < 0.003);
    assert!((share(comune.malformed_codes) - 0.01).abs() < 0.003);
    assert!((share(comune.untidy_codes) - 0.01).abs() < 0.003);
    assert!((share(comune.copied_lines) - 0.01).abs() < 0.003);
    assert!(comune.bad_dates > 5 && share(comune.bad_dates) < 0.003);
    assert!(comune.bad_services > 5 && share(comune.bad_services) < 0.003);
    let mut loads: Vec<u64> = comune
        .persons
        .values()
        .map(|seen| seen.events.values().sum())
        .collect();
    loads.sort_unstable();
    assert!(
        loads[loads.len() / 2] < 10 && *loads.last().unwrap() > 150,
        "few heavy users"
    );
}

/// A person written as one line, so that lists from the truth and from the register can be compared.
fn line(fields: [&str; 9], events: &BTreeMap<String, u64>) -> String {
    format!("{fields:?} {events:?}")
}

fn from_register(seen: &Seen) -> String {
    let events = seen
        .events
        .iter()
        .map(|((y, m, s), count)| (format!("{y:04}-{m:02} {s}"), *count))
        .collect();
    let citizenship = match seen.field("citizenship") {
        "IT" => "italian",
        "UE" => "eu",
        "EXTRA-UE" => "non-eu",
        _ => "",
    };
    let (nil, municipio) = seen.field("home").split_once('.').unwrap_or(("0", "0"));
    let household = seen
        .field("household")
        .trim_start_matches(|c: char| c.is_alphabetic())
        .trim_start_matches('0');
    let band = match seen.field("isee") {
        "" => String::new(),
        isee => {
            let ends = [300_000, 600_000, 936_000, 1_500_000, 2_500_000];
            let cents = reading::cents(isee);
            ends.iter()
                .position(|&end| cents <= end)
                .unwrap_or(5)
                .to_string()
        }
    };
    let spans: Vec<String> = seen
        .spans
        .iter()
        .map(|(id, ((y0, m0), (y1, m1)))| format!("{id}:{y0:04}-{m0:02}:{y1:04}-{m1:02}"))
        .collect();
    let municipio = if municipio.is_empty() { "0" } else { municipio };
    let fields = [
        seen.field("sex"),
        seen.field("birth"),
        citizenship,
        nil,
        municipio,
        household,
        &band,
    ];
    let [a, b, c, d, e, f, g] = fields;
    line(
        [
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            seen.field("disability"),
            &spans.join("|"),
        ],
        &events,
    )
}

fn from_truth(truth: &Truth) -> Vec<String> {
    let mut events: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new(); truth.persons.len()];
    for presence in &truth.presences {
        *events[presence.person]
            .entry(format!("{} {}", presence.month, presence.service))
            .or_default() += presence.events;
    }
    let text = |value: Option<String>| value.unwrap_or_default();
    let mut lines: Vec<String> = truth
        .persons
        .iter()
        .zip(&events)
        .map(|(person, events)| {
            let mut spans: Vec<&Span> = person.needs.iter().chain(&person.benefits).collect();
            spans.sort_by(|a, b| a.id.cmp(&b.id));
            let spans: Vec<String> = spans
                .iter()
                .map(|s| format!("{}:{}:{}", s.id, s.first, s.last))
                .collect();
            line(
                [
                    &text(person.sex.map(String::from)),
                    &text(person.birth.map(|month| month.to_string())),
                    person.citizenship.as_deref().unwrap_or(""),
                    &person.nil.to_string(),
                    &person.municipio.to_string(),
                    &text(person.household.map(|number| number.to_string())),
                    &text(person.income_band.map(|band| band.to_string())),
                    &text(person.disability.map(|grade| grade.to_string())),
                    &spans.join("|"),
                ],
                events,
            )
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn truth_is_what_a_plain_reader_finds_in_the_register_whatever_row_of_a_day_wins() {
    let (dir, manifest) = city(&small());
    for organisation in &manifest.organisations {
        let truth = from_truth(&Truth::load(dir.path(), &organisation.id).unwrap());
        for last_of_day in [false, true] {
            let found = read(&register_path(dir.path(), &organisation.id), last_of_day);
            let mut lines: Vec<String> = found.persons.values().map(from_register).collect();
            lines.sort();
            assert_eq!(lines.len(), truth.len());
            for (found, stated) in lines.iter().zip(&truth) {
                assert_eq!(found, stated, "{}", organisation.id);
            }
        }
    }
}

/// Minors of the register by NIL and quarter of 2025, counted from the plain reading.
fn minors_by_nil_and_quarter(found: &Reading) -> BTreeMap<(String, String), u64> {
    let mut cells = BTreeMap::new();
    for seen in found.persons.values() {
        let Some((year, month)) = seen.field("birth").split_once('-') else {
            continue;
        };
        let born = year.parse::<u32>().unwrap() * 12 + month.parse::<u32>().unwrap();
        let nil = seen
            .field("home")
            .split_once('.')
            .map_or("unknown", |(nil, _)| nil);
        let quarters: BTreeSet<u32> = seen
            .events
            .keys()
            .filter(|(year, ..)| *year == 2025)
            .map(|(_, month, _)| (month - 1) / 3 + 1)
            .collect();
        for quarter in quarters {
            if (2025 * 12 + quarter * 3).saturating_sub(born) / 12 < 18 {
                *cells
                    .entry((nil.to_owned(), format!("2025-Q{quarter}")))
                    .or_default() += 1;
            }
        }
    }
    cells
}

#[test]
fn bounded_aggregates_of_the_truth_agree_with_plain_counts() {
    let (dir, _) = city(&small());
    let truth = Truth::load(dir.path(), "comune-milano").unwrap();
    let (from, to) = (Month::of(2025, 1), Month::of(2025, 12));
    let minors = |person: &demo_city::truth::PersonRecord, at: Month| {
        person.age_at(at).is_some_and(|age| age < 18)
    };
    let found = read(&register_path(dir.path(), "comune-milano"), true);
    assert_eq!(
        truth.persons_by(AreaLevel::Nil, PeriodKind::Quarter, from, to, minors),
        minors_by_nil_and_quarter(&found)
    );

    let everybody = |_: &demo_city::truth::PersonRecord, _: Month| true;
    let sum = |level, kind, clamp| {
        truth
            .events_by(level, kind, from, to, everybody, clamp)
            .values()
            .sum::<u64>()
    };
    let events = found
        .persons
        .values()
        .flat_map(|seen| &seen.events)
        .filter(|((year, ..), _)| *year == 2025);
    let events: u64 = events.map(|(_, count)| count).sum();
    for level in [
        AreaLevel::MicroArea,
        AreaLevel::Nil,
        AreaLevel::Municipio,
        AreaLevel::City,
    ] {
        assert_eq!(sum(level, PeriodKind::Month, None), events);
    }
    let clamped = sum(AreaLevel::City, PeriodKind::Whole, Some(5));
    assert!(clamped < events && clamped > 0);
    let often = truth.sum_by(
        AreaLevel::City,
        PeriodKind::Whole,
        from,
        to,
        |_, _, events| (events >= 4).then_some(1),
    );
    let plain = found.persons.values().filter(|seen| {
        let of_2025 = seen.events.iter().filter(|((year, ..), _)| *year == 2025);
        of_2025.map(|(_, count)| count).sum::<u64>() >= 4
    });
    assert_eq!(
        often.values().sum::<u64>(),
        plain.count() as u64,
        "frequent users"
    );
    let by_service: u64 = demo_city::SERVICES
        .iter()
        .map(|service| {
            let part = truth.restricted_to(&[service]);
            part.events_by(
                AreaLevel::City,
                PeriodKind::Whole,
                from,
                to,
                everybody,
                None,
            )
            .values()
            .sum::<u64>()
        })
        .sum();
    assert_eq!(by_service, events);
}

#[test]
fn partial_homes_map_as_the_organisations_know_them() {
    let (dir, _) = city(&CityConfig {
        scale: 0.05,
        ..small()
    });
    let lambro = Truth::load(dir.path(), "cooperativa-lambro").unwrap();
    assert!(lambro.persons.iter().all(|person| person.municipio == 0));
    let pieces: BTreeSet<String> = lambro
        .persons
        .iter()
        .map(|p| lambro.area_key(AreaLevel::MicroArea, p))
        .collect();
    assert!(pieces.iter().any(|piece| piece.ends_with(".0")) && pieces.contains("21.3"));
    assert!(
        !pieces.contains("21.0"),
        "a NIL in one municipio has no piece without municipio"
    );
    let ortica = Truth::load(dir.path(), "associazione-ortica").unwrap();
    let unknown = ortica
        .persons
        .iter()
        .filter(|person| person.nil == 0)
        .count() as f64
        / ortica.persons.len() as f64;
    assert!((0.15..0.45).contains(&unknown), "{unknown} without NIL");
}

#[test]
fn clienteles_overlap_and_distinct_persons_lie_between_largest_and_sum() {
    let (dir, manifest) = city(&small());
    let truths: Vec<Truth> = manifest
        .organisations
        .iter()
        .map(|o| Truth::load(dir.path(), &o.id).unwrap())
        .collect();
    let keys = |truth: &Truth| {
        truth
            .persons
            .iter()
            .map(|person| person.key)
            .collect::<BTreeSet<u64>>()
    };
    let comune = keys(&truths[0]);
    let chance = comune.len() as f64 / 14_000.0;
    for truth in &truths[1..4] {
        let other = keys(truth);
        let shared = other.intersection(&comune).count() as f64 / other.len() as f64;
        assert!(shared > 1.3 * chance, "{shared} shared");
    }
    let distinct = std::fs::read_to_string(dir.path().join("truth/distinct.csv")).unwrap();
    let per_node: Vec<_> = truths
        .iter()
        .map(|truth| {
            truth.persons_by(
                AreaLevel::Nil,
                PeriodKind::Quarter,
                Month::FIRST,
                Month::LAST,
                |_, _| true,
            )
        })
        .collect();
    let mut between = 0;
    for line in distinct.lines().skip(1) {
        let [quarter, nil, persons] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("three cells")
        };
        let persons: u64 = persons.parse().unwrap();
        let key = (nil.to_owned(), quarter.to_owned());
        let values: Vec<u64> = per_node
            .iter()
            .map(|cells| cells.get(&key).copied().unwrap_or(0))
            .collect();
        let (most, sum) = (*values.iter().max().unwrap(), values.iter().sum::<u64>());
        assert!((most..=sum).contains(&persons), "{line}: {values:?}");
        between += u64::from(persons < sum);
    }
    assert!(
        between > 20,
        "persons known to two organisations in {between} cells"
    );
}

#[test]
fn a_smaller_city_in_the_same_place_leaves_nothing_of_the_larger_one() {
    let larger = CityConfig {
        scale: 0.002,
        ..small()
    };
    let (dir, _) = city(&larger);
    let smaller = CityConfig {
        organisations: 2,
        ..larger
    };
    generate(&smaller, dir.path(), &mut |_| {}).unwrap();
    let (fresh, _) = city(&smaller);
    assert!(files(dir.path()) == files(fresh.path()));
}

#[test]
fn events_have_season_and_trend() {
    let (dir, _) = city(&CityConfig {
        scale: 0.05,
        ..small()
    });
    let truth = Truth::load(dir.path(), "comune-milano").unwrap();
    let of = |services: &[&str], months: &dyn Fn(Month) -> bool| {
        let part = truth.restricted_to(services);
        part.presences
            .iter()
            .filter(|p| months(p.month))
            .map(|p| p.events.min(10))
            .sum::<u64>() as f64
    };
    let month = |number: u16| move |month: Month| month.number() == number;
    let year = |year: u16| move |month: Month| month.year() == year;
    assert!(of(&["food-aid"], &month(12)) > 1.3 * of(&["food-aid"], &month(8)));
    assert!(of(&["minors-education"], &month(10)) > 3.0 * of(&["minors-education"], &month(8)));
    assert!(of(&["meals-at-home"], &month(8)) > of(&["meals-at-home"], &month(4)));
    assert!(of(&demo_city::SERVICES, &year(2025)) > 1.05 * of(&demo_city::SERVICES, &year(2022)));
}
