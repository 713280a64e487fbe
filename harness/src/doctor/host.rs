//! What the machine has of other things.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use rustix::process::{Resource, getrlimit};

use super::{Found, Status};

/// A run of five nodes takes some sixty in the harness; one of 64 some six hundred.
const DESCRIPTORS_MIN: u64 = 128;
const DESCRIPTORS_GOOD: u64 = 1024;

/// Five nodes that have filled their caches, and the harness.
const MEMORY_GOOD_MB: u64 = 1000;

/// A clock coarser than this can't tell what happened first.
const CLOCK_STEP_MAX: Duration = Duration::from_millis(1);

pub(super) fn file_descriptors() -> Found {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let found = match limit {
        u64::MAX => "no limit".to_owned(),
        limit => format!("at most {limit}"),
    };
    match limit {
        DESCRIPTORS_GOOD.. => Ok((Status::Ok, found)),
        DESCRIPTORS_MIN.. => Ok((Status::Poor, format!("{found}: raise it for many nodes (ulimit -n)"))),
        _ => Err(format!(
            "{found}, of the {DESCRIPTORS_MIN} that a run needs (ulimit -n)"
        )),
    }
}

pub(super) fn memory() -> Found {
    let text = fs::read_to_string("/proc/meminfo");
    let text = text.map_err(|error| format!("not known on this system: read /proc/meminfo: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let available = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let available = available.ok_or_else(|| "not known: /proc/meminfo does not say it".to_owned())? / 1000;
    let status = if available >= MEMORY_GOOD_MB {
        Status::Ok
    } else {
        Status::Poor
    };
    Ok((status, format!("{available} MB available")))
}

pub(super) fn cores() -> Found {
    let count = std::thread::available_parallelism().map_err(|error| format!("not known: {error}"))?;
    let status = if count.get() > 1 { Status::Ok } else { Status::Poor };
    Ok((status, count.to_string()))
}

/// The smallest step of the monotonic clock, and whether the wall clock has been set.
pub(super) fn clock() -> Found {
    let step = (0..100).map(|_| step()).min().unwrap_or(Duration::MAX);
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let years = wall.map_or(0, |since| since.as_secs() / (365 * 24 * 3600));
    let found = format!("in steps of {step:?}");
    if step > CLOCK_STEP_MAX {
        return Err(format!("{found}, of at most {CLOCK_STEP_MAX:?}"));
    }
    if years < 50 {
        return Ok((Status::Poor, format!("{found}; the wall clock was never set")));
    }
    Ok((Status::Ok, found))
}

fn step() -> Duration {
    let began = Instant::now();
    loop {
        let passed = began.elapsed();
        if !passed.is_zero() {
            return passed;
        }
    }
}

pub(super) fn corpora() -> Found {
    let Ok(folder) = std::env::var("QUORATE_CORPORA") else {
        return Ok((
            Status::Ok,
            "QUORATE_CORPORA is not set: nothing is looked for".to_owned(),
        ));
    };
    let index = Path::new(&folder).join("INDEX.tsv");
    let text = fs::read_to_string(&index).map_err(|error| format!("read {}: {error}", index.display()))?;
    let count = text.lines().count().saturating_sub(1);
    Ok((Status::Ok, format!("{count} histories in {folder}")))
}
