//! How much processor time processes and threads have used, where Linux says it: `/proc/PID/stat` (proc_pid_stat(5)).

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// The unit of times in `stat`, a hundredth of a second on every architecture (`USER_HZ`). Over two seconds on two cores
/// that is within 1 % of what two busy threads use.
const TICK: Duration = Duration::from_millis(10);

/// Some processes or threads.
pub(crate) struct Meter(Vec<PathBuf>);

impl Meter {
    /// This process.
    pub(crate) fn own() -> Meter {
        Meter(vec!["/proc/self/stat".into()])
    }

    /// Other processes, by their ids.
    pub(crate) fn of(processes: impl Iterator<Item = u32>) -> Meter {
        Meter(processes.map(|id| format!("/proc/{id}/stat").into()).collect())
    }

    /// The thread that this is called on.
    pub(crate) fn this_thread() -> Meter {
        let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
        Meter(vec![Path::new("/proc").join(thread).join("stat")])
    }

    /// What they have used so far, in user and system mode together; `None` where nobody says.
    pub(crate) fn used(&self) -> Option<Duration> {
        self.0.iter().map(|path| used(path)).sum()
    }

    /// What they have used since they had used `earlier`.
    pub(crate) fn used_since(&self, earlier: Option<Duration>) -> Option<Duration> {
        Some(self.used()?.saturating_sub(earlier?))
    }
}

fn used(path: &Path) -> Option<Duration> {
    let stat = fs::read_to_string(path).ok()?;
    // The name, which may contain anything, ends with the last parenthesis; the state is field 3, these 14 and 15.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    ticks.map(|ticks| Some(TICK * ticks.parse::<u32>().ok()?)).sum()
}
