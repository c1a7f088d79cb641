//! What is stored stays readable, and assumptions do to a forecast what they say.

use super::adjust::{Adjustment, apply, check};
use super::*;

/// An input and a result as version 1 writes them.
const INPUT: &str = r#"{"version":1,"engine":1,"wanted":{"cube":"needs","level":"municipio","at":{"sex":"F"},"horizon":2,"adjustments":[]},"past":{"releases":["r1"],"periods":["2024-Q4","2025-Q1"],"left_out":["2025-Q1"],"keys":["1"],"values":[[3.5,null]],"variances":[[2.0,0.0]],"kind":"quarter","counts":true}}"#;

fn ahead(mean: f64) -> AheadView {
    AheadView {
        mean,
        low: vec![mean - 1.0, mean - 2.0],
        high: vec![mean + 1.0, mean + 2.0],
        width: WidthView::default(),
    }
}

fn result() -> ForecastResult {
    let series = |key: &str, mean: f64| SeriesView {
        key: key.to_owned(),
        past: vec![Some(PastView {
            value: mean,
            low: mean - 1.0,
            high: mean + 1.0,
        })],
        ahead: vec![ahead(mean), ahead(mean)],
        adjusted: None,
        explanation: ExplanationView {
            level: mean,
            slope: 0.0,
            season: Vec::new(),
            per_working_day: None,
            model: Some("level".to_owned()),
            borrowed_season: false,
            borrowed_level: false,
            unusual: Vec::new(),
        },
        backtest: Vec::new(),
    };
    ForecastResult {
        past: vec!["2025-Q1".to_owned()],
        ahead: vec!["2025-Q2".to_owned(), "2025-Q3".to_owned()],
        left_out: Vec::new(),
        missing: Vec::new(),
        bounds_changed: Vec::new(),
        levels: vec![50, 95],
        agree: Vec::new(),
        series: vec![
            series("together", 30.0),
            series("1", 10.0),
            series("2", 20.0),
        ],
    }
}

fn assumed(areas: &[&str], thousandths: u32, add: i32) -> Adjustment {
    Adjustment {
        areas: areas.iter().map(|area| (*area).to_owned()).collect(),
        from: 2,
        to: 2,
        thousandths,
        add,
        reason: "an estate opens".to_owned(),
    }
}

#[test]
fn a_stored_input_is_read_and_written_alike() {
    let stored = StoredForecast {
        id: identifier(INPUT.as_bytes()),
        input: INPUT.to_owned(),
        state: "done".to_owned(),
        done: 1,
        series: 1,
        failure: None,
        asked_at: 0,
    };
    let input = read_input(&stored).unwrap();
    assert!(input.past.values[0][1].is_nan());
    assert_eq!(serde_json::to_string(&input).unwrap(), INPUT);
    let newer = StoredForecast {
        input: INPUT.replacen("\"version\":1", "\"version\":2", 1),
        ..stored
    };
    assert!(read_input(&newer).is_err());
    let text = serde_json::to_string(&StoredResult {
        version: VERSION,
        result: result(),
    })
    .unwrap();
    assert_eq!(read_result(&text).unwrap(), result());
    // Results of before told growth within the other parts.
    let before = text.replace(",\"growth\":0.0", "");
    assert!(before != text && read_result(&before).unwrap() == result());
}

#[test]
fn what_is_assumed_of_an_area_moves_the_whole_by_as_much() {
    let mut found = result();
    apply(
        &mut found,
        &[assumed(&["1"], 1_500, 0), assumed(&["2"], 1_000, -4)],
    );
    let means = |at: usize| -> Vec<f64> {
        let adjusted = found.series[at].adjusted.as_ref().unwrap();
        adjusted.iter().map(|one| one.mean).collect()
    };
    assert_eq!(means(1), [10.0, 15.0]);
    assert_eq!(means(2), [20.0, 16.0]);
    assert_eq!(means(0), [30.0, 31.0]);
    // A factor stretches an interval, an addition moves it.
    let ends = |at: usize| found.series[at].adjusted.as_ref().unwrap()[1].low.clone();
    assert_eq!(ends(1), [13.5, 12.0]);
    assert_eq!(ends(2), [15.0, 14.0]);
    // The statistical forecast is as it was.
    assert!((found.series.iter().zip(&result().series)).all(|(now, was)| now.ahead == was.ahead));

    let mut found = result();
    apply(&mut found, &[assumed(&[], 2_000, 0)]);
    let of = |at: usize| found.series[at].adjusted.as_ref().unwrap()[1].mean;
    assert_eq!((of(0), of(1), of(2)), (60.0, 20.0, 40.0));
}

#[test]
fn assumptions_about_nothing_are_refused() {
    let keys = ["1".to_owned()];
    let refused = |one: Adjustment| match check(&[one], 4, &keys) {
        Err(Problem::InvalidBody { path, code }) => (path, code),
        _ => panic!("accepted"),
    };
    let expected = |path: &str, code| (path.to_owned(), code);
    assert_eq!(
        refused(assumed(&["9"], 1_000, 1)),
        expected("$.adjustments.areas", "unknown-id")
    );
    assert_eq!(
        refused(assumed(&[], 1_000, 1)),
        expected("$.adjustments.areas", "missing-field")
    );
    assert_eq!(
        refused(assumed(&["1"], 10_001, 0)),
        expected("$.adjustments", "out-of-range")
    );
    assert!(check(&[assumed(&["1"], 1_000, -3)], 4, &keys).is_ok());
}

/// A past of two areas and four periods of noise one.
fn two_areas(levels: Option<levels::PastLevels>) -> Past {
    let row = |value: f64| vec![value, f64::NAN, value, value];
    Past {
        releases: Vec::new(),
        periods: Vec::new(),
        left_out: Vec::new(),
        missing: Vec::new(),
        bounds_changed: Vec::new(),
        keys: vec!["1".to_owned(), "2".to_owned()],
        values: vec![row(3.0), row(4.0)],
        variances: vec![vec![1.0; 4]; 2],
        kind: query::PeriodKind::Quarter,
        counts: true,
        levels,
    }
}

fn together(past: &Past) -> levels::Together {
    levels::Together::of(past, "municipio", |values, variances| {
        forecast::Series::try_new(
            values.to_vec(),
            Some(variances.to_vec()),
            forecast::Season::Quarters,
            forecast::Kind::Counts,
        )
    })
    .unwrap()
}

#[test]
fn a_past_of_one_level_is_forecast_with_the_sum_of_its_areas() {
    let found = together(&two_areas(None));
    assert_eq!((found.whole, found.shown), (Some(0), 1));
    assert_eq!(found.by_level(), [0..1, 1..3]);
    assert_eq!(found.series[0].values()[0], 7.0);
    assert_eq!(found.series[0].privacy().unwrap()[0], 2.0);
    assert!(found.levels.is_empty());
}

#[test]
fn levels_are_stored_with_their_gaps_and_stand_in_their_order() {
    let level = |level: &str, values: Vec<Vec<f64>>| levels::PastLevel {
        level: level.to_owned(),
        variances: vec![vec![1.5; 4]; values.len()],
        values,
    };
    let municipi = geography::Partition::milan()
        .keys(geography::Level::Municipio)
        .len();
    let all = levels::PastLevels {
        levels: vec![
            level("city", vec![vec![7.0, f64::NAN, 7.0, 7.0]]),
            level("municipio", Vec::new()),
        ],
        relations: vec![vec![(0, 1.0), (1, -1.0), (2, -1.0)]],
        covariance: levels::mean(&[
            (&[vec![1.0], vec![0.0, 1.0]][..], 3),
            (&[vec![2.0], vec![0.4, 3.0]][..], 1),
        ]),
    };
    assert_eq!(all.covariance, [vec![1.25], vec![0.1, 1.5]]);
    let text = serde_json::to_string(&all).unwrap();
    let read: levels::PastLevels = serde_json::from_str(&text).unwrap();
    assert!(text.contains("[7.0,null,7.0,7.0]") && read.levels[0].values[0][1].is_nan());

    let mut past = two_areas(None);
    past.keys = (0..municipi).map(|key| key.to_string()).collect();
    past.values = vec![vec![3.0; 4]; municipi];
    past.variances = vec![vec![1.0; 4]; municipi];
    let n = municipi + 1;
    past.levels = Some(levels::PastLevels {
        relations: vec![
            (0..n)
                .map(|at| (at, if at == 0 { 1.0 } else { -1.0 }))
                .collect(),
        ],
        covariance: (0..n).map(|at| vec![0.5; at + 1]).collect(),
        ..all
    });
    assert_eq!(past.count(), n);
    let found = together(&past);
    assert_eq!((found.whole, found.shown), (Some(0), 1));
    assert_eq!(found.by_level(), [0..1, 1..n]);
    assert_eq!(found.series[0].privacy().unwrap()[0], 1.5);
    assert_eq!(found.levels, ["city", "municipio"]);
}

/// A city alone, with nothing it has to agree with.
fn one_city(periods: usize) -> Past {
    Past {
        periods: (0..periods)
            .map(|at| format!("{}-Q{}", 2010 + at / 4, 1 + at % 4))
            .collect(),
        keys: vec!["city".to_owned()],
        values: vec![
            (0..periods)
                .map(|at| (300 + at + at * 7919 % 13) as f64)
                .collect(),
        ],
        variances: vec![vec![9.0; periods]],
        ..two_areas(None)
    }
}

#[test]
fn a_single_series_tells_how_far_its_trials_are_and_ends_between_two_of_them() {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    let wanted = ForecastWanted {
        cube: "needs".to_owned(),
        level: "city".to_owned(),
        at: BTreeMap::new(),
        horizon: 12,
        adjustments: Vec::new(),
    };
    let past = one_city(60);
    let (done, cancelled) = (AtomicUsize::new(0), AtomicBool::new(false));
    let whole = work::forecast(&past, &wanted, &done, &cancelled).unwrap();
    let horizons: Vec<usize> = (whole.unwrap().series[0].backtest.iter())
        .map(|tried| tried.horizon)
        .collect();
    assert_eq!(horizons, [1, 3, 6, 12]);
    assert_eq!(done.load(Ordering::Relaxed), work::PARTS);

    // Called off as soon as the first trials are told of: the rest is not made.
    done.store(0, Ordering::Relaxed);
    let ended = std::thread::scope(|scope| {
        let working = scope.spawn(|| work::forecast(&past, &wanted, &done, &cancelled));
        while done.load(Ordering::Relaxed) * 20 < work::PARTS && !working.is_finished() {
            std::thread::yield_now();
        }
        cancelled.store(true, Ordering::Relaxed);
        working.join().unwrap()
    });
    assert!(
        ended.unwrap().is_none(),
        "it went on after it was called off"
    );
    let made = done.load(Ordering::Relaxed);
    assert!(0 < made && made < work::PARTS, "{made}");
}
