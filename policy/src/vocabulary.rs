//! The closed vocabularies of policies: legal grounds, categories of data, roles of requesters, audiences of releases.
//! A word that is not here is refused when a document is read, so that no misspelling is ever taken for a rule.

use crate::explain::Language;
use query::{AggregateQuery, Measure, Use};
use schemars::JsonSchema;
use std::collections::BTreeSet;
use taxonomy::model::Quantity;
use taxonomy::{GroupHarm, Predicate, Taxonomy, vocabulary};

vocabulary! {
    /// What a requester is. Rules may name roles instead of single bodies.
    #[derive(JsonSchema)]
    Role {
        /// A municipality or its departments.
        Municipality = "municipality",
        /// A body of the national health service.
        HealthAuthority = "health-authority",
        /// A foundation.
        Foundation = "foundation",
        /// A social cooperative.
        Cooperative = "cooperative",
        /// A volunteer association.
        Association = "association",
        /// A university or research institute.
        Research = "research",
        /// Any other body, and every requester of a document of version 1.
        Other = "other",
    }
}

vocabulary! {
    /// A category of data that a question touches by its targets, axes and filters.
    #[derive(JsonSchema)]
    Category {
        /// Age and sex.
        Demographics = "demographics",
        /// Who lives with whom.
        Household = "household",
        /// Income and benefits.
        Economic = "economic",
        /// Recorded needs, use of services, and whatever has no other category.
        Social = "social",
        /// Disability and other data concerning health (Art. 9 GDPR).
        Health = "health",
        /// Citizenship, which stands for ethnic origin (Art. 9 GDPR).
        Origin = "origin",
    }
}

vocabulary! {
    /// Whether a permitted request is answered at once or waits for a person.
    #[derive(JsonSchema)]
    Approval {
        /// Answered at once.
        Auto = "auto",
        /// Waits at the node until somebody approves or refuses it, or it expires.
        Manual = "manual",
    }
}

vocabulary! {
    /// Who may see what is released, narrowest first.
    #[derive(JsonSchema)]
    Audience {
        /// The requester alone.
        Requester = "requester",
        /// The requester and the organisations that take part in the study.
        Participants = "participants",
        /// Everybody.
        Public = "public",
    }
}

/// The lawful bases of Art. 6(1) GDPR.
pub const LAWFUL_BASES: [&str; 6] = [
    "art6-1-a", "art6-1-b", "art6-1-c", "art6-1-d", "art6-1-e", "art6-1-f",
];

/// The grounds for special categories: Art. 9(2) GDPR, and the matters of substantial public interest of Art. 2-sexies(2) of
/// the Italian Codice (legislative decree 196/2003), whose letters skip j, k, w, x and y.
pub const SPECIAL_GROUNDS: [&str; 35] = [
    "art9-2-a",
    "art9-2-b",
    "art9-2-c",
    "art9-2-d",
    "art9-2-e",
    "art9-2-f",
    "art9-2-g",
    "art9-2-h",
    "art9-2-i",
    "art9-2-j",
    "art2-sexies-2-a",
    "art2-sexies-2-b",
    "art2-sexies-2-c",
    "art2-sexies-2-d",
    "art2-sexies-2-e",
    "art2-sexies-2-f",
    "art2-sexies-2-g",
    "art2-sexies-2-h",
    "art2-sexies-2-i",
    "art2-sexies-2-l",
    "art2-sexies-2-m",
    "art2-sexies-2-n",
    "art2-sexies-2-o",
    "art2-sexies-2-p",
    "art2-sexies-2-q",
    "art2-sexies-2-r",
    "art2-sexies-2-s",
    "art2-sexies-2-t",
    "art2-sexies-2-u",
    "art2-sexies-2-v",
    "art2-sexies-2-z",
    "art2-sexies-2-aa",
    "art2-sexies-2-bb",
    "art2-sexies-2-cc",
    "art2-sexies-2-dd",
];

/// Substantial public interest, which needs a law that names the matter: in Italy one of Art. 2-sexies(2).
pub(crate) const PUBLIC_INTEREST: &str = "art9-2-g";

/// Whether a ground is one of Art. 9(2) GDPR.
pub(crate) fn is_article_9(ground: &str) -> bool {
    ground.starts_with("art9-2-")
}

/// Whether a ground is a matter of Art. 2-sexies(2) of the Codice.
pub(crate) fn is_article_2_sexies(ground: &str) -> bool {
    ground.starts_with("art2-sexies-2-")
}

impl Category {
    /// As people call it.
    pub fn in_words(self, language: Language) -> &'static str {
        let [italian, english] = match self {
            Category::Demographics => ["età e sesso", "age and sex"],
            Category::Household => ["nucleo familiare", "who lives with whom"],
            Category::Economic => ["reddito e prestazioni economiche", "income and benefits"],
            Category::Social => ["bisogni e uso dei servizi", "needs and use of services"],
            Category::Health => [
                "salute e disabilità (art. 9)",
                "health and disability (Art. 9)",
            ],
            Category::Origin => [
                "cittadinanza, che sta per l'origine etnica (art. 9)",
                "citizenship, which stands for ethnic origin (Art. 9)",
            ],
        };
        match language {
            Language::It => italian,
            Language::En => english,
        }
    }

    /// The categories that a predicate reads.
    pub fn of_predicate(predicate: &Predicate) -> BTreeSet<Category> {
        let one = |category| BTreeSet::from([category]);
        match predicate {
            Predicate::All(parts) | Predicate::Any(parts) => {
                parts.iter().flat_map(Category::of_predicate).collect()
            }
            Predicate::Not(part) => Category::of_predicate(part),
            Predicate::Age(_) | Predicate::Sex(_) => one(Category::Demographics),
            Predicate::Citizenship(_) => one(Category::Origin),
            Predicate::Household(_) | Predicate::Role(_) | Predicate::Carer(_) => {
                one(Category::Household)
            }
            Predicate::Members(members) => (members.of.iter())
                .flat_map(|of| Category::of_predicate(of))
                .chain([Category::Household])
                .collect(),
            Predicate::Income(_) | Predicate::Occupation(_) => one(Category::Economic),
            Predicate::Disability(_) => one(Category::Health),
            Predicate::Benefit(_) => Category::Economic.and_what_it_tells(predicate),
            Predicate::Need(_)
            | Predicate::Dwelling(_)
            | Predicate::ServiceUse(_)
            | Predicate::ServicesUsed(_) => Category::Social.and_what_it_tells(predicate),
        }
    }

    /// This category, and those that some needs, benefits and dwellings tell besides.
    fn and_what_it_tells(self, predicate: &Predicate) -> BTreeSet<Category> {
        let health = predicate
            .reads_special_category()
            .then_some(Category::Health);
        let origin =
            (predicate.group_harm() == Some(GroupHarm::Ethnicity)).then_some(Category::Origin);
        [Some(self), health, origin].into_iter().flatten().collect()
    }

    /// The categories of what is counted: that somebody is known to the organisation has none, how often, since when and for how
    /// long services were used is their use, an amount of money is economic, households are who lives with whom.
    pub fn of_measure(measure: Measure) -> BTreeSet<Category> {
        let categories: &[Category] = match measure {
            Measure::Persons => &[],
            Measure::Events | Measure::FirstTime => &[Category::Social],
            Measure::Households => &[Category::Household],
            Measure::Sum(quantity) | Measure::Bins(quantity) => match quantity {
                Quantity::Duration => &[Category::Social],
                Quantity::Amount => &[Category::Social, Category::Economic],
            },
        };
        categories.iter().copied().collect()
    }

    /// The categories that every question of a measure touches, whatever its quantity; all of them for a word that is no measure.
    pub fn of_measure_id(id: &str) -> BTreeSet<Category> {
        let any = Quantity::ALL[0];
        let bins_or_sum = |measure: fn(Quantity) -> Measure| {
            (Quantity::ALL.iter())
                .map(|quantity| Category::of_measure(measure(*quantity)))
                .reduce(|one, other| one.intersection(&other).copied().collect())
                .unwrap_or_default()
        };
        match id {
            _ if id == Measure::Persons.id() => Category::of_measure(Measure::Persons),
            _ if id == Measure::Events.id() => Category::of_measure(Measure::Events),
            _ if id == Measure::Households.id() => Category::of_measure(Measure::Households),
            _ if id == Measure::FirstTime.id() => Category::of_measure(Measure::FirstTime),
            _ if id == Measure::Sum(any).id() => bins_or_sum(Measure::Sum),
            _ if id == Measure::Bins(any).id() => bins_or_sum(Measure::Bins),
            _ => Category::ALL.iter().copied().collect(),
        }
    }

    /// The categories of one use of data. There is no case for the rest: a use that is new must say what it touches.
    pub fn of_use(of: &Use) -> BTreeSet<Category> {
        match of {
            Use::Measure(measure) => Category::of_measure(*measure),
            Use::Target(predicate) | Use::Condition(predicate) => Category::of_predicate(predicate),
            // Where people live has its own limit, the finest level; when, is as coarse as editions.
            Use::Area | Use::Period => BTreeSet::new(),
            Use::ServiceAxis | Use::ServiceChoice => BTreeSet::from([Category::Social]),
            Use::Sex | Use::AgeBand => BTreeSet::from([Category::Demographics]),
            Use::Citizenship => BTreeSet::from([Category::Origin]),
            Use::Household => BTreeSet::from([Category::Household]),
        }
    }

    /// The categories of a target; those of an unknown one are all, so that nothing unknown slips through.
    pub fn of_target(id: &str) -> BTreeSet<Category> {
        match Taxonomy::current().target(id) {
            Some(target) => Category::of_predicate(&target.predicate),
            None => Category::ALL.iter().copied().collect(),
        }
    }

    /// The categories that a question touches: those of every use that it makes of data.
    pub fn of_query(query: &AggregateQuery) -> BTreeSet<Category> {
        query.uses().iter().flat_map(Category::of_use).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_an_identifier() {
        let words = (Role::ALL.iter().map(|role| role.id()))
            .chain(Category::ALL.iter().map(|category| category.id()))
            .chain(Audience::ALL.iter().map(|audience| audience.id()))
            .chain(LAWFUL_BASES)
            .chain(SPECIAL_GROUNDS);
        for word in words {
            assert!(protocol::is_identifier(word), "{word}");
        }
    }

    #[test]
    fn a_target_has_the_categories_of_all_its_parts() {
        let of = |id: &str| Vec::from_iter(Category::of_target(id));
        assert_eq!(of("minors"), [Category::Demographics]);
        assert_eq!(
            of("alone-75-plus"),
            [Category::Demographics, Category::Household]
        );
        assert_eq!(of("severe-disability"), [Category::Health]);
        assert_eq!(of("non-eu-citizens"), [Category::Origin]);
        assert_eq!(of("no-such-target").len(), Category::ALL.len());
    }

    #[test]
    fn axes_and_filters_count_as_targets_do() {
        let query = AggregateQuery::parse(
            br#"{"version":1,"measure":"persons","by":{"area":"city","household":true},"filter":{"sex":"F"},
                "period":{"from":"2025-01","to":"2025-12"},"bounds":{"cells":1,"per_cell":1},"rho":1000000}"#,
        )
        .expect("legal");
        assert_eq!(
            Vec::from_iter(Category::of_query(&query)),
            [Category::Demographics, Category::Household]
        );
    }

    /// The categories of a question made of a measure, axes and a filter, beside those that its parts must touch.
    #[track_caller]
    fn touches(measure: &str, by: &str, more: &str, expected: &[Category]) {
        let text = format!(
            "{{\"version\":1,{measure},\"by\":{{\"area\":\"city\"{by}}},\"period\":{{\"from\":\"2025-01\",\"to\":\"2025-12\"}},\
             \"bounds\":{{\"cells\":1,\"per_cell\":1}},\"rho\":1000000{more}}}"
        );
        let query = AggregateQuery::parse(text.as_bytes())
            .unwrap_or_else(|refusal| panic!("{refusal}: {text}"));
        let expected: BTreeSet<Category> = expected.iter().copied().collect();
        assert_eq!(Category::of_query(&query), expected, "{text}");
    }

    #[test]
    fn every_part_of_the_grammar_touches_what_it_reads() {
        use Category::{Demographics, Economic, Health, Household, Origin, Social};
        let measures: [(&str, &str, &[Category]); 8] = [
            ("persons", r#""measure":"persons""#, &[]),
            ("events", r#""measure":"events""#, &[Social]),
            ("households", r#""measure":"households""#, &[Household]),
            ("first-time", r#""measure":"first-time""#, &[Social]),
            ("sum", r#""measure":"sum","quantity":"duration""#, &[Social]),
            (
                "sum",
                r#""measure":"sum","quantity":"amount""#,
                &[Social, Economic],
            ),
            (
                "bins",
                r#""measure":"bins","quantity":"duration","edges":[60]"#,
                &[Social],
            ),
            (
                "bins",
                r#""measure":"bins","quantity":"amount","edges":[100]"#,
                &[Social, Economic],
            ),
        ];
        let told: BTreeSet<&str> = measures.iter().map(|(id, ..)| *id).collect();
        assert_eq!(told, Measure::IDS.into_iter().collect());
        assert_eq!(Quantity::ALL.len(), 2);
        let service = Taxonomy::built_in().services()[0].id.to_string();
        let parts: [(&str, String, &[Category]); 11] = [
            ("", String::new(), &[]),
            (r#","sex":true"#, String::new(), &[Demographics]),
            (r#","age_band":true"#, String::new(), &[Demographics]),
            (r#","citizenship":true"#, String::new(), &[Origin]),
            (r#","household":true"#, String::new(), &[Household]),
            (r#","service":true"#, String::new(), &[Social]),
            ("", format!(r#","services":["{service}"]"#), &[Social]),
            ("", r#","filter":{"sex":"F"}"#.to_owned(), &[Demographics]),
            (
                "",
                r#","filter":{"not":{"citizenship":"eu"}}"#.to_owned(),
                &[Origin],
            ),
            (
                "",
                r#","filter":{"target":"severe-disability"}"#.to_owned(),
                &[Health],
            ),
            (
                r#","target":["alone-75-plus"]"#,
                String::new(),
                &[Demographics, Household],
            ),
        ];
        for (id, measure, own) in measures {
            for (by, more, touched) in &parts {
                // Households have no axes of persons.
                if id == "households"
                    && (by.contains("sex") || by.contains("age") || by.contains("citizenship"))
                {
                    continue;
                }
                touches(measure, by, more, &[own, touched].concat());
            }
            let of_id = Category::of_measure_id(id);
            assert!(of_id.iter().all(|category| own.contains(category)), "{id}");
        }
        assert_eq!(Category::of_measure_id("people").len(), Category::ALL.len());
    }

    #[test]
    fn every_target_of_the_taxonomy_touches_something() {
        for target in Taxonomy::built_in().targets() {
            assert!(!Category::of_target(&target.id).is_empty(), "{}", target.id);
        }
    }
}
