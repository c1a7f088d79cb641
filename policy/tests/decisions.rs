//! Decisions of the starter policy and of others, with each trap of the rule engine pinned.

use policy::{Ask, Authorizer, Permit, PolicyError, starter};
use privacy_loss::NanoRho;
use proptest::prelude::*;
use protocol::{Envelope, PublicKey, Request, Study, VerifiedRequest, VerifiedStudy};
use query::AggregateQuery;
use ring::signature::{Ed25519KeyPair, KeyPair};

const NOW: i64 = 1_790_000_000;
const NODE: &str = "cooperativa-lambro";

struct Key(Ed25519KeyPair);

impl Key {
    fn new(seed: u8) -> Key {
        Key(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key"))
    }

    fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().try_into().expect("32 bytes"))
    }

    fn seal(&self, payload_type: &str, payload: &[u8]) -> Envelope {
        Envelope::sign(payload_type, payload, &self.public(), |bytes| {
            self.0.sign(bytes).as_ref().try_into().expect("64 bytes")
        })
    }
}

/// A question in a study, before anything is signed.
#[derive(Clone, Debug)]
struct Case {
    measure: &'static str,
    level: &'static str,
    targets: Vec<&'static str>,
    rho: u64,
    purpose: &'static str,
    study: Study,
    request_study_purpose: Option<&'static str>,
    signer: u8,
    study_signer: u8,
}

fn study() -> Study {
    let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect();
    Study {
        version: 1,
        id: "planning-2026".to_owned(),
        title: "Planning".to_owned(),
        requester: "comune-milano".to_owned(),
        purpose: "service-planning".to_owned(),
        lawful_basis: "art6-1-e".to_owned(),
        special_categories: Vec::new(),
        participants: ids(&[NODE]),
        measures: ids(&["persons", "events"]),
        targets: ids(&[
            "minors",
            "elderly-75-plus",
            "severe-disability",
            "non-eu-citizens",
        ]),
        finest_level: geography::Level::MicroArea,
        max_rho_per_query: NanoRho::new(10_000_000_000),
        max_rho_total: NanoRho::new(2_000_000_000),
        valid_from: NOW - 1_000,
        valid_until: NOW + 1_000_000,
    }
}

fn case() -> Case {
    Case {
        measure: "persons",
        level: "city",
        targets: vec!["minors"],
        rho: 50_000_000,
        purpose: "service-planning",
        study: study(),
        request_study_purpose: None,
        signer: 1,
        study_signer: 1,
    }
}

fn starter_text() -> String {
    starter(
        NODE,
        "comune-milano",
        &Key::new(1).public(),
        &Key::new(4).public(),
    )
}

fn decide(text: &str, case: &Case) -> Result<Permit, (String, String, String)> {
    let authorizer = Authorizer::from_toml(text).expect("a valid policy");
    let targets = case
        .targets
        .iter()
        .map(|id| format!("\"{id}\""))
        .collect::<Vec<_>>()
        .join(",");
    let target_axis = if targets.is_empty() {
        String::new()
    } else {
        format!(r#","target":[{targets}]"#)
    };
    let query = format!(
        r#"{{"version":1,"measure":"{}","by":{{"area":"{}"{target_axis}}},"period":{{"from":"2025-01","to":"2025-12"}},
            "bounds":{{"cells":1,"per_cell":1}},"rho":{}}}"#,
        case.measure, case.level, case.rho
    );
    let query = AggregateQuery::parse(query.as_bytes()).expect("a legal question");
    let study = Key::new(case.study_signer)
        .seal(Study::TYPE, &serde_json::to_vec(&case.study).expect("JSON"));
    let study =
        VerifiedStudy::verify(&study, &[Key::new(case.study_signer).public()]).expect("a study");
    let request = Request {
        version: 1,
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        phase: "single".to_owned(),
        requester: "comune-milano".to_owned(),
        node: NODE.to_owned(),
        dataset: "clients".to_owned(),
        edition: 83,
        study: case.study.id.clone(),
        study_hash: protocol::hex(&study.hash()),
        purpose: case
            .request_study_purpose
            .unwrap_or(case.purpose)
            .to_owned(),
        query: query.canonical(),
        query_hash: query.hash().to_string(),
        rho: NanoRho::new(case.rho),
        issued_at: NOW - 10,
        expires_at: NOW + 1_000,
    };
    let envelope = Key::new(case.signer).seal(Request::TYPE, &request.to_bytes());
    let request = VerifiedRequest::verify(&envelope, &[Key::new(case.signer).public()], NODE, NOW)
        .expect("a request");
    let price = privacy_loss::price(&query);
    authorizer
        .decide(&Ask {
            study: &study,
            request: &request,
            price: &price,
            now: NOW,
        })
        .map_err(|denial| (denial.rule, denial.field, denial.code))
}

#[track_caller]
fn denied(text: &str, change: impl FnOnce(&mut Case), rule: &str, field: &str, code: &str) {
    let mut case = case();
    change(&mut case);
    let expected = (rule.to_owned(), field.to_owned(), code.to_owned());
    assert_eq!(
        decide(text, &case).map(|permit| permit.rule().to_owned()),
        Err(expected)
    );
}

#[test]
fn the_starter_allows_a_planning_question_and_binds_the_permit() {
    let permit = decide(&starter_text(), &case()).expect("allowed");
    assert_eq!(permit.rule(), "planning-counts");
    assert_eq!(permit.study(), "planning-2026");
    assert_eq!(permit.rho(), NanoRho::new(50_000_000));
    // The study's own total is below the policy's sub-cap.
    assert_eq!(permit.caps().per_study, NanoRho::new(2_500_000_000));
    assert_eq!(permit.study_limit(), NanoRho::new(2_000_000_000));
}

#[test]
fn hard_limits_hold_whatever_the_rules_say() {
    let text = starter_text();
    denied(
        &text,
        |c| c.signer = 2,
        "hard-limits",
        "requester",
        "key-not-pinned",
    );
    denied(
        &text,
        |c| c.study_signer = 2,
        "hard-limits",
        "study",
        "key-not-pinned",
    );
    denied(
        &text,
        |c| c.study.valid_until = NOW - 1,
        "hard-limits",
        "study",
        "not-in-force",
    );
    denied(
        &text,
        |c| c.study.participants = vec!["other".to_owned()],
        "hard-limits",
        "study",
        "not-a-participant",
    );
    denied(
        &text,
        |c| c.request_study_purpose = Some("research"),
        "hard-limits",
        "purpose",
        "other-than-the-study",
    );
    denied(
        &text,
        |c| c.study.measures = vec!["events".to_owned()],
        "hard-limits",
        "measure",
        "not-in-the-study",
    );
    denied(
        &text,
        |c| c.study.targets.clear(),
        "hard-limits",
        "targets",
        "not-in-the-study",
    );
    denied(
        &text,
        |c| c.study.max_rho_per_query = NanoRho::new(1),
        "hard-limits",
        "rho",
        "over-the-study-limit",
    );
    let finer = |c: &mut Case| {
        c.level = "nil";
        c.study.finest_level = geography::Level::Municipio;
    };
    denied(&text, finer, "hard-limits", "level", "finer-than-the-study");
}

#[test]
fn a_denial_overrides_a_permission_and_is_named() {
    denied(
        &starter_text(),
        |c| c.targets = vec!["non-eu-citizens"],
        "no-citizenship",
        "targets",
        "denied",
    );
}

#[test]
fn sensitive_targets_must_be_named() {
    let sensitive = |c: &mut Case| c.targets = vec!["severe-disability"];
    let (rule, any_target) = ("planning-counts", r#"targets = ["any"]  "#);
    denied(
        &starter_text(),
        sensitive,
        rule,
        "categories",
        "category-not-allowed",
    );
    let with_category = starter_text().replacen(r#""social"]"#, r#""social", "health"]"#, 1);
    denied(
        &with_category,
        sensitive,
        rule,
        "targets",
        "target-not-allowed",
    );
    let named = with_category.replacen(
        any_target,
        "special_grounds = [\"art9-2-g\", \"art2-sexies-2-s\"]\ntargets = [\"any\", \"severe-disability\"]  ",
        1,
    );
    // The study has to say on which ground, and for the public interest of letter g in which matter of the Codice.
    for grounds in [
        &[][..],
        &["art9-2-g"],
        &["art2-sexies-2-s"],
        &["art9-2-h", "art2-sexies-2-s"],
    ] {
        let stated = |c: &mut Case| {
            sensitive(c);
            c.study.special_categories = grounds.iter().map(|&ground| ground.to_owned()).collect();
        };
        denied(
            &named,
            stated,
            rule,
            "special_categories",
            "special-ground-not-allowed",
        );
    }
    let mut case = case();
    sensitive(&mut case);
    case.study.special_categories = vec!["art9-2-g".to_owned(), "art2-sexies-2-s".to_owned()];
    decide(&named, &case).expect("named, and on a ground, so allowed");
}

#[test]
fn a_purpose_covers_narrower_ones_and_nothing_else() {
    denied(
        &starter_text(),
        |c| {
            c.purpose = "research";
            c.study.purpose = "research".to_owned();
        },
        "planning-counts",
        "purpose",
        "purpose-not-allowed",
    );
    denied(
        &starter_text(),
        |c| {
            c.purpose = "marketing";
            c.study.purpose = "marketing".to_owned();
        },
        "planning-counts",
        "purpose",
        "purpose-not-allowed",
    );
}

#[test]
fn amounts_are_compared_as_numbers_beyond_32_bits() {
    // As text "1000000000" comes before "250000000"; as an i32 4,500,000,000 wraps to 205,032,704.
    for rho in [1_000_000_000, 4_500_000_000] {
        denied(
            &starter_text(),
            |c| c.rho = rho,
            "planning-counts",
            "rho",
            "over-the-limit-of-one-question",
        );
    }
}

#[test]
fn a_policy_without_rules_allows_nothing() {
    let text = starter_text();
    let without = &text[..text.find("[[rules]]").expect("rules")];
    let without = without.replacen("version = 2", "version = 2\nrules = []", 1);
    denied(&without, |_| {}, "policy", "rules", "no-rule-allows");
}

#[test]
fn lawful_basis_and_requester_are_checked() {
    denied(
        &starter_text(),
        |c| c.study.lawful_basis = "art6-1-f".to_owned(),
        "planning-counts",
        "lawful_basis",
        "lawful-basis-not-allowed",
    );
}

#[track_caller]
fn invalid(from: &str, to: &str, key: &str) {
    let text = starter_text();
    assert!(text.contains(from), "`{from}` is not in the starter");
    match Authorizer::from_toml(&text.replacen(from, to, 1)).map(drop) {
        Err(PolicyError::Invalid { key: named, .. }) => assert_eq!(named, key),
        Err(PolicyError::Unreadable(message)) => assert!(message.contains(key), "{message}"),
        other => panic!("{from} -> {to}: {other:?}"),
    }
}

#[test]
fn an_invalid_document_never_comes_into_force() {
    invalid("version = 2", "version = 3", "version");
    invalid("version = 2", "version = 1", "releases");
    // A misspelt effect, which the engine itself would silently ignore.
    invalid("effect = \"deny\"", "effect = \"denny\"", "denny");
    invalid(
        "measures = [\"persons\", \"events\", \"households\", \"first-time\", \"sum\", \"bins\"]",
        "measures = [\"people\"]",
        "rules[0].measures",
    );
    invalid(
        "targets = [\"any\"] ",
        "targets = [\"miners\"] ",
        "rules[0].targets",
    );
    invalid(
        "finest_level = \"micro-area\"\n",
        "",
        "rules[0].finest_level",
    );
    invalid(
        "max_rho_per_query = 250_000_000\n",
        "",
        "rules[0].max_rho_per_query",
    );
    invalid(
        "max_rho_per_query = 250_000_000",
        "max_rho_per_query = 0.25",
        "max_rho_per_query",
    );
    invalid(
        "per_year = 4_000_000_000",
        "per_year = 40_000_000_000",
        "caps.per_year",
    );
    invalid(
        "planning = \"\"",
        "planning = \"service-planning\"",
        "purposes.needs-assessment",
    );
    invalid(
        "research = \"\"",
        "research = \"science\"",
        "purposes.research",
    );
    invalid(
        "id = \"no-citizenship\"",
        "id = \"planning-counts\"",
        "rules[1].id",
    );
    invalid("lifetime = ", "life_time = ", "life_time");
    invalid("threshold = 1", "threshold = 2", "dpo.threshold");
    invalid("role = \"municipality\"", "role = \"mayor\"", "mayor");
    invalid("role = \"municipality\"\n", "", "requesters[0].role");
    invalid("approval = \"auto\"\n", "", "rules[0].approval");
    invalid(
        "retention_months = 120",
        "retention_months = 0",
        "releases.retention_months",
    );
    invalid(
        "lawful_bases = [\"art6-1-e\"]",
        "lawful_bases = [\"art6-1-g\"]",
        "rules[0].lawful_bases",
    );
    invalid(
        "categories = [\"demographics\",",
        "categories = [\"demography\",",
        "rules[0].categories",
    );
    for (more, key) in [
        (
            "special_grounds = [\"art9-2-g\"]",
            "rules[0].special_grounds",
        ),
        (
            "special_grounds = [\"art9-2-z\"]",
            "rules[0].special_grounds",
        ),
        ("roles = [\"cooperative\"]", "rules[0].roles"),
        (
            "valid_from = \"2027-01-02\"\nvalid_until = \"2027-01-01\"",
            "rules[0].valid_until",
        ),
        ("valid_from = \"2027-02-30\"", "2026-12-31"),
    ] {
        invalid(
            "approval = \"auto\"",
            &format!("approval = \"auto\"\n{more}"),
            key,
        );
    }
    invalid(
        "categories = [\"origin\"]",
        "approval = \"manual\"\ncategories = [\"origin\"]",
        "rules[1].approval",
    );
    invalid(
        "finest_level = \"micro-area\"",
        "finest_level = \"nil\"\n[rules.releases]\ndisplay_minimum = 4\nretention_months = 9\naudience = \"requester\"\n[rules.unused]",
        "unused",
    );
}

#[test]
fn validity_is_of_policy_and_rule() {
    let day = |text: &str, key: &str, day: &str| {
        text.replacen("version = 2", &format!("version = 2\n{key} = \"{day}\""), 1)
    };
    // Now is 21 September 2026.
    for (key, outside, inside) in [
        ("valid_from", "2026-09-22", "2026-09-21"),
        ("valid_until", "2026-09-20", "2026-09-21"),
    ] {
        let text = starter_text();
        denied(
            &day(&text, key, outside),
            |_| {},
            "hard-limits",
            "policy",
            "policy-not-in-force",
        );
        decide(&day(&text, key, inside), &case()).expect("in force");
        let rule = |day: &str| {
            text.replacen(
                "approval = \"auto\"",
                &format!("approval = \"auto\"\n{key} = \"{day}\""),
                1,
            )
        };
        denied(
            &rule(outside),
            |_| {},
            "planning-counts",
            "validity",
            "rule-not-in-force",
        );
        decide(&rule(inside), &case()).expect("in force");
    }
}

#[test]
fn a_permit_says_whether_a_person_must_approve_and_what_is_owed() {
    let permit = decide(&starter_text(), &case()).expect("allowed");
    assert_eq!(permit.approval(), policy::Approval::Auto);
    assert_eq!(permit.releases().retention_months, 120);
    let manual = starter_text().replacen("approval = \"auto\"", "approval = \"manual\"", 1);
    let permit = decide(&manual, &case()).expect("allowed");
    assert_eq!(permit.approval(), policy::Approval::Manual);
    // Where one rule would wait and another would not, the question is allowed at once whatever their order.
    let both = format!("{manual}\n[[rules]]\nid = \"at-once\"{}", {
        let text = starter_text();
        let from = text.find("id = \"planning-counts\"").expect("a rule")
            + "id = \"planning-counts\"".len();
        text[from..text.rfind("[[rules]]").expect("two rules")].to_owned()
    });
    let permit = decide(&both, &case()).expect("allowed");
    assert_eq!(
        (permit.rule(), permit.approval()),
        ("at-once", policy::Approval::Auto)
    );
}

#[test]
fn text_in_a_field_cannot_become_a_rule() {
    invalid(
        r#"id = "planning-counts""#,
        r#"id = "a, any, any\np, b""#,
        "rules[0].id",
    );
    invalid(
        r#"lawful_bases = ["art6-1-e"]"#,
        r#"lawful_bases = ["art6-1-e|any"]"#,
        "rules[0].lawful_bases",
    );
    invalid(
        r#"requesters = ["comune-milano"]"#,
        r#"requesters = ["comune-milano\n"]"#,
        "rules[0].requesters",
    );
}

#[test]
fn a_chain_of_purposes_beyond_the_limit_is_refused() {
    let chain: String = (0..10)
        .map(|i| format!("p{i} = \"p{}\"\n", i + 1))
        .collect::<String>()
        + "p10 = \"\"\n";
    invalid(
        "research = \"\"\n",
        &format!("research = \"\"\n{chain}"),
        "purposes.p0",
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is asked, a permit never exceeds the study or the rule.
    #[test]
    fn a_permit_never_exceeds_its_limits(
        rho in 1u64..20_000_000_000,
        study_limit in 0u64..20_000_000_000,
        level in prop::sample::select(&["city", "municipio", "nil", "micro-area"][..]),
        finest in prop::sample::select(&geography::Level::ALL[..]),
        signer in 1u8..3,
    ) {
        let mut case = case();
        (case.rho, case.level, case.signer) = (rho, level, signer);
        case.study.max_rho_per_query = NanoRho::new(study_limit);
        case.study.finest_level = finest;
        if let Ok(permit) = decide(&starter_text(), &case) {
            prop_assert!(permit.rho().nano() <= study_limit.min(250_000_000));
            prop_assert_eq!(signer, 1);
            prop_assert!(geography::Level::from_id(level).expect("a level").within(finest));
        }
    }
}
