//! What people read on the node's page and at the terminal, Italian first. One catalogue, so that no sentence exists in one language only.
//! What programs read (JSON, tables, keys, log lines) is in none.

pub mod faults;

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A language of page and terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Italian.
    #[default]
    It,
    /// English.
    En,
}

impl Language {
    /// As HTML writes it.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Language::It => "it",
            Language::En => "en",
        }
    }

    /// The language of that id; Italian for any other.
    pub(crate) fn from_id(id: &str) -> Language {
        match id {
            "en" => Language::En,
            _ => Language::It,
        }
    }

    /// The language that the environment names, in the order of POSIX; English where it names none, since that is what `C` means.
    pub(crate) fn of_environment() -> Language {
        let set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let name = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find(set);
        Language::of_locale(
            &name
                .and_then(|name| std::env::var(name).ok())
                .unwrap_or_default(),
        )
    }

    fn of_locale(locale: &str) -> Language {
        match locale.split(['_', '.', '@']).next() {
            Some("it") => Language::It,
            _ => Language::En,
        }
    }

    /// What is wrong with a row or field, by the kind's word.
    pub(crate) fn problem(self, kind: &str) -> &'static str {
        match kind {
            "encoding" => self.say("problem-encoding"),
            "shape" => self.say("problem-shape"),
            "too-long" => self.say("problem-too-long"),
            "missing" => self.say("problem-missing"),
            "date" => self.say("problem-date"),
            "number" => self.say("problem-number"),
            "unknown-value" => self.say("problem-unknown-value"),
            "codice-fiscale" => self.say("problem-codice-fiscale"),
            "unmatched" => self.say("problem-unmatched"),
            "period" => self.say("problem-period"),
            _ => self.say("problem-other"),
        }
    }

    /// What the register's keeper can do about it.
    pub(crate) fn remedy(self, kind: &str) -> &'static str {
        match kind {
            "encoding" => self.say("remedy-encoding"),
            "shape" => self.say("remedy-shape"),
            "too-long" => self.say("remedy-too-long"),
            "missing" => self.say("remedy-missing"),
            "date" => self.say("remedy-date"),
            "number" => self.say("remedy-number"),
            "unknown-value" => self.say("remedy-unknown-value"),
            "codice-fiscale" => self.say("remedy-codice-fiscale"),
            "unmatched" => self.say("remedy-unmatched"),
            "period" => self.say("remedy-period"),
            _ => self.say("remedy-other"),
        }
    }

    /// The same language, as policies and questions are put into words.
    pub(crate) fn of_policies(self) -> policy::Language {
        match self {
            Language::It => policy::Language::It,
            Language::En => policy::Language::En,
        }
    }

    /// The Italian or the English of two texts.
    pub(crate) fn pick<T>(self, italian: T, english: T) -> T {
        match self {
            Language::It => italian,
            Language::En => english,
        }
    }

    /// The sentence with this key.
    pub(crate) fn say(self, key: &str) -> &'static str {
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
    pub(crate) fn fill(self, key: &str, places: &[(&str, &str)]) -> String {
        let mut text = self.say(key).to_owned();
        for (name, value) in places {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// A whole number with its groups.
    pub(crate) fn number(self, value: u64) -> String {
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
    pub(crate) fn decimal(self, value: f64) -> String {
        let text = format!("{value:.2}");
        match self {
            Language::It => text.replace('.', ","),
            Language::En => text,
        }
    }

    /// A day written `YYYY-MM-DD`; anything else as it stands.
    pub(crate) fn day(self, written: &str) -> String {
        match (self, written.parse::<jiff::civil::Date>()) {
            (Language::It, Ok(day)) => day.strftime("%d/%m/%Y").to_string(),
            _ => written.to_owned(),
        }
    }

    /// A loss to the last digit, without zeros at its end.
    pub(crate) fn loss(self, rho: privacy_loss::NanoRho) -> String {
        let text = rho.to_string();
        let text = match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.'),
            false => &text,
        };
        match self {
            Language::It => text.replace('.', ","),
            Language::En => text.to_owned(),
        }
    }

    /// A moment, to the minute, in the time zone of this computer.
    pub(crate) fn moment(self, second: i64) -> String {
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
        let text = concat!(
            include_str!("words/coordinator.toml"),
            include_str!("words/page.toml"),
            include_str!("words/refusals.toml"),
            include_str!("words/remedies.toml"),
            include_str!("words/terminal.toml"),
            include_str!("words/witnesses.toml")
        );
        // Unwrap safety: the files are compiled in, and a test reads them.
        toml::from_str(text).expect("the catalogue")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is filled into a sentence.
    fn places(text: &str) -> std::collections::BTreeSet<&str> {
        let parts = text.split('{').skip(1);
        parts
            .filter_map(|part| Some(part.split_once('}')?.0))
            .collect()
    }

    #[test]
    fn the_locale_names_the_language() {
        for (locale, language) in [
            ("it_IT.UTF-8", Language::It),
            ("it_CH", Language::It),
            ("it", Language::It),
            ("en_GB.UTF-8", Language::En),
            ("C.UTF-8", Language::En),
            ("ita", Language::En),
            ("", Language::En),
        ] {
            assert_eq!(Language::of_locale(locale), language, "{locale}");
        }
    }

    #[test]
    fn every_kind_of_reject_has_words_of_its_own() {
        use snapshot::RejectKind;
        for kind in RejectKind::ALL.iter().map(|kind| kind.id()) {
            assert_ne!(
                Language::It.problem(kind),
                Language::It.problem(""),
                "{kind}"
            );
            assert_ne!(Language::It.remedy(kind), Language::It.remedy(""), "{kind}");
        }
    }

    #[test]
    fn every_key_that_is_said_is_in_the_catalogue_in_both_languages_and_none_other() {
        let sources = [
            include_str!("commands/backup.rs"),
            include_str!("commands/budget.rs"),
            include_str!("commands/coordinator.rs"),
            include_str!("commands/init.rs"),
            include_str!("commands/interview.rs"),
            include_str!("commands/join.rs"),
            include_str!("commands/mapping.rs"),
            include_str!("commands/offer.rs"),
            include_str!("commands/objection.rs"),
            include_str!("commands/quality.rs"),
            include_str!("commands/requests.rs"),
            include_str!("commands/recognise.rs"),
            include_str!("commands/spoken.rs"),
            include_str!("commands/status.rs"),
            include_str!("commands/study.rs"),
            include_str!("commands/targets.rs"),
            include_str!("words.rs"),
            include_str!("page/approvals.rs"),
            include_str!("page/budget.rs"),
            include_str!("page/home.rs"),
            include_str!("page/layout.rs"),
            include_str!("page/local_log.rs"),
            include_str!("page/objections.rs"),
            include_str!("page/questions.rs"),
            include_str!("page/refusals.rs"),
            include_str!("page/register.rs"),
            include_str!("page/targets.rs"),
        ];
        let quoted =
            |key: &str| (sources.iter()).any(|source| source.contains(&format!("\"{key}\"")));
        for (key, text) in catalogue() {
            assert!(quoted(key), "{key} is never said");
            assert!(!text.it.is_empty() && !text.en.is_empty(), "{key}");
            assert_eq!(places(&text.it), places(&text.en), "{key}");
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
        let loss = privacy_loss::NanoRho::new;
        assert_eq!(Language::It.loss(loss(100_000_000)), "0,1");
        assert_eq!(Language::En.loss(loss(20_000_000_001)), "20.000000001");
        assert_eq!(Language::En.loss(loss(20_000_000_000)), "20");
    }
}
