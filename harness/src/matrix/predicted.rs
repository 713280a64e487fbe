//! What the model of `quorate predict` makes of the delays that a cell's own runs were measured to have, beside what they showed.
//!
//! Each leg is drawn from all messages of its kind that were put on their way, the time to apply a write from its arrival at its
//! replica to the acknowledgement's leaving, and coordinators are among the replicas as often as N nodes of all are. What a read is
//! predicted depends on how long before it began a write of its key was last acknowledged.

use quorate_workloads::pbs::{Distribution, Legs, Model, Placement, Prediction, Quorum};
use serde::{Deserialize, Serialize};

use super::{measure::RunMeasure, spec::Cell};
use crate::predict::{Effort, predict};

/// Reads that began so long after a write, and how many of them were stale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// From so many milliseconds after it on.
    pub from_ms: f64,
    /// To so many; `None` of the last.
    pub to_ms: Option<f64>,
    /// How many reads.
    pub reads: u64,
    /// Which share of them was stale.
    pub measured: f64,
    /// Which share was predicted to be.
    pub predicted: f64,
}

/// What was predicted of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// How many trials it is made of.
    pub trials: u64,
    /// How many reads it is compared with: those of keys that were written before.
    pub reads: u64,
    /// Which share of them is predicted to be stale.
    pub stale_share: f64,
    /// Which share was.
    pub measured_stale_share: f64,
    /// By how long after a write reads began.
    pub bands: Vec<Band>,
    /// The root of the mean square of what was predicted less what was measured, over the reads by their bands.
    pub rmse: f64,
    /// From when on 99.9 % of reads are predicted to be fresh, in milliseconds.
    pub fresh_999_ms: Option<f64>,
    /// Latencies, as the figures of these names.
    pub read_p50_ms: Option<f64>,
    /// See above.
    pub read_p99_ms: Option<f64>,
    /// See above.
    pub read_p999_ms: Option<f64>,
    /// See above; of one-phase writes alone: the model knows no versions to ask for first.
    pub write_p50_ms: Option<f64>,
    /// See above.
    pub write_p99_ms: Option<f64>,
    /// See above.
    pub write_p999_ms: Option<f64>,
}

/// Where bands end: closer where freshness changes.
const BANDS_MS: [f64; 12] = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 50.0];

/// How many trials each cell has.
const TRIALS: u64 = 200_000;

impl Predicted {
    /// Of the runs of a cell; `None` where the model has nothing to say: of several data centers, of stand-ins, of what is not a
    /// register that one or two phases write, and without messages to go by.
    ///
    /// # Errors
    /// If the model can't be drawn.
    pub fn of(cell: &Cell, runs: &[RunMeasure], jobs: usize) -> anyhow::Result<Option<Predicted>> {
        let scenario = &cell.scenario;
        let is_known = scenario.workload == quorate_workloads::Workload::Register
            && ["lww", "abd"].contains(&cell.write_path.as_str())
            && scenario.dcs == 1
            && !scenario.sloppy
            && scenario.read_level.is_none()
            && scenario.write_level.is_none();
        if !is_known {
            return Ok(None);
        }
        let Some(model) = model(cell, runs) else {
            return Ok(None);
        };
        let quorum = Quorum {
            r: scenario.r,
            w: scenario.w,
        };
        let effort = Effort {
            seed: 1,
            trials: TRIALS,
            jobs,
        };
        let prediction = predict(&model, &[quorum], effort)?.pop().expect("one R and W");
        Ok(Some(beside(&prediction, cell, runs)))
    }
}

/// The model that a cell's messages make; `None` if some kind of them never passed.
fn model(cell: &Cell, runs: &[RunMeasure]) -> Option<Model> {
    let all = |of: fn(&RunMeasure) -> &Vec<f64>| {
        let delays: Vec<f64> = runs.iter().flat_map(|run| of(run).iter().copied()).collect();
        Distribution::measured(delays)
    };
    let legs = Legs {
        w: all(|run| &run.legs.w)?,
        a: all(|run| &run.legs.a)?,
        r: all(|run| &run.legs.r)?,
        s: all(|run| &run.legs.s)?,
    };
    let scenario = &cell.scenario;
    Some(Model {
        apply: all(|run| &run.legs.apply),
        client: all(|run| &run.legs.client),
        placement: Placement::Among(f64::from(scenario.n) / scenario.nodes as f64),
        ..Model::new(scenario.n, legs)
    })
}

fn beside(prediction: &Prediction, cell: &Cell, runs: &[RunMeasure]) -> Predicted {
    let mut bands: Vec<_> = (0..=BANDS_MS.len())
        .map(|at| Band {
            from_ms: at.checked_sub(1).map_or(0.0, |at| BANDS_MS[at]),
            to_ms: BANDS_MS.get(at).copied(),
            reads: 0,
            measured: 0.0,
            predicted: 0.0,
        })
        .collect();
    for gap in runs.iter().flat_map(|run| &run.gaps) {
        let band = &mut bands[BANDS_MS.partition_point(|end| *end <= gap.ms)];
        band.reads += 1;
        band.measured += f64::from(u8::from(gap.is_stale));
        band.predicted += prediction.stale_at(gap.ms).value;
    }
    let sum = |of: fn(&Band) -> f64| bands.iter().map(of).sum::<f64>();
    let reads: u64 = bands.iter().map(|band| band.reads).sum();
    let all = reads.max(1) as f64;
    let (stale_share, measured_stale_share) = (sum(|band| band.predicted) / all, sum(|band| band.measured) / all);
    bands.retain(|band| band.reads > 0);
    for band in &mut bands {
        band.measured /= band.reads as f64;
        band.predicted /= band.reads as f64;
    }
    let squares = bands
        .iter()
        .map(|band| band.reads as f64 * (band.measured - band.predicted).powi(2));
    let rmse = (squares.sum::<f64>() / all).sqrt();
    let read = prediction.read.as_ref();
    let write = prediction.write.as_ref().filter(|_| cell.write_path == "lww");
    Predicted {
        trials: prediction.trials,
        reads,
        stale_share,
        measured_stale_share,
        bands,
        rmse,
        fresh_999_ms: prediction.fresh_by(0.999).map(|t| t.value),
        read_p50_ms: read.map(|read| read.p50_ms.value),
        read_p99_ms: read.map(|read| read.p99_ms.value),
        read_p999_ms: read.map(|read| read.p999_ms.value),
        write_p50_ms: write.map(|write| write.p50_ms.value),
        write_p99_ms: write.map(|write| write.p99_ms.value),
        write_p999_ms: write.map(|write| write.p999_ms.value),
    }
}
