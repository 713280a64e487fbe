//! What the runs of a cell amount to: each figure with how sure it is.
//!
//! Operations of one run are not independent: what one fault does, many feel. So bounds come from drawing whole runs again (Efron's
//! bootstrap over runs, with 95 % confidence); of shares they are never narrower than those of as many independent operations
//! (Wilson), which also bound what was never seen. Of a single run, shares have Wilson's alone, and other figures none.

use std::{collections::BTreeMap, path::PathBuf};

use quorate_workloads::{ClaimVerdict, pbs::Estimate};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use super::{
    measure::{RunMeasure, Share},
    predicted::Predicted,
    sketch::Sketch,
    spec::Cell,
};
use crate::exit::Exit;

/// A figure, of how many cases, and its bounds as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// `None` if there is nothing to make it of.
    pub value: Option<f64>,
    /// Of how many operations, reads, faults or runs.
    pub n: u64,
    /// At least this.
    pub low: Option<f64>,
    /// At most this.
    pub high: Option<f64>,
}

impl Figure {
    /// Whether the two are surely not the same: their bounds do not overlap.
    pub fn differs_from(&self, other: &Figure) -> bool {
        let apart = |low: Option<f64>, high: Option<f64>| low.zip(high).is_some_and(|(low, high)| low > high);
        apart(self.low, other.high) || apart(other.low, self.high)
    }

    /// As an estimate; `None` without a value or a lower bound.
    pub fn estimate(&self) -> Option<Estimate> {
        Some(Estimate {
            value: self.value?,
            low: self.low?,
            high: self.high,
        })
    }
}

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Its name in files.
    pub key: &'static str,
    /// Its name on the screen.
    pub title: &'static str,
    /// `share`, `ms`, `versions`, or nothing for plain numbers.
    pub unit: &'static str,
}

impl Meaning {
    /// Of the figure of this name.
    ///
    /// # Panics
    /// If there is none.
    pub fn of(key: &str) -> Meaning {
        let found = FIGURES.into_iter().find(|meaning| meaning.key == key);
        found.unwrap_or_else(|| panic!("no figure is called {key}"))
    }

    /// Its name on the screen, with its unit where its value is told without.
    pub fn heading(self) -> String {
        match self.unit {
            "ms" => format!("{}, ms", self.title),
            _ => self.title.to_owned(),
        }
    }

    /// By what a value is multiplied to be told: shares are told as percent.
    pub fn factor(self) -> f64 {
        if self.unit == "share" { 100.0 } else { 1.0 }
    }
}

const fn meaning(key: &'static str, title: &'static str, unit: &'static str) -> Meaning {
    Meaning { key, title, unit }
}

/// Every figure of a cell, in the order in which they are told.
pub const FIGURES: [Meaning; 26] = [
    meaning("stale_share", "stale reads", "share"),
    meaning("stale_versions_p50", "versions behind p50", "versions"),
    meaning("stale_versions_p99", "versions behind p99", "versions"),
    meaning("stale_versions_max", "versions behind max", "versions"),
    meaning("stale_ms_p50", "stale for p50", "ms"),
    meaning("stale_ms_p99", "stale for p99", "ms"),
    meaning("stale_ms_max", "stale for max", "ms"),
    meaning("lost_share", "lost acked writes", "share"),
    meaning("read_p50_ms", "read p50", "ms"),
    meaning("read_p99_ms", "read p99", "ms"),
    meaning("read_p999_ms", "read p99.9", "ms"),
    meaning("write_p50_ms", "write p50", "ms"),
    meaning("write_p99_ms", "write p99", "ms"),
    meaning("write_p999_ms", "write p99.9", "ms"),
    meaning("available_faults", "ok during faults", "share"),
    meaning("available_otherwise", "ok otherwise", "share"),
    meaning("unbegun_share", "never begun", "share"),
    meaning("recovery_ms_mean", "recovery mean", "ms"),
    meaning("recovery_ms_max", "recovery max", "ms"),
    meaning("rest_ms_mean", "at rest after heal", "ms"),
    meaning("messages_per_op", "messages/op", ""),
    meaning("bytes_per_op", "bytes/op", ""),
    meaning("handoff_messages_per_op", "handoff messages/op", ""),
    meaning("other_messages_per_op", "background messages/op", ""),
    meaning("datagrams_per_op", "datagrams/op", ""),
    meaning("datagram_bytes_per_op", "UDP bytes/op", ""),
];

/// What one kind of fault did to a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultCell {
    /// As a plan calls it.
    pub fault: String,
    /// How often it was on, in all runs.
    pub count: u64,
    /// The share of reads that succeeded, of those that were to begin meanwhile.
    pub reads: Figure,
    /// The share of writes that did.
    pub writes: Figure,
    /// How long operations still failed once it was over, in milliseconds, on average.
    pub recovery_ms: Figure,
}

/// How a claim fared in the runs of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimCell {
    /// Which.
    pub claim: String,
    /// Whether it was made.
    pub claimed: bool,
    /// The gravest verdict of any run; where it was tested in some, that nothing tested it in others does not count.
    pub verdict: String,
    /// In how many runs it was broken.
    pub broken_runs: u64,
    /// How often, in all.
    pub count: u64,
    /// By how many operations it could have been.
    pub tested: u64,
}

/// Reads that began so long after a write of their key was acknowledged, or later.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LateReads {
    /// In milliseconds.
    pub after_ms: f64,
    /// How many.
    pub reads: u64,
    /// Those that missed an acknowledged write.
    pub stale: u64,
}

/// What the runs of a cell amount to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellReport {
    /// Its name.
    pub name: String,
    /// Replicas.
    pub n: u8,
    /// Replicas that answer a read.
    pub r: u8,
    /// Replicas that acknowledge a write.
    pub w: u8,
    /// How writes are ordered.
    pub write_path: String,
    /// What was broken.
    pub faults: String,
    /// How many runs there were.
    pub runs: u64,
    /// What runs failed with that could not be measured.
    pub failed: Vec<String>,
    /// The folders of runs on real processes that failed or broke a claim.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<PathBuf>,
    /// How many operations.
    pub ops: u64,
    /// How the gravest run ended: its exit code. One that proves nothing counts where no other was valid.
    pub exit: u8,
    /// By the names of [`FIGURES`].
    pub figures: BTreeMap<String, Figure>,
    /// How many reads were stale of those that began so long after a write of their key, or later.
    pub late: Vec<LateReads>,
    /// By kind of fault.
    pub availability: Vec<FaultCell>,
    /// Every claim.
    pub claims: Vec<ClaimCell>,
    /// What was predicted, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Predicted>,
}

impl CellReport {
    /// Of the runs of a cell.
    pub fn of(cell: &Cell, runs: &[RunMeasure]) -> CellReport {
        let measured: Vec<_> = runs.iter().filter(|run| run.error.is_none()).collect();
        let scenario = &cell.scenario;
        CellReport {
            name: cell.name.clone(),
            n: scenario.n,
            r: scenario.r,
            w: scenario.w,
            write_path: cell.write_path.clone(),
            faults: cell.faults.clone(),
            runs: runs.len() as u64,
            failed: runs.iter().filter_map(|run| run.error.clone()).collect(),
            kept: runs.iter().filter_map(|run| run.kept.clone()).collect(),
            ops: measured.iter().map(|run| run.ops).sum(),
            exit: exit_of(runs).code(),
            figures: figures(&Runs(&measured)),
            late: LATE_MS.map(|after_ms| late(&measured, after_ms)).to_vec(),
            availability: availability(&measured),
            claims: claims(&measured),
            predicted: None,
        }
    }

    /// The share of stale reads, of those that began so long after a write of their key or later; by the greatest of the times that
    /// were counted which is not later.
    pub fn stale_after(&self, after_ms: f64) -> Estimate {
        let counted = self.late.iter().rev().find(|late| late.after_ms <= after_ms);
        counted.map_or_else(|| Estimate::share(0, 0), |late| Estimate::share(late.stale, late.reads))
    }

    /// One of its figures.
    ///
    /// # Panics
    /// If there is none of that name: see [`FIGURES`].
    pub fn figure(&self, key: &str) -> Figure {
        assert!(
            FIGURES.iter().any(|meaning| meaning.key == key),
            "a figure is called {key}"
        );
        self.figures.get(key).copied().unwrap_or_default()
    }
}

/// After which times late reads are counted.
const LATE_MS: [f64; 11] = [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

fn late(runs: &[&RunMeasure], after_ms: f64) -> LateReads {
    let late = runs.iter().flat_map(|run| &run.gaps).filter(|gap| gap.ms >= after_ms);
    let (reads, stale) = late.fold((0, 0), |(reads, stale), gap| {
        (reads + 1, stale + u64::from(gap.is_stale))
    });
    LateReads { after_ms, reads, stale }
}

/// How the gravest of runs ended; those that prove nothing count where no other was valid. Of no run at all nothing is known.
pub(super) fn exit_of(runs: &[RunMeasure]) -> Exit {
    if runs.is_empty() {
        return Exit::Unknown;
    }
    let exits = runs.iter().map(|run| run.exit.unwrap_or(Exit::Valid));
    let is_any_valid = exits.clone().any(|exit| exit == Exit::Valid);
    Exit::gravest(exits.filter(|exit| !(is_any_valid && *exit == Exit::Vacuous)))
}

/// How often runs are drawn again.
const RESAMPLES: usize = 200;

/// Fewer runs than this tell nothing of how runs differ.
const RUNS_MIN: usize = 3;

/// The runs of a cell that were measured.
struct Runs<'a>(&'a [&'a RunMeasure]);

impl Runs<'_> {
    /// A figure of all runs, and where 95 % of it lie when runs are drawn again.
    fn figure(&self, n: u64, of: impl Fn(&[&RunMeasure]) -> Option<f64>) -> Figure {
        self.figures(n, |runs| [of(runs)])[0]
    }

    /// Several figures that are made of the same.
    fn figures<const COUNT: usize>(
        &self,
        n: u64,
        of: impl Fn(&[&RunMeasure]) -> [Option<f64>; COUNT],
    ) -> [Figure; COUNT] {
        let mut figures = of(self.0).map(|value| Figure {
            value,
            n,
            ..Figure::default()
        });
        if self.0.len() < RUNS_MIN {
            return figures;
        }
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let mut again = || -> Vec<_> {
            self.0
                .iter()
                .map(|_| self.0[rng.random_range(0..self.0.len())])
                .collect()
        };
        let resampled: Vec<_> = (0..RESAMPLES).map(|_| of(&again())).collect();
        for (at, figure) in figures.iter_mut().enumerate() {
            let mut values: Vec<f64> = resampled.iter().filter_map(|values| values[at]).collect();
            values.sort_unstable_by(f64::total_cmp);
            let bound = |share: f64| values.get((values.len() as f64 * share) as usize).copied();
            // The figure itself is always within: a quantile of few runs may lie beyond all that were drawn again.
            let value = figure.value;
            figure.low = bound(0.025).map(|low| value.map_or(low, |value| low.min(value)));
            figure.high = bound(0.975).map(|high| value.map_or(high, |value| high.max(value)));
        }
        figures
    }

    /// A share of all runs.
    fn stale_share(&self) -> Figure {
        self.share(|run| (run.stale, run.reads))
    }

    fn share(&self, of: impl Fn(&RunMeasure) -> (u64, u64)) -> Figure {
        let sum = |runs: &[&RunMeasure]| {
            runs.iter()
                .map(|run| of(run))
                .fold((0, 0), |(part, all), (more_part, more_all)| {
                    (part + more_part, all + more_all)
                })
        };
        let (part, all) = sum(self.0);
        let ratio = |runs: &[&RunMeasure]| match sum(runs) {
            (_, 0) => None,
            (part, all) => Some(part as f64 / all as f64),
        };
        let drawn = self.figure(all, ratio);
        if all == 0 {
            return drawn;
        }
        let wilson = Estimate::share(part, all);
        Figure {
            low: Some(drawn.low.map_or(wilson.low, |low| low.min(wilson.low))),
            high: Some(drawn.high.unwrap_or(0.0).max(wilson.high.unwrap_or(1.0))),
            ..drawn
        }
    }

    /// The mean of what each run has several of.
    fn mean(&self, of: impl Fn(&RunMeasure) -> Vec<f64>) -> Figure {
        let all = |runs: &[&RunMeasure]| runs.iter().flat_map(|run| of(run)).collect::<Vec<f64>>();
        let mean = |runs: &[&RunMeasure]| {
            let all = all(runs);
            (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
        };
        self.figure(all(self.0).len() as u64, mean)
    }

    /// So much for each operation of the runs that know.
    fn per_op(&self, of: impl Fn(&RunMeasure) -> Option<u64>) -> Figure {
        let sums = |runs: &[&RunMeasure]| {
            let known = runs.iter().filter_map(|run| Some((of(run)?, run.ops)));
            known.fold((0, 0), |(all, ops), (more, more_ops)| (all + more, ops + more_ops))
        };
        self.figure(sums(self.0).1, |runs| match sums(runs) {
            (_, 0) => None,
            (all, ops) => Some(all as f64 / ops as f64),
        })
    }

    /// Quantiles of all runs together.
    fn quantiles<const COUNT: usize>(&self, of: impl Fn(&RunMeasure) -> &Sketch, at: [f64; COUNT]) -> [Figure; COUNT] {
        let all = |runs: &[&RunMeasure]| {
            let mut all = Sketch::default();
            runs.iter().for_each(|run| all.extend(of(run)));
            all
        };
        self.figures(all(self.0).count(), |runs| {
            let all = all(runs);
            at.map(|p| all.quantile(p))
        })
    }

    /// The greatest, of which nothing is known but that it occurred.
    fn max(&self, of: impl Fn(&RunMeasure) -> (u64, f64)) -> Figure {
        let (counts, greatest): (Vec<u64>, Vec<f64>) = self.0.iter().map(|run| of(run)).unzip();
        let n = counts.iter().sum();
        Figure {
            value: (n > 0).then(|| greatest.into_iter().fold(0.0, f64::max)),
            n,
            ..Figure::default()
        }
    }
}

fn figures(runs: &Runs<'_>) -> BTreeMap<String, Figure> {
    let recoveries = |run: &RunMeasure| {
        run.faults
            .values()
            .flat_map(|fault| fault.recoveries_ms.clone())
            .collect::<Vec<_>>()
    };
    let [versions_p50, versions_p99] = runs.quantiles(|run| &run.stale_versions, [0.5, 0.99]);
    let [stale_p50, stale_p99] = runs.quantiles(|run| &run.stale_ms, [0.5, 0.99]);
    let [read_p50, read_p99, read_p999] = runs.quantiles(|run| &run.read_ms, [0.5, 0.99, 0.999]);
    let [write_p50, write_p99, write_p999] = runs.quantiles(|run| &run.write_ms, [0.5, 0.99, 0.999]);
    let share = |share: Share| (share.ok, share.all);
    let of_sketch = |sketch: &Sketch| (sketch.count(), sketch.max());
    let figures = [
        ("stale_share", runs.stale_share()),
        ("stale_versions_p50", versions_p50),
        ("stale_versions_p99", versions_p99),
        ("stale_versions_max", runs.max(|run| of_sketch(&run.stale_versions))),
        ("stale_ms_p50", stale_p50),
        ("stale_ms_p99", stale_p99),
        ("stale_ms_max", runs.max(|run| of_sketch(&run.stale_ms))),
        ("lost_share", runs.share(|run| (run.lost, run.lost_tested))),
        ("read_p50_ms", read_p50),
        ("read_p99_ms", read_p99),
        ("read_p999_ms", read_p999),
        ("write_p50_ms", write_p50),
        ("write_p99_ms", write_p99),
        ("write_p999_ms", write_p999),
        ("available_faults", runs.share(|run| share(run.during_faults))),
        ("available_otherwise", runs.share(|run| share(run.otherwise))),
        ("unbegun_share", runs.share(|run| (run.unbegun, run.ops + run.unbegun))),
        ("recovery_ms_mean", runs.mean(recoveries)),
        (
            "recovery_ms_max",
            runs.max(|run| {
                let all = recoveries(run);
                (all.len() as u64, all.into_iter().fold(0.0, f64::max))
            }),
        ),
        ("rest_ms_mean", runs.mean(|run| run.rest_ms.into_iter().collect())),
        (
            "messages_per_op",
            runs.per_op(|run| Some(run.traffic?.operations.messages)),
        ),
        ("bytes_per_op", runs.per_op(|run| Some(run.traffic?.operations.bytes))),
        (
            "handoff_messages_per_op",
            runs.per_op(|run| Some(run.traffic?.handoff.messages)),
        ),
        (
            "other_messages_per_op",
            runs.per_op(|run| Some(run.traffic?.other.messages)),
        ),
        ("datagrams_per_op", runs.per_op(|run| Some(run.datagrams?.count))),
        ("datagram_bytes_per_op", runs.per_op(|run| Some(run.datagrams?.bytes))),
    ];
    assert!(
        figures
            .iter()
            .map(|(key, _)| *key)
            .eq(FIGURES.iter().map(|meaning| meaning.key)),
        "every figure is made"
    );
    figures
        .into_iter()
        .map(|(key, figure)| (key.to_owned(), figure))
        .collect()
}

/// The share of reads that are stale, as the report of the cell has it.
pub(super) fn stale_share(runs: &[RunMeasure]) -> Figure {
    let measured: Vec<_> = runs.iter().filter(|run| run.error.is_none()).collect();
    Runs(&measured).stale_share()
}

fn availability(runs: &[&RunMeasure]) -> Vec<FaultCell> {
    let mut kinds: Vec<_> = runs.iter().flat_map(|run| run.faults.keys()).collect();
    kinds.sort();
    kinds.dedup();
    let cell = |kind: &String| {
        let runs = Runs(runs);
        let of = |run: &RunMeasure| run.faults.get(kind).cloned().unwrap_or_default();
        let share = |share: Share| (share.ok, share.all);
        FaultCell {
            fault: kind.clone(),
            count: runs.0.iter().map(|run| of(run).count).sum(),
            reads: runs.share(|run| share(of(run).reads)),
            writes: runs.share(|run| share(of(run).writes)),
            recovery_ms: runs.mean(|run| of(run).recoveries_ms),
        }
    };
    kinds.into_iter().map(cell).collect()
}

fn claims(runs: &[&RunMeasure]) -> Vec<ClaimCell> {
    let mut cells: Vec<(ClaimCell, Vec<ClaimVerdict>)> = Vec::new();
    for (name, claimed, verdict, count, tested) in runs.iter().flat_map(|run| &run.claims) {
        let at = cells
            .iter()
            .position(|(cell, _)| cell.claim == *name)
            .unwrap_or_else(|| {
                let cell = ClaimCell {
                    claim: name.clone(),
                    claimed: false,
                    verdict: String::new(),
                    broken_runs: 0,
                    count: 0,
                    tested: 0,
                };
                cells.push((cell, Vec::new()));
                cells.len() - 1
            });
        let (cell, verdicts) = &mut cells[at];
        cell.claimed |= claimed;
        cell.count += count;
        cell.tested += tested;
        cell.broken_runs += u64::from(matches!(verdict, ClaimVerdict::Violated | ClaimVerdict::Observed));
        verdicts.push(*verdict);
    }
    let judged = |(cell, verdicts): (ClaimCell, Vec<ClaimVerdict>)| ClaimCell {
        verdict: gravest(&verdicts).name().to_owned(),
        ..cell
    };
    cells.into_iter().map(judged).collect()
}

/// The gravest verdict; that nothing tested a claim is the least that there is to say.
fn gravest(verdicts: &[ClaimVerdict]) -> ClaimVerdict {
    let falling = [
        ClaimVerdict::Violated,
        ClaimVerdict::Observed,
        ClaimVerdict::Unknown,
        ClaimVerdict::Held,
        ClaimVerdict::NotObserved,
    ];
    let found = falling.into_iter().find(|verdict| verdicts.contains(verdict));
    found.unwrap_or(ClaimVerdict::Vacuous)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stale: u64, reads: u64) -> RunMeasure {
        RunMeasure {
            stale,
            reads,
            ops: reads,
            read_ms: Sketch::of((1..=100).map(|ms| f64::from(ms) * (1.0 + stale as f64 / 100.0))),
            ..RunMeasure::default()
        }
    }

    fn figures_of(runs: &[RunMeasure]) -> BTreeMap<String, Figure> {
        let runs: Vec<_> = runs.iter().collect();
        figures(&Runs(&runs))
    }

    #[test]
    fn bounds_are_as_wide_as_runs_differ_and_never_narrower_than_chance() {
        let alike: Vec<_> = (0..10).map(|_| run(10, 1000)).collect();
        let share = figures_of(&alike)["stale_share"];
        let wilson = Estimate::share(100, 10_000);
        assert_eq!(
            (share.value, share.low, share.high),
            (Some(0.01), Some(wilson.low), wilson.high)
        );
        let unlike: Vec<_> = (0..10)
            .map(|number| run(if number == 0 { 100 } else { 0 }, 1000))
            .collect();
        let wide = figures_of(&unlike)["stale_share"];
        assert_eq!(wide.value, Some(0.01));
        assert!(wide.low < Some(0.001) && wide.high > Some(0.02), "{wide:?}");
        let never: Vec<_> = (0..10).map(|_| run(0, 1000)).collect();
        let none = figures_of(&never)["stale_share"];
        assert!(
            none.value == Some(0.0) && none.high > Some(0.0),
            "never seen is not never: {none:?}"
        );
        assert!(share.differs_from(&none) && !wide.differs_from(&share));
    }

    #[test]
    fn of_few_runs_other_figures_have_no_bounds() {
        let two = figures_of(&[run(0, 10), run(5, 10)]);
        assert_eq!((two["read_p99_ms"].low, two["read_p99_ms"].high), (None, None));
        assert!(two["stale_share"].low.is_some());
        let ten: Vec<_> = (0..10).map(|number| run(number, 10)).collect();
        let p99 = figures_of(&ten)["read_p99_ms"];
        assert!(p99.low < p99.value && p99.high >= p99.value, "{p99:?}");
        assert_eq!(p99.n, 1000);
        let nothing = figures_of(&[])["read_p50_ms"];
        assert_eq!(nothing, Figure::default());
    }

    #[test]
    fn the_gravest_run_counts_and_one_that_proves_nothing_only_where_no_other_is_valid() {
        let ended = |exit| RunMeasure {
            exit: Some(exit),
            ..RunMeasure::default()
        };
        let of = |exits: &[Exit]| exit_of(&exits.iter().map(|exit| ended(*exit)).collect::<Vec<_>>());
        assert_eq!(of(&[Exit::Vacuous, Exit::Valid]), Exit::Valid);
        assert_eq!(of(&[Exit::Vacuous, Exit::Vacuous]), Exit::Vacuous);
        assert_eq!(of(&[Exit::Valid, Exit::Invalid, Exit::Unknown]), Exit::Invalid);
        assert_eq!(
            gravest(&[ClaimVerdict::Vacuous, ClaimVerdict::Held]),
            ClaimVerdict::Held
        );
        assert_eq!(
            gravest(&[ClaimVerdict::Held, ClaimVerdict::Violated]),
            ClaimVerdict::Violated
        );
    }
}
