//! Many independent runs on a few threads, their results in order.
//!
//! What comes of each depends on its number alone, and what is made of the results on their order alone: so any number of
//! threads gives the same answer.

use std::{
    any::Any,
    collections::BTreeMap,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::sync_channel,
    },
    thread,
};

/// What came of one piece of work: an error is what it said when it panicked.
pub type Done<T> = Result<T, String>;

/// Does `work` for each number below `count` on so many threads, and hands what comes of it to `take` in the order of the
/// numbers, until that breaks.
pub fn in_order<T: Send>(
    jobs: usize,
    count: u64,
    work: &(dyn Fn(u64) -> T + Sync),
    take: &mut dyn FnMut(u64, Done<T>) -> ControlFlow<()>,
) {
    let (next, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let jobs = jobs.max(1);
    thread::scope(|scope| {
        let (sender, done) = sync_channel(jobs);
        for _ in 0..jobs {
            let (next, is_over, sender) = (&next, &is_over, sender.clone());
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || sender.send((number, guarded(|| work(number)))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut wanted = 0;
        for (number, result) in &done {
            early.insert(number, result);
            while let Some(result) = early.remove(&wanted) {
                if take(wanted, result).is_break() {
                    is_over.store(true, Ordering::Relaxed);
                    return; // Whoever still works finds nobody to hand it to.
                }
                wanted += 1;
            }
        }
    });
}

/// What `work` returns, or what it said when it panicked.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Done<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(panic.as_ref()))
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it did not say why".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(jobs: usize, until: u64) -> Vec<(u64, Done<u64>)> {
        let mut taken = Vec::new();
        in_order(jobs, 100, &|number| number * number, &mut |number, result| {
            taken.push((number, result));
            if number == until {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        taken
    }

    #[test]
    fn results_come_in_order_on_any_number_of_threads() {
        let expected: Vec<_> = (0..100).map(|number| (number, Ok(number * number))).collect();
        for jobs in [0, 1, 2, 7] {
            assert_eq!(taken(jobs, 1000), expected);
            assert_eq!(taken(jobs, 41), expected[..42]);
        }
    }

    #[test]
    fn one_that_panics_says_so_and_the_others_go_on() {
        let mut failed = Vec::new();
        let work = |number| assert!(number % 10 != 3, "number {number} broke");
        in_order(2, 20, &work, &mut |number, result| {
            failed.extend(result.err().map(|why| (number, why)));
            ControlFlow::Continue(())
        });
        let expected = [3, 13].map(|number| (number, format!("number {number} broke")));
        assert_eq!(failed, expected);
    }
}
