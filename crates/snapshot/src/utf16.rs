//! UTF-16 as UTF-8, a piece at a time, for spreadsheets that save 'Unicode text'.
//! What is no character becomes U+FFFD where it stands; nothing else of the register is touched.

use encoding_rs::{CoderResult, Decoder, UTF_16LE};
use std::io::{self, Read};

const PIECE: usize = 1 << 16;

/// A reader of UTF-8 over a reader of UTF-16 with a byte order mark; without one, little-endian.
pub(crate) struct Utf16Reader<R> {
    register: R,
    decoder: Decoder,
    raw: Vec<u8>,
    /// What of `raw` was decoded already.
    used: usize,
    decoded: Vec<u8>,
    /// What of `decoded` was handed out already.
    given: usize,
    ended: bool,
}

impl<R: Read> Utf16Reader<R> {
    pub(crate) fn new(register: R) -> Utf16Reader<R> {
        Utf16Reader {
            register,
            decoder: UTF_16LE.new_decoder(),
            raw: Vec::new(),
            used: 0,
            decoded: Vec::new(),
            given: 0,
            ended: false,
        }
    }

    fn decode_more(&mut self) -> io::Result<()> {
        if self.used == self.raw.len() && !self.ended {
            self.raw.resize(PIECE, 0);
            let read = self.register.read(&mut self.raw)?;
            self.raw.truncate(read);
            self.used = 0;
            self.ended = read == 0;
        }
        // Three bytes for each unit of two, and room for one cut in half before.
        self.decoded.resize(PIECE * 2, 0);
        let (result, read, written, _) =
            (self.decoder).decode_to_utf8(&self.raw[self.used..], &mut self.decoded, self.ended);
        self.used += read;
        self.decoded.truncate(written);
        self.given = 0;
        debug_assert!(self.used == self.raw.len() || result == CoderResult::OutputFull);
        Ok(())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.decoded.len() {
            // A decoder must not be used after its last piece.
            if self.ended {
                return Ok(0);
            }
            self.decode_more()?;
        }
        let rest = &self.decoded[self.given..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> String {
        let mut text = String::new();
        Utf16Reader::new(bytes)
            .read_to_string(&mut text)
            .expect("text");
        text
    }

    #[test]
    fn both_byte_orders_are_read_and_half_a_character_spoils_itself_alone() {
        let text = "Nome;Città\r\nÀ;😀\r\n".repeat(20_000);
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert_eq!(read(&[&[0xff, 0xfe], little.as_slice()].concat()), text);
        assert_eq!(read(&[&[0xfe, 0xff], big.as_slice()].concat()), text);
        assert_eq!(read(&little), text);
        assert_eq!(read(b"a\0\x00\xd8b\0"), "a\u{fffd}b");
        assert_eq!(read(b"a\0b"), "a\u{fffd}");
        assert_eq!(read(b""), "");
    }
}
