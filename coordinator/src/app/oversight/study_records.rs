//! Studies as those who answer for them read them: what for, on which basis, who signed, who has yet to, what was asked, what it
//! cost so far. A study grants nothing until an organisation's officer has countersigned it.

use super::reach::Reach;
use crate::CoordinatorError;
use crate::app::preview::Loss;
use crate::app::release::DELTA;
use crate::clock::rfc3339;
use crate::state::State;
use crate::store::studies::StoredStudy;
use crate::store::{consents, organisations, studies, totals};
use privacy_loss::NanoRho;
use protocol::VerifiedStudy;
use serde::Serialize;
use utoipa::ToSchema;

/// Where a participant's countersignature stands.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Countersignature {
    /// The organisation.
    pub organisation: String,
    /// Its name.
    pub name: String,
    /// `signed`, `missing`, `not-joined` or `revoked`.
    pub state: &'static str,
    /// When its officer signed, RFC 3339.
    pub signed_at: Option<String>,
    /// What it was asked to spend in this study so far.
    pub spent: Loss,
}

/// A study with what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StudyRecord {
    /// Identifier.
    pub id: String,
    /// Title.
    pub title: String,
    /// Purpose.
    pub purpose: String,
    /// Lawful basis.
    pub lawful_basis: String,
    /// Grounds for special categories.
    pub special_categories: Vec<String>,
    /// Who asks.
    pub requester: String,
    /// Its name.
    pub requester_name: String,
    /// Whether the study still carries the signature of its requester's key: `holds`, or `key-changed` where that has another now.
    pub requester_signature: &'static str,
    /// `coming`, `in-force` or `ended`.
    pub state: &'static str,
    /// First second, RFC 3339.
    pub valid_from: String,
    /// First second after, RFC 3339.
    pub valid_to: String,
    /// When it was handed in, RFC 3339.
    pub added_at: String,
    /// What may be counted.
    pub measures: Vec<String>,
    /// Targets that may be named.
    pub targets: Vec<String>,
    /// Finest level.
    pub finest_level: &'static str,
    /// Most loss of one question.
    pub max_per_query: Loss,
    /// Most loss in all, for each organisation.
    pub max_total: Loss,
    /// Each participant's countersignature.
    pub countersignatures: Vec<Countersignature>,
    /// Questions asked in it.
    pub questions: u64,
    /// When the first was asked, RFC 3339.
    pub first_asked_at: Option<String>,
    /// When the last was, RFC 3339.
    pub last_asked_at: Option<String>,
    /// SHA-256 of the signed text, hex.
    pub hash: String,
}

fn loss(rho: NanoRho) -> Loss {
    Loss {
        rho: rho.nano(),
        epsilon: privacy_loss::epsilon(rho, DELTA),
    }
}

/// All studies within reach: an organisation's people see those that name it, everybody else all.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn list(app: &State, reach: Reach<'_>) -> Result<Vec<StudyRecord>, CoordinatorError> {
    let now = app.clock.now();
    let mut reader = app.database.read().await?;
    let known = organisations::organisations(&mut reader).await?;
    let signed = consents::consent_times(&mut reader).await?;
    let asked = totals::questions_by_study(&mut reader).await?;
    let added = studies::study_times(&mut reader).await?;
    let mut records = Vec::new();
    for stored in studies::studies(&mut reader).await? {
        let study = &stored.study;
        let is_named = |id: &str| {
            study.requester == id
                || study
                    .participants
                    .iter()
                    .any(|participant| participant == id)
        };
        if matches!(reach, Reach::Organisation(own) if !is_named(own)) {
            continue;
        }
        let spent = totals::rho_asked(&mut reader, Some(&study.id)).await?;
        let countersignatures = (study.participants.iter())
            .map(|id| {
                let organisation = known.iter().find(|organisation| organisation.id == *id);
                let at = (signed.iter())
                    .find(|(of, by, _)| *of == study.id && by == id)
                    .map(|(_, _, at)| *at);
                let spent = crate::app::limits::spent_by(&spent, id);
                Countersignature {
                    organisation: id.clone(),
                    name: organisation.map_or(id, |it| &it.name).clone(),
                    state: match (organisation, at) {
                        (Some(it), _) if it.revoked => "revoked",
                        (_, Some(_)) => "signed",
                        (Some(it), None) if it.keys.is_some() => "missing",
                        _ => "not-joined",
                    },
                    signed_at: at.map(rfc3339),
                    spent: loss(NanoRho::new(spent)),
                }
            })
            .collect();
        let questions = asked.iter().find(|(id, ..)| *id == study.id);
        let added_at = added.iter().find(|(id, _)| *id == study.id);
        records.push(StudyRecord {
            requester_name: (known.iter().find(|it| it.id == study.requester))
                .map_or(&study.requester, |it| &it.name)
                .clone(),
            requester_signature: signature(&stored, &known),
            state: if study.in_force(now) {
                "in-force"
            } else if now < study.valid_from {
                "coming"
            } else {
                "ended"
            },
            valid_from: rfc3339(study.valid_from),
            valid_to: rfc3339(study.valid_until),
            added_at: rfc3339(added_at.map_or(study.valid_from, |(_, at)| *at)),
            finest_level: study.finest_level.id(),
            max_per_query: loss(study.max_rho_per_query),
            max_total: loss(study.max_rho_total),
            countersignatures,
            questions: questions.map_or(0, |(_, count, ..)| *count),
            first_asked_at: questions.map(|(_, _, first, _)| rfc3339(*first)),
            last_asked_at: questions.map(|(.., last)| rfc3339(*last)),
            hash: stored.hash.clone(),
            id: study.id.clone(),
            title: study.title.clone(),
            purpose: study.purpose.clone(),
            lawful_basis: study.lawful_basis.clone(),
            special_categories: study.special_categories.clone(),
            requester: study.requester.clone(),
            measures: study.measures.clone(),
            targets: study.targets.clone(),
        });
    }
    Ok(records)
}

fn signature(stored: &StoredStudy, known: &[organisations::Organisation]) -> &'static str {
    let key = (known.iter())
        .find(|organisation| organisation.id == stored.study.requester)
        .and_then(|organisation| organisation.keys?.requester);
    match key {
        Some(key) if VerifiedStudy::verify(&stored.envelope, &[key]).is_ok() => "holds",
        _ => "key-changed",
    }
}
