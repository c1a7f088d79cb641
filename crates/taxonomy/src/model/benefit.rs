//! Benefits in money or in kind, with the code of the national nomenclature where there is one.
//! Codes: INPS controlled vocabulary `tipo_categoria_siuss` (CC BY 4.0), to which SIUSS flows are bound.

use crate::vocabulary;

vocabulary! {
    /// Benefits received.
    Benefit {
        /// Assegno di inclusione.
        Adi = "adi",
        /// Carer's allowance.
        CarerAllowance = "carer-allowance",
        /// Disability allowance.
        DisabilityAllowance = "disability-allowance",
        /// Help with the rent.
        RentAid = "rent-aid",
        /// The municipal allowance for families.
        FamilyAllowance = "family-allowance",
        /// The municipal maternity allowance.
        MaternityAllowance = "maternity-allowance",
        /// Carta acquisti.
        PurchaseCard = "purchase-card",
        /// Municipal supplement of the family income.
        IncomeSupplement = "income-supplement",
        /// Vouchers for food or meals.
        ShoppingVouchers = "shopping-vouchers",
        /// Help with nursery fees.
        NurseryAid = "nursery-aid",
        /// Help with school costs.
        SchoolAid = "school-aid",
        /// Help with the cost of treatment.
        TreatmentAid = "treatment-aid",
        /// Money for living at home with support.
        HomeCareAid = "home-care-aid",
        /// Help with day centre fees.
        DayCentreAid = "day-centre-aid",
        /// Help with residential fees.
        ResidentialAid = "residential-aid",
        /// Help with transport.
        TransportAid = "transport-aid",
        /// Grant for entering work.
        WorkGrant = "work-grant",
        /// Scholarship.
        Scholarship = "scholarship",
        /// Contribution to a foster family.
        FosterAid = "foster-aid",
        /// Reduced bills.
        UtilityBonus = "utility-bonus",
        /// Reduced municipal taxes.
        TaxRelief = "tax-relief",
        /// Reduced school meals.
        SchoolMeals = "school-meals",
        /// Public housing.
        PublicHousing = "public-housing",
        /// Pension for civil disability.
        DisabilityPension = "disability-pension",
        /// Indennità di accompagnamento.
        AttendanceAllowance = "attendance-allowance",
        /// Indennità di frequenza.
        FrequencyAllowance = "frequency-allowance",
        /// Indennità di comunicazione.
        CommunicationAllowance = "communication-allowance",
        /// Assegno sociale.
        SocialAllowance = "social-allowance",
        /// Paid leave under law 104/1992.
        CareLeave = "care-leave",
        /// National fund for very severe disability.
        SevereDisabilityFund = "severe-disability-fund",
        /// Fund for disabled people without family support.
        AfterUs = "after-us",
        /// Reddito di cittadinanza.
        CitizenshipIncome = "citizenship-income",
    }
}

impl Benefit {
    /// Its code in the national nomenclature of social benefits (SIUSS).
    pub fn siuss(self) -> Option<&'static str> {
        Some(match self {
            Benefit::Adi | Benefit::CarerAllowance => return None,
            Benefit::DisabilityAllowance => "A4.04",
            Benefit::RentAid => "A1.05.01",
            Benefit::FamilyAllowance => "A1.01",
            Benefit::MaternityAllowance => "A1.02",
            Benefit::PurchaseCard => "A1.03",
            Benefit::IncomeSupplement => "A1.04",
            Benefit::ShoppingVouchers => "A1.06",
            Benefit::NurseryAid => "A1.07",
            Benefit::SchoolAid => "A1.09",
            Benefit::TreatmentAid => "A1.10",
            Benefit::HomeCareAid => "A1.11",
            Benefit::DayCentreAid => "A1.12",
            Benefit::ResidentialAid => "A1.14",
            Benefit::TransportAid => "A1.16",
            Benefit::WorkGrant => "A1.18",
            Benefit::Scholarship => "A1.19",
            Benefit::FosterAid => "A1.22",
            Benefit::UtilityBonus => "A2.05",
            Benefit::TaxRelief => "A2.06",
            Benefit::SchoolMeals => "A2.12",
            Benefit::PublicHousing => "A3.04",
            Benefit::DisabilityPension => "A4.01",
            Benefit::AttendanceAllowance => "A4.05",
            Benefit::FrequencyAllowance => "A4.07",
            Benefit::CommunicationAllowance => "A4.08",
            Benefit::SocialAllowance => "A4.10",
            Benefit::CareLeave => "A4.20",
            Benefit::SevereDisabilityFund => "A9.01.01",
            Benefit::AfterUs => "A9.02.01",
            Benefit::CitizenshipIncome => "A7.01",
        })
    }

    /// Whether receiving it is a special category of data (Art. 9 GDPR): it follows from a disability or an illness.
    pub fn is_special_category(self) -> bool {
        matches!(
            self,
            Benefit::DisabilityAllowance
                | Benefit::TreatmentAid
                | Benefit::DisabilityPension
                | Benefit::AttendanceAllowance
                | Benefit::FrequencyAllowance
                | Benefit::CommunicationAllowance
                | Benefit::CareLeave
                | Benefit::SevereDisabilityFund
                | Benefit::AfterUs
        )
    }
}

// One bit each in `Recorded`.
const _: () = assert!(Benefit::ALL.len() <= 32);
