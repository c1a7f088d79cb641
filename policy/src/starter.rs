//! The policies a new node may begin with, for its officer to read and narrow.
//! Each allows what a municipal planning study needs of such a body, denies what is sensitive, and states its loss in words.

use protocol::PublicKey;

/// The kinds of body that a starter policy is written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Starter {
    /// A department of the Comune.
    #[default]
    ComuneDepartment,
    /// A social cooperative.
    Cooperative,
    /// A volunteer association.
    VolunteerAssociation,
}

impl Starter {
    /// Every kind.
    pub const ALL: [Starter; 3] = [
        Starter::ComuneDepartment,
        Starter::Cooperative,
        Starter::VolunteerAssociation,
    ];

    /// Its name at the command line.
    pub fn id(self) -> &'static str {
        match self {
            Starter::ComuneDepartment => "comune-department",
            Starter::Cooperative => "cooperative",
            Starter::VolunteerAssociation => "volunteer-association",
        }
    }

    /// The kind of that name.
    pub fn from_id(id: &str) -> Option<Starter> {
        Starter::ALL.into_iter().find(|kind| kind.id() == id)
    }

    /// The text of the policy for a body, with the one requester it pins and its officer's key.
    pub fn text(
        self,
        organisation: &str,
        requester: &str,
        requester_key: &PublicKey,
        dpo_key: &PublicKey,
    ) -> String {
        let template = match self {
            Starter::ComuneDepartment => include_str!("../starters/comune-department.toml"),
            Starter::Cooperative => include_str!("../starters/cooperative.toml"),
            Starter::VolunteerAssociation => include_str!("../starters/volunteer-association.toml"),
        };
        template
            .replace("{organisation}", organisation)
            .replace("{requester}", requester)
            .replace("{requester_key}", &requester_key.to_string())
            .replace("{dpo_key}", &dpo_key.to_string())
    }
}

impl Starter {
    /// The decisions that the policy is expected to make, a file of cases to be kept beside it.
    pub fn cases(self, requester: &str) -> String {
        let template = match self {
            Starter::ComuneDepartment => include_str!("../starters/comune-department.cases.toml"),
            Starter::Cooperative => include_str!("../starters/cooperative.cases.toml"),
            Starter::VolunteerAssociation => {
                include_str!("../starters/volunteer-association.cases.toml")
            }
        };
        template.replace("{requester}", requester)
    }
}

/// The text of the starter policy of a department of the Comune.
pub fn starter(
    organisation: &str,
    requester: &str,
    requester_key: &PublicKey,
    dpo_key: &PublicKey,
) -> String {
    Starter::default().text(organisation, requester, requester_key, dpo_key)
}
