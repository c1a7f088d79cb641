//! Reads official polygons from a GeoJSON FeatureCollection and refuses, with place and remedy, what is not one.
//! It repairs nothing but repeated positions and the winding of rings, and it drops every property except the id.

use crate::error::{GeographyError, Place, RingProblem};
use crate::outline::{Outline, Outlines, Polygon, Position, Ring};
use serde_json::Value;
use std::collections::BTreeMap;

/// Id properties looked for when none is named: the Comune's, and that of the outlines we write.
const ID_PROPERTIES: [&str; 4] = ["ID_NIL", "id_nil", "Id_NIL", "nil"];

/// Names of the one reference system read: degrees of WGS84. `ogr2ogr` writes EPSG:4326 data in
/// longitude, latitude order too, as GeoJSON 2008 and RFC 7946 both want.
const KNOWN_CRS: [&str; 7] = [
    "CRS84",
    "OGC:CRS84",
    "URN:OGC:DEF:CRS:OGC:1.3:CRS84",
    "URN:OGC:DEF:CRS:OGC::CRS84",
    "EPSG:4326",
    "URN:OGC:DEF:CRS:EPSG::4326",
    "HTTP://WWW.OPENGIS.NET/DEF/CRS/OGC/1.3/CRS84",
];

/// The outlines of exactly these areas (`known`, any order), from a GeoJSON FeatureCollection.
///
/// The id of a feature is its property `id_property`, or the first of `ID_NIL`, `id_nil`, `Id_NIL`, `nil`
/// it has: a whole number, as a number or as text. Altitudes are ignored.
///
/// # Errors
/// The first fault in file order, naming the feature (from 1), its id where readable, and the remedy.
pub fn read_outlines(
    bytes: &[u8],
    id_property: Option<&str>,
    known: &[u16],
) -> Result<Outlines, GeographyError> {
    let document: Value = serde_json::from_slice(bytes).map_err(GeographyError::NotGeoJson)?;
    let kind = document.get("type").and_then(Value::as_str);
    let features = document.get("features").and_then(Value::as_array);
    let (Some("FeatureCollection"), Some(features)) = (kind, features) else {
        return Err(GeographyError::NotAFeatureCollection {
            found: kind.unwrap_or("document without type").to_owned(),
        });
    };
    check_crs(&document)?;

    let mut first_with: BTreeMap<u16, usize> = BTreeMap::new();
    let mut outlines = Vec::with_capacity(features.len());
    for (index, feature) in features.iter().enumerate() {
        let mut place = Place {
            feature: index + 1,
            nil: None,
            ring: None,
        };
        let nil = id_of(feature, id_property, &place)?;
        place.nil = Some(nil);
        if !known.contains(&nil) {
            return Err(GeographyError::UnknownId { place });
        }
        if let Some(&first) = first_with.get(&nil) {
            return Err(GeographyError::DuplicateId { place, first });
        }
        first_with.insert(nil, place.feature);
        let polygons = polygons(feature.get("geometry").unwrap_or(&Value::Null), &place)?;
        outlines.push(
            Outline::try_new(nil, polygons).ok_or(GeographyError::NotPolygonal {
                place,
                found: "empty".to_owned(),
            })?,
        );
    }

    let missing = known.iter().filter(|nil| !first_with.contains_key(nil));
    let mut missing: Vec<u16> = missing.copied().collect();
    missing.sort_unstable();
    match Outlines::try_new(outlines) {
        Some(outlines) if missing.is_empty() => Ok(outlines),
        // Ids are distinct here, so only missing areas lead to this arm.
        _ => Err(GeographyError::MissingAreas { missing }),
    }
}

fn check_crs(document: &Value) -> Result<(), GeographyError> {
    let name = match document.get("crs") {
        None | Some(Value::Null) => return Ok(()),
        Some(crs) => crs.pointer("/properties/name").and_then(Value::as_str),
    };
    match name {
        Some(name) if KNOWN_CRS.contains(&name.to_ascii_uppercase().as_str()) => Ok(()),
        _ => Err(GeographyError::UnsupportedCrs {
            name: name.unwrap_or("unnamed").to_owned(),
        }),
    }
}

fn id_of(feature: &Value, id_property: Option<&str>, place: &Place) -> Result<u16, GeographyError> {
    let candidates: &[&str] = match &id_property {
        Some(named) => std::slice::from_ref(named),
        None => &ID_PROPERTIES,
    };
    let properties = feature.get("properties");
    let found = candidates.iter().find_map(|&name| {
        let value = properties?.get(name)?;
        (!value.is_null()).then_some((name, value))
    });
    let Some((property, value)) = found else {
        return Err(GeographyError::MissingId {
            place: place.clone(),
            property: candidates[0].to_owned(),
        });
    };
    let id = match value {
        // GIS tools like to turn whole numbers into 15.0.
        Value::Number(number) => number.as_f64().and_then(|id| {
            let whole = id.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(&id);
            whole.then_some(id as u16)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    id.ok_or_else(|| GeographyError::InvalidId {
        place: place.clone(),
        property: property.to_owned(),
    })
}

fn polygons(geometry: &Value, place: &Place) -> Result<Vec<Polygon>, GeographyError> {
    let kind = geometry.get("type").and_then(Value::as_str);
    let refused = |found: &str| GeographyError::NotPolygonal {
        place: place.clone(),
        found: found.to_owned(),
    };
    let coordinates = geometry.get("coordinates");
    match kind {
        Some("Polygon") => {
            let rings = coordinates.ok_or_else(|| refused("Polygon without coordinates"))?;
            Ok(vec![polygon(rings, place, 1)?])
        }
        Some("MultiPolygon") => {
            let polygons = coordinates.and_then(Value::as_array);
            let polygons = polygons.ok_or_else(|| refused("MultiPolygon without coordinates"))?;
            let numbered = polygons.iter().zip(1..);
            numbered
                .map(|(rings, number)| polygon(rings, place, number))
                .collect()
        }
        other => Err(refused(other.unwrap_or("none"))),
    }
}

fn polygon(rings: &Value, place: &Place, number: usize) -> Result<Polygon, GeographyError> {
    let mut read = Vec::new();
    for (positions, ring_number) in rings.as_array().into_iter().flatten().zip(1..) {
        read.push(
            ring(positions).map_err(|problem| GeographyError::InvalidRing {
                place: Place {
                    ring: Some((number, ring_number)),
                    ..place.clone()
                },
                problem,
            })?,
        );
    }
    let mut rings = read.into_iter();
    let exterior = rings.next().ok_or_else(|| GeographyError::NotPolygonal {
        place: place.clone(),
        found: "Polygon without rings".to_owned(),
    })?;
    Ok(Polygon::new(exterior, rings.collect()))
}

fn ring(positions: &Value) -> Result<Ring, RingProblem> {
    let positions = positions.as_array().map(Vec::as_slice).unwrap_or_default();
    let numbered = positions.iter().zip(1..);
    Ring::try_new(numbered.map(position).collect::<Result<_, _>>()?)
}

fn position((value, number): (&Value, usize)) -> Result<Position, RingProblem> {
    let coordinate = |index| value.get(index).and_then(Value::as_f64);
    match (coordinate(0), coordinate(1)) {
        (Some(lon), Some(lat)) if lon.is_finite() && lat.is_finite() => Position::try_new(lon, lat)
            .ok_or(RingProblem::OutOfRange {
                position: number,
                lon,
                lat,
            }),
        _ => Err(RingProblem::NotAPosition { position: number }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KNOWN: [u16; 2] = [1, 15];

    fn square(lon: f64) -> Value {
        json!([
            [lon, 45.0],
            [lon + 0.1, 45.0],
            [lon + 0.1, 45.1],
            [lon, 45.1],
            [lon, 45.0]
        ])
    }

    fn feature(id: Value, geometry: Value) -> Value {
        json!({"type": "Feature", "properties": {"NIL": "a name", "ID_NIL": id}, "geometry": geometry})
    }

    fn good(id: u16, lon: f64) -> Value {
        feature(
            json!(id),
            json!({"type": "Polygon", "coordinates": [square(lon)]}),
        )
    }

    fn collection(features: Vec<Value>) -> Value {
        json!({"type": "FeatureCollection", "features": features})
    }

    fn read(document: &Value) -> Result<Outlines, GeographyError> {
        read_outlines(document.to_string().as_bytes(), None, &KNOWN)
    }

    fn refusal(document: &Value) -> String {
        read(document).expect_err("refused").to_string()
    }

    fn refusal_of_geometry(geometry: Value) -> String {
        refusal(&collection(vec![
            good(1, 9.0),
            feature(json!(15), geometry),
        ]))
    }

    #[track_caller]
    fn check(message: &str, parts: &[&str]) {
        for part in parts {
            assert!(message.contains(part), "{part:?} not in {message:?}");
        }
    }

    #[test]
    fn polygons_and_multipolygons_are_read_in_order_of_their_ids() {
        let two = json!({"type": "MultiPolygon", "coordinates": [[square(9.0)], [square(9.2)]]});
        let document = collection(vec![feature(json!(15), two), good(1, 9.5)]);
        let outlines = read(&document).expect("good");
        let shape = |o: &Outline| (o.nil(), o.polygons().len());
        let shapes: Vec<_> = outlines.areas().iter().map(shape).collect();
        assert_eq!(shapes, [(1, 1), (15, 2)]);
        assert_eq!(outlines.area(15).map(Outline::nil), Some(15));
    }

    #[test]
    fn ids_may_be_text_or_decimal_and_the_property_may_be_named() {
        let geometry = json!({"type": "Polygon", "coordinates": [square(9.0)]});
        let document = collection(vec![
            feature(json!("15"), geometry.clone()),
            feature(json!(1.0), geometry.clone()),
        ]);
        assert!(read(&document).is_ok());
        let named = json!({"type": "Feature", "properties": {"ID_NIL": 99, "code": 1}, "geometry": geometry});
        let bytes = collection(vec![named]).to_string();
        assert!(read_outlines(bytes.as_bytes(), Some("code"), &[1]).is_ok());
        let wrong = read_outlines(bytes.as_bytes(), Some("codice"), &[1]).expect_err("no such");
        check(&wrong.to_string(), &["feature 1", "codice", "add"]);
    }

    #[test]
    fn an_unclosed_ring_is_refused_by_place() {
        let open = json!([[9.0, 45.0], [9.1, 45.0], [9.1, 45.1], [9.0, 45.1]]);
        let message = refusal_of_geometry(json!({"type": "Polygon", "coordinates": [open]}));
        check(
            &message,
            &["feature 2 (area 15), polygon 1, ring 1", "not closed"],
        );
    }

    #[test]
    fn a_ring_of_fewer_than_four_positions_is_refused_by_place() {
        let short = json!([[9.0, 45.0], [9.1, 45.0], [9.0, 45.0]]);
        let two =
            json!({"type": "MultiPolygon", "coordinates": [[square(9.0)], [square(9.2), short]]});
        check(
            &refusal_of_geometry(two),
            &["(area 15), polygon 2, ring 2", "at least 4"],
        );
    }

    #[test]
    fn coordinates_out_of_range_or_not_numbers_are_refused_by_place() {
        let projected = json!([[514000.0, 5034000.0], [1, 1], [2, 2], [514000.0, 5034000.0]]);
        let message = refusal_of_geometry(json!({"type": "Polygon", "coordinates": [projected]}));
        check(
            &message,
            &["(area 15)", "position 1", "out of range", "ogr2ogr"],
        );
        let broken = json!([[9.0, 45.0], [null, 1], [2, 2], [9.0, 45.0]]);
        let message = refusal_of_geometry(json!({"type": "Polygon", "coordinates": [broken]}));
        check(&message, &["(area 15)", "position 2", "finite"]);
        // JSON has no infinity: a number too large for f64 is refused by the reader of JSON.
        let huge = collection(vec![good(1, 9.0)])
            .to_string()
            .replace("45.1", "1e999");
        let refused = read_outlines(huge.as_bytes(), None, &KNOWN);
        assert!(matches!(refused, Err(GeographyError::NotGeoJson(_))));
    }

    #[test]
    fn missing_invalid_unknown_and_repeated_ids_are_refused_by_feature() {
        let with = |id: Value| refusal(&collection(vec![good(1, 9.0), feature(id, json!(null))]));
        check(&with(json!(null)), &["feature 2", "no property \"ID_NIL\""]);
        check(
            &with(json!("fifteen")),
            &["feature 2", "not a whole number"],
        );
        check(&with(json!(-3)), &["feature 2", "not a whole number"]);
        check(
            &with(json!(77)),
            &["feature 2 (area 77)", "not an area of this city"],
        );
        check(
            &with(json!(1)),
            &["feature 2 (area 1)", "feature 1", "MultiPolygon"],
        );
    }

    #[test]
    fn areas_without_outline_are_listed() {
        let message = refusal(&collection(vec![good(15, 9.0)]));
        check(&message, &["lacks 1 of", "(1)", "add"]);
    }

    #[test]
    fn geometries_that_are_no_surface_are_refused() {
        for (geometry, found) in [
            (
                json!({"type": "Point", "coordinates": [9.0, 45.0]}),
                "Point",
            ),
            (
                json!({"type": "GeometryCollection", "geometries": []}),
                "GeometryCollection",
            ),
            (json!({"type": "MultiPolygon", "coordinates": []}), "empty"),
            (
                json!({"type": "Polygon", "coordinates": []}),
                "without rings",
            ),
            (json!(null), "none"),
        ] {
            check(
                &refusal_of_geometry(geometry),
                &["feature 2 (area 15)", found],
            );
        }
    }

    #[test]
    fn only_degrees_of_wgs84_are_read() {
        let mut document = collection(vec![good(1, 9.0), good(15, 9.5)]);
        for name in ["EPSG:4326", "urn:ogc:def:crs:OGC:1.3:CRS84"] {
            document["crs"] = json!({"type": "name", "properties": {"name": name}});
            assert!(read(&document).is_ok(), "{name}");
        }
        document["crs"] = json!({"type": "name", "properties": {"name": "EPSG:32632"}});
        check(&refusal(&document), &["EPSG:32632", "ogr2ogr"]);
        document["crs"] = json!({"type": "link", "properties": {}});
        check(&refusal(&document), &["unnamed"]);
    }

    #[test]
    fn what_is_not_a_feature_collection_is_refused() {
        let refused = read_outlines(b"nil;name\r\n1;DUOMO", None, &KNOWN).expect_err("a CSV");
        check(&refused.to_string(), &["not a GeoJSON FeatureCollection"]);
        check(&refusal(&good(1, 9.0)), &["\"Feature\""]);
        check(&refusal(&json!([1])), &["without type"]);
    }

    proptest::proptest! {
        /// Any JSON-like text is read or refused, never a panic.
        #[test]
        fn damaged_files_never_panic(cut in 0usize..700, junk in "[\\[\\]{},:0-9a-z\". -]{0,8}") {
            let mut text = collection(vec![good(1, 9.0), good(15, 9.5)]).to_string();
            let at = cut.min(text.len());
            text.replace_range(at..(at + junk.len()).min(text.len()), &junk);
            let _ = read_outlines(text.as_bytes(), None, &KNOWN);
        }
    }
}
