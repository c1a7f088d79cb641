//! Whether a question keeps within its study, checked before anybody is asked.
//! Each node checks again by its own policy; passing here grants nothing.

use crate::Problem;
use crate::store::studies::StoredStudy;
use crate::store::{requests, totals};
use privacy_loss::NanoRho;
use protocol::Study;
use query::AggregateQuery;
use sqlx::SqliteConnection;

use super::plan::Addressee;

/// Checks what does not depend on earlier questions.
///
/// # Errors
/// The first [`Problem`] met.
pub fn check(study: &Study, query: &AggregateQuery, now: i64) -> Result<(), Problem> {
    if !study.in_force(now) {
        return Err(Problem::StudyExpired);
    }
    let measure = query.measure().id();
    if !study.measures.iter().any(|allowed| allowed == measure) {
        return Err(Problem::MeasureNotInStudy {
            measure: measure.to_owned(),
        });
    }
    if let Some(target) = (query.named_targets().into_iter())
        .find(|target| !study.targets.iter().any(|allowed| allowed == target))
    {
        return Err(Problem::TargetNotInStudy {
            target: target.to_owned(),
        });
    }
    if !query.level().within(study.finest_level) {
        return Err(Problem::LevelTooFine {
            finest: study.finest_level.id().to_owned(),
        });
    }
    if query.rho_nano() > study.max_rho_per_query.nano() {
        return Err(Problem::RhoOverStudyLimit {
            limit: study.max_rho_per_query.nano(),
        });
    }
    Ok(())
}

/// What a question would add to each organisation's loss: nothing where its node answered it before.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn extra_loss(
    connection: &mut SqliteConnection,
    query: &AggregateQuery,
    asked: &[Addressee],
) -> Result<Vec<(String, NanoRho)>, Problem> {
    let hash = query.hash().to_string();
    let mut extra: Vec<(String, NanoRho)> = Vec::new();
    for addressee in asked {
        let Addressee {
            organisation,
            dataset,
            edition,
            ..
        } = addressee;
        let known =
            requests::request_was_signed(connection, organisation, dataset, *edition, &hash)
                .await?;
        let rho = NanoRho::new(if known { 0 } else { query.rho_nano() });
        match extra.last_mut() {
            Some((last, sum)) if last == organisation => {
                *sum = NanoRho::new(sum.nano().saturating_add(rho.nano()));
            }
            _ => extra.push((organisation.clone(), rho)),
        }
    }
    Ok(extra)
}

/// Checks that the question fits what the study has left at each organisation, as far as it was asked from here.
///
/// # Errors
/// [`Problem::StudyLimit`].
pub async fn check_total(
    connection: &mut SqliteConnection,
    study: &StoredStudy,
    query: &AggregateQuery,
    asked: &[Addressee],
) -> Result<(), Problem> {
    let spent = totals::rho_asked(connection, Some(&study.study.id)).await?;
    for (organisation, extra) in extra_loss(connection, query, asked).await? {
        let spent = spent_by(&spent, &organisation);
        let remaining = study
            .study
            .max_rho_total
            .saturating_sub(NanoRho::new(spent));
        if extra > remaining {
            return Err(Problem::StudyLimit {
                node: organisation,
                remaining: remaining.nano(),
            });
        }
    }
    Ok(())
}

/// An organisation's part of [`totals::rho_asked`].
pub fn spent_by(spent: &[(String, u64)], organisation: &str) -> u64 {
    (spent.iter())
        .find(|(id, _)| id == organisation)
        .map_or(0, |(_, rho)| *rho)
}
