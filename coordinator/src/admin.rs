//! Acts of administration, from the command line of the machine that holds the database.
//! Each is written into the log; secrets are printed once and stored as hashes.

use crate::app::{enrol, study};
use crate::config::{self, Config};
use crate::state::log_signer;
use crate::store::accounts::{self, Role};
use crate::store::log::{self, Entry};
use crate::store::{Database, certificates, organisations, tokens};
use crate::{CoordinatorError, passwords, secret};
use audit::EntryKind;
use identity::{Authority, Fingerprint, JoinString, JoinToken, SigningKey, check_organisation};
use protocol::Envelope;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// How long an API token is valid, in seconds: a year.
const API_TOKEN_SECONDS: i64 = 365 * 86_400;

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

pub(crate) async fn open(config: &Config) -> Result<(Database, SigningKey), CoordinatorError> {
    let key = SigningKey::load(&config.log_key)?;
    let database = Database::open(&config.database, log_signer(&key)?).await?;
    Ok((database, key))
}

/// What [`init`] made.
#[derive(Debug)]
pub struct Initialised {
    /// The configuration file.
    pub config: PathBuf,
    /// The authority's fingerprint, to be compared out of band.
    pub authority: Fingerprint,
}

/// Makes authority, log key, database and configuration in a folder.
///
/// # Errors
/// [`CoordinatorError::Refused`] where there is a configuration already; nothing existing is overwritten.
pub async fn init(
    dir: &Path,
    web_listen: SocketAddr,
    node_listen: SocketAddr,
    node_address: Option<String>,
) -> Result<Initialised, CoordinatorError> {
    let file = dir.join(config::FILE);
    if file.exists() {
        return Err(CoordinatorError::refused(format!(
            "{} exists already; choose another folder",
            file.display()
        )));
    }
    let cannot = |error: std::io::Error| {
        CoordinatorError::refused(format!("cannot write below {}: {error}", dir.display()))
    };
    let node_address = node_address.unwrap_or_else(|| node_listen.to_string());
    let config = Config::initial(web_listen, node_listen, node_address);
    std::fs::create_dir_all(dir.join(&config.authority)).map_err(cannot)?;
    let authority = Authority::create(&dir.join(&config.authority), jiff::Timestamp::now())?;
    SigningKey::create(&dir.join(&config.log_key))?;
    let text = toml::to_string(&config).map_err(|_| CoordinatorError::Corrupt {
        what: "configuration",
    })?;
    std::fs::write(&file, text).map_err(cannot)?;
    let config =
        Config::read(&file).map_err(|error| CoordinatorError::refused(error.to_string()))?;
    let (database, key) = open(&config).await?;
    let mut transaction = database.write().await?;
    let entry = Entry::new(EntryKind::AdminAct, "initialised")
        .fact(
            "authority",
            authority.certificate().fingerprint().to_string(),
        )
        .fact("log-key", key.public_key().to_string());
    log::append(&mut transaction, now(), entry).await?;
    transaction.commit().await?;
    Ok(Initialised {
        config: file,
        authority: authority.certificate().fingerprint(),
    })
}

/// Adds an account.
///
/// # Errors
/// [`CoordinatorError::Refused`] for a taken or malformed name, a missing organisation, or a short password.
pub async fn account_add(
    config: &Config,
    name: &str,
    role: Role,
    organisation: Option<&str>,
    password: &str,
) -> Result<(), CoordinatorError> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    if !(1..=64).contains(&name.chars().count()) || !name.chars().all(is_plain) {
        return Err(CoordinatorError::refused(
            "a name has 1 to 64 letters, digits or . - _ @",
        ));
    }
    if role.is_scoped() && organisation.is_none() {
        return Err(CoordinatorError::refused(format!(
            "accounts of role {} belong to an organisation: add --organisation",
            role.id()
        )));
    }
    if let Some(organisation) = organisation {
        check_organisation(organisation)?;
    }
    let hash = passwords::hash(password).map_err(|_| {
        CoordinatorError::refused(format!(
            "a password has at least {} characters",
            passwords::SHORTEST
        ))
    })?;
    let (database, _) = open(config).await?;
    let mut transaction = database.write().await?;
    if !accounts::account_insert(&mut transaction, name, role, organisation, &hash, now()).await? {
        return Err(CoordinatorError::refused(format!(
            "an account {name} exists already"
        )));
    }
    let entry = Entry::new(EntryKind::AdminAct, "account-added")
        .fact("role", role.id())
        .fact("organisation", organisation.unwrap_or_default())
        .body(json!({ "account": name }));
    log::append(&mut transaction, now(), entry).await?;
    Ok(transaction.commit().await?)
}

/// Makes an API token for an account and returns it; it is shown this once.
///
/// # Errors
/// [`CoordinatorError::Refused`] where there is no such account.
pub async fn api_token(
    config: &Config,
    account: &str,
    label: &str,
) -> Result<String, CoordinatorError> {
    let (database, _) = open(config).await?;
    let mut transaction = database.write().await?;
    let found = accounts::account_by_name(&mut transaction, account)
        .await?
        .ok_or_else(|| crate::admin_accounts::no_account(account))?;
    if accounts::account_is_closed(&mut transaction, found.id).await? {
        return Err(CoordinatorError::refused(format!(
            "the account {account} is closed; `coordinator admin account change --password-stdin` opens it again"
        )));
    }
    let token = secret::token(crate::http::auth::TOKEN_PREFIX)?;
    let (hash, now) = (secret::stored_form(&token), now());
    tokens::api_token_insert(
        &mut transaction,
        &hash,
        found.id,
        label,
        now,
        now + API_TOKEN_SECONDS,
    )
    .await?;
    let entry = Entry::new(EntryKind::AdminAct, "api-token-issued")
        .body(json!({ "account": account, "label": label }));
    log::append(&mut transaction, now, entry).await?;
    transaction.commit().await?;
    Ok(token)
}

/// Invites an organisation and returns its join string; it is shown this once. One that joined before keeps its data
/// protection officer's key.
///
/// # Errors
/// [`CoordinatorError::Identity`] for a malformed identifier or node address.
pub async fn join_token(
    config: &Config,
    organisation: &str,
    name: Option<&str>,
) -> Result<String, CoordinatorError> {
    invite(config, organisation, name, false).await
}

/// As [`join_token`], for an organisation whose data protection officer has another key than before. Whoever joins with it
/// names the officer that signs how the organisation's log goes on, so it is issued only to an officer who was recognised.
///
/// # Errors
/// As [`join_token`].
pub async fn join_token_for_new_officer(
    config: &Config,
    organisation: &str,
    name: Option<&str>,
) -> Result<String, CoordinatorError> {
    invite(config, organisation, name, true).await
}

async fn invite(
    config: &Config,
    organisation: &str,
    name: Option<&str>,
    new_officer: bool,
) -> Result<String, CoordinatorError> {
    check_organisation(organisation)?;
    let (database, key) = open(config).await?;
    let authority = Authority::load(&config.authority)?;
    let token = JoinToken::generate()?;
    let hash = token.hash();
    let text = JoinString {
        address: config.node_address.clone(),
        authority: authority.certificate().fingerprint(),
        log_key: key.public_key(),
        organisation: organisation.to_owned(),
        token,
    }
    .encode()?;
    let now = now();
    let mut transaction = database.write().await?;
    organisations::organisation_invite(&mut transaction, organisation, name).await?;
    tokens::join_token_insert(
        &mut transaction,
        &hash,
        &tokens::Invitation {
            organisation: organisation.to_owned(),
            new_officer,
        },
        now,
        now + enrol::JOIN_TOKEN_SECONDS,
    )
    .await?;
    let code = if new_officer {
        "new-officer-invited"
    } else {
        "organisation-invited"
    };
    let entry = Entry::new(EntryKind::AdminAct, code).node(organisation);
    log::append(&mut transaction, now, entry).await?;
    transaction.commit().await?;
    Ok(text)
}

/// Bars an organisation's node: its next call is refused, and so are all until it joins again.
///
/// # Errors
/// [`CoordinatorError::Refused`] where the organisation is not known.
pub async fn node_revoke(config: &Config, organisation: &str) -> Result<(), CoordinatorError> {
    let (database, _) = open(config).await?;
    let mut transaction = database.write().await?;
    if !organisations::organisation_revoke(&mut transaction, organisation).await? {
        let known = organisations::organisations(&mut transaction).await?;
        let known: Vec<&str> = known.iter().map(|one| one.id.as_str()).collect();
        return Err(CoordinatorError::refused(match known.is_empty() {
            true => format!("there is no organisation {organisation}: none has joined yet"),
            false => format!(
                "there is no organisation {organisation}; write one of {}",
                known.join(", ")
            ),
        }));
    }
    certificates::certificates_revoke(&mut transaction, organisation).await?;
    let entry = Entry::new(EntryKind::Enrolment, "node-revoked").node(organisation);
    log::append(&mut transaction, now(), entry).await?;
    Ok(transaction.commit().await?)
}

/// Writes the log's evidence pack to a new file, readable by its owner only.
///
/// # Errors
/// [`CoordinatorError::Refused`] where the file exists or cannot be made.
pub async fn audit_export(config: &Config, out: &Path) -> Result<(), CoordinatorError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let (database, _) = open(config).await?;
    let pack = crate::app::evidence::export(&database, None, now()).await?;
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .and_then(|mut file| file.write_all(&pack).and_then(|()| file.sync_all()));
    made.map_err(|error| {
        CoordinatorError::refused(format!("cannot make {}: {error}", out.display()))
    })
}

/// Adds a study that its requester signed, and returns its identifier.
///
/// # Errors
/// [`CoordinatorError::Refused`] with the reason where it is not accepted.
pub async fn study_add(config: &Config, file: &Path) -> Result<String, CoordinatorError> {
    let bytes = std::fs::read(file).map_err(|error| {
        CoordinatorError::refused(format!("cannot read {}: {error}", file.display()))
    })?;
    let envelope: Envelope = serde_json::from_slice(&bytes).map_err(|_| {
        CoordinatorError::refused(format!("{} is not a signed envelope", file.display()))
    })?;
    let (database, _) = open(config).await?;
    let mut transaction = database.write().await?;
    let added = study::add(&mut transaction, &envelope, None, now()).await?;
    match added {
        Ok(id) => {
            transaction.commit().await?;
            Ok(id)
        }
        Err((_, code, message)) => Err(CoordinatorError::refused(format!(
            "{} is refused ({code}): {message}",
            file.display()
        ))),
    }
}
