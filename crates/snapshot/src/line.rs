//! Lines of a register, one row each, split into fields without looking at any other line.
//! A stray quote or an overlong line spoils its own row only, never the next person's.

use crate::error::SnapshotError;
use crate::notation::Encoding;
use memchr::{memchr, memrchr};
use std::io::{self, Read};

/// Longest line that can be a row, in bytes.
pub(crate) const MAX_LINE: usize = 65_536;
/// Bytes read at a time.
const BLOCK: usize = 1 << 20;

/// Whole lines of a register, a megabyte at a time.
pub(crate) struct Blocks<R> {
    reader: R,
    size: usize,
    /// The beginning of the line that the last block ended in.
    carried: Vec<u8>,
    number: usize,
    lines: u64,
    ended: bool,
}

/// Some whole lines.
#[derive(Default)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    /// Which block it is, in the order of the register.
    pub(crate) number: usize,
    /// Lines of the register before this block; of the first one, lines above its header.
    pub(crate) lines_before: u64,
}

impl<R: Read> Blocks<R> {
    pub(crate) fn new(reader: R) -> Blocks<R> {
        Blocks::with_size(reader, BLOCK)
    }

    fn with_size(reader: R, size: usize) -> Blocks<R> {
        Blocks {
            reader,
            size,
            carried: Vec::new(),
            number: 0,
            lines: 0,
            ended: false,
        }
    }

    /// Fills `block` with the next lines; false at the end. Of a line longer than [`MAX_LINE`] one byte more is kept,
    /// so that it is still seen to be too long.
    pub(crate) fn next(&mut self, block: &mut Block) -> io::Result<bool> {
        block.bytes.clear();
        block.bytes.append(&mut self.carried);
        while !self.ended {
            let before = block.bytes.len();
            let mut part = (&mut self.reader).take(self.size as u64);
            let read = part.read_to_end(&mut block.bytes)?;
            self.ended = read < self.size;
            if let Some(end) = memrchr(b'\n', &block.bytes[before..]) {
                if !self.ended {
                    self.carried
                        .extend_from_slice(&block.bytes[before + end + 1..]);
                    block.bytes.truncate(before + end + 1);
                }
                break;
            }
            if !self.ended {
                block.bytes.truncate(MAX_LINE + 1);
            }
        }
        (block.number, block.lines_before) = (self.number, self.lines);
        self.number += 1;
        self.lines += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
        Ok(!block.bytes.is_empty())
    }
}

impl<R: Read> Blocks<R> {
    /// Fills `block` with the first lines; the one that names the columns, without a byte order mark, and where the lines after it
    /// start. Lines are counted from 1, and rows by the line they stand on.
    pub(crate) fn header(
        &mut self,
        block: &mut Block,
        line: u32,
    ) -> Result<(Vec<u8>, usize), SnapshotError> {
        self.next(block).map_err(SnapshotError::Register)?;
        let titles = line.saturating_sub(1);
        let mut lines = block.lines(0);
        let Some(Line::Bytes(header)) = lines.nth(titles as usize) else {
            return Err(SnapshotError::NoHeader);
        };
        let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
        let (header, start) = (header.to_vec(), block.len() - lines.left());
        block.lines_before = titles.into();
        Ok((header, start))
    }
}

/// Whether a line says nothing: blanks, and delimiters between nothing, as spreadsheets save an empty row.
pub(crate) fn is_blank(line: &[u8], delimiter: u8) -> bool {
    (line.iter()).all(|byte| byte.is_ascii_whitespace() || *byte == delimiter)
}

impl Block {
    /// Its lines from a byte on that starts one.
    pub(crate) fn lines(&self, from: usize) -> Lines<'_> {
        Lines {
            rest: &self.bytes[from..],
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Lines still to be read.
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
}

impl Lines<'_> {
    /// Bytes still to be read.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Its bytes without the line end.
    Bytes(&'a [u8]),
    /// A line longer than [`MAX_LINE`].
    TooLong,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr(b'\n', self.rest);
        let line = &self.rest[..end.unwrap_or(self.rest.len())];
        self.rest = end.map_or(&[], |end| &self.rest[end + 1..]);
        Some(if line.len() > MAX_LINE {
            Line::TooLong
        } else {
            Line::Bytes(line.strip_suffix(b"\r").unwrap_or(line))
        })
    }
}

/// Why a line has no fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadLine {
    /// Bytes that the encoding does not have.
    Encoding,
    /// Another number of fields than expected, or a quote that is never closed.
    Shape,
}

/// Space for the fields of one line, reused from line to line.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    decoded: String,
    unquoted: String,
    /// For each field, where it ends; the next one starts there, or one byte later where a delimiter stands between.
    ends: Vec<u32>,
}

/// Fields of one line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    text: &'a str,
    ends: &'a [u32],
    gap: usize,
}

impl Splitter {
    /// Splits a line at an ASCII delimiter into `width` fields, or into as many as there are where that is `None`.
    ///
    /// A field may stand in double quotes, a doubled quote inside them being one quote; quotes elsewhere are plain
    /// characters.
    pub(crate) fn split<'a>(
        &'a mut self,
        line: &'a [u8],
        encoding: Encoding,
        delimiter: u8,
        width: Option<usize>,
    ) -> Result<Fields<'a>, BadLine> {
        let text = match (encoding, std::str::from_utf8(line)) {
            // UTF-16 was turned into UTF-8 before it became lines.
            (Encoding::Utf8 | Encoding::Utf16, text) => text.map_err(|_| BadLine::Encoding)?,
            (Encoding::Latin1, Ok(text)) if text.is_ascii() => text,
            (Encoding::Latin1, _) => {
                let decoded = encoding_rs::WINDOWS_1252
                    .decode_without_bom_handling_and_without_replacement(line);
                self.decoded = decoded.ok_or(BadLine::Encoding)?.into_owned();
                &self.decoded
            }
        };
        self.ends.clear();
        let (text, gap) = if memchr(b'"', text.as_bytes()).is_some() {
            self.unquoted.clear();
            if !unquote(text, delimiter, &mut self.unquoted, &mut self.ends) {
                return Err(BadLine::Shape);
            }
            (self.unquoted.as_str(), 0)
        } else {
            find_ends(text.as_bytes(), delimiter, width, &mut self.ends);
            (text, 1)
        };
        if width.is_some_and(|width| self.ends.len() != width) {
            return Err(BadLine::Shape);
        }
        Ok(Fields {
            text,
            ends: &self.ends,
            gap,
        })
    }
}

/// Where fields end, without a branch on each byte; not more than one beyond `width`.
fn find_ends(text: &[u8], delimiter: u8, width: Option<usize>, ends: &mut Vec<u32>) {
    let most = width.unwrap_or(text.len()) + 1;
    ends.resize(most, 0);
    let mut count = 0;
    // An ASCII byte never stands inside another character of UTF-8.
    for (place, byte) in text.iter().enumerate() {
        ends[count] = place as u32;
        count += usize::from(*byte == delimiter);
        if count == most {
            return;
        }
    }
    ends[count] = text.len() as u32;
    ends.truncate(count + 1);
}

/// Fields without their quotes, one after the other; false where a quote is never closed.
fn unquote(line: &str, delimiter: u8, text: &mut String, ends: &mut Vec<u32>) -> bool {
    let mut rest = line;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut after = quoted;
            loop {
                let Some(quote) = after.find('"') else {
                    return false;
                };
                text.push_str(&after[..quote]);
                after = &after[quote + 1..];
                match after.strip_prefix('"') {
                    Some(more) => {
                        text.push('"');
                        after = more;
                    }
                    None => break,
                }
            }
            rest = after;
        }
        let end = memchr(delimiter, rest.as_bytes());
        text.push_str(&rest[..end.unwrap_or(rest.len())]);
        ends.push(text.len() as u32);
        match end {
            Some(end) => rest = &rest[end + 1..],
            None => return true,
        }
    }
}

impl<'a> Fields<'a> {
    /// Fields that stand one after the other in `text`, ending at `ends`.
    pub(crate) fn new(text: &'a str, ends: &'a [u32]) -> Fields<'a> {
        Fields { text, ends, gap: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The whole line, without quotes.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Field `index` without blanks around it; empty where there is none.
    pub(crate) fn field(&self, index: usize) -> &'a str {
        let Some(end) = self.ends.get(index) else {
            return "";
        };
        let start = match index.checked_sub(1) {
            Some(before) => self.ends[before] as usize + self.gap,
            None => 0,
        };
        self.text[start..*end as usize].trim_ascii()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str, width: Option<usize>) -> Result<Vec<String>, BadLine> {
        let mut splitter = Splitter::default();
        let fields = splitter.split(line.as_bytes(), Encoding::Utf8, b';', width)?;
        Ok((0..fields.len())
            .map(|i| fields.field(i).to_owned())
            .collect())
    }

    #[test]
    fn quotes_hold_delimiters_within_one_line() {
        let fields = |line| split(line, None).expect("fields");
        assert_eq!(fields("a;b;;"), ["a", "b", "", ""]);
        assert_eq!(fields(r#""a;b";c"d; "x""#), ["a;b", "c\"d", "\"x\""]);
        assert_eq!(fields(r#""he said ""no""";z"#), ["he said \"no\"", "z"]);
        assert_eq!(split(r#"a;"never closed;b"#, None), Err(BadLine::Shape));
    }

    #[test]
    fn only_the_expected_number_of_fields_is_a_row() {
        for line in ["a;b;c", "\"a\";b;c"] {
            for width in 1..6 {
                let expected = if width == 3 {
                    Ok(3)
                } else {
                    Err(BadLine::Shape)
                };
                let got = split(line, Some(width)).map(|fields| fields.len());
                assert_eq!(got, expected, "{line} as {width}");
            }
        }
        assert_eq!(split(";;;;;;;;;;;;", Some(2)), Err(BadLine::Shape));
    }

    #[test]
    fn letters_beyond_ascii_are_read_in_the_declared_encoding() {
        let mut splitter = Splitter::default();
        let mut read = |line: &[u8], encoding| {
            let fields = splitter.split(line, encoding, b';', Some(2));
            fields.map(|fields| fields.field(1).to_owned())
        };
        assert_eq!(read(b"\xe0;\xf2", Encoding::Latin1), Ok("ò".to_owned()));
        assert_eq!(read("à;ò".as_bytes(), Encoding::Utf8), Ok("ò".to_owned()));
        assert_eq!(read(b"\xe0;\xf2", Encoding::Utf8), Err(BadLine::Encoding));
    }

    /// Lines as blocks of `size` bytes give them: length and first byte, `None` for one that is too long.
    fn lines(text: &[u8], size: usize) -> (Vec<Option<(usize, u8)>>, u64) {
        let mut blocks = Blocks::with_size(text, size);
        let (mut block, mut all, mut number) = (Block::default(), Vec::new(), 0);
        while blocks.next(&mut block).expect("read") {
            assert_eq!(block.number, number);
            number += 1;
            assert_eq!(block.lines_before, all.len() as u64);
            all.extend(block.lines(0).map(|line| match line {
                Line::Bytes(line) => Some((line.len(), line.first().copied().unwrap_or(0))),
                Line::TooLong => None,
            }));
        }
        (all, blocks.lines)
    }

    #[test]
    fn an_overlong_line_is_skipped_alone_however_it_meets_the_blocks() {
        let mut text = vec![b'x'; MAX_LINE + 1];
        text.extend_from_slice(b"\r\nshort\r\n\n");
        text.extend(vec![b'y'; MAX_LINE]);
        text.extend_from_slice(b"\nlast");
        let expected = [
            None,
            Some((5, b's')),
            Some((0, 0)),
            Some((MAX_LINE, b'y')),
            Some((4, b'l')),
        ];
        for size in [
            64,
            1_000,
            4_097,
            MAX_LINE,
            MAX_LINE + 1,
            MAX_LINE + 3,
            1 << 20,
        ] {
            assert_eq!(lines(&text, size), (expected.to_vec(), 4), "{size}");
        }
        assert_eq!(lines(b"", 10), (Vec::new(), 0));
        assert_eq!(lines(b"a\n", 10).0, [Some((1, b'a'))]);
    }
}
