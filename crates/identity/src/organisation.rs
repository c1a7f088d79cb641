//! The form of an organisation's id, which names it in certificates, requests and logs.
//! The form is checked wherever an id enters; whether the organisation exists is not known here.

use crate::IdentityError;

/// Accepts 1 to 63 characters of `a-z`, `0-9` and `-`, the `-` neither first, last nor doubled.
///
/// # Errors
/// [`IdentityError::InvalidOrganisation`] for anything else.
pub fn check_organisation(id: &str) -> Result<(), IdentityError> {
    let well_formed = (1..=63).contains(&id.len())
        && id
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !id.starts_with('-')
        && !id.ends_with('-')
        && !id.contains("--");
    if well_formed {
        Ok(())
    } else {
        Err(IdentityError::InvalidOrganisation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_ids_are_organisations() {
        for id in ["comune-milano", "a", "node7"] {
            assert!(check_organisation(id).is_ok(), "{id}");
        }
        let long = "a".repeat(64);
        for id in [
            "",
            "-a",
            "a-",
            "a--b",
            "A",
            "a b",
            "a:b",
            "è",
            long.as_str(),
        ] {
            assert!(check_organisation(id).is_err(), "{id}");
        }
    }
}
