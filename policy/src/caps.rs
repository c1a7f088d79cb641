//! What an account may spend: the lifetime cap, and the parts of it that one year, dataset, purpose or study may use.
//! A part can only be narrower than the whole; nothing here grows with time.

use crate::document::{PolicyDocument, Rule};
use crate::error::PolicyError;
use privacy_loss::NanoRho;
use protocol::SubCap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The caps of a policy. Every year, dataset, purpose and study has the cap of its kind, unless one is given for its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Lifetime cap over all datasets.
    #[schemars(schema_with = "crate::schema::nano_rho")]
    pub lifetime: NanoRho,
    /// Sub-cap of each calendar year.
    #[schemars(schema_with = "crate::schema::nano_rho")]
    pub per_year: NanoRho,
    /// Sub-cap of each dataset.
    #[schemars(schema_with = "crate::schema::nano_rho")]
    pub per_dataset: NanoRho,
    /// Sub-cap of each purpose.
    #[schemars(schema_with = "crate::schema::nano_rho")]
    pub per_purpose: NanoRho,
    /// Sub-cap of each study; the study's own signed limit holds beside it.
    #[schemars(schema_with = "crate::schema::nano_rho")]
    pub per_study: NanoRho,
    /// Sub-caps of single years, in place of `per_year`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::nano_rhos")]
    pub year: BTreeMap<String, NanoRho>,
    /// Sub-caps of single datasets, in place of `per_dataset`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::nano_rhos")]
    pub dataset: BTreeMap<String, NanoRho>,
    /// Sub-caps of single purposes, in place of `per_purpose`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::nano_rhos")]
    pub purpose: BTreeMap<String, NanoRho>,
    /// Sub-caps of single studies, in place of `per_study`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::nano_rhos")]
    pub study: BTreeMap<String, NanoRho>,
}

impl Caps {
    /// One lifetime cap, and every sub-cap as wide as it.
    pub fn undivided(lifetime: NanoRho) -> Caps {
        Caps {
            lifetime,
            per_year: lifetime,
            per_dataset: lifetime,
            per_purpose: lifetime,
            per_study: lifetime,
            year: BTreeMap::new(),
            dataset: BTreeMap::new(),
            purpose: BTreeMap::new(),
            study: BTreeMap::new(),
        }
    }

    /// The caps given for single keys of a kind.
    pub fn given(&self, cap: SubCap) -> &BTreeMap<String, NanoRho> {
        match cap {
            SubCap::Year => &self.year,
            SubCap::Dataset => &self.dataset,
            SubCap::Purpose => &self.purpose,
            SubCap::Study => &self.study,
        }
    }

    /// What the policy allows for one key, before any signed move.
    pub fn limit(&self, cap: SubCap, key: &str) -> NanoRho {
        let usual = match cap {
            SubCap::Year => self.per_year,
            SubCap::Dataset => self.per_dataset,
            SubCap::Purpose => self.per_purpose,
            SubCap::Study => self.per_study,
        };
        self.given(cap).get(key).copied().unwrap_or(usual)
    }

    /// Checks that keys are keys and that no part is wider than the whole.
    pub(crate) fn check(&self) -> Result<(), PolicyError> {
        let too_wide = |key: &str| {
            Err(PolicyError::invalid(
                key,
                "is more than `caps.lifetime`; write at most that",
            ))
        };
        for (key, cap) in [
            ("caps.per_year", self.per_year),
            ("caps.per_dataset", self.per_dataset),
            ("caps.per_purpose", self.per_purpose),
            ("caps.per_study", self.per_study),
        ] {
            if cap > self.lifetime {
                return too_wide(key);
            }
        }
        for kind in SubCap::ALL {
            for (key, cap) in self.given(kind) {
                let place = format!("caps.{kind}.{}", key.escape_default());
                if !kind.is_key(key) {
                    return Err(PolicyError::invalid(
                        &place,
                        match kind {
                            SubCap::Year => "must name a year by four digits, from 2020 on",
                            _ => "must be named by 1 to 64 of a-z, 0-9 and -",
                        },
                    ));
                }
                if *cap > self.lifetime {
                    return too_wide(&place);
                }
            }
        }
        Ok(())
    }
}

/// Permissions whose limit of one question no cap ever lets through: the key, the cap that is passed, and its amount. A document that
/// has one is valid, and allows no more than its caps.
pub fn beyond_reach(document: &PolicyDocument) -> Vec<(String, &'static str, NanoRho)> {
    let caps = &document.caps;
    let widest = |usual: NanoRho, given: &BTreeMap<String, NanoRho>| {
        given
            .values()
            .copied()
            .chain([usual])
            .max()
            .unwrap_or(usual)
    };
    let all = [
        ("caps.lifetime", caps.lifetime),
        ("caps.per_year", widest(caps.per_year, &caps.year)),
        ("caps.per_dataset", widest(caps.per_dataset, &caps.dataset)),
        ("caps.per_purpose", widest(caps.per_purpose, &caps.purpose)),
        ("caps.per_study", widest(caps.per_study, &caps.study)),
    ];
    let narrowest = all.into_iter().min_by_key(|(_, cap)| *cap);
    let passed = |(i, rule): (usize, &Rule)| {
        let (name, cap) = narrowest?;
        let over = rule.max_rho_per_query.is_some_and(|rho| rho > cap);
        over.then(|| (format!("rules[{i}].max_rho_per_query"), name, cap))
    };
    document
        .rules
        .iter()
        .enumerate()
        .filter_map(passed)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_own_cap_or_that_of_its_kind() {
        let mut caps = Caps::undivided(NanoRho::new(10));
        caps.per_year = NanoRho::new(4);
        caps.year.insert("2027".to_owned(), NanoRho::new(2));
        assert_eq!(caps.limit(SubCap::Year, "2026"), NanoRho::new(4));
        assert_eq!(caps.limit(SubCap::Year, "2027"), NanoRho::new(2));
        assert_eq!(caps.limit(SubCap::Study, "2027"), NanoRho::new(10));
    }

    #[test]
    fn a_limit_of_one_question_above_what_any_cap_lets_through_is_named() {
        let key = protocol::PublicKey([7; 32]);
        let starter = crate::Starter::VolunteerAssociation.text("a", "b", &key, &key);
        let document = PolicyDocument::parse(&starter).expect("valid");
        assert_eq!(beyond_reach(&document), []);
        let wide = starter.replacen(
            "max_rho_per_query = 100_000_000",
            "max_rho_per_query = 1_000_000_001",
            1,
        );
        let document = PolicyDocument::parse(&wide).expect("valid");
        let named = (
            "rules[0].max_rho_per_query".to_owned(),
            "caps.per_year",
            NanoRho::new(1_000_000_000),
        );
        assert_eq!(beyond_reach(&document), [named]);
        // One year, and one study, with caps of their own let it through.
        let wide = wide.replacen(
            "\n[releases]",
            "\n[caps.year]\n2027 = 2_000_000_000\n[caps.study]\nx = 2_000_000_000\n[releases]",
            1,
        );
        let document = PolicyDocument::parse(&wide).expect("valid");
        assert_eq!(beyond_reach(&document), []);
    }

    #[test]
    fn a_misspelt_key_and_a_part_above_the_whole_are_named() {
        for kind in SubCap::ALL {
            let mut caps = Caps::undivided(NanoRho::new(10));
            let key = if kind == SubCap::Year { "2027" } else { "a" };
            let given = match kind {
                SubCap::Year => &mut caps.year,
                SubCap::Dataset => &mut caps.dataset,
                SubCap::Purpose => &mut caps.purpose,
                SubCap::Study => &mut caps.study,
            };
            given.insert(key.to_owned(), NanoRho::new(11));
            let problem = caps.check().expect_err("too wide").to_string();
            assert!(problem.contains(&format!("caps.{kind}.{key}")), "{problem}");
        }
        let mut caps = Caps::undivided(NanoRho::new(10));
        caps.year.insert("next".to_owned(), NanoRho::new(1));
        let problem = caps.check().expect_err("no year").to_string();
        assert!(problem.contains("four digits"), "{problem}");
    }
}
