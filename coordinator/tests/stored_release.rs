//! Releases of every format that was ever stored stay readable and say the same; what is written is format 2, byte for byte.

use coordinator::CoordinatorError;
use coordinator::app::stored_release::{read, write};

/// A release of three cells as the first version of this program stored it.
const FORMAT_1: &str = include_str!("fixtures/release-1.json");
/// The same in format 2.
const FORMAT_2: &str = include_str!("fixtures/release-2.json");

#[test]
fn releases_of_both_formats_are_readable_and_say_the_same() {
    let first = read(FORMAT_1.trim_end()).expect("format 1");
    let second = read(FORMAT_2.trim_end()).expect("format 2");
    assert_eq!(first, second);
    assert_eq!(write(&first).expect("written"), FORMAT_2.trim_end());
}

#[test]
fn cells_of_different_noise_keep_it() {
    let mut release = read(FORMAT_1.trim_end()).expect("format 1");
    release.variance = vec![4.0, 8.0, 4.0];
    release.margin_95 = vec![4.0, 6.0, 4.0];
    let text = write(&release).expect("written");
    assert!(text.contains("[0,1,0]"), "{text}");
    assert_eq!(read(&text).expect("read"), release);
    for other in ["[0,1]", "[0,2,0]"] {
        let damaged = text.replace("[0,1,0]", other);
        assert!(matches!(
            read(&damaged),
            Err(CoordinatorError::Corrupt { .. })
        ));
    }
}
