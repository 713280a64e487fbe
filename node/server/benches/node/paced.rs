//! How long requests take that come at a steady rate, whether or not earlier ones have been answered; with all nodes
//! up, and with one of three stopped.
//!
//! Latencies count from when a request was due: a cluster that stalls makes all of them late that came in the meantime
//! (Schroeder, Wierman and Harchol-Balter, *Open Versus Closed*, NSDI 2006).

use std::{
    thread,
    time::{Duration, Instant},
};

use quorate_node::client::NodeClient;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tokio::sync::mpsc;

use crate::{
    Effort,
    cluster::{Cluster, TIMEOUT},
    cpu::Meter,
    figures::{Figures, Used, quantile},
    load::{self, is_ok, read_or_write},
};

/// The share of the peak that is asked for.
const SHARE: f64 = 0.7;

/// In flight when the peak is measured.
const PEAK_IN_FLIGHT: usize = 64;

/// Requests that are due in the same one of these are sent together.
const TICK: Duration = Duration::from_millis(1);

/// A 99th percentile is taken over as many parts of a span.
const PARTS: u32 = 20;

/// Parts in a row without a slow one after which a cluster has recovered.
const CALM_PARTS: usize = 5;

/// One request.
struct Sample {
    due: Instant,
    took: Duration,
    is_ok: bool,
}

pub(crate) fn name(fsync: &str) -> String {
    format!("quorum reads and writes, paced, fsync {fsync}")
}

/// Measures the peak, then at a share of it, then so with one node stopped, which stays stopped.
pub(crate) async fn measure(cluster: &Cluster, fsync: &str, effort: &Effort) {
    let is_peak = format!("quorum reads and writes, {PEAK_IN_FLIGHT} in flight, fsync {fsync}");
    let mut jobs = load::jobs(fsync).into_iter();
    let job = jobs.find(|job| job.name == is_peak).expect("one of the jobs");
    let peak = load::closed_loop(cluster, &job, effort, 0).await.ops_per_second;
    let rate = peak * SHARE;

    let (nodes, own) = (cluster.meter(), Meter::own());
    let (served, asked) = (nodes.used(), own.used());
    let samples = open_loop(&cluster.clients, rate, effort.span, effort.keys).await;
    let used = Used {
        serving: nodes.used_since(served),
        asking: own.used_since(asked),
    };
    let latencies = samples.iter().map(|sample| sample.took).collect();
    Figures::of(latencies, effort.span, used).print(&name(fsync), None);
    println!(
        "    at {:.0} % of a peak of {peak:.0} ops/s{}",
        SHARE * 100.0,
        failures(&samples)
    );

    let [up @ .., _] = &cluster.clients[..] else {
        unreachable!("there are three");
    };
    let healthy = p99(&open_loop(up, rate, effort.span, effort.keys).await);
    let stopped_at = Instant::now();
    if !cluster.stop_last() {
        return println!("    no node can be stopped here");
    }
    let samples = open_loop(up, rate, effort.span, effort.keys).await;
    let parts = parts(&samples, stopped_at, effort.span);
    let recovered = parts
        .windows(CALM_PARTS)
        .position(|parts| parts.iter().all(|p99| *p99 <= healthy * 2));
    let recovered = recovered.map_or("not within the span".to_owned(), |calm| {
        format!("after {:?}", effort.span / PARTS * calm as u32)
    });
    println!(
        "    one of three stopped, asking the others: p99 {} us before, at most {} us in {:?}, within twice {recovered}{}",
        healthy.as_micros(),
        parts.iter().max().expect("there are parts").as_micros(),
        effort.span / PARTS,
        failures(&samples)
    );
}

/// Sends as many requests in a second, over all of `clients`, and waits for all answers.
async fn open_loop(clients: &[NodeClient], rate: f64, span: Duration, keys: u64) -> Vec<Sample> {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let (ended, mut samples) = mpsc::unbounded_channel();
    let mut ticks = ticks(span);
    let (mut owed, mut sent) = (0.0, 0);
    while let Some(due) = ticks.recv().await {
        owed += rate * TICK.as_secs_f64();
        while owed >= 1.0 {
            owed -= 1.0;
            let client = clients[sent % clients.len()].clone();
            sent += 1;
            let index = rng.random_range(0..keys);
            let request = read_or_write(&mut rng, index);
            let ended = ended.clone();
            tokio::spawn(async move {
                let response = client.request(&request, (due + TIMEOUT).into()).await;
                let is_ok = response.is_ok_and(|response| is_ok(&response));
                let took = due.elapsed();
                // Whoever no longer listens has failed.
                let _ = ended.send(Sample { due, took, is_ok });
            });
        }
    }
    drop(ended);
    let mut all = Vec::new();
    while let Some(sample) = samples.recv().await {
        all.push(sample);
    }
    all
}

/// The instants at which requests are due. A thread's sleep is more exact than a timer of tokio's, which rounds up to
/// milliseconds.
fn ticks(span: Duration) -> mpsc::UnboundedReceiver<Instant> {
    let (sender, receiver) = mpsc::unbounded_channel();
    thread::spawn(move || {
        let start = Instant::now();
        let count = (span.as_nanos() / TICK.as_nanos()) as u32;
        for due in (0..count).map(|index| start + TICK * index) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if sender.send(due).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The 99th percentile of what was due in each part of a span from `start`.
fn parts(samples: &[Sample], start: Instant, span: Duration) -> Vec<Duration> {
    let mut parts: Vec<Vec<Duration>> = vec![Vec::new(); PARTS as usize + 1];
    for sample in samples {
        let part = (sample.due - start).div_duration_f64(span / PARTS) as usize;
        parts[part.min(PARTS as usize)].push(sample.took);
    }
    parts.truncate(PARTS as usize);
    let p99 = |mut part: Vec<Duration>| {
        part.sort_unstable();
        quantile(&part, 0.99)
    };
    parts.into_iter().map(p99).collect()
}

fn p99(samples: &[Sample]) -> Duration {
    let mut all: Vec<_> = samples.iter().map(|sample| sample.took).collect();
    all.sort_unstable();
    quantile(&all, 0.99)
}

/// How many were not answered as asked, if any.
fn failures(samples: &[Sample]) -> String {
    let failed = samples.iter().filter(|sample| !sample.is_ok).count();
    match failed {
        0 => String::new(),
        failed => format!("; {failed} of {} refused or failed", samples.len()),
    }
}
