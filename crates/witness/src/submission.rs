//! The body of a call to a witness, C2SP `tlog-witness`: the size it is thought to hold, the proof from there, the signed checkpoint.
//! Text in, text out; whether any of it is true, the witness checks.

use audit::Hash;
use base64::prelude::{BASE64_STANDARD, Engine};
use std::fmt;

/// Most hashes of a proof.
const MAX_PROOF: usize = 63;

/// What a log hands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Size of the head that the witness is thought to hold; 0 for none.
    pub old: u64,
    /// The consistency proof from there.
    pub proof: Vec<Hash>,
    /// The checkpoint, a signed note.
    pub checkpoint: String,
}

impl Submission {
    /// Reads a body; `None` unless it is exactly what the format says.
    pub fn parse(body: &str) -> Option<Submission> {
        let (head, checkpoint) = body.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = lines.next()?.strip_prefix("old ")?;
        let size: u64 = old.parse().ok()?;
        let proof: Vec<Hash> = lines
            .map(|line| BASE64_STANDARD.decode(line).ok()?.try_into().ok())
            .collect::<Option<_>>()?;
        (size.to_string() == old && proof.len() <= MAX_PROOF).then(|| Submission {
            old: size,
            proof,
            checkpoint: checkpoint.to_owned(),
        })
    }
}

/// The body as it is sent.
impl fmt::Display for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", BASE64_STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_back_as_written_and_nothing_else_does() {
        let submission = Submission {
            old: 20,
            proof: vec![[1; 32], [2; 32]],
            checkpoint: "log\n21\nBwc=\n\n— log AAAA\n".to_owned(),
        };
        let body = submission.to_string();
        assert!(body.starts_with("old 20\nAQEB"));
        assert_eq!(Submission::parse(&body), Some(submission.clone()));
        let first = Submission {
            old: 0,
            proof: Vec::new(),
            ..submission
        };
        assert_eq!(Submission::parse(&first.to_string()), Some(first));
        let long = format!(
            "old 1\n{}\nx",
            format!("{}\n", BASE64_STANDARD.encode([0; 32])).repeat(64)
        );
        for broken in [
            "",
            "old 1\n",
            "old 01\n\nx",
            "old -1\n\nx",
            "old 1\nAQ==\n\nx",
            "new 1\n\nx",
            &long,
        ] {
            assert_eq!(Submission::parse(broken), None, "{broken}");
        }
    }
}
