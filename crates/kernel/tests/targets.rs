//! Every target of the taxonomy over a demo city's registers: as many people as the city's own truth says, and never nobody.
//! The truth shares no code with mapping, snapshot or kernel; only the meaning of predicates is the taxonomy's.

use ::kernel as kernel_under_test;
use demo_city::truth::{PersonRecord, PresenceRecord, as_of};
use demo_city::{CityConfig, Month, Truth, generate, register_path};
use kernel_under_test::aggregate;
use query::AggregateQuery;
use snapshot::{Edition, Mapping, NodeKey, Snapshot};
use std::collections::BTreeMap;
use std::fs::File;
use taxonomy::model::{
    Benefit, CitizenshipGroup, Dwelling, HouseholdKind, HouseholdRole, Need, Occupation, Recorded,
    Sex,
};
use taxonomy::{PersonAsOf, Taxonomy, Use};

/// Quarters asked.
const QUARTERS: [(&str, &str, &str); 3] = [
    ("2023-Q3", "2023-07", "2023-09"),
    ("2023-Q4", "2023-10", "2023-12"),
    ("2024-Q1", "2024-01", "2024-03"),
];

/// A person of the truth as of the end of a quarter.
struct TruthAsOf<'a> {
    truth: &'a Truth,
    presences: &'a [Vec<&'a PresenceRecord>],
    index: usize,
    first: Month,
    last: Month,
}

impl TruthAsOf<'_> {
    fn person(&self) -> &PersonRecord {
        &self.truth.persons[self.index]
    }

    fn is_born(&self) -> bool {
        self.person().birth.is_none_or(|birth| birth <= self.last)
    }

    fn at(&self, index: usize) -> TruthAsOf<'_> {
        TruthAsOf { index, ..*self }
    }

    fn in_period(&self) -> impl Iterator<Item = &PresenceRecord> {
        let all = self.presences[self.index].iter().copied();
        all.filter(|presence| (self.first..=self.last).contains(&presence.month))
    }
}

fn bits<'a>(named: impl Iterator<Item = &'a str>, place: impl Fn(&str) -> usize) -> u32 {
    named.fold(0, |bits, id| bits | 1 << place(id))
}

impl PersonAsOf for TruthAsOf<'_> {
    fn age(&self) -> Option<u16> {
        (self.person().age_at(self.last)).filter(|_| self.is_born())
    }

    fn sex(&self) -> Sex {
        match self.person().sex {
            Some('F') => Sex::Female,
            Some(_) => Sex::Male,
            None => Sex::Unknown,
        }
    }

    fn citizenship(&self) -> Option<CitizenshipGroup> {
        (self.person().citizenship.as_deref()).and_then(CitizenshipGroup::from_id)
    }

    fn household(&self) -> Option<HouseholdKind> {
        let mut ages = Vec::new();
        self.for_each_member(|member| ages.push(member.age()));
        HouseholdKind::of_ages(ages)
    }

    fn role(&self) -> Option<HouseholdRole> {
        self.person()
            .role
            .as_deref()
            .and_then(HouseholdRole::from_id)
    }

    fn is_carer(&self) -> Option<bool> {
        self.person().carer
    }

    fn recorded(&self) -> Recorded {
        let (person, last) = (self.person(), self.last);
        let needs = person.needs.iter().filter(|span| span.first <= last);
        let benefits = person.benefits.iter().filter(|span| span.first <= last);
        Recorded {
            needs: bits(needs.map(|span| span.id.as_str()), |id| {
                Need::from_id(id).expect("a need") as usize
            }),
            benefits: bits(benefits.map(|span| span.id.as_str()), |id| {
                Benefit::from_id(id).expect("a benefit") as usize
            }),
            disability: as_of(&person.disability_from, last).copied(),
            income_band: as_of(&person.income_band_from, last).copied(),
            occupation: as_of(&person.occupation_from, last).and_then(|id| Occupation::from_id(id)),
            dwelling: as_of(&person.dwelling_from, last).and_then(|id| Dwelling::from_id(id)),
        }
    }

    fn used(&self, service: Option<u8>) -> Use {
        let id = service.map(|place| {
            Taxonomy::built_in().services()[usize::from(place)]
                .id
                .as_str()
        });
        let is_meant = |presence: &&PresenceRecord| id.is_none_or(|id| presence.service == id);
        let before = self.presences[self.index].iter().copied();
        Use {
            events: (self.in_period().filter(is_meant))
                .map(|presence| presence.events as u32)
                .sum(),
            is_first: !(before.filter(is_meant)).any(|presence| presence.month < self.first),
        }
    }

    fn services_used(&self) -> u32 {
        let services: std::collections::BTreeSet<_> =
            self.in_period().map(|presence| &presence.service).collect();
        services.len() as u32
    }

    fn for_each_member(&self, mut visit: impl FnMut(&Self)) -> bool {
        let members = self.truth.household_of(self.person());
        for index in members {
            let member = TruthAsOf {
                index: *index,
                ..*self
            };
            if member.is_born() {
                visit(&member);
            }
        }
        !members.is_empty()
    }
}

/// What the truth says of each target and quarter; with it, the people in households too large to be kept whole.
fn truth_counts(truth: &Truth) -> (BTreeMap<(String, &'static str), i64>, i64) {
    let mut presences = vec![Vec::new(); truth.persons.len()];
    for presence in &truth.presences {
        presences[presence.person].push(presence);
    }
    let most = privacy_loss::HOUSEHOLD_MEMBERS as usize;
    let crowded = |person: &&PersonRecord| truth.household_of(person).len() > most;
    let uncertain = truth.persons.iter().filter(crowded).count();
    let mut counts = BTreeMap::new();
    for (quarter, first, last) in QUARTERS {
        let base = TruthAsOf {
            truth,
            presences: &presences,
            index: 0,
            first: first.parse().expect("a month"),
            last: last.parse().expect("a month"),
        };
        for index in 0..truth.persons.len() {
            let person = base.at(index);
            if person.in_period().next().is_none() {
                continue;
            }
            for target in Taxonomy::built_in().targets() {
                let count = counts.entry((target.id.clone(), quarter)).or_insert(0);
                *count += i64::from(target.predicate.holds(&person));
            }
        }
    }
    (counts, uncertain as i64)
}

fn node_counts(snapshot: &Snapshot) -> BTreeMap<(String, String), i64> {
    let targets: Vec<String> = (Taxonomy::built_in().targets().iter())
        .map(|target| format!("\"{}\"", target.id))
        .collect();
    let reach = targets.len() * QUARTERS.len();
    let text = format!(
        r#"{{"version":1,"measure":"persons","by":{{"area":"city","target":[{}],"period":"quarter"}},
            "period":{{"from":"{}","to":"{}"}},"bounds":{{"cells":{reach},"per_cell":1}},"rho":1000000}}"#,
        targets.join(","),
        QUARTERS[0].1,
        QUARTERS[QUARTERS.len() - 1].2
    );
    let query = AggregateQuery::parse(text.as_bytes()).expect("a legal query");
    let dimensions = query.dimensions();
    let keys = |name: &str| &dimensions.iter().find(|d| d.name == name).expect(name).keys;
    let periods = keys("period");
    let places = (keys("target").iter()).flat_map(|target| {
        periods
            .iter()
            .map(move |period| (target.clone(), period.clone()))
    });
    places
        .zip(aggregate(&query, snapshot).release_through(|cells| cells))
        .collect()
}

#[test]
fn every_target_counts_whom_the_truth_says_and_is_never_empty() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = CityConfig {
        scale: 0.03,
        ..CityConfig::default()
    };
    let manifest = generate(&config, directory.path(), &mut |_| {}).expect("a city");
    let mapping = Mapping::municipal_register_of(&demo_city::COLUMNS.join(";"));
    let mapping = Mapping::parse(&mapping).expect("the municipal mapping");
    assert!(
        Taxonomy::built_in()
            .evaluable(mapping.attributes())
            .all(|(_, lacks)| lacks.is_empty())
    );
    let mut city: BTreeMap<String, i64> = BTreeMap::new();
    for organisation in &manifest.organisations {
        let id = organisation.id.as_str();
        let register = File::open(register_path(directory.path(), id)).expect("a register");
        let edition = Edition {
            number: 1,
            label: "2026-01".to_owned(),
            created_at: 0,
        };
        let (snapshot, _) = Snapshot::build(&mapping, register, &NodeKey::new(&[9; 32]), edition)
            .expect("a snapshot");
        let truth = Truth::load(directory.path(), id).expect("a truth");
        let (expected, uncertain) = truth_counts(&truth);
        assert!(
            uncertain * 50 < truth.persons.len() as i64,
            "{id}: {uncertain}"
        );
        let counted = node_counts(&snapshot);
        for target in Taxonomy::built_in().targets() {
            for (quarter, _, _) in QUARTERS {
                let counted = counted[&(target.id.clone(), quarter.to_owned())];
                let expected = expected[&(target.id.clone(), quarter)];
                assert!(
                    (counted - expected).abs() <= uncertain,
                    "{id}, {} in {quarter}: {counted}, truth {expected}, {uncertain} in large households",
                    target.id
                );
                *city.entry(target.id.clone()).or_default() += counted;
            }
        }
    }
    let empty: Vec<&String> = city
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(id, _)| id)
        .collect();
    assert!(empty.is_empty(), "nobody in {empty:?}");
    println!("{city:?}");
}
