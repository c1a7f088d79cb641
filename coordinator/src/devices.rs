//! Browsers in which a person signed in before, told by a cookie that only this process can make. A known browser is throttled
//! by itself, so that whoever guesses passwords elsewhere cannot lock its person out. It proves nothing else: the password is
//! asked all the same. The key lives in memory; a restart forgets all devices, as it forgets all counted attempts.

use crate::{CoordinatorError, secret};
use ring::hmac;

/// Makes and knows devices' cookies.
pub struct Devices {
    key: hmac::Key,
}

fn message(name: &str, device: &str) -> Vec<u8> {
    format!("wi-device-v1\n{device}\n{name}").into_bytes()
}

impl Devices {
    /// With a fresh key.
    ///
    /// # Errors
    /// [`CoordinatorError::NoRandomness`].
    pub fn new() -> Result<Devices, CoordinatorError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret::random::<32>()?);
        Ok(Devices { key })
    }

    /// The cookie of a browser in which `name` has just signed in: `device.tag`, both hexadecimal.
    ///
    /// # Errors
    /// [`CoordinatorError::NoRandomness`].
    pub fn introduce(&self, name: &str) -> Result<String, CoordinatorError> {
        let device = secret::identifier()?;
        let tag = hmac::sign(&self.key, &message(name, &device));
        Ok(format!("{device}.{}", protocol::hex(tag.as_ref())))
    }

    /// The device behind a cookie, where `name` signed in with it before.
    pub fn known(&self, name: &str, cookie: &str) -> Option<String> {
        let (device, tag) = cookie.split_once('.')?;
        let tag = protocol::from_hex::<32>(tag)?;
        hmac::verify(&self.key, &message(name, device), &tag).ok()?;
        Some(device.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_known_for_the_name_it_was_introduced_with_and_to_this_process() {
        let devices = Devices::new().expect("key");
        let cookie = devices.introduce("anna").expect("cookie");
        assert!(devices.known("anna", &cookie).is_some());
        assert_eq!(devices.known("bruno", &cookie), None);
        assert_eq!(Devices::new().expect("key").known("anna", &cookie), None);
        for wrong in ["", ".", "a.b", &cookie[1..], &cookie[..cookie.len() - 2]] {
            assert_eq!(devices.known("anna", wrong), None, "{wrong}");
        }
    }
}
