//! A document as data: sections with the provision each answers to. How it looks is for `html`.

use clap::ValueEnum;
use serde::Serialize;

/// Version of the JSON form.
const VERSION: u32 = 1;

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Italian.
    It,
    /// English.
    En,
}

impl Language {
    /// Its code.
    pub fn id(self) -> &'static str {
        self.pick("it", "en")
    }

    /// The text of this language.
    pub fn pick<T>(self, italian: T, english: T) -> T {
        match self {
            Language::It => italian,
            Language::En => english,
        }
    }
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Block {
    /// A paragraph.
    Text {
        /// Its words.
        text: String,
    },
    /// A table.
    Table {
        /// Heads of its columns.
        columns: Vec<String>,
        /// Its rows.
        rows: Vec<Vec<String>>,
    },
    /// What only the organisation can say.
    ToComplete {
        /// What is to be written there.
        text: String,
    },
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The provision it answers to; empty where none.
    pub law: String,
    /// Its heading.
    pub title: String,
    /// Its parts.
    pub blocks: Vec<Block>,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Format version, 1.
    pub version: u32,
    /// Which document.
    pub document: &'static str,
    /// Its language.
    pub language: &'static str,
    /// The organisation.
    pub organisation: String,
    /// What it is called on a page.
    #[serde(skip)]
    pub(super) called: String,
    /// When it was made, RFC 3339; pages write it as people do.
    pub made_at: String,
    /// SHA-256 of the policy it speaks of, hex.
    pub policy_hash: String,
    /// Its title.
    pub title: String,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// A document that is being written in one language; each text is given in both, side by side.
pub(super) struct Writer {
    pub(super) language: Language,
    document: Document,
}

impl Writer {
    pub(super) fn new(
        kind: super::Kind,
        facts: &super::Facts,
        language: Language,
        italian: &str,
        english: &str,
    ) -> Writer {
        let made_at = jiff::Timestamp::from_second(facts.now)
            .map_or_else(|_| facts.now.to_string(), |time| time.to_string());
        Writer {
            language,
            document: Document {
                version: VERSION,
                document: kind.id(),
                language: language.id(),
                organisation: facts.organisation.clone(),
                called: facts.name(&facts.organisation).to_owned(),
                made_at,
                policy_hash: facts.policy_hash.clone(),
                title: language.pick(italian, english).to_owned(),
                sections: Vec::new(),
            },
        }
    }

    pub(super) fn section(&mut self, law: &str, italian: &str, english: &str) {
        self.document.sections.push(Section {
            law: law.to_owned(),
            title: self.language.pick(italian, english).to_owned(),
            blocks: Vec::new(),
        });
    }

    fn push(&mut self, block: Block) {
        if let Some(section) = self.document.sections.last_mut() {
            section.blocks.push(block);
        }
    }

    pub(super) fn text(&mut self, italian: impl Into<String>, english: impl Into<String>) {
        let text = self.language.pick(italian.into(), english.into());
        self.push(Block::Text { text });
    }

    pub(super) fn complete(&mut self, italian: &str, english: &str) {
        let text = self.language.pick(italian, english).to_owned();
        self.push(Block::ToComplete { text });
    }

    pub(super) fn table(&mut self, columns: &[(&str, &str)], rows: Vec<Vec<String>>) {
        let columns = (columns.iter())
            .map(|(italian, english)| self.language.pick(*italian, *english).to_owned())
            .collect();
        self.push(Block::Table { columns, rows });
    }

    pub(super) fn done(self) -> Document {
        self.document
    }
}
