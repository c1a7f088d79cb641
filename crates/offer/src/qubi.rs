//! The columns of the public QuBi map of services for families of Milan: one row for each service at a place.

use crate::error::OfferError;
use crate::model::{Offer, OfferedService, Opening, Site};
use crate::place;
use crate::table::{Notes, Table, need_columns};
use std::collections::BTreeSet;
use taxonomy::Taxonomy;

/// The 18 columns; name, kind of place and position are required.
pub const COLUMNS: [&str; 18] = [
    "nome_servizio",
    "tipo_luogo",
    "ente_gestore",
    "macroarea",
    "descrizione",
    "destinatari",
    "indirizzo",
    "quartiere",
    "giorni_orari",
    "modalita_accesso",
    "telefono",
    "email",
    "costo",
    "latitudine",
    "longitudine",
    "fonte",
    "stato_verifica",
    "municipio",
];
const REQUIRED: [&str; 4] = ["nome_servizio", "tipo_luogo", "latitudine", "longitudine"];

/// Whether the columns are these.
pub(crate) fn fits(table: &Table) -> bool {
    table.columns.iter().any(|column| column == "nome_servizio")
}

pub(crate) fn read(table: &Table, notes: &mut Notes) -> Result<Offer, OfferError> {
    need_columns(table, &REQUIRED)?;
    let mut offer = Offer::default();
    for row in &table.rows {
        let [name, _, latitude, longitude] =
            REQUIRED.map(|column| notes.required(table, row, column));
        let (Some(name), Some(latitude), Some(longitude)) = (name, latitude, longitude) else {
            continue;
        };
        // Two services of one body at one point share the site.
        let manager = row.text("ente_gestore");
        let site = format!(
            "{} @ {latitude}, {longitude}",
            manager.as_deref().unwrap_or(&name)
        );
        if offer.site(&site).is_none() {
            offer.sites.push(Site {
                id: site.clone(),
                name: manager.clone().unwrap_or_else(|| name.clone()),
                organisation: manager.clone(),
                address: row.text("indirizzo"),
                position: place::position(table, row, ["latitudine", "longitudine"], notes),
                nil: None,
                municipio: place::municipio(table, row, "municipio", notes),
            });
        }
        let served = row.text("destinatari");
        offer.services.push(OfferedService {
            id: format!("{}", row.number),
            name,
            organisation: manager,
            description: row.text("descrizione").or_else(|| row.text("macroarea")),
            service: None,
            targets: served.as_deref().map(named).unwrap_or_default(),
            served,
            ages: crate::model::Ages::default(),
            sites: [site].into(),
            capacity: None,
            cost: row.text("costo"),
            opening: (row.text("giorni_orari").into_iter())
                .map(|words| Opening {
                    description: Some(words),
                    ..Opening::default()
                })
                .collect(),
            access: row.text("modalita_accesso"),
        });
    }
    Ok(offer)
}

/// Targets that a text names, each by its whole Italian or English name or its identifier, in a list.
pub(crate) fn named(text: &str) -> BTreeSet<String> {
    let words: Vec<String> = (text.split([',', ';', '|', '/']))
        .map(|part| part.trim().to_lowercase())
        .collect();
    let is_named = |target: &&taxonomy::Target| {
        let names = [&target.id, &target.it, &target.en];
        words
            .iter()
            .any(|word| names.iter().any(|name| name.to_lowercase() == *word))
    };
    let targets = Taxonomy::current().targets().iter().filter(is_named);
    targets.map(|target| target.id.clone()).collect()
}
