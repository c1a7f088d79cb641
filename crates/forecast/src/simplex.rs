//! The simplex search of Nelder and Mead (1965) for a few parameters. It stops when it has improved enough
//! or has been allowed enough; it never claims to have found the global minimum.

/// The most parameters a search has.
pub(crate) const MOST: usize = 5;

/// A point, of which the first elements count.
pub(crate) type Point = [f64; MOST];

/// Where a search starts and when it stops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    /// How many elements of a point count.
    pub(crate) dimensions: usize,
    /// The first point.
    pub(crate) start: Point,
    /// How far the other first points lie from it.
    pub(crate) spread: Point,
    /// The most evaluations.
    pub(crate) evaluations: usize,
    /// It stops where best and worst differ by less.
    pub(crate) tolerance: f64,
}

impl Search {
    /// The best point found, and the value there.
    pub(crate) fn minimum(&self, mut f: impl FnMut(&Point) -> f64) -> (Point, f64) {
        let n = self.dimensions;
        let mut value = |point: &Point| {
            let found = f(point);
            if found.is_nan() { f64::INFINITY } else { found }
        };
        let mut corners = [(self.start, 0.0); MOST + 1];
        let corners = &mut corners[..=n];
        for (i, corner) in corners.iter_mut().enumerate() {
            if i > 0 {
                corner.0[i - 1] += self.spread[i - 1];
            }
            corner.1 = value(&corner.0);
        }
        let mut spent = n + 1;
        loop {
            corners.sort_by(|a, b| a.1.total_cmp(&b.1));
            let (best, worst) = (corners[0].1, corners[n].1);
            if n == 0 || spent >= self.evaluations || worst - best <= self.tolerance {
                return corners[0];
            }
            let mut centre = [0.0; MOST];
            for corner in &corners[..n] {
                for (sum, x) in centre.iter_mut().zip(&corner.0) {
                    *sum += x / n as f64;
                }
            }
            let toward = |factor: f64, corner: &Point| {
                let mut point = centre;
                for (x, from) in point.iter_mut().zip(corner) {
                    *x += factor * (*x - from);
                }
                point
            };
            let far = corners[n].0;
            let mirrored = toward(1.0, &far);
            let at_mirrored = value(&mirrored);
            spent += 1;
            let second = corners[n - 1].1;
            if at_mirrored < best {
                let further = toward(2.0, &far);
                let at_further = value(&further);
                spent += 1;
                corners[n] = if at_further < at_mirrored {
                    (further, at_further)
                } else {
                    (mirrored, at_mirrored)
                };
            } else if at_mirrored < second {
                corners[n] = (mirrored, at_mirrored);
            } else {
                let nearer = toward(if at_mirrored < worst { 0.5 } else { -0.5 }, &far);
                let at_nearer = value(&nearer);
                spent += 1;
                if at_nearer < worst.min(at_mirrored) {
                    corners[n] = (nearer, at_nearer);
                } else {
                    let anchor = corners[0].0;
                    for corner in &mut corners[1..] {
                        for (x, a) in corner.0.iter_mut().zip(&anchor) {
                            *x = a + 0.5 * (*x - a);
                        }
                        corner.1 = value(&corner.0);
                        spent += 1;
                    }
                }
            }
        }
    }
}
