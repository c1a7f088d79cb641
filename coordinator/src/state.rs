//! What every handler shares: database, authority, clock, presence, counters.
//! It is made once at start; nothing in it is changed by a request but through its own locks.

use crate::app::concluding::Concluding;
use crate::app::dispatch::Offers;
use crate::app::forecasts::Forecasts;
use crate::app::intake::Intake;
use crate::app::planning::plans::Plans;
use crate::app::second_witness::WitnessFaults;
use crate::app::witness::Alarms;
use crate::areas::Areas;
use crate::clock::Clock;
use crate::devices::Devices;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::passwords::Passwords;
use crate::refusals::Refusals;
use crate::store::Database;
use crate::throttle::Throttle;
use crate::vouched::Vouchers;
use crate::{Config, CoordinatorError};
use audit::LogSigner;
use identity::{Authority, SigningKey};
use protocol::PublicKey;
use std::sync::Arc;

/// The shared state. Cloning shares it.
pub type App = Arc<State>;

/// See [`App`].
pub struct State {
    /// The configuration.
    pub config: Config,
    /// The database.
    pub database: Database,
    /// The certificate authority.
    pub authority: Authority,
    /// The key that signs the log and cosigns nodes' logs.
    pub log_key: PublicKey,
    /// The time.
    pub clock: Clock,
    /// Who is there and who waits.
    pub hub: Hub,
    /// Counters.
    pub metrics: Metrics,
    /// Password checks.
    pub passwords: Passwords,
    /// Refusals logged lately.
    pub refusals: Refusals,
    /// Alarms of nodes' logs raised by this process.
    pub alarms: Alarms,
    /// Witnesses of this log that do not cosign it.
    pub witness_faults: WitnessFaults,
    /// Attempts to sign in.
    pub throttle: Throttle,
    /// Browsers in which people signed in before.
    pub devices: Devices,
    /// Answers verified by this process.
    pub vouched: Vouchers,
    /// Queries being concluded.
    pub concluding: Concluding,
    /// Answers about to be stored together.
    pub intake: Intake,
    /// Offers of requests about to be recorded together.
    pub offers: Offers,
    /// Areas, their facts and outlines.
    pub areas: Areas,
    /// Forecasts being worked out, and those there are.
    pub forecasts: Forecasts,
    /// Plans being solved.
    pub plans: Plans,
}

/// The signer of the coordinator's log.
///
/// # Errors
/// [`CoordinatorError::Audit`].
pub fn log_signer(key: &SigningKey) -> Result<LogSigner, CoordinatorError> {
    let public = *key.public_key().as_bytes();
    let key = key.clone();
    Ok(LogSigner::new(
        protocol::COORDINATOR_LOG,
        public,
        move |bytes| key.sign(bytes),
    )?)
}

impl State {
    /// Opens everything the configuration names.
    ///
    /// # Errors
    /// [`CoordinatorError`] when a file is missing or damaged.
    pub async fn open(config: Config, clock: Clock) -> Result<App, CoordinatorError> {
        let key = SigningKey::load(&config.log_key)?;
        let authority = Authority::load(&config.authority)?;
        let database = Database::open(&config.database, log_signer(&key)?).await?;
        let areas = Areas::load(config.areas.as_deref(), config.areas_source.as_deref())?;
        Ok(Arc::new(State {
            log_key: PublicKey(*key.public_key().as_bytes()),
            config,
            database,
            authority,
            clock,
            hub: Hub::default(),
            metrics: Metrics::default(),
            passwords: Passwords::new()?,
            refusals: Refusals::default(),
            alarms: Alarms::default(),
            witness_faults: WitnessFaults::default(),
            throttle: Throttle::default(),
            devices: Devices::new()?,
            vouched: Vouchers::default(),
            concluding: Concluding::default(),
            intake: Intake::default(),
            offers: Offers::default(),
            areas,
            forecasts: Forecasts::default(),
            plans: Plans::default(),
        }))
    }
}
