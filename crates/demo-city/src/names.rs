//! Surnames, first names, countries and birthplaces from which invented people are made.
//! All lists are of common names; no list of real persons is behind them.

use std::sync::OnceLock;

use crate::population::Citizenship;
use crate::rng::Rng;

/// A country people come from.
pub(crate) struct Origin {
    /// Citizenship group of its people.
    pub(crate) citizenship: Citizenship,
    /// Continent in the order of the margins (Europe, Africa, America, Asia) and weight within it.
    continent: usize,
    weight: f64,
    /// Cadastral code of the country (of Milan for Italy).
    pub(crate) place: &'static str,
    /// Which pool its names come from.
    pool: usize,
}

const fn origin(
    citizenship: Citizenship,
    continent: usize,
    weight: f64,
    place: &'static str,
    pool: usize,
) -> Origin {
    Origin {
        citizenship,
        continent,
        weight,
        place,
        pool,
    }
}

use Citizenship::{Eu, Italian, NonEu};

/// Italy first, then the larger foreign communities of Milan with their cadastral codes; weights are ours.
pub(crate) static ORIGINS: [Origin; 22] = [
    origin(Italian, 9, 0.0, "F205", 0),
    origin(Eu, 0, 38.0, "Z129", 1),
    origin(Eu, 0, 8.0, "Z104", 1),
    origin(Eu, 0, 6.0, "Z127", 1),
    origin(Eu, 0, 7.0, "Z110", 2),
    origin(Eu, 0, 6.0, "Z131", 2),
    origin(NonEu, 0, 22.0, "Z138", 1),
    origin(NonEu, 0, 13.0, "Z100", 1),
    origin(NonEu, 1, 62.0, "Z336", 3),
    origin(NonEu, 1, 20.0, "Z330", 3),
    origin(NonEu, 1, 9.0, "Z343", 4),
    origin(NonEu, 1, 9.0, "Z335", 4),
    origin(NonEu, 2, 48.0, "Z611", 2),
    origin(NonEu, 2, 32.0, "Z605", 2),
    origin(NonEu, 2, 12.0, "Z506", 2),
    origin(NonEu, 2, 8.0, "Z602", 2),
    origin(NonEu, 3, 42.0, "Z216", 2),
    origin(NonEu, 3, 33.0, "Z210", 5),
    origin(NonEu, 3, 15.0, "Z209", 6),
    origin(NonEu, 3, 6.0, "Z249", 6),
    origin(NonEu, 3, 4.0, "Z236", 6),
    origin(NonEu, 3, 3.0, "Z222", 6),
];

/// Birthplaces of Italians and their weights: Milan, then other cities whose people moved to it.
const BIRTHPLACES: [(&str, f64); 16] = [
    ("F205", 66.0),
    ("F839", 4.0),
    ("H501", 3.0),
    ("L219", 3.0),
    ("A662", 3.0),
    ("G273", 3.0),
    ("C351", 2.0),
    ("D969", 2.0),
    ("F704", 4.0),
    ("A794", 2.0),
    ("B157", 2.0),
    ("D612", 1.5),
    ("A944", 1.5),
    ("H224", 1.5),
    ("F158", 1.0),
    ("L736", 1.0),
];

/// Surnames, women's and men's first names of one group.
struct Pool {
    surnames: Vec<&'static str>,
    women: Vec<&'static str>,
    men: Vec<&'static str>,
}

/// The groups of names, in the order `ORIGINS` refers to.
fn pools() -> &'static [Pool] {
    static POOLS: OnceLock<Vec<Pool>> = OnceLock::new();
    POOLS.get_or_init(|| {
        let lines = include_str!("../data/names.csv")
            .lines()
            .filter(|line| !line.starts_with('#'));
        let list = |cell: Option<&'static str>| cell.unwrap_or_default().split('|').collect();
        lines
            .skip(1)
            .map(|line| {
                let mut cells = line.split(',').skip(1);
                Pool {
                    surnames: list(cells.next()),
                    women: list(cells.next()),
                    men: list(cells.next()),
                }
            })
            .collect()
    })
}

/// A country drawn for a foreign household from the continents of its NIL; Europe where none is known.
pub(crate) fn draw_origin(continents: [u64; 4], rng: &mut Rng) -> u8 {
    let continent = rng.weighted(&continents.map(|count| count as f64));
    let weights: [f64; ORIGINS.len()] = std::array::from_fn(|index| {
        if ORIGINS[index].continent == continent {
            ORIGINS[index].weight
        } else {
            0.0
        }
    });
    rng.weighted(&weights) as u8
}

/// A surname of an origin; the lists are in order of frequency and earlier ones are drawn more often.
pub(crate) fn draw_surname(origin: u8, rng: &mut Rng) -> &'static str {
    draw(&pools()[ORIGINS[usize::from(origin)].pool].surnames, rng)
}

/// A first name, sometimes two.
pub(crate) fn draw_name(origin: u8, female: bool, rng: &mut Rng) -> String {
    let pool = &pools()[ORIGINS[usize::from(origin)].pool];
    let names = if female { &pool.women } else { &pool.men };
    let first = draw(names, rng);
    let second = draw(names, rng);
    if rng.chance(0.18) && second != first {
        format!("{first} {second}")
    } else {
        first.to_owned()
    }
}

/// Cadastral code of a birthplace; the children of foreigners are mostly born in Milan.
pub(crate) fn draw_birthplace(origin: u8, born_since_2005: bool, rng: &mut Rng) -> &'static str {
    if origin != 0 && !(born_since_2005 && rng.chance(0.75)) {
        return ORIGINS[usize::from(origin)].place;
    }
    if born_since_2005 {
        return "F205";
    }
    BIRTHPLACES[rng.weighted(&BIRTHPLACES.map(|(_, weight)| weight))].0
}

/// Draws with probability falling along the list.
fn draw<T: Copy>(list: &[T], rng: &mut Rng) -> T {
    let position = rng.unit();
    list[((position * position.sqrt() * list.len() as f64) as usize).min(list.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_origin_has_names_that_a_latin_1_register_can_hold() {
        assert_eq!(pools().len(), 7);
        for origin in &ORIGINS {
            let pool = &pools()[origin.pool];
            for names in [&pool.surnames, &pool.women, &pool.men] {
                assert!(names.len() >= 8);
                let fits = |name: &&str| {
                    !name.is_empty() && name.chars().all(|c| u32::from(c) < 256 && c != ';')
                };
                assert!(names.iter().all(fits));
            }
        }
    }
}
