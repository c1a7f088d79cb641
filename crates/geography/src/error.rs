//! Why a file of area outlines was refused: the place in the file, the fault and what to do about it.
//! It speaks of public polygons only, never of people or registers.

use std::fmt;

/// Where in a GeoJSON file a fault is. Everything is counted from 1, as people count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the feature in the file.
    pub feature: usize,
    /// The feature's area id, where it was readable.
    pub nil: Option<u16>,
    /// Number of the polygon in the feature, and of the ring in the polygon.
    pub ring: Option<(usize, usize)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "feature {}", self.feature)?;
        if let Some(nil) = self.nil {
            write!(f, " (area {nil})")?;
        }
        if let Some((polygon, ring)) = self.ring {
            write!(f, ", polygon {polygon}, ring {ring}")?;
        }
        Ok(())
    }
}

/// What is wrong with one ring of a polygon.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RingProblem {
    /// First and last position differ.
    #[error("is not closed: repeat its first position as its last")]
    Unclosed,
    /// Fewer than four positions, or fewer than four once repeated ones are dropped.
    #[error(
        "has {positions} positions without repetition; a closed ring needs at least 4: \
         repair or remove it"
    )]
    TooShort {
        /// Positions left, the closing one included.
        positions: usize,
    },
    /// All positions lie on one line.
    #[error("encloses no area: remove it, or repair the polygon")]
    Flat,
    /// A position is not `[longitude, latitude]` in finite numbers.
    #[error("position {position} is not [longitude, latitude] in finite numbers")]
    NotAPosition {
        /// Number of the position in the ring, from 1.
        position: usize,
    },
    /// A coordinate is outside the range of degrees.
    #[error(
        "position {position} is out of range ({lon}, {lat}): coordinates must be degrees of \
         longitude and latitude; reproject the file to EPSG:4326 \
         (ogr2ogr -t_srs EPSG:4326 -lco RFC7946=YES)"
    )]
    OutOfRange {
        /// Number of the position in the ring, from 1.
        position: usize,
        /// First coordinate found.
        lon: f64,
        /// Second coordinate found.
        lat: f64,
    },
}

/// Why outlines were refused.
#[derive(Debug, thiserror::Error)]
pub enum GeographyError {
    /// The bytes are not JSON of the expected shape.
    #[error("the file is not a GeoJSON FeatureCollection: export the areas as GeoJSON (RFC 7946)")]
    NotGeoJson(#[source] serde_json::Error),
    /// The top object is something else.
    #[error(
        "the file holds a GeoJSON {found:?}, not a FeatureCollection: export all areas as one layer"
    )]
    NotAFeatureCollection {
        /// The `type` found.
        found: String,
    },
    /// Coordinates are declared in another reference system.
    #[error(
        "the file declares the coordinate reference system {name:?}: only CRS84 or EPSG:4326 is \
         read; reproject it (ogr2ogr -t_srs EPSG:4326 -lco RFC7946=YES)"
    )]
    UnsupportedCrs {
        /// The name declared, or a description of what stands in its place.
        name: String,
    },
    /// A feature has no id property.
    #[error("{place} has no property {property:?}: add the official id of the area")]
    MissingId {
        /// The feature.
        place: Place,
        /// The property looked for.
        property: String,
    },
    /// An id is not a whole number.
    #[error(
        "{place}: property {property:?} is not a whole number: it must hold the official id of the area"
    )]
    InvalidId {
        /// The feature.
        place: Place,
        /// The property read.
        property: String,
    },
    /// An id is not one of the city's areas.
    #[error(
        "{place} is not an area of this city: remove it, or use the edition of the areas this version knows"
    )]
    UnknownId {
        /// The feature.
        place: Place,
    },
    /// Two features have the same id.
    #[error("{place} repeats the id of feature {first}: join both into one MultiPolygon")]
    DuplicateId {
        /// The second feature.
        place: Place,
        /// Number of the first feature with this id, from 1.
        first: usize,
    },
    /// A geometry is not a polygon.
    #[error("{place} has geometry {found:?}: only Polygon and MultiPolygon are outlines of areas")]
    NotPolygonal {
        /// The feature.
        place: Place,
        /// What was found instead.
        found: String,
    },
    /// A ring of a polygon is broken.
    #[error("{place} {problem}")]
    InvalidRing {
        /// The ring.
        place: Place,
        /// Its fault.
        problem: RingProblem,
    },
    /// Areas of the city have no outline.
    #[error("the file lacks {} of the city's areas ({}): add them; every area needs an outline",
        missing.len(), listed(missing))]
    MissingAreas {
        /// Their ids, ascending.
        missing: Vec<u16>,
    },
    /// An outline lies far from where its area is known to be.
    #[error(
        "the outline of area {nil} lies {km:.0} km from where that area is: check that ids belong \
         to this city's edition and that coordinates are longitude first, latitude second"
    )]
    Misplaced {
        /// The area.
        nil: u16,
        /// Distance between its centroid and the known one, kilometres.
        km: f64,
    },
    /// An outline vanishes on the grid of published coordinates (5 decimals, about one metre).
    #[error("the outline of area {nil} is smaller than the published grid of about one metre")]
    TooSmall {
        /// The area.
        nil: u16,
    },
}

fn listed(ids: &[u16]) -> String {
    const SHOWN: usize = 10;
    let mut text = ids
        .iter()
        .take(SHOWN)
        .map(u16::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if ids.len() > SHOWN {
        text.push_str(", ...");
    }
    text
}
