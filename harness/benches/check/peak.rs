//! The memory of a measurement, which is a process of its own.

use std::fs;

/// The most memory that this process ever had, in units of 10^6 bytes; 0 where the system does not tell.
pub(crate) fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1_024 / 1_000_000
}
