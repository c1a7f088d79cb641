//! `node-agent preview`: what a question or a planned cube would cost and how exact its answer would be, before anyone
//! spends. It reads the question, public facts and the ledger's balance, never the register.

use crate::commands::status::balance;
use crate::config::NodeDir;
use crate::fault::OrFault;
use crate::{clock, editions, node};
use anyhow::{Context, Result, bail};
use clap::Args;
use geography::{Level, Partition};
use privacy_loss::{NanoRho, epsilon, is_useful, useful_from};
use query::{AggregateQuery, Cube};
use std::path::{Path, PathBuf};

/// What is previewed, and the public facts that say which counts to expect.
#[derive(Args)]
pub struct Previewed {
    /// The question, as JSON.
    #[arg(long, required_unless_present = "cube", conflicts_with = "cube")]
    query: Option<PathBuf>,
    /// A planned cube, as JSON; `default` for the default cubes.
    #[arg(long)]
    cube: Option<PathBuf>,
    /// Clients of the organisation in a period, as its annual report states them.
    #[arg(long, default_value_t = 30_000)]
    clients: u32,
    /// How many in a hundred clients a typical group holds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    percent: u32,
}

impl Previewed {
    /// The count to expect in a typical cell of a level: a typical group's clients spread evenly over the areas.
    fn typical(&self, level: Level) -> f64 {
        // One key of each level but `city` is `unknown`.
        let areas = Partition::milan().keys(level).len();
        let known = if level == Level::City {
            areas
        } else {
            areas - 1
        };
        f64::from(self.clients) * f64::from(self.percent) / 100.0 / known as f64
    }
}

/// Prints the preview.
///
/// # Errors
/// When the question or cube is refused; the message names the place in the JSON and the remedy.
pub async fn run(dir: &NodeDir, preview: &Previewed) -> Result<()> {
    dir.read_config()?;
    println!(
        "typical count      of a group of {} in 100 among {} clients, spread evenly over areas (--percent, --clients); - where none is known\n\
         of use from        the smallest count whose 95 percent margin is at most half of it\n",
        preview.percent, preview.clients
    );
    let mut rho = NanoRho::ZERO;
    if let Some(path) = &preview.query {
        let query = match AggregateQuery::parse_written_here(&read(path)?) {
            Ok(query) => query,
            Err(refusal) => bail!("the question is refused at {refusal}"),
        };
        println!("question           {}", query.hash());
        rho = show(&query, preview);
    }
    for cube in cubes(preview)? {
        // Editions complete the month before theirs.
        let completed = query::completed_by(editions::number_at(clock::now()));
        let past = completed.and_then(|completed| cube.due(None, completed));
        println!("cube               {} (study {})", cube.id(), cube.study());
        let Some(past) = past else {
            println!(
                "nothing is due yet: its first period, from {}, is not complete",
                cube.first()
            );
            continue;
        };
        println!("\nthe past at once, {} to {}", past.from, past.to);
        let of_past = show(&cube.past(past)?, preview);
        let next = query::Month::from_index(past.to.index() + cube.kind().months())
            .and_then(|completed| cube.due(Some(past.to), completed))
            .context("the cube's next period is beyond the calendar")?;
        println!(
            "each {} from then on, such as {} to {}",
            cube.kind().id(),
            next.from,
            next.to
        );
        show(&cube.each(next)?, preview);
        rho = rho
            .checked_add(of_past)
            .context("a loss beyond all bounds")?;
    }
    let balance = balance(dir).await?;
    let policy = node::read_policy(dir).await?;
    let caps = policy.caps();
    let lifetime = ledger::lifetime_limit(caps.lifetime, balance.lifetime);
    let left = lifetime.saturating_sub(balance.spent);
    println!(
        "lifetime budget    rho {} of {} left (epsilon of the whole cap {:.2})",
        left,
        lifetime,
        epsilon(lifetime, 1e-6)
    );
    if rho > left {
        println!("this node would refuse: the price is more than what is left");
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    Ok(std::fs::read(path).or_unread(path)?)
}

fn cubes(preview: &Previewed) -> Result<Vec<Cube>> {
    let refused = |refusal| anyhow::anyhow!("the cube is refused at {refusal}");
    match &preview.cube {
        None => Ok(Vec::new()),
        Some(path) if path.as_os_str() == "default" => {
            let first = query::Month::parse("2021-01").context("a month")?;
            query::default_cubes("default", first).map_err(refused)
        }
        Some(path) => Ok(vec![Cube::parse(&read(path)?).map_err(refused)?]),
    }
}

/// Prints price and noise of a question, part by part, and which levels are of use; returns the price.
fn show(query: &AggregateQuery, preview: &Previewed) -> NanoRho {
    let price = privacy_loss::price(query);
    println!("cells              {}", query.cells());
    println!(
        "price              rho {} (epsilon {:.3} at delta 1e-6)",
        price.rho,
        epsilon(price.rho, 1e-6)
    );
    println!(
        "\npart           cells   D2 squared         rho   std. deviation   95 percent   of use from   typical count"
    );
    let mut useful = Vec::new();
    let mut useless = Vec::new();
    for slice in &price.slices {
        let level = Level::from_id(&slice.of);
        // What a person adds to a sum or to events is not known without looking: only counts of people are expected.
        let counts = !query.measure().is_weighted();
        let typical = level.filter(|_| counts).map(|level| preview.typical(level));
        println!(
            "{:<12} {:>7} {:>12} {:>11} {:>16.2} {:>12} {:>13} {:>15}",
            slice.of,
            slice.cells,
            slice.sensitivity.squared,
            format!("{:.6}", slice.rho.rho()),
            slice.sigma,
            format!("± {:.1}", 1.959_964 * slice.sigma),
            useful_from(slice.sigma),
            typical.map_or("-".to_owned(), |count| format!("{count:.0}")),
        );
        if let (Some(level), Some(typical)) = (level, typical) {
            let found = is_useful(typical, slice.sigma);
            if found { &mut useful } else { &mut useless }.push(level);
        }
    }
    for level in useless {
        print!(
            "`{level}` is of no use at this price: the 95 percent margin is more than half of a typical count. "
        );
        match useful.last() {
            Some(finest) => println!("The finest level of use is `{finest}`."),
            None => println!("{}", remedy(query, preview)),
        }
    }
    println!();
    price.rho
}

/// Where no level asked is of use: the finest that would be, if the whole loss went to it alone.
fn remedy(query: &AggregateQuery, preview: &Previewed) -> String {
    let sigma = sigma_alone(query);
    let levels = Level::ALL.into_iter().rev();
    let finest = (levels.filter(|level| level.within(query.level())))
        .find(|level| is_useful(preview.typical(*level), sigma));
    match finest {
        Some(level) => format!("Asked alone, with the whole loss, `{level}` is the finest level of use."),
        None => "Not even `city` would be of use: offer more rho, bound fewer cells, or ask a longer period.".to_owned(),
    }
}

/// The noise of the cells of any one level, had it the whole loss.
fn sigma_alone(query: &AggregateQuery) -> f64 {
    let price = privacy_loss::price(query);
    let finest = price.finest();
    // The noise falls with the root of the loss.
    finest.sigma * (finest.rho.rho() / price.rho.rho()).sqrt()
}
