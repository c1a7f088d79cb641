//! Slows down guessing of passwords. Attempts are counted before they are tried, so that many at once count too, per source: a
//! browser that signed in before, or a network address. What one source does makes no other wait.

use crate::connections::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Attempts are counted over so many seconds.
const WINDOW: i64 = 60;
/// Failed attempts at one name from one source.
const PER_NAME: u32 = 5;
/// Failed attempts at all names from one source.
const PER_SOURCE: u32 = 30;
/// Most counters kept.
const KEPT: usize = 10_000;
/// Of a name, so many characters count; accounts' names are shorter.
const LONGEST_NAME: usize = 64;

#[derive(Default)]
struct Counter {
    since: i64,
    attempts: u32,
}

/// Where an attempt comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A browser in which this name signed in before.
    Device(String),
    /// A network; `None` where the server does not tell.
    Network(Option<IpAddr>),
}

impl Source {
    /// The network of an address: itself, or for IPv6 its /64, which one household or attacker holds whole.
    pub fn network(address: Option<IpAddr>) -> Source {
        Source::Network(address.map(network))
    }
}

/// A source, with a name or for all names.
type Key = (Source, Option<String>);

/// Counts attempts to sign in.
#[derive(Default)]
pub struct Throttle {
    counters: Mutex<HashMap<Key, Counter>>,
}

fn keys(source: &Source, name: &str) -> [(Key, u32); 2] {
    let name = name.chars().take(LONGEST_NAME).collect();
    [
        ((source.clone(), Some(name)), PER_NAME),
        ((source.clone(), None), PER_SOURCE),
    ]
}

impl Throttle {
    /// Counts an attempt at this name from this source.
    ///
    /// # Errors
    /// The seconds to wait, where it may not be tried now; then nothing is counted.
    pub fn attempt(&self, source: &Source, name: &str, now: i64) -> Result<(), u64> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(source, name);
        let wait = (keys.iter())
            .filter_map(|(key, limit)| {
                let counter = counters.get(key)?;
                let left = counter.since + WINDOW - now;
                (counter.attempts >= *limit && left > 0).then(|| left.unsigned_abs())
            })
            .max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        if counters.len() >= KEPT {
            counters.retain(|_, counter| now - counter.since < WINDOW);
        }
        if counters.len() >= KEPT {
            counters.clear();
        }
        for (key, _) in keys {
            let counter = counters.entry(key).or_default();
            if now - counter.since >= WINDOW {
                *counter = Counter {
                    since: now,
                    attempts: 0,
                };
            }
            counter.attempts += 1;
        }
        Ok(())
    }

    /// Takes an attempt back that turned out right, or was not tried.
    pub fn forgive(&self, source: &Source, name: &str) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in keys(source, name) {
            if let Some(counter) = counters.get_mut(&key) {
                counter.attempts = counter.attempts.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> Source {
        Source::network(Some(IpAddr::from([1, 2, 3, last])))
    }

    #[test]
    fn five_attempts_at_a_name_make_its_source_wait_and_nobody_else() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(throttle.attempt(&at(4), "anna", 100), Ok(()));
        }
        assert_eq!(throttle.attempt(&at(4), "anna", 110), Err(50));
        assert_eq!(throttle.attempt(&at(8), "anna", 110), Ok(()));
        assert_eq!(throttle.attempt(&at(4), "bruno", 110), Ok(()));
        let known = Source::Device("d".to_owned());
        assert_eq!(throttle.attempt(&known, "anna", 110), Ok(()));
        assert_eq!(throttle.attempt(&at(4), "anna", 160), Ok(()));
    }

    #[test]
    fn right_passwords_do_not_count() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            assert_eq!(throttle.attempt(&at(4), "anna", 100), Ok(()));
            throttle.forgive(&at(4), "anna");
        }
    }

    #[test]
    fn many_names_from_one_source_wait_too() {
        let throttle = Throttle::default();
        for name in 0..30 {
            assert_eq!(throttle.attempt(&at(4), &name.to_string(), 100), Ok(()));
        }
        assert!(throttle.attempt(&at(4), "anna", 100).is_err());
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_ipv4_inside_it_is_itself() {
        let network = |text: &str| Source::network(Some(text.parse().expect("address")));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:f::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:1.2.3.4"), at(4));
    }

    #[test]
    fn long_names_take_no_memory() {
        let [((_, name), _), _] = keys(&at(4), &"x".repeat(50_000));
        assert_eq!(name.map(|name| name.len()), Some(LONGEST_NAME));
    }
}
