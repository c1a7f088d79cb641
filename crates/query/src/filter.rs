//! The filter of a query: a tree over declared attributes, kept in a normal form.
//! It is translated into a taxonomy predicate, so filters and targets mean the same thing.

use crate::strict_json::Json;
use std::collections::BTreeMap;
use taxonomy::model::{CitizenshipGroup, Sex};
use taxonomy::{Predicate, Range, Taxonomy};

/// A condition on people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Every part holds.
    All(Vec<Filter>),
    /// At least one part holds.
    Any(Vec<Filter>),
    /// The part does not hold.
    Not(Box<Filter>),
    /// Member of a target group.
    Target(String),
    /// Recorded sex.
    Sex(Sex),
    /// Age in completed years, inclusive.
    Age {
        /// Youngest.
        min: u16,
        /// Oldest.
        max: u16,
    },
    /// Group of citizenships.
    Citizenship(CitizenshipGroup),
}

impl Filter {
    /// The equal filter with flattened, sorted, distinct parts and no double negation.
    pub(crate) fn normal(self) -> Filter {
        match self {
            Filter::All(parts) => normal_list(parts, true),
            Filter::Any(parts) => normal_list(parts, false),
            Filter::Not(part) => match part.normal() {
                Filter::Not(inner) => *inner,
                other => Filter::Not(Box::new(other)),
            },
            leaf => leaf,
        }
    }

    pub(crate) fn to_json(&self) -> Json {
        let list = |parts: &[Filter]| Json::Array(parts.iter().map(Filter::to_json).collect());
        let (key, value) = match self {
            Filter::All(parts) => ("all", list(parts)),
            Filter::Any(parts) => ("any", list(parts)),
            Filter::Not(part) => ("not", part.to_json()),
            Filter::Target(id) => ("target", Json::String(id.clone())),
            Filter::Sex(sex) => ("sex", Json::String(sex.id().to_owned())),
            Filter::Age { min, max } => (
                "age",
                Json::Object(BTreeMap::from([
                    ("max".to_owned(), Json::Integer(i64::from(*max))),
                    ("min".to_owned(), Json::Integer(i64::from(*min))),
                ])),
            ),
            Filter::Citizenship(group) => ("citizenship", Json::String(group.id().to_owned())),
        };
        Json::Object(BTreeMap::from([(key.to_owned(), value)]))
    }

    /// Every target the filter names.
    pub fn targets(&self) -> Vec<&str> {
        match self {
            Filter::All(parts) | Filter::Any(parts) => {
                parts.iter().flat_map(Filter::targets).collect()
            }
            Filter::Not(part) => part.targets(),
            Filter::Target(id) => vec![id],
            Filter::Sex(_) | Filter::Age { .. } | Filter::Citizenship(_) => Vec::new(),
        }
    }

    /// Whether the filter names citizenship, directly.
    pub fn names_citizenship(&self) -> bool {
        match self {
            Filter::All(parts) | Filter::Any(parts) => parts.iter().any(Filter::names_citizenship),
            Filter::Not(part) => part.names_citizenship(),
            Filter::Citizenship(_) => true,
            Filter::Target(_) | Filter::Sex(_) | Filter::Age { .. } => false,
        }
    }

    /// The filter as a predicate over the common model.
    pub fn predicate(&self, taxonomy: &Taxonomy) -> Predicate {
        let list = |parts: &[Filter]| parts.iter().map(|part| part.predicate(taxonomy)).collect();
        match self {
            Filter::All(parts) => Predicate::All(list(parts)),
            Filter::Any(parts) => Predicate::Any(list(parts)),
            Filter::Not(part) => Predicate::Not(Box::new(part.predicate(taxonomy))),
            // An id outside the taxonomy cannot be parsed; were it here, nobody would belong to it.
            Filter::Target(id) => taxonomy
                .target(id)
                .map_or(Predicate::Any(Vec::new()), |target| {
                    target.predicate.clone()
                }),
            Filter::Sex(sex) => Predicate::Sex(*sex),
            Filter::Age { min, max } => Predicate::Age(Range {
                min: Some(*min),
                max: Some(*max),
            }),
            Filter::Citizenship(group) => Predicate::Citizenship(*group),
        }
    }
}

fn normal_list(parts: Vec<Filter>, all: bool) -> Filter {
    let mut flat = Vec::new();
    for part in parts {
        match (part.normal(), all) {
            (Filter::All(inner), true) | (Filter::Any(inner), false) => flat.extend(inner),
            (other, _) => flat.push(other),
        }
    }
    flat.sort_by_cached_key(|part| part.to_json().to_string());
    flat.dedup();
    match (flat.len(), all) {
        (1, _) => flat.remove(0),
        (_, true) => Filter::All(flat),
        (_, false) => Filter::Any(flat),
    }
}
