//! Every use that a question makes of data about people, listed once, so that whoever limits uses cannot miss one: the list takes a
//! question apart field by field, and a field that is new does not compile before it says what it reads.

use crate::{AggregateQuery, Measure};
use taxonomy::Predicate;

/// One use of data about people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// What is counted.
    Measure(Measure),
    /// Home areas tell cells apart.
    Area,
    /// Membership in a target group tells cells apart.
    Target(Predicate),
    /// The services used tell cells apart.
    ServiceAxis,
    /// Only the use of services that are named counts.
    ServiceChoice,
    /// Sex tells cells apart.
    Sex,
    /// Age tells cells apart.
    AgeBand,
    /// Citizenship tells cells apart.
    Citizenship,
    /// The kind of household tells cells apart.
    Household,
    /// When services were used tells cells apart, or limits what counts.
    Period,
    /// Only people of whom a condition holds count.
    Condition(Predicate),
}

impl AggregateQuery {
    /// Every use that the question makes of data about people.
    pub fn uses(&self) -> Vec<Use> {
        // Taken apart without `..`: a new field must be listed or shown to read nothing.
        let AggregateQuery {
            measure,
            levels: _,
            cut_off: _,
            targets: _,
            by_service,
            by_sex,
            by_age_band,
            by_citizenship,
            by_household,
            by_period: _,
            from: _,
            to: _,
            services,
            edges: _,
            filter: _,
            bounds: _,
            rho_nano: _,
            taxonomy: _,
        } = self;
        let chosen = [
            (*by_service, Use::ServiceAxis),
            (!services.is_empty(), Use::ServiceChoice),
            (*by_sex, Use::Sex),
            (*by_age_band, Use::AgeBand),
            (*by_citizenship, Use::Citizenship),
            (*by_household, Use::Household),
        ];
        // Areas and a period are part of every question; edges are of the measure's quantity.
        [Use::Measure(*measure), Use::Area, Use::Period]
            .into_iter()
            .chain((chosen.into_iter()).filter_map(|(asked, of)| asked.then_some(of)))
            .chain(self.target_predicates().into_iter().map(Use::Target))
            .chain(self.filter_predicate().map(Use::Condition))
            .collect()
    }
}
