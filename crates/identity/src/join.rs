//! The join string: everything a volunteer must paste once for a node to find and trust the coordinator.
//! It carries a secret, its single-use token, so it is neither printed by Debug nor kept.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::address::authority_of;
use crate::fingerprint::sha256;
use crate::organisation::check_organisation;
use crate::{Fingerprint, IdentityError, PublicKey, hex};

const VERSION: u32 = 1;
const CHECK_DIGITS: usize = 8;

/// What a join string says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinString {
    /// The coordinator's address for nodes, `host:port`.
    pub address: String,
    /// The fingerprint of the coordinator's certificate authority.
    pub authority: Fingerprint,
    /// The key with which the coordinator signs its log.
    pub log_key: PublicKey,
    /// The organisation invited.
    pub organisation: String,
    /// The single-use secret.
    pub token: JoinToken,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    a: String,
    ca: String,
    log: String,
    o: String,
    t: String,
}

impl JoinString {
    /// The text to hand over: `wi1.`, the content as base64url of JSON, `.` and 8 check digits. The
    /// address may be given as `https://host:port`.
    ///
    /// # Errors
    /// [`IdentityError::InvalidAddress`] or [`IdentityError::InvalidOrganisation`].
    pub fn encode(&self) -> Result<String, IdentityError> {
        check_organisation(&self.organisation)?;
        let content = Content {
            a: authority_of(&self.address)?,
            ca: self.authority.to_string(),
            log: self.log_key.to_string(),
            o: self.organisation.clone(),
            t: self.token.as_str().to_owned(),
        };
        let json = serde_json::to_vec(&content)
            .map_err(|_| IdentityError::JoinContent("not writable as JSON"))?;
        let body = format!("wi{VERSION}.{}", URL_SAFE_NO_PAD.encode(json));
        Ok(format!("{body}.{}", check_digits(&body)))
    }
}

impl FromStr for JoinString {
    type Err = IdentityError;

    /// Reads a pasted join string; white space and line breaks in it are ignored.
    fn from_str(pasted: &str) -> Result<Self, IdentityError> {
        let text: String = pasted.chars().filter(|c| !c.is_whitespace()).collect();
        let (head, rest) = text.split_once('.').unwrap_or((text.as_str(), ""));
        let version = head
            .strip_prefix("wi")
            .and_then(|digits| digits.parse::<u32>().ok())
            .ok_or(IdentityError::NotAJoinString)?;
        if version != VERSION {
            return Err(IdentityError::JoinVersion { found: version });
        }
        let (encoded, check) = rest.rsplit_once('.').ok_or(IdentityError::JoinTruncated)?;
        if check.len() < CHECK_DIGITS {
            return Err(IdentityError::JoinTruncated);
        }
        if check != check_digits(&format!("{head}.{encoded}")) {
            return Err(IdentityError::JoinChecksum);
        }
        let json = URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| IdentityError::JoinContent("not base64url"))?;
        let content: Content = serde_json::from_slice(&json)
            .map_err(|_| IdentityError::JoinContent("not the JSON expected"))?;
        check_organisation(&content.o).map_err(|_| IdentityError::JoinContent("organisation"))?;
        Ok(Self {
            address: authority_of(&content.a).map_err(|_| IdentityError::JoinContent("address"))?,
            authority: content
                .ca
                .parse()
                .map_err(|_| IdentityError::JoinContent("authority fingerprint"))?,
            log_key: content
                .log
                .parse()
                .map_err(|_| IdentityError::JoinContent("log key"))?,
            organisation: content.o,
            token: content.t.parse()?,
        })
    }
}

/// The first digits of SHA-256: they catch a slip of the mouse, not an attacker, who could only
/// send the volunteer's node to a coordinator of their own choosing by replacing the whole string.
fn check_digits(body: &str) -> String {
    let mut digits = hex::encode(&sha256(body.as_bytes()));
    digits.truncate(CHECK_DIGITS);
    digits
}

/// A single-use secret of 256 random bits, written as 43 characters of base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken(String);

impl JoinToken {
    /// Makes a token.
    ///
    /// # Errors
    /// [`IdentityError::NoRandomness`].
    pub fn generate() -> Result<Self, IdentityError> {
        let mut bytes = [0; 32];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| IdentityError::NoRandomness)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The token's text, as sent when joining.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the coordinator stores instead of the token; see [`token_hash`].
    pub fn hash(&self) -> String {
        token_hash(&self.0)
    }
}

impl FromStr for JoinToken {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(IdentityError::JoinContent("token")),
        }
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinToken(..)")
    }
}

/// The stored form of a token: SHA-256, in hexadecimal, of its text after a fixed prefix. A plain
/// digest suffices, since nobody can try all values of 256 random bits; looking the digest up tells
/// an attacker nothing about other tokens, so no constant-time comparison is needed.
pub fn token_hash(token: &str) -> String {
    hex::encode(&sha256(format!("wi-join-token-v1\n{token}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;

    fn sample() -> JoinString {
        JoinString {
            address: "nodes.example:8421".to_owned(),
            authority: Fingerprint::of_der(b"authority"),
            log_key: SigningKey::ephemeral().unwrap().public_key(),
            organisation: "associazione-ortica".to_owned(),
            token: JoinToken::generate().unwrap(),
        }
    }

    #[test]
    fn a_join_string_survives_pasting_with_line_breaks() {
        let made = sample();
        let text = made.encode().unwrap();
        assert!(text.starts_with("wi1."));
        assert_eq!(text.parse::<JoinString>().unwrap(), made);
        let (left, right) = text.split_at(70);
        let wrapped = format!("  {left}\r\n{right}\n");
        assert_eq!(wrapped.parse::<JoinString>().unwrap(), made);
    }

    #[test]
    fn every_truncation_and_every_altered_character_is_refused() {
        let text = sample().encode().unwrap();
        for end in 0..text.len() {
            assert!(text[..end].parse::<JoinString>().is_err(), "cut at {end}");
        }
        for index in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] = if bytes[index] == b'x' { b'y' } else { b'x' };
            let altered = String::from_utf8(bytes).unwrap();
            assert!(altered.parse::<JoinString>().is_err(), "altered at {index}");
        }
    }

    #[test]
    fn the_error_says_what_is_wrong() {
        let text = sample().encode().unwrap();
        let parse = |text: &str| text.parse::<JoinString>().unwrap_err();
        let cut = &text[..text.len() - 3];
        assert!(matches!(parse(cut), IdentityError::JoinTruncated));
        let cut = &text[..text.len() / 2];
        assert!(matches!(parse(cut), IdentityError::JoinTruncated));
        assert!(matches!(parse("hello"), IdentityError::NotAJoinString));
        assert!(matches!(parse(""), IdentityError::NotAJoinString));
        let newer = text.replacen("wi1.", "wi2.", 1);
        assert!(matches!(
            parse(&newer),
            IdentityError::JoinVersion { found: 2 }
        ));
        let doubled = format!("{text}0");
        assert!(matches!(parse(&doubled), IdentityError::JoinChecksum));
    }

    #[test]
    fn valid_check_digits_do_not_excuse_bad_content() {
        let wrap = |json: &str| {
            let body = format!("wi1.{}", URL_SAFE_NO_PAD.encode(json));
            format!("{body}.{}", check_digits(&body)).parse::<JoinString>()
        };
        let hex = "0".repeat(64);
        let token = JoinToken::generate().unwrap();
        let json = |address: &str, organisation: &str, extra: &str| {
            format!(
                r#"{{"a":"{address}","ca":"{hex}","log":"{hex}","o":"{organisation}","t":"{}"{extra}}}"#,
                token.as_str()
            )
        };
        assert!(wrap(&json("h:1", "caritas", "")).is_ok());
        assert!(wrap(&json("http://h:1", "caritas", "")).is_err());
        assert!(wrap(&json("h:1", "Not An Id", "")).is_err());
        assert!(wrap(&json("h:1", "caritas", r#","x":1"#)).is_err());
        assert!(wrap("{}").is_err());
    }

    #[test]
    fn tokens_differ_hash_stably_and_are_not_printed() {
        let token = JoinToken::generate().unwrap();
        assert_ne!(token, JoinToken::generate().unwrap());
        assert_eq!(token.as_str().len(), 43);
        assert_eq!(token.hash(), token_hash(token.as_str()));
        assert_ne!(
            token.hash(),
            hex::encode(&sha256(token.as_str().as_bytes()))
        );
        assert!(!format!("{token:?}").contains(token.as_str()));
        let invitation = sample();
        assert!(!format!("{invitation:?}").contains(invitation.token.as_str()));
    }
}
