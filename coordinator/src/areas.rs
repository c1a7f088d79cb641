//! The city's areas as the website and exports need them: facts as JSON, outlines under their hash, names of keys.
//! Everything in it is public and fixed at start.

use crate::CoordinatorError;
use geography::City;
use serde_json::{Value, json};
use std::path::Path;

/// Areas, ready to serve.
#[derive(Debug)]
pub struct Areas {
    city: City,
    facts: Value,
}

impl Areas {
    /// The areas with the outlines of a GeoJSON file and its source, or with the built-in schematic ones.
    ///
    /// # Errors
    /// [`CoordinatorError::Areas`] or [`CoordinatorError::Refused`] when the file does not hold the city's areas.
    pub fn load(outlines: Option<&Path>, source: Option<&str>) -> Result<Areas, CoordinatorError> {
        let city = match outlines {
            None => City::milan(),
            Some(path) => {
                let bytes = std::fs::read(path).map_err(|error| {
                    CoordinatorError::refused(format!("cannot read {}: {error}", path.display()))
                })?;
                City::with_outlines(&bytes)?
            }
        };
        let city = match source {
            Some(source) => city.credited(source),
            None => city,
        };
        let facts = json!({
            "version": city.version(),
            "schematic": city.is_schematic(),
            "source": city.source(),
            "outlines_source": city.outlines_source(),
            "levels": city.levels(),
            "areas": city.areas(),
            "outlines_url": format!("/api/v1/geography/outlines/{}.json", city.web_outlines().sha256()),
        });
        Ok(Areas { city, facts })
    }

    /// How many areas of the finest drawn level there are.
    pub fn count(&self) -> usize {
        self.city.areas().len()
    }

    /// What `/api/v1/geography` answers.
    pub fn facts(&self) -> &Value {
        &self.facts
    }

    /// The outlines with this hash, GeoJSON.
    pub fn outlines(&self, hash: &str) -> Option<&str> {
        let outlines = self.city.web_outlines();
        (hash == outlines.sha256()).then(|| outlines.geojson())
    }

    /// A key's name in Italian, as people know the place.
    pub fn name(&self, level: &str, key: &str) -> String {
        if key == "unknown" {
            return "Area non nota".to_owned();
        }
        let nil = |id: &str| {
            let area = id.parse().ok().and_then(|nil| self.city.area(nil));
            area.map_or_else(|| format!("NIL {id}"), |area| area.name.clone())
        };
        match (level, key.split_once('.')) {
            ("city", _) => "Milano".to_owned(),
            ("municipio", _) => format!("Municipio {key}"),
            ("micro-area", Some((id, "0"))) => format!("{}, municipio non noto", nil(id)),
            ("micro-area", Some((id, municipio))) => format!("{}, Municipio {municipio}", nil(id)),
            _ => nil(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_level_have_names() {
        let areas = Areas::load(None, None).unwrap();
        assert_eq!(areas.name("city", "milano"), "Milano");
        assert_eq!(areas.name("municipio", "3"), "Municipio 3");
        assert_eq!(areas.name("nil", "unknown"), "Area non nota");
        assert_eq!(areas.name("nil", "1"), "DUOMO");
        assert_eq!(areas.name("micro-area", "1.1"), "DUOMO, Municipio 1");
    }

    #[test]
    fn outlines_are_found_under_their_hash_only() {
        let areas = Areas::load(None, None).unwrap();
        let url = areas.facts()["outlines_url"].as_str().unwrap().to_owned();
        let hash = url
            .rsplit('/')
            .next()
            .unwrap()
            .trim_end_matches(".json")
            .to_owned();
        assert!(areas.outlines(&hash).unwrap().contains("FeatureCollection"));
        assert!(areas.outlines("0").is_none());
        assert_eq!(areas.facts()["areas"].as_array().unwrap().len(), 88);
    }
}
