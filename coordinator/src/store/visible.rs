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

/// Something that was worked out and is stored beside releases, closed until its viewer may see each release that it was made of.
#[derive(Clone, Debug)]
pub struct Sealed<T> {
    made_of: MadeOf,
    value: T,
}

/// What numbers come from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum MadeOf {
    /// Of what people typed, and of nothing that was released.
    Typed,
    /// Of these releases, among others; of at least one.
    Releases(Vec<String>),
    /// Of releases, and it does not say of which.
    Unknown,
}

impl<T> Sealed<T> {
    /// `value` was worked out of these releases. Without any it stays closed.
    pub(super) fn of_releases(releases: Vec<String>, value: T) -> Sealed<T> {
        let made_of = match releases.is_empty() {
            true => MadeOf::Unknown,
            false => MadeOf::Releases(releases),
        };
        Sealed { made_of, value }
    }

    /// `value` was worked out of `sources`, a list, each of a kind and with the releases it is of. Without a list, or with a source that
    /// is not typed and names no release, it stays closed.
    pub(super) fn of_sources(sources: &Value, value: T) -> Result<Sealed<T>, CoordinatorError> {
        let sources: Vec<Source> = serde_json::from_value(sources.clone())?;
        Ok(Sealed {
            made_of: made_of(sources),
            value,
        })
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
        let releases = match self.made_of {
            MadeOf::Typed => Vec::new(),
            MadeOf::Releases(releases) => releases,
            MadeOf::Unknown => return Ok(None),
        };
        for release in &releases {
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
    kind: String,
    #[serde(default)]
    release: Option<String>,
    #[serde(default)]
    releases: Vec<String>,
}

/// Numbers that people typed.
const TYPED: &str = "rows";

fn made_of(sources: Vec<Source>) -> MadeOf {
    let mut all = Vec::new();
    for source in sources {
        let mut releases = source.releases;
        releases.extend(source.release);
        if releases.is_empty() && source.kind != TYPED {
            return MadeOf::Unknown;
        }
        all.extend(releases);
    }
    match all.is_empty() {
        true => MadeOf::Typed,
        false => MadeOf::Releases(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_people_typed_names_no_release() {
        let of = |sources: Value| Sealed::of_sources(&sources, ()).map(|sealed| sealed.made_of);
        let releases =
            |ids: &[&str]| MadeOf::Releases(ids.iter().map(|id| (*id).to_owned()).collect());
        for (sources, made_of) in [
            (json!([]), MadeOf::Typed),
            (json!([{ "kind": "rows" }]), MadeOf::Typed),
            (
                json!([{ "kind": "rows", "releases": ["a"] }]),
                releases(&["a"]),
            ),
            (
                json!([{ "kind": "release", "release": "a" }, { "kind": "rows" }]),
                releases(&["a"]),
            ),
            (
                json!([{ "kind": "forecast", "releases": ["a", "b"] }]),
                releases(&["a", "b"]),
            ),
            (
                json!([{ "kind": "release", "release": "a" }, { "kind": "forecast" }]),
                MadeOf::Unknown,
            ),
            (json!([{ "kind": "new" }]), MadeOf::Unknown),
        ] {
            assert_eq!(of(sources.clone()).unwrap(), made_of, "{sources}");
        }
        assert!(of(Value::Null).is_err());
        assert_eq!(Sealed::of_releases(Vec::new(), ()).made_of, MadeOf::Unknown);
    }
}
