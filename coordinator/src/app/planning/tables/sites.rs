//! Sites and candidates, and where they lie.

use super::super::basis::{Basis, PlannedSite};
use super::super::refused;
use super::{MOST_SITES, SiteView};
use crate::Problem;
use geography::Facts;
use optimise::{Site, SiteStatus};
use std::collections::HashSet;

/// Longest identifier of a site, in bytes.
const LONGEST_ID: usize = 80;

pub(super) fn plain(site: &PlannedSite) -> Site {
    Site {
        id: site.id.clone(),
        status: site.status,
        capacity: site.capacity,
        fixed_cost: site.fixed_cost,
        running_cost: site.running_cost,
        module_capacity: site.module_capacity,
        module_cost: site.module_cost,
        modules: site.modules,
        targets: site.targets.clone(),
    }
}

/// Sites and candidates with their places.
pub(super) fn sites(basis: &Basis) -> Result<Vec<SiteView>, Problem> {
    let mut all = basis.sites.clone();
    if let Some(candidates) = &basis.candidates {
        for area in Facts::milan().areas() {
            let nil = area.nil.to_string();
            if candidates.areas.is_empty() || candidates.areas.contains(&nil) {
                all.push(PlannedSite {
                    id: format!("nil-{nil}"),
                    name: Some(area.name.clone()),
                    nil: Some(nil),
                    status: SiteStatus::Candidate,
                    capacity: candidates.capacity,
                    fixed_cost: candidates.fixed_cost,
                    running_cost: candidates.running_cost,
                    module_capacity: candidates.module_capacity,
                    module_cost: candidates.module_cost,
                    modules: candidates.modules,
                    targets: candidates.targets.clone(),
                    ..PlannedSite::default()
                });
            }
        }
    }
    if all.is_empty() {
        return Err(refused(
            "$.basis.sites",
            "no-sites",
            "name at least one site, or `candidates` in the neighbourhoods",
        ));
    }
    if all.len() > MOST_SITES {
        return Err(refused(
            "$.basis.sites",
            "too-large",
            format!("plan with at most {MOST_SITES} sites"),
        ));
    }
    let mut seen = HashSet::new();
    let mut views = Vec::new();
    for (at, site) in all.into_iter().enumerate() {
        let path = |field: &str| format!("$.basis.sites[{at}].{field}");
        let is_named = !site.id.is_empty()
            && site.id.len() <= LONGEST_ID
            && !site.id.chars().any(char::is_control);
        if !is_named || !seen.insert(site.id.clone()) {
            return Err(refused(
                path("id"),
                "invalid-id",
                format!("give each site an identifier of its own, of 1 to {LONGEST_ID} characters"),
            ));
        }
        if site.name.as_ref().is_some_and(|name| name.len() > 200) {
            return Err(refused(path("name"), "too-long", "write at most 200 bytes"));
        }
        let numbers = [
            ("capacity", site.capacity.unwrap_or(0.0)),
            ("fixed_cost", site.fixed_cost),
            ("running_cost", site.running_cost),
            ("module_capacity", site.module_capacity),
            ("module_cost", site.module_cost),
        ];
        for (field, value) in numbers {
            if !(0.0..=1e12).contains(&value) {
                return Err(refused(
                    path(field),
                    "out-of-range",
                    "write a number from 0 to 1e12",
                ));
            }
        }
        if site.modules > 1_000 {
            return Err(refused(
                path("modules"),
                "out-of-range",
                "write at most 1000",
            ));
        }
        let position = position(&site).ok_or_else(|| {
            refused(
                path("nil"),
                "no-place",
                "give the number of a neighbourhood, or latitude and longitude in degrees",
            )
        })?;
        views.push(SiteView { site, position });
    }
    Ok(views)
}

fn position(site: &PlannedSite) -> Option<[f64; 2]> {
    match (site.latitude, site.longitude) {
        (Some(latitude), Some(longitude)) => {
            let fits = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
            fits.then_some([longitude, latitude])
        }
        (None, None) => {
            let centroid = Facts::milan()
                .area(site.nil.as_ref()?.parse().ok()?)?
                .centroid;
            Some([centroid.lon(), centroid.lat()])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_lie_in_a_neighbourhood_or_at_a_position() {
        let site = |nil: Option<&str>, latitude, longitude| PlannedSite {
            id: "s".to_owned(),
            nil: nil.map(str::to_owned),
            latitude,
            longitude,
            ..PlannedSite::default()
        };
        assert!(position(&site(Some("1"), None, None)).is_some());
        assert!(position(&site(Some("999"), None, None)).is_none());
        assert!(position(&site(None, None, None)).is_none());
        assert!(position(&site(None, Some(45.4), None)).is_none());
        assert_eq!(
            position(&site(Some("1"), Some(45.4), Some(9.2))),
            Some([9.2, 45.4])
        );
    }
}
