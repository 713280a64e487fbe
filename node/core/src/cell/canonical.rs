//! One way to write a cell down as bytes, for fingerprints and sizes.
//!
//! Not what travels or is stored: those encodings may change, and this one may not, or replicas of two releases would
//! take equal cells for different ones. Every integer has a fixed width, least byte first; whatever can vary in length
//! is preceded by its length, and every choice by a tag. So two contents give the same bytes only if they are equal.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::Xxh3;

use crate::{Actor, Context, Dot, Value, Version, WallTime};

/// What takes the bytes.
pub(super) trait Sink {
    fn take(&mut self, bytes: &[u8]);
}

impl Sink for Xxh3 {
    fn take(&mut self, bytes: &[u8]) {
        self.update(bytes);
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
        sink.take(&self.to_le_bytes());
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
        self.time.write(sink);
        self.node.0.write(sink);
        sink.take(&self.generation.0.to_le_bytes());
    }
}

impl Canonical for Actor {
    fn write(&self, sink: &mut impl Sink) {
        self.node.0.write(sink);
        sink.take(&self.generation.0.to_le_bytes());
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
        sink.take(&[u8::from(self.is_some())]);
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

/// In four bytes: what is longer than that is far beyond every limit, and need not be told apart.
fn write_length(length: usize, sink: &mut impl Sink) {
    sink.take(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}
