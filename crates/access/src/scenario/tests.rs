use super::*;

fn edited(edits: &[Edit], method: Method) -> Result<Comparison, InvalidScenario> {
    let (demand, mut sites, travel) = crate::measure::tests::city(3);
    sites[3].status = SiteStatus::Candidate;
    compare(&demand, &sites, &travel, edits, method, Settings::default())
}

#[test]
fn nothing_changed_is_no_gain_and_no_noise() {
    for method in Method::ALL {
        // Unwrap safety: no edit cannot be refused.
        let found = edited(&[], method).unwrap();
        for row in &found.rows {
            assert_eq!(
                (row.gain, row.lower, row.upper),
                (Some(0.0), Some(0.0), Some(0.0))
            );
        }
        assert_eq!((found.gaining, found.losing, found.uncertain), (0, 0, 0));
    }
}

#[test]
fn opening_a_site_makes_nobody_worse() {
    let open = [Edit::Open {
        site: "s3".to_owned(),
    }];
    for method in [
        Method::Nearest,
        Method::Cumulative,
        Method::TwoStep,
        Method::Enhanced,
    ] {
        // Unwrap safety: the site is there and not open.
        let found = edited(&open, method).unwrap();
        assert!(
            found
                .rows
                .iter()
                .all(|row| row.gain.is_some_and(|gain| gain >= -1e-9))
        );
        assert!(found.by_target[0].gain.is_some_and(|gain| gain > 0.0));
        assert_eq!(found.losing, 0);
    }
}

#[test]
fn edits_that_cannot_be_made_are_named() {
    let close = Edit::Close {
        site: "s0".to_owned(),
    };
    let wrong = [
        Edit::Open {
            site: "s0".to_owned(),
        },
        Edit::Open {
            site: "x".to_owned(),
        },
        Edit::Extend {
            site: "s0".to_owned(),
            places: -11.0,
        },
        Edit::Move {
            site: "s0".to_owned(),
            to: "s1".to_owned(),
        },
        Edit::Demand {
            area: Some("x".to_owned()),
            target: None,
            factor: 2.0,
        },
    ];
    for wrong in wrong {
        let refused = edited(
            &[
                Edit::Close {
                    site: "s2".to_owned(),
                },
                wrong,
            ],
            Method::Nearest,
        );
        assert_eq!(refused.err().map(|refused| refused.number), Some(2));
    }
    assert!(edited(&[close], Method::Nearest).is_ok());
}

#[test]
fn moving_there_and_back_is_closing_and_opening() {
    let moved = Edit::Move {
        site: "s0".to_owned(),
        to: "s3".to_owned(),
    };
    // Unwrap safety: s3 is a free place.
    let found = edited(&[moved], Method::Nearest).unwrap();
    assert!(
        found
            .rows
            .iter()
            .all(|row| row.site_after.as_deref() != Some("s0"))
    );
    assert!(
        found
            .rows
            .iter()
            .any(|row| row.site_after.as_deref() == Some("s3"))
    );
}

#[test]
fn two_scenarios_are_compared_as_each_is_with_the_baseline() {
    let (demand, mut sites, travel) = crate::measure::tests::city(3);
    sites[3].status = SiteStatus::Candidate;
    let open = [Edit::Open {
        site: "s3".to_owned(),
    }];
    let more = [Edit::Demand {
        area: None,
        target: None,
        factor: 1.5,
    }];
    for method in Method::ALL {
        let between = |a: &[Edit], b: &[Edit]| {
            // Unwrap safety: both edits can be made.
            compare_between(&demand, &sites, &travel, a, b, method, Settings::default()).unwrap()
        };
        assert!(between(&open, &open).rows.iter().all(|row| {
            row.gain == Some(0.0) && row.lower.is_some_and(|lower| lower.abs() < 1e-9)
        }));
        let (there, back) = (between(&open, &more), between(&more, &open));
        for ((row, back), (to, from)) in (there.rows.iter().zip(&back.rows))
            .zip((between(&[], &open).rows.iter()).zip(&between(&[], &more).rows))
        {
            // Unwrap safety: this city's demand is clear of zero.
            let gain = row.gain.unwrap();
            assert!((gain + back.gain.unwrap()).abs() < 1e-9);
            assert!((gain - (from.gain.unwrap() - to.gain.unwrap())).abs() < 1e-9);
            let width = |row: &Change| row.upper.unwrap() - row.lower.unwrap();
            assert!((width(row) - width(back)).abs() < 1e-9);
        }
    }
    // Unwrap safety: s3 is a candidate.
    let left = edited_sites(&demand, &sites, &open).unwrap();
    assert_eq!(left[3].status, SiteStatus::Required);
}

#[test]
fn shared_noise_cancels_in_a_difference() {
    // Doubling all places doubles access: its noise doubles too, and the gain has the noise of the access itself.
    let edits: Vec<Edit> = (0..3)
        .map(|at| Edit::Extend {
            site: format!("s{at}"),
            places: 10.0 + 5.0 * f64::from(at),
        })
        .collect();
    // Unwrap safety: places are added only.
    let found = edited(&edits, Method::TwoStep).unwrap();
    let (demand, mut sites, travel) = crate::measure::tests::city(3);
    sites[3].status = SiteStatus::Candidate;
    let base = crate::measure(
        &demand,
        &sites,
        &travel,
        Method::TwoStep,
        Settings::default(),
    );
    for (change, row) in found.rows.iter().zip(&base.rows) {
        // Unwrap safety: this city's demand is clear of zero.
        let width = change.upper.unwrap() - change.lower.unwrap();
        let own = row.upper.unwrap() - row.lower.unwrap();
        assert!((width - own).abs() < 1e-9 && width > 0.0);
    }
}

#[test]
fn an_area_with_one_row_needs_no_target_named() {
    let row = |id: &str, target: &str| Demand {
        id: id.to_owned(),
        target: Some(target.to_owned()),
        ..Demand::default()
    };
    let demand = [row("a", "x"), row("b", "x"), row("b", "y")];
    assert_eq!(row_of(&demand, "a", None), Ok(0));
    assert_eq!(row_of(&demand, "b", Some("y")), Ok(2));
    let unnamed = row_of(&demand, "b", None).unwrap_err();
    assert!(unnamed.ends_with("its targets are x, y"), "{unnamed}");
    assert!(row_of(&demand, "c", None).is_err());
    assert!(row_of(&demand, "a", Some("y")).is_err());
}
