//! Many predicates at once: what is known of a person becomes bits, and each predicate a few masks over them.
//! It changes no meaning: [`Predicate::holds`] is the definition, and tests hold both against each other.

use crate::model::{
    CitizenshipGroup, Dwelling, GRADES, HouseholdKind, HouseholdRole, INCOME_BANDS, Occupation,
    Recorded, Sex,
};
use crate::predicate::{PersonAsOf, Predicate, Range, ServiceUse};
use crate::taxonomy::Taxonomy;

/// Words of a person's bits.
const WORDS: usize = 6;
/// A bit for each need, then each benefit.
const RECORDED: usize = 0;
/// A bit for the value of each attribute that has one, `not known` being a value.
const VALUES: usize = 1;
/// A bit for the span of ages the person is in.
const AGES: usize = 2;
/// A bit for each condition on service use or on members that holds.
const CONDITIONS: usize = 3;
/// Bits of [`RECORDED`] and [`CONDITIONS`] that are not set, so that `not` is a mask like any other.
const NOT_RECORDED: usize = 4;
const NOT_CONDITIONS: usize = 5;

/// What is known of a person, or what one of several alternatives asks for.
type Bits = [u64; WORDS];

/// Where values stand in the word of values: first bit, and how many bits with `not known`, which is the last.
struct Field {
    from: u32,
    count: u32,
}

impl Field {
    const fn after(field: &Field, known: usize) -> Field {
        Field {
            from: field.from + field.count,
            count: known as u32 + 1,
        }
    }

    const fn bit(&self, value: Option<u32>) -> u64 {
        let place = match value {
            Some(value) if value < self.count - 1 => value,
            _ => self.count - 1,
        };
        1 << (self.from + place)
    }

    const fn all(&self) -> u64 {
        ((1 << self.count) - 1) << self.from
    }
}

const SEX: Field = Field {
    from: 0,
    count: Sex::ALL.len() as u32 + 1,
};
const CITIZENSHIP: Field = Field::after(&SEX, CitizenshipGroup::ALL.len());
const ROLE: Field = Field::after(&CITIZENSHIP, HouseholdRole::ALL.len());
const CARER: Field = Field::after(&ROLE, 2);
const KIND: Field = Field::after(&CARER, HouseholdKind::ALL.len());
const DISABILITY: Field = Field::after(&KIND, GRADES as usize);
const INCOME: Field = Field::after(&DISABILITY, INCOME_BANDS as usize);
const OCCUPATION: Field = Field::after(&INCOME, Occupation::ALL.len());
const DWELLING: Field = Field::after(&OCCUPATION, Dwelling::ALL.len());
const _: () = assert!(DWELLING.from + DWELLING.count <= 64);

/// Spans of ages, the last bit being that of an age not known.
const AGE_UNKNOWN: u64 = 1 << 63;
/// Ages told apart. A month lies between 1900 and 2199, so that nobody is older.
const OLDEST: u16 = 300;
/// Most clauses a predicate is spread into; one that needs more is evaluated as it stands.
const MOST_CLAUSES: usize = 64;

/// Predicates made ready to be evaluated together, once for each person and period.
#[derive(Clone, Debug)]
pub struct PredicateSet {
    rules: Vec<Rule>,
    /// For each age, the bit of its span.
    ages: Vec<u64>,
    uses: Vec<ServiceCondition>,
    members: Vec<(usize, Range)>,
    /// What members are asked for; the place of a condition that every member fulfils is beyond the last.
    of_members: Option<Box<PredicateSet>>,
    needs_kind: bool,
}

#[derive(Clone, Debug)]
enum Rule {
    /// Each clause holds: at least one of its bits is set.
    Clauses(Vec<Bits>),
    AsItStands(Predicate),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ServiceCondition {
    Use(Option<u8>, ServiceUse),
    Different(Range),
    /// A service outside the taxonomy.
    Never,
}

/// Which predicates of a set hold for somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership(Vec<u64>);

impl Membership {
    /// Whether the predicate at `index` of the set holds.
    pub fn holds(&self, index: usize) -> bool {
        (self.0.get(index / 64)).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// The predicates that hold, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..).zip(&self.0).flat_map(|(place, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                (bit < 64).then_some(place * 64 + bit as usize)
            })
        })
    }
}

impl PredicateSet {
    /// Makes predicates ready, in their order.
    pub fn compile<'p>(predicates: impl IntoIterator<Item = &'p Predicate>) -> PredicateSet {
        let predicates: Vec<&Predicate> = predicates.into_iter().collect();
        let mut compiler = Compiler::of(&predicates);
        let rules = (predicates.iter())
            .map(|predicate| match compiler.clauses(predicate, true) {
                Some(clauses) => Rule::Clauses(clauses),
                None => Rule::AsItStands((*predicate).clone()),
            })
            .collect();
        if !compiler.conditions_fit {
            // No clause names them.
            (compiler.uses, compiler.members) = (Vec::new(), Vec::new());
        }
        let (of, members) = (compiler.of_members, compiler.members);
        PredicateSet {
            rules,
            ages: compiler.ages,
            uses: compiler.uses,
            of_members: (!members.is_empty()).then(|| Box::new(PredicateSet::compile(&of))),
            members,
            needs_kind: compiler.needs_kind,
        }
    }

    /// How many predicates there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Finds which predicates hold for a person. `membership` is space that is used again.
    pub fn evaluate(&self, person: &impl PersonAsOf, membership: &mut Membership) {
        let bits = self.bits(person);
        membership.0.clear();
        membership.0.resize(self.rules.len().div_ceil(64), 0);
        for (index, rule) in self.rules.iter().enumerate() {
            let holds = match rule {
                Rule::Clauses(clauses) => clauses.iter().all(|clause| meets(clause, &bits)),
                Rule::AsItStands(predicate) => predicate.holds(person),
            };
            membership.0[index / 64] |= u64::from(holds) << (index % 64);
        }
    }

    fn bits(&self, person: &impl PersonAsOf) -> Bits {
        let Recorded {
            needs,
            benefits,
            disability,
            income_band,
            occupation,
            dwelling,
        } = person.recorded();
        let recorded = u64::from(needs) | u64::from(benefits) << 32;
        let kind = if self.needs_kind {
            person.household()
        } else {
            None
        };
        let values = SEX.bit(Some(person.sex() as u32))
            | CITIZENSHIP.bit(person.citizenship().map(|value| value as u32))
            | ROLE.bit(person.role().map(|value| value as u32))
            | CARER.bit(person.is_carer().map(u32::from))
            | KIND.bit(kind.map(|value| value as u32))
            | DISABILITY.bit(disability.map(u32::from))
            | INCOME.bit(income_band.map(u32::from))
            | OCCUPATION.bit(occupation.map(|value| value as u32))
            | DWELLING.bit(dwelling.map(|value| value as u32));
        let ages = person
            .age()
            .map_or(AGE_UNKNOWN, |age| self.ages[usize::from(age.min(OLDEST))]);
        let conditions = self.conditions(person);
        [recorded, values, ages, conditions, !recorded, !conditions]
    }

    /// Conditions on service use, then those on members.
    fn conditions(&self, person: &impl PersonAsOf) -> u64 {
        let mut conditions = 0;
        for (place, asked) in self.uses.iter().enumerate() {
            let holds = match asked {
                ServiceCondition::Use(service, asked) => asked.holds(person.used(*service)),
                ServiceCondition::Different(range) => {
                    range.holds(Some(person.services_used().try_into().unwrap_or(u16::MAX)))
                }
                ServiceCondition::Never => false,
            };
            conditions |= u64::from(holds) << place;
        }
        let Some(of_members) = &self.of_members else {
            return conditions;
        };
        // The last count is that of every member.
        let mut counts = vec![0u16; of_members.len() + 1];
        let mut membership = Membership::default();
        let known = person.for_each_member(|member| {
            of_members.evaluate(member, &mut membership);
            for index in membership.iter() {
                counts[index] += 1;
            }
            counts[of_members.len()] += 1;
        });
        for (place, (of, range)) in self.members.iter().enumerate() {
            let count = counts[(*of).min(of_members.len())];
            let holds = known && range.holds(Some(count));
            conditions |= u64::from(holds) << (self.uses.len() + place);
        }
        conditions
    }
}

#[inline]
fn meets(clause: &Bits, bits: &Bits) -> bool {
    let mut met = 0;
    for word in 0..WORDS {
        met |= clause[word] & bits[word];
    }
    met != 0
}

/// The place of a condition among those known, where it is put if it is new.
fn place_of<T: PartialEq>(known: &mut Vec<T>, condition: T) -> usize {
    match known.iter().position(|other| *other == condition) {
        Some(place) => place,
        None => {
            known.push(condition);
            known.len() - 1
        }
    }
}

struct Compiler {
    ages: Vec<u64>,
    uses: Vec<ServiceCondition>,
    members: Vec<(usize, Range)>,
    of_members: Vec<Predicate>,
    /// Whether spans of ages, and conditions, have a bit each.
    ages_fit: bool,
    conditions_fit: bool,
    needs_kind: bool,
}

impl Compiler {
    /// Finds the ages at which any predicate changes, and every condition that needs a bit.
    fn of(predicates: &[&Predicate]) -> Compiler {
        let mut starts = vec![0u16];
        let (mut uses, mut members, mut of_members) = (Vec::new(), Vec::new(), Vec::new());
        let mut needs_kind = false;
        for predicate in predicates {
            for_each_own_leaf(predicate, &mut |leaf| match leaf {
                Predicate::Age(Range { min, max }) => {
                    starts.extend(min.filter(|min| *min <= OLDEST));
                    starts.extend(
                        max.map(|max| max.saturating_add(1))
                            .filter(|next| *next <= OLDEST),
                    );
                }
                Predicate::Household(_) => needs_kind = true,
                Predicate::ServiceUse(_) | Predicate::ServicesUsed(_) => {
                    place_of(&mut uses, service_condition(leaf));
                }
                Predicate::Members(asked) => {
                    let of = asked.of.as_deref();
                    let of = of.map_or(usize::MAX, |of| place_of(&mut of_members, of.clone()));
                    place_of(&mut members, (of, asked.range()));
                }
                _ => {}
            });
        }
        starts.sort_unstable();
        starts.dedup();
        let span = |age: u16| starts.partition_point(|start| *start <= age) - 1;
        Compiler {
            ages_fit: starts.len() < 64,
            conditions_fit: uses.len() + members.len() <= 64,
            ages: (0..=OLDEST).map(|age| 1 << (span(age) % 63)).collect(),
            uses,
            members,
            of_members,
            needs_kind,
        }
    }

    /// The predicate, or where `holds` is false its contrary, as clauses of which each must hold; `None` where it has no
    /// such form of a reasonable size.
    fn clauses(&mut self, predicate: &Predicate, holds: bool) -> Option<Vec<Bits>> {
        match (predicate, holds) {
            (Predicate::Not(part), _) => self.clauses(part, !holds),
            (Predicate::All(parts), true) | (Predicate::Any(parts), false) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.clauses(part, holds)?);
                }
                (all.len() <= MOST_CLAUSES).then_some(all)
            }
            (Predicate::Any(parts), true) | (Predicate::All(parts), false) => {
                // Each way to take one clause of every part; none of no parts is the clause that nothing meets.
                let mut all = vec![[0; WORDS]];
                for part in parts {
                    let clauses = self.clauses(part, holds)?;
                    if all.len() * clauses.len() > MOST_CLAUSES {
                        return None;
                    }
                    let either = |one: &Bits| {
                        let one = *one;
                        (clauses.iter())
                            .map(move |other| std::array::from_fn(|i| one[i] | other[i]))
                    };
                    all = all.iter().flat_map(either).collect();
                }
                Some(all)
            }
            (leaf, _) => Some(vec![self.clause(leaf, holds)?]),
        }
    }

    fn clause(&self, leaf: &Predicate, holds: bool) -> Option<Bits> {
        let mut clause = [0; WORDS];
        let value = |field: Field, set: u64| if holds { set } else { field.all() & !set };
        let range = |field: Field, range: &Range| {
            let known = (0..field.count as u16 - 1).filter(|value| range.holds(Some(*value)));
            let set = known.fold(0, |set, known| set | field.bit(Some(known.into())));
            value(field, set)
        };
        let (word, contrary, bit) = match leaf {
            Predicate::Need(need) => (RECORDED, NOT_RECORDED, 1 << *need as u32),
            Predicate::Benefit(benefit) => (RECORDED, NOT_RECORDED, 1 << (32 + *benefit as u32)),
            Predicate::ServiceUse(_) | Predicate::ServicesUsed(_) | Predicate::Members(_) => {
                (CONDITIONS, NOT_CONDITIONS, self.condition(leaf)?)
            }
            Predicate::Age(asked) => {
                if !self.ages_fit {
                    return None;
                }
                let inside = (0..=OLDEST).filter(|age| asked.holds(Some(*age)));
                let inside = inside.fold(0, |set, age| set | self.ages[usize::from(age)]);
                clause[AGES] = if holds { inside } else { !inside };
                return Some(clause);
            }
            _ => {
                clause[VALUES] = match leaf {
                    Predicate::Sex(known) => value(SEX, SEX.bit(Some(*known as u32))),
                    Predicate::Citizenship(known) => {
                        value(CITIZENSHIP, CITIZENSHIP.bit(Some(*known as u32)))
                    }
                    Predicate::Role(known) => value(ROLE, ROLE.bit(Some(*known as u32))),
                    Predicate::Carer(known) => value(CARER, CARER.bit(Some((*known).into()))),
                    Predicate::Household(known) => value(KIND, KIND.bit(Some(*known as u32))),
                    Predicate::Disability(asked) => range(DISABILITY, asked),
                    Predicate::Income(asked) => range(INCOME, asked),
                    Predicate::Occupation(known) => {
                        value(OCCUPATION, OCCUPATION.bit(Some(*known as u32)))
                    }
                    Predicate::Dwelling(known) => {
                        value(DWELLING, DWELLING.bit(Some(*known as u32)))
                    }
                    _ => return None,
                };
                return Some(clause);
            }
        };
        clause[if holds { word } else { contrary }] = bit;
        Some(clause)
    }

    /// The bit of a condition on service use or on members.
    fn condition(&self, leaf: &Predicate) -> Option<u64> {
        let place = match leaf {
            Predicate::Members(asked) => {
                let of = match asked.of.as_deref() {
                    None => usize::MAX,
                    Some(of) => self.of_members.iter().position(|other| other == of)?,
                };
                let asked = (of, asked.range());
                let place = self.members.iter().position(|other| *other == asked)?;
                self.uses.len() + place
            }
            leaf => {
                let asked = service_condition(leaf);
                self.uses.iter().position(|other| *other == asked)?
            }
        };
        self.conditions_fit.then(|| 1 << place)
    }
}

fn service_condition(leaf: &Predicate) -> ServiceCondition {
    match leaf {
        Predicate::ServiceUse(asked) => match &asked.service {
            None => ServiceCondition::Use(None, asked.clone()),
            Some(id) => match Taxonomy::service_position(id) {
                Some(service) => ServiceCondition::Use(Some(service), asked.clone()),
                None => ServiceCondition::Never,
            },
        },
        Predicate::ServicesUsed(range) => ServiceCondition::Different(*range),
        _ => ServiceCondition::Never,
    }
}

/// Every condition that is not made of others, but none of those that are asked of members.
fn for_each_own_leaf<'p>(predicate: &'p Predicate, visit: &mut impl FnMut(&'p Predicate)) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            parts.iter().for_each(|part| for_each_own_leaf(part, visit));
        }
        Predicate::Not(part) => for_each_own_leaf(part, visit),
        leaf => visit(leaf),
    }
}
