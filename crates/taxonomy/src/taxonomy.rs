//! The targets and services that queries may name, with version and hash.

use crate::attribute::Attributes;
use crate::file::{self, TaxonomyError};
use crate::target::{Target, UserArea};
use serde::Deserialize;
use std::sync::OnceLock;

const TARGETS: &str = include_str!("../data/targets.toml");
const SERVICES: &str = include_str!("../data/services.toml");

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
    /// Area of users it is mostly for.
    pub area: UserArea,
    /// Codes of the national nomenclature of social benefits (SIUSS) that mean this service.
    pub siuss: Vec<String>,
    /// Code in ISTAT's survey, where it is known.
    #[serde(default)]
    pub istat: Option<String>,
}

/// The targets and services that queries may name, in their declared order.
#[derive(Debug)]
pub struct Taxonomy {
    pub(crate) version: String,
    pub(crate) publisher: String,
    pub(crate) hash: [u8; 32],
    pub(crate) targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServicesFile {
    format: u32,
    service: Vec<Service>,
}

fn services() -> &'static [Service] {
    static BUILT_IN: OnceLock<Vec<Service>> = OnceLock::new();
    BUILT_IN.get_or_init(|| {
        // Unwrap safety: the file is compiled in, and a test reads it.
        let file: ServicesFile = toml::from_str(SERVICES).expect("services");
        assert_eq!(file.format, file::FORMAT);
        file.service
    })
}

impl Taxonomy {
    /// The taxonomy this version is built with.
    pub fn built_in() -> &'static Taxonomy {
        static BUILT_IN: OnceLock<Taxonomy> = OnceLock::new();
        // Unwrap safety: the file is compiled in, and a test reads it.
        BUILT_IN.get_or_init(|| Taxonomy::parse(TARGETS).expect("the targets compiled in"))
    }

    /// Reads a list of targets, which may be another city's. Services are those this version is built with.
    ///
    /// # Errors
    /// Every fault found, each with the target, the field and the remedy.
    pub fn parse(targets: &str) -> Result<Taxonomy, TaxonomyError> {
        file::parse(targets)
    }

    /// The list's own version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Who declares the list.
    pub fn publisher(&self) -> &str {
        &self.publisher
    }

    /// SHA-256 of the list of targets as it was read.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// All targets, in declared order.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// All services, in declared order.
    pub fn services(&self) -> &'static [Service] {
        services()
    }

    /// The target with this identifier.
    pub fn target(&self, id: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.id == id)
    }

    /// The position of a service among [`Taxonomy::services`].
    pub fn service_index(&self, id: &str) -> Option<usize> {
        services().iter().position(|service| service.id == id)
    }

    /// The same as events store it.
    pub(crate) fn service_position(id: &str) -> Option<u8> {
        let position = services().iter().position(|service| service.id == id);
        position.and_then(|position| u8::try_from(position).ok())
    }

    /// The targets that a register with these attributes can be asked about, and for the others what is lacking.
    pub fn evaluable(&self, known: Attributes) -> impl Iterator<Item = (&Target, Attributes)> + '_ {
        (self.targets.iter()).map(move |target| (target, target.needs_fields().without(known)))
    }
}
