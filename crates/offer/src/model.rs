//! An offer: sites, and services at them.

use geography::Position;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;

/// A place where services are given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// Identifier within the offer.
    pub id: String,
    /// Name.
    pub name: String,
    /// Who runs it.
    pub organisation: Option<String>,
    /// Address as written.
    pub address: Option<String>,
    /// Longitude and latitude in degrees (WGS 84).
    #[serde(serialize_with = "degrees", deserialize_with = "position")]
    pub position: Option<Position>,
    /// NIL it lies in.
    pub nil: Option<u16>,
    /// Municipio it lies in.
    pub municipio: Option<u8>,
}

fn degrees<S: serde::Serializer>(
    position: &Option<Position>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    position
        .map(|position| [position.lon(), position.lat()])
        .serialize(serializer)
}

fn position<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Position>, D::Error> {
    let degrees: Option<[f64; 2]> = Option::deserialize(deserializer)?;
    let position = |[lon, lat]: [f64; 2]| {
        let position = Position::try_new(lon, lat);
        position.ok_or_else(|| serde::de::Error::custom("no longitude and latitude in degrees"))
    };
    degrees.map(position).transpose()
}

/// Ages served, in completed years, ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ages {
    /// Youngest.
    pub min: Option<u16>,
    /// Oldest.
    pub max: Option<u16>,
}

/// When a service is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Opening {
    /// Days of the week as `MO` to `SU`; empty where not said.
    pub days: Vec<String>,
    /// Opening time as written.
    pub from: Option<String>,
    /// Closing time as written.
    pub to: Option<String>,
    /// In words.
    pub description: Option<String>,
}

/// A service that is offered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfferedService {
    /// Identifier within the offer.
    pub id: String,
    /// Name.
    pub name: String,
    /// Who offers it.
    pub organisation: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// The service of the taxonomy it is, where that is known.
    pub service: Option<String>,
    /// Targets of the taxonomy it serves, where that is known.
    pub targets: BTreeSet<String>,
    /// Whom it serves, in words.
    pub served: Option<String>,
    /// Ages served.
    pub ages: Ages,
    /// Sites where it is given.
    pub sites: BTreeSet<String>,
    /// People it can serve at a time.
    pub capacity: Option<u32>,
    /// What users pay, in words.
    pub cost: Option<String>,
    /// When it is open.
    pub opening: Vec<Opening>,
    /// How one gets in.
    pub access: Option<String>,
}

/// Sites and services.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Offer {
    /// Sites, in the order of the files.
    pub sites: Vec<Site>,
    /// Services, in the order of the files.
    pub services: Vec<OfferedService>,
}

impl Offer {
    /// The site with this identifier.
    pub fn site(&self, id: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.id == id)
    }

    /// Capacity by NIL of the services of one kind; a service at several sites counts at the first.
    pub fn capacity_by_nil(&self, service: &str) -> std::collections::BTreeMap<u16, u64> {
        let mut capacity = std::collections::BTreeMap::new();
        let of_kind = self
            .services
            .iter()
            .filter(|offered| offered.service.as_deref() == Some(service));
        for offered in of_kind {
            let nil = offered.sites.iter().find_map(|id| self.site(id)?.nil);
            if let (Some(nil), Some(places)) = (nil, offered.capacity) {
                *capacity.entry(nil).or_default() += u64::from(places);
            }
        }
        capacity
    }
}
