//! `--lang`: the language in which a command speaks to a person. What programs read is the same in both.

use crate::words::Language;
use clap::{ArgMatches, Args, ValueEnum as _};

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

/// The language that the innermost command was asked to speak, for what goes wrong in it.
pub fn asked_for(matches: &ArgMatches) -> Option<Language> {
    match matches.subcommand() {
        Some((_, below)) => asked_for(below),
        // By its text: commands over documents have a type of their own for it.
        None => {
            let said = matches.try_get_raw("lang").ok().flatten()?.next()?;
            Language::from_str(said.to_str()?, true).ok()
        }
    }
}
