//! JSON as queries may use it: integers, ASCII, no duplicate keys, bounded depth.
//! It refuses what two readers could understand differently, and says where.

use crate::refusal::{Refusal, RefusalCode};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// Deepest nesting of objects and arrays.
pub const MAX_DEPTH: usize = 16;
/// Largest query in bytes.
pub const MAX_BYTES: usize = 65_536;

/// A strict JSON value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A number that is no 64-bit integer; kept so that the refusal can name where it stands.
    NotAnInteger,
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object with distinct keys.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Parses strictly.
    ///
    /// # Errors
    /// A [`Refusal`] that names the place: too large, nested too deeply, not JSON, a key twice,
    /// text beyond ASCII.
    pub fn parse(bytes: &[u8]) -> Result<Json, Refusal> {
        let refuse = |code, message: &str| Refusal::new("$", code, message);
        if bytes.len() > MAX_BYTES {
            return Err(refuse(
                RefusalCode::TooLarge,
                "the query is larger than 64 KiB",
            ));
        }
        // Depth is judged before parsing, so that no parser's own limit decides.
        let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
        for &byte in bytes {
            match (in_string, byte) {
                (true, _) if escaped => escaped = false,
                (true, b'\\') => escaped = true,
                (true, b'"') => in_string = false,
                (true, _) => {}
                (false, b'"') => in_string = true,
                (false, b'{' | b'[') => depth += 1,
                (false, b'}' | b']') => depth = depth.saturating_sub(1),
                (false, _) => {}
            }
            if depth > MAX_DEPTH {
                return Err(refuse(
                    RefusalCode::TooDeep,
                    "nested more than 16 levels deep",
                ));
            }
        }
        let value: Json = serde_json::from_slice(bytes).map_err(|error| {
            let text = error.to_string();
            match text.strip_prefix("key given twice: ") {
                Some(key) => {
                    let key = key.split(" at line").next().unwrap_or_default();
                    refuse(
                        RefusalCode::DuplicateKey,
                        &format!("the key `{key}` is given twice"),
                    )
                }
                None => Refusal::new(
                    "$",
                    RefusalCode::NotJson,
                    &format!(
                        "not JSON (line {}, column {})",
                        error.line(),
                        error.column()
                    ),
                ),
            }
        })?;
        value.check_text("$")?;
        Ok(value)
    }

    fn check_text(&self, path: &str) -> Result<(), Refusal> {
        let ascii = |text: &str, path: &str| {
            if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
                Ok(())
            } else {
                Err(Refusal::new(
                    path,
                    RefusalCode::NotAscii,
                    "identifiers are plain ASCII; a look-alike letter or control character stands here",
                ))
            }
        };
        match self {
            Json::String(text) => ascii(text, path),
            Json::NotAnInteger => Err(Refusal::new(
                path,
                RefusalCode::NotAnInteger,
                "numbers are whole numbers of at most 64 bits",
            )),
            Json::Array(items) => (items.iter().enumerate())
                .try_for_each(|(i, item)| item.check_text(&format!("{path}[{i}]"))),
            Json::Object(fields) => fields.iter().try_for_each(|(key, item)| {
                ascii(key, path)?;
                item.check_text(&format!("{path}.{key}"))
            }),
            Json::Null | Json::Bool(_) | Json::Integer(_) => Ok(()),
        }
    }
}

/// Compact text with keys in ascending order: the canonical form.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null | Json::NotAnInteger => f.write_str("null"),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Integer(value) => write!(f, "{value}"),
            Json::String(text) => write_string(f, text),
            Json::Array(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Json::Object(fields) => {
                f.write_str("{")?;
                for (i, (key, item)) in fields.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { "," })?;
                    write_string(f, key)?;
                    write!(f, ":{item}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::NotAnInteger, Json::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::NotAnInteger)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, Json>()? {
            if fields.contains_key(&key) {
                return Err(A::Error::custom(format!("key given twice: {key}")));
            }
            fields.insert(key, value);
        }
        Ok(Json::Object(fields))
    }
}
