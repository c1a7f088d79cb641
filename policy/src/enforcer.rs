//! The rules compiled into casbin: subject, purpose hierarchy, allow and deny.
//! Numbers and sets are compared in functions of this module; whatever it cannot decide is a denial.
//!
//! casbin reads every line of a policy at every decision. So lines are parted beforehand: by who asks and for which purpose, and
//! permissions in groups of a few. A group with every denial of its part is an enforcer of its own, and only the group of the
//! permission that the plain reading found is asked. A line that is left out is one whose requesters, roles or purposes do not
//! fit, or another permission: leaving it out can turn no denial into a permission, and a property test holds all decisions to
//! those of one enforcer over all lines.

use crate::document::{ANY, Effect, PolicyDocument, Rule};
use crate::error::PolicyError;
use crate::question::{Question, must_be_named};
use crate::rules::grounds_suffice;
use casbin::rhai::Dynamic;
use casbin::{
    CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi, function_map::OperatorFunction,
};
use geography::Level;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The model every part is compiled with.
pub(crate) const MODEL: &str = include_str!("../model.conf");

/// Who a part is for: an organisation, or [`ANYBODY_ELSE`]; and for which purpose.
type PartKey = (String, String);

/// Stands for every requester that the policy does not list. No organisation has an empty name.
const ANYBODY_ELSE: &str = "";

/// Most permissions of one enforcer.
const GROUP: usize = 12;

/// The compiled rules.
pub(crate) struct CompiledRules {
    enforcers: Vec<Enforcer>,
    /// For each part the enforcer that holds a permission, by the permission's name.
    of: BTreeMap<PartKey, BTreeMap<String, usize>>,
}

/// Sets travel as text: no identifier contains the separator.
fn joined<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    Vec::from_iter(ids).join("|")
}

fn members(set: &str) -> impl Iterator<Item = &str> {
    set.split('|').filter(|id| !id.is_empty())
}

fn has(set: &str, id: &str) -> bool {
    members(set).any(|member| member == ANY || member == id)
}

fn lists(set: &str, id: &str) -> bool {
    members(set).any(|member| member == id)
}

/// Runs a comparison over texts. What is no text is not matched: a permission that cannot be read does not apply; nor does a
/// denial, but then nothing allows either, since every line of a part has the same shape.
fn over<const N: usize>(
    values: [Dynamic; N],
    holds: impl Fn([&str; N]) -> Option<bool>,
) -> Dynamic {
    let texts: Option<Vec<String>> = (values.into_iter())
        .map(|value| value.into_string().ok())
        .collect();
    let decided = texts.and_then(|texts| {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        holds(<[&str; N]>::try_from(texts).ok()?)
    });
    Dynamic::from(decided.unwrap_or(false))
}

fn set_has(set: Dynamic, id: Dynamic) -> Dynamic {
    over([set, id], |[set, id]| Some(has(set, id)))
}

fn at_most(value: Dynamic, limit: Dynamic) -> Dynamic {
    over([value, limit], |[value, limit]| {
        Some(value.parse::<u64>().ok()? <= limit.parse::<u64>().ok()?)
    })
}

/// For a permission: every category touched is in the rule. For a denial: one of them is.
fn categories_fit(touched: Dynamic, rule: Dynamic, effect: Dynamic) -> Dynamic {
    over([touched, rule, effect], |[touched, rule, effect]| {
        Some(if effect == Effect::Deny.id() {
            lists(rule, ANY) || members(touched).any(|id| lists(rule, id))
        } else {
            members(touched).all(|id| has(rule, id))
        })
    })
}

/// For a permission: every target named is in the rule, by name those that are sensitive or that answers can harm. For a
/// denial: one of them is.
fn targets_fit(named: Dynamic, sensitive: Dynamic, rule: Dynamic, effect: Dynamic) -> Dynamic {
    over(
        [named, sensitive, rule, effect],
        |[named, sensitive, rule, effect]| {
            Some(if effect == Effect::Deny.id() {
                lists(rule, ANY) || members(named).any(|id| lists(rule, id))
            } else {
                members(named).all(|id| has(rule, id))
                    && members(sensitive).all(|id| lists(rule, id))
                    && members(named)
                        .filter(|id| must_be_named(id))
                        .all(|id| lists(rule, id))
            })
        },
    )
}

/// For a permission: a ground for special categories, where sensitive targets are named. Denials ask for none.
fn grounds_fit(stated: Dynamic, sensitive: Dynamic, rule: Dynamic, effect: Dynamic) -> Dynamic {
    over(
        [stated, sensitive, rule, effect],
        |[stated, sensitive, rule, effect]| {
            if effect == Effect::Deny.id()
                || lists(rule, ANY)
                || members(sensitive).next().is_none()
            {
                return Some(true);
            }
            let taken: Vec<&str> = members(stated).filter(|id| lists(rule, id)).collect();
            Some(grounds_suffice(&taken))
        },
    )
}

/// The columns of a question, or nothing where a word is no identifier: it might read as two.
fn columns(document: &PolicyDocument, question: &Question) -> Option<Vec<String>> {
    let role = document
        .requester(&question.requester)
        .map(|known| known.role().id());
    let sensitive = question.sensitive();
    let words = [
        &question.requester,
        &question.purpose,
        &question.lawful_basis,
        &question.measure,
    ];
    let identifiers = (words.into_iter())
        .chain(&question.special_grounds)
        .chain(&question.targets)
        .all(|word| protocol::is_identifier(word));
    identifiers.then(|| {
        vec![
            question.requester.clone(),
            role.unwrap_or_default().to_owned(),
            question.purpose.clone(),
            question.lawful_basis.clone(),
            joined(question.special_grounds.iter().map(String::as_str)),
            question.measure.clone(),
            joined(question.categories.iter().map(|category| category.id())),
            joined(question.targets.iter().map(String::as_str)),
            joined(sensitive),
            (question.level as u8).to_string(),
            question.rho.nano().to_string(),
            question.day.number().to_string(),
        ]
    })
}

impl CompiledRules {
    pub(crate) fn compile(document: &PolicyDocument) -> Result<CompiledRules, PolicyError> {
        let requesters = (document.requesters.iter())
            .map(|requester| requester.organisation.as_str())
            .chain([ANYBODY_ELSE]);
        let (mut enforcers, mut of) = (Vec::new(), BTreeMap::new());
        // Parts that are alike share their enforcers.
        let mut known: BTreeMap<Vec<Vec<String>>, usize> = BTreeMap::new();
        for requester in requesters {
            for purpose in document.purposes.keys() {
                let mut holds = BTreeMap::new();
                for (names, lines) in groups(part(document, requester, purpose)) {
                    let index = match known.get(&lines) {
                        Some(index) => *index,
                        None => {
                            enforcers.push(enforcer(document, &lines)?);
                            known.insert(lines, enforcers.len() - 1);
                            enforcers.len() - 1
                        }
                    };
                    holds.extend(names.into_iter().map(|name| (name, index)));
                }
                of.insert((requester.to_owned(), purpose.clone()), holds);
            }
        }
        Ok(CompiledRules { enforcers, of })
    }

    /// Whether this permission allows the question and no denial denies it. An error, a panic, a permission that is not of the
    /// question's part or a disabled enforcer is a no.
    pub(crate) fn allow(
        &self,
        document: &PolicyDocument,
        permission: &Rule,
        question: &Question,
    ) -> bool {
        let requester = match document.requester(&question.requester) {
            Some(known) => known.organisation.as_str(),
            None => ANYBODY_ELSE,
        };
        let part = (self.of).get(&(requester.to_owned(), question.purpose.clone()));
        let index = part.and_then(|holds| holds.get(&permission.id));
        match (index, columns(document, question)) {
            (Some(index), Some(columns)) => enforce(&self.enforcers[*index], columns),
            _ => false,
        }
    }
}

/// The permissions of a part in groups, each with their names and with every denial of the part.
fn groups(part: Vec<Vec<String>>) -> Vec<(BTreeSet<String>, Vec<Vec<String>>)> {
    let (denials, permissions): (Vec<_>, Vec<_>) =
        (part.into_iter()).partition(|line| line[EFFECT] == Effect::Deny.id());
    let mut groups: Vec<(BTreeSet<String>, Vec<Vec<String>>)> = Vec::new();
    for line in permissions {
        let name = line[NAME].clone();
        // The lines of one permission follow each other and stay together.
        let has_room =
            |(names, _): &&mut (BTreeSet<String>, _)| names.len() < GROUP || names.contains(&name);
        match groups.last_mut().filter(has_room) {
            Some((names, lines)) => {
                names.insert(name);
                lines.push(line);
            }
            None => {
                let lines = denials.iter().cloned().chain([line]).collect();
                groups.push((BTreeSet::from([name]), lines));
            }
        }
    }
    groups
}

/// The lines that can match a question of this requester for this purpose.
fn part(document: &PolicyDocument, requester: &str, purpose: &str) -> Vec<Vec<String>> {
    let role = document
        .requester(requester)
        .map_or("", |known| known.role().id());
    let chain = document.purpose_chain(purpose);
    let fits = |set: &[String], id: &str| set.iter().any(|member| member == ANY || member == id);
    (document.rules.iter())
        .filter(|rule| fits(&rule.requesters, requester) && fits(rule.roles(), role))
        .flat_map(|rule| lines(rule, document))
        .filter(|line| chain.contains(&line[PURPOSE].as_str()))
        .collect()
}

fn enforce(enforcer: &Enforcer, columns: Vec<String>) -> bool {
    enforcer.is_enabled()
        && catch_unwind(AssertUnwindSafe(|| enforcer.enforce(columns)))
            .is_ok_and(|decided| decided.unwrap_or(false))
}

/// An enforcer over these lines and the document's purposes, whole or not at all.
fn enforcer(document: &PolicyDocument, lines: &[Vec<String>]) -> Result<Enforcer, PolicyError> {
    // Nothing here waits: the adapter is in memory.
    let enforcer = futures::executor::block_on(compile(document, lines))
        .map_err(|_| PolicyError::NotCompiled)?;
    if enforcer.get_policy() != lines {
        return Err(PolicyError::NotCompiled);
    }
    Ok(enforcer)
}

async fn compile(document: &PolicyDocument, lines: &[Vec<String>]) -> casbin::Result<Enforcer> {
    let model = DefaultModel::from_str(MODEL).await?;
    let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await?;
    enforcer.add_function("setHas", OperatorFunction::Arg2(set_has));
    enforcer.add_function("atMost", OperatorFunction::Arg2(at_most));
    enforcer.add_function("categoriesFit", OperatorFunction::Arg3(categories_fit));
    enforcer.add_function("targetsFit", OperatorFunction::Arg4(targets_fit));
    enforcer.add_function("groundsFit", OperatorFunction::Arg4(grounds_fit));
    for line in lines {
        enforcer.add_policy(line.clone()).await?;
    }
    for purpose in document.purposes.keys() {
        // Every wider purpose directly, so that no depth limit of the role manager decides.
        for wider in document.purpose_chain(purpose).into_iter().skip(1) {
            enforcer
                .add_grouping_policy(vec![purpose.clone(), wider.to_owned()])
                .await?;
        }
    }
    Ok(enforcer)
}

/// Where a line holds its rule's name, its purpose and its effect.
const NAME: usize = 0;
const PURPOSE: usize = 3;
const EFFECT: usize = 13;

/// One line for each purpose of a rule.
fn lines(rule: &Rule, document: &PolicyDocument) -> Vec<Vec<String>> {
    let purposes: Vec<&String> = if rule.purposes.iter().any(|purpose| purpose == ANY) {
        document.purposes.keys().collect()
    } else {
        rule.purposes.iter().collect()
    };
    let set = |ids: &[String]| joined(ids.iter().map(String::as_str));
    let grounds = match (document.version, &rule.special_grounds) {
        (1, _) => ANY.to_owned(),
        (_, grounds) => set(grounds.as_deref().unwrap_or_default()),
    };
    let level = rule.finest_level.unwrap_or(Level::MicroArea) as u8;
    let rho = rule.max_rho_per_query.map_or(u64::MAX, |rho| rho.nano());
    let from = rule.valid_from.map_or(0, |day| day.number());
    let until = rule.valid_until.map_or(u32::MAX, |day| day.number());
    (purposes.into_iter())
        .map(|purpose| {
            vec![
                rule.id.clone(),
                set(&rule.requesters),
                set(rule.roles()),
                purpose.clone(),
                set(&rule.lawful_bases),
                grounds.clone(),
                set(&rule.measures),
                set(rule.categories()),
                set(&rule.targets),
                level.to_string(),
                rho.to_string(),
                from.to_string(),
                until.to_string(),
                rule.effect.id().to_owned(),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Category;
    use crate::{Day, rules};
    use privacy_loss::NanoRho;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    const REQUESTERS: [&str; 4] = ["comune", "fondazione", "universita", "stranger"];
    const PURPOSES: [&str; 4] = ["planning", "service-planning", "research", "marketing"];
    const TARGETS: [&str; 4] = [
        "minors",
        "living-alone",
        "severe-disability",
        "non-eu-citizens",
    ];
    const BASES: [&str; 2] = ["art6-1-e", "art6-1-a"];
    const MEASURES: [&str; 2] = ["persons", "events"];

    fn rule() -> impl Strategy<Value = String> {
        let words = |words: &'static [&'static str]| {
            let with_any: Vec<&str> = words.iter().copied().chain(["any"]).collect();
            prop::sample::subsequence(with_any, 1..=2)
        };
        (
            any::<bool>(),
            (words(&REQUESTERS[..3]), words(&["municipality", "foundation"])),
            (words(&PURPOSES[..3]), words(&BASES), words(&MEASURES)),
            words(&["demographics", "household", "origin", "health"]),
            words(&TARGETS),
            prop::sample::select(&Level::ALL[..]),
            (1u64..4, prop::option::of(20_000u32..20_004)),
        )
            .prop_map(|(denies, (subs, roles), (purposes, bases, measures), categories, targets, level, (rho, until))| {
                let mut text = format!(
                    "effect = {:?}\nrequesters = {subs:?}\nroles = {roles:?}\npurposes = {purposes:?}\nlawful_bases = {bases:?}\n\
                     measures = {measures:?}\ncategories = {categories:?}\ntargets = {targets:?}\n",
                    if denies { "deny" } else { "allow" }
                );
                if !denies {
                    let _ = write!(
                        text,
                        "approval = \"auto\"\nspecial_grounds = [\"art9-2-h\"]\nfinest_level = \"{level}\"\nmax_rho_per_query = {rho}\n"
                    );
                }
                if let Some(until) = until {
                    let _ = writeln!(text, "valid_until = \"{}\"", Day::of(i64::from(until) * 86_400));
                }
                text
            })
    }

    fn document(rules: &[String]) -> PolicyDocument {
        let mut text = String::from("version = 2\norganisation = \"node\"\n[dpo]\nkeys = [\"");
        text += &"01".repeat(32);
        text += "\"]\n[releases]\ndisplay_minimum = 5\nretention_months = 12\naudience = \"public\"\n[caps]\nlifetime = 9\nper_year = 9\n\
                 per_dataset = 9\nper_purpose = 9\nper_study = 9\n[purposes]\nplanning = \"\"\nservice-planning = \"planning\"\nresearch = \"\"\n";
        for (i, (name, role)) in [
            ("comune", "municipality"),
            ("fondazione", "foundation"),
            ("universita", "research"),
        ]
        .iter()
        .enumerate()
        {
            let _ = write!(
                text,
                "[[requesters]]\norganisation = \"{name}\"\nrole = \"{role}\"\nkeys = [\"{}\"]\n",
                format!("1{i}").repeat(32)
            );
        }
        for (i, rule) in rules.iter().enumerate() {
            let _ = write!(text, "[[rules]]\nid = \"rule-{i}\"\n{rule}");
        }
        PolicyDocument::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn question() -> impl Strategy<Value = Question> {
        (
            prop::sample::select(&REQUESTERS[..]),
            prop::sample::select(&PURPOSES[..]),
            prop::sample::select(&BASES[..]),
            prop::bool::ANY,
            prop::sample::select(&MEASURES[..]),
            prop::sample::subsequence(&TARGETS[..], 0..=2),
            prop::sample::select(&Level::ALL[..]),
            (1u64..4, 20_000i64..20_004),
        )
            .prop_map(
                |(requester, purpose, basis, ground, measure, targets, level, (rho, day))| {
                    Question {
                        requester: requester.to_owned(),
                        purpose: purpose.to_owned(),
                        lawful_basis: basis.to_owned(),
                        special_grounds: if ground {
                            vec!["art9-2-h".to_owned()]
                        } else {
                            Vec::new()
                        },
                        measure: measure.to_owned(),
                        categories: targets
                            .iter()
                            .flat_map(|id| Category::of_target(id))
                            .collect(),
                        targets: targets.into_iter().map(str::to_owned).collect(),
                        level,
                        rho: NanoRho::new(rho),
                        day: Day::of(day * 86_400),
                    }
                },
            )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// One enforcer over all lines, the parts with their groups, and the reading in plain Rust decide every question alike.
        #[test]
        fn parting_the_lines_never_changes_a_decision(
            written in prop::collection::vec(rule(), 1..30),
            questions in prop::collection::vec(question(), 24),
        ) {
            let document = document(&written);
            let parts = CompiledRules::compile(&document).expect("compiled");
            let lines: Vec<_> = document.rules.iter().flat_map(|rule| lines(rule, &document)).collect();
            let whole = enforcer(&document, &lines).expect("compiled");
            for question in &questions {
                let all = columns(&document, question).is_some_and(|columns| enforce(&whole, columns));
                // An empty policy allows what its matcher does: here nothing, since every field of the missing line is empty.
                let decided = match rules::read(&document, question) {
                    rules::Reading::Allowed(rule) => {
                        // The plain reading is no wider than the engine's.
                        prop_assert!(all, "{:?}", question);
                        parts.allow(&document, rule, question)
                    }
                    _ => false,
                };
                prop_assert_eq!(decided, all, "{:?}", question);
                // Nor does any permission's group allow what the whole denies.
                for rule in &document.rules {
                    prop_assert!(all || !parts.allow(&document, rule, question), "{:?}", question);
                }
            }
        }
    }

    /// An engine whose matcher is `matcher`, over one line that allows.
    fn engine(matcher: &str) -> Enforcer {
        let text = format!(
            "[request_definition]\nr = sub\n[policy_definition]\np = sub, eft\n[policy_effect]\n\
             e = some(where (p.eft == allow)) && !some(where (p.eft == deny))\n[matchers]\nm = {matcher}\n"
        );
        futures::executor::block_on(async {
            let model = DefaultModel::from_str(&text).await.expect("a model");
            let mut engine = Enforcer::new(model, MemoryAdapter::default())
                .await
                .expect("an engine");
            let line = ["a", "allow"].map(str::to_owned).to_vec();
            engine.add_policy(line).await.expect("added");
            engine
        })
    }

    #[test]
    fn trap_a_panic_or_an_error_is_no_permission() {
        let columns = || vec!["a".to_owned()];
        assert!(enforce(&engine("r.sub == p.sub"), columns()));
        // With overflow checks the engine's own arithmetic panics; without them it wraps and decides something else.
        let panics = engine("2147483647 + 1 > 0");
        assert!(!enforce(&panics, columns()));
        let errs = engine("noSuchFunction(r.sub)");
        assert!(errs.enforce(columns()).is_err());
        assert!(!enforce(&errs, columns()));
        assert!(!enforce(&engine("r.sub == p.sub"), Vec::new()));
    }

    #[test]
    fn trap_a_disabled_engine_allows() {
        let mut engine = engine("r.sub != p.sub");
        assert!(!engine.enforce(vec!["a".to_owned()]).expect("decided"));
        engine.enable_enforce(false);
        assert!(engine.enforce(vec!["a".to_owned()]).expect("decided"));
        assert!(!enforce(&engine, vec!["a".to_owned()]));
    }

    #[test]
    fn text_that_reads_as_two_words_is_denied() {
        let allow = "effect = \"allow\"\napproval = \"auto\"\nrequesters = [\"any\"]\npurposes = [\"any\"]\nlawful_bases = [\"any\"]\n\
                     measures = [\"any\"]\ncategories = [\"any\"]\ntargets = [\"any\"]\nfinest_level = \"city\"\nmax_rho_per_query = 5\n";
        let document = document(&[allow.to_owned()]);
        let compiled = CompiledRules::compile(&document).expect("compiled");
        let mut question = Question {
            requester: "comune".to_owned(),
            purpose: "planning".to_owned(),
            lawful_basis: "art6-1-e".to_owned(),
            special_grounds: Vec::new(),
            measure: "persons".to_owned(),
            categories: [Category::Demographics].into(),
            targets: vec!["minors".to_owned()],
            level: Level::City,
            rho: NanoRho::new(5),
            day: Day::of(0),
        };
        let rule = &document.rules[0];
        assert!(compiled.allow(&document, rule, &question));
        question.targets = vec!["minors|elderly-75-plus".to_owned()];
        assert!(!compiled.allow(&document, rule, &question));
    }
}
