//! The official polygons of Milan, where a copy is at hand: they are read, measured and simplified.
//! The file is never part of the project; without it the tests say so and pass, except under CI.

use geography::{City, Facts, Outline, Position, WebOutlines, read_outlines};
use std::collections::BTreeMap;
use std::path::Path;

fn official() -> Option<Vec<u8>> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/areas/milano_nil_88.geojson"
    );
    match std::fs::read(Path::new(path)) {
        Ok(bytes) => Some(bytes),
        Err(_) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            panic!("the official outlines are required under CI")
        }
        Err(_) => {
            eprintln!("SKIPPED: no copy of the official outlines of Milan");
            None
        }
    }
}

#[test]
fn official_outlines_agree_with_the_table_of_facts() {
    let Some(bytes) = official() else { return };
    let city = City::with_outlines(&bytes).expect("the official file is read");
    assert!(!city.is_schematic());
    for facts in city.areas() {
        let outline = city.outlines().area(facts.nil).expect("every area");
        let area_km2 = outline.area_km2();
        let error = area_km2 / facts.area_km2 - 1.0;
        assert!(
            error.abs() < 0.01,
            "{}: {area_km2} {}",
            facts.nil,
            facts.area_km2
        );
        let off_m = outline.centroid().distance_m(facts.centroid);
        assert!(off_m < 10.0, "{}: {off_m} m", facts.nil);
    }
}

#[test]
fn official_outlines_become_light_without_changing_shape() {
    let Some(bytes) = official() else { return };
    let city = City::with_outlines(&bytes).expect("the official file is read");
    let text = city.web_outlines().geojson();
    let ids: Vec<u16> = Facts::milan().areas().iter().map(|area| area.nil).collect();
    let simple = read_outlines(text.as_bytes(), None, &ids).expect("what we write, we read");
    let mut worst: f64 = 0.0;
    let mut positions = 0;
    for outline in simple.areas() {
        let full = city.outlines().area(outline.nil()).expect("every area");
        let rings = |o: &Outline| o.polygons().iter().map(|p| p.rings().len()).sum::<usize>();
        assert_eq!(rings(outline), rings(full), "{}", outline.nil());
        for ring in outline.polygons().iter().flat_map(|p| p.rings()) {
            assert!(ring.positions().len() >= 4);
            positions += ring.positions().len();
        }
        let change = (outline.area_km2() / full.area_km2() - 1.0).abs();
        assert!(change < 0.03, "{}: {change}", outline.nil());
        worst = worst.max(change);
    }
    println!(
        "{} bytes, {positions} positions, largest change of an area {:.2} %",
        text.len(),
        worst * 100.0
    );
    assert!(text.len() < 150_000, "{}", text.len());
}

#[test]
fn neighbours_are_those_on_the_map_of_milan_and_survive_simplification() {
    let Some(bytes) = official() else { return };
    let city = City::with_outlines(&bytes).expect("the official file is read");
    let adjacency = city.adjacency();
    for (nil, neighbours) in adjacency.areas() {
        assert!(!neighbours.is_empty(), "{nil} has no neighbour");
        for neighbour in neighbours {
            let back = adjacency.neighbours(neighbour.nil);
            assert!(back.iter().any(|other| other.nil == nil));
        }
    }
    let beside = |one: u16, other: u16| {
        let found = adjacency.neighbours(one).iter().find(|n| n.nil == other);
        found.map_or(0.0, |neighbour| neighbour.border_m)
    };
    // Duomo borders Brera and Guastalla for hundreds of metres and no area of the outskirts.
    assert!(beside(1, 2) > 300.0 && beside(1, 4) > 300.0);
    assert_eq!(beside(1, 48), 0.0);
    assert!((88..=3 * 88 - 6).contains(&adjacency.pairs()));
    println!("{} pairs of neighbours", adjacency.pairs());

    let drawn = city.web_outlines().geojson().as_bytes();
    let drawn = City::with_outlines(drawn).expect("what we write, we read");
    let ids = |city: &City| -> Vec<(u16, Vec<u16>)> {
        let areas = city.adjacency().areas();
        areas
            .map(|(nil, list)| (nil, list.iter().map(|n| n.nil).collect()))
            .collect()
    };
    assert_eq!(ids(&drawn), ids(&city));
}

#[test]
fn no_crack_opens_between_neighbours() {
    let Some(bytes) = official() else { return };
    let city = City::with_outlines(&bytes).expect("the official file is read");
    let ids: Vec<u16> = Facts::milan().areas().iter().map(|area| area.nil).collect();
    let text = city.web_outlines().geojson();
    let drawn = read_outlines(text.as_bytes(), None, &ids).expect("what we write, we read");

    // What one area alone draws is the edge of the city: one connected line. A crack would be another.
    let grid = |p: &Position| {
        (
            (p.lon() * 1e5).round() as i32,
            (p.lat() * 1e5).round() as i32,
        )
    };
    let mut times: BTreeMap<_, usize> = BTreeMap::new();
    let polygons = drawn.areas().iter().flat_map(Outline::polygons);
    for ring in polygons.flat_map(|polygon| polygon.rings()) {
        for pair in ring.positions().windows(2) {
            let (a, b) = (grid(&pair[0]), grid(&pair[1]));
            *times.entry((a.min(b), a.max(b))).or_default() += 1;
        }
    }
    assert!(times.values().all(|&times| times <= 2));
    let mut beside: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (&(a, b), _) in times.iter().filter(|&(_, &times)| times == 1) {
        beside.entry(a).or_default().push(b);
        beside.entry(b).or_default().push(a);
    }
    let (start, _) = beside.first_key_value().expect("an edge");
    let mut ahead = vec![*start];
    while let Some(point) = ahead.pop() {
        ahead.extend(beside.remove(&point).into_iter().flatten());
    }
    assert!(
        beside.is_empty(),
        "{} points off the edge of the city",
        beside.len()
    );
}

#[test]
fn the_order_of_features_does_not_change_the_text_or_its_hash() {
    let Some(bytes) = official() else { return };
    let mut document: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    let features = document["features"].as_array_mut().expect("features");
    features.reverse();
    let reversed = City::with_outlines(document.to_string().as_bytes()).expect("still good");
    let city = City::with_outlines(&bytes).expect("the official file is read");
    let (one, other): (&WebOutlines, &WebOutlines) = (city.web_outlines(), reversed.web_outlines());
    assert_eq!(one.sha256(), other.sha256());
    assert_eq!(one, other);
}
