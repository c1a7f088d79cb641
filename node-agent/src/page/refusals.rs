//! Why the node itself refused a request: its signature, its study, its edition, the ledger. What the policy refuses, `policy` explains.

use crate::words::Language;
use policy::Denial;

/// The sentence for a refusal of the node's own; `None` for the policy's and for codes of other versions.
pub(super) fn own(denial: &Denial, language: Language) -> Option<&'static str> {
    Some(match (denial.rule.as_str(), denial.code.as_str()) {
        ("request", "expired") => language.say("refused-expired"),
        ("request", "key-not-pinned" | "altered" | "other-type" | "unreadable" | "not-signed") => {
            language.say("refused-not-genuine")
        }
        ("study", "unknown-study") => language.say("refused-unknown-study"),
        ("study", "not-countersigned") => language.say("refused-not-countersigned"),
        ("study", "other-study-text") => language.say("refused-other-study-text"),
        ("edition", "unknown-dataset") => language.say("refused-unknown-dataset"),
        ("edition", "not-the-current-edition") => language.say("refused-other-edition"),
        ("edition", "finer-than-the-register") => language.say("refused-too-fine"),
        ("edition", "not-in-the-register") => language.say("refused-no-quantity"),
        ("edition", "not-evaluable") => language.say("refused-no-target"),
        ("ledger", "cap-exceeded") => language.say("refused-cap"),
        ("ledger", "request-id-reused") => language.say("refused-id-again"),
        ("ledger", "answer-lost" | "answer-erased") => language.say("refused-answer-gone"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::StudyUnusable;
    use protocol::RequestError;

    #[test]
    fn what_the_node_refuses_itself_has_words_in_both_languages() {
        let of_request = [RequestError::Unreadable.field_and_code()];
        let of_study = [
            StudyUnusable::Unknown,
            StudyUnusable::NotConsented,
            StudyUnusable::OtherText,
        ]
        .map(StudyUnusable::field_and_code);
        let known = (of_request.map(|it| ("request", it)).into_iter())
            .chain(of_study.map(|it| ("study", it)))
            .chain([("edition", ("level", "finer-than-the-register"))]);
        for (rule, told) in known {
            let denial = crate::node::denial(rule, told);
            let [italian, english] = [Language::It, Language::En].map(|it| own(&denial, it));
            assert!(italian.is_some() && italian != english, "{denial:?}");
        }
        let of_policy = crate::node::denial("planning-counts", ("level", "level-too-fine"));
        assert_eq!(own(&of_policy, Language::En), None);
    }
}
