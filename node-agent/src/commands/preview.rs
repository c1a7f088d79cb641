//! `node-agent preview`: what a question would cost and how exact its answer would be, before anyone spends.
//! It reads the question and the ledger's balance, never the register.

use crate::commands::status::balance;
use crate::config::NodeDir;
use crate::node;
use anyhow::{Context, Result, bail};
use privacy_loss::epsilon;
use query::AggregateQuery;
use std::path::Path;

/// Prints the preview.
///
/// # Errors
/// When the question is refused; the message names the place in the JSON and the remedy.
pub async fn run(dir: &NodeDir, query: &Path) -> Result<()> {
    dir.read_config()?;
    let bytes = std::fs::read(query).with_context(|| format!("cannot read {}", query.display()))?;
    let query = match AggregateQuery::parse(&bytes) {
        Ok(query) => query,
        Err(refusal) => bail!("the question is refused at {refusal}"),
    };
    let price = privacy_loss::price(&query);
    println!("question           {}", query.hash());
    println!("cells              {}", query.cells());
    println!(
        "price              rho {} (epsilon {:.3} at delta 1e-6)",
        price.rho,
        epsilon(price.rho, 1e-6)
    );
    println!();
    println!(
        "part           cells   D2 squared        rho   std. deviation   95 percent   mostly noise under"
    );
    for slice in &price.slices {
        println!(
            "{:<12} {:>7} {:>12} {:>10} {:>16.2} {:>12} {:>20.0}",
            slice.of,
            slice.cells,
            slice.sensitivity.squared,
            format!("{:.6}", slice.rho.rho()),
            slice.sigma,
            format!("± {:.1}", 1.959_964 * slice.sigma),
            3.0 * slice.sigma
        );
    }
    println!();

    let balance = balance(dir).await?;
    let caps = node::read_policy(dir)?.caps();
    let left = caps.lifetime.saturating_sub(balance.spent);
    println!(
        "lifetime budget    {} of {} left (epsilon of the whole cap {:.2})",
        left,
        caps.lifetime,
        epsilon(caps.lifetime, 1e-6)
    );
    if price.rho > left {
        println!("this node would refuse: the price is more than what is left");
    }
    Ok(())
}
