//! What clients ask of the three nodes, and how long it takes with so many requests in flight.

use std::time::{Duration, Instant};

use quorate_core::{
    Ask, Cell, Context, Fetch, Key, Kind, Level, ReadRepair, ReadRequest, Request, Response, Update, Value, WritePath,
    WriteRequest,
};
use quorate_node::client::NodeClient;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tokio::{task::JoinSet, time::sleep_until};

use crate::{
    Effort, PAYLOAD_BYTES,
    cluster::{Cluster, NODES, TIMEOUT},
    cpu::Meter,
    figures::{Figures, Used, Window},
};

/// A majority of three.
const QUORUM: u8 = 2;

/// Never hedges.
const NO_HEDGE: Ask = Ask::Hedged { permille: 1000 };

/// A request, by chance, of the key of an index.
type Draw = fn(&mut Pcg64Mcg, u64) -> Request;

/// A load, and how many requests of it are in flight.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) name: String,
    draw: Draw,
    pub(crate) in_flight: usize,
}

/// What never touches the disk, and is measured once.
const READS: [(&str, Draw, &[usize]); 6] = [
    ("reads of the node's own copy", own_read, &[1, 16, 64, 256]),
    ("quorum reads, no repair", |_, index| quorum_read(index), &[64]),
    ("quorum reads, blocking repair", blocking_read, &[64]),
    ("quorum reads, digests", digest_read, &[64]),
    ("quorum reads, as few as it takes", few_read, &[64]),
    ("quorum reads, as few as it takes, digests", few_digest_read, &[64]),
];

/// What does, or is measured beside it.
const MIXES: [(&str, Draw, &[usize]); 6] = [
    ("quorum reads", repairing_read, &[1, 64]),
    (
        "quorum writes",
        |rng, index| write(index, rng.random(), QUORUM),
        &[1, 64],
    ),
    ("quorum writes, two-phase", two_phase_write, &[64]),
    ("quorum increments of counters", increment, &[64]),
    ("quorum reads and overwrites of siblings", siblings_read, &[64]),
    ("quorum reads and writes", read_or_write, &[1, 16, 64, 256]),
];

/// All that is measured at one setting of the disk.
pub(crate) fn jobs(fsync: &str) -> Vec<Job> {
    let reads = READS.iter().filter(|_| fsync == "never");
    let loads = reads.chain(&MIXES);
    let jobs = loads.flat_map(|(name, draw, in_flights)| in_flights.iter().map(move |n| (name, *draw, *n)));
    jobs.map(|(name, draw, in_flight)| Job {
        name: format!("{name}, {in_flight} in flight, fsync {fsync}"),
        draw,
        in_flight,
    })
    .collect()
}

/// Keeps as many requests in flight as the job says, over all nodes.
pub(crate) async fn closed_loop(cluster: &Cluster, job: &Job, effort: &Effort, seed: u64) -> Figures {
    let window = Window::open(effort);
    let mut workers = JoinSet::new();
    for worker in 0..job.in_flight {
        let client = cluster.clients[worker % NODES].clone();
        let rng = Pcg64Mcg::seed_from_u64(seed << 32 | worker as u64);
        workers.spawn(work(client, rng, job.draw, effort.keys, window));
    }
    let (nodes, own) = (cluster.meter(), Meter::own());
    sleep_until(window.from.into()).await;
    let (served, asked) = (nodes.used(), own.used());
    sleep_until(window.until.into()).await;
    let used = Used {
        serving: nodes.used_since(served),
        asking: own.used_since(asked),
    };
    let latencies = workers.join_all().await.concat();
    Figures::of(latencies, effort.span, used)
}

async fn work(client: NodeClient, mut rng: Pcg64Mcg, draw: Draw, keys: u64, window: Window) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut next = None;
    while Instant::now() < window.until {
        let index = rng.random_range(0..keys);
        let request = next.take().unwrap_or_else(|| draw(&mut rng, index));
        let start = Instant::now();
        let response = client.request(&request, (start + TIMEOUT).into()).await;
        let end = Instant::now();
        let response = response.unwrap();
        assert!(is_ok(&response), "{response:?}");
        if window.counts(start, end) {
            latencies.push(end - start);
        }
        next = overwrite(&request, &response);
    }
    latencies
}

pub(crate) fn is_ok(response: &Response) -> bool {
    matches!(response, Response::Read(Ok(_)) | Response::Write(Ok(_)))
}

/// What follows a read of siblings: a value in the place of all that was read.
fn overwrite(request: &Request, response: &Response) -> Option<Request> {
    let (Request::Read(read), Response::Read(Ok(ok))) = (request, response) else {
        return None;
    };
    let context = match &ok.cell {
        Some(Cell::Siblings(siblings)) => siblings.context().clone(),
        _ => Context::default(),
    };
    let value = Value(vec![7; PAYLOAD_BYTES].into());
    (read.key.kind == Kind::Siblings).then(|| write_of(read.key.clone(), Update::Put { value, context }, QUORUM))
}

/// Either, as likely.
pub(crate) fn read_or_write(rng: &mut Pcg64Mcg, index: u64) -> Request {
    if rng.random() {
        write(index, rng.random(), QUORUM)
    } else {
        repairing_read(rng, index)
    }
}

fn quorum_read_of(key: Key) -> ReadRequest {
    ReadRequest::new(key, Level::Count(QUORUM), TIMEOUT)
}

fn quorum_read(index: u64) -> Request {
    Request::Read(quorum_read_of(key(Kind::Register, index)))
}

fn repairing_read(_: &mut Pcg64Mcg, index: u64) -> Request {
    Request::Read(ReadRequest {
        repair: ReadRepair::Async,
        ..quorum_read_of(key(Kind::Register, index))
    })
}

fn blocking_read(_: &mut Pcg64Mcg, index: u64) -> Request {
    let holders = Level::Count(QUORUM);
    Request::Read(ReadRequest {
        repair: ReadRepair::Blocking { holders },
        ..quorum_read_of(key(Kind::Register, index))
    })
}

fn digest_read(_: &mut Pcg64Mcg, index: u64) -> Request {
    Request::Read(ReadRequest {
        fetch: Fetch::Digests,
        ..quorum_read_of(key(Kind::Register, index))
    })
}

fn few_read(_: &mut Pcg64Mcg, index: u64) -> Request {
    Request::Read(ReadRequest {
        ask: NO_HEDGE,
        ..quorum_read_of(key(Kind::Register, index))
    })
}

fn few_digest_read(_: &mut Pcg64Mcg, index: u64) -> Request {
    Request::Read(ReadRequest {
        fetch: Fetch::Digests,
        ask: NO_HEDGE,
        ..quorum_read_of(key(Kind::Register, index))
    })
}

/// Every node owns every key, and the nearest owner is the node itself: it asks nobody.
fn own_read(_: &mut Pcg64Mcg, index: u64) -> Request {
    Request::Read(ReadRequest {
        level: Level::One,
        ask: NO_HEDGE,
        ..quorum_read_of(key(Kind::Register, index))
    })
}

fn siblings_read(_: &mut Pcg64Mcg, index: u64) -> Request {
    Request::Read(quorum_read_of(key(Kind::Siblings, index)))
}

/// Puts that byte, over and over.
pub(crate) fn write(index: u64, byte: u8, w: u8) -> Request {
    let value = Value(vec![byte; PAYLOAD_BYTES].into());
    write_of(key(Kind::Register, index), Update::put(value), w)
}

fn two_phase_write(rng: &mut Pcg64Mcg, index: u64) -> Request {
    let level = Level::Count(QUORUM);
    match write(index, rng.random(), QUORUM) {
        Request::Write(write) => Request::Write(WriteRequest {
            path: WritePath::TwoPhase { level },
            ..write
        }),
        request => request,
    }
}

fn increment(_: &mut Pcg64Mcg, index: u64) -> Request {
    write_of(key(Kind::Counter, index), Update::Increment { delta: 1 }, QUORUM)
}

fn write_of(key: Key, update: Update, w: u8) -> Request {
    Request::Write(WriteRequest::new(key, update, Level::Count(w), TIMEOUT))
}

fn key(kind: Kind, index: u64) -> Key {
    Key::of(kind, format!("key{index:08}").as_bytes())
}
