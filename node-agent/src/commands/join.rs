//! `node-agent join`: makes the node known to a coordinator.

use crate::commands::spoken::Spoken;
use crate::config::NodeDir;
use crate::join;
use anyhow::Result;

/// Joins, and says what comes next.
///
/// # Errors
/// As [`join::join`].
pub async fn run(dir: &NodeDir, join_string: &str, spoken: Spoken) -> Result<()> {
    join::join(dir, join_string).await?;
    let folder = dir.key("");
    let folder = folder.parent().unwrap_or(&folder).display().to_string();
    let said = (spoken.language()).fill("terminal-joined-now", &[("dir", &folder)]);
    println!("{said}");
    Ok(())
}
