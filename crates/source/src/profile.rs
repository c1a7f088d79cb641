//! Ready mappings for registers that have one form everywhere: SIUSS flows and HMIS folders.
//! They are texts for people to read and change, like every mapping.

use crate::local::{Local, SourceConfig};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The mapping for a flow PS, PSA or SINA.
pub const SINA: &str = include_str!("../data/sina.toml");
/// The mapping for a flow SINBA.
pub const SINBA: &str = include_str!("../data/sinba.toml");
/// The mapping for a folder of HMIS CSV files.
pub const HMIS: &str = include_str!("../data/hmis.toml");

/// The register of a HMIS folder, which is the folder itself, and where the files are that are joined; `None` where it is no such folder.
pub fn hmis_folder(folder: &Path) -> Option<(String, Local)> {
    let file = |name: &str| {
        let path = folder.join(name);
        path.is_file().then(|| path.display().to_string())
    };
    file("Enrollment.csv")?;
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
    Some((folder.display().to_string(), local))
}

/// The mapping for such a folder. Of the standard's editions the newest and those before 2022 have one column for the sex, under two
/// names; those between have several, which together say something else, and give none.
pub fn hmis_mapping(folder: &Path) -> String {
    let columns = header(&folder.join("Client.csv"));
    let has = |column: &str| columns.iter().any(|known| known == column);
    const SEX: &str = "sex = \"client.Sex\"\n";
    match (has("Sex"), has("Gender")) {
        (true, _) => HMIS.to_owned(),
        (false, true) => HMIS.replace(SEX, "sex = \"client.Gender\"\n"),
        (false, false) => HMIS.replace(SEX, ""),
    }
}

/// The columns that a file's first line names; none where it cannot be read, which is said when the file is opened.
fn header(path: &Path) -> Vec<String> {
    const LONGEST: u64 = 1 << 16;
    let mut line = Vec::new();
    if let Ok(file) = File::open(path) {
        let _ = BufReader::new(file.take(LONGEST)).read_until(b'\n', &mut line);
    }
    let line = String::from_utf8_lossy(&line);
    let names = line.trim_start_matches('\u{feff}').trim().split(',');
    names
        .map(|name| name.trim().trim_matches('"').to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::{Field, Mapping};

    #[test]
    fn a_folder_of_any_edition_has_a_mapping_that_names_only_what_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        for (columns, sex) in [
            (
                "\u{feff}\"PersonalID\",\"DOB\",\"Sex\"\r\n",
                Some("client.Sex"),
            ),
            ("PersonalID,DOB,Gender\n", Some("client.Gender")),
            ("PersonalID,DOB,Woman,Man,NonBinary\n", None),
        ] {
            std::fs::write(folder.path().join("Client.csv"), columns).expect("written");
            let mapping = Mapping::parse(&hmis_mapping(folder.path())).expect(columns);
            assert_eq!(mapping.column(Field::Sex), sex, "{columns}");
        }
    }

    #[test]
    fn every_ready_mapping_is_a_mapping() {
        for text in [SINA, SINBA, HMIS] {
            Mapping::parse(text).expect(text);
        }
    }
}
