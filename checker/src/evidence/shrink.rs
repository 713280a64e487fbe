//! The fewest ops that still break a claim, found by leaving out.
//!
//! Zeller and Hildebrandt, *Simplifying and Isolating Failure-Inducing Input* (IEEE TSE 28, 2002), without its test of
//! single blocks: blocks of half, a quarter, and so on of what is left are left out, each where the rest still breaks.
//! Of the result nothing can be left out alone. Where few items are to blame, each round keeps a few blocks, so that all
//! rounds together look at a small multiple of the items that there were.

/// How many items all tests together may look at, as a multiple of the items given: several times what evidence of a
/// dozen ops takes.
const EFFORT_FACTOR: usize = 256;

/// What may be looked at besides: small parts are shrunk to the end whatever it takes.
const EFFORT_MIN: usize = 1 << 20;

/// Returns a part of `items`, in their order, that `breaks` and of which no item can be left out.
///
/// `breaks` holds of `items`, and of a set whenever it does of a part of it. Where the effort is used up, what is left
/// by then is returned; it breaks too.
pub(crate) fn shrink<T: Copy>(mut items: Vec<T>, mut breaks: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut effort = items.len().saturating_mul(EFFORT_FACTOR).max(EFFORT_MIN);
    let mut block = items.len().div_ceil(2).max(1);
    loop {
        let before = items.len();
        let mut at = 0;
        while at < items.len() {
            let Some(left) = effort.checked_sub(items.len()) else {
                return items;
            };
            effort = left;
            let end = items.len().min(at + block);
            let rest: Vec<T> = [&items[..at], &items[end..]].concat();
            if !rest.is_empty() && breaks(&rest) {
                items = rest;
            } else {
                at = end;
            }
        }
        if block == 1 && items.len() == before {
            return items;
        }
        block = block.min(items.len()).div_ceil(2).max(1);
    }
}
