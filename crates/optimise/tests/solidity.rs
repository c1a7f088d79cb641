//! Whether what plans say about noise is true: over simulated cities, noise is added to a known demand, the plan is
//! made from the noisy demand alone, and its stated regret and frequencies meet the truth.

use optimise::watch::Unwatched;
use optimise::{Cost, Demand, Model, Problem, Site, solve};

struct Numbers(u64);

impl Numbers {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// A city of small counts: many true demands are near zero, and noise turns some of them negative.
fn city(seed: u64, sd: f64) -> (Problem, Vec<f64>) {
    let mut numbers = Numbers(seed);
    let mut places = |n: usize| -> Vec<(f64, f64)> {
        (0..n)
            .map(|_| (40.0 * numbers.unit(), 40.0 * numbers.unit()))
            .collect()
    };
    let (homes, offers) = (places(40), places(16));
    let truth: Vec<f64> = (0..40)
        .map(|_| (2.5 + 1.2 * numbers.normal()).exp().round())
        .collect();
    let demand = (truth.iter().enumerate())
        .map(|(at, truth)| Demand {
            id: format!("a{at}"),
            demand: truth + (sd * numbers.normal()).round(),
            variance: sd * sd,
            target: None,
        })
        .collect();
    let sites = (0..16)
        .map(|at| Site {
            id: format!("s{at}"),
            ..Site::default()
        })
        .collect();
    let costs = (homes.iter().enumerate())
        .flat_map(|(i, home)| {
            offers.iter().enumerate().map(move |(j, offer)| Cost {
                from_id: format!("a{i}"),
                to_id: format!("s{j}"),
                minutes: (home.0 - offer.0).hypot(home.1 - offer.1),
            })
        })
        .collect();
    let mut problem = Problem::new(Model::PMedian, demand, sites, costs);
    problem.p = Some(3);
    problem.draws = 60;
    problem.explain = false;
    (problem, truth)
}

#[test]
fn stated_regret_covers_and_near_certain_sites_are_right() {
    const CITIES: u64 = 100;
    let (mut covered, mut certain, mut right) = (0, 0, 0);
    for seed in 0..CITIES {
        let (problem, truth) = city(1000 + seed, [4.0, 8.0, 16.0][seed as usize % 3]);
        // Unwrap safety: the problem is written rightly, and its demand has variances.
        let plan = solve(&problem, &Unwatched).unwrap();
        let stability = plan.stability.unwrap();
        let mut known = problem.clone();
        for (row, truth) in known.demand.iter_mut().zip(&truth) {
            (row.demand, row.variance) = (*truth, 0.0);
        }
        let best = solve(&known, &Unwatched).unwrap();
        let value: f64 = (0..40)
            .map(|i| {
                let nearest = (0..16)
                    .filter(|j| plan.open.contains(&format!("s{j}")))
                    .map(|j| problem.costs[i * 16 + j].minutes)
                    .fold(f64::INFINITY, f64::min);
                truth[i] * nearest
            })
            .sum();
        let regret = value - best.objective.unwrap();
        let interval = stability.regret;
        covered += u64::from(regret >= interval.lower - 1e-6 && regret <= interval.upper + 1e-6);
        for site in stability.sites.iter().filter(|site| site.in_100 >= 95.0) {
            certain += 1;
            right += u64::from(best.open.contains(&site.id));
        }
    }
    println!(
        "regret covered in {covered} of {CITIES}; {right} of {certain} near-certain sites right"
    );
    // At a true coverage of 90 percent fewer than 76 of 100 happen in less than 1e-5 of runs, and the seeds are fixed.
    assert!(covered >= 76, "{covered}");
    assert!(
        certain >= 40 && right * 100 >= certain * 85,
        "{right} of {certain}"
    );
}
