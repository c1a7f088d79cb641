//! What an officer reads of a policy: the starter policies' matrices as snapshots, cases, differences, replays, explanations.

use policy::{
    Asked, Authorizer, Cases, Day, Decided, Language, PolicyDocument, Starter, Verdict, diff,
    matrix, replay,
};
use protocol::PublicKey;
use std::path::Path;

fn text(kind: Starter) -> String {
    kind.text("node", "comune", &PublicKey([1; 32]), &PublicKey([2; 32]))
}

fn policy(text: &str) -> Authorizer {
    Authorizer::from_toml(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn day() -> Day {
    Day::parse("2026-11-25").expect("a day")
}

/// Compares with a file of the repository; `UPDATE_SNAPSHOTS=1` writes it instead.
#[track_caller]
fn snapshot(path: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, found).expect("written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == found, "{} differs:\n{found}", path.display());
}

#[test]
fn the_starter_matrices_are_as_written() {
    for kind in Starter::ALL {
        let found = matrix(&policy(&text(kind)), day());
        snapshot(&format!("tests/matrices/{}.txt", kind.id()), &found);
        // Every category that a question can touch has its lines.
        for category in policy::Category::ALL {
            assert!(found.contains(category.id()), "{}", category.id());
        }
    }
}

#[test]
fn the_schema_is_as_published() {
    let mut found = serde_json::to_string_pretty(&policy::schema()).expect("JSON");
    found.push('\n');
    snapshot("schema/policy-v2.json", &found);
}

#[test]
fn starters_say_their_loss_truly() {
    for kind in Starter::ALL {
        let text = text(kind);
        let words: Vec<&str> = text
            .split_whitespace()
            .filter(|word| *word != "#")
            .collect();
        let mut found = 0;
        for window in words.windows(5) {
            let [rho_word, rho, "is", "epsilon", epsilon] = window else {
                continue;
            };
            if !["rho"].contains(rho_word) {
                continue;
            }
            let rho: f64 = rho.parse().expect("a number");
            let stated: f64 = epsilon
                .trim_end_matches([',', '.', ';'])
                .parse()
                .expect("a number");
            let true_value =
                privacy_loss::epsilon(privacy_loss::NanoRho::new((rho * 1e9) as u64), 1e-6);
            assert!(
                (stated - true_value).abs() < 0.051,
                "{rho}: {stated} is {true_value}"
            );
            found += 1;
        }
        assert!(found >= 2, "{} states its loss", kind.id());
    }
}

const CASES: &str = r#"
version = 1
[[case]]
name = "planning by neighbourhood"
expect = "allow"
rule = "planning-counts"
requester = "comune"
purpose = "service-planning"
lawful_basis = "art6-1-e"
measure = "persons"
targets = ["minors"]
level = "nil"
rho = 100_000_000
[[case]]
name = "research waits"
expect = "manual"
requester = "comune"
purpose = "research"
lawful_basis = "art6-1-e"
measure = "persons"
level = "city"
rho = 100_000_000
[[case]]
name = "no citizenship"
expect = "deny"
rule = "no-citizenship"
code = "denied"
requester = "comune"
purpose = "planning"
lawful_basis = "art6-1-e"
measure = "persons"
targets = ["non-eu-citizens"]
level = "city"
rho = 1
"#;

#[test]
fn cases_hold_or_are_found_out() {
    let cases = Cases::parse(CASES).expect("cases");
    let run = |text: &str| -> Vec<bool> {
        let policy = policy(text);
        cases
            .case
            .iter()
            .map(|case| case.run(&policy, day()).0)
            .collect()
    };
    let cooperative = text(Starter::Cooperative);
    assert_eq!(run(&cooperative), [true, true, true]);
    let coarser = cooperative.replacen("finest_level = \"nil\"", "finest_level = \"municipio\"", 1);
    assert_eq!(run(&coarser), [false, true, true]);
    for (from, to, key) in [
        ("\"minors\"", "\"miners\"", "case[0].targets"),
        (
            "measure = \"persons\"",
            "measure = \"people\"",
            "case[0].measure",
        ),
        ("expect = \"allow\"", "expect = \"allows\"", "allows"),
        ("version = 1", "version = 2", "version"),
    ] {
        let error = Cases::parse(&CASES.replacen(from, to, 1))
            .expect_err("refused")
            .to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn every_starter_decides_as_the_cases_beside_it_expect() {
    for kind in Starter::ALL {
        let policy = policy(&text(kind));
        let cases = Cases::parse(&kind.cases("comune")).expect("cases");
        for case in &cases.case {
            let (fits, verdict) = case.run(&policy, day());
            assert!(fits, "{}, {}: {verdict:?}", kind.id(), case.name);
        }
    }
}

#[test]
fn differences_are_of_decisions_not_lines() {
    let before = text(Starter::Cooperative);
    let same = format!(
        "# read again\n{}",
        before.replacen("\"events\", ", "", 1).replacen(
            "measures = [\"persons\", \"households\"",
            "measures = [\"events\", \"persons\", \"households\"",
            1,
        )
    );
    assert_eq!(diff::decisions(&policy(&before), &policy(&same), day()), []);
    assert!(diff::terms(&policy(&before), &policy(&same)).is_empty());

    let narrower = before
        .replacen("finest_level = \"nil\"", "finest_level = \"municipio\"", 1)
        .replacen("lifetime = 8_000_000_000", "lifetime = 7_000_000_000", 1)
        .replacen(
            "per_dataset = 8_000_000_000",
            "per_dataset = 7_000_000_000",
            1,
        );
    let changes = diff::decisions(&policy(&before), &policy(&narrower), day());
    assert!(!changes.is_empty());
    for change in &changes {
        assert_eq!(change.point.level, geography::Level::Nil);
        assert_eq!(change.direction(), diff::Direction::Narrower, "{change:?}");
    }
    let back = diff::decisions(&policy(&narrower), &policy(&before), day());
    assert!(
        back.iter()
            .all(|change| change.direction() == diff::Direction::Wider)
    );
    assert_eq!(
        diff::terms(&policy(&before), &policy(&narrower)),
        [
            "caps.lifetime: 8.000000000 -> 7.000000000",
            "caps.per_dataset: 8.000000000 -> 7.000000000"
        ]
    );
}

fn asked(purpose: &str, area: &str, decided: Decided) -> Asked {
    let query = format!(
        r#"{{"version":1,"measure":"persons","by":{{"area":"{area}"}},"period":{{"from":"2025-01","to":"2025-12"}},
            "bounds":{{"cells":1,"per_cell":1}},"rho":1000000}}"#
    );
    Asked {
        version: 1,
        at: 1_790_000_000,
        request: "0".repeat(32),
        requester: "comune".to_owned(),
        purpose: purpose.to_owned(),
        study: "s".to_owned(),
        lawful_basis: "art6-1-e".to_owned(),
        special_grounds: Vec::new(),
        query: query::AggregateQuery::parse(query.as_bytes())
            .expect("legal")
            .canonical(),
        decided,
    }
}

#[test]
fn a_replayed_log_says_what_would_be_decided_otherwise() {
    let log = [
        asked("planning", "nil", Decided::Allowed),
        asked("planning", "city", Decided::Allowed),
        asked("research", "city", Decided::Denied),
        asked("research", "nil", Decided::Denied),
    ];
    let lines: String = (log.iter())
        .map(|asked| serde_json::to_string(asked).expect("JSON") + "\n")
        .collect();
    assert_eq!(Asked::read_lines(&lines).expect("read"), log);
    let policy = policy(&text(Starter::Cooperative).replacen("\"nil\"", "\"municipio\"", 1));
    let changed: Vec<(usize, Decided)> = (replay(&policy, &log).iter())
        .map(|replayed| {
            let at = log
                .iter()
                .position(|asked| *asked == replayed.asked)
                .expect("of the log");
            (at, replayed.verdict.decided())
        })
        .collect();
    assert_eq!(changed, [(0, Decided::Denied), (2, Decided::Manual)]);
    let error = Asked::read_lines(&format!("{lines}{{}}\n"))
        .expect_err("refused")
        .to_string();
    assert!(error.contains("line 5"), "{error}");
}

#[test]
fn a_decision_is_explained_in_both_languages() {
    let cases = Cases::parse(CASES).expect("cases");
    let policy = policy(&text(Starter::VolunteerAssociation));
    let explanation = policy.explain(&cases.case[0].question(day()));
    assert!(matches!(explanation.verdict, Verdict::Denied(_)));
    assert_eq!(
        explanation.text(Language::En),
        "The nearest rule, planning-counts, goes down to the level municipio; the question asks for nil. The level municipio or a \
         coarser one is needed."
    );
    assert_eq!(
        explanation.text(Language::It),
        "La regola più vicina, planning-counts, arriva al livello municipio; la domanda chiede nil. Serve il livello municipio o uno \
         più ampio."
    );
}

/// A splitmix64 generator: the same mutations in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}

/// Documents altered at random are refused, or decide without a panic, and never allow what neither of their readers allows.
/// `WI_POLICY_FUZZ_ROUNDS` sets how many; a long run takes millions.
#[test]
fn mutated_documents_are_refused_or_decide() {
    let rounds = std::env::var("WI_POLICY_FUZZ_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let words = [
        "\"any\"",
        "[]",
        "\"",
        "'''",
        "\n[[rules]]\n",
        "= 0",
        "-1",
        "9223372036854775807",
        "4294967296",
        "\\u0000",
        "é",
        "\"deny\"",
        "\"allow\"",
        "version = 1",
        "version = 2",
        "[",
        "]",
        "inf",
        "2026-01-01",
        "\"art9-2-g\"",
        "|",
        "#",
        "p, any",
        "\r\n",
    ];
    let cases = Cases::parse(CASES).expect("cases");
    let (mut dice, mut valid) = (Dice(7), 0);
    for round in 0..rounds.unwrap_or(1_500) {
        let mut bytes = text(Starter::ALL[round % 3]).into_bytes();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len());
            match dice.below(5) {
                0 => bytes[at] = dice.below(256) as u8,
                1 => drop(bytes.drain(at..(at + dice.below(40)).min(bytes.len()))),
                2 => {
                    let word = words[dice.below(words.len())];
                    bytes.splice(at..at, word.bytes());
                }
                3 => {
                    // A line moves to another place.
                    let lines: Vec<Vec<u8>> = bytes
                        .split(|byte| *byte == b'\n')
                        .map(<[u8]>::to_vec)
                        .collect();
                    let mut lines = lines;
                    let line = lines.remove(dice.below(lines.len()));
                    lines.insert(dice.below(lines.len() + 1), line);
                    bytes = lines.join(&b'\n');
                }
                _ => bytes.truncate(at.max(1)),
            }
            if bytes.is_empty() {
                bytes.push(b'v');
            }
        }
        let Ok(mutated) = String::from_utf8(bytes) else {
            continue;
        };
        let Ok(policy) = Authorizer::from_toml(&mutated) else {
            continue;
        };
        valid += 1;
        assert_eq!(
            PolicyDocument::parse(&mutated).as_ref(),
            Ok(policy.document())
        );
        for case in &cases.case {
            let question = case.question(day());
            if let Verdict::Allowed { rule, .. } = policy.judge(&question) {
                let rule = (policy.document().rules.iter())
                    .find(|known| known.id == rule)
                    .expect("a rule");
                assert!(
                    rule.max_rho_per_query
                        .is_some_and(|limit| question.rho <= limit)
                );
                assert!(
                    !question.targets.iter().any(|id| id == "non-eu-citizens")
                        || mutated_denial(&policy)
                );
            }
        }
    }
    assert!(valid > 20, "only {valid} mutated documents were valid");
}

/// Whether a mutation took the denial of citizenship out.
fn mutated_denial(policy: &Authorizer) -> bool {
    !(policy.document().rules.iter()).any(|rule| {
        rule.effect == policy::Effect::Deny
            && rule.has_category(policy::Category::Origin)
            && [
                &rule.requesters,
                &rule.purposes,
                &rule.lawful_bases,
                &rule.measures,
                &rule.targets,
            ]
            .iter()
            .all(|words| words.iter().any(|word| word == "any"))
    })
}
