//! Identifiers of policies and studies as people and the law write them. What an organisation named itself, such as a rule, stays as it
//! wrote it; a purpose that starter policies know is put into words beside its name.

use super::document::Language;
use crate::plain_words;
use policy::Audience;

/// The words of several identifiers, comma-separated.
pub(super) fn list<'a>(
    ids: impl IntoIterator<Item = &'a String>,
    language: Language,
    name: fn(&str, Language) -> String,
) -> String {
    let named = ids.into_iter().map(|id| match id.as_str() {
        "any" => language.pick("qualsiasi", "any").to_owned(),
        id => name(id, language),
    });
    named.collect::<Vec<_>>().join(", ")
}

/// A purpose.
pub(super) fn purpose(id: &str, language: Language) -> String {
    plain_words::purpose(
        id,
        language.pick(policy::Language::It, policy::Language::En),
    )
}

/// A lawful basis, or a ground for special categories.
pub(super) fn legal(id: &str, _: Language) -> String {
    plain_words::legal(id)
}

/// Grounds for special categories; in words where there are none, since an empty place reads as forgotten.
pub(super) fn grounds<'a>(ids: impl IntoIterator<Item = &'a String>, language: Language) -> String {
    match list(ids, language, legal) {
        named if named.is_empty() => language.pick("nessuna", "none").to_owned(),
        named => named,
    }
}

/// A target group.
pub(super) fn target(id: &str, language: Language) -> String {
    plain_words::target(
        id,
        language.pick(policy::Language::It, policy::Language::En),
    )
}

/// A category of data.
pub(super) fn category(id: &str, language: Language) -> String {
    let known = policy::Category::ALL.iter().find(|known| known.id() == id);
    let language = language.pick(policy::Language::It, policy::Language::En);
    known
        .map_or(id, |known| known.in_words(language))
        .to_owned()
}

/// What may be counted.
pub(super) fn measure(id: &str, language: Language) -> String {
    let (italian, english) = match id {
        "persons" => ("persone", "persons"),
        "events" => ("eventi di servizio", "service events"),
        "households" => ("nuclei", "households"),
        "first-time" => (
            "persone al primo accesso",
            "persons seen for the first time",
        ),
        "sum" => ("somme di quantità", "sums of quantities"),
        "bins" => (
            "persone per fascia di quantità",
            "persons by band of a quantity",
        ),
        other => (other, other),
    };
    language.pick(italian, english).to_owned()
}

/// A level of areas.
pub(super) fn level(id: &str, language: Language) -> String {
    let (italian, english) = match id {
        "micro-area" => (
            "micro-area (pezzo di quartiere in un municipio)",
            "micro-area (piece of a neighbourhood in one municipio)",
        ),
        "nil" => ("quartiere (NIL)", "neighbourhood (NIL)"),
        "municipio" => ("municipio", "municipio"),
        "city" => ("intera città", "whole city"),
        other => (other, other),
    };
    language.pick(italian, english).to_owned()
}

/// Who may see what is released.
pub(super) fn audience(audience: Audience, language: Language) -> &'static str {
    match audience {
        Audience::Requester => language.pick("il solo richiedente", "the requester alone"),
        Audience::Participants => language.pick(
            "il richiedente e le organizzazioni che partecipano allo studio",
            "the requester and the organisations that take part in the study",
        ),
        Audience::Public => language.pick(
            "chiunque abbia un accesso al sito del coordinatore, senza limiti di ulteriore diffusione",
            "anyone with an account on the coordinator's website, with no limit on further disclosure",
        ),
    }
}

/// So many editions.
pub(super) fn editions(count: u32, language: Language) -> String {
    match (language, count) {
        (Language::It, 1) => "1 edizione mensile".to_owned(),
        (Language::It, _) => format!("{count} edizioni mensili"),
        (Language::En, 1) => "1 monthly edition".to_owned(),
        (Language::En, _) => format!("{count} monthly editions"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identifier_of_a_policy_has_its_words_in_both_languages() {
        for language in [Language::It, Language::En] {
            for category_id in policy::Category::ALL {
                let words = category(category_id.id(), language);
                assert_ne!(words, category_id.id());
            }
        }
        assert_eq!(legal("art6-1-e", Language::It), "Art. 6(1)(e) GDPR");
        assert_eq!(editions(1, Language::It), "1 edizione mensile");
        assert_eq!(editions(24, Language::En), "24 monthly editions");
        let all = ["any".to_owned()];
        assert_eq!(list(&all, Language::It, purpose), "qualsiasi");
        assert_eq!(grounds(&[], Language::It), "nessuna");
        assert_eq!(
            grounds(&["art9-2-g".to_owned()], Language::En),
            "Art. 9(2)(g) GDPR"
        );
        let own = ["service-planning".to_owned(), "festa".to_owned()];
        let said = list(&own, Language::It, purpose);
        assert_eq!(
            said,
            "programmazione dei servizi («service-planning»), «festa»"
        );
    }
}
