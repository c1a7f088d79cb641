//! The cubes a city begins with: needs by quarter, services by month, households by year. Why these bounds and losses:
//! docs/PRIVACY.md, from the table that `cargo xtask budget-table` prints. One person's cells of a whole past share one bound; it is
//! so wide that it seldom bites, since what it cuts off it cuts off mostly in the middle, as a bend that no margin shows.

use crate::cube::Cube;
use crate::period::Month;
use crate::refusal::Refusal;

/// Persons by group of needs and quarter. Groups that read the household have a price of their own and are no part of it.
const NEEDS: &str = r#""question":{"measure":"persons",
"by":{"area":{"city":5,"municipio":15,"nil":75},"period":"quarter",
"target":["elderly-75-plus","housing-need","income-support","low-income","minors","women-18-64"]},
"cut_off":{"share":5,"at_most":6}},
"past":{"bounds":{"cells":40,"per_cell":1},"rho":250000000},
"each":{"bounds":{"cells":3,"per_cell":1},"rho":50000000}"#;

/// Events by service and month.
const SERVICES: &str = r#""question":{"measure":"events",
"by":{"area":{"city":15,"municipio":80},"service":true,"period":"month"},
"cut_off":{"share":5,"at_most":20}},
"past":{"bounds":{"cells":48,"per_cell":4},"rho":250000000},
"each":{"bounds":{"cells":3,"per_cell":4},"rho":30000000}"#;

/// Households by kind and year.
const HOUSEHOLDS: &str = r#""question":{"measure":"households",
"by":{"area":{"city":5,"municipio":20,"nil":70},"household":true,"period":"year"},
"cut_off":{"share":5,"at_most":3}},
"past":{"bounds":{"cells":5,"per_cell":1},"rho":100000000},
"each":{"bounds":{"cells":1,"per_cell":1},"rho":50000000}"#;

const ALL: [(&str, &str); 3] = [
    ("needs-by-quarter", NEEDS),
    ("services-by-month", SERVICES),
    ("households-by-year", HOUSEHOLDS),
];

/// The definitions of the default cubes of a study, from a first month on: what `POST /api/v1/cubes` takes.
pub fn default_definitions(study: &str, first: Month) -> [String; 3] {
    ALL.map(|(id, body)| {
        format!(r#"{{"version":1,"id":"{id}","study":"{study}","first":"{first}",{body}}}"#)
    })
}

/// The default cubes of a study.
///
/// # Errors
/// A [`Refusal`] where `study` is no identifier or `first` not the first month of a year.
pub fn default_cubes(study: &str, first: Month) -> Result<Vec<Cube>, Refusal> {
    default_definitions(study, first)
        .iter()
        .map(|definition| Cube::parse(definition.as_bytes()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cube::Span;

    #[test]
    fn the_defaults_can_be_asked_for_the_past_and_each_period() {
        let month = |text| Month::parse(text).expect("a month");
        let cubes = default_cubes("planning", month("2021-01")).expect("legal");
        let periods: Vec<usize> = (cubes.iter())
            .map(|cube| {
                let past = cube.due(None, month("2026-10")).expect("due");
                let each = cube.due(Some(past.to), month("2099-12")).expect("due");
                assert_eq!(cube.each(each).expect("legal").periods().len(), 1);
                cube.past(past).expect("legal").periods().len()
            })
            .collect();
        assert_eq!(periods, [23, 70, 5]);
        let torn = Span {
            from: month("2025-02"),
            to: month("2025-04"),
        };
        assert!(cubes[0].question(torn).is_err());
    }
}
