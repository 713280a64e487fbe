//! Judges histories of replicated stores: history in, verdict with evidence out.
