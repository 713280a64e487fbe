//! What is said of a history beside its verdict: how much there was, and what was taken for granted.

use std::path::Path;

use quorate_checker::{Call, Transcript, formats::Format, linear::Nil};
use quorate_workloads::{Judgement, Model};

use crate::exit::ExitError;

/// That it is not clear what a history is of.
pub(crate) fn no_model(path: &Path, found: &str) -> anyhow::Error {
    let names: Vec<&str> = Model::ALL.iter().map(|model| model.name()).collect();
    let message = format!(
        "tell what {} is of: {found}: ask for a model with --model: {}",
        path.display(),
        names.join(", ")
    );
    ExitError::usage(message).into()
}

/// What was judged, in a line.
pub(crate) fn history_note(path: &Path, format: Format, judgement: &Judgement) -> String {
    let counts = &judgement.counts;
    let (failed, unknown) = (
        counts.reads.fail + counts.writes.fail,
        counts.reads.info + counts.writes.info,
    );
    let keys = match counts.keys {
        1 => String::new(),
        keys => format!(" of {keys} keys"),
    };
    let name = if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    format!(
        "{name} ({format}): {} operations{keys}, {failed} failed, {unknown} unknown",
        counts.ops
    )
}

/// As what calls were taken, and why.
pub(crate) fn inferred(model: Model, why: &str) -> String {
    format!("{model}, as {why}; --model asks for another")
}

/// Whether a read returned nil.
pub(crate) fn has_nil_reads(parts: &[Transcript]) -> bool {
    let is_nil_read = |call: &Call| call.is_ok() && *call.function == *"read" && call.answered.is_nil();
    parts.iter().flat_map(Transcript::calls).any(is_nil_read)
}

/// What reads of nil were taken to say, where there were such.
pub(crate) fn nil_note(has_nil: bool, nil: Nil) -> Option<(&'static str, String)> {
    let words = match nil {
        Nil::Any => "a read of nil says nothing, as Knossos has it; --nil absent takes it for nothing there",
        Nil::Absent => "a read of nil found nothing there; --nil any takes it to say nothing",
    };
    has_nil.then(|| ("nil", words.to_owned()))
}

/// That the last line was cut short.
pub(crate) fn torn_note(line: u64) -> String {
    format!("line {line} ends in the middle and was passed over, as of a writer that died")
}
