//! From a broken whole to the fewest parts of it that are still broken.
//!
//! Where a part can only break things, never mend them, the last part that is needed is found by bisection over prefixes,
//! then the one before it, and so on: for a witness of w parts w log n runs, on fewer parts each time. What is left is
//! broken, and with any part gone it is not. (Junker, *QuickXplain*, AAAI 2004, in its simplest form.)

/// Returns the least parts among `count`, in rising order, that `is_broken` holds for; it has to hold for all of them,
/// and for whatever has parts that it holds for.
pub(super) fn least(count: usize, mut is_broken: impl FnMut(&[usize]) -> bool) -> Vec<usize> {
    let mut needed: Vec<usize> = Vec::new();
    let mut rest = count;
    loop {
        // The needed parts all come after the rest.
        let mut with_prefix = |length: usize| {
            let parts: Vec<usize> = (0..length).chain(needed.iter().rev().copied()).collect();
            is_broken(&parts)
        };
        if with_prefix(0) || rest == 0 {
            needed.reverse();
            return needed;
        }
        let (mut sound, mut broken) = (0, rest);
        while sound + 1 < broken {
            let middle = sound + (broken - sound) / 2;
            if with_prefix(middle) {
                broken = middle;
            } else {
                sound = middle;
            }
        }
        needed.push(broken - 1);
        rest = broken - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_left_and_nothing_else() {
        for needed in [vec![], vec![0], vec![99], vec![3, 4, 70], vec![0, 50, 99]] {
            let found = least(100, |parts| needed.iter().all(|part| parts.contains(part)));
            assert_eq!(found, needed);
        }
        assert_eq!(least(0, |_| true), Vec::<usize>::new());
    }
}
