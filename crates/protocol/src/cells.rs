//! Cells on the wire and at rest: small integers in few bytes. A serde module for fields that hold cells.
//! It only writes and reads numbers; what they mean and how many there should be is checked by whoever reads the answer.
//!
//! Format 1 is a string: base64 of the byte 1 and then each cell as a zigzag variable-length integer (Protocol Buffers'
//! encoding: 7 bits a byte, least first). Noisy counts take one or two bytes, sums in cents three or four. It is read strictly, so that
//! one vector has one encoding. A list of JSON numbers, as the first nodes wrote and as stored answers may hold, is read too.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, Serializer};
use std::fmt;

/// The format written.
const FORMAT: u8 = 1;
/// Most bytes of a 64-bit integer.
const LONGEST: usize = 10;

/// Writes cells in format 1.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(cells: &[i64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(encode(cells)))
}

/// Reads cells in format 1, or as a list of numbers.
///
/// # Errors
/// When the text is neither.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    deserializer.deserialize_any(Cells)
}

/// The bytes of format 1.
pub(crate) fn encode(cells: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + 2 * cells.len());
    bytes.push(FORMAT);
    for &cell in cells {
        let mut rest = (cell << 1 ^ cell >> 63) as u64;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }
    bytes
}

/// Reads the bytes of format 1.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<i64>, &'static str> {
    let Some((&FORMAT, mut rest)) = bytes.split_first() else {
        return Err("cells of an unknown format; this program reads format 1");
    };
    // Each cell has one byte without the mark that another follows.
    let count = rest.iter().filter(|byte| **byte < 0x80).count();
    let mut cells = Vec::with_capacity(count);
    // Lengths vary from cell to cell, so no branch may depend on them: eight bytes are looked at together.
    while let Some(eight) = rest.first_chunk::<8>() {
        let eight = u64::from_le_bytes(*eight);
        let ends = !eight & 0x8080_8080_8080_8080;
        if ends == 0 {
            let (cell, length) = decode_long(rest)?;
            cells.push(cell);
            rest = &rest[length..];
            continue;
        }
        let length = ends.trailing_zeros() / 8 + 1;
        let own = eight & (u64::MAX >> (64 - 8 * length));
        // A last byte of zero adds nothing.
        if length > 1 && own >> (8 * (length - 1)) == 0 {
            return Err(TOO_LONG);
        }
        cells.push(zigzag(seven_bits_of_each(own)));
        rest = &rest[length as usize..];
    }
    while !rest.is_empty() {
        let (cell, length) = decode_long(rest)?;
        cells.push(cell);
        rest = &rest[length..];
    }
    Ok(cells)
}

const TOO_LONG: &str = "a cell is written longer than it needs to be";

/// The number that a zigzag code folds.
pub(crate) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// The lower seven bits of each of eight bytes, side by side.
fn seven_bits_of_each(bytes: u64) -> u64 {
    let x = bytes & 0x7f7f_7f7f_7f7f_7f7f;
    let x = (x & 0x007f_007f_007f_007f) | (x & 0x7f00_7f00_7f00_7f00) >> 1;
    let x = (x & 0x0000_3fff_0000_3fff) | (x & 0x3fff_0000_3fff_0000) >> 2;
    (x & 0x0000_0000_0fff_ffff) | (x & 0x0fff_ffff_0000_0000) >> 4
}

/// One cell, byte by byte, and how many there were.
fn decode_long(rest: &[u8]) -> Result<(i64, usize), &'static str> {
    let (mut value, mut length) = (0u64, 0);
    loop {
        let Some(&byte) = rest.get(length) else {
            return Err("the last cell is cut off");
        };
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if length == LONGEST || (length == LONGEST - 1 && bits > 1) {
            return Err("a cell does not fit 64 bits");
        }
        value |= bits << (7 * length);
        length += 1;
        if byte < 0x80 {
            if byte == 0 && length > 1 {
                return Err(TOO_LONG);
            }
            return Ok((zigzag(value), length));
        }
    }
}

struct Cells;

impl<'de> Visitor<'de> for Cells {
    type Value = Vec<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cells: base64 of format 1, or a list of whole numbers")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<i64>, E> {
        let bytes = BASE64_STANDARD
            .decode(text)
            .map_err(|_| E::custom("the cells are not base64"))?;
        decode(&bytes).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<i64>, A::Error> {
        // What a list claims about its length is not believed.
        let mut cells = Vec::new();
        while let Some(cell) = list.next_element()? {
            cells.push(cell);
        }
        Ok(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held(#[serde(with = "super")] Vec<i64>);

    fn read(json: &str) -> Result<Vec<i64>, String> {
        serde_json::from_str(json)
            .map(|Held(cells)| cells)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn any_cells_read_back_as_written() {
        let edges = (0..64).flat_map(|bit| {
            let at = 1i64 << bit;
            [at.wrapping_sub(1), at, at.wrapping_neg()]
        });
        let cells: Vec<i64> = edges.chain([0, -1, i64::MAX, i64::MIN]).collect();
        for cells in [cells, Vec::new(), vec![0; 1_000]] {
            let text = serde_json::to_string(&Held(cells.clone())).expect("written");
            assert_eq!(read(&text), Ok(cells));
        }
    }

    #[test]
    fn the_format_is_the_one_stored_answers_have() {
        assert_eq!(
            serde_json::to_string(&Held(vec![0, -1, 1, 300, -70_000])).expect("written"),
            "\"AQABAtgE38UI\""
        );
        assert_eq!(
            read("[0,-1,1,300,-70000]"),
            Ok(vec![0, -1, 1, 300, -70_000])
        );
    }

    #[test]
    fn noisy_counts_take_two_bytes_and_sums_in_cents_four_at_most() {
        let bytes = |cell: i64| encode(&[cell]).len() - 1;
        assert_eq!(
            (bytes(63), bytes(-64), bytes(64), bytes(8_191)),
            (1, 1, 2, 2)
        );
        assert_eq!((bytes(1_000_000), bytes(100_000_000)), (3, 4));
    }

    #[test]
    fn what_is_written_in_another_way_is_refused() {
        let text = |bytes: &[u8]| format!("\"{}\"", BASE64_STANDARD.encode(bytes));
        let too_long = [&[1][..], &[0x80; 10], &[1]].concat();
        let too_large = [&[1][..], &[0xff; 9], &[2]].concat();
        for (written, why) in [
            (text(&[]), "unknown format"),
            (text(&[2, 0]), "unknown format"),
            (text(&[1, 0x80]), "cut off"),
            (text(&[1, 0x80, 0]), "longer than"),
            (text(&too_long), "64 bits"),
            (text(&too_large), "64 bits"),
            ("\"?\"".to_owned(), "base64"),
            ("[1.5]".to_owned(), ""),
            ("7".to_owned(), "expected cells"),
        ] {
            let error = read(&written).expect_err(&written);
            assert!(error.contains(why), "{written}: {error}");
        }
    }
}
