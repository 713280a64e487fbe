//! Children and signals.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::{Found, Status};

/// How long a child may take to do what it is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks at it.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A child that does nothing, in a process group of its own: stopped, let go on, killed.
pub(super) fn signals() -> Found {
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("run cat: {error}"))?;
    let tried = try_signals(&child);
    // Whatever came of it, nothing is left.
    let ended = child.kill().and_then(|()| child.wait());
    tried.map_err(|error| format!("stop a child and let it go on: {error}"))?;
    let status = ended.map_err(|error| format!("kill a child: {error}"))?;
    Ok((
        Status::Ok,
        format!("a child was stopped, went on and was killed ({status})"),
    ))
}

fn try_signals(child: &Child) -> io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("it has no id"))?;
    kill_process_group(pid, Signal::STOP)?;
    wait_for(pid, WaitIdOptions::STOPPED)?;
    kill_process_group(pid, Signal::CONT)?;
    wait_for(pid, WaitIdOptions::CONTINUED)
}

fn wait_for(pid: Pid, what: WaitIdOptions) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while waitid(WaitId::Pid(pid), what | WaitIdOptions::NOHANG)?.is_none() {
        if Instant::now() > deadline {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("nothing in {PATIENCE:?}"),
            ));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Whether a program does what it is told.
pub(super) fn runs(program: &str, arguments: &[&str]) -> Found {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("run {program}: {error}"))?;
    if output.status.success() {
        return Ok((Status::Ok, format!("{program} works")));
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().last().unwrap_or("it says nothing").to_owned();
    Err(format!("{program} {}: {} ({last})", arguments.join(" "), output.status))
}
