//! Unordered queues (bags) with distinct values: what is taken is any of what is inside.
//!
//! Where no take comes before its put, every put can take effect at its last moment or right before its take, whichever
//! comes first, and every take at its first or right after its put. This keeps each element inside for its core and no longer
//! (`emptiness.rs`), whatever the others do: so what remains to be checked is only that all who found nothing can have. Exact
//! whatever is concurrent, and with calls of unknown outcome too, but for a drain of unknown outcome: that may take any number
//! at once, and is decided only where it makes no difference.

use super::{
    Decision, emptiness,
    ledger::{Ledger, Trade},
};
use crate::{evidence::Context, transcript::Transcript};

/// Decides whether `enqueue v`, `dequeue -> v` or `-> nil` if there is nothing, and `drain -> [v ...]`, so many dequeues, are
/// of one linearizable queue without order, which is empty at first.
///
/// Tested are all ok calls. Not applicable where a value is enqueued twice, or where a drain of unknown outcome makes a
/// difference.
pub fn queue(transcript: &Transcript, context: &Context) -> Decision {
    match Ledger::read(transcript, context, &Trade::QUEUE) {
        Ok(ledger) => decide(&ledger, context),
        Err(decision) => *decision,
    }
}

fn decide(ledger: &Ledger<'_>, context: &Context) -> Decision {
    if !ledger.has_spare_drain || !ledger.has_loose_ends() {
        return judge(ledger, context);
    }
    if emptiness::check(&ledger.without_spares()).is_ok() {
        return ledger.sound();
    }
    // Without what nobody took, calls of unknown outcome took nothing.
    let taken = ledger.without_untaken();
    if emptiness::check(&taken).is_err() {
        return judge(&taken, context);
    }
    Decision::NotApplicable("a drain of unknown outcome may have removed what nobody else did".to_owned())
}

fn judge(ledger: &Ledger<'_>, context: &Context) -> Decision {
    match emptiness::check(ledger) {
        Ok(()) => ledger.sound(),
        Err(watcher) => emptiness::decision(ledger, watcher, context),
    }
}
