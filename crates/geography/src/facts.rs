//! Public facts of each area: name, municipi, residents, families, size, centroid.
//! A table of ours compiled in; it holds official totals only and never anything from a register.

use crate::outline::Position;
use serde::{Serialize, Serializer};
use std::sync::OnceLock;

/// What is publicly known of one NIL.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AreaFacts {
    /// Official id (`ID_NIL`); written as a string, as in the keys of [`crate::Level::Nil`].
    #[serde(serialize_with = "as_string")]
    pub nil: u16,
    /// Official name, in capitals as published. Editions differ: join by `nil`, never by name.
    pub name: String,
    /// Registered residents, 2021.
    pub residents: u32,
    /// Registered families, 2021.
    pub families: u32,
    /// Surface, square kilometres.
    pub area_km2: f64,
    /// Centroid of the official polygon.
    pub centroid: Position,
    /// Municipi that hold its residents: the one with most of them first, the others ascending.
    pub municipi: Vec<u8>,
}

fn as_string<S: Serializer>(nil: &u16, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(nil)
}

impl AreaFacts {
    /// The municipio with most of the area's residents.
    pub fn main_municipio(&self) -> u8 {
        self.municipi[0]
    }
}

/// The table of facts of a city's areas, ascending by id.
#[derive(Debug)]
pub struct Facts {
    areas: Vec<AreaFacts>,
}

const MILAN: &str = include_str!("../data/milan_facts.csv");

/// Where the facts come from, with licences, as shown to readers.
pub const MILAN_SOURCE: &str = "Comune di Milano: NIL (PGT 2030), famiglie 2021, CC BY 4.0; \
    ISTAT: sezioni di censimento 2011, CC BY 3.0 IT";

impl Facts {
    /// Who published residents and families, with the licence.
    pub const SOURCE: &'static str =
        "Comune di Milano, family tables by NIL (DS1440, DS205), CC BY 4.0";

    /// As of when they were registered.
    pub const DATE: &'static str = "2021";

    /// Milan's 88 NIL.
    pub fn milan() -> &'static Facts {
        static FACTS: OnceLock<Facts> = OnceLock::new();
        FACTS.get_or_init(|| {
            // Unwrap safety: the table is compiled in, and a test reads every line of it.
            Facts::from_table(MILAN).expect("the compiled-in table of facts")
        })
    }

    fn from_table(csv: &str) -> Option<Facts> {
        let lines = csv.lines().filter(|line| !line.starts_with('#')).skip(1);
        let mut areas = lines.map(area).collect::<Option<Vec<_>>>()?;
        areas.sort_by_key(|area| area.nil);
        Some(Facts { areas })
    }

    /// All areas, ascending by id.
    pub fn areas(&self) -> &[AreaFacts] {
        &self.areas
    }

    /// The facts of one area; none for an unknown id.
    pub fn area(&self, nil: u16) -> Option<&AreaFacts> {
        let index = self.areas.binary_search_by_key(&nil, |area| area.nil);
        index.ok().map(|index| &self.areas[index])
    }
}

fn area(line: &str) -> Option<AreaFacts> {
    let fields: Vec<&str> = line.split(',').collect();
    let [
        nil,
        name,
        main,
        municipi,
        residents,
        families,
        area_km2,
        lon,
        lat,
    ] = fields[..]
    else {
        return None;
    };
    let main: u8 = main.parse().ok()?;
    let mut all = vec![main];
    for municipio in municipi.split(' ') {
        let municipio = municipio.parse().ok()?;
        if municipio != main {
            all.push(municipio);
        }
    }
    Some(AreaFacts {
        nil: nil.parse().ok()?,
        name: name.to_owned(),
        residents: residents.parse().ok()?,
        families: families.parse().ok()?,
        area_km2: area_km2.parse().ok()?,
        centroid: Position::try_new(lon.parse().ok()?, lat.parse().ok()?)?,
        municipi: all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::{Level, Partition};

    #[test]
    fn every_line_of_the_table_is_read_and_sums_to_the_published_city() {
        let facts = Facts::from_table(MILAN).expect("all lines parse");
        assert_eq!(facts.areas().len(), 88);
        let residents: u32 = facts.areas().iter().map(|area| area.residents).sum();
        let families: u32 = facts.areas().iter().map(|area| area.families).sum();
        assert_eq!((residents, families), (1_386_285, 751_850));
        let km2: f64 = facts.areas().iter().map(|area| area.area_km2).sum();
        assert!((km2 - 180.697).abs() < 1e-6, "{km2}");
    }

    #[test]
    fn facts_and_partition_name_the_same_areas_and_municipi() {
        let (facts, partition) = (Facts::milan(), Partition::milan());
        let ids: Vec<String> = facts.areas().iter().map(|a| a.nil.to_string()).collect();
        let keys = partition.keys(Level::Nil);
        assert_eq!(ids, keys[..keys.len() - 1]);
        for area in facts.areas() {
            let mut municipi = area.municipi.clone();
            municipi.sort_unstable();
            assert_eq!(
                municipi,
                partition.municipi_of_nil(area.nil),
                "{}",
                area.nil
            );
        }
    }

    #[test]
    fn facts_are_plausible_and_found_by_id() {
        for area in Facts::milan().areas() {
            assert!(!area.name.is_empty());
            assert!(area.families <= area.residents, "{}", area.nil);
            assert!(
                (0.05..20.0).contains(&area.area_km2),
                "{} {}",
                area.nil,
                area.area_km2
            );
            assert!((9.03..9.29).contains(&area.centroid.lon()), "{}", area.nil);
            assert!(
                (45.38..45.54).contains(&area.centroid.lat()),
                "{}",
                area.nil
            );
        }
        assert_eq!(
            Facts::milan().area(1).map(|a| a.name.as_str()),
            Some("DUOMO")
        );
        assert!(Facts::milan().area(0).is_none());
    }

    #[test]
    fn facts_are_served_with_the_id_as_a_string_and_the_centroid_as_a_pair() {
        let json = serde_json::to_string(Facts::milan().area(1).expect("Duomo")).expect("json");
        assert_eq!(
            json,
            r#"{"nil":"1","name":"DUOMO","residents":16706,"families":9118,"area_km2":2.328,"centroid":[9.18695,45.46371],"municipi":[1]}"#
        );
    }

    #[test]
    fn a_table_with_a_broken_line_is_no_table() {
        let broken = MILAN.replace("16706", "many");
        assert!(Facts::from_table(&broken).is_none());
    }
}
