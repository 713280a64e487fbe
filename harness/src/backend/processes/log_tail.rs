//! The end of a log, for a message about the end of its writer.

use std::path::Path;

/// How many lines are shown: a panic's message and what led to it.
const LINES: usize = 12;

/// The last lines of a file, each on a line of its own; or why they can't be had.
pub(super) fn of(path: &Path) -> String {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return format!("; its log {} can't be read: {error}", path.display()),
    };
    let lines: Vec<_> = text.lines().collect();
    if lines.is_empty() {
        return format!("; its log {} is empty", path.display());
    }
    let tail = &lines[lines.len().saturating_sub(LINES)..];
    format!("; the end of its log {}:\n  {}", path.display(), tail.join("\n  "))
}
