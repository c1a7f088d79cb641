//! What a policy document must keep to before it is compiled: closed vocabularies, ASCII identifiers, known bodies and
//! purposes, hierarchies without circles, whole numbers. Every error names the key, the problem and the remedy.

use crate::document::{ANY, Effect, MAX_PURPOSE_DEPTH, PolicyDocument, Releases, Rule};
use crate::error::PolicyError;
use crate::vocabulary::{
    Category, LAWFUL_BASES, PUBLIC_INTEREST, Role, SPECIAL_GROUNDS, is_article_2_sexies,
    is_article_9,
};
use std::collections::BTreeSet;
use taxonomy::Taxonomy;

/// Longest document, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 18;
/// Most requesters, most purposes.
const MAX_NAMES: usize = 64;
const MAX_RULES: usize = 1_000;

type Checked = Result<(), PolicyError>;

fn invalid(key: &str, problem: &str) -> Checked {
    Err(PolicyError::invalid(key, problem))
}

fn check_id(key: &str, id: &str) -> Checked {
    if protocol::is_identifier(id) && id != ANY {
        return Ok(());
    }
    invalid(key, "must be 1 to 64 of a-z, 0-9 and -, and not `any`")
}

fn at_most(key: &str, count: usize, most: usize) -> Checked {
    if count <= most {
        return Ok(());
    }
    invalid(
        key,
        &format!("holds {count} entries; at most {most} are read"),
    )
}

/// Checks a whole document.
pub(crate) fn check(document: &PolicyDocument) -> Checked {
    if !(1..=2).contains(&document.version) {
        return invalid(
            "version",
            "must be 2; version 1 is still read, and no other",
        );
    }
    check_id("organisation", &document.organisation)?;
    check_versions(document)?;
    check_officers(document)?;
    check_requesters(document)?;
    check_caps(document)?;
    check_purposes(document)?;
    check_validity("", document.valid_from, document.valid_until)?;
    if let Some(releases) = &document.releases {
        check_releases("releases", releases)?;
    }
    at_most("rules", document.rules.len(), MAX_RULES)?;
    let mut ids = BTreeSet::new();
    for (i, rule) in document.rules.iter().enumerate() {
        let place = format!("rules[{i}]");
        check_id(&format!("{place}.id"), &rule.id)?;
        if !ids.insert(&rule.id) {
            return invalid(
                &format!("{place}.id"),
                "is given twice; every rule needs a name of its own",
            );
        }
        check_rule(document, rule, &place)?;
    }
    Ok(())
}

/// A document of version 1 says nothing that only version 2 knows, and one of version 2 says all that it must.
fn check_versions(document: &PolicyDocument) -> Checked {
    let first = document.version == 1;
    let mut stated = vec![
        ("releases".to_owned(), document.releases.is_some(), !first),
        (
            "valid_from".to_owned(),
            document.valid_from.is_some(),
            false,
        ),
        (
            "valid_until".to_owned(),
            document.valid_until.is_some(),
            false,
        ),
        (
            "dpo.threshold".to_owned(),
            document.dpo.threshold.is_some(),
            false,
        ),
    ];
    for (i, requester) in document.requesters.iter().enumerate() {
        stated.push((
            format!("requesters[{i}].role"),
            requester.role.is_some(),
            !first,
        ));
    }
    for (i, rule) in document.rules.iter().enumerate() {
        let allows = rule.effect == Effect::Allow;
        for (field, present, required) in [
            ("approval", rule.approval.is_some(), !first && allows),
            ("categories", rule.categories.is_some(), !first),
            ("roles", rule.roles.is_some(), false),
            ("special_grounds", rule.special_grounds.is_some(), false),
            ("valid_from", rule.valid_from.is_some(), false),
            ("valid_until", rule.valid_until.is_some(), false),
            ("releases", rule.releases.is_some(), false),
        ] {
            stated.push((format!("rules[{i}].{field}"), present, required));
        }
    }
    for (key, present, required) in stated {
        if present && first {
            return invalid(
                &key,
                "is known from version 2 on; write `version = 2` and what else it states",
            );
        }
        if required && !present {
            return invalid(&key, "is missing; version 2 states it");
        }
    }
    Ok(())
}

fn check_officers(document: &PolicyDocument) -> Checked {
    let officers = &document.dpo;
    if officers.keys.is_empty() {
        return invalid(
            "dpo.keys",
            "must hold at least one public key; `node-agent keygen` makes one",
        );
    }
    at_most("dpo.keys", officers.keys.len(), 16)?;
    at_most("dpo.second_keys", officers.second_keys.len(), 16)?;
    let distinct: BTreeSet<_> = officers.keys.iter().collect();
    if distinct.len() < officers.keys.len() {
        return invalid("dpo.keys", "holds a key twice; list every key once");
    }
    if (officers.second_keys.iter()).any(|key| officers.keys.contains(key)) {
        return invalid(
            "dpo.second_keys",
            "holds a key of `dpo.keys`, whose holder may sign already; remove it here",
        );
    }
    if !(1..=officers.keys.len()).contains(&officers.threshold()) {
        return invalid(
            "dpo.threshold",
            "must be at least 1 and at most the number of `dpo.keys`; 2 of 3 survives one lost key",
        );
    }
    Ok(())
}

fn check_requesters(document: &PolicyDocument) -> Checked {
    at_most("requesters", document.requesters.len(), MAX_NAMES)?;
    let (mut seen, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for (i, requester) in document.requesters.iter().enumerate() {
        let key = |field: &str| format!("requesters[{i}].{field}");
        check_id(&key("organisation"), &requester.organisation)?;
        if !seen.insert(&requester.organisation) {
            return invalid(
                &key("organisation"),
                "is given twice; list all its keys in one entry",
            );
        }
        at_most(&key("keys"), requester.keys.len(), 16)?;
        if !requester.keys.iter().all(|pinned| keys.insert(pinned)) {
            return invalid(
                &key("keys"),
                "holds a key of another requester; every requester needs keys of its own",
            );
        }
    }
    Ok(())
}

fn check_caps(document: &PolicyDocument) -> Checked {
    document.caps.check()?;
    match (document.caps.purpose.keys()).find(|key| !document.purposes.contains_key(*key)) {
        Some(key) => invalid(
            &format!("caps.purpose.{key}"),
            "is no purpose listed under `purposes`; add it there or remove its cap",
        ),
        None => Ok(()),
    }
}

fn check_purposes(document: &PolicyDocument) -> Checked {
    at_most("purposes", document.purposes.len(), MAX_NAMES)?;
    for (purpose, wider) in &document.purposes {
        let key = format!("purposes.{}", purpose.escape_default());
        check_id(&key, purpose)?;
        if !wider.is_empty() && !document.purposes.contains_key(wider) {
            return invalid(&key, "names a wider purpose that is not listed; add it");
        }
        let chain = document.purpose_chain(purpose);
        let distinct: BTreeSet<&&str> = chain.iter().collect();
        if distinct.len() < chain.len() || chain.len() > MAX_PURPOSE_DEPTH {
            return invalid(
                &key,
                "lies in a circle or a chain of more than 8 purposes; end the chain with an empty text",
            );
        }
    }
    Ok(())
}

fn check_validity(prefix: &str, from: Option<crate::Day>, until: Option<crate::Day>) -> Checked {
    match (from, until) {
        (Some(from), Some(until)) if until < from => invalid(
            &format!("{prefix}valid_until"),
            "lies before `valid_from`; write that day or a later one",
        ),
        _ => Ok(()),
    }
}

fn check_releases(key: &str, releases: &Releases) -> Checked {
    if (1..=1_200).contains(&releases.retention_months) {
        return Ok(());
    }
    invalid(
        &format!("{key}.retention_months"),
        "must be 1 to 1200 months",
    )
}

/// A rule's own obligations may only be narrower than those of all.
fn check_narrower(key: &str, own: &Releases, all: &Releases) -> Checked {
    for (field, narrower) in [
        (
            "display_minimum",
            own.display_minimum >= all.display_minimum,
        ),
        (
            "retention_months",
            own.retention_months <= all.retention_months,
        ),
        ("audience", own.audience <= all.audience),
    ] {
        if !narrower {
            return invalid(
                &format!("{key}.{field}"),
                "is wider than under `releases`; a rule may only narrow it",
            );
        }
    }
    Ok(())
}

fn check_words(key: &str, ids: &[String], find: impl Fn(&str) -> bool, remedy: &str) -> Checked {
    if ids.is_empty() {
        return invalid(key, "must not be empty; write `[\"any\"]` for all");
    }
    match ids.iter().find(|id| id.as_str() != ANY && !find(id)) {
        Some(id) => invalid(key, &format!("`{}` {remedy}", id.escape_default())),
        None => Ok(()),
    }
}

fn check_rule(document: &PolicyDocument, rule: &Rule, place: &str) -> Checked {
    let key = |field: &str| format!("{place}.{field}");
    check_words(
        &key("requesters"),
        &rule.requesters,
        |id| document.requester(id).is_some(),
        "is no requester listed above",
    )?;
    check_words(
        &key("roles"),
        rule.roles(),
        |id| {
            Role::from_id(id)
                .is_some_and(|role| document.requesters.iter().any(|r| r.role() == role))
        },
        "is no role of a requester listed above; roles are municipality, health-authority, foundation, cooperative, association, research, other",
    )?;
    check_words(
        &key("purposes"),
        &rule.purposes,
        |id| document.purposes.contains_key(id),
        "is no purpose listed above",
    )?;
    let first = document.version == 1;
    check_words(
        &key("lawful_bases"),
        &rule.lawful_bases,
        |id| match first {
            true => protocol::is_identifier(id),
            false => LAWFUL_BASES.contains(&id),
        },
        "is no letter of Art. 6(1) GDPR; write art6-1-a to art6-1-f",
    )?;
    check_words(
        &key("categories"),
        rule.categories(),
        |id| Category::from_id(id).is_some(),
        "is no category; they are demographics, household, economic, social, health, origin",
    )?;
    check_words(
        &key("measures"),
        &rule.measures,
        |id| query::Measure::IDS.contains(&id),
        "is no measure; they are `persons`, `events`, `households`, `first-time`, `sum` and `bins`",
    )?;
    let taxonomy = Taxonomy::current();
    check_words(
        &key("targets"),
        &rule.targets,
        |id| taxonomy.target(id).is_some(),
        "is no target of the taxonomy",
    )?;
    check_validity(&format!("{place}."), rule.valid_from, rule.valid_until)?;
    check_grounds(document, rule, &key("special_grounds"))?;
    if let Some(own) = &rule.releases {
        check_releases(&key("releases"), own)?;
        if let Some(all) = &document.releases {
            check_narrower(&key("releases"), own, all)?;
        }
    }
    check_limits(rule, &key)
}

/// A permission states its limits; a denial holds whatever they are.
fn check_limits(rule: &Rule, key: &impl Fn(&str) -> String) -> Checked {
    let (level, rho) = (
        rule.finest_level.is_some(),
        rule.max_rho_per_query.is_some(),
    );
    match rule.effect {
        Effect::Allow if !level => invalid(
            &key("finest_level"),
            "is missing; a permission states its finest level",
        ),
        Effect::Allow if !rho => invalid(
            &key("max_rho_per_query"),
            "is missing; a permission states the most loss of one question, in nano-rho",
        ),
        Effect::Allow => Ok(()),
        Effect::Deny if level || rho => invalid(
            &key("finest_level"),
            "and `max_rho_per_query` have no place in a denial, which holds at every level and price; remove them",
        ),
        Effect::Deny => {
            let misplaced = [
                ("approval", rule.approval.is_some()),
                ("special_grounds", rule.special_grounds.is_some()),
                ("releases", rule.releases.is_some()),
            ];
            match misplaced.iter().find(|(_, present)| *present) {
                Some((field, _)) => invalid(
                    &key(field),
                    "has no place in a denial, which releases nothing; remove it",
                ),
                None => Ok(()),
            }
        }
    }
}

/// Grounds are of the vocabulary, a ground of public interest comes with the matter the Codice names, and a permission that
/// names sensitive targets says on which grounds.
fn check_grounds(document: &PolicyDocument, rule: &Rule, key: &str) -> Checked {
    let grounds = rule.special_grounds.as_deref().unwrap_or_default();
    if let Some(id) = (grounds.iter()).find(|id| !SPECIAL_GROUNDS.contains(&id.as_str())) {
        return invalid(
            key,
            &format!(
                "`{}` is no ground; write art9-2-a to art9-2-j, or art2-sexies-2-a to art2-sexies-2-dd",
                id.escape_default()
            ),
        );
    }
    if grounds.iter().any(|id| id == PUBLIC_INTEREST)
        && !grounds.iter().any(|id| is_article_2_sexies(id))
    {
        return invalid(
            key,
            "names art9-2-g alone; add the matter of Art. 2-sexies(2) of the Codice, such as art2-sexies-2-s",
        );
    }
    let names_sensitive = (rule.targets.iter())
        .filter_map(|id| Taxonomy::current().target(id))
        .any(|target| target.sensitive);
    if document.version > 1
        && rule.effect == Effect::Allow
        && names_sensitive
        && !grounds.iter().any(|id| is_article_9(id))
    {
        return invalid(
            key,
            "must name a ground of Art. 9(2) GDPR, because `targets` names a sensitive one; or remove that target",
        );
    }
    Ok(())
}
