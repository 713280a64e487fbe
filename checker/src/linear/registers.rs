//! Linearizability of registers, whatever is done to them: by zones where each value is written once, by search elsewhere, and
//! where values are compared before they are written.

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

/// Finds keys that are not linearizable registers, as [`checks::linearizable`] does, and searches where that does not tell,
/// since a value of the key was written more than once, or compared. The budget is for each key.
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
    if finding.count > 0 {
        return finding; // Whose compare-and-sets are in order as well is no news.
    }
    let tested = finding.tested;
    match compared(history, &options, context) {
        None => finding,
        Some(found) => Finding {
            tested: tested.max(found.tested),
            ..finding.merge(found)
        },
    }
}

/// Searches the keys where values are compared: a write of each value once may still have compared with the wrong one.
fn compared(history: &History, options: &Options<'_>, context: &Context) -> Option<Finding> {
    let keys = history
        .keys()
        .filter(|key| history.op_counts(*key).has_compared() && history.repeat(*key).is_none());
    let findings = keys.map(|key| {
        let transcript = register_transcript(history, key);
        check_kind(&transcript, ModelKind::CasRegister, options, context)
    });
    findings.reduce(Finding::merge)
}
