//! Formats on the wire: studies, requests, answers, receipts, and the signatures that bind them.
//! Bytes become a `Verified*` value only through a signature check; nothing here holds exact data.

pub mod cells;
mod coordinator_restoration;
pub mod dsse;
pub mod exchange;

mod act;
mod answer;
mod approval;
mod budget;
mod coordinator_acceptance;
mod held_receipt;
mod obligations;
mod offer_notice;
pub mod packed;
mod policy_chain;
mod policy_change;
mod policy_publication;
mod policy_text;
mod request;
mod restoration;
mod study;
mod sub_cap;

pub use act::{Act, ActError, ActHead, MAX_ACT_AGE_SECONDS, Officers, Quorum, Rule, SignedAct};
pub use answer::{
    Answer, AnswerError, CheckedAnswer, Outcome, Receipt, Said, SliceReceipt, VerifiedAnswer,
    Vouched,
};
pub use approval::{Approval, VerifiedApproval, Word};
pub use budget::{BudgetMove, NewGuarantee, VerifiedBudgetMove, VerifiedGuarantee};
pub use coordinator_acceptance::{CoordinatorAcceptance, VerifiedAcceptance};
pub use coordinator_restoration::CoordinatorRestoration;
pub use dsse::{Envelope, EnvelopeError, PublicKey};
pub use held_receipt::{ReceiptError, VerifiedReceipt};
pub use obligations::{Audience, Obligations};
pub use offer_notice::{OfferNotice, OfferNoticeError};
pub use policy_chain::{Anchor, ChainFault, PolicyChain, may_go_on};
pub use policy_change::{PolicyChange, VerifiedPolicyChange};
pub use policy_publication::{
    PolicyPublication, PublishedAs, VerifiedPolicyPublication, officers_of_change, signed_by_alone,
};
pub use policy_text::PolicyText;
pub use request::{
    CLOCK_SKEW_SECONDS, MAX_VALIDITY_SECONDS, Request, RequestError, VerifiedRequest,
};
pub use restoration::{LogState, Restoration, VerifiedRestoration};
pub use study::{Consent, Study, StudyError, VerifiedConsent, VerifiedStudy};
pub use sub_cap::SubCap;

/// Version of every format in this crate but the answer's.
pub const VERSION: u32 = 1;

/// Name under which the coordinator signs its log and cosigns others.
pub const COORDINATOR_LOG: &str = "welfare-intelligence/coordinator";

/// Name under which an organisation's node signs its log.
pub fn node_log(organisation: &str) -> String {
    format!("welfare-intelligence/node/{organisation}")
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    hash
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0xf));
    }
    text
}

/// Reads lower-case hexadecimal of exactly `N` bytes.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Whether `id` is a public identifier: 1 to 64 of `a-z`, `0-9` and `-`.
pub fn is_identifier(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
