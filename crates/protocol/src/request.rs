//! A request: the copy of a query for one node, signed by the requester and bound to everything it
//! may be used for. A request is an exchange with phases, of which this version knows one.

use crate::dsse::{Envelope, EnvelopeError, PublicKey};
use crate::{from_hex, hex, is_identifier, sha256};
use privacy_loss::NanoRho;
use query::{AggregateQuery, RefusalCode};
use serde::{Deserialize, Serialize};

/// Longest validity of a request in seconds: 31 days. Nodes remember request ids for longer.
pub const MAX_VALIDITY_SECONDS: i64 = 31 * 86_400;

/// How far a requester's clock may run ahead of a node's, in seconds.
pub const CLOCK_SKEW_SECONDS: i64 = 300;

/// A request, as signed by the requester.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Format version, 1.
    pub version: u32,
    /// 128 random bits, hex; unique for ever.
    pub id: String,
    /// Phase of the exchange: `single`, answered by one node alone.
    pub phase: String,
    /// Organisation that asks.
    pub requester: String,
    /// Organisation whose node is asked.
    pub node: String,
    /// Dataset of that node.
    pub dataset: String,
    /// Edition of that dataset.
    pub edition: u32,
    /// The study.
    pub study: String,
    /// SHA-256 of the study's signed bytes, hex.
    pub study_hash: String,
    /// GDPR purpose.
    pub purpose: String,
    /// The canonical query text.
    pub query: String,
    /// SHA-256 of the query, hex.
    pub query_hash: String,
    /// Privacy loss offered.
    pub rho: NanoRho,
    /// When it was signed, Unix seconds.
    pub issued_at: i64,
    /// First second at which it may no longer be charged, Unix seconds.
    pub expires_at: i64,
}

/// Why a request is refused before any policy is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The envelope does not hold.
    #[error("the signature of the request is not accepted")]
    Envelope(#[from] EnvelopeError),
    /// Not a request of this version.
    #[error("not a request this version can read")]
    Unreadable,
    /// A field breaks its rule; named, with a code.
    #[error("the field `{field}` is refused: {code}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// A stable code.
        code: &'static str,
    },
}

impl RequestError {
    /// The field at fault and a stable code, for refusals and logs.
    pub fn field_and_code(&self) -> (&'static str, &'static str) {
        match self {
            RequestError::Envelope(EnvelopeError::KeyNotPinned) => ("signature", "key-not-pinned"),
            RequestError::Envelope(EnvelopeError::Altered) => ("signature", "altered"),
            RequestError::Envelope(EnvelopeError::OtherType) => ("payloadType", "other-type"),
            RequestError::Envelope(EnvelopeError::Unreadable) => ("payload", "unreadable"),
            RequestError::Envelope(EnvelopeError::Unsigned) => ("attachment", "not-signed"),
            RequestError::Unreadable => ("payload", "unreadable"),
            RequestError::Invalid { field, code } => (field, code),
        }
    }
}

impl Request {
    /// Payload type of a signed request.
    pub const TYPE: &'static str = "application/vnd.welfare-intelligence.request+json";

    /// The exact bytes to sign.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Unwrap safety: a struct of strings and integers always serialises.
        serde_json::to_vec(self).expect("a request serialises")
    }

    /// Reads the bytes a requester is asked to sign, checking every rule that needs no signature; for the
    /// requester's own node, which signs nothing it has not understood.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn parse(payload: &[u8]) -> Result<(Request, AggregateQuery), RequestError> {
        let request: Request =
            serde_json::from_slice(payload).map_err(|_| RequestError::Unreadable)?;
        let query = request.check()?;
        Ok((request, query))
    }

    /// Checks every rule that needs neither clock nor addressee, and parses the query.
    fn check(&self) -> Result<AggregateQuery, RequestError> {
        let invalid = |field, code| Err(RequestError::Invalid { field, code });
        if self.version != crate::VERSION {
            return invalid("version", "unknown-version");
        }
        if from_hex::<16>(&self.id).is_none() {
            return invalid("id", "not-128-bit-hex");
        }
        if self.phase != "single" {
            return invalid("phase", "unknown-phase");
        }
        for (field, id) in [
            ("requester", &self.requester),
            ("node", &self.node),
            ("dataset", &self.dataset),
            ("study", &self.study),
            ("purpose", &self.purpose),
        ] {
            if !is_identifier(id) {
                return invalid(field, "not-an-identifier");
            }
        }
        if self.expires_at <= self.issued_at
            || self.expires_at - self.issued_at > MAX_VALIDITY_SECONDS
        {
            return invalid("expires_at", "validity-out-of-range");
        }
        let query = match AggregateQuery::parse(self.query.as_bytes()) {
            Ok(query) => query,
            Err(refusal) if refusal.code == RefusalCode::OtherTaxonomy => {
                return invalid("taxonomy", "other-taxonomy");
            }
            Err(_) => return invalid("query", "not-a-legal-query"),
        };
        if query.canonical() != self.query {
            return invalid("query", "not-canonical");
        }
        if query.hash().to_string() != self.query_hash {
            return invalid("query_hash", "other-query");
        }
        if query.rho_nano() != self.rho.nano() {
            return invalid("rho", "other-than-the-query");
        }
        Ok(query)
    }
}

/// A request whose signature, addressee and validity have been checked. Whether the study is known and the
/// policy allows it is decided next.
#[derive(Clone, Debug)]
pub struct VerifiedRequest {
    request: Request,
    query: AggregateQuery,
    hash: [u8; 32],
    signer: PublicKey,
}

impl VerifiedRequest {
    /// Checks the signature against the pinned keys, that it is addressed to `node`, and the time.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn verify(
        envelope: &Envelope,
        pinned: &[PublicKey],
        node: &str,
        now: i64,
    ) -> Result<VerifiedRequest, RequestError> {
        let (payload, signer) = envelope.verify(Request::TYPE, pinned)?;
        let (request, query) = Request::parse(&payload)?;
        let invalid = |field, code| Err(RequestError::Invalid { field, code });
        if request.node != node {
            return invalid("node", "addressed-to-another-node");
        }
        if now >= request.expires_at {
            return invalid("expires_at", "expired");
        }
        if request.issued_at > now + CLOCK_SKEW_SECONDS {
            return invalid("issued_at", "not-yet-valid");
        }
        Ok(VerifiedRequest {
            request,
            query,
            hash: sha256(&payload),
            signer,
        })
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Its query.
    pub fn query(&self) -> &AggregateQuery {
        &self.query
    }

    /// SHA-256 of the signed bytes.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The signed bytes' hash in hex.
    pub fn hash_hex(&self) -> String {
        hex(&self.hash)
    }

    /// Who signed it.
    pub fn signer(&self) -> PublicKey {
        self.signer
    }
}
