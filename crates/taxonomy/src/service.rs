//! The list of services, in an order that is part of snapshots: they know a service by its position.

use crate::file::{self, TaxonomyError};
use crate::target::UserArea;
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use std::collections::BTreeSet;

const BUILT_IN: &str = include_str!("../data/services.toml");
/// Most services of a list: positions are kept in a byte.
const MOST: usize = 250;

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

/// Services in their declared order.
#[derive(Debug)]
pub(crate) struct ServiceList {
    pub(crate) services: Vec<Service>,
    pub(crate) hash: [u8; 32],
    pub(crate) is_built_in: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServicesFile {
    format: u32,
    service: Vec<Service>,
}

impl ServiceList {
    pub(crate) fn built_in() -> ServiceList {
        // Unwrap safety: the file is compiled in, and a test reads it.
        ServiceList::parse(BUILT_IN).expect("the services compiled in")
    }

    /// # Errors
    /// The first fault, with the service and the remedy.
    pub(crate) fn parse(text: &str) -> Result<ServiceList, TaxonomyError> {
        let fault =
            |problem: String| TaxonomyError::File(format!("the list of services: {problem}"));
        let read: ServicesFile = toml::from_str(text).map_err(|error| fault(error.to_string()))?;
        if read.format != file::FORMAT {
            let format = file::FORMAT;
            return Err(fault(format!(
                "format is {}, this program reads {format}; write `format = {format}`",
                read.format
            )));
        }
        if read.service.is_empty() || read.service.len() > MOST {
            return Err(fault(format!(
                "{} services; write between 1 and {MOST}",
                read.service.len()
            )));
        }
        let (mut ids, mut codes) = (BTreeSet::new(), BTreeSet::new());
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        for service in &read.service {
            let id = &service.id;
            if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
                return Err(fault(format!(
                    "`{}` is no identifier; write up to 64 of a-z, 0-9 and -",
                    id.escape_default()
                )));
            }
            if !ids.insert(id) {
                return Err(fault(format!(
                    "two services are called `{id}`; choose a new name for one"
                )));
            }
            if service.it.trim().is_empty() || service.en.trim().is_empty() {
                return Err(fault(format!(
                    "`{id}` has a blank name; write it in Italian (`it`) and English (`en`)"
                )));
            }
            if let Some(code) = service.siuss.iter().find(|code| !codes.insert(*code)) {
                return Err(fault(format!(
                    "the SIUSS code {code} stands twice, the second time at `{id}`; one code means one service"
                )));
            }
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Ok(ServiceList {
            services: read.service,
            hash,
            is_built_in: text == BUILT_IN,
        })
    }
}
