//! Reading rules in plain Rust: which one applies to a question, and the first field of one that does not.
//! casbin decides beside it; only what both allow is allowed.

use crate::document::{ANY, Effect, PolicyDocument, Rule};
use crate::question::{Question, must_be_named};
use crate::reason::Reason;
use crate::vocabulary::{PUBLIC_INTEREST, Role, is_article_2_sexies, is_article_9};

/// A rule that does not apply, and why not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Miss<'a> {
    pub(crate) rule: &'a Rule,
    pub(crate) reason: Reason,
}

/// What the rules say of a question.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading<'a> {
    /// This permission covers it, and no denial does.
    Allowed(&'a Rule),
    /// This denial applies.
    Denied(&'a Rule),
    /// No permission covers it; the nearest one and its first failing field, where there is any permission.
    Uncovered(Option<Miss<'a>>),
}

/// Reads the rules of a document: a denial before every permission, then permissions in their order, of those answered at once
/// before those that wait for a person.
pub(crate) fn read<'a>(document: &'a PolicyDocument, question: &Question) -> Reading<'a> {
    let chain = document.purpose_chain(&question.purpose);
    let asked = Asked {
        question,
        role: document
            .requester(&question.requester)
            .map(|known| known.role()),
        sensitive: question.sensitive(),
        chain: &chain,
        grounds_matter: document.version > 1,
    };
    let mut covering: Option<&Rule> = None;
    let mut nearest: Option<(usize, Miss<'_>)> = None;
    for rule in &document.rules {
        match (rule.effect, failing(rule, &asked)) {
            (Effect::Deny, None) => return Reading::Denied(rule),
            (Effect::Deny, Some(_)) => {}
            (Effect::Allow, None) => {
                if covering.is_none_or(|best| rule.approval() < best.approval()) {
                    covering = Some(rule);
                }
            }
            (Effect::Allow, Some((place, reason))) => {
                if nearest.as_ref().is_none_or(|(best, _)| place > *best) {
                    nearest = Some((place, Miss { rule, reason }));
                }
            }
        }
    }
    match covering {
        Some(rule) => Reading::Allowed(rule),
        None => Reading::Uncovered(nearest.map(|(_, miss)| miss)),
    }
}

/// A question with what follows from the document.
struct Asked<'a> {
    question: &'a Question,
    role: Option<Role>,
    sensitive: Vec<&'a str>,
    chain: &'a [&'a str],
    grounds_matter: bool,
}

fn has(set: &[String], id: &str) -> bool {
    set.iter().any(|member| member == ANY || member == id)
}

/// The first field of a rule that does not fit, with its place in the order of checking; `None` if the rule applies.
fn failing(rule: &Rule, asked: &Asked<'_>) -> Option<(usize, Reason)> {
    let question = asked.question;
    let denies = rule.effect == Effect::Deny;
    let day = question.day;
    let checks = [
        (
            has(&rule.requesters, &question.requester),
            Reason::Requester,
        ),
        (
            has(rule.roles(), asked.role.map_or("", Role::id)),
            Reason::Role,
        ),
        (
            asked
                .chain
                .iter()
                .any(|purpose| has(&rule.purposes, purpose)),
            Reason::Purpose,
        ),
        (
            has(&rule.lawful_bases, &question.lawful_basis),
            Reason::LawfulBasis,
        ),
        (has(&rule.measures, &question.measure), Reason::Measure),
        (categories_fit(rule, question, denies), Reason::Category),
        (targets_fit(rule, asked, denies), Reason::Target),
        (
            denies || !asked.grounds_matter || grounds_fit(rule, asked),
            Reason::SpecialGround,
        ),
        (
            (rule.finest_level).is_none_or(|limit| question.level.within(limit)),
            Reason::Level,
        ),
        (
            (rule.max_rho_per_query).is_none_or(|limit| question.rho <= limit),
            Reason::Rho,
        ),
        (
            rule.valid_from.is_none_or(|from| from <= day)
                && rule.valid_until.is_none_or(|until| day <= until),
            Reason::RuleNotInForce,
        ),
    ];
    (checks.into_iter().enumerate())
        .find(|(_, (holds, _))| !holds)
        .map(|(place, (_, reason))| (place, reason))
}

/// For a permission: every category touched is in the rule. For a denial: one of them is.
fn categories_fit(rule: &Rule, question: &Question, denies: bool) -> bool {
    let mut touched = question.categories.iter();
    match denies {
        true => {
            rule.categories().iter().any(|id| id == ANY)
                || touched.any(|category| rule.has_category(*category))
        }
        false => touched.all(|category| rule.has_category(*category)),
    }
}

/// For a permission: every target named is in the rule, those that `any` does not include by name. For a denial: one of them is.
fn targets_fit(rule: &Rule, asked: &Asked<'_>, denies: bool) -> bool {
    let named = &asked.question.targets;
    match denies {
        true => {
            rule.targets.iter().any(|id| id == ANY)
                || named.iter().any(|id| rule.targets.contains(id))
        }
        false => {
            named.iter().all(|id| has(&rule.targets, id))
                && (asked.sensitive.iter()).all(|id| rule.targets.iter().any(|listed| listed == id))
                && (named.iter())
                    .filter(|id| must_be_named(id))
                    .all(|id| rule.targets.contains(id))
        }
    }
}

/// Whether the study states a ground that the rule takes, where sensitive targets are named.
fn grounds_fit(rule: &Rule, asked: &Asked<'_>) -> bool {
    let taken = rule.special_grounds.as_deref().unwrap_or_default();
    let stated: Vec<&str> = (asked.question.special_grounds.iter())
        .filter(|ground| taken.contains(ground))
        .map(String::as_str)
        .collect();
    asked.sensitive.is_empty() || grounds_suffice(&stated)
}

/// Whether grounds allow special categories: one of Art. 9(2), and for its letter g a matter of Art. 2-sexies(2).
pub(crate) fn grounds_suffice(grounds: &[&str]) -> bool {
    let named = grounds.iter().any(|ground| is_article_2_sexies(ground));
    (grounds.iter()).any(|ground| is_article_9(ground) && (*ground != PUBLIC_INTEREST || named))
}
