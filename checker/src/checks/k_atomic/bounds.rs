//! Bounds of the least k for which a chunk is k-atomic.
//!
//! Below, what holds in every order of the writes. Take a forward zone a, with its last read.
//!
//! - *Passed over*: each value whose write began after a's first end and that had an op end before that read began comes
//!   between the two.
//! - *Crowded*: each value of which some op ended before that read began, and some op began after a's first end, comes
//!   between a's write and that read, or else before a's write, and then a's write comes before an op of it. If x come
//!   after a, a's read returns one of the last x + 1 at best; if y before, so does the first of them, with y - 1 others
//!   and a after it. So k is above half of their number.
//! - *Together*: of m forward zones that share an instant all writes come before all last reads, so the first has m - 1
//!   others before its read.
//!
//! Above, what the best of some orders does: by start, by first end, and by the lower end of the zone, all of which real
//! time allows as each takes for a write an instant at which it was under way.

use super::{
    chunk::{Chunk, Cluster},
    schedule::Schedule,
};
use crate::{checks::dominance::count_above_and_before, history::Position};

/// Returns a k below which `chunk` is not k-atomic.
pub(super) fn lower(chunk: &Chunk<'_>) -> u64 {
    let (forward, _) = chunk.split();
    let questions: Vec<_> = forward.iter().map(|it| (it.first_end, it.last_start)).collect();
    let count = |first: fn(&Cluster) -> Position| {
        let points = chunk.clusters.iter().map(|it| (first(it), it.first_end));
        count_above_and_before(points.collect(), &questions)
    };
    let passed_over = count(|it| it.write_start).into_iter().max().unwrap_or(0);
    // Among those counted is the one that they crowd.
    let crowd = count(|it| it.last_start).into_iter().max().unwrap_or(1);
    let crowded = (crowd - 1).div_ceil(2);
    u64::from(passed_over.max(crowded) + 1).max(together(forward))
}

/// Returns how many forward zones share an instant at most.
fn together(forward: &[Cluster<'_>]) -> u64 {
    let mut highs: Vec<Position> = forward.iter().map(|it| it.last_start).collect();
    highs.sort_unstable();
    let begun_and_not_ended = |(at, it): (usize, &Cluster)| at + 1 - highs.partition_point(|high| *high < it.first_end);
    forward.iter().enumerate().map(begun_and_not_ended).max().unwrap_or(0) as u64
}

/// Returns a k for which `chunk` is k-atomic.
pub(super) fn upper(chunk: &Chunk<'_>) -> u64 {
    let schedule = Schedule::new(chunk);
    let instants: [fn(&Cluster) -> Position; 3] = [
        |it| it.write_start,
        |it| it.first_end,
        |it| it.first_end.min(it.last_start),
    ];
    let least_k = |instant: fn(&Cluster) -> Position| {
        let mut order: Vec<usize> = (0..chunk.clusters.len()).collect();
        order.sort_unstable_by_key(|&cluster| instant(&chunk.clusters[cluster]));
        schedule.least_k(&order)
    };
    let best = instants.into_iter().filter_map(least_k).min();
    best.expect("real time allows an order by instants at which writes were under way")
}
