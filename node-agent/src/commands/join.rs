//! `node-agent join`: makes the node known to a coordinator.

use crate::commands::spoken::Spoken;
use crate::config::NodeDir;
use crate::join;
use anyhow::{Context, Result};
use protocol::PublicKey;

/// Joins, and says what comes next.
///
/// # Errors
/// As [`join::join`]; when the officer's key is none.
pub async fn run(
    dir: &NodeDir,
    join_string: &str,
    dpo_key: Option<&str>,
    spoken: Spoken,
) -> Result<()> {
    let language = spoken.language();
    let officer = (dpo_key
        .map(|key| PublicKey::from_hex(key).with_context(|| language.say("terminal-dpo-key"))))
    .transpose()?;
    join::join(dir, join_string, officer).await?;
    let folder = dir.key("");
    let folder = folder.parent().unwrap_or(&folder).display().to_string();
    let said = language.fill("terminal-joined-now", &[("dir", &folder)]);
    println!("{said}");
    Ok(())
}
