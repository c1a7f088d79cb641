//! What is wrong and what to do, as sentences with identifiers: whoever shows them can say the same in another language.
//! Their places are filled with keys, names and counts, never with a value of a register. Of what is public, an offer, they may show it.

use std::fmt;

/// A sentence with the places `{0}`, `{1}`, ...
#[derive(Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its identifier, the same in every language.
    pub id: &'static str,
    /// In English.
    pub english: &'static str,
}

impl Sentence {
    /// The sentence with its places filled.
    pub fn with<const N: usize>(&'static self, places: [&str; N]) -> Said {
        Said {
            sentence: self,
            places: places.map(str::to_owned).into(),
        }
    }
}

/// A sentence, its places filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Which one.
    pub sentence: &'static Sentence,
    /// What stands in its places.
    pub places: Vec<String>,
}

impl Said {
    /// The same in the words of `text`, a translation of the sentence.
    pub fn in_words(&self, text: &str) -> String {
        let mut said = String::with_capacity(text.len());
        let mut rest = text;
        // One pass, so that what is filled in is never taken for a place.
        while let Some((before, after)) = rest.split_once('{') {
            said.push_str(before);
            let place = after.split_once('}').and_then(|(number, rest)| {
                let number: usize = number.parse().ok()?;
                Some((self.places.get(number)?, rest))
            });
            rest = match place {
                Some((filled, rest)) => {
                    said.push_str(filled);
                    rest
                }
                None => {
                    said.push('{');
                    after
                }
            };
        }
        said + rest
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(self.sentence.english))
    }
}

impl From<&'static Sentence> for Said {
    fn from(sentence: &'static Sentence) -> Said {
        sentence.with([])
    }
}

/// Declares sentences, and the list of all of them.
#[macro_export]
macro_rules! sentences {
    ($all:ident: $($name:ident $id:literal $english:literal)+) => {
        $(pub(crate) static $name: $crate::Sentence = $crate::Sentence { id: $id, english: $english };)+
        /// Every sentence said here.
        pub static $all: &[&$crate::Sentence] = &[$(&$name),+];
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_no_place_itself() {
        static SENTENCE: Sentence = Sentence {
            id: "x",
            english: "{1} in {0} of {a} {7}",
        };
        let said = SENTENCE.with(["{1}", "two"]);
        assert_eq!(said.to_string(), "two in {1} of {a} {7}");
    }
}
