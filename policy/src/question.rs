//! What a rule sees of a request: who asks, for what, on which basis, what and how finely, at which price, on which day.
//! It is made from a signed request, or from plain words to try a policy out; it has no place for data.

use crate::authorizer::Ask;
use crate::day::Day;
use crate::vocabulary::Category;
use geography::Level;
use privacy_loss::NanoRho;
use std::collections::BTreeSet;
use taxonomy::Taxonomy;

/// A question as rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The organisation that asks.
    pub requester: String,
    /// The purpose.
    pub purpose: String,
    /// The lawful basis of the study, Art. 6 GDPR.
    pub lawful_basis: String,
    /// The study's grounds for special categories.
    pub special_grounds: Vec<String>,
    /// What is counted.
    pub measure: String,
    /// Categories of data touched.
    pub categories: BTreeSet<Category>,
    /// Every target named, as axis or in the filter.
    pub targets: Vec<String>,
    /// Finest area level.
    pub level: Level,
    /// Loss offered.
    pub rho: NanoRho,
    /// When.
    pub day: Day,
}

impl Question {
    /// What a signed request asks.
    pub(crate) fn of(ask: &Ask<'_>) -> Question {
        let (request, study) = (ask.request.request(), ask.study.study());
        let query = ask.request.query();
        Question {
            requester: request.requester.clone(),
            purpose: request.purpose.clone(),
            lawful_basis: study.lawful_basis.clone(),
            special_grounds: study.special_categories.clone(),
            measure: query.measure().id().to_owned(),
            categories: Category::of_query(query),
            targets: (query.named_targets().into_iter())
                .map(str::to_owned)
                .collect(),
            level: query.level(),
            rho: ask.price.rho,
            day: Day::of(ask.now),
        }
    }

    /// The targets named that are special categories; unknown ones count as such.
    pub fn sensitive(&self) -> Vec<&str> {
        let is_sensitive =
            |id: &&String| (Taxonomy::current().target(id)).is_none_or(|target| target.sensitive);
        (self.targets.iter())
            .filter(is_sensitive)
            .map(String::as_str)
            .collect()
    }
}

/// Whether `any` does not include a target; an unknown one is included in nothing.
pub(crate) fn must_be_named(id: &str) -> bool {
    (Taxonomy::current().target(id)).is_none_or(taxonomy::Target::must_be_named)
}
