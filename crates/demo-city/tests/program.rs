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
