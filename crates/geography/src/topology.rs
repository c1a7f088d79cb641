//! Outlines as arcs: borders cut where three areas, or two areas and the outside, meet, each stored once.
//! On the published grid, so what two areas share is equal to the last digit; it never moves a border by itself.

use crate::error::GeographyError;
use crate::outline::{Outlines, Position};
use std::collections::{BTreeMap, BTreeSet};

/// Grid units per degree: five decimals, about 0.8 m by 1.1 m in Milan.
pub(crate) const UNITS_PER_DEGREE: i32 = 100_000;
/// A corner of one area this near to a border of another, in grid units, lies on that border.
const ON_BORDER: f64 = 0.75;

/// A point of the grid; ordered west to east, then south to north.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GridPoint {
    pub(crate) lon: i32,
    pub(crate) lat: i32,
}

impl GridPoint {
    fn nearest(position: Position) -> GridPoint {
        // In range: at most 180 degrees times the units.
        let units = |degrees: f64| (degrees * f64::from(UNITS_PER_DEGREE)).round() as i32;
        GridPoint {
            lon: units(position.lon()),
            lat: units(position.lat()),
        }
    }

    /// Twice the signed area of the triangle with `b` and `c`, in square grid units; positive counterclockwise.
    pub(crate) fn cross(self, b: GridPoint, c: GridPoint) -> i64 {
        let d = |to: i32, from: i32| i64::from(to) - i64::from(from);
        d(b.lon, self.lon) * d(c.lat, self.lat) - d(b.lat, self.lat) * d(c.lon, self.lon)
    }
}

/// One use of an arc in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArcUse {
    pub(crate) arc: usize,
    pub(crate) reversed: bool,
}

/// An area as polygons of rings of arcs; exterior first, turned as in the outlines.
#[derive(Clone, Debug)]
pub(crate) struct AreaArcs {
    pub(crate) nil: u16,
    pub(crate) polygons: Vec<Vec<Vec<ArcUse>>>,
}

/// All borders of a set of areas. It does not depend on where a ring started in the file, nor on
/// the order of features or polygons there.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    /// Points from junction to junction, or around (first = last) where there is no junction.
    pub(crate) arcs: Vec<Vec<GridPoint>>,
    /// Ascending by id.
    pub(crate) areas: Vec<AreaArcs>,
}

/// A ring on the grid, without the closing repetition.
type GridRing = Vec<GridPoint>;

struct GridArea {
    nil: u16,
    polygons: Vec<Vec<GridRing>>,
}

impl Topology {
    /// The borders of these outlines, on the grid.
    ///
    /// Rings that vanish on the grid are dropped (holes and islands below a metre).
    ///
    /// # Errors
    /// [`GeographyError::TooSmall`] where nothing is left of an area.
    pub(crate) fn of(outlines: &Outlines) -> Result<Topology, GeographyError> {
        let mut areas: Vec<GridArea> = Vec::new();
        for outline in outlines.areas() {
            let mut polygons = Vec::new();
            for polygon in outline.polygons() {
                let on_grid = polygon.rings().iter().map(|ring| {
                    let positions = ring.positions();
                    let open = &positions[..positions.len() - 1];
                    open.iter().map(|&p| GridPoint::nearest(p)).collect()
                });
                polygons.push(on_grid.collect::<Vec<GridRing>>());
            }
            areas.push(GridArea {
                nil: outline.nil(),
                polygons,
            });
        }
        meet_at_corners(&mut areas);
        for GridArea { nil, polygons } in &mut areas {
            for polygon in polygons.iter_mut() {
                let mut rings = std::mem::take(polygon).into_iter().map(cleaned);
                // Without its exterior, a polygon has no holes either.
                if let Some(Some(exterior)) = rings.next() {
                    polygon.push(exterior);
                    polygon.extend(rings.flatten());
                    polygon[1..].sort();
                }
            }
            polygons.retain(|polygon| !polygon.is_empty());
            polygons.sort();
            if polygons.is_empty() {
                return Err(GeographyError::TooSmall { nil: *nil });
            }
        }
        Ok(cut(&areas))
    }

    /// The closed ring these arcs make; the last point repeats the first.
    pub(crate) fn ring(&self, uses: &[ArcUse]) -> Vec<GridPoint> {
        let mut ring: Vec<GridPoint> = Vec::new();
        for used in uses {
            // The end of one arc is the start of the next.
            ring.pop();
            let points = &self.arcs[used.arc];
            match used.reversed {
                false => ring.extend(points),
                true => ring.extend(points.iter().rev()),
            }
        }
        ring
    }

    /// Ids of the areas on each arc: one at the edge of the city, two at a border between areas.
    pub(crate) fn areas_of_arcs(&self) -> Vec<BTreeSet<u16>> {
        let mut areas_of = vec![BTreeSet::new(); self.arcs.len()];
        for area in &self.areas {
            for used in area.polygons.iter().flatten().flatten() {
                areas_of[used.arc].insert(area.nil);
            }
        }
        areas_of
    }
}

/// Puts a corner of one area that lies on a straight border of another into that border too, so
/// that both have it: files drawn area by area often leave it out.
fn meet_at_corners(areas: &mut [GridArea]) {
    let mut corners: BTreeMap<GridPoint, BTreeSet<u16>> = BTreeMap::new();
    for GridArea { nil, polygons } in areas.iter() {
        for &point in polygons.iter().flatten().flatten() {
            corners.entry(point).or_default().insert(*nil);
        }
    }
    for GridArea { nil, polygons } in areas.iter_mut() {
        for ring in polygons.iter_mut().flatten() {
            let mut with_corners = Vec::with_capacity(ring.len());
            for (index, &from) in ring.iter().enumerate() {
                with_corners.push(from);
                let to = ring[(index + 1) % ring.len()];
                let mut between = corners_between(&corners, *nil, from, to);
                between.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                with_corners.extend(between.into_iter().map(|(_, corner)| corner));
            }
            *ring = with_corners;
        }
    }
}

/// Corners of other areas only that lie on the segment, with how far along it (0 to 1).
fn corners_between(
    corners: &BTreeMap<GridPoint, BTreeSet<u16>>,
    nil: u16,
    from: GridPoint,
    to: GridPoint,
) -> Vec<(f64, GridPoint)> {
    let (west, east) = (from.lon.min(to.lon) - 1, from.lon.max(to.lon) + 1);
    let (south, north) = (from.lat.min(to.lat) - 1, from.lat.max(to.lat) + 1);
    let west = GridPoint {
        lon: west,
        lat: i32::MIN,
    };
    let east = GridPoint {
        lon: east,
        lat: i32::MAX,
    };
    let along = [f64::from(to.lon - from.lon), f64::from(to.lat - from.lat)];
    let length = along[0].hypot(along[1]);
    let mut found = Vec::new();
    for (&corner, owners) in corners.range(west..=east) {
        if !(south..=north).contains(&corner.lat) || owners.contains(&nil) {
            continue;
        }
        let off = [
            f64::from(corner.lon - from.lon),
            f64::from(corner.lat - from.lat),
        ];
        let t = (off[0] * along[0] + off[1] * along[1]) / (length * length);
        let distance = (off[0] * along[1] - off[1] * along[0]).abs() / length;
        if t > 0.0 && t < 1.0 && distance <= ON_BORDER {
            found.push((t, corner));
        }
    }
    found
}

/// The ring without repeated points and without spikes (there and back again), starting at its
/// least point; none if nothing with an area is left.
fn cleaned(ring: GridRing) -> Option<GridRing> {
    let mut clean: GridRing = Vec::with_capacity(ring.len());
    for point in ring {
        if clean.last() == Some(&point) {
            continue;
        }
        if clean.len() >= 2 && clean[clean.len() - 2] == point {
            clean.pop();
            continue;
        }
        clean.push(point);
    }
    // The same at the seam.
    loop {
        let count = clean.len();
        if count >= 2 && clean[0] == clean[count - 1] {
            clean.pop();
        } else if count >= 3 && clean[1] == clean[count - 1] {
            clean.remove(0);
        } else if count >= 3 && clean[0] == clean[count - 2] {
            clean.pop();
        } else {
            break;
        }
    }
    if clean.len() < 3 || doubled_area(&clean) == 0 {
        return None;
    }
    let least = (0..clean.len()).min_by_key(|&index| clean[index])?;
    clean.rotate_left(least);
    Some(clean)
}

/// Twice the signed area of a ring given without or with its closing point, in square grid units.
pub(crate) fn doubled_area(ring: &[GridPoint]) -> i64 {
    let triangles = ring.windows(2).map(|pair| ring[0].cross(pair[0], pair[1]));
    triangles.sum()
}

fn cut(areas: &[GridArea]) -> Topology {
    let rings = || areas.iter().flat_map(|area| &area.polygons).flatten();
    let mut neighbours: BTreeMap<GridPoint, (GridPoint, GridPoint)> = BTreeMap::new();
    let mut junctions: BTreeSet<GridPoint> = BTreeSet::new();
    for ring in rings() {
        for (index, &point) in ring.iter().enumerate() {
            let before = ring[(index + ring.len() - 1) % ring.len()];
            let after = ring[(index + 1) % ring.len()];
            let pair = (before.min(after), before.max(after));
            if *neighbours.entry(point).or_insert(pair) != pair {
                junctions.insert(point);
            }
        }
    }

    let all = rings().flat_map(|ring| arcs_of(ring, &junctions));
    // Numbered in the order of their points: independent of the order in the file.
    let arcs: Vec<Vec<GridPoint>> = all
        .map(|(arc, _)| arc)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let numbers: BTreeMap<&[GridPoint], usize> = arcs.iter().map(Vec::as_slice).zip(0..).collect();
    let uses = |ring: &GridRing| -> Vec<ArcUse> {
        let used = arcs_of(ring, &junctions).into_iter();
        used.map(|(arc, reversed)| ArcUse {
            arc: numbers[arc.as_slice()],
            reversed,
        })
        .collect()
    };
    let areas = areas
        .iter()
        .map(|area| AreaArcs {
            nil: area.nil,
            polygons: area
                .polygons
                .iter()
                .map(|rings| rings.iter().map(uses).collect())
                .collect(),
        })
        .collect();
    Topology { areas, arcs }
}

/// The ring cut at junctions into arcs, each turned its one way, with whether the ring runs against it.
fn arcs_of(ring: &GridRing, junctions: &BTreeSet<GridPoint>) -> Vec<(Vec<GridPoint>, bool)> {
    let first = ring.iter().position(|point| junctions.contains(point));
    let start = first.unwrap_or(0);
    let mut arcs = Vec::new();
    let mut arc = vec![ring[start]];
    for step in 1..=ring.len() {
        let point = ring[(start + step) % ring.len()];
        arc.push(point);
        if step == ring.len() || junctions.contains(&point) {
            let mut turned = std::mem::replace(&mut arc, vec![point]);
            let reversed = turned.iter().rev().lt(turned.iter());
            if reversed {
                turned.reverse();
            }
            arcs.push((turned, reversed));
        }
    }
    arcs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::{Outline, Polygon, Ring};

    fn outlines(areas: &[(u16, &[(f64, f64)])]) -> Outlines {
        let outline = |&(nil, points): &(u16, &[(f64, f64)])| {
            let closed = points.iter().chain(&points[..1]);
            let at = |&(x, y): &(f64, f64)| Position::try_new(9.0 + x / 1e3, 45.0 + y / 1e3);
            let positions = closed.map(|p| at(p).expect("in range")).collect();
            let ring = Ring::try_new(positions).expect("a ring");
            Outline::try_new(nil, vec![Polygon::new(ring, vec![])]).expect("a polygon")
        };
        Outlines::try_new(areas.iter().map(outline).collect()).expect("distinct")
    }

    #[test]
    fn a_shared_border_is_one_arc() {
        let left: &[(f64, f64)] = &[(0.0, 0.0), (1.0, 0.0), (1.2, 0.5), (1.0, 1.0), (0.0, 1.0)];
        let right: &[(f64, f64)] = &[(1.0, 0.0), (2.0, 0.0), (2.0, 1.0), (1.0, 1.0), (1.2, 0.5)];
        let topology = Topology::of(&outlines(&[(1, left), (2, right)])).expect("areas");
        let mut users: Vec<_> = topology.areas_of_arcs();
        users.sort();
        assert_eq!(
            users,
            [
                BTreeSet::from([1]),
                BTreeSet::from([1, 2]),
                BTreeSet::from([2])
            ]
        );
        for area in &topology.areas {
            let ring = topology.ring(&area.polygons[0][0]);
            assert_eq!(ring.first(), ring.last());
            assert_eq!(ring.len(), 6);
            assert!(doubled_area(&ring) > 0);
        }
    }

    #[test]
    fn a_corner_on_a_straight_border_is_put_into_it() {
        let tall: &[(f64, f64)] = &[(0.0, 0.0), (1.0, 0.0), (1.0, 2.0), (0.0, 2.0)];
        let low: &[(f64, f64)] = &[(1.0, 0.0), (2.0, 0.0), (2.0, 1.0), (1.0, 1.0)];
        let high: &[(f64, f64)] = &[(1.0, 1.0), (2.0, 1.0), (2.0, 2.0), (1.0, 2.0)];
        let all = outlines(&[(1, tall), (2, low), (3, high)]);
        let topology = Topology::of(&all).expect("areas");
        let shared = topology.areas_of_arcs();
        for pair in [[1, 2], [1, 3], [2, 3]] {
            assert!(shared.contains(&BTreeSet::from(pair)), "{pair:?}");
        }
    }

    #[test]
    fn spikes_and_repeated_points_go_and_what_has_no_area_vanishes() {
        let p = |lon, lat| GridPoint { lon, lat };
        let spiky = vec![
            p(5, 0),
            p(9, 9),
            p(5, 0),
            p(5, 5),
            p(5, 5),
            p(0, 0),
            p(-7, 0),
            p(0, 0),
        ];
        assert_eq!(cleaned(spiky), Some(vec![p(0, 0), p(5, 0), p(5, 5)]));
        assert_eq!(cleaned(vec![p(0, 0), p(5, 0), p(9, 0)]), None);
        assert_eq!(cleaned(vec![p(0, 0), p(5, 0), p(0, 0)]), None);
        assert_eq!(cleaned(vec![]), None);
    }

    #[test]
    fn an_area_below_the_grid_is_refused() {
        let tiny: &[(f64, f64)] = &[(0.0, 0.0), (1e-3, 0.0), (1e-3, 1e-3), (0.0, 1e-3)];
        let refused = Topology::of(&outlines(&[(7, tiny)]));
        assert!(matches!(refused, Err(GeographyError::TooSmall { nil: 7 })));
    }
}
