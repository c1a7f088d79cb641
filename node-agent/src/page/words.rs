//! The page's words, Italian first. One catalogue, so that no sentence exists in one language only.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Language {
    /// Italian.
    #[default]
    It,
    /// English.
    En,
}

impl Language {
    /// As HTML writes it.
    pub(super) fn id(self) -> &'static str {
        match self {
            Language::It => "it",
            Language::En => "en",
        }
    }

    /// The language of that id; Italian for any other.
    pub(super) fn from_id(id: &str) -> Language {
        match id {
            "en" => Language::En,
            _ => Language::It,
        }
    }

    /// The same language, as policies and questions are put into words.
    pub(super) fn of_policies(self) -> policy::Language {
        match self {
            Language::It => policy::Language::It,
            Language::En => policy::Language::En,
        }
    }

    /// The Italian or the English of two texts.
    pub(super) fn pick<T>(self, italian: T, english: T) -> T {
        match self {
            Language::It => italian,
            Language::En => english,
        }
    }

    /// The sentence with this key.
    pub(super) fn say(self, key: &str) -> &'static str {
        match catalogue().get(key) {
            Some(text) => match self {
                Language::It => &text.it,
                Language::En => &text.en,
            },
            // A test holds the catalogue to every key that the pages use.
            None => "",
        }
    }

    /// The sentence with this key, its places filled.
    pub(super) fn fill(self, key: &str, places: &[(&str, &str)]) -> String {
        let mut text = self.say(key).to_owned();
        for (name, value) in places {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// A whole number with its groups.
    pub(super) fn number(self, value: u64) -> String {
        let digits = value.to_string();
        let group = match self {
            Language::It => '.',
            Language::En => ',',
        };
        let mut text = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(group);
            }
            text.push(digit);
        }
        text
    }

    /// A number with two decimals.
    pub(super) fn decimal(self, value: f64) -> String {
        let text = format!("{value:.2}");
        match self {
            Language::It => text.replace('.', ","),
            Language::En => text,
        }
    }

    /// A moment, to the minute, in the time zone of this computer.
    pub(super) fn moment(self, second: i64) -> String {
        let Ok(at) = jiff::Timestamp::from_second(second) else {
            return String::new();
        };
        let zoned = at.to_zoned(jiff::tz::TimeZone::system());
        let format = match self {
            Language::It => "%d/%m/%Y %H:%M",
            Language::En => "%Y-%m-%d %H:%M",
        };
        zoned.strftime(format).to_string()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    it: String,
    en: String,
}

fn catalogue() -> &'static BTreeMap<String, Text> {
    static CATALOGUE: OnceLock<BTreeMap<String, Text>> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let text = concat!(include_str!("words.toml"), include_str!("remedies.toml"));
        // Unwrap safety: the files are compiled in, and a test reads them.
        toml::from_str(text).expect("the catalogue")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_a_page_uses_is_in_the_catalogue_and_none_other() {
        let sources = [
            include_str!("approvals.rs"),
            include_str!("budget.rs"),
            include_str!("home.rs"),
            include_str!("layout.rs"),
            include_str!("local_log.rs"),
            include_str!("objections.rs"),
            include_str!("questions.rs"),
            include_str!("register.rs"),
            include_str!("targets.rs"),
        ];
        let quoted =
            |key: &str| (sources.iter()).any(|source| source.contains(&format!("\"{key}\"")));
        for (key, text) in catalogue() {
            assert!(quoted(key), "{key} is never said");
            assert!(!text.it.is_empty() && !text.en.is_empty(), "{key}");
        }
        for source in sources {
            for call in ["say(\"", "fill(\""] {
                for rest in source.split(call).skip(1) {
                    let key = rest.split('"').next().unwrap_or_default();
                    assert!(catalogue().contains_key(key), "{key} is missing");
                }
            }
        }
    }

    #[test]
    fn numbers_read_as_in_their_language() {
        assert_eq!(Language::It.number(1_234_567), "1.234.567");
        assert_eq!(Language::En.number(999), "999");
        assert_eq!(Language::It.decimal(2.5), "2,50");
    }
}
