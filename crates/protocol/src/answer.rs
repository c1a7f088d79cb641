//! A node's answer: noisy integer cells with their receipt, or a refusal that names rule and field.
//! The coordinator works with [`VerifiedAnswer`] only, which only the signature check makes.
//!
//! In format 1 the signed JSON holds the cells. From format 2 on it holds their SHA-256, and the cells are the envelope's
//! attachment; format 3 adds what the receiver owes; from format 4 on the attached cells are packed in blocks of equal width. So cells are
//! neither hashed twice nor written in base64, and a signature costs the same however many there are.

mod opened;

use crate::dsse::{Attachment, Envelope, EnvelopeError, PublicKey};
use crate::obligations::Obligations;
use crate::request::Request;
use crate::{cells, hex, packed, sha256};
use bytes::Bytes;
use opened::Opened;
use privacy_loss::{NanoRho, Sensitivity, SlicePrice};
use query::AggregateQuery;
use serde::{Deserialize, Serialize};

/// What one slice of the noisy cells is and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SliceReceipt {
    /// What the slice holds: a level's identifier, or `cut-off`.
    pub of: String,
    /// Number of its cells.
    pub cells: usize,
    /// D2 squared.
    pub sensitivity: Sensitivity,
    /// Its part of the loss.
    pub rho: NanoRho,
    /// Parameter of the mechanism.
    pub sigma: f64,
    /// Upper bound on each cell's noise variance.
    pub variance: f64,
}

impl From<&SlicePrice> for SliceReceipt {
    fn from(price: &SlicePrice) -> SliceReceipt {
        SliceReceipt {
            of: price.of.clone(),
            cells: price.cells,
            sensitivity: price.sensitivity,
            rho: price.rho,
            sigma: price.sigma,
            variance: price.variance(),
        }
    }
}

impl SliceReceipt {
    /// The field that does not fit the price, if any does not.
    fn misfit(&self, price: &SlicePrice) -> Option<&'static str> {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
        let fits = [
            (self.of == price.of, "receipt.slices.of"),
            (self.cells == price.cells, "receipt.slices.cells"),
            (
                self.sensitivity == price.sensitivity,
                "receipt.slices.sensitivity",
            ),
            (self.rho == price.rho, "receipt.slices.rho"),
            (close(self.sigma, price.sigma), "receipt.slices.sigma"),
            (
                close(self.variance, price.variance()),
                "receipt.slices.variance",
            ),
        ];
        (fits.into_iter().find(|(fits, _)| !fits)).map(|(_, field)| field)
    }
}

/// What the noisy cells are and what they cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// `discrete-gaussian`.
    pub mechanism: String,
    /// The parts of the answer, in the order of its cells.
    pub slices: Vec<SliceReceipt>,
    /// L0.
    pub cells_per_unit: u32,
    /// Linf.
    pub per_cell: u32,
    /// What was charged for these cells. A reused answer repeats the charge of its first release.
    pub rho: NanoRho,
    /// Whether the cells were released before, at no further loss.
    pub reused: bool,
    /// Where the noise came from.
    pub noise_source: String,
    /// Edition the cells were computed from.
    pub edition: u32,
    /// The policy rule that allowed it.
    pub rule: String,
    /// SHA-256 of the policy, hex.
    pub policy_hash: String,
    /// Index of the charge in the node's log.
    pub charge_index: u64,
    /// What whoever receives the answer owes; stated from format 3 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligations: Option<Obligations>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// Noisy cells, slice by slice; those of a level row-major over the query's dimensions.
    Answered {
        /// The cells; they may be negative.
        #[serde(with = "crate::cells")]
        cells: Vec<i64>,
        /// Their receipt.
        receipt: Receipt,
    },
    /// Nothing was computed.
    Refused {
        /// The rule that refused.
        rule: String,
        /// The field at fault.
        field: String,
        /// A stable code.
        code: String,
    },
}

/// An answer, as signed by the node. As JSON it is of format 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Format version, 1 or [`Answer::VERSION`].
    pub version: u32,
    /// Request it answers.
    pub request_id: String,
    /// SHA-256 of the signed request bytes, hex.
    pub request_hash: String,
    /// Organisation that answers.
    pub node: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// Why an answer is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The envelope does not hold.
    #[error("the signature of the answer is not accepted")]
    Envelope(#[from] EnvelopeError),
    /// Not an answer of this version.
    #[error("not an answer this version can read")]
    Unreadable,
    /// A field does not fit the request.
    #[error("the field `{0}` does not fit the request")]
    Mismatch(&'static str),
}

impl Answer {
    /// Payload type of a signed answer.
    pub const TYPE: &'static str = "application/vnd.welfare-intelligence.answer+json";
    /// The format that nodes write.
    pub const VERSION: u32 = 4;
    /// The first format that attaches cells.
    const ATTACHING: u32 = 2;
    /// The first format that states obligations.
    const OBLIGING: u32 = 3;
    /// The first format that packs the cells it attaches.
    const PACKING: u32 = 4;

    /// Signs the answer in its format.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn seal(
        &self,
        key: &PublicKey,
        sign: impl Fn(&[u8]) -> [u8; 64],
    ) -> Result<Envelope, serde_json::Error> {
        if self.version < Answer::ATTACHING {
            let payload = serde_json::to_vec(self)?;
            return Ok(Envelope::sign(Answer::TYPE, &payload, key, sign));
        }
        let (outcome, attachment) = match &self.outcome {
            Outcome::Answered { cells, receipt } => {
                let bytes = match self.version {
                    ..Answer::PACKING => cells::encode(cells),
                    _ => packed::encode(cells),
                };
                let cells = Attached {
                    count: cells.len(),
                    sha256: hex(&sha256(&bytes)),
                };
                let receipt = receipt.clone();
                (
                    Stated::Answered { cells, receipt },
                    Some(Attachment(bytes.into())),
                )
            }
            Outcome::Refused { rule, field, code } => {
                let (rule, field, code) = (rule.clone(), field.clone(), code.clone());
                (Stated::Refused { rule, field, code }, None)
            }
        };
        let statement = Statement {
            version: self.version,
            request_id: self.request_id.clone(),
            request_hash: self.request_hash.clone(),
            node: self.node.clone(),
            outcome,
        };
        let payload = serde_json::to_vec(&statement)?;
        Ok(Envelope {
            attachment,
            ..Envelope::sign(Answer::TYPE, &payload, key, sign)
        })
    }

    /// The answer in an envelope that one of the pinned keys signed; its cells are those that were signed.
    ///
    /// # Errors
    /// [`AnswerError::Envelope`], [`AnswerError::Unreadable`], or [`AnswerError::Mismatch`] where the cells are others.
    pub fn signed_by(envelope: &Envelope, pinned: &[PublicKey]) -> Result<Answer, AnswerError> {
        let (payload, _) = envelope.verify_payload(Answer::TYPE, pinned)?;
        Answer::read(&payload, envelope.attachment.as_ref(), None)
    }

    /// The answer in an envelope without any check of who signed it. Never act on it.
    pub fn unverified(envelope: &Envelope) -> Option<Answer> {
        Answer::read(
            &envelope.unverified_payload()?,
            envelope.attachment.as_ref(),
            None,
        )
        .ok()
    }

    fn read(
        payload: &[u8],
        attachment: Option<&Attachment>,
        known: Option<&Attachment>,
    ) -> Result<Answer, AnswerError> {
        let (opened, cells) = Opened::read(payload, attachment, known)?.take_cells()?;
        Ok(opened.with(cells))
    }
}

/// What is signed from format 2 on.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    version: u32,
    request_id: String,
    request_hash: String,
    node: String,
    outcome: Stated,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Stated {
    Answered {
        cells: Attached,
        receipt: Receipt,
    },
    Refused {
        rule: String,
        field: String,
        code: String,
    },
}

/// Which cells are attached.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attached {
    count: usize,
    /// SHA-256 of their bytes, hex.
    sha256: String,
}

/// An answer whose signature and binding to its request have been checked.
#[derive(Clone, Debug)]
pub struct VerifiedAnswer {
    answer: Answer,
    hash: [u8; 32],
    request_hash: [u8; 32],
}

/// What a verified answer says, but for its cells.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Noisy cells were released.
    Answered {
        /// Their receipt.
        receipt: Receipt,
    },
    /// Nothing was computed.
    Refused {
        /// The rule that refused.
        rule: String,
        /// The field at fault.
        field: String,
        /// A stable code.
        code: String,
    },
}

/// An answer that was checked as [`VerifiedAnswer`] is, without its cells. Only [`VerifiedAnswer::check`] makes it.
#[derive(Clone, Debug)]
pub struct CheckedAnswer {
    said: Said,
    vouched: Vouched,
}

impl CheckedAnswer {
    /// What it says.
    pub fn said(&self) -> &Said {
        &self.said
    }

    /// What to remember, to know this answer again.
    pub fn vouched(&self) -> &Vouched {
        &self.vouched
    }

    /// SHA-256 of the signed bytes, which name the cells by theirs.
    pub fn hash(&self) -> [u8; 32] {
        self.vouched.hash
    }
}

/// What a process that verified an answer remembers of it, to know the same answer again without verifying its signature. It is
/// not to be stored: whoever could write it there could write another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    hash: [u8; 32],
    request_hash: [u8; 32],
    /// The attached cells whose hash was found to be the signed one: the same bytes need not be hashed again.
    cells: Option<Attachment>,
}

impl Vouched {
    /// How many bytes of cells are remembered.
    pub fn cells_held(&self) -> usize {
        self.cells.as_ref().map_or(0, |cells| cells.0.len())
    }

    /// The same without the cells, which are known again by their hash then.
    #[must_use]
    pub fn without_cells(self) -> Vouched {
        Vouched {
            cells: None,
            ..self
        }
    }
}

impl VerifiedAnswer {
    /// The id of the request an envelope claims to answer, so that its request can be looked up. Nothing
    /// else is to be believed before [`VerifiedAnswer::verify`].
    pub fn claimed_request_id(envelope: &Envelope) -> Option<String> {
        // Everything else is passed over, the cells above all.
        #[derive(Deserialize)]
        struct Claim {
            request_id: String,
        }
        let claim: Claim = serde_json::from_slice(&envelope.unverified_payload()?).ok()?;
        Some(claim.request_id)
    }

    /// Checks the node's signature and that the answer is for exactly the signed request bytes `request_payload`.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn verify(
        envelope: &Envelope,
        node_key: &PublicKey,
        request: &Request,
        request_payload: &[u8],
        query: &AggregateQuery,
    ) -> Result<VerifiedAnswer, AnswerError> {
        let (payload, _) = envelope.verify_payload(Answer::TYPE, std::slice::from_ref(node_key))?;
        let opened = Opened::read(&payload, envelope.attachment.as_ref(), None)?;
        let (opened, cells) = opened.take_cells()?;
        let request_hash = opened.fits(cells.len(), request, request_payload, query)?;
        Ok(VerifiedAnswer {
            answer: opened.with(cells),
            hash: sha256(&payload),
            request_hash,
        })
    }

    /// Checks the same, for who keeps the envelope as it came: the cells are read and not kept.
    ///
    /// # Errors
    /// As [`VerifiedAnswer::verify`].
    pub fn check(
        envelope: &Envelope,
        node_key: &PublicKey,
        request: &Request,
        request_payload: &[u8],
        query: &AggregateQuery,
    ) -> Result<CheckedAnswer, AnswerError> {
        let (payload, _) = envelope.verify_payload(Answer::TYPE, std::slice::from_ref(node_key))?;
        let opened = Opened::read(&payload, envelope.attachment.as_ref(), None)?;
        let (opened, cells) = opened.pass_over_cells()?;
        let request_hash = opened.fits(cells, request, request_payload, query)?;
        Ok(CheckedAnswer {
            said: opened.said,
            vouched: Vouched {
                hash: sha256(&payload),
                request_hash,
                // A copy: a slice of the message would keep the whole of it.
                cells: (envelope.attachment.as_ref())
                    .map(|cells| Attachment(Bytes::copy_from_slice(&cells.0))),
            },
        })
    }

    /// What to remember, to know this answer again.
    pub fn vouched(&self) -> Vouched {
        Vouched {
            hash: self.hash,
            request_hash: self.request_hash,
            cells: None,
        }
    }

    /// The answer that was vouched for, read again: the signed bytes and the request's have the hashes that they had when the signature was verified,
    /// and the cells the hash that the signed bytes name, or they are the remembered ones, byte for byte.
    ///
    /// # Errors
    /// [`AnswerError::Mismatch`] where anything is not as it was.
    pub fn read_again(
        envelope: &Envelope,
        vouched: &Vouched,
        request_payload: &[u8],
    ) -> Result<VerifiedAnswer, AnswerError> {
        let payload = envelope.payload_bytes()?;
        if sha256(&payload) != vouched.hash {
            return Err(AnswerError::Mismatch("answer"));
        }
        if sha256(request_payload) != vouched.request_hash {
            return Err(AnswerError::Mismatch("request_hash"));
        }
        Ok(VerifiedAnswer {
            answer: Answer::read(
                &payload,
                envelope.attachment.as_ref(),
                vouched.cells.as_ref(),
            )?,
            hash: vouched.hash,
            request_hash: vouched.request_hash,
        })
    }

    /// What came of the request.
    pub fn into_outcome(self) -> Outcome {
        self.answer.outcome
    }

    /// The answer.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// SHA-256 of the signed bytes, which name the cells by theirs.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}
