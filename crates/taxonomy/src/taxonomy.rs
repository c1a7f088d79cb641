//! The targets and services that queries may name, with version and hash.

use crate::attribute::Attributes;
use crate::file::{self, TaxonomyError};
use crate::service::{Service, ServiceList};
use crate::target::Target;
use std::path::Path;
use std::sync::OnceLock;

const TARGETS: &str = include_str!("../data/targets.toml");
/// The hash of the first published taxonomy. It never changes, whatever list a later version is built with.
const FIRST: [u8; 32] = [
    0xef, 0xd0, 0x29, 0x2e, 0x80, 0x43, 0x13, 0x49, 0x86, 0xb0, 0xe8, 0xfb, 0x2e, 0xbb, 0x7f, 0xc7,
    0x0f, 0x9c, 0x8e, 0x4b, 0xfb, 0x8b, 0x57, 0xf2, 0x7e, 0xb2, 0x5c, 0xfd, 0xa6, 0xfa, 0x3e, 0xc3,
];

/// The targets and services that queries may name, in their declared order.
#[derive(Debug)]
pub struct Taxonomy {
    pub(crate) version: String,
    pub(crate) publisher: String,
    pub(crate) hash: [u8; 32],
    pub(crate) targets: Vec<Target>,
}

/// The list of services of this process. It is set once, before the first target that names a service is read, because
/// predicates and snapshots know services by their positions in it.
static IN_USE_SERVICES: OnceLock<ServiceList> = OnceLock::new();
/// The list of targets of this process.
static IN_USE: OnceLock<Taxonomy> = OnceLock::new();

pub(crate) fn services() -> &'static ServiceList {
    IN_USE_SERVICES.get_or_init(ServiceList::built_in)
}

impl Taxonomy {
    /// The taxonomy this version is built with.
    pub fn built_in() -> &'static Taxonomy {
        static BUILT_IN: OnceLock<Taxonomy> = OnceLock::new();
        // Unwrap safety: the file is compiled in, and a test reads it.
        BUILT_IN.get_or_init(|| Taxonomy::parse(TARGETS).expect("the targets compiled in"))
    }

    /// The taxonomy this process uses: the one put in its place by [`Taxonomy::install`], otherwise the one built in.
    pub fn current() -> &'static Taxonomy {
        IN_USE.get().unwrap_or_else(Taxonomy::built_in)
    }

    /// Puts another taxonomy in place of the one built in, for this whole process: `targets.toml` of the folder and, where
    /// there is one, `services.toml`. It must happen before anything else is read, and happens once.
    ///
    /// # Errors
    /// A file that cannot be read, every fault of its targets or services, or a taxonomy that is in use already.
    pub fn install(folder: &Path) -> Result<&'static Taxonomy, TaxonomyError> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).map_err(|error| {
                TaxonomyError::File(format!("cannot read {}: {error}", path.display()))
            })
        };
        let targets = read("targets.toml")?;
        let in_use =
            || TaxonomyError::File("another taxonomy is in use in this process".to_owned());
        if folder.join("services.toml").exists() {
            let list = ServiceList::parse(&read("services.toml")?)?;
            IN_USE_SERVICES.set(list).map_err(|_| in_use())?;
        }
        let taxonomy = Taxonomy::parse(&targets)?;
        IN_USE.set(taxonomy).map_err(|_| in_use())?;
        Ok(Taxonomy::current())
    }

    /// Reads a list of targets, which may be another city's, over the services that this process uses.
    ///
    /// # Errors
    /// Every fault found, each with the target, the field and the remedy.
    pub fn parse(targets: &str) -> Result<Taxonomy, TaxonomyError> {
        file::parse(targets)
    }

    /// Whether this is the first published taxonomy, which is what a query means that names none.
    pub fn is_first(&self) -> bool {
        self.hash == FIRST
    }

    /// The list's own version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Who declares the list.
    pub fn publisher(&self) -> &str {
        &self.publisher
    }

    /// SHA-256 of the list of targets as it was read; with other services than those built in, of both lists.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// All targets, in declared order.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// All services, in declared order.
    pub fn services(&self) -> &'static [Service] {
        &services().services
    }

    /// SHA-256 of the list of services. Snapshots know services by their position in it.
    pub fn services_hash(&self) -> [u8; 32] {
        services().hash
    }

    /// The target with this identifier.
    pub fn target(&self, id: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.id == id)
    }

    /// The position of a service among [`Taxonomy::services`].
    pub fn service_index(&self, id: &str) -> Option<usize> {
        self.services().iter().position(|service| service.id == id)
    }

    /// The same as events store it.
    pub(crate) fn service_position(id: &str) -> Option<u8> {
        let position = services()
            .services
            .iter()
            .position(|service| service.id == id);
        position.and_then(|position| u8::try_from(position).ok())
    }

    /// The targets that a register with these attributes can be asked about, and for the others what is lacking.
    pub fn evaluable(&self, known: Attributes) -> impl Iterator<Item = (&Target, Attributes)> + '_ {
        (self.targets.iter()).map(move |target| (target, target.needs_fields().without(known)))
    }
}
