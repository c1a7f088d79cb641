//! Reads a list of targets from TOML and checks it: every fault names the target, the field and the remedy.

use crate::example::{ExamplePerson, Member};
use crate::model::{GRADES, INCOME_BANDS};
use crate::predicate::{Members, Predicate, Range};
use crate::predicate_set::{Membership, PredicateSet};
use crate::target::{Classification, Target, Unit, UserArea};
use crate::taxonomy::Taxonomy;
use geography::Level;
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The format of the files this version reads.
pub(crate) const FORMAT: u32 = 2;
/// Most targets of a list; more would not be read by anybody.
const MOST_TARGETS: usize = 1_000;
/// Deepest nesting of a predicate.
const MOST_DEPTH: usize = 8;

/// What is wrong with one field of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The target's identifier, or its place in the list where it has none.
    pub target: String,
    /// The field.
    pub field: String,
    /// What is wrong and what to write.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "target {}, {}: {}",
            self.target, self.field, self.problem
        )
    }
}

/// Why a list of targets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TaxonomyError {
    /// Not TOML, or without what every list begins with.
    #[error("the list of targets: {0}")]
    File(String),
    /// Faults of single targets.
    #[error("{}", lines(.0))]
    Targets(Vec<Fault>),
}

fn lines(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    lines.join("\n")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetsFile {
    format: u32,
    version: String,
    publisher: String,
    target: Vec<toml::Table>,
}

pub(crate) fn parse(text: &str) -> Result<Taxonomy, TaxonomyError> {
    let file = |problem: String| TaxonomyError::File(problem);
    let read: TargetsFile = toml::from_str(text).map_err(|error| file(error.to_string()))?;
    if read.format != FORMAT {
        return Err(file(format!(
            "format is {}, this program reads {FORMAT}; write `format = {FORMAT}`",
            read.format
        )));
    }
    if read.version.trim().is_empty() || read.publisher.trim().is_empty() {
        return Err(file(
            "`version` or `publisher` is blank; say which list this is and who declares it"
                .to_owned(),
        ));
    }
    if read.target.is_empty() || read.target.len() > MOST_TARGETS {
        return Err(file(format!(
            "{} targets; write between 1 and {MOST_TARGETS}",
            read.target.len()
        )));
    }
    let (mut targets, mut faults) = (Vec::new(), Vec::new());
    let mut ids = BTreeSet::new();
    for (number, table) in (1..).zip(read.target) {
        let mut reading = Reading::of(number, table);
        let target = reading.target();
        if let Some(target) = target {
            reading.check(&target);
            if !ids.insert(target.id.clone()) {
                reading.fault("id", "another target has it; choose a new one");
            }
            targets.push(target);
        }
        faults.append(&mut reading.faults);
    }
    if !faults.is_empty() {
        return Err(TaxonomyError::Targets(faults));
    }
    Ok(Taxonomy {
        hash: hash_of(text),
        version: read.version,
        publisher: read.publisher,
        targets,
    })
}

/// The hash of a list of targets, together with that of the services where they are not those built in.
fn hash_of(targets: &str) -> [u8; 32] {
    let of = |bytes: &[u8]| {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        hash
    };
    let (targets, services) = (of(targets.as_bytes()), crate::taxonomy::services());
    match services.is_built_in {
        true => targets,
        false => of(&[b"wi-taxonomy-v1\n".as_slice(), &targets, &services.hash].concat()),
    }
}

/// One target on its way from a table.
struct Reading {
    name: String,
    table: toml::Table,
    faults: Vec<Fault>,
}

impl Reading {
    fn of(number: usize, table: toml::Table) -> Reading {
        let id = table.get("id").and_then(toml::Value::as_str);
        Reading {
            name: id.map_or_else(|| format!("no. {number}"), |id| format!("`{id}`")),
            table,
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, field: &str, problem: impl Into<String>) {
        self.faults.push(Fault {
            target: self.name.clone(),
            field: field.to_owned(),
            problem: problem.into(),
        });
    }

    fn optional<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        let value = self.table.remove(field)?;
        match value.try_into() {
            Ok(value) => Some(value),
            Err(error) => {
                let problem = error.to_string().trim().replace('\n', "; ");
                self.fault(field, problem);
                None
            }
        }
    }

    fn required<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        if !self.table.contains_key(field) {
            self.fault(field, format!("is missing; write `{field} = ...`"));
        }
        self.optional(field)
    }

    /// A text of at least one letter.
    fn text(&mut self, field: &str) -> Option<String> {
        let text: String = self.required(field)?;
        if text.trim().is_empty() {
            self.fault(field, "is blank; write it out");
            return None;
        }
        Some(text)
    }

    /// The target, where every field can be read. All fields are read before the first fault ends it.
    fn target(&mut self) -> Option<Target> {
        let id = self.text("id");
        let (it, en) = (self.text("it"), self.text("en"));
        let description_it = self.text("description_it");
        let description_en = self.text("description_en");
        let unit: Unit = self.optional("unit").unwrap_or(Unit::Person);
        let area: Option<UserArea> = self.required("area");
        let finest_level: Option<Level> = self.required("finest_level");
        let sensitive = self.optional("sensitive").unwrap_or(false);
        let group_harm = self.optional("group_harm");
        let crosswalk: BTreeMap<Classification, Vec<String>> =
            self.optional("crosswalk").unwrap_or_default();
        let predicate: Option<Predicate> = self.required("predicate");
        let example: Option<Vec<ExamplePerson>> = self.required("example");
        let counterexample: Option<Vec<ExamplePerson>> = self.required("counterexample");
        let unknown: Vec<String> = self.table.keys().cloned().collect();
        for field in unknown {
            self.fault(
                &field,
                "is no field of a target; remove it or correct its name",
            );
        }
        Some(Target {
            id: id?,
            it: it?,
            en: en?,
            description_it: description_it?,
            description_en: description_en?,
            unit,
            area: area?,
            finest_level: finest_level?,
            sensitive,
            group_harm,
            crosswalk,
            predicate: predicate?,
            example: example?,
            counterexample: counterexample?,
        })
    }

    fn check(&mut self, target: &Target) {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if target.id.len() > 64 || !target.id.bytes().all(plain) {
            self.fault(
                "id",
                "is not an identifier; write up to 64 of a-z, 0-9 and -",
            );
        }
        for problem in faults_of_predicate(&target.predicate) {
            self.fault("predicate", problem);
        }
        if target.unit == Unit::Family && reads_one_member(&target.predicate) {
            self.fault(
                "predicate",
                "tells members of one family apart; ask for members by `members = { of = ... }` or `household`, or \
                 write `unit = \"person\"`",
            );
        }
        if target.predicate.reads_special_category() && !target.sensitive {
            self.fault(
                "sensitive",
                "is not true although the predicate reads health or disability; write `sensitive = true`",
            );
        }
        if let (Some(harm), None) = (target.predicate.group_harm(), target.group_harm) {
            self.fault(
                "group_harm",
                format!("is missing although the predicate reads what can harm a group; write `group_harm = \"{}\"`", harm.id()),
            );
        }
        if target.group_harm.is_some() && target.finest_level != Level::City {
            self.fault(
                "finest_level",
                "is too fine for a group that answers can harm; write `finest_level = \"city\"`",
            );
        }
        self.check_example(target, "example", true);
        self.check_example(target, "counterexample", false);
    }

    fn check_example(&mut self, target: &Target, field: &str, expected: bool) {
        let household = if expected {
            &target.example
        } else {
            &target.counterexample
        };
        let services = household.iter().flat_map(|person| {
            let before = person.used_before.iter();
            person.uses.keys().chain(before)
        });
        for id in services {
            if Taxonomy::service_position(id).is_none() {
                self.fault(
                    field,
                    format!("`{id}` is no service; name one of the list of services"),
                );
            }
        }
        let Some(member) = Member::first_of(household) else {
            self.fault(
                field,
                "names nobody; write at least one person, such as `[{ age = 80 }]`",
            );
            return;
        };
        let mut membership = Membership::default();
        PredicateSet::compile([&target.predicate]).evaluate(&member, &mut membership);
        let (step_by_step, together) = (member.is_in(&target.predicate), membership.holds(0));
        if step_by_step != expected || together != expected {
            let problem = if expected {
                "the first person does not belong to the group; correct the person or the predicate"
            } else {
                "the first person belongs to the group; correct the person or the predicate"
            };
            self.fault(field, problem);
        }
    }
}

/// Whether the predicate reads attributes of the person asked about, so that two members of one family can differ.
fn reads_one_member(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().any(reads_one_member),
        Predicate::Not(part) => reads_one_member(part),
        Predicate::Household(_) | Predicate::Members(_) => false,
        _ => true,
    }
}

fn faults_of_predicate(predicate: &Predicate) -> Vec<String> {
    let mut faults = Vec::new();
    check_predicate(predicate, 0, false, &mut faults);
    faults
}

fn check_predicate(
    predicate: &Predicate,
    depth: usize,
    of_members: bool,
    faults: &mut Vec<String>,
) {
    if depth > MOST_DEPTH {
        faults.push(format!(
            "is nested more than {MOST_DEPTH} deep; split the target"
        ));
        return;
    }
    let mut check_range = |name: &str, Range { min, max }: Range, most: u16| {
        if min.is_none() && max.is_none() {
            faults.push(format!(
                "`{name}` has neither `min` nor `max`; write at least one"
            ));
        }
        if min.unwrap_or(0) > max.unwrap_or(most) || min.unwrap_or(0) > most {
            faults.push(format!(
                "`{name}` is empty; write ends between 0 and {most}, the lower first"
            ));
        }
    };
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            if parts.len() < 2 {
                faults.push("`all` and `any` take at least two parts; write the one part alone".to_owned());
            }
            for part in parts {
                check_predicate(part, depth + 1, of_members, faults);
            }
        }
        Predicate::Not(part) => check_predicate(part, depth + 1, of_members, faults),
        Predicate::Age(range) => check_range("age", *range, 130),
        Predicate::Disability(range) => check_range("disability", *range, GRADES - 1),
        Predicate::Income(range) => check_range("income", *range, INCOME_BANDS - 1),
        Predicate::ServicesUsed(range) => check_range("services_used", *range, 255),
        Predicate::ServiceUse(asked) => {
            if let Some(id) = &asked.service
                && Taxonomy::service_position(id).is_none()
            {
                faults.push(format!("`{id}` is no service; name one of the list of services"));
            }
            if asked.min_events == 0 {
                faults.push("`min_events` is 0; write at least 1".to_owned());
            }
        }
        Predicate::Household(_) | Predicate::Members(_) if of_members => faults.push(
            "`members` and `household` cannot stand inside `members`; ask each member's own attributes".to_owned(),
        ),
        Predicate::Members(Members { of, min, max }) => {
            check_range("members", Range { min: *min, max: *max }, 255);
            if let Some(of) = of {
                check_predicate(of, depth + 1, true, faults);
            }
        }
        Predicate::Sex(_)
        | Predicate::Citizenship(_)
        | Predicate::Role(_)
        | Predicate::Carer(_)
        | Predicate::Household(_)
        | Predicate::Need(_)
        | Predicate::Benefit(_)
        | Predicate::Occupation(_)
        | Predicate::Dwelling(_) => {}
    }
}
