//! Groups that an answer can harm although it shows no person: differential privacy does not hide that a small group lives
//! somewhere.

use crate::vocabulary;

vocabulary! {
    /// Why a group is shown for the whole city only, and only where a policy names it.
    GroupHarm {
        /// People who suffered violence, minors under protection.
        Violence = "violence",
        /// People who suffered trafficking or exploitation.
        Trafficking = "trafficking",
        /// People living with HIV.
        Hiv = "hiv",
        /// People with an addiction.
        Addiction = "addiction",
        /// People under penal measures.
        Offenders = "offenders",
        /// Groups that stand for an ethnic or national origin.
        Ethnicity = "ethnicity",
    }
}
