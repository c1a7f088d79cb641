//! Seeds of the simulated federation (see `system_tests::simulation` for what counts as a failure), and every failure it ever found.
//! CI runs a few seeds; `cargo xtask simulate --seeds 0..1000` runs as many as one likes.

use anyhow::{Context, Result};
use system_tests::simulation::{Simulated, run};

/// Operations of one seed.
const LENGTH: usize = 120;
/// The seeds that CI runs.
const SEEDS: std::ops::Range<u64> = 0..12;

fn seeds() -> Result<std::ops::Range<u64>> {
    let Ok(text) = std::env::var("WI_SIMULATION_SEEDS") else {
        return Ok(SEEDS);
    };
    let (from, to) = text
        .split_once("..")
        .context("WI_SIMULATION_SEEDS is such as 0..1000")?;
    Ok(from.parse()?..to.parse()?)
}

#[tokio::test]
async fn no_seed_lets_out_more_than_is_charged_or_leaves_a_question_open() -> Result<()> {
    let (mut all, seeds) = (Simulated::default(), seeds()?);
    for seed in seeds.clone() {
        all += run(seed, LENGTH)
            .await
            .with_context(|| format!("seed {seed}"))?;
    }
    println!("{} seeds: {all:?}", seeds.end - seeds.start);
    // Else the seeds would show nothing.
    assert!(all.releases > 0 && all.stops > 0 && all.charges > all.releases as u64);
    Ok(())
}
