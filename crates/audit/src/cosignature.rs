//! Timestamped cosignatures, C2SP `cosignature/v1`: a witness states that at a time it saw this checkpoint and
//! that it extends every earlier one it saw. Checking that extension is the witness's duty, before it cosigns.

use crate::AuditError;
use crate::checkpoint::{Checkpoint, LogSigner};
use crate::note::{NoteKey, NoteSignature};

/// A verified cosignature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// Name of the witness.
    pub witness: String,
    /// When it cosigned, in unix seconds.
    pub time: u64,
}

fn message(time: u64, checkpoint: &Checkpoint) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{}", checkpoint.text()).into_bytes()
}

/// Cosigns a checkpoint at `time` (unix seconds). The caller has verified its signature and its consistency
/// with what the witness saw before.
pub fn cosign(checkpoint: &Checkpoint, witness: &LogSigner, time: u64) -> NoteSignature {
    let signature = witness.sign(&message(time, checkpoint));
    let stamped = [&time.to_be_bytes()[..], &signature].concat();
    NoteSignature::by(witness.witness_key(), stamped)
}

/// Verifies one signature line as a cosignature of `checkpoint` by `key`.
///
/// # Errors
/// [`AuditError::NotSigned`] if the line is by another key or no witness key, [`AuditError::BadSignature`] if
/// it does not fit the checkpoint.
pub fn verify_cosignature(
    checkpoint: &Checkpoint,
    line: &NoteSignature,
    key: &NoteKey,
) -> Result<Cosignature, AuditError> {
    if !key.is_witness() || !line.is_by(key) {
        return Err(AuditError::NotSigned);
    }
    let (time, signature) = line
        .signature
        .split_first_chunk::<8>()
        .ok_or(AuditError::BadSignature)?;
    let time = u64::from_be_bytes(*time);
    key.check(&message(time, checkpoint), signature)?;
    Ok(Cosignature {
        witness: key.name().to_owned(),
        time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::SignedCheckpoint;
    use crate::checkpoint::tests::signer;

    #[test]
    fn a_cosignature_travels_in_the_note_and_verifies() {
        let (log, witness) = (signer("node", 1), signer("coordinator", 2));
        let signed = SignedCheckpoint::sign(5, [9; 32], &log);
        let line = cosign(signed.checkpoint(), &witness, 1_790_000_000);
        let text = signed.with_signature(line).to_string();

        let reread = SignedCheckpoint::open(&text, log.log_key()).unwrap();
        let line = &reread.note().signatures()[1];
        assert_eq!(
            verify_cosignature(reread.checkpoint(), line, witness.witness_key()),
            Ok(Cosignature {
                witness: "coordinator".to_owned(),
                time: 1_790_000_000
            })
        );
        assert_eq!(NoteSignature::parse(&line.to_string()).as_ref(), Ok(line));
    }

    #[test]
    fn a_cosignature_of_another_checkpoint_time_or_key_is_refused() {
        let (log, witness) = (signer("node", 1), signer("coordinator", 2));
        let checkpoint = SignedCheckpoint::sign(5, [9; 32], &log)
            .checkpoint()
            .clone();
        let line = cosign(&checkpoint, &witness, 100);
        let key = witness.witness_key();

        let larger = Checkpoint {
            size: 6,
            ..checkpoint.clone()
        };
        assert_eq!(
            verify_cosignature(&larger, &line, key),
            Err(AuditError::BadSignature)
        );
        let mut later = line.clone();
        later.signature[7] ^= 1;
        assert_eq!(
            verify_cosignature(&checkpoint, &later, key),
            Err(AuditError::BadSignature)
        );
        let mut short = line.clone();
        short.signature.truncate(7);
        assert_eq!(
            verify_cosignature(&checkpoint, &short, key),
            Err(AuditError::BadSignature)
        );
        let stranger = signer("coordinator", 3);
        assert_eq!(
            verify_cosignature(&checkpoint, &line, stranger.witness_key()),
            Err(AuditError::NotSigned)
        );
    }

    #[test]
    fn a_log_signature_and_a_cosignature_of_one_key_cannot_stand_for_each_other() {
        let signer = signer("both", 1);
        let signed = SignedCheckpoint::sign(5, [9; 32], &signer);
        let own = &signed.note().signatures()[0];
        assert_eq!(
            verify_cosignature(signed.checkpoint(), own, signer.witness_key()),
            Err(AuditError::NotSigned)
        );
        assert_eq!(
            verify_cosignature(signed.checkpoint(), own, signer.log_key()),
            Err(AuditError::NotSigned)
        );
        assert_eq!(
            signed.note().verify(signer.witness_key()),
            Err(AuditError::NotSigned)
        );
        assert_ne!(signer.log_key().key_id(), signer.witness_key().key_id());
    }
}
