//! Where a person lives, from whatever a row tells: NIL, census section, coordinates or address, the first that leads to an area.
//! What leads nowhere is blank, as if the row told nothing.

use crate::error::SourceError;
use crate::gazetteer::Gazetteer;
use crate::local::Places;
use crate::sentences::{NO_GAZETTEER, NO_OUTLINES};
use geography::{AreaIndex, Facts, Position, Sections, read_outlines};
use snapshot::{HomeColumns, Record, Sentence};

/// Finds homes.
pub(crate) struct Locator {
    nil: Option<usize>,
    municipio: Option<usize>,
    section: Option<usize>,
    coordinates: Option<(usize, usize, AreaIndex)>,
    address: Option<(usize, Option<usize>, Gazetteer)>,
}

impl Locator {
    /// Finds the columns with `find` and reads the files that are needed.
    pub(crate) fn new(
        home: &HomeColumns,
        places: &Places,
        find: impl Fn(&str, &str) -> Result<usize, SourceError>,
    ) -> Result<Locator, SourceError> {
        let column = |name: &Option<String>, key: &str| {
            name.as_deref().map(|name| find(name, key)).transpose()
        };
        let latitude = column(&home.latitude, "home.latitude")?;
        let longitude = column(&home.longitude, "home.longitude")?;
        let street = column(&home.street, "home.street")?;
        let civic = column(&home.civic, "home.civic")?;
        let needed = |key: &str, problem: &'static Sentence| SourceError::Config {
            key: format!("places.{key}"),
            problem: problem.into(),
        };
        let coordinates = match latitude.zip(longitude) {
            None => None,
            Some((latitude, longitude)) => {
                let path = places
                    .areas
                    .as_ref()
                    .ok_or_else(|| needed("areas", &NO_OUTLINES))?;
                let file = |source| SourceError::File {
                    path: path.clone(),
                    source,
                };
                let bytes = std::fs::read(path).map_err(file)?;
                let known: Vec<u16> = Facts::milan().areas().iter().map(|area| area.nil).collect();
                let outlines = read_outlines(&bytes, None, &known);
                let outlines = outlines.map_err(|error| file(std::io::Error::other(error)))?;
                Some((latitude, longitude, AreaIndex::new(outlines)))
            }
        };
        let address = match street {
            None => None,
            Some(street) => {
                let path = places
                    .gazetteer
                    .as_ref()
                    .ok_or_else(|| needed("gazetteer", &NO_GAZETTEER))?;
                Some((street, civic, Gazetteer::read(path)?))
            }
        };
        Ok(Locator {
            nil: column(&home.nil, "home.nil")?,
            municipio: column(&home.municipio, "home.municipio")?,
            section: column(&home.section, "home.section")?,
            coordinates,
            address,
        })
    }

    /// Writes NIL and municipio of a row's home, blank where nothing leads there.
    pub(crate) fn find(&self, record: &Record<'_>, nil: &mut String, municipio: &mut String) {
        nil.clear();
        municipio.clear();
        let field = |place: Option<usize>| place.map_or("", |place| record.field(place));
        municipio.push_str(field(self.municipio));
        let written = field(self.nil);
        if is_nil_text(written) {
            nil.push_str(written);
            return;
        }
        if let Some((found, of)) = Sections::milan().find(field(self.section)) {
            nil.push_str(&found.to_string());
            municipio.clear();
            municipio.push_str(&of.to_string());
            return;
        }
        if let Some((latitude, longitude, index)) = &self.coordinates {
            let degrees = |place| record.field(place).replace(',', ".").parse::<f64>().ok();
            let position = degrees(*longitude).zip(degrees(*latitude));
            let position = position.and_then(|(lon, lat)| Position::try_new(lon, lat));
            if let Some(found) = position.and_then(|position| index.find(position)) {
                nil.push_str(&found.to_string());
                return;
            }
        }
        if let Some((street, civic, gazetteer)) = &self.address {
            let (found, of) = gazetteer.find(record.field(*street), field(*civic));
            if is_nil_text(found) {
                nil.push_str(found);
                municipio.clear();
                municipio.push_str(of);
            }
        }
    }
}

fn is_nil_text(text: &str) -> bool {
    text.parse()
        .is_ok_and(|nil| Facts::milan().area(nil).is_some())
}
