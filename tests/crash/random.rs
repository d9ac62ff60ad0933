//! Random numbers that a seed repeats, and how long the tests are to be.

/// A generator good enough to choose moments and bits (`SplitMix64`).
pub(crate) struct Random(u64);

impl Random {
    /// Seeded by the environment, or else always the same.
    pub(crate) fn new() -> Self {
        let seed = variable("STOCKTAKE_CRASH_SEED").and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(1);
        println!("seed {seed}");
        Self(seed)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// `short`, or `long` where the long form is asked for.
pub(crate) fn length(short: usize, long: usize) -> usize {
    let is_long = variable("STOCKTAKE_CRASH_LONG").is_some_and(|value| value != "0");
    if is_long { long } else { short }
}

#[expect(
    clippy::disallowed_methods,
    reason = "switches of these tests, not of the program"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
