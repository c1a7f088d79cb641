//! Documents for the data protection officer, in Italian and English, from configuration, policy and ledger: printable HTML
//! and JSON. They state what the programs do; what only the organisation knows is marked as to be completed, never invented.

mod document;
mod facts;
mod html;
mod impact;
mod joint;
mod loss;
mod names;
mod record;
mod rights;
mod sheet;

pub use document::{Block, Document, Language, Section};
pub use facts::Facts;
pub use html::page;
pub(crate) use loss::best_guess;

use anyhow::Result;
use clap::ValueEnum;

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Record of processing activities (Art. 30).
    Record,
    /// Annex to the impact assessment (Art. 35).
    Dpia,
    /// Facts for the arrangement between joint controllers (Art. 26).
    Joint,
    /// What a study could reveal about one person.
    Study,
    /// Answer to an access request (Art. 15).
    Access,
    /// Effect of an objection (Art. 21).
    Objection,
}

impl Kind {
    /// Its name in files and JSON.
    pub fn id(self) -> &'static str {
        match self {
            Kind::Record => "record",
            Kind::Dpia => "dpia",
            Kind::Joint => "joint",
            Kind::Study => "study",
            Kind::Access => "access",
            Kind::Objection => "objection",
        }
    }
}

/// Writes a document; `study` names the study of [`Kind::Study`].
///
/// # Errors
/// When the study is not known here.
pub fn write(
    kind: Kind,
    facts: &Facts,
    study: Option<&str>,
    language: Language,
) -> Result<Document> {
    Ok(match kind {
        Kind::Record => record::write(facts, language),
        Kind::Dpia => impact::write(facts, language),
        Kind::Joint => joint::write(facts, language),
        Kind::Study => sheet::write(facts, study, language)?,
        Kind::Access => rights::access(facts, language),
        Kind::Objection => rights::objection(facts, language),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use privacy_loss::NanoRho;

    fn written() -> Vec<(Kind, Language, Document)> {
        let facts = facts::tests::facts();
        let mut all = Vec::new();
        for kind in Kind::value_variants() {
            for language in [Language::It, Language::En] {
                let document = write(*kind, &facts, Some("planning"), language).expect("written");
                all.push((*kind, language, document));
            }
        }
        all
    }

    #[test]
    fn every_document_has_the_same_sections_in_both_languages_and_says_what_to_complete() {
        let all = written();
        for pair in all.chunks(2) {
            let (italian, english) = (&pair[0].2, &pair[1].2);
            let shape = |document: &Document| -> Vec<(String, usize)> {
                (document.sections.iter())
                    .map(|section| (section.law.clone(), section.blocks.len()))
                    .collect()
            };
            assert_eq!(
                shape(italian).len(),
                shape(english).len(),
                "{:?}",
                pair[0].0
            );
            for (one, other) in shape(italian).iter().zip(shape(english)) {
                assert_eq!(one.1, other.1, "{one:?} {other:?}");
            }
            assert_ne!(italian.title, english.title);
            let open = |it: &Document| {
                (it.sections.iter().flat_map(|section| &section.blocks))
                    .filter(|block| matches!(block, Block::ToComplete { .. }))
                    .count()
            };
            assert!(
                open(italian) > 0 && open(italian) == open(english),
                "{:?}",
                pair[0].0
            );
        }
    }

    #[test]
    fn numbers_come_from_the_ledger_and_the_policy() {
        let mut facts = facts::tests::facts();
        facts.balance.spent = NanoRho::new(123_000_000);
        let text = page(&write(Kind::Dpia, &facts, None, Language::En).expect("written"));
        assert!(text.contains("rho 0.123 ("), "{text}");
        let sheet =
            page(&write(Kind::Study, &facts, Some("planning"), Language::It).expect("written"));
        let named = names::target("elderly-75-plus", Language::It);
        assert!(sheet.contains(&named) && sheet.contains("Pianificazione &lt;2026&gt;"));
        assert!(write(Kind::Study, &facts, Some("another"), Language::It).is_err());
        assert!(write(Kind::Study, &facts, None, Language::It).is_err());
    }

    #[test]
    fn organisations_stand_by_the_names_that_the_reader_gave() {
        let mut facts = facts::tests::facts();
        let name = |id: &str, name: &str| (id.to_owned(), name.to_owned());
        facts.names = [
            name("comune-milano", "Comune di Milano"),
            name("cooperativa-lambro", "Cooperativa Lambro & C."),
        ]
        .into();
        for kind in Kind::value_variants() {
            for language in [Language::It, Language::En] {
                let document = write(*kind, &facts, Some("planning"), language).expect("written");
                let page = page(&document);
                assert!(
                    page.contains("<p>Cooperativa Lambro &amp; C.</p>"),
                    "{kind:?}"
                );
                let alone = page
                    .replace("«comune-milano»", "")
                    .replace("«cooperativa-lambro»", "");
                for id in ["comune-milano", "cooperativa-lambro"] {
                    assert!(!alone.contains(id), "{kind:?}: {alone}");
                }
                assert_eq!(document.organisation, "cooperativa-lambro");
            }
        }
    }

    #[test]
    fn a_page_stands_alone_and_holds_no_markup_of_others() {
        for (kind, _, document) in written() {
            let page = page(&document);
            assert!(
                page.starts_with("<!doctype html>") && page.ends_with("</html>\n"),
                "{kind:?}"
            );
            for foreign in ["<script", "http://", "https://", "<2026>"] {
                assert!(!page.contains(foreign), "{kind:?}: {foreign}");
            }
            let json = serde_json::to_value(&document).expect("JSON");
            assert_eq!(json["document"], kind.id());
        }
    }
}
