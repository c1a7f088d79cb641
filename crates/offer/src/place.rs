//! Where a site is: from latitude and longitude, or from the NIL and municipio that a file states.
//! A place that cannot be is a remark, and the site goes on without it.

use crate::model::Offer;
use crate::sentences::{DEGREES, NO_MUNICIPIO, NO_NIL};
use crate::table::{Notes, Row, Table};
use geography::{Level, Outlines, Partition, Position};

/// A position within latitude 90 and longitude 180 degrees.
pub(crate) fn position(
    table: &Table,
    row: &Row,
    [lat_column, lon_column]: [&str; 2],
    notes: &mut Notes,
) -> Option<Position> {
    let mut degrees = |column: &str, most: f64| {
        let text = row.cell(column)?;
        let value = text.replace(',', ".").parse().ok();
        let value = value.filter(|value: &f64| value.is_finite() && value.abs() <= most);
        if value.is_none() {
            let problem = DEGREES.with([text, &most.to_string()]);
            notes.remark(table, row, column, problem);
        }
        value
    };
    let (lat, lon) = (degrees(lat_column, 90.0), degrees(lon_column, 180.0));
    Position::try_new(lon?, lat?)
}

/// A NIL by its number.
pub(crate) fn nil(table: &Table, row: &Row, column: &str, notes: &mut Notes) -> Option<u16> {
    let text = row.cell(column)?;
    let known = |nil: &u16| {
        let keys = Partition::milan().keys(Level::Nil);
        keys.iter().any(|key| *key == nil.to_string())
    };
    let nil = text.parse().ok().filter(known);
    if nil.is_none() {
        notes.fault(table, row, column, NO_NIL.with([text]));
    }
    nil
}

/// A municipio, as `3` or with words before it, as in `Municipio 3`.
pub(crate) fn municipio(table: &Table, row: &Row, column: &str, notes: &mut Notes) -> Option<u8> {
    let text = row.cell(column)?;
    let number = text.rsplit(' ').next().unwrap_or(text).parse();
    let municipio = number.ok().filter(|number| (1..=9).contains(number));
    if municipio.is_none() {
        notes.fault(table, row, column, NO_MUNICIPIO.with([text]));
    }
    municipio
}

impl Offer {
    /// Finds the NIL of sites that have a position and no NIL, by the outlines of the city; returns how many positions lie in
    /// none of them.
    pub fn place(&mut self, outlines: &Outlines) -> usize {
        let mut outside = 0;
        for site in self.sites.iter_mut().filter(|site| site.nil.is_none()) {
            let Some(position) = site.position else {
                continue;
            };
            let area = outlines.areas().iter().find(|area| area.contains(position));
            site.nil = area.map(|area| area.nil());
            outside += usize::from(area.is_none());
        }
        outside
    }
}
