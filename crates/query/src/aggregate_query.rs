//! A parsed query: its groups, bounds and contribution limit are known to be good.
//! It says what is asked and how it is bounded; what it costs is decided in `privacy_loss::price`.

use crate::filter::Filter;
use crate::measure::{Bounds, Measure};
use crate::parse::{self, Unsaid};
use crate::period::{self, Month, Period, PeriodKind};
use crate::refusal::Refusal;
use crate::split::{CutOff, LevelShare, Slice, SliceOf};
use crate::strict_json::Json;
use geography::{Level, Partition};
use std::collections::BTreeMap;
use std::fmt;
use taxonomy::model::{AGE_BANDS, CitizenshipGroup, HouseholdKind, Sex};
use taxonomy::{Attributes, Predicate, Taxonomy};

/// One axis of the answer: its name and its public keys, empty cells included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// `area`, `target`, `service`, `sex`, `age_band`, `citizenship`, `household`, `bin` or `period`.
    pub name: &'static str,
    /// Keys in cell order.
    pub keys: Vec<String>,
}

/// SHA-256 over the canonical form, with its domain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryHash(pub [u8; 32]);

impl fmt::Display for QueryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for QueryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueryHash({self})")
    }
}

/// The target that every question about citizenship is held to name.
const CITIZENSHIP_TARGET: &str = "non-eu-citizens";

/// A legal aggregate question. Only [`AggregateQuery::parse`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateQuery {
    pub(crate) measure: Measure,
    /// Coarsest first; never empty.
    pub(crate) levels: Vec<LevelShare>,
    pub(crate) cut_off: Option<CutOff>,
    pub(crate) targets: Vec<String>,
    pub(crate) by_service: bool,
    pub(crate) by_sex: bool,
    pub(crate) by_age_band: bool,
    pub(crate) by_citizenship: bool,
    pub(crate) by_household: bool,
    pub(crate) by_period: Option<PeriodKind>,
    pub(crate) from: Month,
    pub(crate) to: Month,
    pub(crate) services: Vec<String>,
    pub(crate) edges: Vec<u32>,
    pub(crate) filter: Option<Filter>,
    pub(crate) bounds: Bounds,
    pub(crate) rho_nano: u64,
    /// Hash of the taxonomy it is asked over; `None` for the first published one.
    pub(crate) taxonomy: Option<[u8; 32]>,
}

impl AggregateQuery {
    /// Parses and checks a query against the vocabulary of this process. A query that names no taxonomy is asked over the
    /// first published one, and refused where another is used: its names could mean other people.
    ///
    /// # Errors
    /// The first [`Refusal`] met, with JSON path, code and remedy.
    pub fn parse(bytes: &[u8]) -> Result<AggregateQuery, Refusal> {
        parse::query(&Json::parse(bytes)?, Taxonomy::current(), Unsaid::First)
    }

    /// The same of a query that somebody here writes, who means the taxonomy in use where the query names none. The canonical
    /// form names it.
    ///
    /// # Errors
    /// As [`AggregateQuery::parse`].
    pub fn parse_written_here(bytes: &[u8]) -> Result<AggregateQuery, Refusal> {
        parse::query(&Json::parse(bytes)?, Taxonomy::current(), Unsaid::InUse)
    }

    /// What is counted.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// The finest area level of the answer; the only one unless the answer is split over several.
    pub fn level(&self) -> Level {
        // Unwrap safety: parsing admits no question without a level.
        self.levels.last().expect("a level").level
    }

    /// The area levels of the answer with their shares of the loss, coarsest first.
    pub fn levels(&self) -> &[LevelShare] {
        &self.levels
    }

    /// The count of what the bounds cut off, where it is asked.
    pub fn cut_off(&self) -> Option<CutOff> {
        self.cut_off
    }

    /// Whether the answer has several parts, each with a noise of its own.
    pub fn is_split(&self) -> bool {
        self.levels.len() > 1 || self.cut_off.is_some()
    }

    /// The parts of the answer.
    pub fn slices(&self) -> Vec<Slice> {
        let mut start = 0;
        let levels = (self.levels.iter()).map(|share| {
            (
                SliceOf::Level(share.level),
                self.cells_at(share.level),
                share.percent,
            )
        });
        let cut_off = self
            .cut_off
            .map(|cut_off| (SliceOf::CutOff, 1, cut_off.percent));
        levels
            .chain(cut_off)
            .map(|(of, length, percent)| {
                let cells = start..start + length;
                start = cells.end;
                Slice {
                    of,
                    cells,
                    rho_nano: share_of(self.rho_nano, percent),
                }
            })
            .collect()
    }

    /// The plain question that the answer's cells of one level answer, at their share of the loss.
    pub fn at_level(&self, level: Level) -> Option<AggregateQuery> {
        let share = self.levels.iter().find(|share| share.level == level)?;
        Some(AggregateQuery {
            levels: vec![LevelShare {
                level,
                percent: 100,
            }],
            cut_off: None,
            rho_nano: share_of(self.rho_nano, share.percent),
            ..self.clone()
        })
    }

    /// Targets the answer is split by, sorted; empty where it is not.
    pub fn targets(&self) -> &[String] {
        &self.targets
    }

    /// Whether the answer is split by service.
    pub fn by_service(&self) -> bool {
        self.by_service
    }

    /// Whether the answer is split by sex.
    pub fn by_sex(&self) -> bool {
        self.by_sex
    }

    /// Whether the answer is split by age band.
    pub fn by_age_band(&self) -> bool {
        self.by_age_band
    }

    /// Whether the answer is split by group of citizenships.
    pub fn by_citizenship(&self) -> bool {
        self.by_citizenship
    }

    /// Whether the answer is split by kind of household.
    pub fn by_household(&self) -> bool {
        self.by_household
    }

    /// How the span is cut; one period where absent.
    pub fn by_period(&self) -> Option<PeriodKind> {
        self.by_period
    }

    /// First and last month asked.
    pub fn span(&self) -> (Month, Month) {
        (self.from, self.to)
    }

    /// The services whose events count, sorted; all of them where empty.
    pub fn services(&self) -> &[String] {
        &self.services
    }

    /// The keys of the service axis: the services asked, or all of them; empty where the answer is not split by service.
    pub fn service_axis(&self) -> Vec<String> {
        if !self.by_service {
            Vec::new()
        } else if self.services.is_empty() {
            let all = Taxonomy::current().services().iter();
            all.map(|service| service.id.clone()).collect()
        } else {
            self.services.clone()
        }
    }

    /// Where one bin ends and the next begins, ascending: n edges make n + 1 bins, the first from 0, the last open. An
    /// amount that equals an edge lies in the bin above. Empty unless the measure counts by bin.
    pub fn edges(&self) -> &[u32] {
        &self.edges
    }

    /// The condition on people.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// The contribution bounds.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The privacy loss the requester offers, in nano-rho.
    pub fn rho_nano(&self) -> u64 {
        self.rho_nano
    }

    /// The periods of the answer, in order.
    pub fn periods(&self) -> Vec<Period> {
        period::periods(self.from, self.to, self.by_period)
    }

    /// The axes of the answer's cells at its finest level, outermost first; cells are laid out row-major over them.
    pub fn dimensions(&self) -> Vec<Dimension> {
        let mut dimensions = vec![Dimension {
            name: "area",
            keys: Partition::milan().keys(self.level()).to_vec(),
        }];
        if !self.targets.is_empty() {
            dimensions.push(Dimension {
                name: "target",
                keys: self.targets.clone(),
            });
        }
        if self.by_service {
            dimensions.push(Dimension {
                name: "service",
                keys: self.service_axis(),
            });
        }
        if self.by_sex {
            dimensions.push(Dimension {
                name: "sex",
                keys: Sex::ALL.iter().map(|sex| sex.id().to_owned()).collect(),
            });
        }
        if self.by_age_band {
            let bands = AGE_BANDS.iter().map(|&(id, _)| id.to_owned());
            dimensions.push(Dimension {
                name: "age_band",
                keys: bands.chain(["unknown".to_owned()]).collect(),
            });
        }
        if self.by_citizenship {
            dimensions.push(Dimension {
                name: "citizenship",
                keys: with_unknown(CitizenshipGroup::ALL.iter().map(|group| group.id())),
            });
        }
        if self.by_household {
            dimensions.push(Dimension {
                name: "household",
                keys: with_unknown(HouseholdKind::ALL.iter().map(|kind| kind.id())),
            });
        }
        if !self.edges.is_empty() {
            dimensions.push(Dimension {
                name: "bin",
                keys: bin_keys(&self.edges),
            });
        }
        dimensions.push(Dimension {
            name: "period",
            keys: self
                .periods()
                .into_iter()
                .map(|period| period.key)
                .collect(),
        });
        dimensions
    }

    /// Number of cells in the answer, over all its parts.
    pub fn cells(&self) -> usize {
        let levels = self.levels.iter().map(|share| self.cells_at(share.level));
        levels.sum::<usize>() + usize::from(self.cut_off.is_some())
    }

    /// Number of cells at a level, whether or not the answer has it.
    pub fn cells_at(&self, level: Level) -> usize {
        Partition::milan().keys(level).len() * self.cells_per_area()
    }

    /// Number of cells of each area.
    pub fn cells_per_area(&self) -> usize {
        let of = |asked: bool, keys: usize| if asked { keys } else { 1 };
        // At most 240 periods and vocabularies of fewer than 128 words each: far from overflow in 64 bits.
        [
            self.targets.len().max(1),
            self.service_axis().len().max(1),
            of(self.by_sex, Sex::ALL.len()),
            of(self.by_age_band, AGE_BANDS.len() + 1),
            of(self.by_citizenship, CitizenshipGroup::ALL.len() + 1),
            of(self.by_household, HouseholdKind::ALL.len() + 1),
            self.edges.len() + 1,
            self.periods().len(),
        ]
        .into_iter()
        .product()
    }

    /// The most cells one unit can fall into. With one home micro-area, one sex, one citizenship, and one age, household
    /// kind and bin per period, only targets, services and periods multiply; a first time happens in one period only.
    pub fn reachable_cells(&self) -> u32 {
        let periods = match self.measure {
            Measure::FirstTime => 1,
            _ => self.periods().len(),
        };
        (self.targets.len().max(1) * self.service_axis().len().max(1) * periods) as u32
    }

    /// The predicates of the target axis, in its order.
    pub fn target_predicates(&self) -> Vec<Predicate> {
        (self.targets.iter())
            .filter_map(|id| Taxonomy::current().target(id))
            .map(|target| target.predicate.clone())
            .collect()
    }

    /// The filter as a predicate.
    pub fn filter_predicate(&self) -> Option<Predicate> {
        (self.filter.as_ref()).map(|filter| filter.predicate(Taxonomy::current()))
    }

    /// Every target named, as axis or in the filter. Whoever asks for citizenships, which stand for ethnicity, has named
    /// the target of non-EU citizens, so that studies and policies decide on both alike.
    pub fn named_targets(&self) -> Vec<&str> {
        let in_filter = self.filter.iter().flat_map(Filter::targets);
        let citizenship = self.names_citizenship().then_some(CITIZENSHIP_TARGET);
        self.targets
            .iter()
            .map(String::as_str)
            .chain(in_filter)
            .chain(citizenship)
            .collect()
    }

    /// Whether people are told apart by citizenship, as axis or in the filter.
    pub fn names_citizenship(&self) -> bool {
        self.by_citizenship || self.filter.as_ref().is_some_and(Filter::names_citizenship)
    }

    /// Whether any part reads other household members' rows, so that one person's rows can change how other people are
    /// counted. Not so for the measure `households`, whose unit is the household itself.
    pub fn reads_household(&self) -> bool {
        self.by_household
            || (self
                .target_predicates()
                .iter()
                .chain(&self.filter_predicate()))
            .any(Predicate::reads_household)
    }

    /// What a register has to record of people before targets and filter can be judged. The axes need nothing: they have
    /// a key for what is not known.
    pub fn needs_fields(&self) -> Attributes {
        (self
            .target_predicates()
            .iter()
            .chain(&self.filter_predicate()))
        .map(Predicate::attributes)
        .fold(Attributes::NONE, Attributes::union)
    }

    /// The canonical form: equal questions have equal text.
    pub fn canonical(&self) -> String {
        self.to_json().to_string()
    }

    /// The hash by which requests, charges and releases know the question.
    pub fn hash(&self) -> QueryHash {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(b"wi-query-v1\n");
        context.update(self.canonical().as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        QueryHash(hash)
    }

    fn to_json(&self) -> Json {
        let object = |fields: Vec<(&str, Json)>| {
            Json::Object(
                fields
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect::<BTreeMap<_, _>>(),
            )
        };
        let text = |text: &str| Json::String(text.to_owned());
        let set = |ids: &[String]| Json::Array(ids.iter().map(|id| text(id)).collect());

        let area = match self.levels.as_slice() {
            [only] => text(only.level.id()),
            several => object(
                (several.iter())
                    .map(|share| (share.level.id(), Json::Integer(share.percent.into())))
                    .collect(),
            ),
        };
        let mut by = vec![("area", area)];
        if !self.targets.is_empty() {
            by.push(("target", set(&self.targets)));
        }
        let flags = [
            ("service", self.by_service),
            ("sex", self.by_sex),
            ("age_band", self.by_age_band),
            ("citizenship", self.by_citizenship),
            ("household", self.by_household),
        ];
        for (name, _) in flags.into_iter().filter(|(_, asked)| *asked) {
            by.push((name, Json::Bool(true)));
        }
        if let Some(kind) = self.by_period {
            by.push(("period", text(kind.id())));
        }
        let mut fields = vec![
            ("version", Json::Integer(1)),
            ("measure", text(self.measure.id())),
            ("by", object(by)),
            (
                "period",
                object(vec![
                    ("from", text(&self.from.to_string())),
                    ("to", text(&self.to.to_string())),
                ]),
            ),
            (
                "bounds",
                object(vec![
                    ("cells", Json::Integer(i64::from(self.bounds.cells))),
                    ("per_cell", Json::Integer(i64::from(self.bounds.per_cell))),
                ]),
            ),
            ("rho", Json::Integer(self.rho_nano as i64)),
        ];
        if let Some(cut_off) = self.cut_off {
            let share = ("share", Json::Integer(cut_off.percent.into()));
            let at_most = ("at_most", Json::Integer(cut_off.at_most.into()));
            fields.push(("cut_off", object(vec![share, at_most])));
        }
        if let Some(quantity) = self.measure.quantity() {
            fields.push(("quantity", text(quantity.id())));
        }
        if !self.edges.is_empty() {
            let edges = self.edges.iter().map(|edge| Json::Integer((*edge).into()));
            fields.push(("edges", Json::Array(edges.collect())));
        }
        if !self.services.is_empty() {
            fields.push(("services", set(&self.services)));
        }
        if let Some(filter) = &self.filter {
            fields.push(("filter", filter.to_json()));
        }
        if let Some(hash) = &self.taxonomy {
            fields.push(("taxonomy", text(&parse::hex(hash))));
        }
        object(fields)
    }
}

/// So many hundredths of an amount, rounded down.
fn share_of(rho_nano: u64, percent: u8) -> u64 {
    // Below 10^17: no overflow.
    rho_nano * u64::from(percent) / 100
}

fn with_unknown<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    ids.chain(["unknown"]).map(str::to_owned).collect()
}

/// `0-4999`, `5000-9999`, `10000+`: whole numbers, both ends inside.
fn bin_keys(edges: &[u32]) -> Vec<String> {
    let starts = std::iter::once(0).chain(edges.iter().copied());
    let mut keys: Vec<String> = (starts.zip(edges))
        .map(|(start, edge)| format!("{start}-{}", edge - 1))
        .collect();
    keys.extend(edges.last().map(|edge| format!("{edge}+")));
    keys
}
