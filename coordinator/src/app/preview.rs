//! What a question would cost and how noisy its answer would be, before anybody is asked and at no loss.
//! It follows from the question and public facts only.

use super::derive::{self, Derivable};
use super::{audience, limits, plan};
use crate::state::State;
use crate::store::accounts::Account;
use crate::store::{studies, totals};
use crate::{Problem, app::release::DELTA};
use compose::Confidence;
use privacy_loss::{NanoRho, SlicePrice};
use query::AggregateQuery;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An amount of privacy loss, as rho and as epsilon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Loss {
    /// Nano-rho.
    pub rho: u64,
    /// The same as epsilon at the stated delta.
    pub epsilon: f64,
}

/// What a question costs each organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PriceView {
    /// Nano-rho.
    pub rho: u64,
    /// The same as epsilon.
    pub epsilon: f64,
    /// At this delta.
    pub delta: f64,
    /// The most any one organisation asked would have lost after it, over all studies, as far as it was asked from here.
    pub lifetime: Loss,
}

/// An organisation's expected noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeNoise {
    /// The organisation.
    pub node: String,
    /// Noise variance of each of its cells.
    pub variance: f64,
}

/// What would come of one part of a split answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PartPreview {
    /// A level, or `cut-off`.
    pub of: String,
    /// Its cells.
    pub cells: usize,
    /// Its share of the loss, nano-rho.
    pub rho: u64,
    /// Of each composed cell, with all organisations asked.
    pub standard_deviation: f64,
    /// Of each composed cell, 95 percent.
    pub margin_95: f64,
}

/// What would come of a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// Hash of the question, hex.
    pub query_hash: String,
    /// The question in canonical form.
    #[schema(value_type = Object)]
    pub canonical: Value,
    /// Cells of the answer.
    pub cells: usize,
    /// What it costs.
    pub price: PriceView,
    /// Of each composed cell at the finest level, with all organisations asked.
    pub standard_deviation: f64,
    /// Of each composed cell at the finest level, 95 percent.
    pub margin_95: f64,
    /// The parts of the answer, where it is split: levels from the coarsest on, then what bounds cut off.
    pub parts: Vec<PartPreview>,
    /// Each organisation's share of the noise.
    pub per_node: Vec<NodeNoise>,
    /// Organisations that would be asked.
    pub nodes: Vec<String>,
    /// A release that answers it already.
    pub already_released: Option<String>,
    /// A release whose cells add up to its answer, for nothing.
    pub derivable: Option<Derivable>,
}

/// Previews a question for an account. A release that the account may not see is neither named nor offered to it.
///
/// # Errors
/// [`Problem`] as asking it would meet.
pub async fn preview_for(
    app: &State,
    account: &Account,
    study: &str,
    query: &AggregateQuery,
) -> Result<Preview, Problem> {
    let viewer = audience::viewer(app, account);
    let now = viewer.now;
    let mut reader = app.database.read().await?;
    let study = studies::study_by_id(&mut reader, study)
        .await?
        .ok_or(Problem::UnknownStudy)?;
    limits::check(&study.study, query, now)?;
    let plan = plan::plan(&mut reader, &study).await?;
    let hash = query.hash().to_string();
    let already_released = if plan.asked.is_empty() {
        None
    } else {
        plan::released_already(&mut reader, &viewer, &study.study.id, &hash, &plan.asked)
            .await?
            .map(|(release, _)| release)
    };
    let derivable = if already_released.is_some() || plan.asked.is_empty() {
        None
    } else {
        derive::best(&mut reader, &viewer, &study.study.id, query, &plan.asked).await?
    };
    if already_released.is_none() && derivable.is_none() {
        limits::check_total(&mut reader, &study, query, &plan.asked).await?;
    }
    let spent = totals::rho_asked(&mut reader, None).await?;
    let lifetime = (limits::extra_loss(&mut reader, query, &plan.asked)
        .await?
        .iter())
    .map(|(organisation, extra)| {
        limits::spent_by(&spent, organisation).saturating_add(extra.nano())
    })
    .max()
    .unwrap_or(query.rho_nano());
    drop(reader);

    let price = privacy_loss::price(query);
    let noise = |slice: &SlicePrice| {
        let variances = vec![slice.variance(); plan.asked.len()];
        let standard_deviation = variances.iter().sum::<f64>().sqrt();
        (
            standard_deviation,
            compose::margin(&variances, Confidence::P95),
        )
    };
    let parts = (price.slices.iter())
        .map(|slice| {
            let (standard_deviation, margin_95) = noise(slice);
            PartPreview {
                of: slice.of.clone(),
                cells: slice.cells,
                rho: slice.rho.nano(),
                standard_deviation,
                margin_95,
            }
        })
        .collect();
    let (standard_deviation, margin_95) = noise(price.finest());
    let mut nodes: Vec<String> = plan
        .asked
        .iter()
        .map(|asked| asked.organisation.clone())
        .collect();
    nodes.dedup();
    Ok(Preview {
        query_hash: hash,
        canonical: serde_json::from_str(&query.canonical())
            .map_err(crate::CoordinatorError::from)?,
        cells: query.cells(),
        price: PriceView {
            rho: price.rho.nano(),
            epsilon: privacy_loss::epsilon(price.rho, DELTA),
            delta: DELTA,
            lifetime: Loss {
                rho: lifetime,
                epsilon: privacy_loss::epsilon(NanoRho::new(lifetime), DELTA),
            },
        },
        standard_deviation,
        margin_95,
        parts: if query.is_split() { parts } else { Vec::new() },
        per_node: (plan.asked.iter())
            .map(|asked| NodeNoise {
                node: asked.organisation.clone(),
                variance: price.finest().variance(),
            })
            .collect(),
        nodes,
        already_released,
        derivable,
    })
}
