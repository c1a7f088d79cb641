//! The public areas an answer may be given for, as partitions of the city's micro-areas.
//! It knows names and containment only: no outlines, no counts of people, nothing from any register.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// How fine an area is. Every level is a partition of the micro-areas, so a unit with one home
/// micro-area is counted in exactly one area of each level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The whole city: one area.
    City,
    /// The nine municipi, and `unknown`.
    Municipio,
    /// The 88 nuclei di identità locale, and `unknown`.
    Nil,
    /// The pieces of NIL by municipio, 'NIL n, municipio unknown' where a NIL is split, and `unknown`.
    MicroArea,
}

impl Level {
    /// All levels, coarsest first.
    pub const ALL: [Level; 4] = [Level::City, Level::Municipio, Level::Nil, Level::MicroArea];

    /// The level's public identifier.
    pub fn id(self) -> &'static str {
        match self {
            Level::City => "city",
            Level::Municipio => "municipio",
            Level::Nil => "nil",
            Level::MicroArea => "micro-area",
        }
    }

    /// The level with this identifier.
    pub fn from_id(id: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.id() == id)
    }

    /// Whether this level is at most as fine as `limit`.
    pub fn within(self, limit: Level) -> bool {
        self <= limit
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

/// Index of a micro-area in [`Partition::keys`] of [`Level::MicroArea`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroArea(pub u16);

/// The public keys of every level and the key each micro-area belongs to.
#[derive(Debug)]
pub struct Partition {
    version: &'static str,
    keys: [Vec<String>; 4],
    of_micro_area: [Vec<u16>; 4],
    by_home: BTreeMap<(u16, u8), MicroArea>,
    unknown: MicroArea,
}

const MILAN_PIECES: &str = include_str!("../data/milan_pieces.csv");

impl Partition {
    /// Milan's 88 NIL, nine municipi and their pieces.
    pub fn milan() -> &'static Partition {
        static MILAN: OnceLock<Partition> = OnceLock::new();
        MILAN.get_or_init(|| Partition::from_pieces("milano-nil-2011", MILAN_PIECES))
    }

    fn from_pieces(version: &'static str, csv: &str) -> Partition {
        let mut municipi_of: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
        for line in csv.lines().filter(|line| !line.starts_with('#')).skip(1) {
            let mut fields = line.split(',');
            // Unwrap safety: the table is compiled in, and a test reads every line of it.
            let nil = fields.next().and_then(|f| f.parse().ok()).expect("nil");
            let municipio = fields
                .next()
                .and_then(|f| f.parse().ok())
                .expect("municipio");
            municipi_of.entry(nil).or_default().push(municipio);
        }

        let mut homes: Vec<(u16, u8)> = Vec::new();
        for (&nil, municipi) in &municipi_of {
            homes.extend(municipi.iter().map(|&municipio| (nil, municipio)));
            if municipi.len() > 1 {
                homes.push((nil, 0));
            }
        }
        homes.sort_unstable();
        let nils: Vec<u16> = municipi_of.keys().copied().collect();
        let municipi: Vec<u8> = (1..=9).collect();

        let mut micro = Vec::new();
        let (mut to_nil, mut to_municipio) = (Vec::new(), Vec::new());
        let mut by_home = BTreeMap::new();
        for (index, &(nil, municipio)) in homes.iter().enumerate() {
            micro.push(format!("{nil}.{municipio}"));
            by_home.insert((nil, municipio), MicroArea(index as u16));
            // A NIL in one municipio needs no municipio to be placed.
            if municipi_of[&nil].len() == 1 {
                by_home.insert((nil, 0), MicroArea(index as u16));
            }
            // Unwrap safety: every home's NIL comes from `nils`.
            to_nil.push(nils.binary_search(&nil).expect("known NIL") as u16);
            to_municipio.push(match municipio {
                0 => municipi.len() as u16,
                m => u16::from(m) - 1,
            });
        }
        let unknown = MicroArea(micro.len() as u16);
        micro.push("unknown".to_owned());
        to_nil.push(nils.len() as u16);
        to_municipio.push(municipi.len() as u16);

        let with_unknown = |ids: Vec<String>| -> Vec<String> {
            ids.into_iter().chain(["unknown".to_owned()]).collect()
        };
        let count = micro.len();
        Partition {
            version,
            of_micro_area: [
                vec![0; count],
                to_municipio,
                to_nil,
                (0..count as u16).collect(),
            ],
            keys: [
                vec!["milano".to_owned()],
                with_unknown(municipi.iter().map(u8::to_string).collect()),
                with_unknown(nils.iter().map(u16::to_string).collect()),
                micro,
            ],
            by_home,
            unknown,
        }
    }

    /// Name of this set of areas; answers over different versions are never composed.
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// The public keys of a level, in the order cells are laid out; `unknown` last.
    pub fn keys(&self, level: Level) -> &[String] {
        &self.keys[level as usize]
    }

    /// The index, in `keys(level)`, of the area that holds `micro_area`.
    pub fn area_of(&self, micro_area: MicroArea, level: Level) -> u16 {
        self.of_micro_area[level as usize][usize::from(micro_area.0)]
    }

    /// The micro-area of a home known by NIL and, where known, municipio. A municipio the NIL does
    /// not reach counts as not known; a home without a NIL is `unknown`.
    pub fn micro_area(&self, nil: Option<u16>, municipio: Option<u8>) -> MicroArea {
        nil.and_then(|nil| {
            municipio
                .and_then(|municipio| self.by_home.get(&(nil, municipio)))
                .or_else(|| self.by_home.get(&(nil, 0)))
        })
        .copied()
        .unwrap_or(self.unknown)
    }

    /// The micro-area of people whose home is not known, or must not be.
    pub fn unknown(&self) -> MicroArea {
        self.unknown
    }

    /// The municipi that hold residents of this NIL, ascending; empty for an unknown NIL.
    pub fn municipi_of_nil(&self, nil: u16) -> Vec<u8> {
        self.by_home
            .range((nil, 1)..=(nil, u8::MAX))
            .map(|(&(_, municipio), _)| municipio)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milan_has_its_pieces_and_levels() {
        let milan = Partition::milan();
        let counts = Level::ALL.map(|level| milan.keys(level).len());
        assert_eq!(counts, [1, 10, 89, 106 + 17 + 1]);
    }

    #[test]
    fn each_level_is_a_partition_of_the_micro_areas() {
        let milan = Partition::milan();
        for level in Level::ALL {
            let mut seen = vec![false; milan.keys(level).len()];
            for index in 0..milan.keys(Level::MicroArea).len() {
                seen[usize::from(milan.area_of(MicroArea(index as u16), level))] = true;
            }
            assert!(
                seen.into_iter().all(|s| s),
                "{level}: an area without pieces"
            );
        }
    }

    #[test]
    fn a_home_without_municipio_is_placed_only_where_the_nil_is_whole() {
        let milan = Partition::milan();
        let split = (1..=88).find(|&nil| milan.municipi_of_nil(nil).len() > 1);
        let split = split.expect("some NIL is split");
        let key = |area: MicroArea| milan.keys(Level::MicroArea)[usize::from(area.0)].clone();
        assert_eq!(
            key(milan.micro_area(Some(split), None)),
            format!("{split}.0")
        );
        assert_eq!(key(milan.micro_area(Some(1), None)), "1.1");
        assert_eq!(milan.micro_area(None, Some(3)), milan.unknown());
        assert_eq!(milan.micro_area(Some(999), Some(3)), milan.unknown());
    }
}
