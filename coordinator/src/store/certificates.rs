//! Certificates of nodes and whether each may still be shown.
//! A handshake proves who made a certificate; this table says whether it is active.

use crate::CoordinatorError;
use identity::IssuedCertificate;
use sqlx::SqliteConnection;

/// Whether a certificate may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateState {
    /// Renewed, not shown yet.
    Issued,
    /// In use.
    Active,
    /// Replaced by a later one.
    Superseded,
    /// Withdrawn.
    Revoked,
}

impl CertificateState {
    fn from_stored(text: &str) -> Result<CertificateState, CoordinatorError> {
        Ok(match text {
            "issued" => CertificateState::Issued,
            "active" => CertificateState::Active,
            "superseded" => CertificateState::Superseded,
            "revoked" => CertificateState::Revoked,
            _ => {
                return Err(CoordinatorError::Corrupt {
                    what: "certificate state",
                });
            }
        })
    }
}

/// Who shows a certificate: whether the organisation may call, and the state of its certificate of that serial number, where it has
/// one. Nothing where the organisation is unknown.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn certificate_shown(
    connection: &mut SqliteConnection,
    organisation: &str,
    serial: &str,
) -> Result<Option<(bool, Option<CertificateState>)>, CoordinatorError> {
    let row: Option<(String, Option<String>)> = sqlx::query_as(
        "SELECT organisations.state, certificates.state FROM organisations LEFT JOIN certificates \
         ON certificates.serial = $2 AND certificates.organisation = organisations.id \
         WHERE organisations.id = $1",
    )
    .bind(organisation)
    .bind(serial)
    .fetch_optional(connection)
    .await?;
    row.map(|(organisation, certificate)| {
        let certificate = certificate.as_deref().map(CertificateState::from_stored);
        Ok((organisation != "revoked", certificate.transpose()?))
    })
    .transpose()
}

/// Records a certificate. A first one (`renewed` false) supersedes all others at once; a renewed one does so when
/// it is first shown, since the reply that carries it may be lost.
pub async fn certificate_insert(
    connection: &mut SqliteConnection,
    organisation: &str,
    issued: &IssuedCertificate,
    renewed: bool,
    now: i64,
) -> Result<(), CoordinatorError> {
    if !renewed {
        supersede_others(connection, organisation, &issued.serial_hex).await?;
    }
    sqlx::query(
        "INSERT INTO certificates (serial, organisation, state, fingerprint, not_before, not_after, issued_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&issued.serial_hex)
    .bind(organisation)
    .bind(if renewed { "issued" } else { "active" })
    .bind(issued.fingerprint.to_string())
    .bind(issued.not_before.as_second())
    .bind(issued.not_after.as_second())
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// A renewed certificate was shown for the first time: it takes over.
pub async fn certificate_take_over(
    connection: &mut SqliteConnection,
    organisation: &str,
    serial: &str,
) -> Result<(), CoordinatorError> {
    supersede_others(connection, organisation, serial).await?;
    sqlx::query("UPDATE certificates SET state = 'active' WHERE serial = $1 AND state = 'issued'")
        .bind(serial)
        .execute(connection)
        .await?;
    Ok(())
}

async fn supersede_others(
    connection: &mut SqliteConnection,
    organisation: &str,
    serial: &str,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "UPDATE certificates SET state = 'superseded' \
         WHERE organisation = $1 AND serial <> $2 AND state IN ('issued', 'active')",
    )
    .bind(organisation)
    .bind(serial)
    .execute(connection)
    .await?;
    Ok(())
}

/// Withdraws every certificate of an organisation.
pub async fn certificates_revoke(
    connection: &mut SqliteConnection,
    organisation: &str,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "UPDATE certificates SET state = 'revoked' WHERE organisation = $1 AND state <> 'revoked'",
    )
    .bind(organisation)
    .execute(connection)
    .await?;
    Ok(())
}

/// Certificates in use: organisation, first and last second of validity, Unix time.
pub async fn certificates_in_use(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, i64, i64)>, CoordinatorError> {
    // A renewed one that was not shown yet counts: its node has it, or asks again.
    Ok(sqlx::query_as(
        "SELECT organisation, MAX(not_before), MAX(not_after) FROM certificates WHERE state IN ('active', 'issued') \
         GROUP BY organisation ORDER BY organisation",
    )
    .fetch_all(connection)
    .await?)
}
