//! A city as the service shows it: its levels, the facts of its areas, their outlines and neighbours in one value.
//! Outlines are schematic until an official file is given; it says which, and never mixes the two.

use crate::adjacency::Adjacency;
use crate::error::GeographyError;
use crate::facts::{AreaFacts, Facts, MILAN_SOURCE};
use crate::geojson_input::read_outlines;
use crate::outline::Outlines;
use crate::partition::{Level, Partition};
use crate::schematic::schematic_outlines;
use crate::simplify::{WEB_DETAIL_M2, WebOutlines};
use serde::Serialize;

/// Farthest an outline's centroid may lie from the known one before it is taken for another
/// place: beyond any redrawing of a neighbourhood, well below swapped axes or another city.
const MISPLACED_M: f64 = 3_000.0;

/// A level and its public keys, as the interface lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LevelKeys<'a> {
    /// The level's identifier.
    pub id: &'static str,
    /// Its keys in the order cells are laid out, `unknown` last.
    pub keys: &'a [String],
}

/// The public areas of one city with everything known of them.
#[derive(Debug)]
pub struct City {
    partition: &'static Partition,
    facts: &'static Facts,
    outlines: Outlines,
    web: WebOutlines,
    adjacency: Adjacency,
    schematic: bool,
    outlines_source: Option<String>,
}

impl City {
    /// Milan with a schematic map of its NIL.
    pub fn milan() -> City {
        let facts = Facts::milan();
        // Unwrap safety: made of compiled-in facts alone, and a test makes it.
        City::joined(schematic_outlines(facts), true).expect("the schematic map of Milan")
    }

    /// Milan with the outlines of a GeoJSON file (see [`read_outlines`]): one for each of the 88
    /// NIL, ids in `ID_NIL`.
    ///
    /// # Errors
    /// As [`read_outlines`]; [`GeographyError::Misplaced`] where an outline is not where its area is.
    pub fn with_outlines(geojson: &[u8]) -> Result<City, GeographyError> {
        City::with_outlines_by(geojson, None)
    }

    /// As [`City::with_outlines`], ids in the property named.
    ///
    /// # Errors
    /// The same.
    pub fn with_outlines_by(
        geojson: &[u8],
        id_property: Option<&str>,
    ) -> Result<City, GeographyError> {
        let facts = Facts::milan();
        let known: Vec<u16> = facts.areas().iter().map(|area| area.nil).collect();
        let outlines = read_outlines(geojson, id_property, &known)?;
        for outline in outlines.areas() {
            let nil = outline.nil();
            let known = facts.area(nil).map(|area| area.centroid);
            let off_m = known.map_or(0.0, |known| known.distance_m(outline.centroid()));
            if off_m > MISPLACED_M {
                let km = off_m / 1000.0;
                return Err(GeographyError::Misplaced { nil, km });
            }
        }
        City::joined(outlines, false)
    }

    fn joined(outlines: Outlines, schematic: bool) -> Result<City, GeographyError> {
        Ok(City {
            partition: Partition::milan(),
            facts: Facts::milan(),
            web: WebOutlines::simplified(&outlines, WEB_DETAIL_M2)?,
            adjacency: Adjacency::of(&outlines)?,
            outlines,
            schematic,
            outlines_source: None,
        })
    }

    /// The same city, its file of outlines credited to this source: publisher, data set, licence.
    /// A schematic map is ours and stays labelled as it is.
    #[must_use]
    pub fn credited(mut self, outlines_source: &str) -> City {
        if !self.schematic {
            self.outlines_source = Some(outlines_source.to_owned());
        }
        self
    }

    /// Name of the set of areas; answers over different versions are never composed.
    pub fn version(&self) -> &'static str {
        self.partition.version()
    }

    /// Whether the outlines only suggest where areas are.
    pub fn is_schematic(&self) -> bool {
        self.schematic
    }

    /// Where the facts come from: publishers, data sets by their own names, licences.
    pub fn source(&self) -> &'static str {
        MILAN_SOURCE
    }

    /// Where the outlines come from, where somebody said so.
    pub fn outlines_source(&self) -> Option<&str> {
        self.outlines_source.as_deref()
    }

    /// Levels and containment of areas.
    pub fn partition(&self) -> &'static Partition {
        self.partition
    }

    /// Every level with its keys, coarsest first.
    pub fn levels(&self) -> Vec<LevelKeys<'static>> {
        let keys = |level: Level| LevelKeys {
            id: level.id(),
            keys: self.partition.keys(level),
        };
        Level::ALL.into_iter().map(keys).collect()
    }

    /// Facts of every area, ascending by id.
    pub fn areas(&self) -> &'static [AreaFacts] {
        self.facts.areas()
    }

    /// Facts of one area; none for an unknown id.
    pub fn area(&self, nil: u16) -> Option<&'static AreaFacts> {
        self.facts.area(nil)
    }

    /// Outlines in full, as given.
    pub fn outlines(&self) -> &Outlines {
        &self.outlines
    }

    /// Outlines for drawing, with the hash that names them.
    pub fn web_outlines(&self) -> &WebOutlines {
        &self.web
    }

    /// Neighbours by shared border; on a schematic map, neighbours of the drawing.
    pub fn adjacency(&self) -> &Adjacency {
        &self.adjacency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milan_without_a_file_is_schematic_and_says_so() {
        let milan = City::milan();
        assert!(milan.is_schematic());
        assert!(milan.source().contains("CC BY 4.0"));
        let milan = milan.credited("someone else's borders");
        assert_eq!(milan.outlines_source(), None);
        assert_eq!(milan.version(), Partition::milan().version());
        assert_eq!(milan.areas().len(), 88);
        assert_eq!(milan.outlines().areas().len(), 88);
        assert!(milan.adjacency().pairs() > 0);
        let counts: Vec<_> = milan
            .levels()
            .iter()
            .map(|l| (l.id, l.keys.len()))
            .collect();
        let expected = [
            ("city", 1),
            ("municipio", 10),
            ("nil", 89),
            ("micro-area", 124),
        ];
        assert_eq!(counts, expected);
    }

    #[test]
    fn drawn_outlines_can_be_given_back_as_a_file() {
        let schematic = City::milan();
        let file = schematic.web_outlines().geojson().as_bytes();
        let read = City::with_outlines(file).expect("our own output");
        assert!(!read.is_schematic());
        let credited = read.credited("Comune di Milano DS964, CC BY 4.0");
        let source = credited.outlines_source();
        assert_eq!(source, Some("Comune di Milano DS964, CC BY 4.0"));
    }

    #[test]
    fn outlines_elsewhere_are_refused() {
        // One area drawn where another is.
        let text = City::milan().web_outlines().geojson().to_owned();
        let swapped = text
            .replace(r#"{"nil":"1"}"#, r#"{"nil":"x"}"#)
            .replace(r#"{"nil":"88"}"#, r#"{"nil":"1"}"#)
            .replace(r#"{"nil":"x"}"#, r#"{"nil":"88"}"#);
        let refused = City::with_outlines(swapped.as_bytes()).expect_err("swapped ids");
        assert!(matches!(refused, GeographyError::Misplaced { nil: 1, .. }));
        assert!(refused.to_string().contains("longitude first"));
    }
}
