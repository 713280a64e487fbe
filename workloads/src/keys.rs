//! Which keys are hot: a few at a time, so that operations on a key overlap and follow each other closely.
//!
//! Which ones moves over all keys as the run goes on. A key that has cooled down is not touched again: what a replica
//! missed of it stays missing unless the store itself brings it.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

/// Keys that are hot at a time, unless there are fewer. With ten clients and some milliseconds an operation, three keep
/// about every second read racing with a write.
const HOT_KEYS: usize = 3;

/// Draws one of the keys that are hot when `progress` of the run has passed: from 0 to 1.
pub(crate) fn draw(rng: &mut Pcg64Mcg, keys: usize, progress: f64) -> usize {
    let hot = keys.min(HOT_KEYS);
    let cold = keys - hot;
    let first = (progress.clamp(0.0, 1.0) * (cold + 1) as f64) as usize;
    first.min(cold) + rng.random_range(0..hot)
}
