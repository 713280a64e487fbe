//! The few orders of a chunk's writes that can be 2-atomic.
//!
//! Golab, Hurwitz and Li, *On the k-Atomicity-Verification Problem* (ICDCS 2013), section IV: forward zones first. Let
//! two forward zones overlap, a's write come before b's in an order that is 2-atomic. b's write has ended before the
//! last read of a begins, so b's is the one write between a's and that read, and nothing else is between the two. So
//! values whose forward zones overlap are neighbours in the order; each has two at most, and those of a chunk, which
//! overlap in one stretch, are a path, to be gone along from the one end or from the other.
//!
//! A backward zone of the chunk can't come in between, so its value comes before the path or after it; not two before
//! (the last op of the first would have three writes before it, its own first), nor two after (the last read of all
//! would). So there are at most two, and at most four orders.
//!
//! ```text
//!   |----- 1 -----|     |----- 3 -----|
//!             |----- 2 -----|                   1, 2, 3 or 3, 2, 1
//!        |-4-|                                  before them, as it can't be between 1 and 2
//! ```

use super::{
    chunk::{Chunk, Cluster},
    schedule::Schedule,
};

/// Returns whether `chunk` is 2-atomic.
pub(super) fn is_two_atomic(chunk: &Chunk<'_>) -> bool {
    let (forward, backward) = chunk.split();
    let Some(path) = path(forward).filter(|_| backward.len() <= 2) else {
        return false;
    };
    let back: Vec<usize> = path.iter().rev().copied().collect();
    let first = forward.len();
    let ends: &[(Option<usize>, Option<usize>)] = match backward.len() {
        0 => &[(None, None)],
        1 => &[(Some(first), None), (None, Some(first))],
        _ => &[(Some(first), Some(first + 1)), (Some(first + 1), Some(first))],
    };
    let schedule = Schedule::new(chunk);
    ends.iter().any(|(head, tail)| {
        [&path, &back].into_iter().any(|middle| {
            let order = head.iter().chain(middle).chain(tail).copied();
            let k = schedule.least_k(&order.collect::<Vec<usize>>());
            k.is_some_and(|k| k <= 2)
        })
    })
}

/// Returns `forward`, which are in order of their first ends and overlap in one stretch, in an order in which those are
/// neighbours that overlap, if there is one.
fn path(forward: &[Cluster<'_>]) -> Option<Vec<usize>> {
    let mut neighbours: Vec<[Option<usize>; 2]> = vec![[None; 2]; forward.len()];
    let mut join = |of: usize, other: usize| {
        let free = neighbours[of].iter_mut().find(|it| it.is_none());
        free.map(|it| *it = Some(other))
    };
    for (a, cluster) in forward.iter().enumerate() {
        let after = forward[a + 1..]
            .iter()
            .take_while(|other| other.first_end < cluster.last_start);
        for b in (a + 1..).take(after.count().min(3)) {
            join(a, b)?;
            join(b, a)?;
        }
    }
    let end = (0..forward.len()).find(|&it| neighbours[it][1].is_none())?;
    let mut path = vec![end];
    let mut next = neighbours[end][0];
    while let Some(at) = next {
        let before = path[path.len() - 1];
        path.push(at);
        next = neighbours[at].into_iter().flatten().find(|&it| it != before);
    }
    assert_eq!(path.len(), forward.len(), "those of a chunk overlap in one stretch");
    Some(path)
}
