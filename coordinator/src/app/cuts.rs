//! What the bounds of a question cut off, as far as the question alone says: numbers of two releases are of the same kind only where
//! they are cut alike. How much was cut off nobody reads here.

use query::AggregateQuery;

/// How a question's bounds cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) struct Cuts {
    /// The most cells of one unit and the periods they lie in, together with all other cells; `None` where nobody has more.
    cells: Option<(u32, usize)>,
    per_cell: u32,
}

impl Cuts {
    pub(in crate::app) fn of(question: &AggregateQuery) -> Cuts {
        let bounds = question.bounds();
        let reachable = question.reachable_cells();
        Cuts {
            cells: (bounds.cells < reachable).then(|| (bounds.cells, question.periods().len())),
            per_cell: bounds.per_cell,
        }
    }
}
