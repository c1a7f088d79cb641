//! A value computed exactly from people's data, sealed.
//! It cannot be printed, compared, copied or serialised: all it can do is pass through a mechanism.

use std::fmt;

/// A true aggregate. Only this crate makes one.
///
/// ```compile_fail
/// fn shown(exact: kernel::Exact<Vec<i64>>) -> String { format!("{exact}") }
/// ```
/// ```compile_fail
/// fn copied(exact: &kernel::Exact<Vec<i64>>) -> kernel::Exact<Vec<i64>> { exact.clone() }
/// ```
#[must_use = "an exact value is only good for being released through a mechanism"]
pub struct Exact<T>(T);

impl<T> Exact<T> {
    pub(crate) fn new(value: T) -> Exact<T> {
        Exact(value)
    }

    /// Hands the value to `mechanism`'s noise and returns what that makes of it.
    ///
    /// Only the crate `mechanism` (and tests of what is bounded) may call this: Rust cannot say 'visible
    /// to that crate', so the architecture check searches for this name.
    pub fn release_through<R>(self, mechanism: impl FnOnce(T) -> R) -> R {
        mechanism(self.0)
    }
}

impl<T> fmt::Debug for Exact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exact(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Exact::new(vec![41, 42])), "Exact(..)");
    }
}
