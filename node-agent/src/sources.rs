//! The node's sources: `sources.toml`, the mapping, the register, and who objected. It hands them to the snapshot builder.

use crate::config::{Config, NodeDir};
use crate::objections;
use anyhow::{Context, Result};
use snapshot::{LocalQuality, Mapping, NodeKey, Snapshot};
use source::Local;

/// Builds an edition from the register, wherever it is, without those who objected.
///
/// # Errors
/// When register, mapping or objections cannot be read; the message names file, column and remedy, never a value.
pub(crate) fn build(
    dir: &NodeDir,
    config: &Config,
    key: &NodeKey,
    edition: snapshot::Edition,
) -> Result<(Snapshot, LocalQuality)> {
    let path = dir.mapping();
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let mapping = Mapping::parse(&text)
        .with_context(|| format!("{} is not a valid mapping", path.display()))?;
    let local = Local::read(&dir.sources())?;
    let at = config.dataset.register.display().to_string();
    let input = source::open_register(&at, &local, &mapping).context(
        "cannot open the register; see `dataset.register` in node.toml, and sources.toml",
    )?;
    let objections = objections::read(dir, key, mapping.person_key())?;
    Ok(Snapshot::build_from(
        &mapping,
        input,
        key,
        edition,
        &objections,
    )?)
}

/// The rejects as a list for the register's keeper: file, row, column, kind and remedy, never a value.
pub(crate) fn rejects_csv(config: &Config, quality: &LocalQuality) -> String {
    let name = config.dataset.register.file_name();
    let file = name
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut text = "file;row;column;problem;remedy\n".to_owned();
    for reject in &quality.rejects {
        let kind = serde_json::to_string(&reject.kind).unwrap_or_default();
        text.push_str(&format!(
            "{file};{};{};{};{}\n",
            reject.row,
            reject.column,
            kind.trim_matches('"'),
            reject.kind.remedy()
        ));
    }
    text
}
