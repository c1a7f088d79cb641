//! What can be wrong at the node's own commands, in sentences that the terminal says in Italian or English.
//! They name files, keys and identifiers, never a value of the register.

use sentence::{Said, sentences};
use std::error::Error;
use std::path::Path;

sentences! { NODE_SENTENCES:
    // Files.
    UNREAD "node-unread" "cannot read {0}"
    DAMAGED "node-damaged" "{0} is damaged; take it from a backup"
    INVALID_MAPPING "node-invalid-mapping" "{0} is not a valid mapping"
    NO_REGISTER "node-no-register" "cannot open the register; see `dataset.register` in node.toml, and sources.toml"
    OTHER_FORMAT "node-other-format" "{0} has a format of another program version"

    // Keys and officers.
    NOT_OFFICER "node-not-officer" "this key is not the data protection officer's: the policy's `dpo.keys` pins another"

    // Objections.
    OTHER_PERSON_KEY "node-other-person-key" "the people in {0} were entered by {1}, and the mapping names people by {2} now, so nobody would be left out: put the mapping's `person_key` back, or remove the file and enter them again"
    OTHER_NODE_KEY "node-other-node-key" "the people in {0} were entered under another key, so nobody would be left out: restore the node with its keys, or remove the file and enter them again"
    NOBODY_ENTERED "node-nobody-entered" "the list is empty: nobody was entered"
    LIST_HELD "node-list-held" "another program has held {0} for {1} seconds; end it, then try again"

    // Requests.
    NO_REQUEST "node-no-request" "no request `{0}`; `node-agent requests list` shows them"
    SEVERAL_REQUESTS "node-several-requests" "several requests begin with `{0}`; write more of it"
    NOT_WAITING "node-not-waiting" "nothing waits for a person in the request {0}; `node-agent requests list --all` says how it stands"
    KEPT_ALTERED "node-kept-altered" "the kept request {0} was altered"

    // Studies.
    STUDY_ELSEWHERE "node-study-elsewhere" "the study does not ask this organisation"
    STUDY_UNNAMED "node-study-unnamed" "name the study with `--study ID`; `node-agent study list` shows them"
    STUDY_UNKNOWN "node-study-unknown" "no study `{0}` is known here; `node-agent study list` shows them"

    // Documents.
    NO_NAMES "node-no-names" "{0} names no organisations: write lines such as cooperativa-lambro = \"Cooperativa Lambro\""

    // Backups.
    NO_LEDGER "node-no-ledger" "there is no ledger to back up yet; it is made at the first start"
    MAKING "node-making" "cannot make {0}; is another backup being made there?"
    NOT_NEW "node-not-new" "cannot make {0}; it must not exist"
    LEADS_OUT "node-leads-out" "{0} holds a path that leads out of its folder"
    TWICE "node-twice" "{0} holds {1} twice"
    NO_BACKUP "node-no-backup" "{0} is no backup of a node"
    ALTERED "node-altered" "the backup was altered: its files are not those its manifest names; use another"
    MANIFEST "node-manifest" "the backup's manifest is damaged or was altered; use another backup"
    BACKUP_FORMAT "node-backup-format" "the backup is of format {0}; this program reads format {1}"

    // Restoring.
    OCCUPIED "node-occupied" "{0} is not empty; restore into a new folder"
    UNSOUND "node-unsound" "the ledger in the backup is not sound; use another backup"
    NOT_RESTORING "node-not-restoring" "nothing is being restored in this folder; `node-agent restore --from FILE --dir DIR` begins it"
    RESTORING "node-restoring" "this node was restored from a backup and does not know yet what it spent since: join with a new join string, then `node-agent restore --dir {0} --dpo-key FILE --reason TEXT`"
    CANNOT_REPLACE "node-cannot-replace" "this key stands in the last policy of this node's log, so a restore that it signs can only bring back that same policy: write it into policy.toml (`node-agent policy show --document` prints it), or restore with a key that stands in no policy of this log; nothing was done"
    LARGER_LOG "node-larger-log" "the coordinator wants a proof from a larger log than the backup holds"
    NO_PROOF "node-no-proof" "the coordinator's answer to request {0} proves nothing; nothing was booked"
    OTHER_LOG_KEY "node-other-log-key" "the coordinator's checkpoint is not signed by this node's earlier key"
    NO_COSIGNATURE "node-no-cosignature" "the coordinator's checkpoint does not bear its own cosignature"
}

/// A sentence as an error, with what it follows from.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
pub(crate) struct Fault {
    pub(crate) said: Said,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// One that follows from nothing else.
    pub(crate) fn new(said: impl Into<Said>) -> Fault {
        Fault {
            said: said.into(),
            source: None,
        }
    }
}

/// A failure under a sentence of ours.
pub(crate) trait OrFault<T> {
    /// The value, or the sentence with what went wrong below it.
    fn or_fault(self, said: impl FnOnce() -> Said) -> Result<T, Fault>;
    /// The same, for a file that cannot be read.
    fn or_unread(self, path: &Path) -> Result<T, Fault>
    where
        Self: Sized,
    {
        self.or_fault(|| UNREAD.with([&path.display().to_string()]))
    }
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> OrFault<T> for Result<T, E> {
    fn or_fault(self, said: impl FnOnce() -> Said) -> Result<T, Fault> {
        self.map_err(|source| Fault {
            said: said(),
            source: Some(source.into()),
        })
    }
}

impl<T> OrFault<T> for Option<T> {
    fn or_fault(self, said: impl FnOnce() -> Said) -> Result<T, Fault> {
        self.ok_or_else(|| Fault::new(said()))
    }
}
