//! A fingerprint of everything that happened, in order.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The rolling hash of a run so far. Two runs with equal hashes after the same number of events were the same run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceHash {
    /// Events so far.
    pub events: u64,
    /// Their hash.
    pub hash: u64,
}

impl TraceHash {
    pub(crate) fn note(&mut self, event: &impl Hash) {
        let mut bytes = Bytes(Vec::with_capacity(128));
        event.hash(&mut bytes);
        self.hash = xxh3_64_with_seed(&bytes.0, self.hash);
        self.events += 1;
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}/{}", self.hash, self.events)
    }
}

/// Collects what is hashed, whole, so that the hash does not depend on how a hasher cuts its input.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("only collected")
    }
}
