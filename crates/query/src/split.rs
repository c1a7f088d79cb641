//! How an answer divides the loss it offers: over area levels, and a count of what the bounds cut off.
//! The parts are declared in the question, so price, noise and receipt follow from it alone.

use crate::measure::Measure;
use crate::parse::{Fields, Parsed, id, refuse};
use crate::refusal::RefusalCode as Code;
use crate::strict_json::Json;
use crate::{MAX_PER_CELL, MAX_QUANTITY};
use geography::Level;
use std::ops::Range;

/// An area level and how many hundredths of the loss its cells get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelShare {
    /// The level.
    pub level: Level,
    /// Percent of rho.
    pub percent: u8,
}

/// A count of what the bounds cut off, released with the cells: over all units, the sum of what each would have added
/// beyond its L0 cells and Linf per cell, up to `at_most` a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// Percent of rho.
    pub percent: u8,
    /// The most one unit may add, in the measure's own unit.
    pub at_most: u32,
}

/// What a part of an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SliceOf {
    /// The cells of a level.
    Level(Level),
    /// The one count of what the bounds cut off.
    CutOff,
}

impl SliceOf {
    /// The public identifier: the level's, or `cut-off`.
    pub fn id(self) -> &'static str {
        match self {
            SliceOf::Level(level) => level.id(),
            SliceOf::CutOff => "cut-off",
        }
    }
}

/// A part of an answer with a loss and so a noise of its own. The parts of an answer lie side by side in its cells:
/// levels from the coarsest to the finest, then what was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// What it holds.
    pub of: SliceOf,
    /// Where its cells lie in the answer.
    pub cells: Range<usize>,
    /// Its part of the loss in nano-rho, rounded down: together the slices never exceed what is offered.
    pub rho_nano: u64,
}

/// One level, or several with their shares of the loss; coarsest first. A level alone has no share yet.
pub(crate) fn levels(json: &Json) -> Parsed<Vec<LevelShare>> {
    const PATH: &str = "$.by.area";
    let ids = Level::ALL.map(Level::id);
    let Json::Object(shares) = json else {
        let level = id(json, PATH, &ids, Level::from_id)?;
        return Ok(vec![LevelShare { level, percent: 0 }]);
    };
    if shares.len() < 2 {
        return refuse(
            PATH,
            Code::Empty,
            "must name at least two levels; write one level as a string",
        );
    }
    let mut fields = Fields::of(json, PATH)?;
    let mut levels = Vec::new();
    for level in Level::ALL {
        if shares.contains_key(level.id()) {
            let percent = fields.integer(level.id(), 1..=99)? as u8;
            levels.push(LevelShare { level, percent });
        } else {
            fields.optional(level.id());
        }
    }
    fields.finish()?;
    Ok(levels)
}

pub(crate) fn cut_off(json: &Json, measure: Measure) -> Parsed<CutOff> {
    let mut fields = Fields::of(json, "$.cut_off")?;
    let percent = fields.integer("share", 1..=50)? as u8;
    let most = match measure {
        Measure::Sum(_) => MAX_QUANTITY,
        _ => MAX_PER_CELL,
    };
    let at_most = fields.integer("at_most", 1..=i64::from(most))? as u32;
    fields.finish()?;
    Ok(CutOff { percent, at_most })
}

/// Shares are whole hundredths and make up the whole; none is so small that nothing of the loss is left for it.
pub(crate) fn share_out(
    levels: &mut [LevelShare],
    cut_off: Option<CutOff>,
    rho_nano: u64,
) -> Parsed<()> {
    let for_cut_off = cut_off.map_or(0, |cut_off| cut_off.percent);
    if let [only] = levels {
        only.percent = 100 - for_cut_off;
    }
    let percents = levels
        .iter()
        .map(|share| share.percent)
        .chain([for_cut_off]);
    let sum: u32 = percents.clone().map(u32::from).sum();
    if sum != 100 {
        return refuse(
            "$.by.area",
            Code::OutOfRange,
            format!("shares of the levels and of `cut_off` make {sum}; they must make 100"),
        );
    }
    let least = percents.filter(|percent| *percent > 0).min().unwrap_or(100);
    if rho_nano * u64::from(least) < 100 {
        return refuse(
            "$.rho",
            Code::OutOfRange,
            "is too small to be shared; offer at least 100",
        );
    }
    Ok(())
}
