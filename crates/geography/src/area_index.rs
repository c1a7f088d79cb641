//! Which area a position lies in, fast enough to ask for every row of a register.
//! A grid over the city keeps, for each of its cells, the few areas whose surroundings touch it.

use crate::outline::{Outline, Outlines, Position};

/// Cells in each direction: about 300 m each in a city like Milan.
const CELLS: usize = 64;

/// A spatial index over outlines.
pub struct AreaIndex {
    outlines: Outlines,
    west: f64,
    south: f64,
    /// Degrees per cell.
    width: f64,
    height: f64,
    /// For each cell, row by row, places of outlines that may hold a position in it.
    candidates: Vec<Vec<u16>>,
}

impl AreaIndex {
    /// An index over these outlines.
    pub fn new(outlines: Outlines) -> AreaIndex {
        let boxes: Vec<[f64; 4]> = outlines.areas().iter().map(surroundings).collect();
        let all = boxes.iter().fold(EMPTY, |all, one| joined(all, *one));
        let [west, south, east, north] = all;
        // Cells of no size would divide by zero; positions on the outer edge belong to the last cell.
        let cell = |from: f64, to: f64| ((to - from) / CELLS as f64).max(1e-9);
        let (width, height) = (cell(west, east), cell(south, north));
        let mut candidates = vec![Vec::new(); CELLS * CELLS];
        for (place, one) in (0u16..).zip(&boxes) {
            let columns = step(one[0] - west, width)..=step(one[2] - west, width);
            for row in step(one[1] - south, height)..=step(one[3] - south, height) {
                for column in columns.clone() {
                    candidates[row * CELLS + column].push(place);
                }
            }
        }
        AreaIndex {
            outlines,
            west,
            south,
            width,
            height,
            candidates,
        }
    }

    /// The id of the area that holds a position, the lowest where several do.
    pub fn find(&self, position: Position) -> Option<u16> {
        let (east, north) = (position.lon() - self.west, position.lat() - self.south);
        let most = CELLS as f64 + 1.0;
        if !(0.0..=self.width * most).contains(&east)
            || !(0.0..=self.height * most).contains(&north)
        {
            return None;
        }
        let cell = step(north, self.height) * CELLS + step(east, self.width);
        let mut areas = self.candidates[cell]
            .iter()
            .map(|place| &self.outlines.areas()[usize::from(*place)]);
        areas.find(|area| area.contains(position)).map(Outline::nil)
    }
}

/// The cell in which a distance from the edge ends.
fn step(distance: f64, size: f64) -> usize {
    ((distance / size) as usize).min(CELLS - 1)
}

/// West, south, east, north of nothing.
const EMPTY: [f64; 4] = [
    f64::INFINITY,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NEG_INFINITY,
];

fn joined(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [
        a[0].min(b[0]),
        a[1].min(b[1]),
        a[2].max(b[2]),
        a[3].max(b[3]),
    ]
}

fn surroundings(outline: &Outline) -> [f64; 4] {
    let rings = outline
        .polygons()
        .iter()
        .flat_map(|polygon| polygon.rings());
    let positions = rings.flat_map(|ring| ring.positions());
    positions.fold(EMPTY, |all, position| {
        let (lon, lat) = (position.lon(), position.lat());
        joined(all, [lon, lat, lon, lat])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Facts, schematic_outlines};

    #[test]
    fn the_index_finds_what_looking_at_every_area_finds() {
        let outlines = schematic_outlines(Facts::milan());
        let index = AreaIndex::new(outlines.clone());
        let [west, south, east, north] =
            (outlines.areas().iter().map(surroundings)).fold(EMPTY, joined);
        let mut found = 0;
        // Beyond the edges, too.
        for row in -5..=205 {
            for column in -5..=205 {
                let at =
                    |from: f64, to: f64, share: i32| from + (to - from) * f64::from(share) / 200.0;
                let position = Position::try_new(at(west, east, column), at(south, north, row));
                let position = position.expect("on earth");
                let slow = outlines.areas().iter().find(|area| area.contains(position));
                assert_eq!(index.find(position), slow.map(Outline::nil), "{position:?}");
                found += usize::from(slow.is_some());
            }
        }
        assert!(found > 10_000, "{found}");
    }
}
