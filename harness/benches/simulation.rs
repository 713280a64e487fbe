//! How fast runs go in virtual time, and where that time goes: whole, without judging them, and without their history too.
//!
//! Variants take turns and each figure is the best of several rounds over the same seeds, so that what else the machine does has
//! the same share in all; the time that threads had a processor tells what a machine of its own would. `cargo bench -p quorate
//! --bench simulation` measures, `cargo test` only runs through it.

use std::{
    env, fs,
    ops::ControlFlow,
    sync::LazyLock,
    time::{Duration, Instant},
};

use quorate_core::NodeId;
use quorate_harness::{
    backend::{SimulatedCluster, SimulatedOptions},
    fault_log::FaultLog,
    interpreter::{self, RunOptions},
    parallel::in_order,
    record::Recorder,
    scenario::Scenario,
    sweep::SeedRun,
    tape::TapeRecorder,
    trial::Trial,
    workers::Workers,
};

/// How much is measured.
struct Effort {
    rounds: usize,
    /// In each round of each variant.
    seeds: u64,
    /// Each load is as long as its scenario says, divided by this.
    shorter: u32,
}

const FULL: Effort = Effort {
    rounds: 5,
    seeds: 20,
    shorter: 1,
};
const QUICK: Effort = Effort {
    rounds: 1,
    seeds: 2,
    shorter: 10,
};

/// How much of a run is done.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Whole,
    NotJudged,
    NotRecorded,
}

const PARTS: [(Part, &str); 3] = [
    (Part::Whole, "whole"),
    (Part::NotJudged, "not judged"),
    (Part::NotRecorded, "nor recorded"),
];

const JOBS: [usize; 2] = [1, 2];

fn main() {
    let is_measured = env::args().any(|argument| argument == "--bench");
    let effort = if is_measured { FULL } else { QUICK };
    println!(
        "simulations, {} seeds a round; best of {} rounds",
        effort.seeds, effort.rounds
    );
    println!(
        "{:<11} {:<13} {:>4} | {:>13} | {:>12} | {:>10} | {:>13} | {:>16}",
        "load", "run", "jobs", "simulated s/s", "client ops/s", "seeds/hour", "ops/s of CPU", "us of CPU a seed"
    );
    for (name, mut scenario) in [("quickstart", Scenario::quickstart()), ("saturated", saturated())] {
        scenario.time /= effort.shorter;
        measure(name, &scenario, &effort);
    }
    println!("to reach, of the quickstart: 1,000 simulated s/s on two cores, 20,000 seeds/hour,");
    println!(
        "and 250,000 ops/s of CPU if recorded and not judged; the saturated load, of which nothing fails, is the harder one"
    );
}

/// As many operations as the nodes can take, without a pause. Nothing is broken: what fails because a node is down costs little,
/// and would make the figure a better one than it is.
fn saturated() -> Scenario {
    Scenario {
        rate: 0,
        concurrency: 64,
        time: Duration::from_secs(5),
        faults: Vec::new(),
        ..Scenario::quickstart()
    }
}

/// Measures all variants in turns and prints their lines.
fn measure(name: &str, scenario: &Scenario, effort: &Effort) {
    let judge = Workers::new(1).expect("one thread is there");
    let run = |seed: u64| SeedRun::of_trial(Trial::in_memory(scenario.clone(), seed), &judge);
    // What a seed does is the same each time: it is counted once, and only timed after that.
    let (mut ops, mut virtual_time) = (0, Duration::ZERO);
    for seed in 0..effort.seeds {
        let run = run(seed);
        assert!(!run.is_failed(), "seed {seed}: {}", run.words());
        ops += run.ops;
        virtual_time += run.virtual_time;
    }
    let variants: Vec<_> = PARTS.iter().flat_map(|part| JOBS.map(|jobs| (*part, jobs))).collect();
    let mut best = vec![Spent::MOST; variants.len()];
    for _ in 0..effort.rounds {
        for (((part, _), jobs), best) in variants.iter().zip(&mut best) {
            let work = |seed| match part {
                Part::Whole => drop(run(seed)),
                Part::NotJudged => record(scenario, seed, Recorder::in_memory(scenario.workload)),
                Part::NotRecorded => record(scenario, seed, Recorder::none()),
            };
            *best = best.least(spent(*jobs, effort.seeds, &work));
        }
    }
    for (((_, part), jobs), best) in variants.iter().zip(best) {
        println!(
            "{name:<11} {part:<13} {jobs:>4} | {:>13.0} | {:>12.0} | {:>10.0} | {:>13.0} | {:>16.0}",
            virtual_time.as_secs_f64() / best.wall,
            ops as f64 / best.wall,
            effort.seeds as f64 * 3600.0 / best.wall,
            ops as f64 / best.cpu,
            best.cpu * 1e6 / effort.seeds as f64
        );
    }
}

/// Seconds.
#[derive(Clone, Copy)]
struct Spent {
    wall: f64,
    /// Of all threads together.
    cpu: f64,
}

impl Spent {
    const MOST: Spent = Spent {
        wall: f64::INFINITY,
        cpu: f64::INFINITY,
    };

    fn least(self, other: Spent) -> Spent {
        Spent {
            wall: self.wall.min(other.wall),
            cpu: self.cpu.min(other.cpu),
        }
    }
}

/// What so many seeds take.
fn spent(jobs: usize, seeds: u64, work: &(dyn Fn(u64) + Sync)) -> Spent {
    let began = Instant::now();
    let timed = |seed| {
        let began = thread_time();
        work(seed);
        thread_time() - began
    };
    let mut cpu = Duration::ZERO;
    in_order(jobs, seeds, &timed, &mut |seed, done| {
        cpu += done.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        ControlFlow::Continue(())
    });
    Spent {
        wall: began.elapsed().as_secs_f64(),
        cpu: cpu.as_secs_f64(),
    }
}

/// How long this thread has had a processor. Where the system does not say: how long the process has run, which is the same on a
/// machine that does nothing else.
fn thread_time() -> Duration {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ns = told.and_then(|told| told.split_whitespace().next()?.parse().ok());
    ns.map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

/// Runs a seed as a trial does, and judges nothing.
fn record(scenario: &Scenario, seed: u64, recorder: Recorder) {
    let mut scenario = scenario.clone();
    scenario.resolve_plan(seed);
    let identities: &[NodeId] = &[];
    let mut cluster = SimulatedCluster::new(&SimulatedOptions {
        scenario: &scenario,
        seed,
        schedule: seed,
        identities,
        is_hashed: false,
    });
    let options = RunOptions {
        scenario: &scenario,
        seed,
        recorder,
        fault_log: FaultLog::in_memory(),
        tape: TapeRecorder::none(),
        asks: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime takes no more than memory");
    let record = runtime.block_on(interpreter::run(&mut cluster, options, &mut |_| {}));
    drop(record.unwrap_or_else(|error| panic!("seed {seed}: {error:#}")));
}
