//! Cells in blocks of equal width: what an answer attaches from its format 4 on, and what stored releases hold from their format 3 on.
//! Written so that reading costs about what copying does, since a coordinator reads each answer more than once.
//!
//! The byte 2, then for each 64 cells in turn (the last block may have fewer) one byte with their width, 1 to 8, and the cells as
//! zigzag numbers of so many bytes, least byte first. The width is the least that fits the block's cells, so one vector has one encoding.
//! How many cells there are is not written: the signed document says it.

use crate::cells::zigzag;

/// The format written; 1 is that of [`crate::cells`].
pub(crate) const FORMAT: u8 = 2;
/// Cells that share a width.
const BLOCK: usize = 64;
const LARGEST_WIDTH: usize = 8;

/// The bytes of so many cells.
pub fn encode(cells: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + cells.len().div_ceil(BLOCK) + 4 * cells.len());
    bytes.push(FORMAT);
    let mut room = [0; BLOCK];
    for block in cells.chunks(BLOCK) {
        let folded = &mut room[..block.len()];
        let mut all = 0;
        for (folded, cell) in folded.iter_mut().zip(block) {
            *folded = (cell << 1 ^ cell >> 63) as u64;
            all |= *folded;
        }
        let width = width(all);
        bytes.push(width as u8);
        let start = bytes.len();
        bytes.resize(start + width * folded.len(), 0);
        let block = &mut bytes[start..];
        match width {
            1 => pack::<1>(folded, block),
            2 => pack::<2>(folded, block),
            3 => pack::<3>(folded, block),
            4 => pack::<4>(folded, block),
            5 => pack::<5>(folded, block),
            6 => pack::<6>(folded, block),
            7 => pack::<7>(folded, block),
            _ => pack::<LARGEST_WIDTH>(folded, block),
        }
    }
    bytes
}

/// The cells, of which there are `count`.
///
/// # Errors
/// Where the bytes are not what [`encode`] writes of so many cells. What is reserved is at most eight times as large as `bytes`.
pub fn decode(bytes: &[u8], count: usize) -> Result<Vec<i64>, &'static str> {
    // A cell takes a byte at least.
    let mut cells = Vec::with_capacity(count.min(bytes.len()));
    read(bytes, count, |block| cells.extend_from_slice(block))?;
    Ok(cells)
}

/// Hands the cells, of which there are `count`, to `take`, some at a time and in their order.
///
/// # Errors
/// Where the bytes are not what [`encode`] writes of `count` cells; what was handed over before is then nothing.
pub(crate) fn read(
    bytes: &[u8],
    count: usize,
    mut take: impl FnMut(&[i64]),
) -> Result<(), &'static str> {
    let Some((&FORMAT, mut rest)) = bytes.split_first() else {
        return Err("attached cells of an unknown format; this program reads format 2");
    };
    let mut room = [0; BLOCK];
    let mut left = count;
    while left > 0 {
        let cells = &mut room[..BLOCK.min(left)];
        let (&width, after) = rest.split_first().ok_or(CUT_OFF)?;
        let width = usize::from(width);
        let (block, after) = (after.split_at_checked(width * cells.len())).ok_or(CUT_OFF)?;
        let all = match width {
            1 => unpack::<1>(block, cells),
            2 => unpack::<2>(block, cells),
            3 => unpack::<3>(block, cells),
            4 => unpack::<4>(block, cells),
            5 => unpack::<5>(block, cells),
            6 => unpack::<6>(block, cells),
            7 => unpack::<7>(block, cells),
            LARGEST_WIDTH => unpack::<LARGEST_WIDTH>(block, cells),
            _ => return Err("a block of cells has no width from 1 to 8"),
        };
        if self::width(all) != width {
            return Err("cells are written longer than they need to be");
        }
        take(cells);
        left -= cells.len();
        rest = after;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err("more follows than the cells")
    }
}

const CUT_OFF: &str = "the cells are cut off";

/// Bytes of the largest of numbers, given all their bits together.
fn width(all: u64) -> usize {
    (u64::BITS - all.leading_zeros()).div_ceil(8).max(1) as usize
}

/// Writes a block of that width.
fn pack<const WIDTH: usize>(folded: &[u64], block: &mut [u8]) {
    // Arrays rather than slices, as in [`unpack`].
    let (numbers, _) = block.as_chunks_mut::<WIDTH>();
    for (number, folded) in numbers.iter_mut().zip(folded) {
        number.copy_from_slice(&folded.to_le_bytes()[..WIDTH]);
    }
}

/// Reads a block of that width; returns all bits of its numbers together.
fn unpack<const WIDTH: usize>(block: &[u8], cells: &mut [i64]) -> u64 {
    let mut all = 0;
    // Arrays rather than slices: of a known length, a loop over them takes several cells at once.
    let (numbers, _) = block.as_chunks::<WIDTH>();
    for (cell, number) in cells.iter_mut().zip(numbers) {
        let mut eight = [0; LARGEST_WIDTH];
        eight[..WIDTH].copy_from_slice(number);
        let folded = u64::from_le_bytes(eight);
        all |= folded;
        *cell = zigzag(folded);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_cells_read_back_as_written(
            cells in proptest::collection::vec((any::<i64>(), 0u32..64).prop_map(|(cell, shift)| cell >> shift), 0..200),
        ) {
            let bytes = encode(&cells);
            prop_assert_eq!(decode(&bytes, cells.len()), Ok(cells.clone()));
            prop_assert!(decode(&bytes, cells.len() + 1).is_err());
            if !cells.is_empty() {
                prop_assert!(decode(&bytes, cells.len() - 1).is_err());
            }
        }

        #[test]
        fn one_vector_has_one_encoding(bytes in proptest::collection::vec(0u8..12, 0..40), count in 0usize..40) {
            let bytes = [&[FORMAT][..], &bytes].concat();
            if let Ok(cells) = decode(&bytes, count) {
                prop_assert_eq!(encode(&cells), bytes);
            }
        }
    }

    #[test]
    fn the_format_is_the_one_documented() {
        assert_eq!(encode(&[]), [2]);
        assert_eq!(encode(&[0, -1, 1]), [2, 1, 0, 1, 2]);
        assert_eq!(encode(&[300, -1]), [2, 2, 88, 2, 1, 0]);
        let edges = [0, 127, -128, 128, i64::MAX, i64::MIN];
        for cell in edges {
            assert_eq!(decode(&encode(&[cell]), 1), Ok(vec![cell]));
        }
        // A block's width is its own.
        let mut cells = vec![1; BLOCK + 1];
        cells[BLOCK] = 1_000_000;
        assert_eq!(encode(&cells).len(), 1 + (1 + BLOCK) + (1 + 3));
    }

    #[test]
    fn what_is_written_in_another_way_is_refused() {
        for (bytes, count, why) in [
            (&[][..], 0, "unknown format"),
            (&[1, 0], 1, "unknown format"),
            (&[2, 0, 0], 1, "width"),
            (&[2, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1, "width"),
            (&[2, 2, 1, 0], 1, "longer than"),
            (&[2, 1, 0, 0], 1, "more follows"),
            (&[2, 2, 1], 1, "cut off"),
            (&[2], usize::MAX, "cut off"),
        ] {
            let error = decode(bytes, count).expect_err(why);
            assert!(error.contains(why), "{bytes:?}: {error}");
        }
    }
}
