//! A planned cube: one question, declared once, that is asked for each period as editions complete it.
//! Which periods are due follows from the calendar and from what was asked before, never from what a register holds.

use crate::aggregate_query::AggregateQuery;
use crate::parse::{self, Fields, Parsed, refuse};
use crate::period::{Month, PeriodKind};
use crate::refusal::{Refusal, RefusalCode as Code};
use crate::strict_json::Json;
use std::collections::BTreeMap;
use taxonomy::Taxonomy;

/// First month with an edition: editions are numbered by months from here, counted from 1.
const FIRST_EDITION: (u16, u8) = (2020, 1);

/// The last month that an edition completes: the one before the month of its publication.
pub fn completed_by(edition: u32) -> Option<Month> {
    let first = Month::try_new(FIRST_EDITION.0, FIRST_EDITION.1)?;
    let months = u16::try_from(edition).ok()?.checked_sub(2)?;
    Month::from_index(first.index().checked_add(months)?)
}

/// Months from the first to the last, both inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First month.
    pub from: Month,
    /// Last month.
    pub to: Month,
}

/// A planned cube. Only [`Cube::parse`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cube {
    id: String,
    study: String,
    first: Month,
    kind: PeriodKind,
    question: BTreeMap<String, Json>,
    past: BTreeMap<String, Json>,
    each: BTreeMap<String, Json>,
}

impl Cube {
    /// Parses a definition:
    /// `{"version":1,"id":"...","study":"...","first":"2021-01","question":{...},"past":{"bounds":{...},"rho":...},"each":{...}}`,
    /// where `question` is a query without `period`, `bounds` and `rho`, split by `by.period`; `past` are the terms of the
    /// one charge for all periods completed when the cube is first asked, `each` those of one period from then on. Where the
    /// past has so few periods that nobody reaches `past.bounds.cells` cells, the bound is what can be reached.
    ///
    /// # Errors
    /// The first [`Refusal`] met. Both terms are tried on the first periods, so a cube that parses can be asked.
    pub fn parse(bytes: &[u8]) -> Result<Cube, Refusal> {
        let json = Json::parse(bytes)?;
        let mut top = Fields::of(&json, "$")?;
        if top.required("version")? != &Json::Integer(1) {
            return refuse(
                "$.version",
                Code::UnknownVersion,
                "this program reads version 1",
            );
        }
        let id = identifier(top.required("id")?, "$.id")?;
        let study = identifier(top.required("study")?, "$.study")?;
        let first = top.month("first")?;
        let question = object(top.required("question")?, "$.question")?;
        for name in ["version", "period", "bounds", "rho"] {
            if question.contains_key(name) {
                return refuse(
                    &format!("$.question.{name}"),
                    Code::NotApplicable,
                    "belongs to the cube or to its terms; leave it out",
                );
            }
        }
        let kind = period_kind(&question)?;
        let past = terms(top.required("past")?, "$.past")?;
        let each = terms(top.required("each")?, "$.each")?;
        top.finish()?;
        let cube = Cube {
            id,
            study,
            first,
            kind,
            question,
            past,
            each,
        };
        let one = cube.period_from(first)?;
        cube.each(one).map_err(|refusal| place(refusal, "$.each"))?;
        let two = Span {
            to: cube.period_from(next(one.to)?)?.to,
            ..one
        };
        cube.past(two).map_err(|refusal| place(refusal, "$.past"))?;
        Ok(cube)
    }

    /// Its identifier.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The study it is asked in.
    pub fn study(&self) -> &str {
        &self.study
    }

    /// The first month it covers.
    pub fn first(&self) -> Month {
        self.first
    }

    /// How it cuts time.
    pub fn kind(&self) -> PeriodKind {
        self.kind
    }

    /// The span to ask next, if whole periods up to `completed` are left: all of the past where nothing has been asked,
    /// else the first period after the last one asked.
    pub fn due(&self, asked_to: Option<Month>, completed: Month) -> Option<Span> {
        let from = match asked_to {
            Some(last) => next(last).ok()?,
            None => self.first,
        };
        let first = self.period_from(from).ok()?;
        if first.to > completed {
            return None;
        }
        if asked_to.is_some() {
            return Some(first);
        }
        let whole = (completed.index() + 1 - from.index()) / self.kind.months();
        let to = Month::from_index(from.index() + whole * self.kind.months() - 1)?;
        Some(Span { from, to })
    }

    /// The question of one period.
    ///
    /// # Errors
    /// A [`Refusal`] where the span is not whole periods.
    pub fn each(&self, span: Span) -> Result<AggregateQuery, Refusal> {
        self.query(span, &self.each)
    }

    /// The one question of several periods, of the past or asked again on purpose.
    ///
    /// # Errors
    /// As [`Cube::each`].
    pub fn past(&self, span: Span) -> Result<AggregateQuery, Refusal> {
        let mut terms = self.past.clone();
        if let Some(Json::Object(bounds)) = terms.get_mut("bounds") {
            let asked = bounds.insert("cells".to_owned(), Json::Integer(1));
            let reachable = i64::from(self.query(span, &terms)?.reachable_cells());
            if let (Some(Json::Object(bounds)), Some(asked)) = (terms.get_mut("bounds"), asked) {
                let cells = match asked {
                    Json::Integer(cells) => Json::Integer(cells.min(reachable)),
                    other => other,
                };
                bounds.insert("cells".to_owned(), cells);
            }
        }
        self.query(span, &terms)
    }

    /// The question for a span: of one period at the terms of each, of several at those of the past.
    ///
    /// # Errors
    /// As [`Cube::each`].
    pub fn question(&self, span: Span) -> Result<AggregateQuery, Refusal> {
        if self.period_from(span.from)? == span {
            self.each(span)
        } else {
            self.past(span)
        }
    }

    fn query(&self, span: Span, terms: &BTreeMap<String, Json>) -> Result<AggregateQuery, Refusal> {
        let month = |month: Month| Json::String(month.to_string());
        let period = BTreeMap::from([
            ("from".to_owned(), month(span.from)),
            ("to".to_owned(), month(span.to)),
        ]);
        let mut fields = self.question.clone();
        fields.extend(terms.clone());
        fields.insert("version".to_owned(), Json::Integer(1));
        fields.insert("period".to_owned(), Json::Object(period));
        parse::query(
            &Json::Object(fields),
            Taxonomy::current(),
            parse::Unsaid::InUse,
        )
    }

    /// The one period that begins with `from`.
    fn period_from(&self, from: Month) -> Parsed<Span> {
        match Month::from_index(from.index() + self.kind.months() - 1) {
            Some(to) => Ok(Span { from, to }),
            None => refuse("$.first", Code::InvalidPeriod, "is beyond the calendar"),
        }
    }
}

fn identifier(json: &Json, path: &str) -> Parsed<String> {
    let id = parse::text(json, path)?;
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if (1..=64).contains(&id.len()) && id.bytes().all(allowed) {
        return Ok(id.to_owned());
    }
    refuse(path, Code::UnknownId, "must be 1 to 64 of a-z, 0-9 and -")
}

fn next(month: Month) -> Parsed<Month> {
    match Month::from_index(month.index() + 1) {
        Some(month) => Ok(month),
        None => refuse("$.first", Code::InvalidPeriod, "is beyond the calendar"),
    }
}

fn object(json: &Json, path: &str) -> Parsed<BTreeMap<String, Json>> {
    match json {
        Json::Object(fields) => Ok(fields.clone()),
        _ => refuse(path, Code::WrongType, "must be an object"),
    }
}

/// `bounds` and `rho`.
fn terms(json: &Json, path: &'static str) -> Parsed<BTreeMap<String, Json>> {
    let mut fields = Fields::of(json, path)?;
    fields.required("bounds")?;
    fields.required("rho")?;
    fields.finish()?;
    object(json, path)
}

fn period_kind(question: &BTreeMap<String, Json>) -> Parsed<PeriodKind> {
    let by = match question.get("by") {
        Some(Json::Object(by)) => by.get("period"),
        _ => None,
    };
    let kind = match by {
        Some(Json::String(text)) => PeriodKind::ALL.into_iter().find(|kind| kind.id() == text),
        _ => None,
    };
    match kind {
        Some(kind) => Ok(kind),
        None => refuse(
            "$.question.by.period",
            Code::MissingField,
            "must be `month`, `quarter` or `year`: a cube is asked period by period",
        ),
    }
}

/// Names a refused field where it stands in the cube.
fn place(refusal: Refusal, terms: &str) -> Refusal {
    let of_terms = ["$.bounds", "$.rho"];
    let inside = refusal.path.trim_start_matches('$').to_owned();
    let path = if of_terms.iter().any(|field| refusal.path.starts_with(field)) {
        format!("{terms}{inside}")
    } else if refusal.path.starts_with("$.period") {
        "$.first".to_owned()
    } else {
        format!("$.question{inside}")
    };
    Refusal { path, ..refusal }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUBE: &str = r#"{"version":1,"id":"targets","study":"planning","first":"2021-01",
        "question":{"measure":"persons","by":{"area":{"city":20,"nil":75},"target":["minors","low-income"],"period":"quarter"},
            "cut_off":{"share":5,"at_most":10}},
        "past":{"bounds":{"cells":40,"per_cell":1},"rho":400000000},
        "each":{"bounds":{"cells":2,"per_cell":1},"rho":50000000}}"#;

    fn month(text: &str) -> Month {
        Month::parse(text).expect("a month")
    }

    fn span(from: &str, to: &str) -> Option<Span> {
        Some(Span {
            from: month(from),
            to: month(to),
        })
    }

    #[test]
    fn editions_complete_the_month_before_theirs() {
        assert_eq!(completed_by(83), Some(month("2026-10")));
        assert_eq!(completed_by(2), Some(month("2020-01")));
        assert_eq!([completed_by(0), completed_by(1)], [None, None]);
        assert_eq!(completed_by(u32::MAX), None);
    }

    #[test]
    fn the_past_is_one_question_and_then_each_period_as_it_is_complete() {
        let cube = Cube::parse(CUBE.as_bytes()).expect("a cube");
        let due = |asked: Option<&str>, completed| cube.due(asked.map(month), month(completed));
        assert_eq!(due(None, "2021-02"), None);
        assert_eq!(due(None, "2021-03"), span("2021-01", "2021-03"));
        assert_eq!(due(None, "2026-10"), span("2021-01", "2026-09"));
        assert_eq!(due(Some("2026-09"), "2026-11"), None);
        assert_eq!(due(Some("2026-09"), "2026-12"), span("2026-10", "2026-12"));
        // Missed editions are caught up period by period.
        assert_eq!(due(Some("2026-09"), "2027-07"), span("2026-10", "2026-12"));
        assert_eq!(due(Some("2026-12"), "2027-07"), span("2027-01", "2027-03"));
    }

    #[test]
    fn one_period_has_the_terms_of_each_and_several_those_of_the_past() {
        let cube = Cube::parse(CUBE.as_bytes()).expect("a cube");
        let asked = |from, to| {
            let query = cube
                .question(span(from, to).expect("a span"))
                .expect("legal");
            (
                query.rho_nano(),
                query.bounds().cells,
                query.periods().len(),
            )
        };
        assert_eq!(asked("2026-07", "2026-09"), (50_000_000, 2, 1));
        assert_eq!(asked("2021-01", "2026-09"), (400_000_000, 40, 23));
        // Two targets in two quarters: four cells are all there are.
        assert_eq!(asked("2026-04", "2026-09"), (400_000_000, 4, 2));
        let half = cube.question(span("2026-08", "2026-09").expect("a span"));
        assert_eq!(half.expect_err("refused").path, "$.period.from");
    }

    #[test]
    fn what_is_wrong_is_named_where_it_stands() {
        let check = |from: &str, to: &str, path: &str| {
            assert!(CUBE.contains(from), "{from}");
            let refusal = Cube::parse(CUBE.replace(from, to).as_bytes()).expect_err("refused");
            assert_eq!(refusal.path, path, "{from} -> {to}");
            assert!(!refusal.message.is_empty());
        };
        check(r#""version":1"#, r#""version":2"#, "$.version");
        check(r#""id":"targets""#, r#""id":"Targets""#, "$.id");
        check("2021-01", "2021-02", "$.first");
        check(r#""first":"2021-01","#, "", "$.first");
        check(r#","period":"quarter""#, "", "$.question.by.period");
        check("minors", "miners", "$.question.by.target[0]");
        check(r#""cells":2"#, r#""cells":3"#, "$.each.bounds.cells");
        check(r#""rho":400000000"#, r#""rho":0"#, "$.past.rho");
        check(
            r#""measure":"persons""#,
            r#""measure":"persons","rho":1"#,
            "$.question.rho",
        );
        check(r#""each":{"#, r#""each":{"until":1,"#, "$.each.until");
        check(r#""study":"planning","#, "", "$.study");
        check(r#""version":1"#, r#""version":1,"owner":"x""#, "$.owner");
    }
}
