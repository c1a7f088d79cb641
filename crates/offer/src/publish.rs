//! Whether an offer may be published: it is small, holds together, names what the taxonomy knows, and nothing in it looks like a
//! person. Offers describe places and services; a codice fiscale or a mailbox in a free text is a slip, and is refused.

use crate::model::Offer;
use crate::sentences::{
    AT_NO_SITE, CONTROL, MAILBOX, PERSON, SERVICE, SERVICE_TWICE, SERVICES, SITE, SITE_TWICE,
    SITES, STRANGE_SERVICE, STRANGE_TARGET, TOO_LONG, TOO_MANY,
};
use sentence::Said;
use std::collections::BTreeSet;
use taxonomy::Taxonomy;

/// Most sites of one organisation.
pub const MOST_SITES: usize = 2_000;
/// Most services of one organisation.
pub const MOST_SERVICES: usize = 10_000;
/// Most characters of one text.
pub const LONGEST_TEXT: usize = 2_000;

/// Why an offer is not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct NotPublishable {
    /// Which site or service, and which field.
    pub place: Said,
    /// What is wrong and what to do.
    pub problem: Said,
}

fn fault<T>(place: impl Into<Said>, problem: impl Into<Said>) -> Result<T, NotPublishable> {
    Err(NotPublishable {
        place: place.into(),
        problem: problem.into(),
    })
}

impl Offer {
    /// Checks that it may be published.
    ///
    /// # Errors
    /// The first thing that is in the way.
    pub fn check_publishable(&self) -> Result<(), NotPublishable> {
        for (what, number, most) in [
            (&SITES, self.sites.len(), MOST_SITES),
            (&SERVICES, self.services.len(), MOST_SERVICES),
        ] {
            if number > most {
                let counts = [&*number.to_string(), &most.to_string()];
                return fault(what, TOO_MANY.with(counts));
            }
        }
        let mut sites = BTreeSet::new();
        for site in &self.sites {
            let place = SITE.with([&site.id]);
            if !sites.insert(site.id.as_str()) {
                return fault(place, &SITE_TWICE);
            }
            check_texts(
                &place,
                [
                    Some(&site.id),
                    Some(&site.name),
                    site.organisation.as_ref(),
                    site.address.as_ref(),
                ],
            )?;
        }
        let mut services = BTreeSet::new();
        let taxonomy = Taxonomy::current();
        for service in &self.services {
            let place = SERVICE.with([&service.id]);
            if !services.insert(service.id.as_str()) {
                return fault(place, &SERVICE_TWICE);
            }
            check_texts(
                &place,
                [
                    Some(&service.id),
                    Some(&service.name),
                    service.organisation.as_ref(),
                    service.description.as_ref(),
                    service.served.as_ref(),
                    service.cost.as_ref(),
                    service.access.as_ref(),
                ],
            )?;
            for opening in &service.opening {
                check_texts(&place, opening.days.iter().map(Some))?;
                check_texts(
                    &place,
                    [
                        opening.from.as_ref(),
                        opening.to.as_ref(),
                        opening.description.as_ref(),
                    ],
                )?;
            }
            if let Some(site) = service.sites.iter().find(|id| !sites.contains(id.as_str())) {
                return fault(place, AT_NO_SITE.with([site]));
            }
            if let Some(id) = service
                .service
                .as_ref()
                .filter(|id| taxonomy.service_index(id).is_none())
            {
                return fault(place, STRANGE_SERVICE.with([id]));
            }
            if let Some(id) = service
                .targets
                .iter()
                .find(|id| taxonomy.target(id).is_none())
            {
                return fault(place, STRANGE_TARGET.with([id]));
            }
        }
        Ok(())
    }
}

fn check_texts<'t>(
    place: &Said,
    texts: impl IntoIterator<Item = Option<&'t String>>,
) -> Result<(), NotPublishable> {
    for text in texts.into_iter().flatten() {
        if text.chars().count() > LONGEST_TEXT {
            return fault(place.clone(), TOO_LONG.with([&LONGEST_TEXT.to_string()]));
        }
        if text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
        {
            return fault(place.clone(), &CONTROL);
        }
        // What it says is not repeated: it may be a person's.
        if text.split_whitespace().any(looks_like_a_mailbox) {
            return fault(place.clone(), &MAILBOX);
        }
        if text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(looks_like_a_codice_fiscale)
        {
            return fault(place.clone(), &PERSON);
        }
    }
    Ok(())
}

/// Something, an at sign, and something with a dot within.
fn looks_like_a_mailbox(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && host
                .trim_end_matches(|c: char| !c.is_alphanumeric())
                .contains('.')
    })
}

/// Six letters, two digits, a letter, two digits, a letter, three digits, a letter, where digits may be the letters that stand for
/// them.
fn looks_like_a_codice_fiscale(word: &str) -> bool {
    const LETTERS: [bool; 16] = [
        true, true, true, true, true, true, false, false, true, false, false, true, false, false,
        false, true,
    ];
    let digit = |b: u8| b.is_ascii_digit() || b"LMNPQRSTUV".contains(&b.to_ascii_uppercase());
    word.len() == 16
        && word.bytes().any(|b| b.is_ascii_digit())
        && (word.bytes().zip(LETTERS)).all(|(b, letter)| {
            if letter {
                b.is_ascii_alphabetic()
            } else {
                digit(b)
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{OfferedService, Site};

    fn offer() -> Offer {
        Offer {
            sites: vec![Site {
                id: "a".to_owned(),
                name: "Sportello".to_owned(),
                ..Site::default()
            }],
            services: vec![OfferedService {
                id: "1".to_owned(),
                name: "Centro diurno".to_owned(),
                service: Some("day-centre".to_owned()),
                targets: ["minors".to_owned()].into(),
                sites: ["a".to_owned()].into(),
                capacity: Some(20),
                ..OfferedService::default()
            }],
        }
    }

    #[test]
    fn what_holds_together_is_publishable_and_reads_back() {
        assert_eq!(offer().check_publishable(), Ok(()));
        let text = serde_json::to_string(&offer()).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Offer>(&text).expect("an offer"),
            offer()
        );
    }

    #[test]
    fn what_does_not_is_named() {
        let refused = |change: fn(&mut Offer), words: &str| {
            let mut offer = offer();
            change(&mut offer);
            let said = offer.check_publishable().expect_err(words).to_string();
            assert!(said.contains(words), "{words}: {said}");
        };
        refused(|o| o.sites.clear(), "which the offer does not hold");
        refused(|o| o.sites.push(o.sites[0].clone()), "stands twice");
        refused(
            |o| o.services[0].service = Some("x".to_owned()),
            "`x` is no service",
        );
        refused(
            |o| o.services[0].targets = ["x".to_owned()].into(),
            "`x` is no target",
        );
        refused(
            |o| o.services[0].name = "x".repeat(LONGEST_TEXT + 1),
            "shorten",
        );
        refused(
            |o| o.services[0].access = Some("Chiedere di RSSMRA85T10A562S.".to_owned()),
            "codice fiscale",
        );
        refused(
            |o| o.services[0].access = Some("Scrivere a anna.rossi@ente.example.".to_owned()),
            "mailbox",
        );
        let mut with = offer();
        with.services[0].access = Some("Chiedere di RSSMRA85T10A562S.".to_owned());
        let said = with.check_publishable().expect_err("refused").to_string();
        assert!(!said.contains("RSSMRA"), "{said}");
    }
}
