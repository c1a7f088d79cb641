//! Lines of a register, one row each, split into fields without looking at any other line.
//! A stray quote or an overlong line spoils its own row only, never the next person's.

use std::io::{self, BufRead};

/// Longest line that can be a row, in bytes.
pub(crate) const MAX_LINE: usize = 65_536;

/// What [`read_line`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line, now in the buffer without its line end.
    Read,
    /// A line longer than [`MAX_LINE`], skipped.
    TooLong,
    /// The end.
    End,
}

/// Reads the next line into `line`, holding at most [`MAX_LINE`] bytes of it.
pub(crate) fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let (mut too_long, mut any) = (false, false);
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            break;
        }
        any = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        if line.len() + part.len() > MAX_LINE {
            too_long = true;
            line.clear();
        } else if !too_long {
            line.extend_from_slice(part);
        }
        let used = end.map_or(available.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(match (any, too_long) {
        (false, _) => Line::End,
        (true, true) => Line::TooLong,
        (true, false) => Line::Read,
    })
}

/// Fields of one line: text, and where each field starts and ends in it.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    text: String,
    ranges: Vec<(usize, usize)>,
}

impl Fields {
    /// Splits `line` at an ASCII delimiter; false where a quote is never closed. A field may stand in
    /// double quotes, a doubled quote inside them being one quote; quotes elsewhere are plain characters.
    pub(crate) fn split(&mut self, line: &str, delimiter: char) -> bool {
        self.text.clear();
        self.ranges.clear();
        if line.as_bytes().contains(&b'"') {
            return self.split_quoted(line, delimiter);
        }
        self.text.push_str(line);
        let (delimiter, mut start) = (delimiter as u8, 0);
        // An ASCII byte never stands inside another character of UTF-8.
        for (place, byte) in line.bytes().enumerate() {
            if byte == delimiter {
                self.ranges.push((start, place));
                start = place + 1;
            }
        }
        self.ranges.push((start, line.len()));
        true
    }

    fn split_quoted(&mut self, line: &str, delimiter: char) -> bool {
        let mut rest = line;
        loop {
            let start = self.text.len();
            if let Some(quoted) = rest.strip_prefix('"') {
                let mut after = quoted;
                loop {
                    let Some(quote) = after.find('"') else {
                        return false;
                    };
                    self.text.push_str(&after[..quote]);
                    after = &after[quote + 1..];
                    match after.strip_prefix('"') {
                        Some(more) => {
                            self.text.push('"');
                            after = more;
                        }
                        None => break,
                    }
                }
                rest = after;
            }
            let end = rest.find(delimiter);
            self.text.push_str(&rest[..end.unwrap_or(rest.len())]);
            self.ranges.push((start, self.text.len()));
            match end {
                Some(end) => rest = &rest[end + delimiter.len_utf8()..],
                None => return true,
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Field `index` without blanks around it; empty where there is none.
    pub(crate) fn field(&self, index: usize) -> &str {
        self.ranges
            .get(index)
            .map_or("", |&(start, end)| self.text[start..end].trim_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<Vec<String>> {
        let mut fields = Fields::default();
        fields.split(line, ';').then(|| {
            (0..fields.len())
                .map(|i| fields.field(i).to_owned())
                .collect()
        })
    }

    #[test]
    fn quotes_hold_delimiters_within_one_line() {
        assert_eq!(split("a;b;;").expect("fields"), ["a", "b", "", ""]);
        assert_eq!(
            split(r#""a;b";c"d; "x""#).expect("fields"),
            ["a;b", "c\"d", "\"x\""]
        );
        assert_eq!(
            split(r#""he said ""no""";z"#).expect("fields"),
            ["he said \"no\"", "z"]
        );
        assert_eq!(split(r#"a;"never closed;b"#), None);
    }

    #[test]
    fn an_overlong_line_is_skipped_alone() {
        let mut text = vec![b'x'; MAX_LINE + 1];
        text.extend_from_slice(b"\r\nshort\r\n\nlast");
        let mut reader = io::BufReader::with_capacity(100, text.as_slice());
        let mut line = Vec::new();
        assert_eq!(
            read_line(&mut reader, &mut line).expect("read"),
            Line::TooLong
        );
        for expected in ["short", "", "last"] {
            assert_eq!(read_line(&mut reader, &mut line).expect("read"), Line::Read);
            assert_eq!(line, expected.as_bytes());
        }
        assert_eq!(read_line(&mut reader, &mut line).expect("read"), Line::End);
    }
}
