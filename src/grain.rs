//! How finely long lists are cut up for several cores.
//!
//! Left to itself, rayon cuts a list into a few times as many pieces as there are cores, and whoever has
//! the last piece may go on long after the others ran out of work. A piece of one of these lengths
//! takes less than a millisecond, and far longer than it takes to hand over.

/// Elements of which each takes less than a microsecond.
pub(crate) const LIGHT: usize = 512;

/// Elements of which each takes microseconds or more, as lines and files do.
pub(crate) const HEAVY: usize = 16;
