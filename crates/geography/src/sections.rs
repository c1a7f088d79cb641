//! Census sections of 2011: which NIL and municipio each lies in. Registers that know a section know a micro-area.
//! Sections serve inputs only; nothing is ever released by them.

use std::sync::OnceLock;

const SECTIONS: &str = include_str!("../data/milan_sections.csv");
/// ISTAT's code of the municipality, before the section's seven digits in a full code.
const MILAN: u64 = 15_146;
const FULL_CODE: u64 = 10_000_000;

/// Milan's census sections.
pub struct Sections {
    /// By number of the section: NIL and municipio, (0, 0) where there is no such section.
    homes: Vec<(u16, u8)>,
}

impl Sections {
    /// The sections of the census of 2011.
    pub fn milan() -> &'static Sections {
        static SECTIONS_OF_MILAN: OnceLock<Sections> = OnceLock::new();
        // Unwrap safety: the table is part of the program and a test reads it.
        SECTIONS_OF_MILAN.get_or_init(|| Sections::parse(SECTIONS).expect("a valid table"))
    }

    fn parse(table: &str) -> Option<Sections> {
        let mut homes = Vec::new();
        let rows = table.lines().filter(|line| !line.starts_with('#')).skip(1);
        for row in rows {
            let mut fields = row.split(',');
            let nil = fields.next()?.parse().ok()?;
            let municipio = fields.next()?.parse().ok()?;
            for range in fields.next()?.split(' ') {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
                homes.resize(homes.len().max(last + 1), (0, 0));
                let places = homes.get_mut(first..=last)?;
                if places.iter().any(|home| *home != (0, 0)) {
                    return None;
                }
                places.fill((nil, municipio));
            }
        }
        Some(Sections { homes })
    }

    /// NIL and municipio of a section, written as its number or as the full code of ISTAT; `None` where there is none.
    pub fn find(&self, code: &str) -> Option<(u16, u8)> {
        if !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u64 = code.parse().ok()?;
        let number = match number / FULL_CODE {
            0 | MILAN => number % FULL_CODE,
            _ => return None,
        };
        let home = self.homes.get(usize::try_from(number).ok()?).copied();
        home.filter(|home| *home != (0, 0))
    }

    /// How many sections there are.
    pub fn count(&self) -> usize {
        self.homes.iter().filter(|home| **home != (0, 0)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Partition;

    #[test]
    fn every_section_lies_in_a_known_area() {
        let sections = Sections::milan();
        assert_eq!(sections.count(), 6_079);
        let areas = Partition::milan();
        for number in 0..7_000 {
            if let Some((nil, municipio)) = sections.find(&number.to_string()) {
                assert_ne!(
                    areas.micro_area(Some(nil), Some(municipio)),
                    areas.unknown()
                );
                assert!((1..=9).contains(&municipio));
            }
        }
    }

    #[test]
    fn a_section_is_known_by_number_and_by_full_code_of_this_city_only() {
        let sections = Sections::milan();
        assert_eq!(sections.find("236"), Some((1, 1)));
        assert_eq!(sections.find("0000236"), Some((1, 1)));
        assert_eq!(sections.find("151460000236"), Some((1, 1)));
        assert_eq!(sections.find("0151460000236"), Some((1, 1)));
        for code in [
            "",
            "0",
            "9999",
            "580910000236",
            "x",
            "-1",
            "236.0",
            "99999999999999999999",
        ] {
            assert_eq!(sections.find(code), None, "{code}");
        }
    }
}
