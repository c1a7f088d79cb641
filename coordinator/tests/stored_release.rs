//! Releases of every format that was ever stored stay readable and say the same; what is written is format 3, byte for byte.

use compose::{Noise, Sums};
use coordinator::CoordinatorError;
use coordinator::app::release::{ComposedRelease, Release};
use coordinator::app::stored_release::{read, write};

/// A release of three cells as the first version of this program stored it.
const FORMAT_1: &str = include_str!("fixtures/release-1.json");
/// The same in format 2.
const FORMAT_2: &str = include_str!("fixtures/release-2.json");
/// The same in format 3.
const FORMAT_3: &str = include_str!("fixtures/release-3.txt");

fn first() -> Release {
    read(FORMAT_1.trim_end()).expect("format 1")
}

/// It as it would be composed, with this noise.
fn composed(noise: Vec<Noise>, runs: Vec<(usize, usize)>) -> ComposedRelease {
    let first = first();
    ComposedRelease {
        sums: Sums {
            values: first.values,
            lower: first.bracket.map(|bracket| bracket.lower),
            noise,
            runs,
        },
        summary: first.summary,
        dimensions: first.dimensions,
        coverage: first.coverage,
        privacy: first.privacy,
        estimand: first.estimand,
        obligations: first.obligations,
    }
}

const NOISE: Noise = Noise {
    variance: 8.0,
    margin_95: 6.0,
    margin_9999: 12.0,
    above: Some(7),
};

#[test]
fn releases_of_all_formats_are_readable_and_say_the_same() {
    let release = first();
    assert_eq!(read(FORMAT_2.trim_end()).expect("format 2"), release);
    assert_eq!(read(FORMAT_3.trim_end()).expect("format 3"), release);
    let text = write(&composed(vec![NOISE], vec![(3, 0)])).expect("written");
    assert_eq!(text, FORMAT_3.trim_end());
}

#[test]
fn cells_of_different_noise_keep_it() {
    let more = Noise {
        variance: 16.0,
        margin_95: 8.0,
        ..NOISE
    };
    let text = write(&composed(vec![NOISE, more], vec![(1, 0), (1, 1), (1, 0)]));
    let text = text.expect("written");
    let release = read(&text).expect("read");
    assert_eq!(release.variance, [8.0, 16.0, 8.0]);
    assert_eq!(release.margin_95, [6.0, 8.0, 6.0]);
    assert_eq!(release.values, first().values);
    let runs = "[[1,0],[1,1],[1,0]]";
    assert!(text.contains(runs), "{text}");
    for other in ["[[1,0],[1,1]]", "[[1,0],[1,2],[1,0]]", "[[1,0],[9,1]]"] {
        is_corrupt(&text.replace(runs, other));
    }
}

#[test]
fn a_release_with_damaged_cells_is_not_read() {
    let text = FORMAT_3.trim_end();
    let lines: Vec<&str> = text.split('\n').collect();
    is_corrupt(lines[0]);
    // Without lower ends, though its noise says how far above the upper ones are.
    is_corrupt(&lines[..2].join("\n"));
    is_corrupt(&format!("{text}\n{}", lines[2]));
    is_corrupt(&text.replace(lines[1], "?"));
    is_corrupt(&text.replace(r#""cells":3"#, r#""cells":4"#));
}

fn is_corrupt(text: &str) {
    assert!(
        matches!(read(text), Err(CoordinatorError::Corrupt { .. })),
        "{text}"
    );
}
