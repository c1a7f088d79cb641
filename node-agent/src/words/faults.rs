//! What is wrong, in the language of the person at the terminal. The crates say it in English; here is the Italian of their sentences.
//! What has none is shown in English rather than not at all.

use super::Language;
use crate::fault::Fault;
use crate::join::NotJoined;
use crate::link::LinkError;
use ::offer::{OfferError, Remark};
use identity::{ClientError, IdentityError};
use protocol::OfferNoticeError;
use snapshot::{Said, SnapshotError};
use source::{NoJoin, SourceError};
use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::sync::OnceLock;

/// An error with its causes, in one line.
pub fn said(error: &anyhow::Error, language: Language) -> String {
    if language == Language::En {
        return format!("{error:#}");
    }
    let causes = error.chain().map(in_italian);
    causes.collect::<Vec<_>>().join(": ")
}

/// The language asked for, or else that of this computer's terminal, with the word that stands before an error.
pub fn of_terminal(asked_for: Option<Language>) -> (Language, &'static str) {
    let language = asked_for.unwrap_or_else(Language::of_environment);
    (language, language.pick("errore", "error"))
}

/// What a connector or reader handed on in a box, with its type, so that it can be said in another language.
pub(crate) fn unboxed(error: snapshot::RecordsError) -> anyhow::Error {
    match error.downcast::<SourceError>() {
        Ok(error) => anyhow::Error::new(*error),
        Err(error) => anyhow::Error::from_boxed(error),
    }
}

fn in_italian(cause: &(dyn Error + 'static)) -> String {
    let known = (cause.downcast_ref().map(of_source))
        .or_else(|| cause.downcast_ref().map(of_snapshot))
        .or_else(|| cause.downcast_ref().map(of_join))
        .or_else(|| cause.downcast_ref().map(of_fault))
        .or_else(|| cause.downcast_ref().map(of_offer))
        .or_else(|| cause.downcast_ref().and_then(of_notice))
        .or_else(|| cause.downcast_ref().and_then(of_identity))
        .or_else(|| cause.downcast_ref().and_then(of_client))
        .or_else(|| cause.downcast_ref().map(of_joining))
        .or_else(|| cause.downcast_ref().map(of_link))
        .or_else(|| cause.downcast_ref().and_then(of_system));
    known.unwrap_or_else(|| cause.to_string())
}

fn italian() -> &'static BTreeMap<String, String> {
    static ITALIAN: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    // Unwrap safety: the file is compiled in, and a test reads it.
    ITALIAN.get_or_init(|| toml::from_str(include_str!("faults.it.toml")).expect("the sentences"))
}

/// The sentence with this key, its places filled.
fn say<const N: usize>(key: &str, places: [&str; N]) -> String {
    static NOTHING: snapshot::Sentence = snapshot::Sentence {
        id: "",
        english: "",
    };
    let text = italian().get(key).map_or("", String::as_str);
    NOTHING.with(places).in_words(text)
}

fn sentence(said: &Said) -> String {
    match italian().get(said.sentence.id) {
        Some(text) => of_toml(&said.in_words(text)),
        None => said.to_string(),
    }
}

/// The commonest words of the TOML reader, which speaks English.
fn of_toml(text: &str) -> String {
    const WORDS: [(&str, &str); 15] = [
        ("unknown field", "campo sconosciuto"),
        ("unknown variant", "valore sconosciuto"),
        ("missing field", "manca il campo"),
        ("duplicate key", "chiave ripetuta"),
        ("duplicate field", "campo ripetuto"),
        ("unclosed table", "tabella senza chiusura"),
        ("unclosed array", "elenco senza chiusura"),
        ("type: string \"", "type: testo \""),
        (", expected a boolean", "; ammesso: true o false"),
        (", expected a character", "; ammesso: un solo carattere"),
        (", expected a string", "; ammesso: un testo tra virgolette"),
        (", expected one of", "; ammessi:"),
        (", expected", "; ammesso:"),
        ("invalid type:", "tipo sbagliato:"),
        ("invalid value:", "valore sbagliato:"),
    ];
    WORDS
        .iter()
        .fold(text.to_owned(), |text, (english, italian)| {
            text.replace(english, italian)
        })
}

fn of_source(error: &SourceError) -> String {
    let path = |path: &std::path::Path| path.display().to_string();
    match error {
        SourceError::File { path: at, .. } => say("source-file", [&path(at)]),
        SourceError::Damaged { path: at, format } => say("source-damaged", [&path(at), format]),
        SourceError::Refused { path: at, problem } => {
            say("source-refused", [&path(at), &sentence(problem)])
        }
        SourceError::NoHeader { path: at } => say("source-no-header", [&path(at)]),
        SourceError::UnknownKind { place } => say("source-unknown-kind", [place]),
        SourceError::NoFormat { place } => say("source-no-format", [place]),
        SourceError::Config { key, problem } => say("source-config", [key, &sentence(problem)]),
        SourceError::Database { address, problem } => {
            say("source-database", [address, &sentence(problem)])
        }
        SourceError::MissingColumn { place, column, key } => {
            say("source-missing-column", [place, column, key])
        }
        SourceError::TooLarge { place } => say("source-too-large", [place]),
        SourceError::Stopped => say("source-stopped", []),
    }
}

fn of_snapshot(error: &SnapshotError) -> String {
    match error {
        SnapshotError::Mapping { key, problem } => {
            let key = key.replace("(line ", "(riga ");
            say("mapping-fault", [key.trim_start(), &sentence(problem)])
        }
        SnapshotError::MissingColumn { column, field } => {
            say("register-missing-column", [column, field])
        }
        SnapshotError::DuplicateColumn { column } => say("register-duplicate-column", [column]),
        SnapshotError::NoHeader => say("register-no-header", []),
        SnapshotError::TooLarge => say("register-too-large", []),
        SnapshotError::Register(_) | SnapshotError::Records(_) => say("register-unread", []),
        SnapshotError::NoFormat { key } => say("register-no-format", [key]),
        SnapshotError::File { action, .. } => match *action {
            "written" => say("snapshot-unwritten", []),
            _ => say("snapshot-unread", []),
        },
        SnapshotError::Damaged => say("snapshot-damaged", []),
        SnapshotError::UnknownVersion { found, known } => {
            say("snapshot-version", [&found.to_string(), &known.to_string()])
        }
    }
}

fn of_join(error: &NoJoin) -> String {
    match error {
        NoJoin::HomesAreKnown => say("join-homes-known", []),
        NoJoin::NoKey { name, key, columns } => say("join-no-key", [name, key, columns]),
        NoJoin::NoHomes { name, columns } => say("join-no-homes", [name, columns]),
        NoJoin::Unreadable => say("join-unreadable", []),
    }
}

fn of_fault(error: &Fault) -> String {
    sentence(&error.said)
}

fn of_offer(error: &OfferError) -> String {
    match error {
        OfferError::Io { path, .. } => say("source-file", [&path.display().to_string()]),
        OfferError::Format { file, problem } => format!("{file}: {}", sentence(problem)),
        OfferError::Rows(remarks) => {
            let lines = remarks.iter().map(|remark| of_remark(remark, Language::It));
            Vec::from_iter(lines).join("\n")
        }
    }
}

fn of_notice(error: &OfferNoticeError) -> Option<String> {
    match error {
        OfferNoticeError::NotPublishable(fault) => Some(format!(
            "{}: {}",
            sentence(&fault.place),
            sentence(&fault.problem)
        )),
        _ => None,
    }
}

/// One fault of an offer's file.
pub(crate) fn of_remark(remark: &Remark, language: Language) -> String {
    if language == Language::En {
        return remark.to_string();
    }
    let row = remark.row.to_string();
    let problem = sentence(&remark.problem);
    match remark.column.as_str() {
        "" => say("offer-row", [&remark.file, &row, &problem]),
        column => say("offer-cell", [&remark.file, &row, column, &problem]),
    }
}

fn of_identity(error: &IdentityError) -> Option<String> {
    let path = |path: &std::path::Path| path.display().to_string();
    Some(match error {
        IdentityError::AlreadyExists(at) => say("identity-exists", [&path(at)]),
        IdentityError::File { path: at, .. } => say("identity-file", [&path(at)]),
        IdentityError::NotAJoinString => say("identity-not-join-string", []),
        IdentityError::JoinVersion { found } => say("identity-join-version", [&found.to_string()]),
        IdentityError::JoinTruncated => say("identity-join-truncated", []),
        IdentityError::JoinChecksum => say("identity-join-checksum", []),
        IdentityError::JoinContent(_) => say("identity-join-content", []),
        IdentityError::PinMismatch => say("identity-pin", []),
        IdentityError::InvalidHex => say("identity-hex", []),
        _ => return None,
    })
}

fn of_client(error: &ClientError) -> Option<String> {
    Some(match error {
        ClientError::Unreachable(_) => say("client-unreachable", []),
        ClientError::CertificateRefused(_) => say("client-certificate", []),
        ClientError::ServerNotTrusted(_) => say("client-not-trusted", []),
        ClientError::Timeout(time) => say("client-timeout", [&time.as_millis().to_string()]),
        ClientError::InvalidReply(_) => say("client-reply", []),
        _ => return None,
    })
}

fn of_link(error: &LinkError) -> String {
    match error {
        LinkError::Unreachable(_) => say("link-unreachable", []),
        LinkError::Refused { code, .. } if code.contains("token") => say("link-refused-token", []),
        LinkError::Refused { code, message, .. } => say("link-refused", [code, message]),
    }
}

fn of_joining(error: &NotJoined) -> String {
    match error {
        NotJoined::OtherOrganisation {
            invited,
            organisation,
        } => say("identity-other-organisation", [invited, organisation]),
        NotJoined::OtherLogKey => say("identity-other-log-key", []),
        NotJoined::NotAnOfficer => say("identity-not-an-officer", []),
    }
}

fn of_system(error: &io::Error) -> Option<String> {
    Some(match error.kind() {
        io::ErrorKind::NotFound => say("system-not-found", []),
        io::ErrorKind::PermissionDenied => say("system-denied", []),
        io::ErrorKind::AlreadyExists => say("system-exists", []),
        io::ErrorKind::IsADirectory => say("system-folder", []),
        io::ErrorKind::StorageFull => say("system-full", []),
        io::ErrorKind::ReadOnlyFilesystem => say("system-read-only", []),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::Mapping;

    /// The places of a sentence.
    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<&str> = (text.split('{').skip(1))
            .filter_map(|part| part.split_once('}').map(|(place, _)| place))
            .filter(|place| place.bytes().all(|byte| byte.is_ascii_digit()))
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    #[test]
    fn every_sentence_of_the_crates_below_is_there_in_italian_and_none_other() {
        let below = (snapshot::MAPPING_SENTENCES.iter())
            .chain(source::SOURCE_SENTENCES)
            .chain(offer::OFFER_SENTENCES)
            .chain(crate::fault::NODE_SENTENCES);
        let mut known: Vec<&str> = Vec::new();
        for sentence in below {
            let text = italian()
                .get(sentence.id)
                .unwrap_or_else(|| panic!("{} is missing", sentence.id));
            assert_eq!(places(text), places(sentence.english), "{}", sentence.id);
            known.push(sentence.id);
        }
        let here = include_str!("faults.rs");
        for key in italian().keys() {
            let said = known.contains(&key.as_str()) || here.contains(&format!("say(\"{key}\""));
            assert!(said, "{key} is never said");
        }
        for rest in here.split("say(\"").skip(1) {
            let key = rest.split('"').next().unwrap_or_default();
            let here = key.is_empty() || key.contains('{') || italian().contains_key(key);
            assert!(here, "{key} is missing");
        }
    }

    #[test]
    fn an_error_is_said_with_its_causes_in_the_language_asked_for() {
        let wrong = Mapping::municipal_register().replace("nil = \"NIL\"", "nihil = \"NIL\"");
        let error = anyhow::Error::new(Mapping::parse(&wrong).expect_err("wrong"))
            .context("la mappatura non si capisce");
        let italian = said(&error, Language::It);
        assert!(
            italian.starts_with("la mappatura non si capisce: mappatura, columns.nihil")
                && italian.contains("campo sconosciuto `nihil`; ammessi: `codice_fiscale`"),
            "{italian}"
        );
        let english = said(&error, Language::En);
        assert!(english.contains("unknown field `nihil`"), "{english}");
        let file = SourceError::File {
            path: "/srv/registro.csv".into(),
            source: io::Error::from(io::ErrorKind::PermissionDenied),
        };
        let boxed: snapshot::RecordsError = Box::new(file);
        assert_eq!(
            said(&unboxed(boxed), Language::It),
            "non si legge /srv/registro.csv: manca il permesso; controllate a chi appartiene e chi può leggere"
        );
        let joined = anyhow::Error::new(IdentityError::JoinTruncated);
        assert!(said(&joined, Language::It).contains("manca la fine"));
        // What nobody translated is said all the same.
        let other = anyhow::anyhow!("something else");
        assert_eq!(said(&other, Language::It), "something else");
    }
}
