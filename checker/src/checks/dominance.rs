//! How many points lie above in one coordinate and below in the other: many questions at once.
//!
//! One sweep over points and questions in order of the first coordinate, with a Fenwick tree (*A New Data Structure for
//! Cumulative Frequency Tables*, Software: Practice and Experience 24, 1994) over the second: O(n log n) time, linear
//! memory.

/// For each of `questions`, returns how many `points` have a greater first coordinate and a lesser second one.
pub(super) fn count_above_and_before<X: Ord + Copy, Y: Ord + Copy>(
    mut points: Vec<(X, Y)>,
    questions: &[(X, Y)],
) -> Vec<u32> {
    let mut seconds: Vec<Y> = points.iter().map(|point| point.1).collect();
    seconds.sort_unstable();
    seconds.dedup();
    points.sort_unstable_by_key(|point| point.0);
    let mut by_first: Vec<u32> = (0..questions.len() as u32).collect();
    by_first.sort_unstable_by_key(|&question| std::cmp::Reverse(questions[question as usize].0));

    let mut tree = Fenwick(vec![0; seconds.len() + 1]);
    let mut counts = vec![0; questions.len()];
    for question in by_first {
        let (first, second) = questions[question as usize];
        while let Some(point) = points.pop_if(|point| point.0 > first) {
            tree.add(seconds.partition_point(|it| *it < point.1));
        }
        counts[question as usize] = tree.count(seconds.partition_point(|it| *it < second));
    }
    counts
}

/// Counts at places from 0; the tree is kept from 1.
struct Fenwick(Vec<u32>);

impl Fenwick {
    fn add(&mut self, place: usize) {
        let mut at = place + 1;
        while let Some(count) = self.0.get_mut(at) {
            *count += 1;
            at += at & at.wrapping_neg();
        }
    }

    /// Returns how many there are at the places before `place`.
    fn count(&self, place: usize) -> u32 {
        let mut at = place;
        let mut count = 0;
        while at > 0 {
            count += self.0[at];
            at &= at - 1;
        }
        count
    }
}
