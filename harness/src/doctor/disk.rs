//! Folders, and the disks that they are on.

use std::{
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::statvfs;
use tempfile::NamedTempFile;

use super::{Found, Status};

const MB: u64 = 1_000_000;

/// Below the first a run of five nodes fails; below the second one of many may.
const SPACE_MIN_BYTES: u64 = 200 * MB;
const SPACE_GOOD_BYTES: u64 = 2_000 * MB;

/// A sync that takes longer makes of group commit a few dozen writes a second.
const SYNC_GOOD: Duration = Duration::from_millis(20);

/// Syncs that are timed, and what each writes.
const SYNCS: usize = 15;
const SYNC_BYTES: usize = 4096;

/// Whether a file can be made in a folder; in the one that it would be made in, if it is not there yet.
pub(super) fn folder(path: &Path) -> Found {
    let there = existing(path);
    let made = NamedTempFile::new_in(there);
    made.map_err(|error| format!("make a file in {}: {error}", there.display()))?;
    let found = if there == path {
        format!("{} can be written", path.display())
    } else {
        format!("{} can be made", path.display())
    };
    Ok((Status::Ok, found))
}

/// How much is free there.
pub(super) fn space(path: &Path) -> Found {
    let there = existing(path);
    let stat = statvfs(there).map_err(|error| format!("ask how much is free in {}: {error}", there.display()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let found = format!("{} MB free", free / MB);
    match free {
        SPACE_GOOD_BYTES.. => Ok((Status::Ok, found)),
        SPACE_MIN_BYTES.. => Ok((Status::Poor, found)),
        _ => Err(format!("{found}, of the {} MB that a run needs", SPACE_MIN_BYTES / MB)),
    }
}

/// How long a sync takes there.
pub(super) fn fsync(path: &Path) -> Found {
    let took = time_syncs(existing(path)).map_err(|error| format!("sync a file: {error}"))?;
    let median = took[took.len() / 2];
    let status = if median <= SYNC_GOOD { Status::Ok } else { Status::Poor };
    let slowest = took[took.len() - 1];
    Ok((
        status,
        format!("{median:.2?} (median of {SYNCS}; {slowest:.2?} at worst)"),
    ))
}

/// In order of length.
fn time_syncs(folder: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = NamedTempFile::new_in(folder)?;
    let mut took = Vec::new();
    for _ in 0..SYNCS {
        file.write_all(&[7; SYNC_BYTES])?;
        let began = Instant::now();
        file.as_file().sync_data()?;
        took.push(began.elapsed());
    }
    took.sort();
    Ok(took)
}

/// The folder, or the nearest above it that is there.
fn existing(path: &Path) -> &Path {
    let here = Path::new(".");
    let mut above = path.ancestors();
    let there = above.find(|folder| folder.exists()).unwrap_or(here);
    if there.as_os_str().is_empty() { here } else { there }
}
