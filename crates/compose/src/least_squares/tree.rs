//! Least squares on trees in two passes, closed form: upwards each cell weighs its own measurement against the sum of its
//! parts, downwards the parts share what the whole then differs from their sum.
//!
//! Upwards, of a leaf z = y and w = s2; of any other cell, with S and V the sums of z and w over its parts,
//! w = 1 / (1/s2 + 1/V) and z = w (y/s2 + S/V). Downwards, of a root x = z, and of a part c of p
//! x_c = z_c + (w_c / V)(x_p - S), Var x_c = w_c - (w_c / V)^2 (V - Var x_p).

/// All cells, each after its parts.
pub(super) fn leaves_first(parents: &[Option<usize>]) -> Vec<usize> {
    let mut waiting = vec![0usize; parents.len()];
    for parent in parents.iter().flatten() {
        waiting[*parent] += 1;
    }
    let mut order: Vec<usize> = (0..parents.len())
        .filter(|cell| waiting[*cell] == 0)
        .collect();
    let mut next = 0;
    while next < order.len() {
        if let Some(parent) = parents[order[next]] {
            waiting[parent] -= 1;
            if waiting[parent] == 0 {
                order.push(parent);
            }
        }
        next += 1;
    }
    order
}

/// Replaces measurements by estimates.
pub(super) fn estimate(
    order: &[usize],
    parents: &[Option<usize>],
    variance: &[f64],
    cells: &mut [f64],
) {
    let (own, below) = weights(order, parents, variance);
    let mut sum = vec![0.0; cells.len()];
    for &cell in order {
        // A leaf has no parts; with parts of exact measurement their sum stands.
        if below[cell].is_some() {
            cells[cell] = mean(
                (cells[cell], variance[cell]),
                (sum[cell], below[cell].unwrap_or(0.0)),
            );
        }
        if let Some(parent) = parents[cell] {
            sum[parent] += cells[cell];
        }
    }
    for &cell in order.iter().rev() {
        if let Some(parent) = parents[cell] {
            cells[cell] += part(own[cell], below[parent]) * (cells[parent] - sum[parent]);
        }
    }
}

/// The variances of the estimates.
pub(super) fn variances(order: &[usize], parents: &[Option<usize>], variance: &[f64]) -> Vec<f64> {
    let (own, below) = weights(order, parents, variance);
    let mut found = own.clone();
    for &cell in order.iter().rev() {
        if let Some(parent) = parents[cell] {
            let part = part(own[cell], below[parent]);
            let narrowed = below[parent].unwrap_or(0.0) - found[parent];
            found[cell] = (own[cell] - part * part * narrowed).max(0.0);
        }
    }
    found
}

/// Of each cell the variance w after the upward pass, and the sum V of that over its parts where it has any.
fn weights(
    order: &[usize],
    parents: &[Option<usize>],
    variance: &[f64],
) -> (Vec<f64>, Vec<Option<f64>>) {
    let mut own = variance.to_vec();
    let mut below: Vec<Option<f64>> = vec![None; own.len()];
    for &cell in order {
        if let Some(below) = below[cell] {
            let both = variance[cell] + below;
            own[cell] = if both > 0.0 {
                variance[cell] * below / both
            } else {
                0.0
            };
        }
        if let Some(parent) = parents[cell] {
            below[parent] = Some(below[parent].unwrap_or(0.0) + own[cell]);
        }
    }
    (own, below)
}

/// The mean of two numbers weighed by their variances, the first where both are exact.
fn mean((value, variance): (f64, f64), (other, other_variance): (f64, f64)) -> f64 {
    let both = variance + other_variance;
    if both > 0.0 {
        (value * other_variance + other * variance) / both
    } else {
        value
    }
}

/// A part's share of what the whole differs from the sum of its parts.
fn part(own: f64, whole: Option<f64>) -> f64 {
    match whole {
        Some(whole) if whole > 0.0 => own / whole,
        _ => 0.0,
    }
}
