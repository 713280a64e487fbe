//! One way to write a cell down as bytes, for fingerprints and sizes.
//!
//! Not what travels or is stored: those encodings may change, and this one may not, or replicas of two releases would
//! take equal cells for different ones. Every integer has a fixed width, least byte first; whatever can vary in length
//! is preceded by its length, and every choice by a tag. So two contents give the same bytes only if they are equal.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::{Actor, Context, Dot, Value, Version, WallTime};

/// What takes the bytes.
pub(super) trait Sink {
    fn take(&mut self, bytes: &[u8]);

    /// Takes bytes of a known number: most of what is taken are numbers, and those are stored without a call that copies.
    fn take_all<const N: usize>(&mut self, bytes: [u8; N]) {
        self.take(&bytes);
    }
}

/// How long a length is, as it is written down.
pub(super) const LENGTH_BYTES: usize = 4;

/// How long a version is, as it is written down.
pub(super) const VERSION_BYTES: usize = 8 + 8 + 4;

/// What is hashed at once: most cells are not longer, and hashing in parts takes several times as long.
pub(super) const AT_ONCE_BYTES_MAX: usize = 240;

/// The XXH3 of the bytes, whichever way they are cut.
pub(super) struct Fingerprint {
    first: [u8; AT_ONCE_BYTES_MAX],
    /// How much of `first` is taken: all of it, once there are `parts`.
    length: usize,
    /// Of all bytes, once they are too many for `first`.
    parts: Option<Box<Xxh3>>,
}

impl Fingerprint {
    pub(super) fn new() -> Fingerprint {
        Fingerprint {
            first: [0; AT_ONCE_BYTES_MAX],
            length: 0,
            parts: None,
        }
    }

    #[inline(never)]
    pub(super) fn digest(&self) -> u64 {
        match &self.parts {
            None => xxh3_64(&self.first[..self.length]),
            Some(parts) => parts.digest(),
        }
    }
}

impl Sink for Fingerprint {
    // Never inlined: where all of a cell's parts are, each with its bounds, the optimiser takes many minutes over them.
    #[inline(never)]
    fn take(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(parts) = &mut self.parts {
            parts.update(bytes);
        } else if let Some(room) = self.first.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        } else {
            let mut parts = Box::new(Xxh3::new());
            parts.update(&self.first[..self.length]);
            parts.update(bytes);
            self.parts = Some(parts);
            self.length = AT_ONCE_BYTES_MAX;
        }
    }

    // Nor is this inlined, for the same reason.
    #[inline(never)]
    fn take_all<const N: usize>(&mut self, bytes: [u8; N]) {
        match self.first[self.length..].first_chunk_mut() {
            Some(room) => {
                *room = bytes;
                self.length += N;
            }
            None => self.take(&bytes),
        }
    }
}

/// Counts bytes.
#[derive(Debug, Default)]
pub(super) struct Size(pub(super) usize);

impl Sink for Size {
    fn take(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// What can be written down in one way only.
pub(super) trait Canonical {
    fn write(&self, sink: &mut impl Sink);
}

impl Canonical for u64 {
    fn write(&self, sink: &mut impl Sink) {
        sink.take_all(self.to_le_bytes());
    }
}

impl Canonical for [u8] {
    fn write(&self, sink: &mut impl Sink) {
        write_length(self.len(), sink);
        sink.take(self);
    }
}

impl Canonical for Value {
    fn write(&self, sink: &mut impl Sink) {
        self.0.as_ref().write(sink);
    }
}

impl Canonical for WallTime {
    fn write(&self, sink: &mut impl Sink) {
        self.as_nanos().write(sink);
    }
}

impl Canonical for Version {
    fn write(&self, sink: &mut impl Sink) {
        sink.take_all(version_bytes(self));
    }
}

/// A version, as it is written down.
pub(super) fn version_bytes(version: &Version) -> [u8; VERSION_BYTES] {
    let mut bytes = [0; VERSION_BYTES];
    bytes[..8].copy_from_slice(&version.time.to_le_bytes());
    bytes[8..16].copy_from_slice(&version.node.0.to_le_bytes());
    bytes[16..].copy_from_slice(&version.generation.0.to_le_bytes());
    bytes
}

impl Canonical for Actor {
    fn write(&self, sink: &mut impl Sink) {
        self.node.0.write(sink);
        sink.take_all(self.generation.0.to_le_bytes());
        self.birth.write(sink);
    }
}

impl Canonical for Dot {
    fn write(&self, sink: &mut impl Sink) {
        self.actor.write(sink);
        self.n.write(sink);
    }
}

impl Canonical for Context {
    fn write(&self, sink: &mut impl Sink) {
        write_length(self.len(), sink);
        for (actor, n) in self.iter() {
            Dot { actor, n }.write(sink);
        }
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn write(&self, sink: &mut impl Sink) {
        sink.take_all([u8::from(self.is_some())]);
        if let Some(content) = self {
            content.write(sink);
        }
    }
}

impl<T: Canonical> Canonical for BTreeSet<T> {
    fn write(&self, sink: &mut impl Sink) {
        write_length(self.len(), sink);
        self.iter().for_each(|item| item.write(sink));
    }
}

impl<K: Canonical, V: Canonical> Canonical for BTreeMap<K, V> {
    fn write(&self, sink: &mut impl Sink) {
        write_length(self.len(), sink);
        for (key, value) in self {
            key.write(sink);
            value.write(sink);
        }
    }
}

fn write_length(length: usize, sink: &mut impl Sink) {
    sink.take_all(length_bytes(length));
}

/// In four bytes: what is longer than that is far beyond every limit, and need not be told apart.
pub(super) fn length_bytes(length: usize) -> [u8; LENGTH_BYTES] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_hash_of_all_bytes_however_they_come() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for length in [0, 1, 7, 239, 240, 241, 480, 1000] {
            for part in [1, 8, 100, 240, 241, 1000] {
                let mut fingerprint = Fingerprint::new();
                bytes[..length].chunks(part).for_each(|part| fingerprint.take(part));
                assert_eq!(fingerprint.digest(), xxh3_64(&bytes[..length]), "{length} by {part}");
                // Numbers and texts in turns.
                let mut fingerprint = Fingerprint::new();
                for part in bytes[..length].chunks(part) {
                    let (numbers, rest) = part.as_chunks::<8>();
                    numbers.iter().for_each(|number| fingerprint.take_all(*number));
                    fingerprint.take(rest);
                }
                assert_eq!(
                    fingerprint.digest(),
                    xxh3_64(&bytes[..length]),
                    "numbers, {length} by {part}"
                );
            }
        }
    }
}
