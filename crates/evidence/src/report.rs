//! What a verification found, in words, with a code for each kind and one exit code for all.
//! It names entries, requests and amounts, never what was answered.

use std::fmt;

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A member of the pack is missing, was added or is not the one that its manifest states.
    Damaged,
    /// A signature by a key that was given does not hold, or there is none.
    Signature,
    /// An entry does not say what was logged.
    Altered,
    /// Entries are missing that a checkpoint covers.
    Removed,
    /// Entries are in another order.
    Reordered,
    /// The log does not extend a checkpoint: there are two histories.
    Forked,
    /// Fewer witnesses than demanded cosigned what the log says.
    Uncosigned,
    /// The ledger's totals are not those of the charges in the log.
    TotalDiffers,
    /// An answer, or a reuse of one, without a charge that allows it.
    AnswerWithoutCharge,
    /// More was charged than the lifetime cap in force.
    Overspent,
    /// Something was decided under another policy than the one in force, or without the person it waits for.
    NotInForce,
    /// What one side logged is not in the other side's log.
    MissingCounterpart,
    /// Both sides logged it, and differently.
    CounterpartDiffers,
}

impl Code {
    /// Every code, gravest first.
    pub const ALL: [Code; 13] = [
        Code::Damaged,
        Code::Signature,
        Code::Altered,
        Code::Removed,
        Code::Reordered,
        Code::Forked,
        Code::Uncosigned,
        Code::TotalDiffers,
        Code::AnswerWithoutCharge,
        Code::Overspent,
        Code::NotInForce,
        Code::MissingCounterpart,
        Code::CounterpartDiffers,
    ];

    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Damaged => "damaged",
            Code::Signature => "signature",
            Code::Altered => "altered",
            Code::Removed => "removed",
            Code::Reordered => "reordered",
            Code::Forked => "forked",
            Code::Uncosigned => "uncosigned",
            Code::TotalDiffers => "total-differs",
            Code::AnswerWithoutCharge => "answer-without-charge",
            Code::Overspent => "overspent",
            Code::NotInForce => "not-in-force",
            Code::MissingCounterpart => "missing-counterpart",
            Code::CounterpartDiffers => "counterpart-differs",
        }
    }

    /// Exit code of a report whose gravest finding it is: 3 the log is not what was signed, 4 the books do not add up,
    /// 5 the two sides do not agree.
    pub fn exit_code(self) -> u8 {
        match self {
            Code::Damaged
            | Code::Signature
            | Code::Altered
            | Code::Removed
            | Code::Reordered
            | Code::Forked
            | Code::Uncosigned => 3,
            Code::TotalDiffers | Code::AnswerWithoutCharge | Code::Overspent | Code::NotInForce => {
                4
            }
            Code::MissingCounterpart | Code::CounterpartDiffers => 5,
        }
    }
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which pack.
    pub pack: String,
    /// Its kind.
    pub code: Code,
    /// The entry it is about, where it is about one.
    pub entry: Option<u64>,
    /// What is wrong.
    pub words: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.pack)?;
        if let Some(entry) = self.entry {
            write!(f, ", entry {entry}")?;
        }
        write!(f, ": {}", self.words)
    }
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was checked, a line each.
    pub checked: Vec<String>,
    /// What could not be checked or needs a person's judgement; no finding.
    pub notices: Vec<String>,
    /// Everything that is not as it must be; empty where all holds.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing was found.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }

    /// 0 where all holds, else the lowest [`Code::exit_code`].
    pub fn exit_code(&self) -> u8 {
        (self.findings.iter())
            .map(|finding| finding.code.exit_code())
            .min()
            .unwrap_or(0)
    }
}

/// What no log can show, printed under every report.
const LIMITS: &str = "\
What this cannot show: that a node ran unmodified software, that its register was true, or that nobody told by another way \
what it holds; what happened after the packs were made; and anything at all if the keys given came from the party being checked.";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.checked {
            writeln!(f, "{line}")?;
        }
        for notice in &self.notices {
            writeln!(f, "NOTICE    {notice}")?;
        }
        for finding in &self.findings {
            writeln!(f, "FINDING   {finding}")?;
        }
        let verdict = if self.holds() {
            "holds"
        } else {
            "DOES NOT HOLD"
        };
        writeln!(f, "{verdict}")?;
        writeln!(f, "{LIMITS}")
    }
}

/// Findings and notices of one pack while it is checked.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) pack: String,
    pub(crate) found: Vec<Finding>,
    pub(crate) notices: Vec<String>,
}

impl Findings {
    pub(crate) fn of(pack: &str) -> Findings {
        Findings {
            pack: pack.to_owned(),
            ..Findings::default()
        }
    }

    pub(crate) fn add(&mut self, code: Code, entry: Option<u64>, words: impl Into<String>) {
        self.found.push(Finding {
            pack: self.pack.clone(),
            code,
            entry,
            words: words.into(),
        });
    }

    pub(crate) fn notice(&mut self, words: impl fmt::Display) {
        self.notices.push(format!("{}: {words}", self.pack));
    }
}
