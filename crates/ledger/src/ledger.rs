//! The open ledger of one node: the operations that write, each one transaction, and the log's signed head.
//! What only reads is [`LedgerReader`], which other processes may open beside it.

use crate::charge::{Charge, ChargeTerms, Debit, Reuse};
use crate::facts::{Facts, is_reserved};
use crate::log::append;
use crate::refusals::log_refusal;
use crate::{
    Balance, DecidedRequest, LedgerError, LedgerReader, Report, Restored, acceptance, acts,
    answers, charge, policies, requests, restore, retention,
};
use audit::{
    AuditError, Checkpoint, EntryKind, Fact, Hash, LogSigner, NoteKey, NoteSignature,
    SignedCheckpoint, verify_cosignature,
};
use policy::{Caps, Permit};
use privacy_loss::NanoRho;
use protocol::{
    SubCap, VerifiedAcceptance, VerifiedApproval, VerifiedBudgetMove, VerifiedGuarantee,
    VerifiedPolicyChange, VerifiedReceipt, VerifiedRestoration,
};
use std::path::Path;
use storage::Store;

pub(crate) const MIGRATIONS: [(i64, &str, &str); 8] = [
    (1, "ledger", include_str!("../migrations/0001_ledger.sql")),
    (2, "acts", include_str!("../migrations/0002_acts.sql")),
    (3, "restore", include_str!("../migrations/0003_restore.sql")),
    (
        4,
        "retention",
        include_str!("../migrations/0004_retention.sql"),
    ),
    (5, "subtrees", merkle_log::SUBTREES),
    (
        10,
        "policies",
        include_str!("../migrations/0010_policies.sql"),
    ),
    (
        11,
        "approvals",
        include_str!("../migrations/0011_approvals.sql"),
    ),
    (
        12,
        "request-policy",
        include_str!("../migrations/0012_request_policy.sql"),
    ),
];

/// The step of the schema that a reader needs. Files of earlier programs may lack later ones, and are read as what they hold.
pub(crate) const READABLE_FROM: i64 = 10;

/// A node's privacy account and its log, open for writing. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(crate) store: Store,
    reader: LedgerReader,
    signer: LogSigner,
}

impl Ledger {
    /// Opens the ledger at `path`, creating it where it is missing. `signer` signs the log's checkpoints.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] if the file cannot be opened or migrated, [`LedgerError::Corrupt`] if its log
    /// does not hold the entries its tree counts.
    pub async fn open(path: &Path, signer: LogSigner) -> Result<Ledger, LedgerError> {
        let store = Store::open(path, &storage::migrator(&MIGRATIONS)).await?;
        let reader = LedgerReader::new(store.readers().clone());
        reader.check_size().await?;
        let mut transaction = store.writer().write_transaction().await?;
        merkle_log::fill_subtrees(&mut transaction).await?;
        transaction.commit().await?;
        Ok(Ledger {
            store,
            reader,
            signer,
        })
    }

    /// The reading side.
    pub fn reader(&self) -> &LedgerReader {
        &self.reader
    }

    /// Opens the account and fixes its lifetime cap, unless it is open: the cap fixed first stays. A node opens it before it
    /// serves, so that every backup holds the promise; where it did not, the first charge does.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] for a ledger that was charged and has no account.
    pub async fn open_account(&self, lifetime: NanoRho, now: i64) -> Result<(), LedgerError> {
        let mut transaction = self.store.writer().write_transaction().await?;
        charge::open_account(&mut transaction, lifetime, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Charges a permitted request at `now` (unix seconds), in one transaction, before anything is computed.
    ///
    /// A request that was answered gives the stored answer; one that was debited but not answered, for instance
    /// because of a crash, gives its debit again; a question already answered on the same edition may reuse the
    /// noise. Only else are all caps checked and the loss debited. When this returns an error that is no
    /// refusal, the charge may or may not be durable; asking again finds out and charges at most once.
    ///
    /// # Errors
    /// [`LedgerError::CapExceeded`] and [`LedgerError::RequestIdReused`] are refusals, logged; others are failures.
    pub async fn charge(&self, permit: &Permit, now: i64) -> Result<Charge, LedgerError> {
        self.charge_terms(&ChargeTerms::from(permit), now).await
    }

    pub(crate) async fn charge_terms(
        &self,
        terms: &ChargeTerms,
        now: i64,
    ) -> Result<Charge, LedgerError> {
        charge::charge(self.store.writer(), terms, now).await
    }

    /// Stores the answer to a charged request and returns its leaf's index: `body` is the noisy result kept for
    /// reuse, `sealed` the bytes to send, now and whenever the request comes again.
    ///
    /// # Errors
    /// [`LedgerError::AlreadyAnswered`] if another answer was stored meanwhile: send that one
    /// ([`LedgerReader::answer`]) and forget this one.
    pub async fn store_answer(
        &self,
        debit: Debit,
        body: &[u8],
        sealed: &[u8],
        now: i64,
    ) -> Result<u64, LedgerError> {
        answers::store_charged(self.store.writer(), debit, body, sealed, now).await
    }

    /// Stores the answer to a request that reuses noise and returns its leaf's index.
    ///
    /// # Errors
    /// As [`Ledger::store_answer`].
    pub async fn store_reused(
        &self,
        reuse: Reuse,
        sealed: &[u8],
        now: i64,
    ) -> Result<u64, LedgerError> {
        answers::store_reused(self.store.writer(), reuse, sealed, now).await
    }

    /// Logs that a request was refused before it came to a charge, and returns the leaf's index. The same
    /// refusal of the same request is logged once.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] and its like; the refusal stands whether or not it could be logged.
    pub async fn record_refusal(
        &self,
        request_id: &str,
        request_hash: [u8; 32],
        denial: &policy::Denial,
        now: i64,
    ) -> Result<u64, LedgerError> {
        let mut transaction = self.store.writer().write_transaction().await?;
        let what = [&*denial.rule, &*denial.field, &*denial.code];
        let index = log_refusal(&mut transaction, request_id, &request_hash, what, now).await?;
        transaction.commit().await?;
        Ok(index as u64)
    }

    /// Moves unspent budget between two parts under the policy's `caps`, as an officer signed it, and returns the leaf's
    /// index. Nothing is added to the lifetime cap, and what is spent stays spent where it was spent.
    ///
    /// # Errors
    /// [`LedgerError::Act`] for an act that is not fresh, [`LedgerError::ActUsed`] for one that was entered before,
    /// [`LedgerError::NotUnspent`] if the part or the account has less left.
    pub async fn move_budget(
        &self,
        act: &VerifiedBudgetMove,
        caps: &Caps,
        now: i64,
    ) -> Result<u64, LedgerError> {
        acts::move_budget(self.store.writer(), act, caps, now).await
    }

    /// Replaces the promised lifetime cap by a higher one, as two persons signed it, and returns the leaf's index. The
    /// policy must name the higher cap too before more can be spent.
    ///
    /// # Errors
    /// [`LedgerError::Act`] and [`LedgerError::ActUsed`] as for a move, [`LedgerError::NothingPromised`] before the
    /// account is open, [`LedgerError::OtherLifetime`] if another cap is in force than the act replaces.
    pub async fn raise_lifetime(
        &self,
        act: &VerifiedGuarantee,
        now: i64,
    ) -> Result<u64, LedgerError> {
        acts::new_guarantee(self.store.writer(), act, now).await
    }

    /// Records the policy that a node begins with, or goes on with after a restoration, as installed; nothing where one is in
    /// force.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] and its like.
    pub async fn install_policy(&self, document: &str, now: i64) -> Result<(), LedgerError> {
        policies::install(self.store.writer(), document, now).await
    }

    /// Replaces the policy in force by one that its officers signed, and returns the leaf's index.
    ///
    /// # Errors
    /// [`LedgerError::Act`] and [`LedgerError::ActUsed`] as for a move, [`LedgerError::OtherPolicy`] if it replaces another.
    pub async fn change_policy(
        &self,
        act: &VerifiedPolicyChange,
        now: i64,
    ) -> Result<u64, LedgerError> {
        policies::change(self.store.writer(), act, now).await
    }

    /// Enters the act by which this node goes on with a restored coordinator, and returns the leaf's index. It gives no budget back.
    ///
    /// # Errors
    /// [`LedgerError::Act`] and [`LedgerError::ActUsed`] as for a move, [`LedgerError::PolicyReplaced`] where no policy is in force,
    /// [`LedgerError::NeverAllowed`] for a request that is no loss of this node's.
    pub async fn accept_coordinator(
        &self,
        act: &VerifiedAcceptance,
        now: i64,
    ) -> Result<u64, LedgerError> {
        acceptance::accept(self.store.writer(), act, now).await
    }

    /// Keeps a request with the policy's first decision of it; the same request again changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] and its like.
    pub async fn keep_request(&self, request: &DecidedRequest) -> Result<(), LedgerError> {
        requests::keep(self.store.writer(), request).await
    }

    /// Leaves a kept request to a person by a rule of the policy of that hash, which came into force since.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] and its like.
    pub async fn leave_request(
        &self,
        request_id: &str,
        request_hash: &[u8; 32],
        rule: &str,
        policy_hash: &str,
    ) -> Result<(), LedgerError> {
        requests::leave(
            self.store.writer(),
            request_id,
            request_hash,
            rule,
            policy_hash,
        )
        .await
    }

    /// Enters what a person said of a request that waits, once under each policy, and returns the leaf's index.
    ///
    /// # Errors
    /// [`LedgerError::ActUsed`] as for a move, [`LedgerError::NotWaiting`] if no such request waits.
    pub async fn decide_request(
        &self,
        act: &VerifiedApproval,
        policy_hash: &str,
        now: i64,
    ) -> Result<u64, LedgerError> {
        requests::decide(self.store.writer(), act, policy_hash, now).await
    }

    /// Goes on from a backup, as an officer signed it: debits what `receipts` prove and the backup does not hold, stores their
    /// answers again, and writes off the rest of every year from the backup's last entry, or from `made_at` if that is earlier, to `now`, under the policy's `caps`;
    /// as much is written off of each of the `known` parts. What was debited without an answer is never computed again.
    ///
    /// # Errors
    /// [`LedgerError::Act`] and [`LedgerError::ActUsed`] as for a move, [`LedgerError::OtherBackup`] if this is not the
    /// ledger that the act names as kept, [`LedgerError::NoAccount`] if it was made before the lifetime cap was fixed.
    pub async fn restore(
        &self,
        act: &VerifiedRestoration,
        receipts: &[VerifiedReceipt],
        caps: &Caps,
        known: &[(SubCap, String)],
        made_at: i64,
        now: i64,
    ) -> Result<Restored, LedgerError> {
        let writer = self.store.writer();
        restore::restore(writer, act, receipts, caps, known, made_at, now).await
    }

    /// Erases the bytes of answers to questions on editions before `edition`, and the noise kept for reuse, and returns how
    /// many answers. Debits, hashes and log stay; asked for again, an erased answer is refused, never computed anew.
    ///
    /// # Errors
    /// [`LedgerError::Storage`]; then nothing is erased.
    pub async fn erase_answers(&self, edition: u32, now: i64) -> Result<u64, LedgerError> {
        retention::erase_answers(self.store.writer(), edition, now).await
    }

    /// Logs an event that is no charge, answer, reuse or refusal, and returns its leaf's index. `facts` stay
    /// for ever and hold no personal data; `body` may be erased one day.
    ///
    /// # Errors
    /// [`LedgerError::ReservedKind`] for kinds that only the ledger writes.
    pub async fn record(
        &self,
        kind: EntryKind,
        facts: &[(&str, Fact)],
        body: &[u8],
        now: i64,
    ) -> Result<u64, LedgerError> {
        if is_reserved(kind) {
            return Err(LedgerError::ReservedKind { kind });
        }
        let facts: Facts = facts
            .iter()
            .map(|(key, fact)| ((*key).to_owned(), fact.clone()))
            .collect();
        let mut transaction = self.store.writer().write_transaction().await?;
        let index = append(&mut transaction, kind, now, facts, body).await?;
        transaction.commit().await?;
        Ok(index as u64)
    }

    /// Who signs for this log, and cosigns others.
    pub fn signer(&self) -> &LogSigner {
        &self.signer
    }

    /// The log's head, signed.
    pub async fn checkpoint(&self) -> Result<SignedCheckpoint, LedgerError> {
        let tree = self.reader.tree().await?;
        Ok(SignedCheckpoint::sign(
            tree.size(),
            tree.root(),
            &self.signer,
        ))
    }

    /// Keeps a witness's cosignature of a checkpoint of this log. [`LedgerReader::verify`] holds the log to it
    /// from then on.
    ///
    /// # Errors
    /// [`LedgerError::Audit`] if the checkpoint is not of this log as it stands or the line is not a
    /// cosignature of it by `witness`.
    pub async fn store_cosignature(
        &self,
        checkpoint: &SignedCheckpoint,
        line: &NoteSignature,
        witness: &NoteKey,
    ) -> Result<(), LedgerError> {
        let head = checkpoint.checkpoint();
        if head.origin != self.signer.log_key().name() {
            return Err(AuditError::OtherLog.into());
        }
        verify_cosignature(head, line, witness)?;
        if self.reader.root_at(head.size).await? != head.root {
            return Err(AuditError::BadProof.into());
        }
        let mut transaction = self.store.writer().write_transaction().await?;
        sqlx::query(
            "INSERT INTO cosignatures (size, witness, checkpoint, cosignature) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (size, witness) DO NOTHING",
        )
        .bind(crate::log::stored(head.size)?)
        .bind(witness.name())
        .bind(head.text())
        .bind(line.to_string())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// What was spent; see [`LedgerReader::balance`].
    pub async fn balance(&self) -> Result<Balance, LedgerError> {
        self.reader.balance().await
    }

    /// Proof that the log of `to` entries extends that of `from`; see [`LedgerReader::consistency`].
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, LedgerError> {
        self.reader.consistency(from, to).await
    }

    /// Recomputes everything; see [`LedgerReader::verify`].
    pub async fn verify(&self, held: &[Checkpoint]) -> Result<Report, LedgerError> {
        self.reader.verify(held).await
    }
}
