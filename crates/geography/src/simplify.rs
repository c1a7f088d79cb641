//! Outlines light enough for a web page: shared borders simplified once, so no cracks open between neighbours.
//! For drawing only: areas, centroids and neighbours are taken from the full outlines, never from these.

use crate::error::GeographyError;
use crate::outline::{LocalPlane, Outlines};
use crate::topology::{GridPoint, Topology, UNITS_PER_DEGREE};
use ring::digest;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fmt::Write;

/// Detail left out of the outlines of the website: corners that span less than this, square metres.
/// A corner of 20 m by 20 m over a whole city is less than half a pixel.
pub const WEB_DETAIL_M2: f64 = 200.0;

/// Outlines as the website draws them: GeoJSON, and the hash that names this exact text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOutlines {
    geojson: String,
    sha256: String,
}

impl WebOutlines {
    /// Simplifies by the Visvalingam-Whyatt rule: the corner spanning the smallest triangle goes
    /// first, until none spans less than `detail_m2` square metres.
    ///
    /// Promises: one text for the same areas, whatever the order of features and rings in their
    /// file; neighbours keep their common border to the last digit; borders that did not cross
    /// before do not cross after, since a corner stays if another point is in its triangle; every
    /// ring keeps at least four positions and an area; coordinates have five decimals.
    ///
    /// # Errors
    /// [`GeographyError::TooSmall`] where an area vanishes on the grid of five decimals.
    pub fn simplified(outlines: &Outlines, detail_m2: f64) -> Result<WebOutlines, GeographyError> {
        let topology = Topology::of(outlines)?;
        Ok(WebOutlines::of(&simplified(
            topology,
            threshold(outlines, detail_m2),
        )))
    }

    fn of(topology: &Topology) -> WebOutlines {
        let geojson = geojson(topology);
        let digest = digest::digest(&digest::SHA256, geojson.as_bytes());
        let sha256 = digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        WebOutlines { geojson, sha256 }
    }

    /// A GeoJSON FeatureCollection (RFC 7946), features ascending by id, each with the one property
    /// `nil`, the id as text.
    pub fn geojson(&self) -> &str {
        &self.geojson
    }

    /// SHA-256 of the text, lower-case hex: a cache may keep a text under this name for ever.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// `detail_m2` as twice an area in square grid units, as [`GridPoint::cross`] measures.
fn threshold(outlines: &Outlines, detail_m2: f64) -> i64 {
    let Some(first) = outlines.areas().first() else {
        return 0;
    };
    let unit = f64::from(UNITS_PER_DEGREE);
    let unit_m2 = LocalPlane::at(first.centroid()).square_degree_m2() / (unit * unit);
    // Saturates; a NaN becomes 0 and simplifies nothing.
    (2.0 * detail_m2 / unit_m2) as i64
}

/// A corner as it stood when its triangle was measured. Ordered by triangle, then by place, so
/// that the order of removal is one order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Corner {
    doubled_area: i64,
    arc: usize,
    at: usize,
    before: usize,
    after: usize,
}

/// An arc while corners are taken out of it: which remain, as a doubly linked list.
struct Remaining {
    before: Vec<usize>,
    after: Vec<usize>,
    count: usize,
    least: usize,
}

fn simplified(mut topology: Topology, threshold: i64) -> Topology {
    let arcs = &topology.arcs;
    let mut points: BTreeSet<GridPoint> = arcs.iter().flatten().copied().collect();
    let mut remaining = remaining(arcs);
    let mut corners: BinaryHeap<Reverse<Corner>> = BinaryHeap::new();
    let corner = |arc: usize, before: usize, at: usize, after: usize| {
        let points = &arcs[arc];
        let doubled_area = points[before].cross(points[at], points[after]).abs();
        let corner = Corner {
            doubled_area,
            arc,
            at,
            before,
            after,
        };
        (doubled_area < threshold).then_some(Reverse(corner))
    };
    for (arc, points) in arcs.iter().enumerate() {
        let inner = 1..points.len() - 1;
        corners.extend(inner.filter_map(|at| corner(arc, at - 1, at, at + 1)));
    }

    while let Some(Reverse(next)) = corners.pop() {
        let links = &mut remaining[next.arc];
        let unchanged = links.before[next.at] == next.before && links.after[next.at] == next.after;
        if !unchanged || links.count <= links.least {
            continue;
        }
        let arc = &arcs[next.arc];
        let triangle = [arc[next.before], arc[next.at], arc[next.after]];
        if holds_another(&points, triangle) {
            continue;
        }
        points.remove(&arc[next.at]);
        links.after[next.before] = next.after;
        links.before[next.after] = next.before;
        // A removed corner matches no later measure of itself.
        (links.before[next.at], links.after[next.at]) = (usize::MAX, usize::MAX);
        links.count -= 1;
        let (last, before, after) = (arc.len() - 1, next.before, next.after);
        if before > 0 {
            corners.extend(corner(next.arc, links.before[before], before, after));
        }
        if after < last {
            corners.extend(corner(next.arc, before, after, links.after[after]));
        }
    }

    for (arc, links) in topology.arcs.iter_mut().zip(&remaining) {
        let mut at = 0;
        let mut kept = vec![arc[0]];
        while at + 1 < arc.len() {
            at = links.after[at];
            kept.push(arc[at]);
        }
        *arc = kept;
    }
    topology
}

fn remaining(arcs: &[Vec<GridPoint>]) -> Vec<Remaining> {
    let ends = |arc: &Vec<GridPoint>| {
        let (first, last) = (arc[0], arc[arc.len() - 1]);
        (first.min(last), first.max(last))
    };
    let mut between: BTreeMap<(GridPoint, GridPoint), usize> = BTreeMap::new();
    for arc in arcs {
        *between.entry(ends(arc)).or_default() += 1;
    }
    let remaining = |arc: &Vec<GridPoint>| Remaining {
        before: (0..arc.len()).map(|at| at.wrapping_sub(1)).collect(),
        after: (1..=arc.len()).collect(),
        count: arc.len(),
        least: match arc[0] == arc[arc.len() - 1] {
            // A ring of its own stays a ring.
            true => 4,
            // Two arcs with the same ends may make a ring: both must not become the same line.
            false if between[&ends(arc)] > 1 => 3,
            false => 2,
        },
    };
    arcs.iter().map(remaining).collect()
}

/// Whether a point other than its corners is in the triangle or on its edge.
fn holds_another(points: &BTreeSet<GridPoint>, [a, b, c]: [GridPoint; 3]) -> bool {
    let west = GridPoint {
        lon: a.lon.min(b.lon).min(c.lon),
        lat: i32::MIN,
    };
    let east = GridPoint {
        lon: a.lon.max(b.lon).max(c.lon),
        lat: i32::MAX,
    };
    let lats = a.lat.min(b.lat).min(c.lat)..=a.lat.max(b.lat).max(c.lat);
    let mut candidates = points.range(west..=east).filter(|p| lats.contains(&p.lat));
    candidates.any(|&point| {
        let sides = [
            a.cross(b, point).signum(),
            b.cross(c, point).signum(),
            c.cross(a, point).signum(),
        ];
        let inside = !(sides.contains(&1) && sides.contains(&-1));
        inside && point != a && point != b && point != c
    })
}

fn geojson(topology: &Topology) -> String {
    let features = topology.areas.iter().map(|area| {
        let polygons =
            area.polygons.iter().map(|rings| {
                let rings =
                    rings.iter().map(|uses| {
                        list(topology.ring(uses).into_iter().map(|point| {
                            format!("[{},{}]", Degrees(point.lon), Degrees(point.lat))
                        }))
                    });
                list(rings)
            });
        let geometry = match area.polygons.len() {
            1 => format!(
                r#"{{"type":"Polygon","coordinates":{}}}"#,
                polygons.collect::<String>()
            ),
            _ => format!(
                r#"{{"type":"MultiPolygon","coordinates":{}}}"#,
                list(polygons)
            ),
        };
        format!(
            r#"{{"type":"Feature","properties":{{"nil":"{}"}},"geometry":{geometry}}}"#,
            area.nil
        )
    });
    format!(
        r#"{{"type":"FeatureCollection","features":{}}}"#,
        list(features)
    )
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// Grid units written as degrees, from integers: no float decides a digit of the text.
struct Degrees(i32);

impl std::fmt::Display for Degrees {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        let per_degree = UNITS_PER_DEGREE.unsigned_abs();
        let decimals = format!("{:05}", units % per_degree);
        let decimals = decimals.trim_end_matches('0');
        let point = if decimals.is_empty() { "" } else { "." };
        write!(f, "{sign}{}{point}{decimals}", units / per_degree)
    }
}

#[cfg(test)]
mod tests;
