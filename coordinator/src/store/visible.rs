//! The proof that an account may see a release now, without which no released number is read, nor what was made of any. Whoever every organisation in a release
//! allows may see it, and nobody once its time has ended; the check is made here alone, and nothing else makes a [`Visible`].

use super::accounts::{Account, Role};
use super::release_terms::{self, ReleaseTerms};
use super::studies;
use crate::CoordinatorError;
use protocol::Audience;
use serde::Deserialize;
use serde_json::Value;
use sqlx::SqliteConnection;

/// Who looks, and when.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'a> {
    /// The account.
    pub account: &'a Account,
    /// Unix seconds.
    pub now: i64,
}

/// A release that its viewer may see.
#[derive(Clone, Debug)]
pub struct Visible {
    release: String,
    terms: ReleaseTerms,
}

impl Visible {
    /// Its identifier.
    pub fn id(&self) -> &str {
        &self.release
    }

    /// What it owes.
    pub fn terms(&self) -> &ReleaseTerms {
        &self.terms
    }
}

impl Viewer<'_> {
    /// The proof for a release; `None` where the viewer may not see it, where its time has ended, or where there is none.
    ///
    /// # Errors
    /// [`CoordinatorError`]; so for the function below.
    pub async fn find(
        &self,
        connection: &mut SqliteConnection,
        release: &str,
    ) -> Result<Option<Visible>, CoordinatorError> {
        let Some(terms) = release_terms::terms_of(connection, release).await? else {
            return Ok(None);
        };
        let shown = self.may_see(connection, &terms).await?;
        Ok(shown.then(|| Visible {
            release: release.to_owned(),
            terms,
        }))
    }

    /// Whether the viewer may see what is owed on these terms.
    pub async fn may_see(
        &self,
        connection: &mut SqliteConnection,
        terms: &ReleaseTerms,
    ) -> Result<bool, CoordinatorError> {
        if terms.keep_until.is_some_and(|until| until < self.now) {
            return Ok(false);
        }
        if terms.audience == Audience::Public {
            return Ok(true);
        }
        // Whoever asks here without an organisation of their own asks for the body that runs the coordinator, the requester.
        let Some(organisation) = &self.account.organisation else {
            return Ok(self.account.role == Role::Analyst);
        };
        let Some(study) = studies::study_by_id(connection, &terms.study).await? else {
            return Ok(false);
        };
        let takes_part = terms.audience == Audience::Participants
            && study.study.participants.contains(organisation);
        Ok(takes_part || study.study.requester == *organisation)
    }
}

/// Something that was made of releases and is stored beside them, closed until its viewer may see each of these.
#[derive(Clone, Debug)]
pub struct Sealed<T> {
    made_of: Vec<String>,
    value: T,
}

impl<T> Sealed<T> {
    /// What `made_of` says, a list of sources with the releases of each, was worked into `value`.
    pub(super) fn new(made_of: &Value, value: T) -> Result<Sealed<T>, CoordinatorError> {
        let sources: Vec<Source> = serde_json::from_value(made_of.clone())?;
        let made_of = sources.into_iter().flat_map(|it| it.releases).collect();
        Ok(Sealed { made_of, value })
    }

    /// It, where the viewer may see everything it was made of now.
    ///
    /// # Errors
    /// [`CoordinatorError`].
    pub async fn open(
        self,
        connection: &mut SqliteConnection,
        viewer: &Viewer<'_>,
    ) -> Result<Option<T>, CoordinatorError> {
        for release in &self.made_of {
            if viewer.find(connection, release).await?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(self.value))
    }
}

/// Of a source, what is of releases.
#[derive(Deserialize)]
struct Source {
    #[serde(default)]
    releases: Vec<String>,
}
