//! One run of a cell, and what is measured of it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use quorate_checker::{
    Action, History, Outcome,
    checks::{ReadStaleness, each_read_staleness},
};
use quorate_workloads::{ClaimReport, ClaimVerdict, Execute, Judgement, Record};

use super::{
    meter::{Legs, Meter, Traffic},
    sketch::Sketch,
};
use crate::{
    exit::Exit,
    interpreter::{RunRecord, Sample},
    judging::{judge_briefly, run_facts},
    load::nanos,
    scenario::Scenario,
    simulation::{self, Recorded},
    trial::Trial,
};

/// How many of so many succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// They did.
    pub ok: u64,
    /// All.
    pub all: u64,
}

impl Share {
    fn add(&mut self, is_ok: bool) {
        self.ok += u64::from(is_ok);
        self.all += 1;
    }
}

/// A read, and how long before it began a write of its key was last acknowledged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// In milliseconds.
    pub ms: f64,
    /// Whether the read missed an acknowledged write.
    pub is_stale: bool,
}

/// What one kind of fault did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultMeasure {
    /// How often it was on.
    pub count: u64,
    /// Reads that were to begin while it was.
    pub reads: Share,
    /// Writes that were.
    pub writes: Share,
    /// After each time that it was undone, how long operations that were to begin later still failed, in milliseconds.
    pub recoveries_ms: Vec<f64>,
}

/// What passed between real nodes while there was load, as the network between them saw it: encrypted, so that nobody knows what
/// it was for. Gossip, acknowledgements and what QUIC adds are in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Datagrams {
    /// How many.
    pub count: u64,
    /// Of how many bytes.
    pub bytes: u64,
}

/// What is measured of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunMeasure {
    /// How a process that ran it alone would end; `None` stands for valid.
    pub exit: Option<Exit>,
    /// What it failed with before there was anything to measure.
    pub error: Option<String>,
    /// Operations that ended.
    pub ops: u64,
    /// Operations that came and were never begun, because every client was busy until the end.
    pub unbegun: u64,
    /// Reads of which it is known whether they were stale.
    pub reads: u64,
    /// Those that were.
    pub stale: u64,
    /// How many versions behind stale reads were.
    pub stale_versions: Sketch,
    /// For how long what they returned had been overwritten, in milliseconds.
    pub stale_ms: Sketch,
    /// Reads of keys that were written before.
    pub gaps: Vec<Gap>,
    /// How long successful reads took, in milliseconds from when they were to begin.
    pub read_ms: Sketch,
    /// As of reads, of writes.
    pub write_ms: Sketch,
    /// By kind of fault.
    pub faults: BTreeMap<String, FaultMeasure>,
    /// Operations that were to begin while any fault was on.
    pub during_faults: Share,
    /// Operations that were to begin while none was.
    pub otherwise: Share,
    /// From the last heal until every node was at rest, in milliseconds; `None` if that was not in time.
    pub rest_ms: Option<f64>,
    /// What passed between nodes, message by message; only a simulation knows.
    pub traffic: Option<Traffic>,
    /// What passed between real nodes.
    pub datagrams: Option<Datagrams>,
    /// What each leg took; nothing of real processes, whose messages nobody else can read.
    pub legs: Legs,
    /// Acknowledged writes that were lost.
    pub lost: u64,
    /// Acknowledged writes that could have been.
    pub lost_tested: u64,
    /// Each claim, whether it was made, how it fared, how often it was broken, and by how many operations it could have been.
    pub claims: Vec<(String, bool, ClaimVerdict, u64, u64)>,
    /// The folder of a run on real processes that is worth a look: it failed, or broke a claim that was made.
    pub kept: Option<PathBuf>,
}

/// Runs a scenario in virtual time, and measures it. One that fails says so in what is measured.
pub fn measure(scenario: &Scenario, seed: u64, execute: &dyn Execute) -> RunMeasure {
    try_measure(scenario, seed, execute).unwrap_or_else(|error| RunMeasure::failed(seed, &format!("{error:#}")))
}

fn try_measure(scenario: &Scenario, seed: u64, execute: &dyn Execute) -> anyhow::Result<RunMeasure> {
    let trial = Trial::in_memory(scenario.clone(), seed).brief();
    let meter = Meter::default();
    let tap = Box::new(meter.clone());
    let Recorded { record, .. } = simulation::record(&trial, None, Some(tap), &mut |_| {})?;
    let (traffic, legs) = meter.measured();
    Ok(RunMeasure {
        traffic: Some(traffic),
        legs,
        ..RunMeasure::of(trial.scenario(), &record, execute)
    })
}

/// A cell without faults is not one whose faults had no effect: what races tested there was tested. No single run has to reach
/// the floor of a claim: how much tested it is told of all runs of a cell.
fn judge(scenario: &Scenario, record: &RunRecord, execute: &dyn Execute) -> Judgement {
    let mut facts = run_facts(scenario, &record.faults, Some(Arc::clone(&record.told)), None);
    if scenario.plan.is_empty() && scenario.faults.is_empty() {
        facts.faults_took_effect = None;
    }
    judge_briefly(scenario, &record.history, &facts, execute)
}

impl RunMeasure {
    /// Of what a run recorded, on whichever cluster.
    pub(super) fn of(scenario: &Scenario, record: &RunRecord, execute: &dyn Execute) -> RunMeasure {
        let mut measure = RunMeasure {
            unbegun: record.unbegun,
            ops: record.samples.len() as u64,
            rest_ms: record.quiet_after.map(ms),
            ..RunMeasure::default()
        };
        if let Record::Keys(history) = &record.history {
            measure.take_staleness(history);
        }
        measure.take_samples(record);
        measure.take_faults(scenario, record);
        let judgement = judge(scenario, record, execute);
        measure.exit = Some(judgement.verdict.into());
        measure.take_claims(&judgement.claims);
        measure
    }

    /// Of a run that failed.
    pub(super) fn failed(seed: u64, why: &str) -> RunMeasure {
        RunMeasure {
            exit: Some(Exit::Failure),
            error: Some(format!("seed {seed}: {why}")),
            ..RunMeasure::default()
        }
    }

    fn take_staleness(&mut self, history: &History) {
        let mut acked: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for key in history.keys() {
            let is_write = |action: Action| !matches!(action, Action::Read);
            let writes = history
                .ops_of(key)
                .filter(|op| is_write(op.action) && op.outcome == Outcome::Ok);
            let mut ends: Vec<u64> = writes.filter_map(quorate_checker::Op::end_ns).collect();
            ends.sort_unstable();
            acked.insert(key, ends);
        }
        each_read_staleness(
            history,
            |ReadStaleness {
                 read,
                 versions,
                 time_ns,
                 ..
             }| {
                let is_stale = versions > 0;
                self.reads += 1;
                self.stale += u64::from(is_stale);
                if is_stale {
                    self.stale_versions.add(versions as f64);
                    self.stale_ms.add(time_ns as f64 / 1e6);
                }
                let ends = acked.get(&read.key).map_or(&[][..], Vec::as_slice);
                let before = ends.partition_point(|end| *end <= read.start_ns);
                if let Some(last) = before.checked_sub(1).map(|at| ends[at]) {
                    let ms = (read.start_ns - last) as f64 / 1e6;
                    self.gaps.push(Gap { ms, is_stale });
                }
            },
        );
    }

    fn take_samples(&mut self, record: &RunRecord) {
        for sample in record.samples.iter().filter(|sample| sample.is_ok) {
            let side = if sample.is_read {
                &mut self.read_ms
            } else {
                &mut self.write_ms
            };
            side.add(ms(sample.latency));
        }
    }

    /// Takes in, for each fault, who succeeded while it was on, and how long it was felt after.
    fn take_faults(&mut self, scenario: &Scenario, record: &RunRecord) {
        let ends = nanos(record.load_span.1);
        let spans: Vec<_> = record.faults.spans();
        let span = |at: usize| (spans[at].start_ns, spans[at].end_ns.unwrap_or(ends));
        for sample in &record.samples {
            let due = nanos(sample.due);
            let is_during = (0..spans.len()).any(|at| (span(at).0..span(at).1).contains(&due));
            let share = if is_during {
                &mut self.during_faults
            } else {
                &mut self.otherwise
            };
            share.add(sample.is_ok);
        }
        for (at, fault) in spans.iter().enumerate() {
            let (start, end) = span(at);
            let next = spans
                .iter()
                .map(|span| span.start_ns)
                .filter(|start| *start >= end)
                .min();
            let during = |sample: &&Sample| (start..end).contains(&nanos(sample.due));
            let kind = kind_of(scenario, &fault.label);
            let measure = self.faults.entry(kind).or_default();
            measure.count += 1;
            for sample in record.samples.iter().filter(during) {
                let side = if sample.is_read {
                    &mut measure.reads
                } else {
                    &mut measure.writes
                };
                side.add(sample.is_ok);
            }
            // A fault that lasts to the end of the load has nobody left to feel that it is over.
            if end < ends {
                let after = end..next.unwrap_or(ends);
                let failed = record.samples.iter().filter(|sample| !sample.is_ok);
                let felt = failed
                    .map(|sample| nanos(sample.due))
                    .filter(|due| after.contains(due))
                    .max();
                measure
                    .recoveries_ms
                    .push(felt.map_or(0.0, |due| (due - end) as f64 / 1e6));
            }
        }
    }

    fn take_claims(&mut self, claims: &[ClaimReport]) {
        for report in claims {
            let name = report.claim.name.to_string();
            if name == DURABLE {
                (self.lost, self.lost_tested) = (report.count, report.tested);
            }
            self.claims
                .push((name, report.claimed, report.verdict, report.count, report.tested));
        }
    }
}

/// The claim that acknowledged writes are not lost.
const DURABLE: &str = "durable-acks";

/// What a fault is called in a plan, by what it is called in the log.
fn kind_of(scenario: &Scenario, label: &str) -> String {
    let planned = scenario.plan.iter().find(|planned| planned.fault.to_string() == label);
    let name = planned.and_then(|planned| {
        let value = serde_json::to_value(&planned.fault).ok()?;
        value.get("fault")?.as_str().map(str::to_owned)
    });
    name.unwrap_or_else(|| label.to_owned())
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use quorate_workloads::InOrder;

    use super::*;

    /// Operations come at their rate while nobody answers, and what they waited counts.
    #[test]
    fn an_open_loop_does_not_wait_for_answers() {
        let mut scenario = Scenario::quickstart();
        (scenario.rate, scenario.concurrency, scenario.open_loop) = (300, 4, true);
        scenario.time = Duration::from_secs(2);
        scenario.faults = Vec::new();
        let calm = measure(&scenario, 1, &InOrder);
        assert_eq!(calm.error, None);
        let came = calm.ops + calm.unbegun;
        assert!((500..700).contains(&came), "{came} of about 600 came");
        // Nobody has a disk that answers in less than a second: four clients can't keep up.
        let (at, lasts) = (Duration::from_millis(500), Duration::from_millis(1500));
        let slow_disks = crate::fault::Fault::SlowDisk {
            nodes: crate::fault::Place::all(5).collect(),
            delay: Duration::from_millis(300),
        };
        scenario.plan = vec![crate::plan::PlannedFault::new(at, lasts, slow_disks)];
        let slow = measure(&scenario, 1, &InOrder);
        assert_eq!(slow.ops + slow.unbegun, came, "as many came");
        assert!(slow.unbegun > 0, "some were never begun");
        let p99 = slow.write_ms.quantile(0.99).expect("there are writes");
        assert!(
            p99 > 500.0,
            "they waited for a client before they waited for the disk: {p99}"
        );
        let fault = &slow.faults["slow-disk"];
        assert_eq!(fault.count, 1);
        assert!(fault.writes.all > 0 && fault.recoveries_ms.is_empty());
    }

    #[test]
    fn every_leg_is_measured_and_lies_where_the_simulation_draws_it() {
        let mut scenario = Scenario::quickstart();
        (scenario.r, scenario.w, scenario.open_loop) = (1, 1, true);
        scenario.time = Duration::from_secs(1);
        scenario.faults = Vec::new();
        let measure = measure(&scenario, 1, &InOrder);
        let legs = &measure.legs;
        for leg in [&legs.w, &legs.a, &legs.r, &legs.s, &legs.client] {
            let (least, most) = leg
                .iter()
                .fold((f64::MAX, 0f64), |(least, most), ms| (least.min(*ms), most.max(*ms)));
            assert!(
                leg.len() > 200 && least >= 0.05 && most < 3.0,
                "{} {least} {most}",
                leg.len()
            );
        }
        let mut apply = legs.apply.clone();
        apply.sort_unstable_by(f64::total_cmp);
        // What is older than what is held is acknowledged at once; anything else waits for a sync.
        assert!(
            apply[apply.len() / 10] >= 0.2,
            "a write is synced before it is acknowledged"
        );
        let traffic = measure.traffic.expect("a simulation knows it");
        let per_op = traffic.operations.messages as f64 / measure.ops as f64;
        // Three owners are asked, of whom the coordinator is one in three of five cases; there and back.
        assert!((4.0..5.6).contains(&per_op), "{per_op}");
        assert!(traffic.operations.bytes > 20 * traffic.operations.messages);
        assert!(traffic.other.messages > 0, "nodes gossip");
    }
}
