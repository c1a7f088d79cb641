//! Outlines of areas: positions, closed rings, polygons with holes, their size and centroid.
//! A value of these types is valid by construction; nothing here reads files or simplifies.

use crate::error::RingProblem;
use serde::Serialize;

/// A point on earth: degrees of longitude and latitude, WGS84 (CRS84). Finite and in range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
pub struct Position {
    lon: f64,
    lat: f64,
}

impl From<Position> for [f64; 2] {
    fn from(position: Position) -> [f64; 2] {
        [position.lon, position.lat]
    }
}

impl Position {
    /// A position; none if a coordinate is not finite or out of range.
    pub fn try_new(lon: f64, lat: f64) -> Option<Position> {
        let valid = (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
        valid.then_some(Position { lon, lat })
    }

    /// Degrees east.
    pub fn lon(self) -> f64 {
        self.lon
    }

    /// Degrees north.
    pub fn lat(self) -> f64 {
        self.lat
    }

    /// Distance in metres, in the plane tangent halfway; exact to 1 in 1,000 over a city.
    pub fn distance_m(self, other: Position) -> f64 {
        let plane = LocalPlane::at(Position {
            lon: self.lon,
            lat: (self.lat + other.lat) / 2.0,
        });
        let [ax, ay] = plane.metres(self);
        let [bx, by] = plane.metres(other);
        (ax - bx).hypot(ay - by)
    }
}

/// A plane in metres around an origin: degrees scaled by the WGS84 radii of curvature there.
/// Good for a city (relative error of areas below 1 in 1,000), not for a country.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalPlane {
    origin: Position,
    lon_m: f64,
    lat_m: f64,
}

impl LocalPlane {
    /// The plane around a position.
    pub(crate) fn at(origin: Position) -> LocalPlane {
        // Series for the length of a degree on the WGS84 ellipsoid (NGA.STND.0036, truncated).
        let phi = origin.lat.to_radians();
        LocalPlane {
            origin,
            lon_m: 111_412.84 * phi.cos() - 93.5 * (3.0 * phi).cos() + 0.118 * (5.0 * phi).cos(),
            lat_m: 111_132.92 - 559.82 * (2.0 * phi).cos() + 1.175 * (4.0 * phi).cos(),
        }
    }

    /// Metres east and north of the origin.
    pub(crate) fn metres(self, position: Position) -> [f64; 2] {
        [
            (position.lon - self.origin.lon) * self.lon_m,
            (position.lat - self.origin.lat) * self.lat_m,
        ]
    }

    /// The position so many metres east and north of the origin; none beyond the range of degrees.
    pub(crate) fn position(self, [east, north]: [f64; 2]) -> Option<Position> {
        Position::try_new(
            self.origin.lon + east / self.lon_m,
            self.origin.lat + north / self.lat_m,
        )
    }

    /// Square metres of one square degree here.
    pub(crate) fn square_degree_m2(self) -> f64 {
        self.lon_m * self.lat_m
    }
}

/// A closed ring: first position = last, no position repeated at once, at least four, area not zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring(Vec<Position>);

impl Ring {
    /// A ring of these positions, closed; positions repeated at once are dropped, as they carry nothing.
    ///
    /// # Errors
    /// Not closed, fewer than four positions, or all on one line.
    pub fn try_new(mut positions: Vec<Position>) -> Result<Ring, RingProblem> {
        if positions.len() > 1 && positions.first() != positions.last() {
            return Err(RingProblem::Unclosed);
        }
        positions.dedup();
        if positions.len() < 4 {
            return Err(RingProblem::TooShort {
                positions: positions.len(),
            });
        }
        let ring = Ring(positions);
        if ring.moments().area == 0.0 {
            return Err(RingProblem::Flat);
        }
        Ok(ring)
    }

    /// The positions; the last repeats the first.
    pub fn positions(&self) -> &[Position] {
        &self.0
    }

    /// Whether it runs counterclockwise, as exteriors do (RFC 7946, section 3.1.6).
    pub fn is_counterclockwise(&self) -> bool {
        self.moments().area > 0.0
    }

    fn oriented(mut self, counterclockwise: bool) -> Ring {
        if self.is_counterclockwise() != counterclockwise {
            self.0.reverse();
        }
        self
    }

    /// Signed area in square degrees and its moments, relative to the first position so that
    /// differences of large numbers do not lose digits.
    fn moments(&self) -> Moments {
        let origin = self.0[0];
        let mut moments = Moments::default();
        for pair in self.0.windows(2) {
            let [ax, ay] = [pair[0].lon - origin.lon, pair[0].lat - origin.lat];
            let [bx, by] = [pair[1].lon - origin.lon, pair[1].lat - origin.lat];
            let cross = (ax * by - bx * ay) / 2.0;
            moments.area += cross;
            moments.lon += cross * (ax + bx) / 3.0;
            moments.lat += cross * (ay + by) / 3.0;
        }
        moments.lon += origin.lon * moments.area;
        moments.lat += origin.lat * moments.area;
        moments
    }
}

#[derive(Clone, Copy, Default)]
struct Moments {
    area: f64,
    lon: f64,
    lat: f64,
}

/// A polygon: an exterior, counterclockwise, and holes, clockwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    rings: Vec<Ring>,
}

impl Polygon {
    /// A polygon with this exterior and holes; rings are turned as RFC 7946 wants them.
    pub fn new(exterior: Ring, holes: Vec<Ring>) -> Polygon {
        let mut rings = vec![exterior.oriented(true)];
        rings.extend(holes.into_iter().map(|hole| hole.oriented(false)));
        Polygon { rings }
    }

    /// Exterior first, then holes.
    pub fn rings(&self) -> &[Ring] {
        &self.rings
    }
}

/// The outline of one area: one polygon or several.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    nil: u16,
    polygons: Vec<Polygon>,
}

impl Outline {
    /// An outline; none without a polygon.
    pub fn try_new(nil: u16, polygons: Vec<Polygon>) -> Option<Outline> {
        (!polygons.is_empty()).then_some(Outline { nil, polygons })
    }

    /// Id of the area.
    pub fn nil(&self) -> u16 {
        self.nil
    }

    /// Its polygons, at least one.
    pub fn polygons(&self) -> &[Polygon] {
        &self.polygons
    }

    fn moments(&self) -> Moments {
        let rings = self.polygons.iter().flat_map(|polygon| &polygon.rings);
        rings
            .map(Ring::moments)
            .fold(Moments::default(), |sum, ring| Moments {
                area: sum.area + ring.area,
                lon: sum.lon + ring.lon,
                lat: sum.lat + ring.lat,
            })
    }

    /// Surface without holes, square kilometres.
    pub fn area_km2(&self) -> f64 {
        let plane = LocalPlane::at(self.polygons[0].rings[0].0[0]);
        self.moments().area * plane.square_degree_m2() / 1e6
    }

    /// Centre of mass of the surface (area-weighted over polygons and holes). It may lie outside a bent area.
    pub fn centroid(&self) -> Position {
        let moments = self.moments();
        let centre = Position::try_new(moments.lon / moments.area, moments.lat / moments.area);
        // Holes as large as their exterior leave no surface to have a centre: any point of it will do.
        centre.unwrap_or(self.polygons[0].rings[0].0[0])
    }

    /// Whether the position is inside (even-odd rule over all rings).
    pub fn contains(&self, position: Position) -> bool {
        let mut inside = false;
        for ring in self.polygons.iter().flat_map(|polygon| &polygon.rings) {
            for pair in ring.0.windows(2) {
                let (a, b) = (pair[0], pair[1]);
                if (a.lat > position.lat) != (b.lat > position.lat) {
                    let t = (position.lat - a.lat) / (b.lat - a.lat);
                    inside ^= position.lon < a.lon + t * (b.lon - a.lon);
                }
            }
        }
        inside
    }
}

/// Outlines of all areas, ascending by id, each id once.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlines(Vec<Outline>);

impl Outlines {
    /// Outlines in order of their ids; none if an id comes twice.
    pub fn try_new(mut outlines: Vec<Outline>) -> Option<Outlines> {
        outlines.sort_by_key(|outline| outline.nil);
        let distinct = outlines.windows(2).all(|pair| pair[0].nil != pair[1].nil);
        distinct.then_some(Outlines(outlines))
    }

    /// All of them, ascending by id.
    pub fn areas(&self) -> &[Outline] {
        &self.0
    }

    /// The outline of one area; none for an unknown id.
    pub fn area(&self, nil: u16) -> Option<&Outline> {
        let index = self.0.binary_search_by_key(&nil, |outline| outline.nil);
        index.ok().map(|index| &self.0[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(points: &[(f64, f64)]) -> Result<Ring, RingProblem> {
        let position = |&(lon, lat): &(f64, f64)| Position::try_new(lon, lat).expect("in range");
        Ring::try_new(points.iter().map(position).collect())
    }

    fn square(lon: f64, lat: f64, side: f64) -> Ring {
        let (e, n) = (lon + side, lat + side);
        ring(&[(lon, lat), (lon, n), (e, n), (e, lat), (lon, lat)]).expect("a square")
    }

    #[test]
    fn positions_out_of_range_or_not_finite_are_refused() {
        for (lon, lat) in [
            (180.1, 0.0),
            (0.0, -90.1),
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
        ] {
            assert!(Position::try_new(lon, lat).is_none());
        }
    }

    #[test]
    fn rings_are_closed_long_enough_and_enclose_something() {
        let open = ring(&[(9.0, 45.0), (9.1, 45.0), (9.1, 45.1), (9.0, 45.1)]);
        assert_eq!(open, Err(RingProblem::Unclosed));
        let repeated = ring(&[(9.0, 45.0), (9.1, 45.0), (9.1, 45.0), (9.0, 45.0)]);
        assert_eq!(repeated, Err(RingProblem::TooShort { positions: 3 }));
        assert_eq!(ring(&[]), Err(RingProblem::TooShort { positions: 0 }));
        let flat = ring(&[(9.0, 45.0), (9.5, 45.0), (10.0, 45.0), (9.0, 45.0)]);
        assert_eq!(flat, Err(RingProblem::Flat));
    }

    #[test]
    fn polygons_turn_their_rings_as_the_format_wants() {
        let polygon = Polygon::new(square(9.0, 45.0, 0.3), vec![square(9.1, 45.1, 0.1)]);
        assert!(polygon.rings()[0].is_counterclockwise());
        assert!(!polygon.rings()[1].is_counterclockwise());
    }

    #[test]
    fn holes_count_against_area_and_centroid() {
        let whole = Outline::try_new(1, vec![Polygon::new(square(9.0, 45.0, 0.3), vec![])]);
        let holed = Polygon::new(square(9.0, 45.0, 0.3), vec![square(9.2, 45.1, 0.1)]);
        let holed = Outline::try_new(1, vec![holed]).expect("a polygon");
        let whole = whole.expect("a polygon");
        assert!((holed.area_km2() / whole.area_km2() - 8.0 / 9.0).abs() < 1e-9);
        // Moments: (0.09 * 0.15 - 0.01 * 0.25) / 0.08 east of 9.0.
        assert!((holed.centroid().lon() - 9.1375).abs() < 1e-9);
        assert!((holed.centroid().lat() - 45.15).abs() < 1e-9);
        let in_hole = Position::try_new(9.25, 45.15).expect("in range");
        assert!(whole.contains(in_hole) && !holed.contains(in_hole));
    }

    #[test]
    fn lengths_agree_with_the_ellipsoid() {
        // One degree of latitude around 45 degrees is 111.13 km, one of longitude 78.85 km.
        let at = |lon, lat| Position::try_new(lon, lat).expect("in range");
        assert!((at(9.0, 44.5).distance_m(at(9.0, 45.5)) - 111_133.0).abs() < 10.0);
        assert!((at(9.0, 45.0).distance_m(at(10.0, 45.0)) - 78_847.0).abs() < 10.0);
    }
}
