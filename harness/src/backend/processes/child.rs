//! One life of one node's process.
//!
//! A task owns the process: it reads where the process listens, waits for its end, pauses it and lets it go on, and kills
//! it when told to or when nobody holds its handle any more; and it hears what the process answers. So a process is always reaped, and no signal goes to one
//! that has been. Should the harness die while a process is paused, its group is orphaned, and the system has it hang up
//! and go on.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::Context;
use quorate_node::control::{Answer, Counts, Order, What};
use quorate_sim::Duty;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{ChildStdin, ChildStdout, Command},
    sync::{
        mpsc::{self, UnboundedReceiver, UnboundedSender},
        oneshot, watch,
    },
    time::{Instant, sleep},
};

use super::ProcessEvent;
use crate::fault::Place;

/// Which life of a node, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life(pub(super) u64);

/// What a process does by itself.
#[derive(Debug)]
pub(super) enum ChildEvent {
    /// It is ready.
    Listening {
        /// Where.
        address: SocketAddr,
    },
    /// What orders had done, as it said at its end.
    LastWords {
        /// That.
        counts: Box<Counts>,
    },
    /// It has ended, and nobody killed it.
    Ended {
        /// With what.
        how: String,
    },
}

/// A running process.
#[derive(Debug)]
pub(super) struct Child {
    life: Life,
    kill: oneshot::Sender<oneshot::Sender<std::io::Result<ExitStatus>>>,
    signals: UnboundedSender<Signalling>,
    /// The process stops when this goes, as its standard input goes with it.
    orders: UnboundedSender<Ordering>,
    duty: watch::Sender<Option<Duty>>,
    orders_given: u64,
}

/// An order for a process, and whom to tell what it answers.
#[derive(Debug)]
struct Ordering {
    order: Order,
    tell: oneshot::Sender<Answer>,
}

/// A signal for a process, and whom to tell how it was taken.
#[derive(Debug)]
struct Signalling {
    signal: Signal,
    tell: oneshot::Sender<std::io::Result<()>>,
}

/// How long a process may take to stop: what it is in the middle of, a sync at the longest.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks whether it has.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// What a node prints once it listens.
#[derive(Deserialize)]
struct Announcement {
    listening: SocketAddr,
}

/// Runs a node on pipes, whose log is added to the end of `log`.
///
/// # Errors
/// If the program can't be run or the log not be opened.
pub(super) fn run_node(program: &Path, arguments: &[String], log: &Path) -> anyhow::Result<tokio::process::Child> {
    let log_file = OpenOptions::new().create(true).append(true).open(log);
    let log_file = log_file.with_context(|| format!("open {}", log.display()))?;
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log_file)
        .process_group(0) // Ctrl-C on the terminal is the harness's to handle.
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("run {}", program.display()))
}

impl Child {
    /// Starts a process, whose log is added to the end of `log`.
    ///
    /// # Errors
    /// If the program can't be run or the log not be opened.
    pub(super) fn spawn(
        program: &Path,
        arguments: &[String],
        log: &Path,
        node: Place,
        life: Life,
        events: UnboundedSender<ProcessEvent>,
    ) -> anyhow::Result<Child> {
        let mut process = run_node(program, arguments, log)?;
        let stdin = process.stdin.take().expect("asked for");
        let stdout = process.stdout.take().expect("asked for");
        let (kill, killed) = oneshot::channel();
        let (signals, signalled) = mpsc::unbounded_channel();
        let (orders, ordered) = mpsc::unbounded_channel();
        let (pending, answers) = mpsc::unbounded_channel();
        let (duty, duties) = watch::channel(None);
        let tell = move |event| {
            // Nobody listens any more when the run has been given up.
            let _ = events.send(ProcessEvent::Child { node, life, event });
        };
        tokio::spawn(write_orders(stdin, ordered, pending));
        tokio::spawn(doze(duties, signals.clone()));
        tokio::spawn(look_after(process, stdout, killed, signalled, answers, tell));
        Ok(Child {
            life,
            kill,
            signals,
            orders,
            duty,
            orders_given: 0,
        })
    }

    pub(super) fn life(&self) -> Life {
        self.life
    }

    /// Pauses the process with SIGSTOP, and waits until it is seen to have stopped. False if it has ended.
    ///
    /// # Errors
    /// If it does not stop.
    pub(super) async fn pause(&self) -> anyhow::Result<bool> {
        self.signal(Signal::STOP).await
    }

    /// Lets the process go on.
    ///
    /// # Errors
    /// If it can't be told to.
    pub(super) async fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT).await.map(|_| ())
    }

    /// Has the process be stopped and let run in turn, or no longer.
    pub(super) fn slow(&self, duty: Option<Duty>) {
        self.duty.send_replace(duty);
    }

    /// Gives an order that ends by itself after a lease. What is returned ends with the answer, or with the process.
    pub(super) fn order(&mut self, what: What, lease: Duration) -> oneshot::Receiver<Answer> {
        self.orders_given += 1;
        let order = Order {
            id: self.orders_given,
            lease_ms: u64::try_from(lease.as_millis()).unwrap_or(u64::MAX),
            what,
        };
        let (tell, told) = oneshot::channel();
        // It fails only if the process has just ended by itself, and its task with it.
        let _ = self.orders.send(Ordering { order, tell });
        told
    }

    async fn signal(&self, signal: Signal) -> anyhow::Result<bool> {
        let (tell, told) = oneshot::channel();
        // Neither fails unless the process has just ended by itself, and its task with it.
        let _ = self.signals.send(Signalling { signal, tell });
        match told.await {
            Ok(taken) => Ok(taken.map(|()| true)?),
            Err(_) => Ok(false),
        }
    }

    /// Kills the process with SIGKILL, waits until it is gone, and says how it was seen to end.
    ///
    /// # Errors
    /// If it can't be killed.
    pub(super) async fn kill(self) -> anyhow::Result<String> {
        let (tell, told) = oneshot::channel();
        // Neither fails unless the process has just ended by itself, and its task with it.
        let _ = self.kill.send(tell);
        match told.await {
            Ok(status) => Ok(status?.to_string()),
            Err(_) => Ok("had ended by itself".to_owned()),
        }
    }
}

async fn look_after(
    mut process: tokio::process::Child,
    stdout: ChildStdout,
    killed: oneshot::Receiver<oneshot::Sender<std::io::Result<ExitStatus>>>,
    mut signalled: UnboundedReceiver<Signalling>,
    mut ordered: UnboundedReceiver<Ordering>,
    tell: impl Fn(ChildEvent),
) {
    let mut lines = BufReader::new(stdout).lines();
    let mut killed = std::pin::pin!(killed);
    let mut is_open = true;
    let mut pending = BTreeMap::new();
    loop {
        tokio::select! {
            biased;
            answer = &mut killed => {
                let status = process.kill().await;
                if let Ok(answer) = answer {
                    let status = match status {
                        Ok(()) => process.wait().await,
                        Err(error) => Err(error),
                    };
                    // The killer may have been given up meanwhile.
                    let _ = answer.send(status);
                }
                return;
            }
            Some(Signalling { signal, tell }) = signalled.recv() => {
                let taken = send(&process, signal).await;
                // Whoever asked may have been given up meanwhile.
                let _ = tell.send(taken);
            }
            // Taken before the answer can be there, as it is put here before it is written.
            Some(Ordering { order, tell }) = ordered.recv() => {
                pending.insert(order.id, tell);
            }
            line = lines.next_line(), if is_open => match line {
                Ok(Some(line)) => hear(&line, &mut pending, &tell),
                // Its output has ended, and so, soon, has it.
                Ok(None) | Err(_) => is_open = false,
            },
            status = process.wait() => {
                while let (true, Ok(Some(line))) = (is_open, lines.next_line().await) {
                    hear(&line, &mut pending, &tell);
                }
                let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                return tell(ChildEvent::Ended { how });
            }
        }
    }
}

/// Takes in a line that a process has written.
fn hear(line: &str, pending: &mut BTreeMap<u64, oneshot::Sender<Answer>>, tell: &impl Fn(ChildEvent)) {
    if let Ok(announcement) = serde_json::from_str::<Announcement>(line) {
        return tell(ChildEvent::Listening {
            address: announcement.listening,
        });
    }
    let Ok(answer) = serde_json::from_str::<Answer>(line) else {
        return; // Another build may say more.
    };
    match answer.order.and_then(|id| pending.remove(&id)) {
        Some(waiting) => {
            // Whoever asked may have been given up meanwhile.
            let _ = waiting.send(answer);
        }
        None => tell(ChildEvent::LastWords {
            counts: Box::new(answer.counts),
        }),
    }
}

/// Writes orders to a process for as long as its handle is there. One that is paused, and takes no more, holds up nobody.
async fn write_orders(
    mut stdin: ChildStdin,
    mut orders: UnboundedReceiver<Ordering>,
    pending: UnboundedSender<Ordering>,
) {
    while let Some(ordering) = orders.recv().await {
        let line = serde_json::to_string(&ordering.order).expect("an order holds what JSON can") + "\n";
        // Both fail only once the process has ended.
        if pending.send(ordering).is_err() || stdin.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Stops a process and lets it run in turn, for as long as it is told to.
async fn doze(mut duties: watch::Receiver<Option<Duty>>, signals: UnboundedSender<Signalling>) {
    let send = |signal| {
        let (tell, told) = oneshot::channel();
        let sent = signals.send(Signalling { signal, tell });
        async move { sent.is_ok() && told.await.is_ok() }
    };
    loop {
        let Ok(duty) = duties.wait_for(Option::is_some).await.map(|duty| *duty) else {
            return; // Its handle is gone.
        };
        let Duty { stops, runs } = duty.expect("it was waited for");
        if !send(Signal::STOP).await {
            return;
        }
        sleep(stops).await;
        if !send(Signal::CONT).await {
            return;
        }
        sleep(runs).await;
    }
}

/// Sends a signal to a process that has not been reaped, and to what it has started; waits until it has stopped, if it
/// is to.
async fn send(process: &tokio::process::Child, signal: Signal) -> io::Result<()> {
    let Some(pid) = process.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)) else {
        return Ok(()); // It has ended, as its task is about to tell.
    };
    kill_process_group(pid, signal)?;
    let deadline = Instant::now() + STOP_PATIENCE;
    let looks = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    while signal == Signal::STOP && waitid(WaitId::Pid(pid), looks)?.is_none() {
        if Instant::now() > deadline {
            let message = format!("it has not stopped in {STOP_PATIENCE:?}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        sleep(STOP_POLL_INTERVAL).await;
    }
    Ok(())
}
