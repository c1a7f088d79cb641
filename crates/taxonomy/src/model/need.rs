//! Needs that social services record.
//! Which of them are special categories, and which could harm a group, is part of what they are.

use crate::group_harm::GroupHarm;
use crate::vocabulary;

vocabulary! {
    /// Recorded needs.
    Need {
        /// A home, or a better one.
        Housing = "housing",
        /// Food.
        Food = "food",
        /// Care and assistance.
        Care = "care",
        /// Work.
        Work = "work",
        /// Education.
        Education = "education",
        /// Company.
        Isolation = "isolation",
        /// The home is about to be lost.
        Eviction = "eviction",
        /// Debts beyond the household's means.
        Debt = "debt",
        /// Bills for energy and water.
        Utilities = "utilities",
        /// Access to digital services.
        Digital = "digital",
        /// Italian.
        Language = "language",
        /// Permits, residence, papers.
        Documents = "documents",
        /// Access to health care.
        HealthAccess = "health-access",
        /// Transport.
        Mobility = "mobility",
        /// Support as a parent.
        Parenting = "parenting",
        /// Protection of a minor, also by order of a court.
        ChildProtection = "child-protection",
        /// Serious conflict in the family.
        FamilyConflict = "family-conflict",
        /// Support in pregnancy and after birth.
        Maternity = "maternity",
        /// Mental suffering.
        MentalHealth = "mental-health",
        /// Dependence on substances.
        Addiction = "addiction",
        /// Pathological gambling.
        Gambling = "gambling",
        /// Living with HIV.
        Hiv = "hiv",
        /// Violence or maltreatment suffered.
        Violence = "violence",
        /// Trafficking or serious exploitation suffered.
        Trafficking = "trafficking",
        /// Penal measures, also in execution outside prison.
        Justice = "justice",
        /// Leaving school early.
        SchoolDropout = "school-dropout",
        /// Cognitive decline.
        Dementia = "dementia",
        /// Depends on others in daily life.
        Dependency = "dependency",
        /// Relief for who cares for a relative.
        Respite = "respite",
        /// International protection, asked or granted.
        Asylum = "asylum",
        /// Foreign minor without an adult responsible.
        Unaccompanied = "unaccompanied",
    }
}

impl Need {
    /// Whether having it recorded is a special category of data (Art. 9 GDPR): it tells of somebody's health.
    pub fn is_special_category(self) -> bool {
        matches!(
            self,
            Need::Maternity
                | Need::MentalHealth
                | Need::Addiction
                | Need::Gambling
                | Need::Hiv
                | Need::Dementia
                | Need::Dependency
        )
    }

    /// The harm to a group that an answer about people with this need could do.
    pub fn group_harm(self) -> Option<GroupHarm> {
        match self {
            Need::Language | Need::Documents | Need::Asylum | Need::Unaccompanied => {
                Some(GroupHarm::Ethnicity)
            }
            Need::ChildProtection | Need::Violence => Some(GroupHarm::Violence),
            Need::Addiction | Need::Gambling => Some(GroupHarm::Addiction),
            Need::Hiv => Some(GroupHarm::Hiv),
            Need::Trafficking => Some(GroupHarm::Trafficking),
            Need::Justice => Some(GroupHarm::Offenders),
            _ => None,
        }
    }
}

// One bit each in `Recorded`.
const _: () = assert!(Need::ALL.len() <= 32);
