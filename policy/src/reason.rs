//! Why a policy denies: the field that fails and a stable code, for refusals, receipts, logs and explanations.
//! No reason depends on data; what a field held is never part of it.

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = ($field:literal, $code:literal),)+) => {
        /// The first thing that fails.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $variant,)+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)+];

            /// The field that fails.
            pub fn field(self) -> &'static str {
                match self { $(Reason::$variant => $field,)+ }
            }

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code,)+ }
            }
        }
    };
}

reasons! {
    /// The request is for another node.
    OtherNode = ("node", "addressed-to-another-node"),
    /// Signed with a key that is not pinned for its requester.
    RequesterKey = ("requester", "key-not-pinned"),
    /// The study was signed with a key that is not pinned for its requester.
    StudyKey = ("study", "key-not-pinned"),
    /// Another body asks than the study names.
    OtherRequester = ("requester", "other-than-the-study"),
    /// The study is another.
    OtherStudy = ("study", "other-study"),
    /// The study's text is another.
    OtherStudyText = ("study_hash", "other-study-text"),
    /// The study is not in force.
    StudyNotInForce = ("study", "not-in-force"),
    /// The request outlives its study.
    AfterTheStudy = ("expires_at", "after-the-study"),
    /// The study does not ask this organisation.
    NotAParticipant = ("study", "not-a-participant"),
    /// The purpose is not the study's.
    OtherPurpose = ("purpose", "other-than-the-study"),
    /// The study does not name the measure.
    MeasureNotInStudy = ("measure", "not-in-the-study"),
    /// The study does not name a target.
    TargetNotInStudy = ("targets", "not-in-the-study"),
    /// Finer than the study.
    FinerThanStudy = ("level", "finer-than-the-study"),
    /// The loss offered is not the price.
    OtherPrice = ("rho", "other-than-the-price"),
    /// No loss is offered.
    NothingOffered = ("rho", "nothing-offered"),
    /// More than the study allows for one question.
    OverStudyLimit = ("rho", "over-the-study-limit"),
    /// The policy does not hold on this day.
    PolicyNotInForce = ("policy", "policy-not-in-force"),
    /// An explicit denial applies.
    Denied = ("targets", "denied"),
    /// The rules as compiled do not allow it.
    NotAllowed = ("rules", "not-allowed"),
    /// There is no permission at all.
    NoRule = ("rules", "no-rule-allows"),
    /// The rule is for other requesters.
    Requester = ("requester", "requester-not-allowed"),
    /// The rule is for other roles.
    Role = ("role", "role-not-allowed"),
    /// The rule is for other purposes.
    Purpose = ("purpose", "purpose-not-allowed"),
    /// The rule is for other lawful bases.
    LawfulBasis = ("lawful_basis", "lawful-basis-not-allowed"),
    /// Sensitive targets without a ground that the rule takes.
    SpecialGround = ("special_categories", "special-ground-not-allowed"),
    /// The rule is for other measures.
    Measure = ("measure", "measure-not-allowed"),
    /// The rule is for other categories of data.
    Category = ("categories", "category-not-allowed"),
    /// The rule does not name a target.
    Target = ("targets", "target-not-allowed"),
    /// Finer than the rule.
    Level = ("level", "level-too-fine"),
    /// More loss than the rule allows for one question.
    Rho = ("rho", "over-the-limit-of-one-question"),
    /// The rule does not hold on this day.
    RuleNotInForce = ("validity", "rule-not-in-force"),
}
