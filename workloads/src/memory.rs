//! What each client has last read of each key: what it then overwrites or removes.

use std::collections::BTreeMap;

/// The last read of each client, of each key.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    values: BTreeMap<(usize, usize), Vec<u64>>,
}

impl Memory {
    /// Notes what `client` has read of `key`.
    pub(crate) fn note(&mut self, client: usize, key: usize, values: &[u64]) {
        self.values.insert((client, key), values.to_vec());
    }

    /// What `client` last read of `key`; nothing if it never did.
    pub(crate) fn of(&self, client: usize, key: usize) -> &[u64] {
        self.values.get(&(client, key)).map_or(&[], Vec::as_slice)
    }
}
