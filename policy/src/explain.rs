//! Why a policy decides as it does, in words: the rule, the first field that fails, what would have to change.
//! Texts come from one catalogue, Italian and English; parameters from policy and question alone, never from data.

use crate::authorizer::{Authorizer, Verdict};
use crate::document::{PolicyDocument, Rule};
use crate::permit::Denial;
use crate::question::Question;
use crate::reason::Reason;
use crate::vocabulary::{Approval, Category};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Italian.
    It,
    /// English.
    #[default]
    En,
}

impl Language {
    /// The language `it` or `en`.
    pub fn from_id(id: &str) -> Option<Language> {
        match id {
            "it" => Some(Language::It),
            "en" => Some(Language::En),
            _ => None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    it: String,
    en: String,
}

impl Text {
    fn in_language(&self, language: Language) -> &str {
        match language {
            Language::It => &self.it,
            Language::En => &self.en,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Denied {
    why: Text,
    change: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    outcome: BTreeMap<String, Text>,
    denied: BTreeMap<String, Denied>,
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        // Unwrap safety: the file is compiled in, and a test reads every text.
        toml::from_str(include_str!("../catalogue.toml")).expect("a catalogue")
    })
}

/// A decision with what explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The decision.
    pub verdict: Verdict,
    /// What was asked in the field that fails.
    pub asked: String,
    /// What the nearest rule has in that field.
    pub allowed: String,
}

impl Authorizer {
    /// Decides a question on the rules alone, and explains.
    pub fn explain(&self, question: &Question) -> Explanation {
        let verdict = self.judge(question);
        let (asked, allowed) = match &verdict {
            Verdict::Allowed { .. } => Default::default(),
            Verdict::Denied(denial) => {
                let rule = (self.document().rules.iter()).find(|rule| rule.id == denial.rule);
                (
                    asked(question, &denial.field),
                    rule.map_or(String::new(), |rule| allowed(rule, &denial.field)),
                )
            }
        };
        Explanation {
            verdict,
            asked,
            allowed,
        }
    }
}

impl Explanation {
    /// In words.
    pub fn text(&self, language: Language) -> String {
        match &self.verdict {
            Verdict::Allowed { rule, approval } => {
                let key = match approval {
                    Approval::Auto => "allowed",
                    Approval::Manual => "manual",
                };
                let template = catalogue().outcome.get(key);
                fill(
                    template.map_or("{rule}", |text| text.in_language(language)),
                    rule,
                    self,
                    language,
                )
            }
            Verdict::Denied(denial) => {
                match reason(denial).and_then(|reason| catalogue().denied.get(&key(reason))) {
                    Some(text) => format!(
                        "{} {}",
                        fill(text.why.in_language(language), &denial.rule, self, language),
                        fill(
                            text.change.in_language(language),
                            &denial.rule,
                            self,
                            language
                        )
                    ),
                    None => denial.to_string(),
                }
            }
        }
    }
}

fn fill(template: &str, rule: &str, explanation: &Explanation, language: Language) -> String {
    let named = |ids: &str| match &explanation.verdict {
        Verdict::Denied(denial) if denial.field == "categories" => categories(ids, language),
        _ => ids.to_owned(),
    };
    template
        .replace("{rule}", rule)
        .replace("{asked}", &named(&explanation.asked))
        .replace("{allowed}", &named(&explanation.allowed))
}

/// Categories of data in words, each with the name by which a policy calls it.
fn categories(ids: &str, language: Language) -> String {
    let words = ids.split(", ").map(|id| {
        let known = Category::ALL.iter().find(|category| category.id() == id);
        known.map_or(id.to_owned(), |category| {
            format!("{} («{id}»)", category.in_words(language))
        })
    });
    Vec::from_iter(words).join(", ")
}

/// The key of a reason in the catalogue.
fn key(reason: Reason) -> String {
    format!("{}/{}", reason.field(), reason.code())
}

fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words = Vec::from_iter(words);
    match words.is_empty() {
        true => "-".to_owned(),
        false => words.join(", "),
    }
}

fn asked(question: &Question, field: &str) -> String {
    match field {
        "requester" | "role" => question.requester.clone(),
        "purpose" => question.purpose.clone(),
        "lawful_basis" => question.lawful_basis.clone(),
        "special_categories" => list(question.special_grounds.iter().map(String::as_str)),
        "measure" => question.measure.clone(),
        "categories" => list(question.categories.iter().map(|category| category.id())),
        "targets" => list(question.targets.iter().map(String::as_str)),
        "level" => question.level.id().to_owned(),
        "rho" => question.rho.to_string(),
        "validity" | "policy" => question.day.to_string(),
        _ => String::new(),
    }
}

fn allowed(rule: &Rule, field: &str) -> String {
    let words = |ids: &[String]| list(ids.iter().map(String::as_str));
    match field {
        "requester" => words(&rule.requesters),
        "role" => words(rule.roles()),
        "purpose" => words(&rule.purposes),
        "lawful_basis" => words(&rule.lawful_bases),
        "special_categories" => words(rule.special_grounds.as_deref().unwrap_or_default()),
        "measure" => words(&rule.measures),
        "categories" => words(rule.categories()),
        "targets" => words(&rule.targets),
        "level" => rule
            .finest_level
            .map_or(String::new(), |level| level.id().to_owned()),
        "rho" => rule
            .max_rho_per_query
            .map_or(String::new(), |rho| rho.to_string()),
        "validity" => {
            let day = |day: Option<crate::Day>| day.map_or("...".to_owned(), |day| day.to_string());
            format!("{} - {}", day(rule.valid_from), day(rule.valid_until))
        }
        _ => String::new(),
    }
}

/// Whether a policy made a denial: the node itself makes others, which have their words where they are shown.
pub fn is_of_a_policy(denial: &Denial) -> bool {
    reason(denial).is_some()
}

fn reason(denial: &Denial) -> Option<Reason> {
    let mut reasons = Reason::ALL.iter().copied();
    reasons.find(|reason| reason.field() == denial.field && reason.code() == denial.code)
}

/// The words for a denial that another program made: with what was asked and what its rule has, as far as the question and the policy
/// under which it was decided are known here; its code where no words are known.
pub fn denial_in_words(
    denial: &Denial,
    question: Option<&Question>,
    policy: Option<&PolicyDocument>,
    language: Language,
) -> String {
    let unknown = || match language {
        Language::It => "(qui non noto)".to_owned(),
        Language::En => "(not known here)".to_owned(),
    };
    let rule = policy.and_then(|policy| policy.rules.iter().find(|rule| rule.id == denial.rule));
    let explanation = Explanation {
        verdict: Verdict::Denied(denial.clone()),
        asked: question.map_or_else(unknown, |question| asked(question, &denial.field)),
        allowed: rule.map_or_else(unknown, |rule| allowed(rule, &denial.field)),
    };
    explanation.text(language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_its_words_in_both_languages_and_no_other_has() {
        let known: BTreeSet<String> = catalogue().denied.keys().cloned().collect();
        let reasons: BTreeSet<String> = Reason::ALL.iter().copied().map(key).collect();
        assert_eq!(known, reasons);
        for text in (catalogue().denied.values()).flat_map(|denied| [&denied.why, &denied.change]) {
            assert!(text.it.ends_with('.') && text.en.ends_with('.'), "{text:?}");
            for parameter in ["{rule}", "{asked}", "{allowed}"] {
                assert_eq!(
                    text.it.contains(parameter),
                    text.en.contains(parameter),
                    "{text:?}"
                );
            }
        }
        assert_eq!(
            Vec::from_iter(catalogue().outcome.keys()),
            ["allowed", "manual"]
        );
    }

    #[test]
    fn another_programs_denial_says_what_was_asked_and_what_the_rule_has() {
        let key = |digit: u8| protocol::PublicKey([digit; 32]);
        let text = crate::starter("cooperativa-lambro", "comune-milano", &key(1), &key(2));
        let policy = Authorizer::from_toml(&text).expect("the starter policy");
        let question = Question {
            requester: "comune-milano".to_owned(),
            purpose: "service-planning".to_owned(),
            lawful_basis: "art6-1-e".to_owned(),
            special_grounds: Vec::new(),
            measure: "persons".to_owned(),
            categories: BTreeSet::from([crate::Category::Health]),
            targets: vec!["severe-disability".to_owned()],
            level: geography::Level::City,
            rho: privacy_loss::NanoRho::new(10_000_000),
            day: crate::Day::of(1_790_000_000),
        };
        let here = policy.explain(&question);
        let Verdict::Denied(denial) = &here.verdict else {
            panic!("it is denied");
        };
        for language in [Language::It, Language::En] {
            let words = denial_in_words(denial, Some(&question), Some(policy.document()), language);
            assert_eq!(words, here.text(language));
            assert!(
                words.contains("health") && words.contains("economic"),
                "{words}"
            );
            // No blank where something is not known.
            let bare = denial_in_words(denial, None, None, language);
            assert!(bare.contains("not") && !bare.contains("  "), "{bare}");
        }
    }
}
