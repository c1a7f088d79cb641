//! The policy a new node begins with, for its officer to read and narrow.
//! It allows what a municipal planning study needs, names what is sensitive as denied, and states its lifetime loss in words.

use protocol::PublicKey;

/// The text of a starter policy.
pub fn starter(
    organisation: &str,
    requester: &str,
    requester_key: &PublicKey,
    dpo_key: &PublicKey,
) -> String {
    format!(
        r#"# Policy of {organisation}. Read it with your data protection officer; every line can be narrowed.
# A change takes effect within seconds and changes the hash that every receipt and log entry names.
version = 1
organisation = "{organisation}"

# Keys are exchanged by another way than this network. A lifetime cap above the one in force needs two persons: two of
# `keys`, or one of them and one of `second_keys`, such as the legal representative's.
[dpo]
keys = ["{dpo_key}"]
# second_keys = []

[[requesters]]
organisation = "{requester}"
keys = ["{requester_key}"]

# Amounts in nano-rho. The lifetime cap of rho 10 is epsilon 32.2 at delta 1e-6; one year's rho 4 is epsilon 17.9,
# one study's rho 2.5 is epsilon 13.4. Nothing of it ever comes back: not with time, not with a new study.
[caps]
lifetime = 10_000_000_000
per_year = 4_000_000_000
per_dataset = 10_000_000_000
per_purpose = 8_000_000_000
per_study = 2_500_000_000
# One year, dataset, purpose or study may have a cap of its own, for instance:
# [caps.year]
# 2027 = 2_000_000_000
# [caps.purpose]
# research = 500_000_000

# Each purpose and the wider one it belongs to.
[purposes]
planning = ""
service-planning = "planning"
needs-assessment = "planning"
research = ""

[[rules]]
id = "planning-counts"
effect = "allow"
requesters = ["{requester}"]
purposes = ["planning"]
lawful_bases = ["art6-1-e"]
measures = ["persons", "events", "households", "first-time", "sum", "bins"]
targets = ["any"]            # never includes sensitive targets: those must be named
finest_level = "micro-area"
max_rho_per_query = 250_000_000

[[rules]]
id = "no-citizenship"
effect = "deny"
requesters = ["any"]
purposes = ["any"]
lawful_bases = ["any"]
measures = ["any"]
targets = ["non-eu-citizens"]
"#
    )
}
