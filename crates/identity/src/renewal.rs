//! When a certificate should be renewed.
//! The moment depends on its own dates only, so that node and coordinator agree on it.

use jiff::Timestamp;

/// True once two thirds of the certificate's life have passed (also when it has expired already).
pub fn due_for_renewal(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> bool {
    let life = i128::from(not_after.as_second()) - i128::from(not_before.as_second());
    let age = i128::from(now.as_second()) - i128::from(not_before.as_second());
    age * 3 >= life * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewal_is_due_at_two_thirds_of_life_and_not_before() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let due = |now| due_for_renewal(at(1_000), at(1_090), at(now));
        assert!(!due(900));
        assert!(!due(1_059));
        assert!(due(1_060));
        assert!(due(2_000));
        assert!(due_for_renewal(at(5), at(5), at(5)));
    }
}
