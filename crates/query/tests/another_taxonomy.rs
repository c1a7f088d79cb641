//! A process with a taxonomy of its own: it answers questions asked over it, names it in every canonical question, and refuses
//! those over another list rather than answering another question. One test, since a process has one taxonomy.

use query::{AggregateQuery, RefusalCode};
use taxonomy::Taxonomy;

const TARGETS: &str = r#"
format = 2
version = "2026.1"
publisher = "Comune di Prova"

[[target]]
id = "minors"
it = "Chi ha meno di 16 anni"
en = "Under 16"
description_it = "Da noi i minori si contano fino a 15 anni."
description_en = "Here minors are counted up to 15."
area = "families"
finest_level = "nil"
predicate = { age = { max = 15 } }
example = [{ age = 15 }]
counterexample = [{ age = 16 }]
"#;
const SERVICES: &str = r#"
format = 2
[[service]]
id = "listening-point"
it = "Centro di ascolto"
en = "Listening point"
area = "poverty"
siuss = []
"#;

#[test]
fn questions_over_another_list_are_refused_and_ones_own_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("targets.toml"), TARGETS).expect("written");
    std::fs::write(folder.path().join("services.toml"), SERVICES).expect("written");
    let taxonomy = Taxonomy::install(folder.path()).expect("a taxonomy");
    assert_eq!(
        (taxonomy.targets().len(), taxonomy.services().len()),
        (1, 1)
    );
    assert!(
        Taxonomy::install(folder.path()).is_err(),
        "one for the whole process"
    );
    let text = |more: &str| {
        format!(
            r#"{{"version":1,"measure":"persons","by":{{"area":"nil","target":["minors"]}},"period":{{"from":"2025-01","to":"2025-12"}},
            "services":["listening-point"],"bounds":{{"cells":1,"per_cell":1}},"rho":1000000{more}}}"#
        )
    };
    // As it comes from a body that uses the first list: the same name would mean other people.
    let refusal = AggregateQuery::parse(text("").as_bytes()).expect_err("refused");
    assert_eq!(
        (refusal.code, &*refusal.path),
        (RefusalCode::OtherTaxonomy, "$.taxonomy")
    );
    for words in [
        "2026.1 of Comune di Prova",
        "use the same list on both sides",
    ] {
        assert!(refusal.message.contains(words), "{refusal}");
    }
    let other = format!(r#","taxonomy":"{}""#, "0".repeat(64));
    let refusal = AggregateQuery::parse_written_here(text(&other).as_bytes()).expect_err("refused");
    assert_eq!(refusal.code, RefusalCode::OtherTaxonomy);
    // As somebody here writes it: the canonical question says over which list.
    let query = AggregateQuery::parse_written_here(text("").as_bytes()).expect("legal");
    let canonical = query.canonical();
    assert!(canonical.contains("\"taxonomy\":\""), "{canonical}");
    assert_eq!(
        AggregateQuery::parse(canonical.as_bytes()).expect("legal"),
        query
    );
    assert_eq!(
        query.target_predicates(),
        [taxonomy.targets()[0].predicate.clone()]
    );
}
