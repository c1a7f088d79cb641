//! Target groups and services: ids, names and predicates over the common model.
//! Pure and public: it describes groups, and never holds a person.

pub mod model;
mod predicate;

pub use predicate::{PersonAsOf, Predicate, Range};

use geography::Level;
use serde::Deserialize;
use std::sync::OnceLock;

/// A declared group of people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Public identifier, ASCII.
    pub id: String,
    /// Italian name.
    pub it: String,
    /// English name.
    pub en: String,
    /// Italian description.
    pub description_it: String,
    /// English description.
    pub description_en: String,
    /// Finest level at which a release may show the group.
    pub finest_level: Level,
    /// Whether membership is a special category of data (Art. 9 GDPR).
    #[serde(default)]
    pub sensitive: bool,
    /// Who belongs to the group.
    pub predicate: Predicate,
}

/// A service that can be used.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Public identifier, ASCII.
    pub id: String,
    /// Italian name.
    pub it: String,
    /// English name.
    pub en: String,
}

/// The targets and services that queries may name, in their declared order.
#[derive(Debug)]
pub struct Taxonomy {
    targets: Vec<Target>,
    services: Vec<Service>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetsFile {
    version: u32,
    target: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServicesFile {
    version: u32,
    service: Vec<Service>,
}

impl Taxonomy {
    /// The taxonomy this version is built with.
    pub fn built_in() -> &'static Taxonomy {
        static BUILT_IN: OnceLock<Taxonomy> = OnceLock::new();
        BUILT_IN.get_or_init(|| {
            // Unwrap safety: both files are compiled in, and a test reads them.
            let targets: TargetsFile =
                toml::from_str(include_str!("../data/targets.toml")).expect("targets");
            let services: ServicesFile =
                toml::from_str(include_str!("../data/services.toml")).expect("services");
            assert_eq!((targets.version, services.version), (1, 1));
            Taxonomy {
                targets: targets.target,
                services: services.service,
            }
        })
    }

    /// All targets, in declared order.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// All services, in declared order.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The target with this identifier.
    pub fn target(&self, id: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.id == id)
    }

    /// The position of a service among [`Taxonomy::services`].
    pub fn service_index(&self, id: &str) -> Option<usize> {
        self.services.iter().position(|service| service.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn built_in_ids_are_unique_and_ascii() {
        let taxonomy = Taxonomy::built_in();
        let mut ids = BTreeSet::new();
        for id in (taxonomy.targets().iter().map(|t| &t.id))
            .chain(taxonomy.services().iter().map(|s| &s.id))
        {
            assert!(ids.insert(id.clone()), "{id} twice");
            assert!(
                id.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{id}"
            );
        }
        assert_eq!(taxonomy.targets().len(), 12);
        assert_eq!(taxonomy.services().len(), 10);
    }

    #[test]
    fn household_targets_are_known_as_such() {
        let reads: Vec<&str> = (Taxonomy::built_in().targets().iter())
            .filter(|target| target.predicate.reads_household())
            .map(|target| target.id.as_str())
            .collect();
        assert_eq!(
            reads,
            ["living-alone", "alone-75-plus", "single-parent-families"]
        );
    }

    #[test]
    fn bands_hold_their_ends() {
        let band = |age| model::AGE_BANDS[model::age_band(Some(age))].0;
        assert_eq!(
            [band(2), band(3), band(17), band(18), band(120)],
            ["0-2", "3-5", "14-17", "18-29", "85+"]
        );
        assert_eq!(
            [300_000, 300_001, 2_500_001].map(model::income_band),
            [0, 1, 5]
        );
    }
}
