//! A schematic map where no official outlines are at hand: each area is what lies nearest to its centroid.
//! It shows neighbourhood and rough position only; it never claims to be a border, and is labelled so.

use crate::facts::Facts;
use crate::outline::{LocalPlane, Outline, Outlines, Polygon, Position, Ring};

/// How far the drawn city reaches beyond the hull of the centroids, in metres: about half the
/// breadth of an outer area of Milan.
const MARGIN_M: f64 = 900.0;
/// Sides of the regular polygon that rounds the corners of the hull.
const ROUNDING: u32 = 24;
/// Corners of neighbouring cells computed this near to each other are one corner, in metres:
/// far above rounding errors, far below the published grid.
const SAME_CORNER_M: f64 = 0.05;

/// Schematic outlines of the areas: the Voronoi cells of their centroids, within a rounded convex city.
///
/// Promise: cells do not overlap, cover the drawn city, and each holds its own centroid.
pub fn schematic_outlines(facts: &Facts) -> Outlines {
    let areas = facts.areas().iter();
    let sites: Vec<(u16, Position)> = areas.map(|area| (area.nil, area.centroid)).collect();
    // Unwrap safety: the compiled-in table has distinct ids and centroids apart; a test builds it.
    voronoi(&sites, MARGIN_M).expect("distinct areas")
}

type Point = [f64; 2];

/// Voronoi cells of the sites within their hull widened by `margin_m`. None without sites, with
/// repeated ids or repeated sites, or where sites are so near that a cell has no room.
fn voronoi(sites: &[(u16, Position)], margin_m: f64) -> Option<Outlines> {
    let count = sites.len() as f64;
    let mean = |of: fn(Position) -> f64| sites.iter().map(|&(_, p)| of(p)).sum::<f64>() / count;
    let plane = LocalPlane::at(Position::try_new(mean(Position::lon), mean(Position::lat))?);
    let points: Vec<Point> = sites.iter().map(|&(_, p)| plane.metres(p)).collect();
    let city = widened_hull(&points, margin_m);

    let mut corners: Vec<Point> = Vec::new();
    let mut outlines = Vec::with_capacity(sites.len());
    for (&(nil, _), &site) in sites.iter().zip(&points) {
        let mut cell = city.clone();
        let others = sites.iter().zip(&points).filter(|((id, _), _)| *id != nil);
        for (_, &other) in others {
            if other == site {
                return None;
            }
            cell = nearer_part(&cell, site, other);
        }
        let mut positions = Vec::with_capacity(cell.len() + 1);
        for corner in cell {
            positions.push(plane.position(one_corner(&mut corners, corner))?);
        }
        positions.extend(positions.first().copied());
        let ring = Ring::try_new(positions).ok()?;
        outlines.push(Outline::try_new(nil, vec![Polygon::new(ring, vec![])])?);
    }
    Outlines::try_new(outlines)
}

/// The convex hull of regular polygons around all points: their hull widened, with round corners.
fn widened_hull(points: &[Point], margin_m: f64) -> Vec<Point> {
    let mut widened = Vec::with_capacity(points.len() * ROUNDING as usize);
    for &[x, y] in points {
        for step in 0..ROUNDING {
            let angle = std::f64::consts::TAU * f64::from(step) / f64::from(ROUNDING);
            widened.push([x + margin_m * angle.cos(), y + margin_m * angle.sin()]);
        }
    }
    convex_hull(widened)
}

/// Convex hull, counterclockwise, without points on its edges (Andrew's monotone chain).
fn convex_hull(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    let chain = |points: &mut dyn Iterator<Item = &Point>| {
        let mut chain: Vec<Point> = Vec::new();
        for &point in points {
            while let [.., a, b] = chain[..]
                && (b[0] - a[0]) * (point[1] - a[1]) <= (b[1] - a[1]) * (point[0] - a[0])
            {
                chain.pop();
            }
            chain.push(point);
        }
        chain.pop();
        chain
    };
    let mut hull = chain(&mut points.iter());
    hull.extend(chain(&mut points.iter().rev()));
    hull
}

/// The part of a convex polygon nearer to `site` than to `other`.
fn nearer_part(polygon: &[Point], site: Point, other: Point) -> Vec<Point> {
    let towards = [other[0] - site[0], other[1] - site[1]];
    let middle = [(site[0] + other[0]) / 2.0, (site[1] + other[1]) / 2.0];
    let beyond = |p: Point| (p[0] - middle[0]) * towards[0] + (p[1] - middle[1]) * towards[1];
    let mut part = Vec::with_capacity(polygon.len() + 1);
    for (index, &from) in polygon.iter().enumerate() {
        let to = polygon[(index + 1) % polygon.len()];
        let (start, end) = (beyond(from), beyond(to));
        if start <= 0.0 {
            part.push(from);
        }
        if (start < 0.0 && end > 0.0) || (start > 0.0 && end < 0.0) {
            let t = start / (start - end);
            part.push([
                from[0] + t * (to[0] - from[0]),
                from[1] + t * (to[1] - from[1]),
            ]);
        }
    }
    part
}

/// The corner already known at this place, or this one: neighbours compute the same corner from
/// different bisectors and must write it alike, or the drawing has cracks.
fn one_corner(known: &mut Vec<Point>, corner: Point) -> Point {
    let near = |p: &&Point| (p[0] - corner[0]).hypot(p[1] - corner[1]) < SAME_CORNER_M;
    if let Some(&same) = known.iter().find(near) {
        return same;
    }
    known.push(corner);
    corner
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hull_km2(sites: &[(u16, Position)], margin_m: f64) -> f64 {
        let plane = LocalPlane::at(sites[0].1);
        let points: Vec<Point> = sites.iter().map(|&(_, p)| plane.metres(p)).collect();
        let hull = widened_hull(&points, margin_m);
        let doubled: f64 = (0..hull.len())
            .map(|i| (hull[i], hull[(i + 1) % hull.len()]))
            .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
            .sum();
        doubled / 2e6
    }

    #[test]
    fn every_area_of_milan_has_a_cell_with_its_centroid_inside() {
        let outlines = schematic_outlines(Facts::milan());
        assert_eq!(outlines.areas().len(), 88);
        for facts in Facts::milan().areas() {
            let cell = outlines.area(facts.nil).expect("a cell");
            assert!(cell.contains(facts.centroid), "{}", facts.nil);
        }
    }

    #[test]
    fn the_drawn_city_is_not_a_huge_box() {
        let outlines = schematic_outlines(Facts::milan());
        let drawn: f64 = outlines.areas().iter().map(Outline::area_km2).sum();
        let real: f64 = Facts::milan().areas().iter().map(|a| a.area_km2).sum();
        // The real city is not convex, so its rounded hull is larger.
        assert!(drawn > real && drawn < 1.5 * real, "{drawn} {real}");
        assert!(outlines.areas().iter().all(|cell| cell.area_km2() < 15.0));
    }

    #[test]
    fn regular_sites_with_four_cells_at_a_corner_make_a_regular_map() {
        let site = |i: u16| {
            let (column, row) = (f64::from(i % 3), f64::from(i / 3));
            (
                i,
                Position::try_new(9.0 + column * 0.01, 45.0 + row * 0.01).expect("in range"),
            )
        };
        let sites: Vec<_> = (0..9).map(site).collect();
        let outlines = voronoi(&sites, 500.0).expect("a map");
        let middle = outlines.area(4).expect("the middle");
        assert_eq!(middle.polygons()[0].rings()[0].positions().len(), 5);
        assert!(middle.centroid().distance_m(sites[4].1) < 1.0);
    }

    #[test]
    fn sites_at_one_place_make_no_map() {
        let here = Position::try_new(9.0, 45.0).expect("in range");
        assert!(voronoi(&[], 500.0).is_none());
        assert!(voronoi(&[(1, here), (2, here)], 500.0).is_none());
        assert!(voronoi(&[(1, here), (1, here)], 500.0).is_none());
        assert!(voronoi(&[(1, here)], 500.0).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Cells hold their sites and fill the city exactly: no gap, no overlap.
        #[test]
        fn cells_partition_the_drawn_city(
            places in prop::collection::btree_set((0u32..400, 0u32..400), 2..40)
        ) {
            let sites: Vec<(u16, Position)> = places
                .iter()
                .zip(1u16..)
                .map(|(&(x, y), nil)| {
                    let (lon, lat) = (9.0 + f64::from(x) * 5e-4, 45.3 + f64::from(y) * 5e-4);
                    (nil, Position::try_new(lon, lat).expect("in range"))
                })
                .collect();
            let outlines = voronoi(&sites, 700.0).expect("distinct sites");
            for &(nil, site) in &sites {
                let cell = outlines.area(nil).expect("a cell");
                prop_assert!(cell.contains(site));
                // A place in a cell is nowhere nearer than to the cell's own site.
                let inside = cell.centroid();
                let own = inside.distance_m(site);
                for &(_, other) in &sites {
                    prop_assert!(own <= inside.distance_m(other) * 1.001 + 0.5);
                }
            }
            let total: f64 = outlines.areas().iter().map(Outline::area_km2).sum();
            let hull = hull_km2(&sites, 700.0);
            // Area scale differs by latitude between the two measures, under 1 % over 20 km.
            prop_assert!((total / hull - 1.0).abs() < 0.01, "{total} {hull}");
        }
    }
}
