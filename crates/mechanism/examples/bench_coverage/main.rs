//! `cargo xtask bench coverage`: over many seeds of the demo city, how often the bounded truth of its registers lies inside the
//! intervals of composed and consistent estimates and of forecasts, by level. The default cube of needs is asked with the noise it
//! would have; its last year is held out of what is forecast. With bounds that cut nothing off at the same noise it is seen what of a
//! shortfall is the bounds'. Only shares leave this program.

mod city;
mod forecasts;

use anyhow::{Context, Result, bail};
use city::City;
use std::collections::BTreeMap;

/// Hits and trials by level and kind of interval, in the order they were first met.
#[derive(Default)]
pub(crate) struct Tally {
    names: Vec<String>,
    counted: BTreeMap<String, (u64, u64)>,
}

impl Tally {
    pub(crate) fn add(&mut self, name: &str, hit: bool) {
        if !self.counted.contains_key(name) {
            self.names.push(name.to_owned());
        }
        let (hits, trials) = self.counted.entry(name.to_owned()).or_default();
        *hits += u64::from(hit);
        *trials += 1;
    }

    fn print(&self) {
        for name in &self.names {
            let (hits, trials) = self.counted[name];
            println!(
                "  {name:<58}{:>8.2} % of {trials:>9}",
                100.0 * hits as f64 / trials as f64
            );
        }
    }
}

/// What bounds keep of the counts of the whole city, over all groups, periods and cities.
struct Kept {
    least: f64,
    most: f64,
    /// The most that it moves over the periods of one group: a bend that no noise explains.
    bend: f64,
}

impl Kept {
    const NOTHING: Kept = Kept {
        least: 1.0,
        most: 0.0,
        bend: 0.0,
    };

    fn add(&mut self, group: &[f64]) {
        let least = group.iter().copied().fold(1.0, f64::min);
        let most = group.iter().copied().fold(0.0, f64::max);
        self.least = self.least.min(least);
        self.most = self.most.max(most);
        self.bend = self.bend.max(most - least);
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seeds, scale, bounds] = &arguments[..] else {
        bail!("give the number of seeds, the scale of the city, and `cut` or `uncut`");
    };
    let uncut = bounds == "uncut";
    let seeds: u64 = seeds.parse().context("the number of seeds")?;
    let scale: f64 = scale.parse().context("the scale")?;
    let (mut composed, mut ahead) = (Tally::default(), Tally::default());
    let mut kept = Kept::NOTHING;
    for seed in 1..=seeds {
        let city = City::asked(seed, scale, uncut)?;
        city.kept().for_each(|group| kept.add(&group));
        city.composed(&mut composed)?;
        forecasts::score(&city, &mut ahead)?;
        eprint!("\rseed {seed} of {seeds}");
    }
    eprintln!();
    println!(
        "{seeds} demo cities of {scale} times Milan, six registers each, needs by quarter over five years, noise of the default cube{}",
        if uncut {
            ", bounds that cut nothing off"
        } else {
            ""
        }
    );
    println!(
        "what the bounds keep of a group's count in a quarter, whole city: {:.1} to {:.1} %, moving by up to {:.1} points within a group",
        100.0 * kept.least,
        100.0 * kept.most,
        100.0 * kept.bend
    );
    println!("bounded truth inside the interval of an estimate");
    composed.print();
    println!(
        "bounded truth of a held-out year inside the interval of a forecast, by what is forecast"
    );
    ahead.print();
    Ok(())
}
