//! Which series add up to which: every distinct partition of the leaves that columns and their combinations make.
//! Partitions need not be nested (regions by purpose, neighbourhoods by target); sums are the only constraint.

use crate::lattice::Lattice;
use crate::series::{ForecastError, Series};
use ndarray::Array2;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The most columns a hierarchy is made of: their combinations double with each.
const MOST_COLUMNS: usize = 6;

/// A sum of leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is called: the values of its columns, joined by `/`.
    pub name: String,
    /// Its level, counted from the top.
    pub level: usize,
    /// The leaves it sums, ascending.
    pub leaves: Vec<usize>,
}

/// The sums over a set of leaves, the whole first. The leaves themselves are the last level and no nodes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    levels: Vec<String>,
    nodes: Vec<Node>,
    leaves: usize,
}

impl Hierarchy {
    /// Name of the sum of everything.
    pub const TOTAL: &'static str = "Total";

    /// From the columns' names, and of each leaf its name and its value in each column.
    pub fn try_new(
        columns: &[String],
        leaves: &[(&str, &[String])],
    ) -> Result<Self, ForecastError> {
        let refuse = |text: &str| Err(ForecastError::InvalidHierarchy(text.to_owned()));
        if columns.is_empty() || columns.len() > MOST_COLUMNS {
            return refuse("a hierarchy has one to six columns; name those that group the series");
        }
        if leaves
            .iter()
            .any(|(_, groups)| groups.len() != columns.len())
        {
            return refuse(
                "a series lacks a column of the hierarchy; give each series a value in each",
            );
        }
        let mut taken: HashSet<String> =
            leaves.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut hierarchy = Self {
            levels: Vec::new(),
            nodes: Vec::new(),
            leaves: leaves.len(),
        };
        let mut seen: HashSet<Vec<usize>> = HashSet::new();
        let mut subsets: Vec<u32> = (0..1 << columns.len()).collect();
        subsets.sort_by_key(|subset| subset.count_ones());
        for subset in subsets {
            let partition = partition(leaves, subset);
            let groups = 1 + partition.iter().copied().max().unwrap_or(0);
            if groups == leaves.len() || !seen.insert(partition.clone()) {
                continue;
            }
            // Columns that say nothing more within this partition make its name fuller.
            let full = (0..columns.len())
                .filter(|c| subset >> c & 1 == 1 || says_nothing(leaves, &partition, *c))
                .collect::<Vec<_>>();
            hierarchy.add_level(columns, leaves, &partition, groups, &full, &mut taken);
        }
        hierarchy.levels.push("series".to_owned());
        Ok(hierarchy)
    }

    fn add_level(
        &mut self,
        columns: &[String],
        leaves: &[(&str, &[String])],
        partition: &[usize],
        groups: usize,
        full: &[usize],
        taken: &mut HashSet<String>,
    ) {
        let level = self.levels.len();
        let mut nodes: Vec<Node> = vec![
            Node {
                name: String::new(),
                level,
                leaves: Vec::new(),
            };
            groups
        ];
        for (leaf, &group) in partition.iter().enumerate() {
            nodes[group].leaves.push(leaf);
        }
        let named: Vec<usize> = if groups == 1 {
            Vec::new()
        } else {
            full.to_vec()
        };
        for node in &mut nodes {
            let of = |c: usize| &leaves[node.leaves[0]].1[c];
            let plain: Vec<&str> = named.iter().map(|&c| of(c).as_str()).collect();
            let mut name = if groups == 1 {
                Self::TOTAL.to_owned()
            } else {
                plain.join("/")
            };
            if taken.contains(&name) {
                let told: Vec<String> = named
                    .iter()
                    .map(|&c| format!("{}={}", columns[c], of(c)))
                    .collect();
                name = if groups == 1 {
                    format!("{} of all series", Self::TOTAL)
                } else {
                    told.join("/")
                };
            }
            taken.insert(name.clone());
            node.name = name;
        }
        let names: Vec<&str> = named.iter().map(|&c| columns[c].as_str()).collect();
        self.levels.push(if groups == 1 {
            Self::TOTAL.to_owned()
        } else {
            names.join("/")
        });
        self.nodes.extend(nodes);
    }

    /// Names of the levels, the whole first, the series themselves last.
    pub fn levels(&self) -> &[String] {
        &self.levels
    }

    /// The sums, the whole first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many leaves there are.
    pub fn leaves(&self) -> usize {
        self.leaves
    }

    /// The sums and, after them, the leaves as a lattice; the noise of leaves is independent, and of each the mean of its series.
    ///
    /// # Errors
    /// [`ForecastError::InvalidHierarchy`] where there is not one series for each leaf.
    pub fn lattice(&self, leaves: &[Series]) -> Result<Lattice, ForecastError> {
        if leaves.len() != self.leaves {
            return Err(ForecastError::InvalidHierarchy(
                "there must be one series for each leaf of the hierarchy".to_owned(),
            ));
        }
        let sums = self.nodes.len();
        let n = sums + self.leaves;
        let (mut levels, mut sizes) = (vec![self.levels.len() - 1; n], vec![1.0; n]);
        let mut relations = Vec::with_capacity(sums);
        // Every leaf carries its noise into all sums over it.
        let mut carriers: Vec<Vec<usize>> = (sums..n).map(|leaf| vec![leaf]).collect();
        for (at, node) in self.nodes.iter().enumerate() {
            levels[at] = node.level;
            sizes[at] = node.leaves.len() as f64;
            let parts = node.leaves.iter().map(|leaf| (sums + leaf, -1.0));
            relations.push(std::iter::once((at, 1.0)).chain(parts).collect());
            for &leaf in &node.leaves {
                carriers[leaf].push(at);
            }
        }
        let mut privacy = Array2::<f64>::zeros((n, n));
        for (carriers, series) in carriers.iter().zip(leaves) {
            let noise = series.mean_privacy();
            if noise > 0.0 {
                for &i in carriers {
                    for &j in carriers {
                        privacy[[i, j]] += noise;
                    }
                }
            }
        }
        Ok(Lattice::of(levels, sizes, relations, privacy))
    }

    /// The series of a node: sums of values and of privacy variances; missing where a leaf that has begun is. Before its
    /// first value a leaf adds nothing. The leaves must be given over the same periods.
    pub fn sum(&self, node: &Node, leaves: &[Series]) -> Result<Series, ForecastError> {
        let first = &leaves[node.leaves[0]];
        let n = first.values().len();
        let mut values = vec![0.0; n];
        let mut privacy = vec![0.0; n];
        let mut noisy = false;
        for &leaf in &node.leaves {
            let series = &leaves[leaf];
            if series.values().len() != n {
                return Err(ForecastError::InvalidHierarchy(
                    "series of a hierarchy begin and end together; give rows without value where one is shorter".to_owned(),
                ));
            }
            let begun = series
                .values()
                .iter()
                .position(|v| !v.is_nan())
                .unwrap_or(n);
            for (sum, value) in values.iter_mut().zip(series.values()).skip(begun) {
                *sum += value;
            }
            if let Some(variances) = series.privacy() {
                noisy = true;
                for (sum, variance) in privacy.iter_mut().zip(variances) {
                    *sum += variance;
                }
            }
        }
        let sum = Series::try_new(
            values,
            noisy.then_some(privacy),
            first.season(),
            first.kind(),
        )?;
        Ok(sum.with_breaks(first.breaks()))
    }
}

/// Group of each leaf by the columns of `subset`, numbered in order of appearance.
fn partition(leaves: &[(&str, &[String])], subset: u32) -> Vec<usize> {
    let mut numbers: HashMap<Vec<&str>, usize> = HashMap::new();
    leaves
        .iter()
        .map(|(_, groups)| {
            let key: Vec<&str> = groups
                .iter()
                .enumerate()
                .filter(|(c, _)| subset >> c & 1 == 1)
                .map(|(_, value)| value.as_str())
                .collect();
            let next = numbers.len();
            *numbers.entry(key).or_insert(next)
        })
        .collect()
}

/// Whether a column has one value within each group of a partition.
fn says_nothing(leaves: &[(&str, &[String])], partition: &[usize], column: usize) -> bool {
    let groups: BTreeSet<usize> = partition.iter().copied().collect();
    let pairs: BTreeSet<(usize, &str)> = partition
        .iter()
        .zip(leaves)
        .map(|(&group, (_, values))| (group, values[column].as_str()))
        .collect();
    pairs.len() == groups.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves() -> Vec<(String, Vec<String>)> {
        ["A/a/x", "A/a/y", "A/b/x", "A/b/y", "B/c/x", "B/c/y"]
            .iter()
            .map(|id| ((*id).to_owned(), id.split('/').map(str::to_owned).collect()))
            .collect()
    }

    fn hierarchy(columns: &[&str], leaves: &[(String, Vec<String>)]) -> Hierarchy {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        let leaves: Vec<(&str, &[String])> = leaves
            .iter()
            .map(|(n, g)| (n.as_str(), g.as_slice()))
            .collect();
        Hierarchy::try_new(&columns, &leaves).unwrap()
    }

    #[test]
    fn takes_each_distinct_partition_once_under_its_fullest_name() {
        let hierarchy = hierarchy(&["state", "region", "purpose"], &leaves());
        assert_eq!(
            hierarchy.levels(),
            [
                "Total",
                "state",
                "state/region",
                "purpose",
                "state/purpose",
                "series"
            ]
        );
        let names: Vec<&str> = hierarchy.nodes().iter().map(|n| n.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Total", "A", "B", "A/a", "A/b", "B/c", "x", "y", "A/x", "A/y", "B/x", "B/y"
            ]
        );
        assert_eq!(hierarchy.nodes()[1].leaves, [0, 1, 2, 3]);
    }

    #[test]
    fn tells_nodes_from_series_of_the_same_name() {
        let mut leaves = leaves();
        leaves[0].0 = "Total".to_owned();
        leaves[1].0 = "x".to_owned();
        let hierarchy = hierarchy(&["state", "region", "purpose"], &leaves);
        let names: Vec<&str> = hierarchy.nodes().iter().map(|n| n.name.as_str()).collect();
        assert!(
            names.contains(&"Total of all series") && names.contains(&"purpose=x"),
            "{names:?}"
        );
    }

    #[test]
    fn sums_values_and_variances_and_keeps_gaps() {
        let hierarchy = hierarchy(
            &["state"],
            &leaves()[..2]
                .iter()
                .map(|(n, g)| (n.clone(), g[..1].to_vec()))
                .collect::<Vec<_>>(),
        );
        let series = |values: Vec<f64>, privacy: Vec<f64>| {
            Series::try_new(
                values,
                Some(privacy),
                crate::Season::None,
                crate::Kind::Counts,
            )
            .unwrap()
        };
        let leaves = [
            series(vec![1.0, 2.0, 3.0], vec![4.0, 4.0, 4.0]),
            series(vec![5.0, f64::NAN, -7.0], vec![1.0, 1.0, 2.0]),
        ];
        let sum = hierarchy.sum(&hierarchy.nodes()[0], &leaves).unwrap();
        assert_eq!(sum.values()[0], 6.0);
        assert!(sum.values()[1].is_nan());
        assert_eq!((sum.values()[2], sum.privacy().unwrap()[2]), (-4.0, 6.0));
    }
}
