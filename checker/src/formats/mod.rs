//! Forms in which histories are written down.

pub mod jsonl;
