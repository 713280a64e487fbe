//! Linearizability of registers, whatever is written to them: by zones where each value is written once, by search elsewhere.

use super::{
    budget::Budget,
    kind::{ModelKind, Options, check_kind},
};
use crate::{
    checks,
    evidence::{Context, Finding},
    history::{History, KeyId},
    transcript::register_transcript,
};

/// Finds keys that are not linearizable registers, as [`checks::linearizable`] does, and searches where that is in doubt, since
/// a value of the key was written more than once. The budget is for each key.
pub fn registers(history: &History, budget: &Budget<'_>, context: &Context) -> Finding {
    let mut finding = checks::linearizable(history, context);
    let repeated: Vec<KeyId> = history.keys().filter(|key| history.repeat(*key).is_some()).collect();
    // A key is in doubt for one reason at a time, so these are all of them.
    if finding
        .unknown
        .as_ref()
        .is_some_and(|doubt| doubt.count() == repeated.len() as u64)
    {
        finding.unknown = None;
    }
    let options = Options {
        budget: *budget,
        ..Options::default()
    };
    for key in repeated {
        let transcript = register_transcript(history, key);
        finding = finding.merge(check_kind(&transcript, ModelKind::Register, &options, context));
    }
    finding
}
