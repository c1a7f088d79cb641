//! The generator as a program: what it leaves in a directory.

use demo_city::CityManifest;

#[test]
fn the_program_leaves_the_truth_only_where_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let made = std::process::Command::new(env!("CARGO_BIN_EXE_demo-city"))
            .arg("--dir")
            .arg(dir.path())
            .args(["--scale", "0.0005", "--organisations", "2"])
            .args(more)
            .status()
            .unwrap();
        assert!(made.success());
        assert!(CityManifest::path(dir.path()).exists());
        dir.path().join("truth").exists()
    };
    assert!(!run(&[]), "a demonstration has no truth");
    assert!(run(&["--truth"]), "made again, with it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let truth = std::fs::metadata(dir.path().join("truth")).unwrap();
        assert_eq!(
            truth.permissions().mode() & 0o777,
            0o700,
            "closed to others"
        );
    }
    assert!(run(&[]), "found there as it was");
}

/// Whoever looks at a demonstration sees registers kept to this day, of the same people, each a year older or more.
#[test]
fn the_program_tells_the_same_city_later() {
    let register = |until: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let run = |more: &[&str]| {
            let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_demo-city"));
            program.arg("--dir").arg(dir.path());
            program.args(["--scale", "0.0005", "--organisations", "2"]);
            program.args(until).args(more).status().unwrap().success()
        };
        assert!(run(&[]));
        let manifest = std::fs::read(CityManifest::path(dir.path())).unwrap();
        let manifest: CityManifest = serde_json::from_slice(&manifest).unwrap();
        let organisation = &manifest.organisations[0].id;
        let text = std::fs::read(demo_city::register_path(dir.path(), organisation)).unwrap();
        let text: String = text.into_iter().map(char::from).collect();
        let dates: Vec<(String, String)> = text
            .lines()
            .skip(1)
            .map(|line| {
                let fields: Vec<&str> = line.split(';').collect();
                (fields[4].to_owned(), fields[14].to_owned())
            })
            .collect();
        (manifest.until, dates, run(&["--truth"]))
    };
    let (_, before, _) = register(&["--until", "2025-10"]);
    let (until, later, truth) = register(&["--until", "2027-10"]);
    assert_eq!(until, "2027-10");
    assert!(!truth, "the truth is told of the invented years only");
    assert_eq!(before.len(), later.len());
    let two_later = |date: &str| match date.rsplit_once('/') {
        Some((day, year)) => format!("{day}/{}", year.parse::<u16>().unwrap() + 2),
        None => String::new(),
    };
    let february = |date: &str| date.starts_with("29/02/");
    for ((birth, day), (born_later, day_later)) in before.iter().zip(&later) {
        assert!(february(birth) || two_later(birth) == *born_later);
        assert!(february(day) || two_later(day) == *day_later);
    }
    // Without a month: the last one that is over, whatever it is.
    let (until, kept_to_this_day, _) = register(&[]);
    assert!(
        until.as_str() > "2026-00" && kept_to_this_day.len() > 100,
        "{until}"
    );
}
