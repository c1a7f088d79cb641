//! The Italian tax code as the link between a person's rows: validity, birth date, sex.
//! Source: D.M. 23 December 1976 (table of check values) and the Agenzia delle Entrate's rule for omocodia.

use jiff::civil::Date;
use std::fmt;
use taxonomy::model::Sex;

/// Letters that stand for the digits 0 to 9 where two people would share a code.
const OMOCODIA: &[u8; 10] = b"LMNPQRSTUV";
/// Letters of the months.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";
/// Positions that hold digits, or the letters that stand for them.
const DIGITS: [usize; 7] = [6, 7, 9, 10, 12, 13, 14];
/// Values of 0 to 9 and of A to Z at odd places, counted from one.
const ODD: [u8; 36] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22,
    25, 24, 23,
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
        for (position, byte) in code.iter().enumerate() {
            let fits = match DIGITS.contains(&position) {
                true => digit(*byte).is_some(),
                false => byte.is_ascii_uppercase(),
            };
            if !fits {
                return Err(InvalidCodiceFiscale::Shape);
            }
        }
        let parsed = CodiceFiscale { code };
        if !MONTHS.contains(&code[8]) || parsed.birth_in(1900).is_none() && parsed.birth_in(2000).is_none() {
            return Err(InvalidCodiceFiscale::Birth);
        }
        if check_character(&code[..15]) != code[15] {
            return Err(InvalidCodiceFiscale::CheckCharacter);
        }
        Ok(parsed)
    }

    /// The sixteen characters. Never to be shown, logged or sent.
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.code
    }

    /// Recorded sex: women's days of birth are written plus forty.
    pub fn sex(&self) -> Sex {
        if self.number(9) > 40 { Sex::Female } else { Sex::Male }
    }

    /// The latest date of birth that the code allows and that is not after `latest`. The code holds two
    /// digits of the year, so a person over a hundred is taken for a younger one.
    pub fn birth_date(&self, latest: Date) -> Option<Date> {
        [2100, 2000, 1900].into_iter().filter_map(|century| self.birth_in(century)).find(|birth| *birth <= latest)
    }

    fn birth_in(&self, century: i16) -> Option<Date> {
        let month = MONTHS.iter().position(|letter| *letter == self.code[8])? as i8 + 1;
        // Days 1 to 31 for men and 41 to 71 for women.
        let day = if self.number(9) > 40 { self.number(9) - 40 } else { self.number(9) };
        Date::new(century + i16::from(self.number(6)), month, day).ok()
    }

    /// The two-digit number at `position`.
    fn number(&self, position: usize) -> i8 {
        let value = |at: usize| digit(self.code[at]).unwrap_or(0) as i8;
        value(position) * 10 + value(position + 1)
    }
}

impl fmt::Debug for CodiceFiscale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodiceFiscale(..)")
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        _ => OMOCODIA.iter().position(|letter| *letter == byte).map(|value| value as u8),
    }
}

fn check_character(first: &[u8]) -> u8 {
    let sum: u32 = (first.iter().enumerate())
        .map(|(index, byte)| {
            let (in_table, plain) = match byte {
                b'0'..=b'9' => (usize::from(byte - b'0'), byte - b'0'),
                _ => (usize::from(byte - b'A') + 10, byte - b'A'),
            };
            // The first character stands at place one, which is odd.
            u32::from(if index % 2 == 0 { ODD[in_table] } else { plain })
        })
        .sum();
    b'A' + (sum % 26) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn published_examples_are_valid_in_any_case_and_spacing() {
        for text in ["RSSMRA80A01F205X", "rss mra 80a01 f205x", " RSSMRA80A01F205X "] {
            let code = CodiceFiscale::parse(text).expect("valid");
            assert_eq!(code.bytes(), b"RSSMRA80A01F205X");
            assert_eq!((code.sex(), code.birth_date(date(2025, 1, 1))), (Sex::Male, Some(date(1980, 1, 1))));
        }
        let anna = with_check("VRDNNA85T50H501").expect("valid");
        assert_eq!((anna.sex(), anna.birth_date(date(2025, 1, 1))), (Sex::Female, Some(date(1985, 12, 10))));
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
        assert_eq!(plain.birth_date(date(2025, 1, 1)), variant.birth_date(date(2025, 1, 1)));
    }

    #[test]
    fn any_other_check_character_is_refused() {
        for check in (b'A'..=b'Z').filter(|check| *check != b'X') {
            let text = format!("RSSMRA80A01F205{}", check as char);
            assert_eq!(CodiceFiscale::parse(&text), Err(InvalidCodiceFiscale::CheckCharacter));
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
