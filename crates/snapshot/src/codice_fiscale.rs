//! The Italian tax code as the link between a person's rows: validity, birth date, sex.
//! Source: D.M. 23 December 1976 (table of check values) and the Agenzia delle Entrate's rule for omocodia.

use jiff::civil::Date;
use std::fmt;
use taxonomy::model::Sex;

/// Letters of the months.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";
/// Longest day of each month; 29 February is judged with the year.
const DAYS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/// Which of the sixteen places hold digits, or the letters that stand for them.
const IS_DIGIT: [bool; 16] = {
    let mut places = [false; 16];
    let digits = [6, 7, 9, 10, 12, 13, 14];
    let mut at = 0;
    while at < digits.len() {
        places[digits[at]] = true;
        at += 1;
    }
    places
};
/// For each character the digit it is or, by omocodia, stands for; 255 where it is none.
const DIGIT: [u8; 256] = {
    let mut values = [255; 256];
    let letters = *b"LMNPQRSTUV";
    let mut digit = 0;
    while digit < 10 {
        values[b'0' as usize + digit] = digit as u8;
        values[letters[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};
/// Values of 0 to 9 and of A to Z at odd places, counted from one.
const ODD: [u8; 36] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6,
    8, 12, 14, 16, 10, 22, 25, 24, 23,
];

/// Why a text is no codice fiscale. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidCodiceFiscale {
    /// Nothing but blanks.
    Blank,
    /// Not sixteen letters and digits in their places.
    Shape,
    /// No such day of birth.
    Birth,
    /// The last character does not follow from the others.
    CheckCharacter,
}

/// A valid codice fiscale of a person, in capital letters and without blanks.
///
/// Letters that replace digits stay as they are: the authorities assign them precisely so that two
/// people with the same name, day and place of birth have different codes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodiceFiscale {
    code: [u8; 16],
}

impl CodiceFiscale {
    /// Reads a code; case and blanks do not matter.
    ///
    /// # Errors
    /// Says what kind of fault it is.
    pub fn parse(text: &str) -> Result<CodiceFiscale, InvalidCodiceFiscale> {
        let mut code = [0; 16];
        let mut length = 0;
        for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
            *code.get_mut(length).ok_or(InvalidCodiceFiscale::Shape)? = byte.to_ascii_uppercase();
            length += 1;
        }
        match length {
            0 => return Err(InvalidCodiceFiscale::Blank),
            16 => {}
            _ => return Err(InvalidCodiceFiscale::Shape),
        }
        for (byte, is_digit) in code.iter().zip(IS_DIGIT) {
            let fits = if is_digit {
                DIGIT[usize::from(*byte)] < 10
            } else {
                byte.is_ascii_uppercase()
            };
            if !fits {
                return Err(InvalidCodiceFiscale::Shape);
            }
        }
        let parsed = CodiceFiscale { code };
        let last = parsed
            .month()
            .map_or(0, |month| match (month, parsed.number(6) % 4) {
                // The year 00 may be 2000, which had a 29 February.
                (1, 1..) => 28,
                (month, _) => DAYS[month],
            });
        if !(1..=last).contains(&parsed.day()) {
            return Err(InvalidCodiceFiscale::Birth);
        }
        if check_character(&code[..15]) != code[15] {
            return Err(InvalidCodiceFiscale::CheckCharacter);
        }
        Ok(parsed)
    }

    /// The code whose sixteen characters a key kept; for characters that [`CodiceFiscale::bytes`] gave.
    pub(crate) fn from_key(code: [u8; 16]) -> CodiceFiscale {
        CodiceFiscale { code }
    }

    /// The sixteen characters. Never to be shown, logged or sent.
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.code
    }

    /// Recorded sex: women's days of birth are written plus forty.
    pub fn sex(&self) -> Sex {
        if self.number(9) > 40 {
            Sex::Female
        } else {
            Sex::Male
        }
    }

    /// The latest date of birth that the code allows and that is not after `latest`. The code holds two
    /// digits of the year, so a person over a hundred is taken for a younger one.
    pub fn birth_date(&self, latest: Date) -> Option<Date> {
        [2100, 2000, 1900]
            .into_iter()
            .filter_map(|century| self.birth_in(century))
            .find(|birth| *birth <= latest)
    }

    fn birth_in(&self, century: i16) -> Option<Date> {
        let month = self.month()? as i8 + 1;
        Date::new(century + i16::from(self.number(6)), month, self.day() as i8).ok()
    }

    /// Month of birth, counted from 0.
    fn month(&self) -> Option<usize> {
        MONTHS.iter().position(|letter| *letter == self.code[8])
    }

    /// Day of birth: days 1 to 31 for men are written so, 41 to 71 for women.
    fn day(&self) -> u8 {
        let written = self.number(9);
        if written > 40 { written - 40 } else { written }
    }

    /// The two-digit number at `place`, where digits are known to stand.
    fn number(&self, place: usize) -> u8 {
        DIGIT[usize::from(self.code[place])] * 10 + DIGIT[usize::from(self.code[place + 1])]
    }
}

impl fmt::Debug for CodiceFiscale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodiceFiscale(..)")
    }
}

fn check_character(first: &[u8]) -> u8 {
    let mut sum = 0u32;
    for (index, byte) in first.iter().enumerate() {
        let (plain, in_table) = match byte {
            b'0'..=b'9' => (byte - b'0', byte - b'0'),
            _ => (byte - b'A', byte - b'A' + 10),
        };
        // The first character stands at place one, which is odd.
        sum += u32::from(if index % 2 == 0 {
            ODD[usize::from(in_table)]
        } else {
            plain
        });
    }
    b'A' + (sum % 26) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn published_examples_are_valid_in_any_case_and_spacing() {
        for text in [
            "RSSMRA80A01F205X",
            "rss mra 80a01 f205x",
            " RSSMRA80A01F205X ",
        ] {
            let code = CodiceFiscale::parse(text).expect("valid");
            assert_eq!(code.bytes(), b"RSSMRA80A01F205X");
            assert_eq!(
                (code.sex(), code.birth_date(date(2025, 1, 1))),
                (Sex::Male, Some(date(1980, 1, 1)))
            );
        }
        let anna = with_check("VRDNNA85T50H501").expect("valid");
        assert_eq!(
            (anna.sex(), anna.birth_date(date(2025, 1, 1))),
            (Sex::Female, Some(date(1985, 12, 10)))
        );
    }

    fn with_check(first: &str) -> Result<CodiceFiscale, InvalidCodiceFiscale> {
        let check = check_character(first.as_bytes()) as char;
        CodiceFiscale::parse(&format!("{first}{check}"))
    }

    #[test]
    fn omocodia_is_valid_another_person_and_born_the_same_day() {
        let plain = with_check("RSSMRA80A01F205").expect("valid");
        let variant = with_check("RSSMRA80A01F20R").expect("valid");
        assert_ne!(plain, variant);
        assert_eq!(
            plain.birth_date(date(2025, 1, 1)),
            variant.birth_date(date(2025, 1, 1))
        );
    }

    #[test]
    fn any_other_check_character_is_refused() {
        for check in (b'A'..=b'Z').filter(|check| *check != b'X') {
            let text = format!("RSSMRA80A01F205{}", check as char);
            assert_eq!(
                CodiceFiscale::parse(&text),
                Err(InvalidCodiceFiscale::CheckCharacter)
            );
        }
    }

    #[test]
    fn faults_have_their_kind() {
        let fault = |text| CodiceFiscale::parse(text).expect_err("invalid");
        assert_eq!(fault("  "), InvalidCodiceFiscale::Blank);
        assert_eq!(fault("RSSMRA80A01F205"), InvalidCodiceFiscale::Shape);
        assert_eq!(fault("RSSMRA80A01F205XX"), InvalidCodiceFiscale::Shape);
        assert_eq!(fault("RSSMRAÀ0A01F205X"), InvalidCodiceFiscale::Shape);
        assert_eq!(fault("12345678901"), InvalidCodiceFiscale::Shape);
        assert_eq!(fault("RSSMRA80B30F205X"), InvalidCodiceFiscale::Birth);
        assert_eq!(fault("RSSMRA80F01F205X"), InvalidCodiceFiscale::Birth);
        assert_eq!(fault("RSSMRA80A40F205X"), InvalidCodiceFiscale::Birth);
        assert_eq!(fault("RSSMRA80A72F205X"), InvalidCodiceFiscale::Birth);
    }

    #[test]
    fn a_leap_day_exists_in_one_century_only() {
        let code = with_check("RSSMRA00B29F205").expect("29 February 2000");
        assert_eq!(code.birth_date(date(2025, 1, 1)), Some(date(2000, 2, 29)));
        assert_eq!(code.birth_date(date(1999, 1, 1)), None);
    }
}
