//! The rules compiled into casbin: subject, purpose hierarchy, allow and deny.
//! Numbers and sets are compared in functions of this module; whatever it cannot decide is a denial.

use crate::document::{ANY, Effect, PolicyDocument, Rule};
use crate::error::PolicyError;
use casbin::rhai::Dynamic;
use casbin::{
    CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi, function_map::OperatorFunction,
};
use geography::Level;
use std::panic::{AssertUnwindSafe, catch_unwind};

const MODEL: &str = include_str!("../model.conf");

/// What casbin is asked, already reduced to identifiers and whole numbers.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) requester: String,
    pub(crate) purpose: String,
    pub(crate) lawful_basis: String,
    pub(crate) measure: String,
    /// Every target named.
    pub(crate) targets: Vec<String>,
    /// Those among them that are sensitive.
    pub(crate) sensitive: Vec<String>,
    pub(crate) level: Level,
    pub(crate) rho_nano: u64,
}

/// The compiled rules.
pub(crate) struct CompiledRules {
    enforcer: Enforcer,
}

/// Sets travel as text: no identifier contains the separator.
fn joined(ids: &[String]) -> String {
    ids.join("|")
}

fn members(set: &str) -> impl Iterator<Item = &str> {
    set.split('|').filter(|id| !id.is_empty())
}

fn text(value: Dynamic) -> Option<String> {
    value.into_string().ok()
}

fn set_has(set: Dynamic, id: Dynamic) -> Dynamic {
    let holds = || Some(has(&text(set)?, &text(id)?));
    Dynamic::from(holds().unwrap_or(false))
}

fn has(set: &str, id: &str) -> bool {
    members(set).any(|member| member == ANY || member == id)
}

fn at_most(value: Dynamic, limit: Dynamic) -> Dynamic {
    let holds = || {
        let (value, limit) = (text(value)?, text(limit)?);
        Some(value.parse::<u64>().ok()? <= limit.parse::<u64>().ok()?)
    };
    Dynamic::from(holds().unwrap_or(false))
}

/// For a permission: every target named is in the rule, sensitive ones by name. For a denial: one of them is.
fn targets_fit(named: Dynamic, sensitive: Dynamic, rule: Dynamic, effect: Dynamic) -> Dynamic {
    let holds = || {
        let (named, sensitive, rule) = (text(named)?, text(sensitive)?, text(rule)?);
        Some(if text(effect)? == Effect::Deny.id() {
            members(&rule).any(|id| id == ANY) || members(&named).any(|id| has(&rule, id))
        } else {
            members(&named).all(|id| has(&rule, id))
                && members(&sensitive).all(|id| members(&rule).any(|listed| listed == id))
        })
    };
    // A denial that cannot be read applies; a permission that cannot be read does not. Either way the
    // answer is no, because nothing else allows without a readable effect.
    Dynamic::from(holds().unwrap_or(false))
}

impl CompiledRules {
    pub(crate) fn compile(document: &PolicyDocument) -> Result<CompiledRules, PolicyError> {
        // Nothing here waits: the adapter is in memory.
        let enforcer =
            futures::executor::block_on(compile(document)).map_err(|_| PolicyError::NotCompiled)?;
        let compiled = enforcer.get_policy().len();
        let expected: usize = document
            .rules
            .iter()
            .map(|rule| lines(rule, document).len())
            .sum();
        if compiled != expected {
            return Err(PolicyError::NotCompiled);
        }
        Ok(CompiledRules { enforcer })
    }

    /// Whether the rules allow this. An error, a panic or a disabled enforcer is a no.
    pub(crate) fn allow(&self, facts: &Facts) -> bool {
        if !self.enforcer.is_enabled() {
            return false;
        }
        let request = vec![
            facts.requester.clone(),
            facts.purpose.clone(),
            facts.lawful_basis.clone(),
            facts.measure.clone(),
            joined(&facts.targets),
            joined(&facts.sensitive),
            (facts.level as u8).to_string(),
            facts.rho_nano.to_string(),
        ];
        catch_unwind(AssertUnwindSafe(|| self.enforcer.enforce(request)))
            .is_ok_and(|decided| decided.unwrap_or(false))
    }
}

async fn compile(document: &PolicyDocument) -> casbin::Result<Enforcer> {
    let model = DefaultModel::from_str(MODEL).await?;
    let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await?;
    enforcer.add_function("setHas", OperatorFunction::Arg2(set_has));
    enforcer.add_function("atMost", OperatorFunction::Arg2(at_most));
    enforcer.add_function("targetsFit", OperatorFunction::Arg4(targets_fit));
    for rule in &document.rules {
        for line in lines(rule, document) {
            enforcer.add_policy(line).await?;
        }
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

/// One line for each purpose of a rule.
fn lines(rule: &Rule, document: &PolicyDocument) -> Vec<Vec<String>> {
    let purposes: Vec<String> = if rule.purposes.iter().any(|purpose| purpose == ANY) {
        document.purposes.keys().cloned().collect()
    } else {
        rule.purposes.clone()
    };
    let level = rule.finest_level.unwrap_or(Level::MicroArea) as u8;
    let rho = rule.max_rho_per_query.map_or(u64::MAX, |rho| rho.nano());
    (purposes.into_iter())
        .map(|purpose| {
            vec![
                rule.id.clone(),
                joined(&rule.requesters),
                purpose,
                joined(&rule.lawful_bases),
                joined(&rule.measures),
                joined(&rule.targets),
                level.to_string(),
                rho.to_string(),
                rule.effect.id().to_owned(),
            ]
        })
        .collect()
}
