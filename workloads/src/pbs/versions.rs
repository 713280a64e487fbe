//! What needs no delays: how many versions behind reads are, however long they wait (Bailis et al., sections 3.1 and 3.2).

/// The share of reads that are at most `k` versions behind the last one, that is, return one of the last `k`: with R of N asked and
/// each of the last `k` writes on W of them. An upper bound on staleness: replicas that hear of a write later are left out.
///
/// # Panics
/// If R or W is not from 1 to N.
pub fn within_versions(n: u8, r: u8, w: u8, k: f64) -> f64 {
    1.0 - misses(n, r, w).powf(k)
}

/// The exponent to which the share of reads that miss one write is raised for those that, of a client that reads a key so often,
/// return less than it had read before, while the key is written so often: 1 + written / read.
pub fn monotonic_reads_exponent(writes_per_second: f64, client_reads_per_second: f64) -> f64 {
    1.0 + writes_per_second / client_reads_per_second
}

/// The share of sets of R replicas that have none in common with a given set of W.
fn misses(n: u8, r: u8, w: u8) -> f64 {
    assert!((1..=n).contains(&r) && (1..=n).contains(&w), "R and W are from 1 to N");
    // C(N - W, R) / C(N, R), a factor for each of the R.
    let factor = |taken: u8| f64::from((n - w).saturating_sub(taken)) / f64::from(n - taken);
    (0..r).map(factor).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the paper has them.
    #[test]
    fn shares_are_those_that_were_published() {
        let near = |(r, w, k): (u8, u8, u32), expected: f64| {
            let is = within_versions(3, r, w, f64::from(k));
            assert!((is - expected).abs() < 1e-3, "R{r} W{w} k{k}: {is}");
        };
        near((1, 1, 2), 5.0 / 9.0);
        near((1, 1, 3), 0.703);
        near((1, 1, 5), 0.868);
        near((1, 1, 10), 0.983);
        for (r, w) in [(1, 2), (2, 1)] {
            near((r, w, 1), 2.0 / 3.0);
            near((r, w, 2), 8.0 / 9.0);
            near((r, w, 5), 0.996);
        }
        near((2, 2, 1), 1.0);
        assert_eq!(monotonic_reads_exponent(3.0, 1.5), 3.0);
    }
}
