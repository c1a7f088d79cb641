//! Slows down guessing of passwords: a few failures per name and address, more per address, then a pause.
//! It forgets; an attacker elsewhere cannot lock a person out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Failures are counted over so many seconds.
const WINDOW: i64 = 60;
/// Failures of one name from one address.
const PER_NAME: u32 = 5;
/// Failures of all names from one address.
const PER_ADDRESS: u32 = 30;
/// Most counters kept.
const KEPT: usize = 10_000;

#[derive(Default)]
struct Counter {
    since: i64,
    failures: u32,
}

/// An address, with a name or for all names.
type Source = (Option<IpAddr>, Option<String>);

/// Counts failed sign-ins.
#[derive(Default)]
pub struct Throttle {
    counters: Mutex<HashMap<Source, Counter>>,
}

fn keys(address: Option<IpAddr>, name: &str) -> [(Source, u32); 2] {
    [
        ((address, Some(name.to_owned())), PER_NAME),
        ((address, None), PER_ADDRESS),
    ]
}

impl Throttle {
    /// Seconds to wait before this name may be tried from this address, where it must wait.
    pub fn wait(&self, address: Option<IpAddr>, name: &str, now: i64) -> Option<u64> {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        keys(address, name)
            .iter()
            .filter_map(|(key, limit)| {
                let counter = counters.get(key)?;
                let left = counter.since + WINDOW - now;
                (counter.failures >= *limit && left > 0).then(|| left.unsigned_abs())
            })
            .max()
    }

    /// A sign-in failed.
    pub fn failed(&self, address: Option<IpAddr>, name: &str, now: i64) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= KEPT {
            counters.retain(|_, counter| now - counter.since < WINDOW);
        }
        if counters.len() >= KEPT {
            counters.clear();
        }
        for (key, _) in keys(address, name) {
            let counter = counters.entry(key).or_default();
            if now - counter.since >= WINDOW {
                *counter = Counter {
                    since: now,
                    failures: 0,
                };
            }
            counter.failures += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_of_a_name_from_an_address_make_it_wait() {
        let throttle = Throttle::default();
        let (here, there) = (
            Some(IpAddr::from([1, 2, 3, 4])),
            Some(IpAddr::from([5, 6, 7, 8])),
        );
        for _ in 0..5 {
            assert_eq!(throttle.wait(here, "anna", 100), None);
            throttle.failed(here, "anna", 100);
        }
        assert_eq!(throttle.wait(here, "anna", 110), Some(50));
        assert_eq!(throttle.wait(there, "anna", 110), None);
        assert_eq!(throttle.wait(here, "bruno", 110), None);
        assert_eq!(throttle.wait(here, "anna", 160), None);
    }

    #[test]
    fn many_names_from_one_address_wait_too() {
        let throttle = Throttle::default();
        let here = Some(IpAddr::from([1, 2, 3, 4]));
        for name in 0..30 {
            throttle.failed(here, &name.to_string(), 100);
        }
        assert!(throttle.wait(here, "anna", 100).is_some());
    }
}
