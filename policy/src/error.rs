//! Why a policy document cannot come into force.
//! Decisions are never errors: whatever fails while deciding is a denial.

/// Why a policy is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, or not of this shape; the text names line and key.
    #[error("the policy cannot be read: {0}")]
    Unreadable(String),
    /// A file of cases is not TOML, or not of its shape; the text names line and key.
    #[error("it cannot be read: {0}")]
    CasesUnreadable(String),
    /// A key breaks its rule.
    #[error("`{key}` {problem}")]
    Invalid {
        /// Which key.
        key: String,
        /// What is wrong and what to write instead.
        problem: String,
    },
    /// The rules could not be compiled.
    #[error("the policy's rules could not be compiled")]
    NotCompiled,
}

impl PolicyError {
    pub(crate) fn invalid(key: &str, problem: &str) -> PolicyError {
        PolicyError::Invalid {
            key: key.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

/// What a reader of TOML says, with a number's rule in the words of policies.
pub(crate) fn unreadable(error: &toml::de::Error) -> String {
    error.to_string().replace(
        "expected u64",
        "expected a whole number of at least 0; losses are in nano-rho, so that rho 0.25 is 250_000_000",
    )
}
