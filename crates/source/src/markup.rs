//! XML from outside: a reader that refuses what would make a parser hold more than a piece of it.
//! Between two `<` there is one tag or one text; a parser holds that much, so it is limited before the parser sees it.

use std::io::{self, Read};

/// Most bytes between two `<`.
const LONGEST: usize = 1 << 20;

/// Passes bytes on until a piece of markup is too long, or there are too many bytes.
pub(crate) struct Bounded<R> {
    reader: R,
    since: usize,
    left: u64,
}

impl<R: Read> Bounded<R> {
    /// At most `most` bytes in all.
    pub(crate) fn new(reader: R, most: u64) -> Bounded<R> {
        Bounded {
            reader,
            since: 0,
            left: most,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        self.left = (self.left.checked_sub(read as u64)).ok_or_else(too_much)?;
        let mut rest = &into[..read];
        while let Some(place) = memchr::memchr(b'<', rest) {
            if self.since + place > LONGEST {
                return Err(too_much());
            }
            self.since = 0;
            rest = &rest[place + 1..];
        }
        self.since += rest.len();
        if self.since > LONGEST {
            return Err(too_much());
        }
        Ok(read)
    }
}

fn too_much() -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        "more markup than a register has",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_pieces_and_long_files_are_refused_and_others_pass() {
        let read = |bytes: &[u8], most| {
            let mut out = Vec::new();
            Bounded::new(bytes, most)
                .read_to_end(&mut out)
                .map(|_| out.len())
        };
        let long = vec![b'x'; LONGEST];
        let piece = [b"<a>".as_slice(), &long[..LONGEST - 10], b"</a>"].concat();
        let many = piece.repeat(5);
        assert_eq!(read(&many, u64::MAX).expect("passes"), many.len());
        assert!(read(&many, many.len() as u64 - 1).is_err());
        assert!(read(&[b"<a>".as_slice(), &long, b"</a>"].concat(), u64::MAX).is_err());
    }
}
