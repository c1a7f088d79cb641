//! The Italian tax code of persons, generated as the Ministry's decree of 23 December 1976 says.
//! It makes codes for invented people only and never reads a register.

/// Letters of the months, January to December.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";

/// Positions of the seven digits, in the order omocodia replaces them (right to left).
const DIGIT_POSITIONS: [usize; 7] = [14, 13, 12, 10, 9, 7, 6];

/// Letters that stand for the digits 0..=9 in a code changed because of omocodia.
const OMOCODIA: &[u8; 10] = b"LMNPQRSTUV";

/// Values of 0..=9 and A..=Z at odd positions (first, third, ...).
const ODD: [u16; 36] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6,
    8, 12, 14, 16, 10, 22, 25, 24, 23,
];

/// The check character of the first fifteen characters of a code; `None` when one is not an ASCII letter or digit.
pub fn check_character(first_fifteen: &[u8]) -> Option<u8> {
    if first_fifteen.len() != 15 {
        return None;
    }
    let mut sum = 0;
    for (index, character) in first_fifteen.iter().enumerate() {
        let value = match character {
            b'0'..=b'9' => u16::from(character - b'0'),
            b'A'..=b'Z' => u16::from(character - b'A'),
            _ => return None,
        };
        let rank = if character.is_ascii_digit() {
            value
        } else {
            value + 10
        };
        // Positions are counted from one, so an even index is an odd position.
        sum += if index % 2 == 0 {
            ODD[usize::from(rank)]
        } else {
            value
        };
    }
    Some(b'A' + (sum % 26) as u8)
}

/// Whether a code, already upper case and without blanks, has sixteen characters and its right check character.
pub fn is_valid(code: &str) -> bool {
    let bytes = code.as_bytes();
    bytes.len() == 16 && check_character(&bytes[..15]) == Some(bytes[15])
}

/// The code of a person: `male`, birth as (year, month 1..=12, day), `place` the cadastral code of the birthplace
/// (four ASCII characters, `F205` for Milan, `Z...` abroad).
pub fn codice_fiscale(
    surname: &str,
    name: &str,
    male: bool,
    birth: (i32, u32, u32),
    place: &str,
) -> [u8; 16] {
    let mut code = [b'X'; 16];
    code[..3].copy_from_slice(&surname_part(surname));
    code[3..6].copy_from_slice(&name_part(name));
    let (year, month, day) = birth;
    let two_digits = |value: u32| [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
    code[6..8].copy_from_slice(&two_digits(year.rem_euclid(100) as u32));
    code[8] = MONTHS[(month as usize).saturating_sub(1) % 12];
    code[9..11].copy_from_slice(&two_digits(if male { day } else { day + 40 }));
    for (target, source) in code[11..15].iter_mut().zip(place.bytes()) {
        *target = source;
    }
    seal(code)
}

/// The `step`-th omocodia variant (1..=127) of a code: bit k of `step` replaces the k-th digit from the right.
pub fn omocodia(code: [u8; 16], step: u8) -> [u8; 16] {
    let mut changed = code;
    for (bit, position) in DIGIT_POSITIONS.into_iter().enumerate() {
        if step >> bit & 1 == 1 && changed[position].is_ascii_digit() {
            changed[position] = OMOCODIA[usize::from(changed[position] - b'0')];
        }
    }
    seal(changed)
}

/// Sets the check character.
fn seal(mut code: [u8; 16]) -> [u8; 16] {
    code[15] = check_character(&code[..15]).unwrap_or(b'X');
    code
}

/// Upper-case letters of a name without diacritics; all else is left out.
fn letters(text: &str) -> Vec<u8> {
    text.chars()
        .flat_map(char::to_uppercase)
        .filter_map(plain_letter)
        .collect()
}

/// The ASCII letter of an upper-case letter of Latin-1.
fn plain_letter(letter: char) -> Option<u8> {
    Some(match letter {
        'A'..='Z' => letter as u8,
        'À'..='Å' => b'A',
        'Ç' => b'C',
        'È'..='Ë' => b'E',
        'Ì'..='Ï' => b'I',
        'Ñ' => b'N',
        'Ò'..='Ö' | 'Ø' => b'O',
        'Ù'..='Ü' => b'U',
        'Ý' => b'Y',
        _ => return None,
    })
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'A' | b'E' | b'I' | b'O' | b'U')
}

/// Consonants, then vowels, then X, three in all.
fn surname_part(text: &str) -> [u8; 3] {
    let (vowels, consonants): (Vec<u8>, Vec<u8>) =
        letters(text).into_iter().partition(|&l| is_vowel(l));
    three(consonants.into_iter().chain(vowels))
}

/// As for surnames, but of four or more consonants the second is left out.
fn name_part(text: &str) -> [u8; 3] {
    let (vowels, mut consonants): (Vec<u8>, Vec<u8>) =
        letters(text).into_iter().partition(|&l| is_vowel(l));
    if consonants.len() >= 4 {
        consonants.remove(1);
    }
    three(consonants.into_iter().chain(vowels))
}

fn three(letters: impl Iterator<Item = u8>) -> [u8; 3] {
    let mut part = [b'X'; 3];
    for (target, letter) in part.iter_mut().zip(letters) {
        *target = letter;
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: [u8; 16]) -> String {
        String::from_utf8(code.to_vec()).unwrap()
    }

    #[test]
    fn makes_the_codes_of_published_examples() {
        // The example of the Agenzia delle Entrate's card and the classic one of the decree's commentaries.
        let rossi = codice_fiscale("Rossi", "Mario", true, (1980, 1, 1), "F205");
        assert_eq!(text(rossi), "RSSMRA80A01F205X");
        let anna = codice_fiscale("Verdi", "Anna", false, (1985, 12, 10), "H501");
        assert_eq!(&text(anna)[..15], "VRDNNA85T50H501");
        assert!(is_valid(&text(anna)));
    }

    #[test]
    fn treats_short_names_and_accents_as_the_decree_says() {
        assert_eq!(&surname_part("Fo"), b"FOX");
        assert_eq!(&surname_part("D'Alò"), b"DLA");
        assert_eq!(&name_part("Nicolò"), b"NCL");
        assert_eq!(&name_part("Gianfranco"), b"GFR");
        assert_eq!(&name_part("Zoë"), b"ZOE");
    }

    #[test]
    fn a_changed_check_character_is_invalid_and_omocodia_is_valid() {
        let code = codice_fiscale("Rossi", "Mario", true, (1980, 1, 1), "F205");
        for letter in b'A'..=b'Z' {
            let mut changed = code;
            changed[15] = letter;
            assert_eq!(is_valid(&text(changed)), letter == code[15]);
        }
        for step in 1..=127 {
            let variant = text(omocodia(code, step));
            assert!(is_valid(&variant) && variant != text(code));
        }
        assert_eq!(&text(omocodia(code, 1))[..15], "RSSMRA80A01F20R");
    }
}
