//! The node's sources: `sources.toml`, the mapping, the register, and who objected. It hands them to the snapshot builder.

use crate::config::{Config, NodeDir};
use crate::fault::{INVALID_MAPPING, NO_REGISTER, OrFault};
use crate::objections;
use crate::words::Language;
use anyhow::Result;
use snapshot::{LocalQuality, Mapping, NodeKey, Snapshot};
use source::Local;
use std::borrow::Cow;

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
    let text = std::fs::read_to_string(&path).or_unread(&path)?;
    let mapping =
        Mapping::parse(&text).or_fault(|| INVALID_MAPPING.with([&path.display().to_string()]))?;
    let local = Local::read(&dir.sources())?;
    let at = config.dataset.register.display().to_string();
    let input = source::open_register(&at, &local, &mapping).or_fault(|| (&NO_REGISTER).into())?;
    let objections = objections::read(dir, key, mapping.person_key())?;
    Ok(Snapshot::build_from(
        &mapping,
        input,
        key,
        edition,
        &objections,
    )?)
}

/// The rejects as a list for the register's keeper: file, row, column, kind and remedy (English, then Italian), never a value.
pub(crate) fn rejects_csv(config: &Config, quality: &LocalQuality) -> String {
    let name = config.dataset.register.file_name();
    let file = name
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut text = "file;row;column;problem;remedy;rimedio\n".to_owned();
    for reject in &quality.rejects {
        let kind = reject.kind.id();
        text.push_str(&format!(
            "{};{};{};{kind};{};{}\n",
            quoted(reject.file.as_deref().unwrap_or(&file)),
            reject.row,
            quoted(&reject.column),
            quoted(Language::En.remedy(kind)),
            quoted(Language::It.remedy(kind))
        ));
    }
    text
}

/// A field of the list, in quotes where it could be taken for several.
fn quoted(field: &str) -> Cow<'_, str> {
    match field.contains([';', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")).into(),
        false => field.into(),
    }
}
