//! Tests of the promises of simplified outlines, on random maps with wiggly borders.
//! Crossings are counted on the written text itself, not on the structures that made it.

use super::*;
use crate::adjacency::Adjacency;
use crate::facts::Facts;
use crate::geojson_input::read_outlines;
use crate::outline::{Outline, Polygon, Position, Ring};
use crate::schematic::schematic_outlines;
use proptest::prelude::*;

/// A map of `columns` x `rows` cells whose borders wiggle: corners and the points between them are
/// pushed about by less than a quarter of their distance, so borders never cross.
#[derive(Debug)]
struct Map {
    columns: usize,
    rows: usize,
    pushes: Vec<(i32, i32)>,
}

const STEPS: usize = 6;
const STEP: i32 = 40;

impl Map {
    fn point(&self, column: usize, row: usize) -> Position {
        let (dx, dy) = self.pushes[(column * 31 + row * 17) % self.pushes.len()];
        let lon = 900_000 + column as i32 * STEP + dx;
        let lat = 4_500_000 + row as i32 * STEP + dy;
        Position::try_new(f64::from(lon) / 1e5, f64::from(lat) / 1e5).expect("in range")
    }

    fn cell(&self, column: usize, row: usize) -> Vec<Position> {
        let (west, south) = (column * STEPS, row * STEPS);
        let mut ring = Vec::new();
        ring.extend((0..STEPS).map(|i| self.point(west + i, south)));
        ring.extend((0..STEPS).map(|i| self.point(west + STEPS, south + i)));
        ring.extend((0..STEPS).map(|i| self.point(west + STEPS - i, south + STEPS)));
        ring.extend((0..STEPS).map(|i| self.point(west, south + STEPS - i)));
        ring
    }

    /// The cells, each ring starting `turn` points later, the features in order or against it.
    fn outlines(&self, turn: usize, backwards: bool) -> Outlines {
        let mut outlines = Vec::new();
        for column in 0..self.columns {
            for row in 0..self.rows {
                let mut ring = self.cell(column, row);
                let count = ring.len();
                ring.rotate_left(turn % count);
                if backwards {
                    ring.reverse();
                }
                ring.push(ring[0]);
                let ring = Ring::try_new(ring).expect("a cell");
                let nil = (column * self.rows + row + 1) as u16;
                let polygons = vec![Polygon::new(ring, vec![])];
                outlines.push(Outline::try_new(nil, polygons).expect("a polygon"));
            }
        }
        if backwards {
            outlines.reverse();
        }
        Outlines::try_new(outlines).expect("distinct")
    }
}

fn maps() -> impl Strategy<Value = Map> {
    let push = (-9i32..=9, -9i32..=9);
    (1usize..5, 1usize..5, prop::collection::vec(push, 40..97)).prop_map(
        |(columns, rows, pushes)| Map {
            columns,
            rows,
            pushes,
        },
    )
}

fn reread(web: &WebOutlines, like: &Outlines) -> Outlines {
    let ids: Vec<u16> = like.areas().iter().map(Outline::nil).collect();
    read_outlines(web.geojson().as_bytes(), None, &ids).expect("what we write, we read")
}

/// Every segment drawn, with how many areas draw it.
fn segments(outlines: &Outlines) -> BTreeMap<(GridPoint, GridPoint), usize> {
    let grid = |p: &Position| GridPoint {
        lon: (p.lon() * 1e5).round() as i32,
        lat: (p.lat() * 1e5).round() as i32,
    };
    let polygons = outlines.areas().iter().flat_map(Outline::polygons);
    let pairs = polygons
        .flat_map(Polygon::rings)
        .flat_map(|ring| ring.positions().windows(2));
    let mut drawn = BTreeMap::new();
    for pair in pairs {
        let (a, b) = (grid(&pair[0]), grid(&pair[1]));
        *drawn.entry((a.min(b), a.max(b))).or_default() += 1;
    }
    drawn
}

/// Connected lines made of what only one area draws: the edge of the city, and any crack or hole.
fn edges_of_the_city(outlines: &Outlines) -> usize {
    let mut beside: BTreeMap<GridPoint, Vec<GridPoint>> = BTreeMap::new();
    let drawn_once = segments(outlines)
        .into_iter()
        .filter(|&(_, times)| times == 1);
    for ((a, b), _) in drawn_once {
        beside.entry(a).or_default().push(b);
        beside.entry(b).or_default().push(a);
    }
    let mut lines = 0;
    while let Some((start, ahead)) = beside.pop_first() {
        lines += 1;
        let mut ahead = ahead;
        ahead.push(start);
        while let Some(point) = ahead.pop() {
            ahead.extend(beside.remove(&point).into_iter().flatten());
        }
    }
    lines
}

/// Pairs of segments that cross.
fn crossings(outlines: &Outlines) -> usize {
    let segments: Vec<_> = segments(outlines).into_keys().collect();
    let mut count = 0;
    for (index, &(a, b)) in segments.iter().enumerate() {
        for &(c, d) in &segments[index + 1..] {
            let (ac, ad) = (a.cross(b, c).signum(), a.cross(b, d).signum());
            let (ca, cb) = (c.cross(d, a).signum(), c.cross(d, b).signum());
            count += usize::from(ac * ad < 0 && ca * cb < 0);
        }
    }
    count
}

fn pairs(outlines: &Outlines) -> Vec<(u16, Vec<u16>)> {
    let adjacency = Adjacency::of(outlines).expect("areas");
    let ids = |list: &[crate::Neighbour]| list.iter().map(|n| n.nil).collect();
    adjacency
        .areas()
        .map(|(nil, list)| (nil, ids(list)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn borders_neither_cross_nor_crack(map in maps(), detail_m2 in 0.0f64..20_000.0) {
        let outlines = map.outlines(0, false);
        let web = WebOutlines::simplified(&outlines, detail_m2).expect("areas");
        let simple = reread(&web, &outlines);
        prop_assert_eq!(crossings(&simple), 0);
        prop_assert_eq!(pairs(&simple), pairs(&outlines));
        prop_assert_eq!(edges_of_the_city(&simple), 1);
        prop_assert!(simple.areas().iter().all(|outline| outline.area_km2() > 0.0));
    }

    #[test]
    fn the_text_does_not_depend_on_how_the_file_was_written(
        map in maps(),
        turn in 0usize..24,
        detail_m2 in 0.0f64..5_000.0,
    ) {
        let one = WebOutlines::simplified(&map.outlines(0, false), detail_m2).expect("areas");
        let other = WebOutlines::simplified(&map.outlines(turn, true), detail_m2).expect("areas");
        prop_assert_eq!(one, other);
    }

    #[test]
    fn simplifying_what_is_simplified_changes_nothing(map in maps()) {
        let outlines = map.outlines(0, false);
        let once = WebOutlines::simplified(&outlines, 0.0).expect("areas");
        let twice = WebOutlines::simplified(&reread(&once, &outlines), 0.0).expect("areas");
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn degrees_are_written_as_the_number_they_are(units in -18_000_000i32..=18_000_000) {
        let text = Degrees(units).to_string();
        let back: f64 = text.parse().expect("a number");
        prop_assert_eq!((back * 1e5).round() as i32, units);
        prop_assert!(text.split('.').nth(1).is_none_or(|decimals| decimals.len() <= 5));
    }
}

fn boxed(nil: u16, rings: &[[i32; 4]]) -> Outline {
    let ring = |&[west, south, east, north]: &[i32; 4]| {
        let at = |x: i32, y: i32| {
            let (lon, lat) = (9.0 + f64::from(x) / 1e4, 45.0 + f64::from(y) / 1e4);
            Position::try_new(lon, lat).expect("in range")
        };
        let corners = [
            at(west, south),
            at(east, south),
            at(east, north),
            at(west, north),
            at(west, south),
        ];
        Ring::try_new(corners.to_vec()).expect("a ring")
    };
    let polygon = Polygon::new(ring(&rings[0]), rings[1..].iter().map(ring).collect());
    Outline::try_new(nil, vec![polygon]).expect("a polygon")
}

#[test]
fn an_area_within_another_keeps_its_place_and_its_surface_however_coarse_the_map() {
    let around = boxed(1, &[[0, 0, 90, 90], [30, 30, 60, 60]]);
    let within = boxed(2, &[[30, 30, 60, 60]]);
    let outlines = Outlines::try_new(vec![around, within]).expect("distinct");
    let web = WebOutlines::simplified(&outlines, 1e12).expect("areas");
    let simple = reread(&web, &outlines);
    let around = &simple.areas()[0].polygons()[0];
    assert_eq!(around.rings().len(), 2);
    let mut hole = around.rings()[1].positions()[1..].to_vec();
    let mut island = simple.areas()[1].polygons()[0].rings()[0].positions()[1..].to_vec();
    for corners in [&mut hole, &mut island] {
        corners.sort_by(|a, b| {
            a.lon()
                .total_cmp(&b.lon())
                .then(a.lat().total_cmp(&b.lat()))
        });
    }
    assert_eq!(hole, island);
    assert!(simple.areas().iter().all(|area| area.area_km2() > 0.0));
}

#[test]
fn the_text_is_geojson_with_the_id_and_the_hash_is_of_the_text() {
    let outlines = Outlines::try_new(vec![boxed(15, &[[0, 0, 90, 90]])]).expect("distinct");
    let web = WebOutlines::simplified(&outlines, 0.0).expect("areas");
    assert_eq!(
        web.geojson(),
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"nil":"15"},"geometry":{"type":"Polygon","coordinates":[[[9,45],[9.009,45],[9.009,45.009],[9,45.009],[9,45]]]}}]}"#
    );
    assert_eq!(web.sha256().len(), 64);
    let digest = digest::digest(&digest::SHA256, web.geojson().as_bytes());
    let hex: Vec<String> = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(web.sha256(), hex.concat());
}

#[test]
fn the_schematic_map_is_small_and_planar() {
    let outlines = schematic_outlines(Facts::milan());
    let web = WebOutlines::simplified(&outlines, WEB_DETAIL_M2).expect("areas");
    assert!(web.geojson().len() < 40_000, "{}", web.geojson().len());
    let simple = reread(&web, &outlines);
    assert_eq!(crossings(&simple), 0);
    assert_eq!(pairs(&simple), pairs(&outlines));
    assert_eq!(edges_of_the_city(&simple), 1);
}
