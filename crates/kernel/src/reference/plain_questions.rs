//! The pass over whole columns against the reference.

use super::{contributions, reference, support};
use crate::aggregate::aggregate_with_threads;
use query::AggregateQuery;
use std::collections::BTreeMap;

/// Questions that take the pass over whole columns, in each of its ways: events that merge into the fewest, into few or into
/// many own cells, or not at all; with every bound of its own and one beyond, with what was cut off and without; more
/// people than one block holds, some with more own cells than any table of draws has.
#[test]
fn plain_questions_agree_with_the_reference() {
    let measures = [
        (r#""persons""#, 1),
        (r#""events""#, 2),
        (r#""sum","quantity":"amount""#, 2_000),
        (r#""sum","quantity":"duration""#, 150),
    ];
    let few = r#","services":["food-aid","home-care","housing-support"]"#;
    let two = r#","services":["food-aid","home-care"]"#;
    // The area and the rest of the split, services, first year, and how many cells one person can reach.
    let splits = [
        (r#""area":"city""#, "", 2023, 1),
        (r#""area":"nil","service":true"#, "", 2023, 10),
        (
            r#""area":{"municipio":25,"nil":60},"service":true"#,
            "",
            2023,
            10,
        ),
        (
            r#""area":"nil","service":true,"period":"quarter""#,
            few,
            2023,
            12,
        ),
        (
            r#""area":"micro-area","service":true,"period":"quarter""#,
            two,
            2022,
            16,
        ),
        (
            r#""area":"municipio","service":true,"period":"quarter""#,
            "",
            2023,
            40,
        ),
        (
            r#""area":"nil","service":true,"period":"quarter""#,
            "",
            2022,
            80,
        ),
        (
            r#""area":"nil","service":true,"period":"month""#,
            two,
            2022,
            48,
        ),
        (
            r#""area":"nil","service":true,"period":"month""#,
            "",
            2023,
            120,
        ),
    ];
    let cut_offs = [
        r#""cut_off":{"share":15,"at_most":3},"#,
        r#""cut_off":{"share":15,"at_most":100000},"#,
    ];
    let (mut cut, mut most) = (BTreeMap::new(), BTreeMap::new());
    for (seed, persons, rows) in [(1, 1, 12), (2, 140, 40), (3, 90, 20)] {
        let snapshot = support::snapshot(&support::register(seed, persons, 50, rows), "2026-01");
        for (nth, (measure, per_cell)) in measures.iter().enumerate() {
            for (split, services, from, reach) in splits {
                for cells in [1, 2, 3, 4, 5, reach] {
                    if cells > reach {
                        continue;
                    }
                    // With what was cut off every other time, and the other times of the next register.
                    let cut_off = match (cells + nth + persons) % 2 {
                        // Whose shares leave room for it.
                        0 if split.contains("60") => cut_offs[0],
                        0 => "",
                        _ => cut_offs[cells % 2],
                    };
                    let text = format!(
                        r#"{{"version":1,"measure":{measure},"by":{{{split}}}{services},{cut_off}
                        "period":{{"from":"{from}-01","to":"2023-12"}},
                        "bounds":{{"cells":{cells},"per_cell":{per_cell}}},"rho":1000000}}"#
                    );
                    let query = AggregateQuery::parse(text.as_bytes()).expect("a legal query");
                    let got = support::cells(aggregate_with_threads(&query, &snapshot, 2));
                    assert!(got == reference(&query, &snapshot), "{}", query.canonical());
                    let people = (0..snapshot.person_count()).map(|place| snapshot.person(place));
                    let own = people.map(|person| contributions(&query, &snapshot, person).len());
                    let own: Vec<usize> = own.collect();
                    let beyond = own.iter().filter(|own| **own > cells).count();
                    *cut.entry((split, services, cells)).or_insert(0) += beyond;
                    let seen = most.entry((split, services)).or_insert(0);
                    *seen = own.into_iter().fold(*seen, usize::max);
                }
            }
        }
    }
    for ((split, services, cells), people) in cut {
        let all = splits
            .iter()
            .any(|known| (known.0, known.1, known.3) == (split, services, cells));
        assert!(
            people > 0 || all,
            "nobody had more than {cells} cells of {split}"
        );
    }
    // Beyond the tables: of the fewest, where four are kept, and of lists.
    assert!(
        most[&(splits[1].0, "")] > 7 && most[&(splits[8].0, "")] > 15,
        "{most:?}"
    );
}
