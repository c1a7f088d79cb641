//! What the version of the forecasting stands for: kept forecasts are told apart by it, so it must rise when they would come out otherwise.

use forecast::{Calibration, ENGINE, Kind, Prior, Season, Series, backtest, forecast};

/// Version, and what it says of [`past`]: centres and widths of three periods, then coverage, score and error of the backtest at each
/// horizon.
const VERSION: u32 = 7;
const SAYS: [f64; 12] = [
    106.3694, 97.08277, 84.99843, // centres
    45.64286, 43.87188, 42.90619, // widths
    1.0, 46.56527, 0.7805523, // one period ahead
    1.0, 48.17092, 0.7911437, // three
];

/// Twelve years of quarters with a season, a slope and known noise.
fn past() -> Series {
    let values = (0..48_usize)
        .map(|t| {
            let wave = ((t * 7919) % 13) as f64 - 6.0;
            80.0 + 0.4 * t as f64 + [9.0, 0.0, -12.0, 3.0][t % 4] + wave
        })
        .collect();
    Series::try_new(values, Some(vec![16.0; 48]), Season::Quarters, Kind::Counts).unwrap()
}

#[test]
fn the_version_rises_with_what_forecasts_and_backtests_say() {
    let past = past();
    let calibration = Calibration::learn(&[&past], 3).unwrap();
    let ahead = |past: &Series| forecast(past, 3, &Prior::default());
    let found = ahead(&past).unwrap();
    let mut says = found.centre().to_vec();
    says.extend((0..3).map(|step| {
        let (low, high) = found.interval(step, calibration.deviations(0.95, step, &found));
        high - low
    }));
    for tried in backtest(&past, 3, &calibration, ahead).unwrap() {
        says.extend([tried.coverage, tried.interval_score, tried.mase.unwrap()]);
    }
    let same = SAYS.len() == says.len()
        && (SAYS.iter().zip(&says)).all(|(was, is)| (was - is).abs() < 1e-3 * was.abs());
    assert!(
        ENGINE == VERSION && same,
        "the same past is forecast or backtested otherwise than by version {VERSION}: raise `forecast::ENGINE`, so that kept forecasts \
         are worked out anew, and state here what the new version says: {says:?}"
    );
}
