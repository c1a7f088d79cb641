//! What links a person's rows: a codice fiscale, or the register's own declared key columns.
//! It lives as long as a build; what goes on is the pseudonym, made under the node's key.

use crate::codice_fiscale::CodiceFiscale;
use ring::digest::{Context, SHA256};
use std::fmt;

/// Set in the first byte of keys that are no codice fiscale, whose bytes are all ASCII.
const DECLARED: u8 = 0x80;

/// A person of one register while it is read: two rows are of one person exactly if their keys are equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PersonKey([u8; 16]);

impl PersonKey {
    /// The key of a person known by codice fiscale.
    pub fn of_code(code: CodiceFiscale) -> PersonKey {
        PersonKey(*code.bytes())
    }

    /// The key of a person known by columns of the register, `None` where one of them is blank. Case and the
    /// number of blanks between words do not matter. 127 bits of SHA-256: that two people of one register agree in
    /// them is not expected.
    pub fn of_columns<'a>(columns: impl IntoIterator<Item = &'a str>) -> Option<PersonKey> {
        let mut context = Context::new(&SHA256);
        context.update(b"wi-person-key-v1\n");
        for column in columns {
            let mut blank = true;
            for word in column.split_whitespace() {
                context.update(word.to_uppercase().as_bytes());
                context.update(b" ");
                blank = false;
            }
            if blank {
                return None;
            }
            // No word holds a line end, so columns cannot run into each other.
            context.update(b"\n");
        }
        let mut key = [0; 16];
        key.copy_from_slice(&context.finish().as_ref()[..16]);
        key[0] |= DECLARED;
        Some(PersonKey(key))
    }

    /// The codice fiscale, where it is one.
    pub(crate) fn code(self) -> Option<CodiceFiscale> {
        (self.0[0] & DECLARED == 0).then(|| CodiceFiscale::from_key(self.0))
    }

    /// Never to be shown, logged or sent.
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_make_one_person_whatever_the_case_and_the_blanks_and_do_not_run_together() {
        let key = |columns: &[&str]| PersonKey::of_columns(columns.iter().copied());
        let anna = key(&["Rossi", "Anna Maria"]).expect("a key");
        assert_eq!(key(&[" ROSSI ", "anna   maria"]), Some(anna));
        for other in [
            &["Rossi Anna", "Maria"][..],
            &["Rossi", "AnnaMaria"],
            &["Rossi Anna Maria"],
            &["Anna Maria", "Rossi"],
            &["Rossi", "Anna Maria", "x"],
        ] {
            assert_ne!(key(other), Some(anna), "{other:?}");
        }
        assert_eq!((key(&["Rossi", " "]), key(&[""])), (None, None));
        assert_eq!(format!("{anna:?}"), "PersonKey(..)");
    }

    #[test]
    fn a_declared_key_is_never_taken_for_a_codice_fiscale() {
        let code = CodiceFiscale::parse("RSSMRA80A01F205X").expect("valid");
        assert_eq!(PersonKey::of_code(code).code(), Some(code));
        for number in 0..1_000 {
            let key = PersonKey::of_columns([format!("{number}").as_str()]).expect("a key");
            assert_eq!(key.code(), None);
        }
        let same = PersonKey::of_columns(["RSSMRA80A01F205X"]);
        assert_ne!(same, Some(PersonKey::of_code(code)));
    }
}
