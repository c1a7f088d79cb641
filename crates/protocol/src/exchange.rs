//! What nodes and coordinator say to each other over mutual TLS. Nodes dial out; every call carries a version.
//! The node's identity is its certificate, never a field.

use crate::dsse::{Envelope, PublicKey};
use geography::Level;
use serde::{Deserialize, Serialize};

/// `POST /node/v1/join`: asks for a certificate with a single-use token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Format version, 1.
    pub version: u32,
    /// The organisation, as the join string names it.
    pub organisation: String,
    /// The single-use token.
    pub token: String,
    /// Certificate signing request, PEM. Only its public key is used.
    pub csr_pem: String,
    /// Key that signs the node's answers and log checkpoints.
    pub node_key: PublicKey,
    /// Key that signs the organisation's requests, where it asks questions.
    pub requester_key: Option<PublicKey>,
    /// Key of the organisation's data protection officer.
    pub dpo_key: PublicKey,
}

/// Answer to [`Join`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoinReply {
    /// The node's certificate, PEM.
    pub certificate_pem: String,
    /// The authority's certificate, PEM.
    pub authority_pem: String,
    /// Key that signs the coordinator's log.
    pub coordinator_key: PublicKey,
}

/// `POST /node/v1/renew`: asks for a new certificate over the present one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// Format version, 1.
    pub version: u32,
    /// Certificate signing request, PEM.
    pub csr_pem: String,
}

/// What a node says of one dataset: public facts only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetNotice {
    /// Dataset identifier.
    pub id: String,
    /// Current edition.
    pub edition: u32,
    /// Finest level the register knows.
    pub finest_level: Level,
}

/// `POST /node/v1/hello`: sent at start and whenever an edition or the policy changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Format version, 1.
    pub version: u32,
    /// Datasets served.
    pub datasets: Vec<DatasetNotice>,
    /// SHA-256 of the policy in force, hex.
    pub policy_hash: String,
}

/// Answer to [`Hello`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HelloReply {
    /// The coordinator's clock, Unix seconds.
    pub server_time: i64,
    /// Signed studies that name this organisation.
    pub studies: Vec<Envelope>,
    /// The node's last checkpoint the coordinator holds, with its cosignature.
    pub cosigned_checkpoint: Option<String>,
    /// Whether the coordinator does not hold the policy in force, or one that it follows from, and asks the node to publish them;
    /// false where an older coordinator does not say.
    #[serde(default)]
    pub policy_wanted: bool,
}

/// `POST /node/v1/poll`: waits for work.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// Format version, 1.
    pub version: u32,
    /// How long to wait for work, in seconds, at most 30.
    pub wait_seconds: u32,
}

/// One thing for a node to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum WorkItem {
    /// For the requester's own node: requests to sign, as base64 of their exact bytes.
    Sign {
        /// The query they belong to, as the coordinator knows it.
        query_id: String,
        /// The requests.
        requests: Vec<String>,
    },
    /// A signed request to answer.
    Answer {
        /// The signed request.
        request: Envelope,
    },
}

/// Answer to [`Poll`]; empty when nothing came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PollReply {
    /// What is to be done.
    pub items: Vec<WorkItem>,
}

/// `POST /node/v1/signed`: the requester's node hands in what it signed, or says why it did not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// Format version, 1.
    pub version: u32,
    /// The query.
    pub query_id: String,
    /// The signed requests; empty where refused.
    pub requests: Vec<Envelope>,
    /// The field and code by which the node declined to sign.
    pub declined: Option<Declined>,
}

/// Why a requester's node did not sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declined {
    /// The field at fault.
    pub field: String,
    /// A stable code.
    pub code: String,
}

/// `POST /node/v1/checkpoint`: proves that the node's log extends what the coordinator last saw.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointOffer {
    /// Format version, 1.
    pub version: u32,
    /// The signed checkpoint, C2SP text.
    pub checkpoint: String,
    /// Size of the tree the proof starts from: the last one cosigned.
    pub from: u64,
    /// RFC 6962 consistency proof, hex hashes.
    pub consistency: Vec<String>,
}

/// Answer to [`CheckpointOffer`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cosignature {
    /// The checkpoint with the coordinator's cosignature, C2SP text.
    pub checkpoint: String,
}

/// `POST /node/v1/log`: asks for the head of the coordinator's log and the proof that it extends the one the node holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogHeadWanted {
    /// Format version, 1.
    pub version: u32,
    /// Size of the head the node holds; 0 for none.
    pub from: u64,
    /// Root of that head, hex: where this log has another there, the coordinator knows that it was set back. Nodes of before tell none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The node's cosignature of that head, one line of C2SP text; absent where it only asks.
    pub cosignature: Option<String>,
}

/// Answer to [`LogHeadWanted`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogHead {
    /// The signed checkpoint, C2SP text.
    pub checkpoint: String,
    /// RFC 6962 consistency proof from the head held, hex hashes.
    pub consistency: Vec<String>,
}

/// `POST /node/v1/guarantee`: makes known a higher lifetime cap that two persons signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuaranteeNotice {
    /// Format version, 1.
    pub version: u32,
    /// The signed act.
    pub act: Envelope,
    /// Keys, besides the officer's known from joining, with which the act was signed.
    pub second_keys: Vec<PublicKey>,
}

/// `POST /node/v1/waiting`: says that a request waits for a person at the node. It decides nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingNotice {
    /// Format version, 1.
    pub version: u32,
    /// Id of the request.
    pub request: String,
}

/// `POST /node/v1/receipts`: asks for what a node's earlier key signed, to go on from a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptsWanted {
    /// Format version, 1.
    pub version: u32,
    /// The earlier key.
    pub node_key: PublicKey,
    /// Number of entries of the log in the backup.
    pub kept_size: u64,
    /// The last request id of the page before; absent for the first page.
    pub after: Option<String>,
}

/// One answer that the coordinator holds, with the signed request it answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeldReceipt {
    /// Id of the request.
    pub request_id: String,
    /// The signed request.
    pub request: Envelope,
    /// The node's signed answer.
    pub answer: Envelope,
}

/// Answer to [`ReceiptsWanted`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipts {
    /// Answers in the order of their request ids; none after the last page.
    pub receipts: Vec<HeldReceipt>,
    /// The last checkpoint of the earlier key that the coordinator holds, with its cosignature.
    pub cosigned_checkpoint: Option<String>,
    /// Size of the largest checkpoint of the earlier key of at most `kept_size` entries, which the backup's log must extend;
    /// 0 where none was cosigned so early.
    pub cosigned_within: u64,
}

/// `POST /node/v1/restoration`: hands in the officer's act by which a node goes on from a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestorationOffer {
    /// Format version, 1.
    pub version: u32,
    /// The signed act.
    pub act: Envelope,
    /// [`Receipts::cosigned_within`].
    pub from: u64,
    /// Proof that what the act kept extends the ended log's first `from` entries, hex.
    pub consistency: Vec<String>,
}

/// What became of a handed-in answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerStatus {
    /// Stored.
    Accepted,
    /// The same bytes were there already.
    Duplicate,
}

/// Answer to `POST /node/v1/answers`, whose body is an [`Envelope`] of an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnswerReply {
    /// What became of it.
    pub status: AnswerStatus,
}

/// Why the coordinator refuses a node's call: HTTP 4xx with this body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeRefusal {
    /// A stable code, such as `certificate-revoked`.
    pub code: String,
    /// A sentence with the remedy.
    pub message: String,
}
