//! Releases that an account may not see are not there for it, on every path: list, file, statistic, comparison, forecast, or another
//! release made of them. Numbers are read with the proof that they may be seen (`store::visible`); what ended is erased here.

use crate::app::forecasts;
use crate::state::State;
use crate::store::accounts::Account;
use crate::store::derived;
use crate::store::log::{self, Entry};
use crate::store::release_terms;
use crate::store::visible::{Viewer, Visible};
use crate::{CoordinatorError, Problem};
use audit::EntryKind;
use sqlx::SqliteConnection;

/// The last second of a release made at `released_at` that may be kept for so many months.
pub fn keep_until(released_at: i64, months: u32) -> i64 {
    let ends = || {
        let at = jiff::Timestamp::from_second(released_at).ok()?;
        let months = i32::try_from(months).ok()?;
        let day = at.to_zoned(jiff::tz::TimeZone::UTC);
        let end = day.checked_add(jiff::Span::new().try_months(months).ok()?);
        Some(end.ok()?.timestamp().as_second())
    };
    // Where the calendar ends, nothing outlives it.
    ends().unwrap_or(jiff::Timestamp::MAX.as_second())
}

/// Checks that a viewer may see a release.
///
/// # Errors
/// [`Problem::NotFound`] where it may not, where the release's time has ended, or where there is none.
pub async fn check(
    connection: &mut SqliteConnection,
    viewer: &Viewer<'_>,
    release: &str,
) -> Result<Visible, Problem> {
    (viewer.find(connection, release).await?).ok_or(Problem::NotFound)
}

/// Checks that an account may see a release now, before anything else that it sent is looked at.
///
/// # Errors
/// As [`check`].
pub async fn ensure(app: &State, account: &Account, release: &str) -> Result<(), Problem> {
    let mut reader = app.database.read().await?;
    check(&mut reader, &viewer(app, account), release).await?;
    Ok(())
}

/// An account that looks now.
pub fn viewer<'a>(app: &State, account: &'a Account) -> Viewer<'a> {
    Viewer {
        account,
        now: app.clock.now(),
    }
}

/// Erases the numbers of releases whose time has ended and of what was made of them, and logs each. The log still verifies: an entry
/// holds a release's hash only. `all`: what was made of releases that ended before is looked for too, such as what was being
/// worked out at that moment.
///
/// # Errors
/// [`CoordinatorError`]; nothing is erased then.
pub async fn erase_ended(app: &State, all: bool) -> Result<(), CoordinatorError> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let erased = release_terms::erase_ended(&mut transaction, now).await?;
    for (release, study) in &erased {
        let entry = Entry::new(EntryKind::Release, "release-erased")
            .study(study)
            .fact("release", release.as_str());
        log::append(&mut transaction, now, entry).await?;
    }
    let made = match all || !erased.is_empty() {
        true => derived::erase_made_of_ended(&mut transaction, now).await?,
        false => Vec::new(),
    };
    for gone in &made {
        let entry = Entry::new(EntryKind::Release, "derived-erased")
            .study(&gone.study)
            .fact("what", gone.what)
            .fact("made", gone.id.as_str())
            .fact("release", gone.release.as_str());
        log::append(&mut transaction, now, entry).await?;
    }
    if erased.is_empty() && made.is_empty() {
        return Ok(());
    }
    transaction.commit().await?;
    // What is still being worked out of them holds their numbers in memory, or in a process of its own.
    for gone in &made {
        match gone.what {
            "forecast" => forecasts::forget(app, &gone.id),
            "plan" => app.plans.call_off(&gone.id),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_ends_on_the_calendar() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").as_second();
        assert_eq!(
            keep_until(at("2026-01-31T10:00:00Z"), 1),
            at("2026-02-28T10:00:00Z")
        );
        assert_eq!(
            keep_until(at("2026-11-26T00:00:00Z"), 24),
            at("2028-11-26T00:00:00Z")
        );
        assert_eq!(
            keep_until(at("2026-11-26T00:00:00Z"), u32::MAX),
            jiff::Timestamp::MAX.as_second()
        );
    }
}
