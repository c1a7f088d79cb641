//! What an answer counts. Every measure is an additive vector of integers that are never negative, so that bounding,
//! noise and composition are the same for all; means, rates and quantiles are derived from releases.

use taxonomy::model::Quantity;

/// What is counted. Only events of the services asked count ("counted events").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// People with at least one counted event in the period.
    Persons,
    /// Service events, up to `per_cell` of one person in one cell.
    Events,
    /// Households of which at least one member, in the groups asked, has a counted event in the period.
    Households,
    /// People whose first counted event on record falls in the period.
    FirstTime,
    /// A quantity of counted events, summed up to `per_cell` of one person in one cell.
    Sum(Quantity),
    /// People with at least one counted event, by what their quantity in the period adds up to.
    Bins(Quantity),
}

impl Measure {
    /// The public identifiers, as they stand in queries, studies and policies.
    pub const IDS: [&'static str; 6] = [
        "persons",
        "events",
        "households",
        "first-time",
        "sum",
        "bins",
    ];

    /// The public identifier. The quantity has a field of its own.
    pub fn id(self) -> &'static str {
        match self {
            Measure::Persons => "persons",
            Measure::Events => "events",
            Measure::Households => "households",
            Measure::FirstTime => "first-time",
            Measure::Sum(_) => "sum",
            Measure::Bins(_) => "bins",
        }
    }

    /// The quantity it reads, if any.
    pub fn quantity(self) -> Option<Quantity> {
        match self {
            Measure::Sum(quantity) | Measure::Bins(quantity) => Some(quantity),
            _ => None,
        }
    }

    /// Whether one unit may add more than one to a cell.
    pub fn is_weighted(self) -> bool {
        matches!(self, Measure::Events | Measure::Sum(_))
    }

    /// Whether units are people or households that several organisations may know, so that sums over organisations are
    /// presences, between the largest organisation and the sum.
    pub fn is_presence(self) -> bool {
        matches!(self, Measure::Persons | Measure::Households)
    }
}

/// How much one unit, a person or for households a household, may influence an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// L0: the number of cells one unit may touch.
    pub cells: u32,
    /// Linf: the most one unit may add to one cell; 1 unless the measure is weighted. In the measure's own unit:
    /// events, cents, minutes.
    pub per_cell: u32,
}
