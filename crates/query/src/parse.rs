//! From strict JSON to a legal query, one field at a time, refusing at the first thing wrong.
//! Every limit is a public fact; nothing here knows a register.

use crate::aggregate_query::AggregateQuery;
use crate::filter::Filter;
use crate::measure::{Bounds, Measure};
use crate::period::{Month, PeriodKind};
use crate::refusal::{Refusal, RefusalCode as Code};
use crate::split;
use crate::strict_json::Json;
use crate::{
    MAX_CELLS, MAX_EDGES, MAX_MONTHS, MAX_PER_CELL, MAX_QUANTITY, MAX_REACH, MAX_RHO_NANO,
};
use geography::Level;
use std::collections::{BTreeMap, BTreeSet};
use taxonomy::Taxonomy;
use taxonomy::model::{CitizenshipGroup, Quantity, Sex};

pub(crate) type Parsed<T> = Result<T, Refusal>;

pub(crate) fn refuse<T>(path: &str, code: Code, message: impl AsRef<str>) -> Parsed<T> {
    Err(Refusal::new(path, code, message.as_ref()))
}

/// An object whose fields are taken one by one; what is left over is unknown.
pub(crate) struct Fields<'a> {
    path: &'a str,
    fields: &'a BTreeMap<String, Json>,
    taken: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(json: &'a Json, path: &'a str) -> Parsed<Fields<'a>> {
        match json {
            Json::Object(fields) => Ok(Fields {
                path,
                fields,
                taken: BTreeSet::new(),
            }),
            _ => refuse(path, Code::WrongType, "must be an object"),
        }
    }

    fn path_of(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    pub(crate) fn optional(&mut self, name: &'static str) -> Option<&'a Json> {
        self.taken.insert(name);
        self.fields.get(name)
    }

    pub(crate) fn required(&mut self, name: &'static str) -> Parsed<&'a Json> {
        match self.optional(name) {
            Some(json) => Ok(json),
            None => refuse(
                &self.path_of(name),
                Code::MissingField,
                format!("`{name}` is required"),
            ),
        }
    }

    /// A whole number within `limits`.
    pub(crate) fn integer(
        &mut self,
        name: &'static str,
        limits: std::ops::RangeInclusive<i64>,
    ) -> Parsed<i64> {
        let path = self.path_of(name);
        match self.required(name)? {
            Json::Integer(value) if limits.contains(value) => Ok(*value),
            Json::Integer(_) => refuse(
                &path,
                Code::OutOfRange,
                format!("must lie between {} and {}", limits.start(), limits.end()),
            ),
            _ => refuse(&path, Code::WrongType, "must be a whole number"),
        }
    }

    fn flag(&mut self, name: &'static str) -> Parsed<bool> {
        match self.optional(name) {
            None => Ok(false),
            Some(Json::Bool(value)) => Ok(*value),
            Some(_) => refuse(
                &self.path_of(name),
                Code::WrongType,
                "must be true or false",
            ),
        }
    }

    pub(crate) fn month(&mut self, name: &'static str) -> Parsed<Month> {
        let path = self.path_of(name);
        let month = Month::parse(text(self.required(name)?, &path)?);
        month.map_or_else(
            || {
                refuse(
                    &path,
                    Code::InvalidPeriod,
                    "must be a month such as 2025-03",
                )
            },
            Ok,
        )
    }

    pub(crate) fn finish(self) -> Parsed<()> {
        match self
            .fields
            .keys()
            .find(|key| !self.taken.contains(key.as_str()))
        {
            Some(key) => refuse(
                &self.path_of(key),
                Code::UnknownField,
                format!(
                    "`{key}` is not a field here; known are {}",
                    join(self.taken.iter().copied())
                ),
            ),
            None => Ok(()),
        }
    }
}

fn join<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    ids.map(|id| format!("`{id}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(crate) fn text<'a>(json: &'a Json, path: &str) -> Parsed<&'a str> {
    match json {
        Json::String(text) => Ok(text),
        _ => refuse(path, Code::WrongType, "must be a string"),
    }
}

/// One identifier of a closed vocabulary.
pub(crate) fn id<T>(
    json: &Json,
    path: &str,
    known: &[&str],
    find: impl Fn(&str) -> Option<T>,
) -> Parsed<T> {
    match find(text(json, path)?) {
        Some(value) => Ok(value),
        None => refuse(
            path,
            Code::UnknownId,
            format!(
                "not a known identifier; known are {}",
                join(known.iter().copied())
            ),
        ),
    }
}

/// A non-empty set of identifiers, returned sorted.
fn id_set(json: &Json, path: &str, known: &[&str]) -> Parsed<Vec<String>> {
    let Json::Array(items) = json else {
        return refuse(path, Code::WrongType, "must be a list of identifiers");
    };
    if items.is_empty() {
        return refuse(
            path,
            Code::Empty,
            "must not be empty; leave the field out instead",
        );
    }
    let mut set = BTreeSet::new();
    for (i, item) in items.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let value = id(item, &path, known, |text| {
            known.contains(&text).then(|| text.to_owned())
        })?;
        if !set.insert(value) {
            return refuse(&path, Code::DuplicateValue, "is given twice");
        }
    }
    Ok(set.into_iter().collect())
}

/// What a query means that does not say over which taxonomy it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsaid {
    /// The first published one: so it stands in canonical queries.
    First,
    /// The one in use here: so people write queries.
    InUse,
}

pub(crate) fn query(json: &Json, taxonomy: &Taxonomy, unsaid: Unsaid) -> Parsed<AggregateQuery> {
    let mut top = Fields::of(json, "$")?;
    match top.required("version")? {
        Json::Integer(1) => {}
        _ => {
            return refuse(
                "$.version",
                Code::UnknownVersion,
                "this program reads version 1",
            );
        }
    }
    // Before any name is looked at: in another list the same name can mean other people.
    check_taxonomy(top.optional("taxonomy"), taxonomy, unsaid)?;
    let (measure, edges) = measure(&mut top)?;
    let target_ids: Vec<&str> = taxonomy.targets().iter().map(|t| t.id.as_str()).collect();

    let mut by = Fields::of(top.required("by")?, "$.by")?;
    let mut levels = split::levels(by.required("area")?)?;
    let targets = match by.optional("target") {
        Some(json) => id_set(json, "$.by.target", &target_ids)?,
        None => Vec::new(),
    };
    let by_service = by.flag("service")?;
    let (by_sex, by_age_band) = (by.flag("sex")?, by.flag("age_band")?);
    let (by_citizenship, by_household) = (by.flag("citizenship")?, by.flag("household")?);
    let by_period = match by.optional("period") {
        Some(json) => {
            let known = PeriodKind::ALL.map(PeriodKind::id);
            let find = |text: &str| PeriodKind::ALL.into_iter().find(|kind| kind.id() == text);
            Some(id(json, "$.by.period", &known, find)?)
        }
        None => None,
    };
    by.finish()?;

    let (from, to) = span(top.required("period")?, by_period)?;
    let services = match top.optional("services") {
        Some(json) => {
            let known: Vec<&str> = taxonomy.services().iter().map(|s| s.id.as_str()).collect();
            let services = id_set(json, "$.services", &known)?;
            // All of them is what an absent field means, so that equal questions are written alike.
            if services.len() == known.len() {
                Vec::new()
            } else {
                services
            }
        }
        None => Vec::new(),
    };
    let filter = match top.optional("filter") {
        Some(json) => Some(filter(json, "$.filter", &target_ids)?.normal()),
        None => None,
    };
    let rho_nano = top.integer("rho", 1..=MAX_RHO_NANO as i64)? as u64;
    let cut_off = match top.optional("cut_off") {
        Some(json) => Some(split::cut_off(json, measure)?),
        None => None,
    };
    split::share_out(&mut levels, cut_off, rho_nano)?;

    let mut query = AggregateQuery {
        measure,
        levels,
        cut_off,
        targets,
        by_service,
        by_sex,
        by_age_band,
        by_citizenship,
        by_household,
        by_period,
        from,
        to,
        services,
        edges,
        filter,
        bounds: Bounds {
            cells: 1,
            per_cell: 1,
        },
        rho_nano,
        taxonomy: (!taxonomy.is_first()).then(|| taxonomy.hash()),
    };
    check_axes(&query)?;
    check_levels(&query, taxonomy)?;
    check_cells(&query)?;
    query.bounds = bounds(top.required("bounds")?, &query)?;
    top.finish()?;
    Ok(query)
}

fn check_taxonomy(said: Option<&Json>, taxonomy: &Taxonomy, unsaid: Unsaid) -> Parsed<()> {
    let used = hex(&taxonomy.hash());
    let same = match (said, unsaid) {
        (Some(Json::String(said)), _) => *said == used,
        (Some(_), _) => {
            return refuse(
                "$.taxonomy",
                Code::WrongType,
                "must be the SHA-256 of a taxonomy, 64 hexadecimal digits",
            );
        }
        (None, Unsaid::First) => taxonomy.is_first(),
        (None, Unsaid::InUse) => true,
    };
    if same {
        return Ok(());
    }
    refuse(
        "$.taxonomy",
        Code::OtherTaxonomy,
        format!(
            "is another list of target groups and services than the one used here, {} of {} (SHA-256 {used}); use the same list on both sides",
            taxonomy.version(),
            taxonomy.publisher()
        ),
    )
}

pub(crate) fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The measure, with the fields that some measures need and others must not have.
fn measure(top: &mut Fields<'_>) -> Parsed<(Measure, Vec<u32>)> {
    let quantity = match top.optional("quantity") {
        Some(json) => {
            let known: Vec<&str> = Quantity::ALL.iter().map(|known| known.id()).collect();
            Some(id(json, "$.quantity", &known, Quantity::from_id)?)
        }
        None => None,
    };
    let edges = match top.optional("edges") {
        Some(json) => Some(self::edges(json)?),
        None => None,
    };
    let name = id(
        top.required("measure")?,
        "$.measure",
        &Measure::IDS,
        |text| Measure::IDS.into_iter().find(|known| *known == text),
    )?;
    let (measure, reads, bins) = match (name, quantity) {
        ("sum", Some(quantity)) => (Measure::Sum(quantity), true, false),
        ("bins", Some(quantity)) => (Measure::Bins(quantity), true, true),
        ("sum" | "bins", None) => {
            return refuse(
                "$.quantity",
                Code::MissingField,
                format!("`quantity` is required with `{name}`"),
            );
        }
        ("events", _) => (Measure::Events, false, false),
        ("households", _) => (Measure::Households, false, false),
        ("first-time", _) => (Measure::FirstTime, false, false),
        _ => (Measure::Persons, false, false),
    };
    let unused = |name: &str, of: &str| {
        refuse(
            &format!("$.{name}"),
            Code::NotApplicable,
            format!("belongs to {of} only; leave it out"),
        )
    };
    match (quantity, edges) {
        (Some(_), _) if !reads => unused("quantity", "`sum` and `bins`"),
        (_, Some(_)) if !bins => unused("edges", "`bins`"),
        (_, None) if bins => refuse(
            "$.edges",
            Code::MissingField,
            "`edges` is required with `bins`",
        ),
        (_, edges) => Ok((measure, edges.unwrap_or_default())),
    }
}

/// Inner ends of bins: whole, rising.
fn edges(json: &Json) -> Parsed<Vec<u32>> {
    let Json::Array(items) = json else {
        return refuse(
            "$.edges",
            Code::WrongType,
            "must be a list of rising whole numbers",
        );
    };
    if items.is_empty() || items.len() > MAX_EDGES {
        return refuse(
            "$.edges",
            Code::OutOfRange,
            format!("must hold between 1 and {MAX_EDGES} numbers"),
        );
    }
    let mut edges: Vec<u32> = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let path = format!("$.edges[{i}]");
        let least = edges.last().map_or(1, |last| i64::from(*last) + 1);
        match item {
            Json::Integer(value) if (least..=i64::from(MAX_QUANTITY)).contains(value) => {
                edges.push(*value as u32)
            }
            Json::Integer(_) => {
                return refuse(
                    &path,
                    Code::OutOfRange,
                    format!("must lie between {least} and {MAX_QUANTITY}"),
                );
            }
            _ => return refuse(&path, Code::WrongType, "must be a whole number"),
        }
    }
    Ok(edges)
}

/// Households have no sex, age or citizenship of their own.
fn check_axes(query: &AggregateQuery) -> Parsed<()> {
    let of_persons = [
        (query.by_sex, "sex"),
        (query.by_age_band, "age_band"),
        (query.by_citizenship, "citizenship"),
    ];
    match of_persons.into_iter().find(|(asked, _)| *asked) {
        Some((_, name)) if query.measure == Measure::Households => refuse(
            &format!("$.by.{name}"),
            Code::NotApplicable,
            "is of persons; households can be split by `household`, and by targets their members are in",
        ),
        _ => Ok(()),
    }
}

fn span(json: &Json, kind: Option<PeriodKind>) -> Parsed<(Month, Month)> {
    let mut period = Fields::of(json, "$.period")?;
    let (from, to) = (period.month("from")?, period.month("to")?);
    period.finish()?;
    if to < from {
        return refuse(
            "$.period.to",
            Code::InvalidPeriod,
            "must not lie before `from`",
        );
    }
    if to.index() - from.index() >= MAX_MONTHS {
        return refuse(
            "$.period",
            Code::InvalidPeriod,
            format!("must not span more than {MAX_MONTHS} months"),
        );
    }
    let (length, name) = kind.map_or((1, ""), |kind| (kind.months(), kind.id()));
    if u16::from(from.month() - 1) % length != 0 {
        return refuse(
            "$.period.from",
            Code::InvalidPeriod,
            format!("must be the first month of a {name}"),
        );
    }
    if u16::from(to.month()) % length != 0 {
        return refuse(
            "$.period.to",
            Code::InvalidPeriod,
            format!("must be the last month of a {name}"),
        );
    }
    Ok((from, to))
}

fn filter(json: &Json, path: &str, targets: &[&str]) -> Parsed<Filter> {
    let Json::Object(fields) = json else {
        return refuse(
            path,
            Code::WrongType,
            "must be an object with one condition",
        );
    };
    let mut entries = fields.iter();
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        return refuse(
            path,
            Code::WrongType,
            "must hold exactly one condition; join several with `all`",
        );
    };
    let path = format!("{path}.{key}");
    let list = |value: &Json| -> Parsed<Vec<Filter>> {
        match value {
            Json::Array(items) if items.is_empty() => {
                refuse(&path, Code::Empty, "must not be empty")
            }
            Json::Array(items) => (items.iter().enumerate())
                .map(|(i, item)| filter(item, &format!("{path}[{i}]"), targets))
                .collect(),
            _ => refuse(&path, Code::WrongType, "must be a list of conditions"),
        }
    };
    match key.as_str() {
        "all" => Ok(Filter::All(list(value)?)),
        "any" => Ok(Filter::Any(list(value)?)),
        "not" => Ok(Filter::Not(Box::new(filter(value, &path, targets)?))),
        "target" => id(value, &path, targets, |text| {
            targets
                .contains(&text)
                .then(|| Filter::Target(text.to_owned()))
        }),
        "sex" => id(value, &path, &["F", "M", "X"], Sex::from_id).map(Filter::Sex),
        "citizenship" => id(
            value,
            &path,
            &["italian", "eu", "non-eu"],
            CitizenshipGroup::from_id,
        )
        .map(Filter::Citizenship),
        "age" => {
            let mut age = Fields::of(value, &path)?;
            let (min, max) = (age.integer("min", 0..=200)?, age.integer("max", 0..=200)?);
            age.finish()?;
            if max < min {
                return refuse(
                    &format!("{path}.max"),
                    Code::OutOfRange,
                    "must not lie below `min`",
                );
            }
            Ok(Filter::Age {
                min: min as u16,
                max: max as u16,
            })
        }
        other => refuse(
            &path,
            Code::UnknownField,
            format!(
                "`{other}` is not a condition; known are `all`, `any`, `not`, `target`, `sex`, `age`, `citizenship`"
            ),
        ),
    }
}

/// Groups whose very location can harm are not shown finer than the taxonomy allows.
fn check_levels(query: &AggregateQuery, taxonomy: &Taxonomy) -> Parsed<()> {
    // Groups of citizenships stand for ethnicity: city level at most, as the target of that name.
    if query.names_citizenship() && query.level() != Level::City {
        return refuse(
            "$.by.area",
            Code::LevelTooFine,
            "citizenship is shown at level `city` only; ask for that level",
        );
    }
    for id in query.named_targets() {
        let finest = taxonomy
            .target(id)
            .map_or(Level::City, |target| target.finest_level);
        if !query.level().within(finest) {
            return refuse(
                "$.by.area",
                Code::LevelTooFine,
                format!("`{id}` is shown at level `{finest}` at the finest; ask for that level"),
            );
        }
    }
    Ok(())
}

fn check_cells(query: &AggregateQuery) -> Parsed<()> {
    let cells = query.cells();
    if cells > MAX_CELLS {
        return refuse(
            "$.by",
            Code::TooManyCells,
            format!(
                "{cells} cells, more than {MAX_CELLS}; ask for a coarser level, fewer groups or a shorter span"
            ),
        );
    }
    Ok(())
}

fn bounds(json: &Json, query: &AggregateQuery) -> Parsed<Bounds> {
    let mut bounds = Fields::of(json, "$.bounds")?;
    let reachable = i64::from(query.reachable_cells());
    let cells = bounds.integer("cells", 1..=reachable)?;
    let most = match query.measure {
        Measure::Events => i64::from(MAX_PER_CELL),
        Measure::Sum(_) => i64::from(MAX_QUANTITY),
        _ => 1,
    };
    let per_cell = bounds.integer("per_cell", 1..=most)?;
    bounds.finish()?;
    // Below 28,800 x 10^16: no overflow in 128 bits.
    if cells as u128 * (per_cell as u128).pow(2) > u128::from(MAX_REACH) {
        return refuse(
            "$.bounds",
            Code::OutOfRange,
            "together are too large; lower `cells` or `per_cell`",
        );
    }
    Ok(Bounds {
        cells: cells as u32,
        per_cell: per_cell as u32,
    })
}
