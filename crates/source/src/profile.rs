//! Ready mappings for registers that have one form everywhere: SIUSS flows and HMIS folders.
//! They are texts for people to read and change, like every mapping.

use crate::local::{Local, SourceConfig};
use std::path::Path;

/// The mapping for a flow PS, PSA or SINA.
pub const SINA: &str = include_str!("../data/sina.toml");
/// The mapping for a flow SINBA.
pub const SINBA: &str = include_str!("../data/sinba.toml");
/// The mapping for a folder of HMIS CSV files.
pub const HMIS: &str = include_str!("../data/hmis.toml");

/// The file of a HMIS folder that is the register, and where the others are; `None` where it is no such folder.
pub fn hmis_folder(folder: &Path) -> Option<(String, Local)> {
    let file = |name: &str| {
        let path = folder.join(name);
        path.is_file().then(|| path.display().to_string())
    };
    let enrollment = file("Enrollment.csv")?;
    let mut local = Local {
        version: 1,
        ..Local::default()
    };
    for (name, at) in [
        ("client", file("Client.csv")?),
        ("project", file("Project.csv")?),
    ] {
        let source = SourceConfig {
            at: Some(at),
            ..SourceConfig::default()
        };
        local.joined.insert(name.to_owned(), source);
    }
    Some((enrollment, local))
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::Mapping;

    #[test]
    fn every_ready_mapping_is_a_mapping() {
        for text in [SINA, SINBA, HMIS] {
            Mapping::parse(text).expect(text);
        }
    }
}
