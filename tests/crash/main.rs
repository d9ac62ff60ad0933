//! Nothing is triggered twice and nothing is lost, whatever is killed, lost or damaged.
//!
//! The real binary against a real `serve` process that survives. The judge is the service's own list
//! of jobs. Short by default; `STOCKTAKE_CRASH_LONG=1` runs the long form, `STOCKTAKE_CRASH_SEED`
//! another one of the random ones. Killing at every step needs the feature `crash-points`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "the counts are what people run it for")]

mod damage;
#[cfg(feature = "crash-points")]
mod every_step;
mod fence;
mod races;
mod random;
mod random_kills;
mod relay;
mod shared;
#[path = "../support/mod.rs"]
#[expect(dead_code, unreachable_pub, reason = "a part of it is enough here")]
mod support;
mod world;
