//! How a text file is written: delimiter, encoding, decimal and thousands marks, dates. It proposes; people see and confirm.
//! What is proposed stands in the mapping from then on: rows are never read by a guess.

use crate::error::SourceError;
use crate::text::open_file;
use snapshot::{Batch, CsvFormat, CsvRecords, DateFormat, Day, Encoding, Marks, Records};
use std::io::Read;
use std::path::Path;

/// Bytes looked at for the delimiter.
const BEGINNING: u64 = 1 << 20;
/// Lines that may stand above the one that names the columns.
const TITLES: u32 = 20;
/// Delimiters tried, the likeliest first.
/// What a header under titles weighs less than one that comes first: a little more than a column, so that a title with a comma in it does
/// not outweigh the table below it, nor decimal commas the header above them.
const UNDER_TITLES: f64 = 0.021;
const DELIMITERS: [u8; 4] = [b';', b',', b'\t', b'|'];

/// Numbers that show each pair of marks, for messages.
pub const MARKS_EXAMPLES: [(char, &str); 2] = [(',', "1.234,50"), ('.', "1,234.50")];

/// A proposal, and whether it followed from what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess<T> {
    /// What is proposed.
    pub value: T,
    /// False where nothing read told one possibility from another, or some of it contradicts.
    pub certain: bool,
}

/// The format of a text file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextFormat {
    /// The delimiter; uncertain where lines have differing numbers of fields.
    pub delimiter: Guess<u8>,
    /// The encoding; uncertain where the file has no letter that tells.
    pub encoding: Guess<Encoding>,
    /// The line that names the columns, from 1: the first with more than one field, after titles.
    pub header_line: u32,
}

impl TextFormat {
    /// As a reader needs it.
    pub fn csv(self) -> CsvFormat {
        CsvFormat {
            delimiter: self.delimiter.value,
            encoding: self.encoding.value,
            header_line: self.header_line,
        }
    }
}

/// Detects the format of a text file. For the encoding it is read to its end, for the rest its beginning.
///
/// # Errors
/// A file that cannot be read, or has no header.
pub fn detect_text(path: &Path) -> Result<TextFormat, SourceError> {
    let fault = |source| SourceError::File {
        path: path.to_owned(),
        source,
    };
    let mut beginning = Vec::new();
    let mut file = open_file(path)?;
    (&mut file)
        .take(BEGINNING)
        .read_to_end(&mut beginning)
        .map_err(fault)?;
    let encoding = detect_encoding(&beginning, file).map_err(fault)?;
    // The last line may be cut; it decides nothing.
    if beginning.len() as u64 == BEGINNING
        && encoding.value != Encoding::Utf16
        && let Some(end) = memchr::memrchr(b'\n', &beginning)
    {
        beginning.truncate(end);
    }
    let mut best: Option<(f64, Guess<u8>, u32)> = None;
    for delimiter in DELIMITERS {
        let Some((records, header_line)) = under_titles(&beginning, delimiter, encoding.value)
        else {
            continue;
        };
        let (columns, fitting) = fit(records);
        // A file of one column fits every delimiter that it does not hold. A comma may stand in a title or in every number, so many
        // columns tell more than few, and a header that comes first more than one under titles.
        let titles = if header_line > 1 { UNDER_TITLES } else { 0.0 };
        let score = match columns {
            0 | 1 => fitting / 2.0,
            columns => 1.0 + fitting - titles + columns.min(10) as f64 / 50.0,
        };
        let certain = fitting > 0.9;
        if best.is_none_or(|(most, ..)| score > most + 1e-9) {
            let value = delimiter;
            best = Some((score, Guess { value, certain }, header_line));
        }
    }
    match best {
        Some((_, delimiter, header_line)) => Ok(TextFormat {
            delimiter,
            encoding,
            header_line,
        }),
        None => Err(SourceError::NoHeader {
            path: path.to_owned(),
        }),
    }
}

/// The records under the first line that names more than one column, and which line that is; under the first line where all name one.
fn under_titles(text: &[u8], delimiter: u8, encoding: Encoding) -> Option<(CsvRecords<'_>, u32)> {
    let open = |header_line| {
        let format = CsvFormat {
            delimiter,
            encoding,
            header_line,
        };
        CsvRecords::open(text, format).ok()
    };
    let names = |records: &CsvRecords<'_>| {
        let named = records.columns().iter().filter(|name| !name.is_empty());
        named.count()
    };
    (1..=TITLES + 1)
        .filter_map(|line| Some((open(line)?, line)))
        .find(|(records, _)| names(records) > 1)
        .or_else(|| Some((open(1)?, 1)))
}

/// Columns, and the share of lines with as many fields.
fn fit(mut records: CsvRecords<'_>) -> (usize, f64) {
    let columns = records.columns().len();
    let (mut batch, mut lines, mut fitting) = (Batch::default(), 0u32, 0u32);
    while records.next(&mut batch).unwrap_or(false) {
        for record in batch.records() {
            lines += 1;
            fitting += u32::from(record.problem().is_none());
        }
    }
    (
        columns,
        if lines == 0 {
            1.0
        } else {
            f64::from(fitting) / f64::from(lines)
        },
    )
}

/// A short text as letters, in the encoding that [`detect_text`] would propose; what is no letter in it becomes U+FFFD.
pub fn decode_text(bytes: &[u8]) -> String {
    // Reading from memory cannot fail.
    let encoding = detect_encoding(bytes, std::io::empty()).map(|guess| guess.value);
    let encoding = match encoding.unwrap_or(Encoding::Utf8) {
        Encoding::Utf8 => encoding_rs::UTF_8,
        Encoding::Latin1 => encoding_rs::WINDOWS_1252,
        Encoding::Utf16 => encoding_rs::UTF_16LE,
    };
    // A byte order mark counts for more.
    encoding.decode(bytes).0.into_owned()
}

/// UTF-16 and UTF-8 by their byte order marks; UTF-8 where every byte of the file fits; windows-1252 otherwise.
fn detect_encoding(beginning: &[u8], rest: impl Read) -> std::io::Result<Guess<Encoding>> {
    let certain = |value| Guess {
        value,
        certain: true,
    };
    if beginning.starts_with(b"\xff\xfe") || beginning.starts_with(b"\xfe\xff") {
        return Ok(certain(Encoding::Utf16));
    }
    // Every second byte of Latin letters in UTF-16 is zero; a text without a mark is taken for little-endian.
    let odd = beginning.iter().skip(1).step_by(2).take(500);
    if odd.clone().count() > 2 && odd.clone().filter(|byte| **byte == 0).count() * 2 > odd.count() {
        return Ok(Guess {
            value: Encoding::Utf16,
            certain: false,
        });
    }
    let marked = beginning.starts_with(b"\xef\xbb\xbf");
    let mut all = beginning.chain(rest);
    let mut piece = vec![0; 1 << 18];
    // Bytes of a character that the last piece ended in.
    let (mut held, mut ascii) = (0, true);
    loop {
        let read = all.read(&mut piece[held..])?;
        let bytes = &piece[..held + read];
        ascii &= bytes.is_ascii();
        let valid = match std::str::from_utf8(bytes) {
            Ok(_) => bytes.len(),
            Err(error) if error.error_len().is_none() && read > 0 => error.valid_up_to(),
            Err(_) => return Ok(certain(Encoding::Latin1)),
        };
        if read == 0 {
            return Ok(Guess {
                value: Encoding::Utf8,
                certain: marked || !ascii,
            });
        }
        let (from, to) = (valid, bytes.len());
        piece.copy_within(from..to, 0);
        held = to - from;
    }
}

/// The format of dates that reads most of `texts`, where that are three in four; of several the one they are written in.
pub fn detect_dates<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Option<Guess<DateFormat>> {
    let formats = [
        (DateFormat::YearSlash, "/"),
        (DateFormat::Iso, "-"),
        (DateFormat::DayShort, "/"),
        (DateFormat::DayDot, "."),
        (DateFormat::DayDash, "-"),
        (DateFormat::DaySlash, "/"),
    ];
    let all = texts.clone().count();
    let best = formats.into_iter().map(|(format, mark)| {
        let read = texts
            .clone()
            .filter(|text| Day::read(text, format).is_some());
        let year_first = matches!(format, DateFormat::Iso | DateFormat::YearSlash);
        let so_written = read.clone().filter(|text| {
            let first = text.split(mark).next().map_or(0, str::len);
            text.contains(mark) && (first == 4) == year_first
        });
        (read.count(), so_written.count(), format)
    });
    let (most, _, value) = best.max_by_key(|(read, so_written, format)| {
        // Years of two digits only where there are some.
        (*read, *format != DateFormat::DayShort, *so_written)
    })?;
    // Years of two digits may be days of an order that is not tried here, such as 25-12-31.
    let certain = most * 20 >= all * 19 && value != DateFormat::DayShort;
    (most > 0 && most * 4 >= all * 3).then_some(Guess { value, certain })
}

/// The marks of numbers in `texts`; `None` where nothing there is a number with a mark.
pub fn detect_numbers<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Guess<Marks>> {
    let (mut comma, mut point, mut open, mut blanks) = (0, 0, 0, 0);
    for text in texts {
        let bare: String = text
            .chars()
            .filter(|c| !matches!(c, '€' | '-' | '+') && !c.is_alphabetic())
            .collect();
        let bare = bare.trim();
        if !bare.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let count = |mark| bare.matches(mark).count();
        let after = |mark| bare.rsplit(mark).next().unwrap_or_default().len();
        match (bare.rfind(','), bare.rfind('.')) {
            (Some(last_comma), Some(last_point)) if last_comma > last_point => comma += 1,
            (Some(_), Some(_)) => point += 1,
            // Twice: it groups. Once with three digits after it: nobody can say.
            (Some(_), None) if count(',') > 1 => point += 1,
            (Some(_), None) if after(',') != 3 => comma += 1,
            (None, Some(_)) if count('.') > 1 => comma += 1,
            (None, Some(_)) if after('.') != 3 => point += 1,
            (None, None) => {}
            _ => open += 1,
        }
        blanks += usize::from(bare.contains([' ', '\u{a0}']));
    }
    if comma + point + open == 0 {
        return None;
    }
    // In doubt as Italian offices write.
    let decimal = if point > comma { '.' } else { ',' };
    let mut value = Marks::of(decimal);
    if blanks > 0 {
        value.thousands = ' ';
    }
    let (most, least) = (comma.max(point), comma.min(point));
    Some(Guess {
        value,
        certain: most > 0 && least == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(bytes: &[u8]) -> (char, bool, Encoding, bool) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("r.csv");
        std::fs::write(&path, bytes).expect("written");
        let found = detect_text(&path).expect("a format");
        let (delimiter, encoding) = (found.delimiter, found.encoding);
        (
            delimiter.value.into(),
            delimiter.certain,
            encoding.value,
            encoding.certain,
        )
    }

    #[test]
    fn delimiters_and_encodings_are_told_apart() {
        assert_eq!(format(b"A;B\n1,5;2\n"), (';', true, Encoding::Utf8, false));
        assert_eq!(
            format(b"A,B\n\"x;y\",2\n"),
            (',', true, Encoding::Utf8, false)
        );
        assert_eq!(
            format("A\tB\nò\t2\n".as_bytes()),
            ('\t', true, Encoding::Utf8, true)
        );
        assert_eq!(
            format(b"A|B\n\xf2|2\n"),
            ('|', true, Encoding::Latin1, true)
        );
        assert_eq!(
            format(b"\xef\xbb\xbfA;B\n1;2\n"),
            (';', true, Encoding::Utf8, true)
        );
        let wide: Vec<u8> = "\u{feff}A;B\nò;2\n"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(format(&wide), (';', true, Encoding::Utf16, true));
        let wide: Vec<u8> = "A;B\nò;2\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(format(&wide), (';', true, Encoding::Utf16, false));
        // One accent at the end of a long file decides for all of it, wherever pieces end.
        for extra in 0..4 {
            let mut long = b"A;B\n".to_vec();
            long.extend(b"1;2\n".repeat(300_000));
            long.extend(vec![b'x'; extra]);
            let mut utf8 = long.clone();
            utf8.extend("èòà€".repeat(100_000).as_bytes());
            assert_eq!(format(&utf8).2, Encoding::Utf8);
            long.push(0xe8);
            assert_eq!(format(&long).2, Encoding::Latin1);
        }
        assert!(detect_text(Path::new("/nowhere.csv")).is_err());
    }

    #[test]
    fn titles_above_the_table_are_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("r.csv");
        for (text, delimiter, line) in [
            ("A;B;C\n1;2;3\n", ';', 1),
            ("Accessi, anno 2026;;\n;;\nA;B;C\n1,5;2;3\n1,5;;3\n", ';', 3),
            ("Accessi\n\nA,B,C\n1,2,3\n", ',', 3),
            ("\n\nA;B\n1;2\n", ';', 3),
            (
                "Elenco utenti, anno 2025\nCF;Data;Servizio;Importo\na;b;c;1,5\nd;e;f;2,5\n",
                ';',
                2,
            ),
            ("A;B\n1,5;2,5\n3,5;4,5\n", ';', 1),
            // A list of one column has no title.
            ("CF\nRSSMRA80A01F205X\n", ';', 1),
        ] {
            std::fs::write(&path, text).expect("written");
            let found = detect_text(&path).expect("a format");
            assert_eq!(char::from(found.delimiter.value), delimiter, "{text}");
            assert_eq!(found.header_line, line, "{text}");
        }
    }

    #[test]
    fn marks_are_told_apart_or_said_to_be_open() {
        let marks = |texts: &[&str]| {
            detect_numbers(texts.iter().copied()).map(|guess| (guess.value.decimal, guess.certain))
        };
        assert_eq!(marks(&["1.234,50", "7"]), Some((',', true)));
        assert_eq!(marks(&["1,234.50", "0.5"]), Some(('.', true)));
        assert_eq!(marks(&["€ 12,5", "1.234"]), Some((',', true)));
        assert_eq!(marks(&["1.234.567"]), Some((',', true)));
        assert_eq!(marks(&["1.234"]), Some((',', false)));
        assert_eq!(marks(&["1,5", "1.5"]), Some((',', false)));
        assert_eq!(marks(&["12", "x", ""]), None);
        let spaced = detect_numbers(["1 234,5"].into_iter()).expect("marks");
        assert_eq!(spaced.value.thousands, ' ');
    }

    #[test]
    fn dates_are_recognised_where_most_are_dates() {
        let found = |texts: &[&str]| {
            detect_dates(texts.iter().copied()).map(|guess| (guess.value, guess.certain))
        };
        assert_eq!(
            found(&["01/02/2024", "31/12/2023 10:00"]),
            Some((DateFormat::DaySlash, true))
        );
        assert_eq!(found(&["2024-02-01"]), Some((DateFormat::Iso, true)));
        assert_eq!(
            found(&["1.2.2024", "2.2.2024", "3.2.2024", "never"]),
            Some((DateFormat::DayDot, false))
        );
        // The order counts; where years have two digits, that is what is declared.
        assert_eq!(
            found(&["1/2/2024", "2.2.2024", "3-2-2024", "2024-02-04"]),
            Some((DateFormat::DaySlash, true))
        );
        assert_eq!(
            found(&["1/2/2024", "02/02/24"]),
            Some((DateFormat::DayShort, false))
        );
        assert_eq!(found(&["2024/02/01"]), Some((DateFormat::YearSlash, true)));
        assert_eq!(found(&["1-2-2024"]), Some((DateFormat::DayDash, true)));
        assert_eq!(found(&["12", "x"]), None);
        assert_eq!(found(&[]), None);
    }
}
