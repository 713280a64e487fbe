//! One life of one node's process.
//!
//! A task owns the process: it reads where the process listens, waits for its end, and kills it when told to or when
//! nobody holds its handle any more. So a process is always reaped.

use std::{
    fs::OpenOptions,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
};

use anyhow::Context;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{ChildStdin, ChildStdout, Command},
    sync::{mpsc::UnboundedSender, oneshot},
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
    /// The process stops when this ends.
    _stdin: ChildStdin,
}

/// What a node prints once it listens.
#[derive(Deserialize)]
struct Announcement {
    listening: SocketAddr,
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
        let log_file = OpenOptions::new().create(true).append(true).open(log);
        let log_file = log_file.with_context(|| format!("open {}", log.display()))?;
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .process_group(0) // Ctrl-C on the terminal is the harness's to handle.
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("run {}", program.display()))?;
        let stdin = process.stdin.take().expect("asked for");
        let stdout = process.stdout.take().expect("asked for");
        let (kill, killed) = oneshot::channel();
        let tell = move |event| {
            // Nobody listens any more when the run has been given up.
            let _ = events.send(ProcessEvent::Child { node, life, event });
        };
        tokio::spawn(look_after(process, stdout, killed, tell));
        Ok(Child {
            life,
            kill,
            _stdin: stdin,
        })
    }

    pub(super) fn life(&self) -> Life {
        self.life
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
    tell: impl Fn(ChildEvent),
) {
    let mut lines = BufReader::new(stdout).lines();
    let mut killed = std::pin::pin!(killed);
    let mut listening = false;
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
            status = process.wait() => {
                let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                return tell(ChildEvent::Ended { how });
            }
            line = lines.next_line(), if !listening => match line {
                Ok(Some(line)) => if let Ok(announcement) = serde_json::from_str::<Announcement>(&line) {
                    listening = true;
                    tell(ChildEvent::Listening { address: announcement.listening });
                },
                // Its output has ended, and so, soon, has it.
                Ok(None) | Err(_) => listening = true,
            }
        }
    }
}
