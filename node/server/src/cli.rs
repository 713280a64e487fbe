//! The node's command line: the arguments as typed, the options that they resolve to, and the run.

use std::{
    fmt,
    io::{self, IsTerminal, Read, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::Context;
use clap::Args;
#[cfg(feature = "plants")]
use quorate_core::Plant;
use quorate_core::{ClockMode, ClusterId, Config, Entry, Level, Name, NodeId, Replication, RingShape, Tombstones};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};
use tracing::level_filters::LevelFilter;

use crate::{
    control::{self, Control, Writes},
    duration,
    server::{Listening, Options, Server},
    store::Fsync,
};

/// Exit codes of wrong arguments, and of everything else that goes wrong: those of sysexits.h.
const USAGE: u8 = 64;
const FAILED: u8 = 70;

/// How long a node that lost its parent may take to end in good order.
const ORPHAN_GRACE: Duration = Duration::from_secs(2);

/// Tells the seed of ordered faults from those of the node's own chance.
const CONTROL_STREAM: u64 = 0x6272_6561_6b73;

/// Runs one node until it is told to stop.
///
/// Its identity (ca.pem, cert.pem, key.pem) has to be in the data folder; `quorate certs` puts it there. Once it
/// listens it prints one line of JSON to stdout, and nothing else: {"listening":"127.0.0.1:4501",
/// "node":"0f3c...","generation":1}. SIGTERM stops it in good order. With --control, a line answers each order.
#[derive(Args, Clone, Debug)]
pub struct NodeArgs {
    /// The data folder: identity, store and keys
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Where to listen; port 0 for any
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Where other nodes reach this one [default: where it listens]
    #[arg(long, value_name = "ADDR")]
    pub advertise: Option<SocketAddr>,
    /// Where to look for the cluster at first; may be repeated
    #[arg(long, value_name = "ADDR")]
    pub seed_node: Vec<SocketAddr>,
    /// What people call this node
    #[arg(long, default_value = "node")]
    pub name: String,
    /// The cluster's name; the same on every node of it
    #[arg(long, default_value = "quorate")]
    pub cluster: String,
    /// How many nodes found the ring; the same on every node
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub founders: usize,
    /// Join the ring that there is, and take over a share of it, in the place of founding one
    #[arg(long, conflicts_with = "replace")]
    pub join: bool,
    /// Join in the place of a member that is gone for good, by its identity
    #[arg(long, value_name = "NODE", value_parser = parse_node)]
    pub replace: Option<NodeId>,
    /// How many owners, old and new, agree to each step of a change of owners, and how many a new one copies from: QUORUM,
    /// EACH_QUORUM, or ALL where reads or writes get by with fewer than half; the same on every node
    #[arg(long, value_name = "LEVEL", default_value_t = Level::EachQuorum)]
    pub step_level: Level,
    /// For how long a member has to be silent before it is removed without being asked [default: never]
    #[arg(long, value_name = "SPAN", value_parser = duration::parse)]
    pub auto_remove_after: Option<Duration>,
    /// How many nodes hold each key, as 3 or by data center as dc1=3,dc2=2; the same on every node
    #[arg(long, value_name = "N", default_value = "3")]
    pub replicas: Replication,
    /// Into how many parts the ring is cut; the same on every node
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub partitions: u16,
    /// This node's share of the ring, relative to others
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub weight: u16,
    /// The data center that this node is in, for good
    #[arg(long, value_name = "NAME", default_value_t = Name::default_dc())]
    pub dc: Name,
    /// The rack that it is on there, for good
    #[arg(long, value_name = "NAME", default_value_t = Name::default_rack())]
    pub rack: Name,
    /// Time between two rounds of gossip; the same on every node
    #[arg(long, value_name = "SPAN", default_value = "1s", value_parser = duration::parse)]
    pub gossip_interval: Duration,
    /// How long a coordinator waits for replicas
    #[arg(long, value_name = "SPAN", default_value = "2s", value_parser = duration::parse)]
    pub request_timeout: Duration,
    /// The age at which a hint is thrown away
    #[arg(long, value_name = "SPAN", default_value = "3h", value_parser = duration::parse)]
    pub hint_window: Duration,
    /// The most hints kept, for all nodes together
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub hints_max: u64,
    /// How many bytes of hints to deliver in a second [default: as many as can be]
    #[arg(long, value_name = "BYTES")]
    pub hint_rate: Option<u64>,
    /// How long a write is remembered by the id that its client gave it
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = duration::parse)]
    pub write_id_window: Duration,
    /// The most writes remembered by their ids
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub write_ids_max: usize,
    /// When tombstones go: keep, collect:SPAN once that old and held by every owner, or forget:SPAN once that old,
    /// which lets deleted values rise again; the same on every node
    #[arg(long, value_name = "WHEN", default_value = "collect:240h", value_parser = parse_tombstones)]
    pub tombstones: Tombstones,
    /// The most actors in the context of siblings, which forgets what the oldest overwrote; only to show that
    #[arg(long, value_name = "N")]
    pub context_actors_max: Option<usize>,
    /// What stamps the writes of registers: hlc or wall; the same on every node
    #[arg(long, default_value = "hlc", value_parser = parse_clock)]
    pub clock: ClockMode,
    /// How far this node's clock is ahead of the machine's; only to show what wrong clocks do
    #[arg(long, value_name = "SPAN", default_value = "0s", value_parser = duration::parse)]
    pub clock_ahead: Duration,
    /// Bytes on their way to the disk above which nothing more is held
    #[arg(long, value_name = "BYTES", default_value_t = 64 * 1024 * 1024)]
    pub persisting_bytes_max: usize,
    /// Time between two comparisons with a peer, or off
    #[arg(long, value_name = "SPAN", default_value = "off", value_parser = parse_interval)]
    pub anti_entropy_interval: Interval,
    /// How far ahead of its own clock a node lets another's stamp be; the same on every node
    #[arg(long, value_name = "SPAN", default_value = "500ms", value_parser = duration::parse)]
    pub clock_skew_max: Duration,
    /// The most client requests coordinated at a time
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub in_flight_max: usize,
    /// When acknowledged writes reach the disk: always, never, or periodic:SPAN
    #[arg(long, default_value = "always")]
    pub fsync: Fsync,
    /// The seed of all chance but that of TLS [default: one that nobody can guess]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The bug that this node is told to have
    #[cfg(feature = "plants")]
    #[arg(long, value_name = "NAME", value_parser = parse_plant)]
    pub plant: Option<Plant>,
    /// Stop when stdin ends, as it does when the parent dies, and leave SIGINT to the parent
    #[arg(long)]
    pub exit_with_parent: bool,
    /// Take orders on stdin, one line of JSON each, that break this node's disk, clock and messages; only for tests
    #[arg(long)]
    pub control: bool,
    /// Hold what is written in memory until it is synced, so that a kill is to the file what a power cut is
    #[arg(long, requires = "control")]
    pub hold_writes: bool,
    /// What goes to the log on stderr: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub log_level: LevelFilter,
}

/// A span, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(pub Option<Duration>);

fn parse_interval(text: &str) -> Result<Interval, String> {
    match text {
        "off" => Ok(Interval(None)),
        _ => duration::parse(text)
            .map(|span| Interval(Some(span)))
            .map_err(|why| format!("{why}, and is not off")),
    }
}

fn parse_clock(text: &str) -> Result<ClockMode, String> {
    match text {
        "hlc" => Ok(ClockMode::Hybrid),
        "wall" => Ok(ClockMode::Wall),
        _ => Err(format!("{text:?} is neither hlc nor wall")),
    }
}

/// Reads when tombstones go: `keep`, or `collect:` or `forget:` and a span.
///
/// # Errors
/// In words, why it is neither.
pub fn parse_tombstones(text: &str) -> Result<Tombstones, String> {
    let span = |text| duration::parse(text).map_err(|why| why.to_string());
    match text.split_once(':') {
        None if text == "keep" => Ok(Tombstones::Keep),
        Some(("collect", grace)) => span(grace).map(Tombstones::CollectAfter),
        Some(("forget", grace)) => span(grace).map(Tombstones::ForgetAfter),
        _ => Err(format!(
            "{text:?} is not keep, or collect: or forget: and a span, as in collect:240h"
        )),
    }
}

#[cfg(feature = "plants")]
fn parse_plant(name: &str) -> Result<Plant, String> {
    Plant::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Plant::ALL.into_iter().map(Plant::name).collect();
        format!("{name:?} is none of {}", names.join(", "))
    })
}

fn parse_node(text: &str) -> Result<NodeId, String> {
    let identity = u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16);
    identity
        .map(NodeId)
        .ok_or_else(|| format!("{text:?} is no identity: one is 16 hexadecimal digits"))
}

impl NodeArgs {
    fn entry(&self) -> Entry {
        match (self.replace, self.join) {
            (Some(node), _) => Entry::Replace(node),
            (None, true) => Entry::Join,
            (None, false) => Entry::Found,
        }
    }

    /// What takes orders, if anything is to.
    fn control(&self) -> Option<Arc<Control>> {
        let writes = if self.hold_writes { Writes::Held } else { Writes::InFile };
        self.control
            .then(|| Control::new(writes, self.seed.unwrap_or_default() ^ CONTROL_STREAM))
    }

    /// The options that these arguments mean.
    fn options(&self) -> Options {
        let ring = RingShape {
            partitions: self.partitions,
            replication: self.replicas.clone(),
        };
        // Which node this is and where it is reached is not known yet.
        let (cluster, node) = (ClusterId::from_name(&self.cluster), NodeId(0));
        Options {
            folder: self.data.clone(),
            listen: self.listen,
            advertise: self.advertise,
            fsync: self.fsync,
            seed: self.seed,
            clock_ahead: self.clock_ahead,
            control: self.control(),
            node: Config {
                name: self.name.clone(),
                seeds: self.seed_node.clone(),
                weight: self.weight,
                dc: self.dc.clone(),
                rack: self.rack.clone(),
                entry: self.entry(),
                step_level: self.step_level,
                auto_remove_after: self.auto_remove_after,
                gossip_interval: self.gossip_interval,
                request_timeout: self.request_timeout,
                hint_count_max: self.hints_max,
                hint_window: self.hint_window,
                hint_bytes_per_second: self.hint_rate,
                write_id_window: self.write_id_window,
                write_id_count_max: self.write_ids_max,
                tombstones: self.tombstones,
                context_actors_max: self.context_actors_max,
                clock: self.clock,
                clock_skew_max: self.clock_skew_max,
                in_flight_max: self.in_flight_max,
                persisting_bytes_max: self.persisting_bytes_max,
                anti_entropy_interval: self.anti_entropy_interval.0,
                #[cfg(feature = "plants")]
                plant: self.plant,
                ..Config::new(cluster, node, self.listen, ring, self.founders)
            },
        }
    }
}

/// How a run of a node ended that should not have ended so.
#[derive(Debug)]
pub enum Failure {
    /// The arguments can't be. Nothing was done.
    Usage(anyhow::Error),
    /// The node could not start, or could not go on.
    Failed(anyhow::Error),
}

impl Failure {
    /// 64 for usage, 70 for the rest.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Usage(_) => USAGE,
            Failure::Failed(_) => FAILED,
        })
    }
}

impl fmt::Display for Failure {
    /// The whole chain, outermost first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(error) => write!(f, "{error:#}"),
            Failure::Failed(error) => write!(f, "failed to {error:#}"),
        }
    }
}

/// Runs a node until a signal or its parent's end stops it.
///
/// # Errors
/// [`Failure`], with the exit code that belongs to it.
pub fn run(args: &NodeArgs) -> Result<(), Failure> {
    if args.control && io::stdin().is_terminal() {
        let why = "--control: orders are read from standard input, and that is a terminal";
        return Err(Failure::Usage(anyhow::Error::msg(why)));
    }
    let options = args.options();
    options.validate().map_err(|error| Failure::Usage(error.into()))?;
    // Where the process has a log already, that one is used.
    let _ = tracing_subscriber::fmt()
        .with_max_level(args.log_level)
        .with_writer(io::stderr)
        .with_ansi(false)
        .try_init();
    serve(&options, args.exit_with_parent).map_err(Failure::Failed)
}

fn serve(options: &Options, exit_with_parent: bool) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(async {
        let stop = stop_signal(exit_with_parent, options.control.clone()).context("listen for signals")?;
        let served = start_and_run(options, stop).await;
        if let Some(control) = &options.control {
            // What ended the node is counted; whoever gave orders may be gone.
            let _ = control::say(&control.last_words(), &mut io::stdout().lock());
        }
        served
    })
}

async fn start_and_run(options: &Options, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let server = Server::start(options)
        .await
        .with_context(|| format!("start {}", options.node.name))?;
    announce(server.listening()).context("print the line that says where it listens")?;
    server
        .run(stop)
        .await
        .with_context(|| format!("run {}", options.node.name))
}

/// Ready when the process is told to stop.
fn stop_signal(exit_with_parent: bool, control: Option<Arc<Control>>) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    // Taken in both cases: with a parent, so that it is ignored.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let orphaned = Arc::new(Notify::new());
    if exit_with_parent || control.is_some() {
        let orphaned = Arc::clone(&orphaned);
        thread::Builder::new().name("parent".to_owned()).spawn(move || {
            read_stdin(control.as_ref());
            if exit_with_parent {
                exit_soon(&orphaned);
            }
        })?;
    }
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return tracing::info!("stopping: SIGTERM"),
                _ = interrupt.recv() => {
                    if !exit_with_parent {
                        return tracing::info!("stopping: SIGINT");
                    }
                }
                () = orphaned.notified() => return tracing::info!("stopping: stdin has ended"),
            }
        }
    })
}

/// Reads standard input to its end: orders, where they are taken.
fn read_stdin(control: Option<&Arc<Control>>) {
    let mut stdin = io::stdin().lock();
    if let Some(control) = control {
        tracing::warn!("orders that break this node are taken on standard input");
        if let Err(error) = control::serve(control, &mut stdin, io::stdout()) {
            tracing::error!(%error, "no more orders are taken");
        }
    }
    let mut ignored = [0; 1024];
    loop {
        match stdin.read(&mut ignored) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
}

/// Asks for a stop, and ends the process if that takes too long.
fn exit_soon(orphaned: &Notify) {
    orphaned.notify_one();
    thread::sleep(ORPHAN_GRACE);
    std::process::exit(FAILED.into());
}

/// The one line on stdout.
fn announce(listening: Listening) -> io::Result<()> {
    let Listening {
        address,
        node,
        generation,
    } = listening;
    let mut stdout = io::stdout().lock();
    writeln!(
        stdout,
        r#"{{"listening":"{address}","node":"{node}","generation":{}}}"#,
        generation.0
    )?;
    stdout.flush()
}

/// Prints what clap has to say: help, a version, or what is wrong with the arguments. The exit code that belongs to it.
pub fn refuse(error: &clap::Error) -> ExitCode {
    // If not even this can be printed there is nobody to tell.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    }
}
