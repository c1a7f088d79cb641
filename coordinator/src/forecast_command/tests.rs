//! What the command refuses before it reads or writes.

use super::*;

fn options(series: &Path, out: &Path, horizon: usize) -> Options {
    Options {
        series: series.to_owned(),
        horizon,
        season: None,
        levels: vec![95.0],
        hierarchy: Vec::new(),
        backtest: true,
        explain: false,
        calendar: false,
        kind: None,
        out: out.to_owned(),
    }
}

#[test]
fn the_series_are_never_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let series = folder.path().join("city.backtest.csv");
    let text = "unique_id,ds,y\na,2021,5\na,2022,6\n";
    std::fs::write(&series, text).expect("written");
    for out in ["city.backtest.csv", "city.csv"] {
        let told = run(&options(&series, &folder.path().join(out), 1)).expect_err("refused");
        assert!(told.to_string().contains("would overwrite"), "{told}");
    }
    assert_eq!(std::fs::read_to_string(&series).expect("there"), text);
}

#[test]
fn a_horizon_beyond_reason_is_refused_before_anything_is_read() {
    let nowhere = Path::new("not-there.csv");
    let told = run(&options(nowhere, nowhere, MOST_AHEAD + 1)).expect_err("refused");
    assert!(told.to_string().contains("--horizon"), "{told}");
}
