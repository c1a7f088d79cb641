//! What completes a register's rows before they are read: other files joined by key, the search for a home, fixed words.
//! It says which columns do it and how, never where files and databases are: that is each node's own configuration.

use crate::csv_records::CsvFormat;
use crate::error::SnapshotError;
use crate::mapping::{Field, fault};
use crate::mapping_faults as faults;
use crate::notation::{Encoding, checked_delimiter, checked_header_line};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Column under which the NIL that [`HomeColumns`] led to is handed to the mapping.
pub const HOME_NIL: &str = "home.nil";
/// Column under which the municipio that [`HomeColumns`] led to is handed to the mapping.
pub const HOME_MUNICIPIO: &str = "home.municipio";

/// What completes the rows; nothing for most registers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Other sources, in the order in which they are joined.
    pub joins: Vec<Join>,
    /// How homes are found.
    pub home: Option<HomeColumns>,
    /// Fields that are the same in every row, with the register's word for them.
    pub constants: Vec<(Field, String)>,
}

/// Another source whose columns are added to each row that has its key, as `NAME.COLUMN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Its name in the node's configuration.
    pub name: String,
    /// The register's column, or one of a source joined before.
    pub key: String,
    /// The column of the source with the same values.
    pub their_key: String,
    /// How it is written, where it is a text file.
    pub format: Option<CsvFormat>,
}

/// Columns that tell where a person lives. The first that leads to an area decides: NIL, section, coordinates, address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HomeColumns {
    /// Number of the NIL.
    pub nil: Option<String>,
    /// Number of the municipio.
    pub municipio: Option<String>,
    /// Census section of 2011, alone or with the municipality's code before it.
    pub section: Option<String>,
    /// Latitude, WGS 84.
    pub latitude: Option<String>,
    /// Longitude, WGS 84.
    pub longitude: Option<String>,
    /// Street, with or without the civic number.
    pub street: Option<String>,
    /// Civic number.
    pub civic: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinInFile {
    name: String,
    key: String,
    their_key: String,
    #[serde(default)]
    delimiter: Option<char>,
    #[serde(default)]
    encoding: Option<Encoding>,
    #[serde(default)]
    header_line: Option<u32>,
}

impl Completion {
    /// Whether rows are read as they are.
    pub fn is_empty(&self) -> bool {
        self.joins.is_empty() && self.home.is_none() && self.constants.is_empty()
    }

    pub(crate) fn of(
        joins: Vec<JoinInFile>,
        home: Option<HomeColumns>,
        constants: BTreeMap<String, String>,
    ) -> Result<Completion, SnapshotError> {
        let home = home.map(checked_home).transpose()?;
        Ok(Completion {
            joins: checked_joins(joins)?,
            home,
            constants: checked_constants(constants)?,
        })
    }

    /// The column under which a constant is handed to the mapping.
    pub fn constant_column(field: Field) -> String {
        format!("constant.{}", field.name())
    }
}

fn checked_joins(joins: Vec<JoinInFile>) -> Result<Vec<Join>, SnapshotError> {
    let mut checked: Vec<Join> = Vec::new();
    for join in joins {
        let key = format!("join.{}", join.name);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if join.name.is_empty() || !join.name.bytes().all(plain) {
            return Err(fault("join.name", &faults::JOIN_NAME));
        }
        if ["home", "constant"].contains(&join.name.as_str())
            || checked.iter().any(|other| other.name == join.name)
        {
            return Err(fault(&key, &faults::JOIN_TAKEN));
        }
        let format = match (join.delimiter, join.encoding) {
            (None, None) => None,
            (Some(delimiter), Some(encoding)) => Some(CsvFormat {
                delimiter: checked_delimiter(&format!("{key}.delimiter"), delimiter)?,
                encoding,
                header_line: checked_header_line(&format!("{key}.header_line"), join.header_line)?,
            }),
            _ => {
                return Err(fault(&key, &faults::JOIN_FORMAT));
            }
        };
        checked.push(Join {
            name: join.name,
            key: join.key,
            their_key: join.their_key,
            format,
        });
    }
    Ok(checked)
}

fn checked_home(home: HomeColumns) -> Result<HomeColumns, SnapshotError> {
    if home.latitude.is_some() != home.longitude.is_some() {
        return Err(fault("home", &faults::DEGREES));
    }
    if home.civic.is_some() && home.street.is_none() {
        return Err(fault("home.civic", &faults::STREET));
    }
    if home == HomeColumns::default() {
        return Err(fault("home", &faults::NO_HOME));
    }
    Ok(home)
}

fn checked_constants(
    constants: BTreeMap<String, String>,
) -> Result<Vec<(Field, String)>, SnapshotError> {
    let mut checked = Vec::new();
    for (name, word) in constants {
        let key = format!("constants.{name}");
        let Some(field) = Field::ALL.iter().find(|field| field.name() == name) else {
            return Err(fault(&key, &faults::NO_FIELD));
        };
        if *field == Field::CodiceFiscale || *field == Field::Household {
            return Err(fault(&key, &faults::NOT_CONSTANT));
        }
        checked.push((*field, word));
    }
    Ok(checked)
}
