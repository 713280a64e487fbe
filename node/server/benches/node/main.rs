//! What a cluster of three serves on this machine, beside what its transport alone would.
//!
//! The yardstick is a bare echo over QUIC, with the node's transport parameters and framing and nothing else, server
//! and client a thread each. What is measured is three nodes as processes, and one process of load, through the client
//! library; each figure is also given as a share of the echo's with as many requests in flight, in the same run.
//! `cargo bench` measures, `cargo test` only runs through it. The figures depend on how many cores there are, and on the
//! disk.

#![expect(clippy::unwrap_used, reason = "what fails here ends the measurement, and says where")]

mod cluster;
mod cpu;
mod echo;
mod figures;
mod load;
mod paced;

use std::{env, time::Duration};

use tokio::runtime::{Builder, Runtime};

use crate::{cluster::Cluster, echo::Echo, figures::Figures};

/// Bytes of a request's payload, or of a value.
const PAYLOAD_BYTES: usize = 100;

/// What is measured, and how much.
#[derive(Clone)]
struct Effort {
    /// Only figures with this in their name; given as an argument.
    only: String,
    /// How long each figure is measured; a fifth as long goes before, unmeasured.
    span: Duration,
    rounds: usize,
    keys: u64,
}

impl Effort {
    fn full(only: String) -> Effort {
        Effort {
            only,
            span: Duration::from_secs(2),
            rounds: 3,
            keys: 10_000,
        }
    }

    fn quick(only: String) -> Effort {
        Effort {
            only,
            span: Duration::from_millis(20),
            rounds: 1,
            keys: 100,
        }
    }

    fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

fn main() {
    let measured = env::args().any(|argument| argument == "--bench");
    let only = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .unwrap_or_default();
    let effort = if measured {
        Effort::full(only)
    } else {
        Effort::quick(only)
    };
    println!(
        "{PAYLOAD_BYTES}-byte payloads, {:?} a figure, medians of {} rounds; CPU is user and system time",
        effort.span, effort.rounds
    );
    Figures::print_head();
    current_thread().block_on(measure(&effort));
}

async fn measure(effort: &Effort) {
    let mut echo = Echo::start(effort.clone());
    for in_flight in [1, 16, 64, 256] {
        if effort.wants(&Echo::name(in_flight)) {
            echo.ops_per_second(in_flight).await;
        }
    }
    for fsync in ["never", "always"] {
        let jobs: Vec<_> = load::jobs(fsync)
            .into_iter()
            .filter(|job| effort.wants(&job.name))
            .collect();
        let is_paced = effort.wants(&paced::name(fsync));
        if jobs.is_empty() && !is_paced {
            continue;
        }
        let cluster = Cluster::start(fsync).await;
        cluster.fill(effort.keys).await;
        for job in &jobs {
            let mut rounds = Vec::new();
            for round in 0..effort.rounds {
                rounds.push(load::closed_loop(&cluster, job, effort, round as u64).await);
            }
            let limit = echo.ops_per_second(job.in_flight).await;
            Figures::median(&rounds).print(&job.name, Some(limit));
        }
        if is_paced {
            paced::measure(&cluster, fsync, effort).await;
        }
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
