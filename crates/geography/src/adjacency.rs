//! Which areas are neighbours, from the borders their outlines share, and how long those borders are.
//! Areas that touch at a point only are not neighbours; nothing is guessed from distances.

use crate::error::GeographyError;
use crate::outline::{LocalPlane, Outlines, Position};
use crate::topology::{GridPoint, Topology, UNITS_PER_DEGREE};
use serde::Serialize;
use std::collections::BTreeMap;

/// A neighbour of an area.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Neighbour {
    /// Id of the neighbour.
    pub nil: u16,
    /// Length of the common border, metres.
    pub border_m: f64,
}

/// The neighbours of every area. Symmetric, without loops, independent of the order in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Adjacency {
    neighbours: BTreeMap<u16, Vec<Neighbour>>,
}

impl Adjacency {
    /// Neighbours by shared border, corners compared on the grid of five decimals (about one metre).
    ///
    /// # Errors
    /// [`GeographyError::TooSmall`] where an area vanishes on that grid.
    pub fn of(outlines: &Outlines) -> Result<Adjacency, GeographyError> {
        let topology = Topology::of(outlines)?;
        let mut borders: BTreeMap<(u16, u16), f64> = BTreeMap::new();
        for (arc, areas) in topology.arcs.iter().zip(topology.areas_of_arcs()) {
            let areas: Vec<u16> = areas.into_iter().collect();
            // Overlapping outlines put more than two areas on a border: each pair shares it.
            for (index, &one) in areas.iter().enumerate() {
                for &other in &areas[index + 1..] {
                    *borders.entry((one, other)).or_default() += length_m(arc);
                }
            }
        }
        let ids = outlines.areas().iter().map(|outline| outline.nil());
        let mut neighbours: BTreeMap<u16, Vec<Neighbour>> = ids.map(|nil| (nil, vec![])).collect();
        for ((one, other), border_m) in borders {
            for (nil, of) in [(one, other), (other, one)] {
                neighbours
                    .entry(of)
                    .or_default()
                    .push(Neighbour { nil, border_m });
            }
        }
        for list in neighbours.values_mut() {
            list.sort_by_key(|neighbour| neighbour.nil);
        }
        Ok(Adjacency { neighbours })
    }

    /// Neighbours of an area, ascending by id; empty for an unknown id.
    pub fn neighbours(&self, nil: u16) -> &[Neighbour] {
        self.neighbours
            .get(&nil)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// All areas with their neighbours, ascending by id.
    pub fn areas(&self) -> impl Iterator<Item = (u16, &[Neighbour])> {
        self.neighbours.iter().map(|(&nil, list)| (nil, &list[..]))
    }

    /// Number of pairs of neighbours.
    pub fn pairs(&self) -> usize {
        self.neighbours.values().map(Vec::len).sum::<usize>() / 2
    }
}

fn length_m(arc: &[GridPoint]) -> f64 {
    let degrees = |units: i32| f64::from(units) / f64::from(UNITS_PER_DEGREE);
    let position = |point: &GridPoint| Position::try_new(degrees(point.lon), degrees(point.lat));
    let Some(plane) = arc.first().and_then(position).map(LocalPlane::at) else {
        return 0.0;
    };
    let metres: Vec<[f64; 2]> = arc
        .iter()
        .filter_map(|point| position(point).map(|position| plane.metres(position)))
        .collect();
    metres
        .windows(2)
        .map(|pair| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::outline::{Outline, Polygon, Ring};
    use crate::schematic::schematic_outlines;

    fn square(nil: u16, column: f64, row: f64) -> Outline {
        let at = |x: f64, y: f64| {
            Position::try_new(9.0 + (column + x) / 100.0, 45.0 + (row + y) / 100.0)
        };
        let corners = [at(0., 0.), at(1., 0.), at(1., 1.), at(0., 1.), at(0., 0.)];
        let positions = corners.map(|corner| corner.expect("in range")).to_vec();
        let ring = Ring::try_new(positions).expect("a ring");
        Outline::try_new(nil, vec![Polygon::new(ring, vec![])]).expect("a polygon")
    }

    #[test]
    fn squares_are_neighbours_across_edges_and_not_across_corners() {
        let squares = vec![
            square(1, 0., 0.),
            square(2, 1., 0.),
            square(3, 0., 1.),
            square(4, 1., 1.),
            square(5, 5., 5.),
        ];
        let outlines = Outlines::try_new(squares).expect("distinct");
        let adjacency = Adjacency::of(&outlines).expect("areas");
        let ids = |nil| -> Vec<u16> {
            let neighbours = adjacency.neighbours(nil).iter();
            neighbours.map(|neighbour| neighbour.nil).collect()
        };
        assert_eq!(ids(1), [2, 3]);
        assert_eq!(ids(4), [2, 3]);
        assert!(ids(5).is_empty() && ids(6).is_empty());
        assert_eq!(adjacency.pairs(), 4);
        assert_eq!(adjacency.areas().count(), 5);
        // A hundredth of a degree of latitude is 1,111 m, of longitude at 45 degrees 788 m.
        let [east, north] = adjacency.neighbours(1) else {
            panic!("two neighbours");
        };
        assert!((east.border_m - 1111.3).abs() < 1.0, "{}", east.border_m);
        assert!((north.border_m - 788.4).abs() < 1.0, "{}", north.border_m);
    }

    #[test]
    fn the_schematic_map_is_connected_and_its_borders_symmetric() {
        let adjacency = Adjacency::of(&schematic_outlines(Facts::milan())).expect("areas");
        for (nil, neighbours) in adjacency.areas() {
            assert!(!neighbours.is_empty(), "{nil}");
            for neighbour in neighbours {
                assert_ne!(neighbour.nil, nil);
                let back = adjacency.neighbours(neighbour.nil).iter();
                let back = back.filter(|other| other.nil == nil).collect::<Vec<_>>();
                assert_eq!(back.len(), 1);
                assert_eq!(back[0].border_m, neighbour.border_m);
            }
        }
        let mut reached = std::collections::BTreeSet::from([1]);
        let mut ahead = vec![1];
        while let Some(nil) = ahead.pop() {
            for neighbour in adjacency.neighbours(nil) {
                if reached.insert(neighbour.nil) {
                    ahead.push(neighbour.nil);
                }
            }
        }
        assert_eq!(reached.len(), 88);
        // A planar map of n areas has at most 3 n - 6 borders (Euler).
        assert!((150..=3 * 88 - 6).contains(&adjacency.pairs()));
    }
}
