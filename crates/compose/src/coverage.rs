//! Who is in a release and who is not, and why: a number without it would pass for the whole city.
//! It names organisations, rules and fields only, never anything that depends on a register.

use geography::Level;
use serde::{Deserialize, Serialize};

/// An organisation whose answer is in the release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnsweredNode {
    /// The organisation.
    pub node: String,
    /// Its dataset.
    pub dataset: String,
    /// The edition it answered from.
    pub edition: u32,
    /// Noise variance of each of its cells.
    pub variance: f64,
    /// The finest level its register declared with that edition, which says what its levels add up to; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finest_level: Option<Level>,
}

/// An organisation that refused, or that could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedNode {
    /// The organisation.
    pub node: String,
    /// The rule that refused.
    pub rule: String,
    /// The field at fault.
    pub field: String,
    /// Why, as a stable code.
    pub code: String,
}

/// An organisation that said nothing in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilentNode {
    /// The organisation.
    pub node: String,
}

/// Everybody the study asks, each in one list per dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// In the release.
    pub answered: Vec<AnsweredNode>,
    /// Not in it, by a rule.
    pub refused: Vec<RefusedNode>,
    /// Not in it: out of reach when the release was made.
    pub offline: Vec<SilentNode>,
    /// Not in it: within reach, but no answer in time.
    pub expired: Vec<SilentNode>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn all_four() -> Coverage {
        let silent = |node: &str| SilentNode {
            node: node.to_owned(),
        };
        Coverage {
            answered: vec![AnsweredNode {
                node: "comune-milano".to_owned(),
                dataset: "register".to_owned(),
                edition: 12,
                variance: 8.5,
                finest_level: Some(Level::Nil),
            }],
            refused: vec![RefusedNode {
                node: "cooperativa-lambro".to_owned(),
                rule: "targets".to_owned(),
                field: "by.target".to_owned(),
                code: "not-allowed".to_owned(),
            }],
            offline: vec![silent("associazione-ortica")],
            expired: vec![silent("fondazione-navigli")],
        }
    }

    fn names<'a>(of: &'a Value, found: &mut std::collections::BTreeSet<&'a str>) {
        match of {
            Value::Object(fields) => {
                for (name, value) in fields {
                    found.insert(name);
                    names(value, found);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| names(value, found)),
            _ => {}
        }
    }

    #[test]
    fn everybody_stands_in_one_list_and_is_read_back_as_written() {
        let written = serde_json::to_value(all_four()).unwrap();
        let listed = |list: &str| written[list][0]["node"].as_str().unwrap();
        assert_eq!(
            ["answered", "refused", "offline", "expired"].map(listed),
            [
                "comune-milano",
                "cooperativa-lambro",
                "associazione-ortica",
                "fondazione-navigli"
            ]
        );
        assert_eq!(
            serde_json::from_value::<Coverage>(written).unwrap(),
            all_four()
        );
    }

    /// A number per organisation other than its edition and the variance of its noise would be one that its register gave, or one filled
    /// in for it.
    #[test]
    fn it_names_organisations_rules_and_fields_and_no_volumes() {
        let written = serde_json::to_value(all_four()).unwrap();
        let mut found = std::collections::BTreeSet::new();
        names(&written, &mut found);
        let known = [
            "answered",
            "code",
            "dataset",
            "edition",
            "expired",
            "field",
            "finest_level",
            "node",
            "offline",
            "refused",
            "rule",
            "variance",
        ];
        assert_eq!(found, known.into());
        // Those who are not in the release have no number at all.
        for list in ["refused", "offline", "expired"] {
            let one = written[list][0].as_object().unwrap();
            assert!(one.values().all(Value::is_string), "{one:?}");
        }
    }

    #[test]
    fn releases_of_before_levels_were_told_stay_readable_and_are_not_given_one() {
        let stored = json!({
            "answered": [{ "node": "a", "dataset": "d", "edition": 3, "variance": 2.0 }],
            "refused": [], "offline": [], "expired": [],
        });
        let read: Coverage = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(read.answered[0].finest_level, None);
        assert_eq!(serde_json::to_value(&read).unwrap(), stored);
        // A list that is missing is no empty one: nobody refused would be a claim.
        let mut less = stored;
        less.as_object_mut().unwrap().remove("refused");
        assert!(serde_json::from_value::<Coverage>(less).is_err());
    }
}
