//! `cargo xtask bench regret`: over seeds of the demo city, whether what plans say about noise is true. The need is the true number of
//! clients of 75 and over in each neighbourhood, summed over six registers; noise is added, the plan is made from the noisy need alone,
//! and its stated regret, value and frequencies meet the truth. It asserts nothing.

use anyhow::{Context, Result, bail};
use demo_city::truth::AreaLevel;
use demo_city::{CityConfig, Month, Truth, generate};
use optimise::watch::Unwatched;
use optimise::{Cost, Demand, Interval, Model, Problem, Site, SiteStatus, solve};

/// Standard deviations of a neighbourhood's sum: little noise, that of a worked decision on Milan, twice that.
const NOISE: [f64; 3] = [8.0, 33.0, 66.0];
const AGE: u16 = 75;
const SITES: usize = 4;
/// Draws that judge a plan.
const DRAWS: usize = 100;
/// People walk at 3 km/h over streets 1.3 times as long as the straight line.
const MINUTES_PER_METRE: f64 = 1.3 * 60.0 / 3000.0;
const RADIUS: f64 = 30.0;
const OUTER_RADIUS: f64 = 60.0;

/// Seeded, so that a run can be repeated: splitmix64 and Box-Muller.
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

/// True presences of a city by neighbourhood, in the order of the table of areas.
fn need(seed: u64, scale: f64) -> Result<Vec<f64>> {
    let folder = tempfile::tempdir()?;
    let config = CityConfig {
        seed,
        scale,
        ..CityConfig::default()
    };
    let manifest = generate(&config, folder.path(), &mut |_| {})?;
    let areas = geography::City::milan().areas();
    let mut counts = vec![0.0; areas.len()];
    for organisation in &manifest.organisations {
        let truth = Truth::load(folder.path(), &organisation.id)?;
        for person in &truth.persons {
            if person.age_at(Month::LAST).is_none_or(|age| age < AGE) {
                continue;
            }
            let home = truth.area_key(AreaLevel::Nil, person);
            // Whose home is unknown needs no place anywhere.
            if let Some(at) = areas.iter().position(|area| area.nil.to_string() == home) {
                counts[at] += 1.0;
            }
        }
    }
    Ok(counts)
}

fn problem(model: Model, need: &[f64], sd: f64, numbers: &mut Numbers) -> Problem {
    let areas = geography::City::milan().areas();
    let demand = (areas.iter().zip(need))
        .map(|(area, need)| Demand {
            id: area.nil.to_string(),
            demand: need + (sd * numbers.normal()).round(),
            variance: sd * sd,
            target: None,
        })
        .collect();
    let sites = (areas.iter())
        .map(|area| Site {
            id: format!("nil-{}", area.nil),
            ..Site::default()
        })
        .collect();
    let costs = (areas.iter())
        .flat_map(|home| {
            areas.iter().map(move |site| Cost {
                from_id: home.nil.to_string(),
                to_id: format!("nil-{}", site.nil),
                minutes: home.centroid.distance_m(site.centroid) * MINUTES_PER_METRE,
            })
        })
        .collect();
    let mut problem = Problem::new(model, demand, sites, costs);
    problem.p = Some(SITES);
    if model == Model::Mclp {
        problem.radius = Some(RADIUS);
        problem.outer_radius = Some(OUTER_RADIUS);
    }
    problem.draws = DRAWS;
    problem.explain = false;
    problem
}

#[derive(Default)]
struct Score {
    right: u32,
    of: u32,
}

impl Score {
    fn add(&mut self, right: bool) {
        self.right += u32::from(right);
        self.of += 1;
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let share = 100.0 * f64::from(self.right) / f64::from(self.of.max(1));
        write!(formatter, "{share:>6.1} % of {:<6}", self.of)
    }
}

/// What is counted of one model.
#[derive(Default)]
struct Tally {
    regret: Score,
    value: Score,
    certain: Score,
    /// Realised regret as a share of the best value, summed.
    lost: f64,
}

fn objective(problem: &Problem) -> Result<(f64, Vec<String>)> {
    let plan = solve(problem, &Unwatched)?;
    Ok((plan.objective.context("a plan")?, plan.open))
}

fn score(noisy: &Problem, need: &[f64], tally: &mut Tally) -> Result<()> {
    let plan = solve(noisy, &Unwatched)?;
    let stability = plan.stability.context("the need has variances")?;
    let mut known = noisy.clone();
    for (row, need) in known.demand.iter_mut().zip(need) {
        (row.demand, row.variance) = (*need, 0.0);
    }
    let (best, open) = objective(&known)?;
    for site in &mut known.sites {
        if !plan.open.contains(&site.id) {
            site.status = SiteStatus::Closed;
        }
    }
    let (value, _) = objective(&known)?;
    let holds =
        |interval: Interval, x: f64| interval.lower - 1e-6 <= x && x <= interval.upper + 1e-6;
    let regret = (value - best).abs();
    tally.regret.add(holds(stability.regret, regret));
    tally.value.add(holds(stability.value, value));
    tally.lost += regret / best.abs().max(1.0);
    for site in (stability.sites.iter()).filter(|site| site.in_100 >= 95.0) {
        tally.certain.add(open.contains(&site.id));
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seeds, scale] = &arguments[..] else {
        bail!("give the number of seeds and the scale of the city");
    };
    let seeds: u64 = seeds.parse().context("the number of seeds")?;
    let scale: f64 = scale.parse().context("the scale")?;
    let models = [("p-median", Model::PMedian), ("mclp", Model::Mclp)];
    let mut tallies: Vec<Tally> = Vec::new();
    tallies.resize_with(models.len() * NOISE.len(), Tally::default);
    let mut total = Tally::default();
    let mut people = 0.0;
    for seed in 1..=seeds {
        let need = need(seed, scale)?;
        people += need.iter().sum::<f64>() / need.len() as f64;
        for (at, (_, model)) in models.into_iter().enumerate() {
            for (level, sd) in NOISE.into_iter().enumerate() {
                let part = at * NOISE.len() + level;
                let noisy = problem(model, &need, sd, &mut Numbers(seed << 8 | part as u64));
                score(&noisy, &need, &mut tallies[part])?;
            }
        }
        eprint!("\rseed {seed} of {seeds}");
    }
    eprintln!();
    println!(
        "{seeds} demo cities of {scale} times Milan, six registers each: {SITES} of {} sites for clients of {AGE} and over, on average {:.0} in a neighbourhood; {DRAWS} draws judge a plan",
        geography::City::milan().areas().len(),
        people / seeds.max(1) as f64
    );
    println!(
        "{:<24}{:>20}{:>20}{:>24}{:>16}",
        "nominal 90, 90, 95", "regret inside", "value inside", ">= 95 in 100, right", "regret lost"
    );
    let line = |name: String, one: &Tally| {
        let lost = 100.0 * one.lost / f64::from(one.regret.of.max(1));
        println!(
            "{name:<24}{:>20}{:>20}{:>24}{:>14.2} %",
            one.regret.to_string(),
            one.value.to_string(),
            one.certain.to_string(),
            lost
        );
    };
    for (at, one) in tallies.iter().enumerate() {
        let (model, _) = models[at / NOISE.len()];
        line(format!("{model}, noise {}", NOISE[at % NOISE.len()]), one);
        for (sum, part) in [
            (&mut total.regret, &one.regret),
            (&mut total.value, &one.value),
            (&mut total.certain, &one.certain),
        ] {
            sum.right += part.right;
            sum.of += part.of;
        }
        total.lost += one.lost;
    }
    line("all".to_owned(), &total);
    Ok(())
}
