//! Which sites each demand point can reach, nearest first. It holds distances and nothing else, so that one network
//! serves many demands.

use std::collections::HashMap;

/// Distances between demand points and sites, stored by point in ascending order and by site.
///
/// A pair that is absent is unreachable. The unit of distance is the caller's: minutes, cost, or the share of a need
/// that stays uncovered.
#[derive(Clone, Debug)]
pub struct Network {
    sites: usize,
    /// Where each point's row begins; one longer than there are points.
    start: Vec<u32>,
    site: Vec<u32>,
    distance: Vec<f64>,
    /// Where each site's column begins.
    column_start: Vec<u32>,
    /// Of each entry of a column: the point, and where in `site` it stands.
    column: Vec<(u32, u32)>,
}

impl Network {
    /// A network of `sites` sites from, for each point, the sites it reaches. Each site may come once in a row, and
    /// distances must be finite.
    pub fn new(sites: usize, rows: Vec<Vec<(u32, f64)>>) -> Self {
        let entries = rows.iter().map(Vec::len).sum();
        let mut network = Self {
            sites,
            start: Vec::with_capacity(rows.len() + 1),
            site: Vec::with_capacity(entries),
            distance: Vec::with_capacity(entries),
            column_start: Vec::new(),
            column: Vec::new(),
        };
        network.start.push(0);
        for mut row in rows {
            // Ties are ordered by the site, so that equal networks are searched alike.
            row.sort_unstable_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            for (site, distance) in row {
                network.site.push(site);
                network.distance.push(distance);
            }
            network.start.push(network.site.len() as u32);
        }
        network.index_columns();
        network
    }

    fn index_columns(&mut self) {
        let mut begin = vec![0_u32; self.sites + 1];
        for &site in &self.site {
            begin[site as usize + 1] += 1;
        }
        for at in 0..self.sites {
            begin[at + 1] += begin[at];
        }
        self.column_start.clone_from(&begin);
        self.column = vec![(0, 0); self.site.len()];
        for point in 0..self.points() {
            for at in self.row(point) {
                let next = &mut begin[self.site[at] as usize];
                self.column[*next as usize] = (point as u32, at as u32);
                *next += 1;
            }
        }
    }

    /// How many demand points there are.
    pub fn points(&self) -> usize {
        self.start.len() - 1
    }

    /// How many sites there are.
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// How many pairs of a point and a site it reaches there are.
    pub fn pairs(&self) -> usize {
        self.site.len()
    }

    /// The entries of a point, nearest first.
    #[inline]
    pub(crate) fn row(&self, point: usize) -> std::ops::Range<usize> {
        self.start[point] as usize..self.start[point + 1] as usize
    }

    #[inline]
    pub(crate) fn site_at(&self, entry: usize) -> usize {
        self.site[entry] as usize
    }

    #[inline]
    pub(crate) fn distance_at(&self, entry: usize) -> f64 {
        self.distance[entry]
    }

    /// Sites and distances of a point, nearest first.
    pub fn reach(&self, point: usize) -> (&[u32], &[f64]) {
        let row = self.row(point);
        (&self.site[row.clone()], &self.distance[row])
    }

    /// The points that reach a site, each with its entry.
    #[inline]
    pub(crate) fn column(&self, site: usize) -> &[(u32, u32)] {
        &self.column[self.column_start[site] as usize..self.column_start[site + 1] as usize]
    }

    /// The same points with the sites of `keep` only, renumbered in the order of `keep`. A site marked in `required` is
    /// open in every plan that counts: rows end with the nearest of them, since nobody is served farther than that.
    pub(crate) fn restricted_to(&self, keep: &[usize], required: &[bool]) -> Self {
        let mut number = vec![u32::MAX; self.sites];
        for (new, &old) in keep.iter().enumerate() {
            number[old] = new as u32;
        }
        let rows = (0..self.points()).map(|point| {
            let last = (self.row(point)).find(|&at| required[self.site_at(at)]);
            let nearest = last.map_or(f64::INFINITY, |at| self.distance_at(at));
            self.row(point)
                .filter(|&at| self.distance_at(at) < nearest || Some(at) == last)
                .filter_map(|at| {
                    let new = number[self.site_at(at)];
                    (new != u32::MAX).then(|| (new, self.distance_at(at)))
                })
                .collect()
        });
        Self::new(keep.len(), rows.collect())
    }

    /// For each point, the first point with the same row and the same `outside` distance: such points are served
    /// alike by every plan and may be added up.
    pub(crate) fn alike(&self, outside: &[f64]) -> Vec<usize> {
        let mut first: HashMap<(Vec<u32>, Vec<u64>), usize> = HashMap::new();
        (0..self.points())
            .map(|point| {
                let (sites, distances) = self.reach(point);
                let mut numbers: Vec<u64> = distances.iter().map(|d| d.to_bits()).collect();
                numbers.push(outside[point].to_bits());
                *first.entry((sites.to_vec(), numbers)).or_insert(point)
            })
            .collect()
    }

    /// The rows of `points` only.
    pub(crate) fn of_points(&self, points: &[usize]) -> Self {
        let rows = points.iter().map(|&point| {
            self.row(point)
                .map(|at| (self.site[at], self.distance[at]))
                .collect()
        });
        Self::new(self.sites, rows.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Network {
        Network::new(
            3,
            vec![
                vec![(0, 5.0), (2, 1.0), (1, 3.0)],
                vec![(1, 0.0)],
                vec![(0, 5.0), (1, 3.0), (2, 1.0)],
            ],
        )
    }

    #[test]
    fn rows_are_sorted_and_columns_point_back() {
        let network = small();
        assert_eq!(network.reach(0), (&[2, 1, 0][..], &[1.0, 3.0, 5.0][..]));
        for site in 0..3 {
            for &(point, at) in network.column(site) {
                assert_eq!(network.site_at(at as usize), site);
                assert!(network.row(point as usize).contains(&(at as usize)));
            }
        }
        assert_eq!(network.column(1).len(), 3);
    }

    #[test]
    fn a_restricted_network_keeps_distances() {
        let network = small().restricted_to(&[2, 0], &[false; 3]);
        assert_eq!(network.reach(0), (&[0, 1][..], &[1.0, 5.0][..]));
        assert_eq!(network.reach(1).0.len(), 0);
    }

    #[test]
    fn rows_end_with_the_nearest_required_site() {
        let network = small().restricted_to(&[0, 1, 2], &[true, true, false]);
        assert_eq!(network.reach(0), (&[2, 1][..], &[1.0, 3.0][..]));
        let ties = Network::new(3, vec![vec![(0, 2.0), (1, 2.0), (2, 1.0)]]);
        let network = ties.restricted_to(&[0, 1, 2], &[false, true, false]);
        assert_eq!(network.reach(0), (&[2, 1][..], &[1.0, 2.0][..]));
    }

    #[test]
    fn points_are_alike_only_with_the_same_row_and_outside() {
        assert_eq!(small().alike(&[9.0, 9.0, 9.0]), [0, 1, 0]);
        assert_eq!(small().alike(&[9.0, 9.0, 8.0]), [0, 1, 2]);
    }
}
