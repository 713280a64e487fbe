//! How checks are carried out: this crate says what there is to do, its caller where and when.

use std::{
    ops::Range,
    sync::{Mutex, OnceLock},
};

/// Carries out checks, each of one part of a record. None depends on another, and each finds the same whenever and wherever it
/// is carried out.
pub trait Execute: Sync {
    /// Calls `unit` once with each number below `count`, in whatever order, and returns for each, in order, how it ended: an
    /// error is what it said when it panicked.
    fn execute(&self, count: usize, unit: &(dyn Fn(usize) + Sync)) -> Vec<Result<(), String>>;

    /// Into how many parts there is a point in cutting a record, so that nothing that could carry them out waits for long.
    fn part_count(&self) -> usize;
}

/// Carries them out one after another.
#[derive(Clone, Copy, Debug, Default)]
pub struct InOrder;

impl Execute for InOrder {
    fn execute(&self, count: usize, unit: &(dyn Fn(usize) + Sync)) -> Vec<Result<(), String>> {
        (0..count).for_each(unit);
        vec![Ok(()); count]
    }

    fn part_count(&self) -> usize {
        1
    }
}

/// Returns what `unit` returns for each number below `count`, in order; an error is what it said when it panicked.
pub fn map<T: Send + Sync>(
    execute: &dyn Execute,
    count: usize,
    unit: impl Fn(usize) -> T + Sync,
) -> Vec<Result<T, String>> {
    let results: Vec<OnceLock<T>> = (0..count).map(|_| OnceLock::new()).collect();
    let run = |number: usize| {
        let is_first = results[number].set(unit(number)).is_ok();
        assert!(is_first, "each unit is carried out once");
    };
    let ends = execute.execute(count, &run);
    assert_eq!(ends.len(), count, "every unit has ended");
    let with_end = results.into_iter().zip(ends);
    with_end
        .map(|(result, end)| end.map(|()| result.into_inner().expect("a unit that ended has its result")))
        .collect()
}

/// Returns what `unit` returns for each item, in order.
///
/// # Panics
/// One of them does.
pub(crate) fn map_each<I: Send, T: Send + Sync>(
    execute: &dyn Execute,
    items: Vec<I>,
    unit: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let items: Vec<Mutex<Option<I>>> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    let take = |number: usize| items[number].lock().ok().and_then(|mut item| item.take());
    let results = map(execute, items.len(), |number| {
        unit(take(number).expect("each item is taken once"))
    });
    let results = results
        .into_iter()
        .map(|result| result.unwrap_or_else(|why| panic!("{why}")));
    results.collect()
}

/// Returns what `unit` returns for some numbers below `count` and for others, which are all of them in order.
///
/// # Panics
/// One of them does.
pub(crate) fn map_ranges<T: Send + Sync>(
    execute: &dyn Execute,
    count: usize,
    unit: impl Fn(Range<u32>) -> T + Sync,
) -> Vec<T> {
    let part_count = execute.part_count();
    let begin = |part: usize| (count * part / part_count) as u32;
    let ranges = (0..part_count).map(|part| begin(part)..begin(part + 1)).collect();
    map_each(execute, ranges, unit)
}

/// Returns what two functions return, which may be called at the same time.
///
/// # Panics
/// One of them does.
pub fn both<A: Send + Sync, B: Send + Sync>(
    execute: &dyn Execute,
    first: impl Fn() -> A + Sync,
    second: impl Fn() -> B + Sync,
) -> (A, B) {
    let (a, b) = (OnceLock::new(), OnceLock::new());
    let ends = execute.execute(2, &|number| {
        let is_first = match number {
            0 => a.set(first()).is_ok(),
            _ => b.set(second()).is_ok(),
        };
        assert!(is_first, "each is called once");
    });
    if let Some(why) = ends.into_iter().find_map(Result::err) {
        panic!("{why}");
    }
    let result = "it has ended";
    (a.into_inner().expect(result), b.into_inner().expect(result))
}
