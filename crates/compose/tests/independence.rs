//! How much is missed by whoever takes the noise of a level's areas for independent once levels were made consistent, and that plans,
//! whose draws are made area by area, miss nothing once variances are multiplied by the factor that bounds it.

use compose::{Consistent, LevelledAnswer, Region, independent_factor};
use geography::Level;

/// Noise variance of one register by level: a cube that gives a twentieth to the city, three to municipi and fifteen to neighbourhoods.
const VARIANCES: [f64; 3] = [600.0, 200.0, 40.0];
const REGISTERS: usize = 6;

/// Milan's levels, of registers that know pieces.
fn consistent() -> Consistent {
    let levels = [Level::City, Level::Municipio, Level::Nil];
    let cells = levels.map(|level| vec![0_i64; geography::Partition::milan().keys(level).len()]);
    let answer = LevelledAnswer {
        finest: Some(Level::MicroArea),
        levels: (cells.iter().map(Vec::as_slice).zip(VARIANCES)).collect(),
    };
    Consistent::compose(&levels, 1, &vec![answer; REGISTERS]).expect("answers of one shape")
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn no_weighted_sum_varies_more_than_under_independent_noise_of_its_level_alone() {
    let consistent = consistent();
    for level in [1, 2] {
        let areas = consistent.variance(level).len();
        let regions: Vec<Region> = (0..areas).map(|area| vec![(level, area, 1.0)]).collect();
        let covariance = consistent.covariances(&regions).expect("known variances");
        let times = |x: &[f64]| -> Vec<f64> { covariance.iter().map(|row| dot(row, x)).collect() };
        let deviations: Vec<f64> = (0..areas).map(|at| covariance[at][at].sqrt()).collect();
        let divided =
            |x: &[f64]| -> Vec<f64> { x.iter().zip(&deviations).map(|(x, d)| x / d).collect() };
        // The weights of which most is missed, by power iteration on the correlations.
        let mut weights: Vec<f64> = (0..areas)
            .map(|at| ((at * 7919) % 13) as f64 - 6.0)
            .collect();
        for _ in 0..500 {
            weights = divided(&times(&divided(&weights)));
            let size = dot(&weights, &weights).sqrt();
            weights.iter_mut().for_each(|weight| *weight /= size);
        }
        let worst = divided(&weights);
        // Independent noise would give these weights a variance of one.
        let exact = dot(&worst, &times(&worst));
        println!("level {level}: at most {exact:.4} of what independent noise gives");
        assert!(exact > 1.0 && exact < 1.10, "{exact}");
        // Further measurements add no variance to anything.
        let released = REGISTERS as f64 * VARIANCES[level];
        assert!(exact <= released * dot(&worst, &worst) * (1.0 + 1e-9));
        // Of all areas together it is far less than their sum.
        let all = vec![1.0; areas];
        assert!(dot(&all, &times(&all)) < 0.9 * dot(&deviations, &deviations));
    }
}

#[test]
fn plans_draw_no_less_noise_than_areas_have_in_any_weighted_sum() {
    let levels = [Level::City, Level::Municipio, Level::Nil, Level::MicroArea];
    let cells = levels.map(|level| vec![0_i64; geography::Partition::milan().keys(level).len()]);
    let answer = LevelledAnswer {
        finest: Some(Level::MicroArea),
        levels: (cells
            .iter()
            .map(Vec::as_slice)
            .zip([600.0, 200.0, 80.0, 40.0]))
        .collect(),
    };
    let consistent = Consistent::compose(&levels, 1, &vec![answer; REGISTERS]).expect("one shape");
    for (level, name) in levels.iter().enumerate().skip(1) {
        let areas = consistent.variance(level).len();
        let regions: Vec<Region> = (0..areas).map(|area| vec![(level, area, 1.0)]).collect();
        let covariance = consistent.covariances(&regions).expect("known variances");
        let factor = independent_factor(&covariance);
        println!("{}: variances times {factor:.4}", name.id());
        assert!((1.0..2.0).contains(&factor), "{factor}");
        // Sums, differences of neighbours in the order of keys, and weights of no order.
        let mut state = 7_u64;
        for case in 0..400 {
            let x: Vec<f64> = (0..areas)
                .map(|at| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(99_991);
                    let random = (state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5;
                    match case {
                        0 => 1.0,
                        _ if case <= areas => {
                            f64::from(u8::from(at == case - 1)) - f64::from(u8::from(at == case))
                        }
                        _ => random,
                    }
                })
                .collect();
            let exact: f64 = covariance
                .iter()
                .zip(&x)
                .map(|(row, one)| one * dot(row, &x))
                .sum();
            let drawn: f64 = (0..areas)
                .map(|at| factor * covariance[at][at] * x[at] * x[at])
                .sum();
            assert!(exact <= drawn * (1.0 + 1e-9), "{case}: {exact} of {drawn}");
        }
    }
}
