//! A question as somebody reads it who knows neither queries nor identifiers. It follows from the question and public
//! vocabulary alone; it has no place for data.

use policy::Language;
use query::{AggregateQuery, Filter, Measure, Month, PeriodKind};
use taxonomy::Taxonomy;
use taxonomy::model::{CitizenshipGroup, Quantity, Sex};

/// What is asked, in one sentence without its end.
pub fn question(query: &AggregateQuery, language: Language) -> String {
    let mut sentence = measured(query.measure(), language).to_owned();
    if !query.services().is_empty() {
        let services = query.services().iter().map(|id| service(id, language));
        sentence += &format!(" ({})", Vec::from_iter(services).join("; "));
    }
    let axes = axes(query, language);
    sentence += &format!(
        ", {} {}",
        pick(language, "per", "by"),
        join(language, &axes)
    );
    let (from, to) = query.span();
    let (from, to) = (month(from, language), month(to, language));
    sentence += &match language {
        Language::It => format!(", da {from} a {to}"),
        Language::En => format!(", from {from} to {to}"),
    };
    if let Some(filter) = query.filter() {
        let only = pick(language, "; soltanto chi ", "; only who ");
        sentence += &format!("{only}{}", condition(filter, language));
    }
    sentence
}

/// The groups that the answer would tell of, by their names.
pub fn groups(query: &AggregateQuery, language: Language) -> Vec<String> {
    let ids: std::collections::BTreeSet<&str> = query.named_targets().into_iter().collect();
    ids.into_iter().map(|id| target(id, language)).collect()
}

/// A lawful basis or ground as the law numbers it; any other identifier as it is.
pub fn legal(id: &str) -> String {
    let numbered = |rest: &str| match rest.split_once('-') {
        Some((paragraph, letter)) => format!("({paragraph})({letter})"),
        None => format!("({rest})"),
    };
    let of = |start: &str| id.strip_prefix(start).map(numbered);
    if let Some(rest) = of("art2-sexies-") {
        return format!("Art. 2-sexies{rest} Codice");
    }
    let gdpr = ["6", "9"]
        .into_iter()
        .find_map(|article| Some((article, of(&format!("art{article}-"))?)));
    gdpr.map_or(id.to_owned(), |(article, rest)| {
        format!("Art. {article}{rest} GDPR")
    })
}

/// A purpose in words, where it is one that starter policies know, with the name that the policy gives it; else that name.
pub fn purpose(id: &str, language: Language) -> String {
    let [italian, english] = match id {
        "planning" => ["programmazione", "planning"],
        "service-planning" => ["programmazione dei servizi", "planning of services"],
        "needs-assessment" => ["analisi dei bisogni", "assessment of needs"],
        "research" => ["ricerca", "research"],
        own => {
            return match language {
                Language::It => format!("«{own}»"),
                Language::En => format!("'{own}'"),
            };
        }
    };
    match language {
        Language::It => format!("{italian} («{id}»)"),
        Language::En => format!("{english} ('{id}')"),
    }
}

/// `gennaio 2025`.
pub(crate) fn month(month: Month, language: Language) -> String {
    const NAMES: [[&str; 2]; 12] = [
        ["gennaio", "January"],
        ["febbraio", "February"],
        ["marzo", "March"],
        ["aprile", "April"],
        ["maggio", "May"],
        ["giugno", "June"],
        ["luglio", "July"],
        ["agosto", "August"],
        ["settembre", "September"],
        ["ottobre", "October"],
        ["novembre", "November"],
        ["dicembre", "December"],
    ];
    let written = month.to_string();
    let (year, number) = written.split_once('-').unwrap_or((&written, ""));
    let names = number
        .parse::<usize>()
        .ok()
        .and_then(|number| NAMES.get(number.checked_sub(1)?));
    match names {
        Some([it, en]) => format!("{} {year}", pick(language, it, en)),
        None => written,
    }
}

fn pick<T>(language: Language, italian: T, english: T) -> T {
    match language {
        Language::It => italian,
        Language::En => english,
    }
}

fn join(language: Language, words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} {} {last}", some.join(", "), pick(language, "e", "and")),
    }
}

fn measured(measure: Measure, language: Language) -> &'static str {
    let (it, en) = match measure {
        Measure::Persons => (
            "quante persone hanno avuto almeno un servizio",
            "how many people had at least one service",
        ),
        Measure::Events => (
            "quanti servizi sono stati dati",
            "how many services were given",
        ),
        Measure::Households => (
            "quanti nuclei familiari hanno avuto almeno un servizio",
            "how many households had at least one service",
        ),
        Measure::FirstTime => (
            "quante persone hanno avuto un servizio per la prima volta",
            "how many people had a service for the first time",
        ),
        Measure::Sum(Quantity::Amount) => {
            ("quanti euro sono stati spesi", "how many euro were spent")
        }
        Measure::Sum(Quantity::Duration) => {
            ("quanto tempo è stato dato", "how much time was given")
        }
        Measure::Bins(Quantity::Amount) => (
            "quante persone per fascia di euro spesi",
            "how many people by band of euro spent",
        ),
        Measure::Bins(Quantity::Duration) => (
            "quante persone per fascia di tempo dato",
            "how many people by band of time given",
        ),
    };
    pick(language, it, en)
}

fn axes(query: &AggregateQuery, language: Language) -> Vec<String> {
    let area = |level: geography::Level| match level {
        geography::Level::City => pick(language, "città intera", "whole city"),
        geography::Level::Municipio => "municipio",
        geography::Level::Nil => pick(language, "quartiere (NIL)", "neighbourhood (NIL)"),
        geography::Level::MicroArea => pick(
            language,
            "micro-area (NIL e municipio)",
            "micro-area (NIL and municipio)",
        ),
    };
    let levels: Vec<&str> = query
        .levels()
        .iter()
        .map(|share| area(share.level))
        .collect();
    let mut axes = vec![levels.join(" / ")];
    if !query.targets().is_empty() {
        let names: Vec<String> = query
            .targets()
            .iter()
            .map(|id| target(id, language))
            .collect();
        axes.push(format!(
            "{} ({})",
            pick(language, "gruppo", "group"),
            names.join("; ")
        ));
    }
    let flags = [
        (query.by_service(), "tipo di servizio", "kind of service"),
        (query.by_sex(), "sesso", "sex"),
        (query.by_age_band(), "fascia d'età", "age band"),
        (query.by_citizenship(), "cittadinanza", "citizenship"),
        (
            query.by_household(),
            "tipo di famiglia",
            "kind of household",
        ),
    ];
    let asked = flags.into_iter().filter(|(asked, ..)| *asked);
    axes.extend(asked.map(|(_, it, en)| pick(language, it, en).to_owned()));
    if let Some(kind) = query.by_period() {
        let (it, en) = match kind {
            PeriodKind::Month => ("mese", "month"),
            PeriodKind::Quarter => ("trimestre", "quarter"),
            PeriodKind::Year => ("anno", "year"),
        };
        axes.push(pick(language, it, en).to_owned());
    }
    axes
}

/// A target group by its name.
pub(crate) fn target(id: &str, language: Language) -> String {
    let target = Taxonomy::current().target(id);
    target.map_or(id.to_owned(), |target| {
        pick(language, &target.it, &target.en).clone()
    })
}

fn service(id: &str, language: Language) -> String {
    let services = Taxonomy::current().services().iter();
    let service = { services }.find(|service| service.id == id);
    service.map_or(id.to_owned(), |service| {
        pick(language, &service.it, &service.en).clone()
    })
}

fn condition(filter: &Filter, language: Language) -> String {
    let list = |parts: &[Filter], it, en| {
        let parts: Vec<String> = parts.iter().map(|part| condition(part, language)).collect();
        format!("({})", parts.join(pick(language, it, en)))
    };
    match filter {
        Filter::All(parts) => list(parts, " e ", " and "),
        Filter::Any(parts) => list(parts, " oppure ", " or "),
        Filter::Not(part) => format!(
            "{} {}",
            pick(language, "non", "not"),
            condition(part, language)
        ),
        Filter::Target(id) => format!(
            "{} «{}»",
            pick(language, "è del gruppo", "is of the group"),
            target(id, language)
        ),
        Filter::Sex(sex) => pick(
            language,
            match sex {
                Sex::Female => "è donna",
                Sex::Male => "è uomo",
                Sex::Unknown => "è di sesso non noto",
            },
            match sex {
                Sex::Female => "is a woman",
                Sex::Male => "is a man",
                Sex::Unknown => "is of unknown sex",
            },
        )
        .to_owned(),
        Filter::Age { min, max } => match language {
            Language::It => format!("ha da {min} a {max} anni"),
            Language::En => format!("is {min} to {max} years old"),
        },
        Filter::Citizenship(group) => pick(
            language,
            match group {
                CitizenshipGroup::Italian => "ha cittadinanza italiana",
                CitizenshipGroup::Eu => "ha cittadinanza UE",
                CitizenshipGroup::NonEu => "ha cittadinanza extra-UE",
            },
            match group {
                CitizenshipGroup::Italian => "is an Italian citizen",
                CitizenshipGroup::Eu => "is an EU citizen",
                CitizenshipGroup::NonEu => "is a non-EU citizen",
            },
        )
        .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(query: &str, language: Language) -> String {
        question(
            &AggregateQuery::parse(query.as_bytes()).expect("legal"),
            language,
        )
    }

    #[test]
    fn a_question_is_said_by_names_and_not_by_identifiers() {
        let query = r#"{"version":1,"measure":"persons","by":{"area":"nil","target":["elderly-75-plus","minors"],"period":"quarter"},
            "period":{"from":"2025-01","to":"2025-12"},"services":["day-centre"],"filter":{"all":[{"sex":"F"},{"age":{"min":18,"max":34}}]},
            "bounds":{"cells":8,"per_cell":1},"rho":1000000}"#;
        let it = said(query, Language::It);
        for words in [
            "quante persone",
            "Centro diurno",
            "quartiere (NIL)",
            "trimestre",
            "da gennaio 2025 a dicembre 2025",
            "è donna",
            "ha da 18 a 34 anni",
        ] {
            assert!(it.contains(words), "{words}: {it}");
        }
        assert!(
            !it.contains("elderly-75-plus") && !it.contains("day-centre"),
            "{it}"
        );
        let en = said(query, Language::En);
        assert!(
            en.contains("how many people")
                && en.contains("Day centre")
                && en.contains("only who (is"),
            "{en}"
        );
    }

    #[test]
    fn every_measure_has_its_words() {
        for (measure, more) in [
            ("events", ""),
            ("households", ""),
            ("first-time", ""),
            ("sum", r#","quantity":"amount""#),
            ("bins", r#","quantity":"duration","edges":[60]"#),
        ] {
            let query = format!(
                r#"{{"version":1,"measure":"{measure}"{more},"by":{{"area":"city"}},"period":{{"from":"2025-01","to":"2025-12"}},
                "bounds":{{"cells":1,"per_cell":1}},"rho":1000000}}"#
            );
            assert_ne!(
                said(&query, Language::It),
                said(&query, Language::En),
                "{measure}"
            );
        }
    }

    #[test]
    fn articles_are_written_as_the_law_writes_them() {
        assert_eq!(legal("art6-1-e"), "Art. 6(1)(e) GDPR");
        assert_eq!(legal("art9-2-g"), "Art. 9(2)(g) GDPR");
        assert_eq!(legal("art2-sexies-2-a"), "Art. 2-sexies(2)(a) Codice");
        assert_eq!(legal("service-planning"), "service-planning");
    }
}
