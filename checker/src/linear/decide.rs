//! Linearizability by the quickest way that applies: near-linear where values tell enough, else a search.

use super::{
    fast::{self, Decision},
    kind::{ModelKind, Nil, Options, check_kind},
};
use crate::{
    evidence::{Context, Finding},
    transcript::{Call, Transcript},
};

/// Finds whether `transcript` is linearizable as the model of this name has it, as [`check_kind`] does, and without a search
/// where there is a way around it.
pub fn decide(transcript: &Transcript, kind: ModelKind, options: &Options<'_>, context: &Context) -> Finding {
    let is_untold =
        |call: &Call| call.is_ok() && call.answered.is_nil() && matches!(&*call.function, "dequeue" | "pop" | "read");
    if options.nil == Nil::Any && transcript.calls().iter().any(is_untold) {
        // The near-linear ways take nil for an answer.
        return check_kind(transcript, kind, options, context);
    }
    let decision = match kind {
        ModelKind::Mutex => Some(fast::mutex(transcript, context)),
        ModelKind::Queue => Some(fast::queue(transcript, context)),
        ModelKind::FifoQueue => Some(fast::fifo(transcript, context)),
        ModelKind::Stack => Some(fast::stack(transcript, context)),
        ModelKind::Set => Some(fast::set(transcript, context)),
        ModelKind::Counter => Some(fast::counter(transcript, context)),
        ModelKind::Register | ModelKind::CasRegister | ModelKind::MultiRegister | ModelKind::Kv => None,
    };
    match decision {
        Some(Decision::Decided(finding)) => finding,
        Some(Decision::NotApplicable(_)) | None => check_kind(transcript, kind, options, context),
    }
}
