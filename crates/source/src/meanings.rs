//! What a register's words mean, where everybody writes them so; and how words are compared, whatever their case, accents and signs.

use crate::names::{ANSWERS, CITIZENSHIPS, DWELLINGS, OCCUPATIONS, ROLES, SERVICES, SEXES};
use crate::nationalities;
use snapshot::Field;
use taxonomy::Taxonomy;
use taxonomy::model::{Benefit, CitizenshipGroup, Dwelling, HouseholdRole, Need, Occupation, Sex};

/// Capital letters and digits of a name, without accents.
pub(crate) fn plain(name: &str) -> String {
    let letters = name.chars().flat_map(char::to_uppercase).map(|c| match c {
        'À' | 'Á' => 'A',
        'È' | 'É' => 'E',
        'Ì' | 'Í' => 'I',
        'Ò' | 'Ó' => 'O',
        'Ù' | 'Ú' => 'U',
        c => c,
    });
    letters.filter(|c| c.is_ascii_alphanumeric()).collect()
}

/// Small words that change nothing: *Tipo di servizio*, *N. ore*, *Pasti a domicilio*.
const SMALL_WORDS: [&str; 17] = [
    "A", "AD", "D", "DA", "DEI", "DEL", "DELL", "DELLA", "DELLO", "DI", "E", "IL", "LA", "N", "NR",
    "NUM", "OF",
];

/// A name or word without small words.
pub(crate) fn without_small_words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).map(plain);
    words
        .filter(|word| !SMALL_WORDS.contains(&word.as_str()))
        .collect()
}

/// Words that registers use for a field although their beginning need not hold them.
pub(crate) fn usual(field: Field) -> &'static [(&'static str, &'static str)] {
    match field {
        Field::Citizenship => &[("IT", "italian"), ("UE", "eu"), ("EXTRA-UE", "non-eu")],
        Field::Carer => &[("SI", "yes"), ("NO", "no")],
        Field::Role => &ROLES,
        _ => &[],
    }
}

/// The identifier that a word means, where everybody writes it so.
pub(crate) fn meaning(field: Field, word: &str) -> Option<String> {
    let bare = plain(word);
    let of = |table: &[(&str, &str)]| {
        table
            .iter()
            .find(|(known, _)| *known == bare)
            .map(|(_, id)| (*id).to_owned())
    };
    let id = || {
        let mut ids = identifiers(field).into_iter();
        ids.find(|id| plain(id) == bare)
    };
    match field {
        Field::Sex => of(&SEXES),
        Field::Citizenship => of(&CITIZENSHIPS)
            .or_else(id)
            .or_else(|| nationalities::group(&bare).map(str::to_owned)),
        Field::Need | Field::Benefit => id(),
        Field::Role => of(&ROLES).or_else(id),
        Field::Carer => of(&ANSWERS),
        Field::Occupation => of(&OCCUPATIONS).or_else(id),
        Field::Dwelling => of(&DWELLINGS).or_else(id),
        Field::Service => {
            let services = Taxonomy::current().services();
            let named = services.iter().find(|service| {
                [&service.id, &service.it, &service.en]
                    .iter()
                    .any(|name| plain(name) == bare)
            });
            named
                .map(|service| service.id.clone())
                .or_else(|| siuss_service(word))
                .or_else(|| {
                    let bare = without_small_words(word);
                    let (_, id) = SERVICES.iter().find(|(known, _)| *known == bare)?;
                    // Another list of services need not have it.
                    let known = Taxonomy::current().service_index(id);
                    known.map(|_| (*id).to_owned())
                })
        }
        _ => None,
    }
}

/// The service of a SIUSS code, as the ready mapping for flows has it.
fn siuss_service(code: &str) -> Option<String> {
    let line = crate::profile::SINA.lines().find_map(|line| {
        line.strip_prefix('"')?
            .strip_prefix(code)?
            .strip_prefix("\" = \"")
    })?;
    let id = line.strip_suffix('"')?;
    Taxonomy::current().service_index(id).map(|_| id.to_owned())
}

/// What identifiers a field's words can mean.
pub fn identifiers(field: Field) -> Vec<String> {
    let owned = |ids: Vec<&'static str>| ids.into_iter().map(str::to_owned).collect();
    match field {
        Field::Service => Taxonomy::current()
            .services()
            .iter()
            .map(|service| service.id.clone())
            .collect(),
        Field::Sex => owned(Sex::ALL.iter().map(|sex| sex.id()).collect()),
        Field::Citizenship => owned(
            CitizenshipGroup::ALL
                .iter()
                .map(|group| group.id())
                .collect(),
        ),
        Field::Need => owned(Need::ALL.iter().map(|need| need.id()).collect()),
        Field::Benefit => owned(Benefit::ALL.iter().map(|benefit| benefit.id()).collect()),
        Field::Role => owned(HouseholdRole::ALL.iter().map(|role| role.id()).collect()),
        Field::Carer => owned(vec!["yes", "no"]),
        Field::Occupation => owned(Occupation::ALL.iter().map(|work| work.id()).collect()),
        Field::Dwelling => owned(Dwelling::ALL.iter().map(|home| home.id()).collect()),
        _ => Vec::new(),
    }
}
