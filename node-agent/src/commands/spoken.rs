//! `--lang`: the language in which a command speaks to a person. What programs read is the same in both.

use crate::words::Language;
use clap::Args;

/// The language of what is said.
#[derive(Args, Clone, Copy)]
pub struct Spoken {
    /// `it` or `en`; by default that of this computer (LC_ALL, LC_MESSAGES, LANG).
    #[arg(long, value_enum)]
    lang: Option<Language>,
}

impl Spoken {
    /// The language asked for, or this computer's.
    pub(crate) fn language(self) -> Language {
        self.lang.unwrap_or_else(Language::of_environment)
    }
}
