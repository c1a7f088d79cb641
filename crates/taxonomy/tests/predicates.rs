//! Predicates evaluated together mean what they mean one by one, for people and predicates of every kind.

use proptest::prelude::*;
use std::collections::BTreeMap;
use taxonomy::model::{
    Benefit, CitizenshipGroup, Dwelling, HouseholdKind, HouseholdRole, Need, Occupation, Sex,
};
use taxonomy::{
    ExamplePerson, Member, Members, Membership, Predicate, PredicateSet, Range, ServiceUse,
    Taxonomy,
};

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    (0..all.len()).prop_map(|place| all[place])
}

fn service() -> impl Strategy<Value = String> {
    let all = Taxonomy::built_in().services();
    (0..all.len()).prop_map(|place| all[place].id.clone())
}

prop_compose! {
    fn person()(
        age in proptest::option::of(0u16..110),
        sex in one_of(Sex::ALL),
        citizenship in proptest::option::of(one_of(CitizenshipGroup::ALL)),
        role in proptest::option::of(one_of(HouseholdRole::ALL)),
        carer in proptest::option::of(any::<bool>()),
        disability in proptest::option::of(0u8..4),
        income in proptest::option::of(0u8..6),
        occupation in proptest::option::of(one_of(Occupation::ALL)),
        dwelling in proptest::option::of(one_of(Dwelling::ALL)),
        needs in proptest::collection::vec(one_of(Need::ALL), 0..4),
        (benefits, uses, used_before) in (
            proptest::collection::vec(one_of(Benefit::ALL), 0..4),
            proptest::collection::btree_map(service(), 1u32..6, 0..3),
            proptest::collection::vec(service(), 0..3),
        ),
    ) -> ExamplePerson {
        ExamplePerson {
            age, sex, citizenship, role, carer, disability, income, occupation, dwelling, needs, benefits, uses, used_before,
        }
    }
}

fn range(most: u16) -> impl Strategy<Value = Range> {
    (proptest::option::of(0..most), proptest::option::of(0..most))
        .prop_map(|(min, max)| Range { min, max })
}

fn own_leaf() -> impl Strategy<Value = Predicate> {
    prop_oneof![
        range(120).prop_map(Predicate::Age),
        one_of(Sex::ALL).prop_map(Predicate::Sex),
        one_of(CitizenshipGroup::ALL).prop_map(Predicate::Citizenship),
        one_of(HouseholdRole::ALL).prop_map(Predicate::Role),
        any::<bool>().prop_map(Predicate::Carer),
        one_of(Need::ALL).prop_map(Predicate::Need),
        one_of(Benefit::ALL).prop_map(Predicate::Benefit),
        range(4).prop_map(Predicate::Disability),
        range(6).prop_map(Predicate::Income),
        one_of(Occupation::ALL).prop_map(Predicate::Occupation),
        one_of(Dwelling::ALL).prop_map(Predicate::Dwelling),
        range(3).prop_map(Predicate::ServicesUsed),
        (proptest::option::of(service()), 1u32..4, any::<bool>()).prop_map(
            |(service, min_events, first)| Predicate::ServiceUse(ServiceUse {
                service,
                min_events,
                first
            })
        ),
    ]
}

fn tree(leaf: BoxedStrategy<Predicate>) -> BoxedStrategy<Predicate> {
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Predicate::All),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Predicate::Any),
            inner.prop_map(|part| Predicate::Not(Box::new(part))),
        ]
    })
    .boxed()
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let of = proptest::option::of(tree(own_leaf().boxed()));
    let members = (of, range(4)).prop_map(|(of, Range { min, max })| {
        Predicate::Members(Members {
            of: of.map(Box::new),
            min,
            max,
        })
    });
    let leaf = prop_oneof![
        4 => own_leaf(),
        1 => one_of(HouseholdKind::ALL).prop_map(Predicate::Household),
        1 => members,
    ];
    tree(leaf.boxed())
}

fn agree(predicates: &[&Predicate], household: &[ExamplePerson]) {
    let member = Member::first_of(household).expect("somebody");
    let mut membership = Membership::default();
    PredicateSet::compile(predicates.iter().copied()).evaluate(&member, &mut membership);
    let one_by_one: Vec<usize> = (0..predicates.len())
        .filter(|place| member.is_in(predicates[*place]))
        .collect();
    assert_eq!(membership.iter().collect::<Vec<_>>(), one_by_one);
    for (place, _) in predicates.iter().enumerate() {
        assert_eq!(membership.holds(place), one_by_one.contains(&place));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_predicates_hold_together_where_they_hold_one_by_one(
        predicates in proptest::collection::vec(predicate(), 1..90),
        household in proptest::collection::vec(person(), 1..5),
    ) {
        agree(&predicates.iter().collect::<Vec<_>>(), &household);
    }

    #[test]
    fn all_targets_hold_together_where_they_hold_one_by_one(household in proptest::collection::vec(person(), 1..5)) {
        let targets = Taxonomy::built_in().targets().iter();
        agree(&targets.map(|target| &target.predicate).collect::<Vec<_>>(), &household);
    }

    /// A predicate that does not say it reads the household cannot tell who else lives there.
    #[test]
    fn only_predicates_that_say_so_read_other_members(
        predicates in proptest::collection::vec(predicate(), 1..30),
        household in proptest::collection::vec(person(), 1..5),
        others in proptest::collection::vec(person(), 0..4),
    ) {
        let other: Vec<_> = household[..1].iter().chain(&others).cloned().collect();
        let (here, there) = (Member::first_of(&household), Member::first_of(&other));
        for predicate in &predicates {
            if !predicate.reads_household() {
                prop_assert_eq!(
                    here.as_ref().map(|member| member.is_in(predicate)),
                    there.as_ref().map(|member| member.is_in(predicate))
                );
            }
        }
    }

    /// Family targets say the same of every member.
    #[test]
    fn a_family_belongs_as_a_whole_or_not_at_all(household in proptest::collection::vec(person(), 1..5)) {
        let families = Taxonomy::built_in().targets().iter().filter(|target| target.unit == taxonomy::Unit::Family);
        let mut said: BTreeMap<&str, bool> = BTreeMap::new();
        for target in families {
            for turn in 0..household.len() {
                let mut turned = household.clone();
                turned.rotate_left(turn);
                let holds = Member::first_of(&turned).is_some_and(|member| member.is_in(&target.predicate));
                prop_assert_eq!(*said.entry(&target.id).or_insert(holds), holds, "{}", target.id);
            }
        }
    }
}
