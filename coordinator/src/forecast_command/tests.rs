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

/// Rows of a file, the first line aside.
fn rows(file: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(file).expect("a file");
    (reader.records())
        .map(|row| row.expect("a row").iter().map(str::to_owned).collect())
        .collect()
}

#[test]
fn a_hierarchy_adds_up_and_its_sums_are_tried_and_explained_as_its_series_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let series = folder.path().join("series.csv");
    let mut text = String::from("unique_id,ds,y,variance,part\n");
    let names = ["b", "a", "c"];
    for (at, name) in names.iter().enumerate() {
        for quarter in 0..32_usize {
            let wave = ((quarter * (at + 3) * 7919) % 13) as f64;
            let (year, of_year) = (2015 + quarter / 4, quarter % 4 + 1);
            let part = if at < 2 { "east" } else { "west" };
            text += &format!("{name},{year}Q{of_year},{},9,{part}\n", 50.0 + wave);
        }
    }
    std::fs::write(&series, text).expect("written");
    let out = folder.path().join("out.csv");
    run(&Options {
        hierarchy: vec!["part".to_owned()],
        explain: true,
        ..options(&series, &out, 4)
    })
    .expect("forecasts");
    let number = |text: &str| text.parse::<f64>().expect("a number");

    // As many rows as periods, in the order in which the series came, sums after them.
    let ahead = rows(&out);
    let all = ["b", "a", "c", "Total", "east", "west"];
    let ids: Vec<&str> = ahead.chunks(4).map(|rows| &*rows[0][0]).collect();
    assert_eq!(ids, all);
    assert!(ahead.chunks(4).all(|rows| rows[3][1] == "2023Q4"));
    let mean = |id: usize, step: usize| number(&ahead[4 * id + step][2]);
    for step in 0..4 {
        assert!((mean(3, step) - mean(0, step) - mean(1, step) - mean(2, step)).abs() < 1e-4);
        assert!((mean(4, step) - mean(0, step) - mean(1, step)).abs() < 1e-4);
    }

    let tried = rows(&out.with_extension("backtest.csv"));
    let told: Vec<[&str; 3]> = (tried.iter())
        .map(|row| [&*row[0], &*row[1], &*row[2]])
        .collect();
    let expected: Vec<[&str; 3]> = (all.iter())
        .flat_map(|id| [[*id, "1", "12"], [*id, "3", "12"]])
        .collect();
    assert_eq!(told, expected);

    // Parts of a width make it, growth among them.
    let explained = rows(&out.with_extension("explanation.csv"));
    assert_eq!(explained.len(), ahead.len());
    for row in &explained {
        let parts: Vec<f64> = row[row.len() - 4..]
            .iter()
            .map(|part| number(part))
            .collect();
        assert!((parts.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{parts:?}");
        assert!(parts[3] > 0.0, "{parts:?}");
    }
}
