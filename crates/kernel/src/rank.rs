//! Which of a unit's cells count where there are more than L0: those of the lowest keyed rank.

pub(crate) fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = chunk
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    words
}

/// The rank of a cell among a unit's cells: a mix of two HMAC-SHA-256 values, the pseudonym and the
/// cell's tag under the edition's sampling key. Both are unknown outside the node, so the mix needs to be
/// even, not secret; the sensitivity holds for any function of these two.
pub(crate) fn rank(pseudonym: &[u8; 32], tag: &[u64; 4]) -> u64 {
    let mut state = 0;
    for (word, tag) in words(pseudonym).iter().zip(tag) {
        state = finalise(state ^ word ^ tag.rotate_left(32));
        state = finalise(state.wrapping_add(*tag));
    }
    state
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection that spreads every bit.
fn finalise(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
