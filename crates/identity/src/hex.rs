//! Lower-case hexadecimal of 32-byte values, the one written form of keys and digests.
//! Upper-case digits are refused, so that equal values have equal text.

use crate::IdentityError;

pub(crate) fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
    }
    text
}

pub(crate) fn decode_32(text: &str) -> Result<[u8; 32], IdentityError> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return Err(IdentityError::InvalidHex);
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (nibble(pair[0])? << 4) | nibble(pair[1])?;
    }
    Ok(bytes)
}

fn nibble(digit: u8) -> Result<u8, IdentityError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(IdentityError::InvalidHex),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_refuses_other_spellings() {
        let bytes: [u8; 32] = std::array::from_fn(|index| (index * 8 + 7) as u8);
        let text = encode(&bytes);
        assert_eq!(decode_32(&text).unwrap(), bytes);
        assert!(decode_32(&text.to_uppercase()).is_err());
        assert!(decode_32(&text[1..]).is_err());
        assert!(decode_32(&format!("{text}0")).is_err());
        assert!(decode_32(&"è".repeat(32)).is_err());
    }
}
