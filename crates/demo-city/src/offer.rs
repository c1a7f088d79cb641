//! What each organisation offers, and where: sites placed by the residents of the NIL it works in.
//! It is public and invented; it uses nothing of what the organisation's clients are like.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::CityError;
use crate::margins::NilMargins;
use crate::organisations::{Profile, SERVICES};
use crate::rng::Rng;

/// Columns of `offer.csv`.
const COLUMNS: &str = "site,name,organisation,service,targets,served,capacity,cost,days,opens_at,closes_at,access,nil,municipio";

/// What is told of each service, in the order of [`SERVICES`]: name, targets, whom it serves, places for each thousand
/// clients who choose it, cost.
const OFFERED: [(&str, &str, &str, f64, &str); 10] = [
    ("Sportello sociale", "", "Tutti", 12.0, "gratuito"),
    (
        "Assistenza domiciliare",
        "elderly-care-need|disability",
        "Anziani e persone con disabilità",
        90.0,
        "secondo ISEE",
    ),
    (
        "Centro diurno",
        "elderly-65-plus|disability",
        "Anziani e persone con disabilità",
        60.0,
        "secondo ISEE",
    ),
    (
        "Distribuzione alimentare",
        "food-need|low-income",
        "Famiglie in difficoltà",
        150.0,
        "gratuito",
    ),
    (
        "Contributi economici",
        "low-income|extreme-poverty",
        "Persone a basso reddito",
        20.0,
        "gratuito",
    ),
    (
        "Sportello casa",
        "housing-need|eviction-risk",
        "Chi cerca casa o rischia di perderla",
        15.0,
        "gratuito",
    ),
    (
        "Doposcuola",
        "minors-education-need|minors",
        "Minori",
        80.0,
        "gratuito",
    ),
    (
        "Corso di italiano",
        "language-need",
        "Chi impara l'italiano",
        100.0,
        "gratuito",
    ),
    (
        "Sportello lavoro",
        "unemployed|work-need",
        "Chi cerca lavoro",
        25.0,
        "gratuito",
    ),
    (
        "Pasti a domicilio",
        "elderly-75-plus",
        "Anziani",
        70.0,
        "6,50 euro a pasto",
    ),
];

/// Where an organisation's offer lies in a city's directory.
pub fn offer_path(dir: &Path, organisation: &str) -> PathBuf {
    dir.join(organisation).join("offer.csv")
}

/// Writes `DIR/<id>/offer.csv`: up to twelve sites with up to three services each.
pub(crate) fn write(
    margins: &[NilMargins],
    profile: &Profile,
    number: usize,
    seed: u64,
    dir: &Path,
) -> Result<(), CityError> {
    let path = offer_path(dir, &profile.id);
    let mut text = format!("{COLUMNS}\n").into_bytes();
    let mut rng = Rng::stream(seed, &[13, number as u64]);
    let pieces: Vec<(u8, u8, f64)> = (margins.iter())
        .flat_map(|nil| {
            let pieces = nil.municipi.iter();
            pieces.map(move |&(municipio, residents)| (nil.nil, municipio, residents as f64))
        })
        .collect();
    let weights: Vec<f64> = (pieces.iter())
        .map(|&(_, municipio, residents)| residents * profile.works_in(municipio))
        .collect();
    let sites = (profile.clients / 6_000).clamp(1, 12) as usize;
    let all: f64 = profile.services.iter().map(|(_, weight)| weight).sum();
    for site in 1..=sites {
        let (nil, municipio, _) = pieces[rng.weighted(&weights)];
        let (from, to) = [("09:00", "13:00"), ("09:00", "17:00"), ("14:00", "18:00")][rng.below(3)];
        let mut offered = profile.services.clone();
        rng.shuffle(&mut offered);
        for (service, weight) in offered.into_iter().take(1 + rng.below(3)) {
            let (name, targets, served, places, cost) = OFFERED[service];
            let clients = profile.clients as f64 * weight / all / sites as f64;
            let capacity = (clients / 1_000.0 * places).ceil().max(5.0) as u64;
            let days = if rng.chance(0.3) {
                "MO WE FR"
            } else {
                "MO TU WE TH FR"
            };
            // Writing to a vector cannot fail.
            let _ = writeln!(
                text,
                "{organisation} {site},{name},\"{organisation}\",{service},{targets},{served},{capacity},\"{cost}\",{days},{from},{to},,{nil},{municipio}",
                organisation = profile.name.replace(',', ""),
                service = SERVICES[service],
            );
        }
    }
    std::fs::write(&path, text).map_err(CityError::at(&path))
}
