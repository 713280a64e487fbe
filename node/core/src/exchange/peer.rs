//! The peer's side of a comparison: what it answers.

use super::{STRETCH_BYTES_MAX, lacking, size_bytes};
use crate::{Key, Kind, Node, PartitionDigest, Plant, Refused, ReplicaResponse, Stretch, Summary};

impl Node {
    /// As the peer of a comparison: which of the asker's partitions are otherwise here.
    pub(crate) fn differing(&self, digests: Vec<PartitionDigest>) -> ReplicaResponse {
        let topology = self.topology();
        let known = digests.into_iter().filter(|d| topology.has(d.partition));
        let (like, unlike): (Vec<_>, Vec<_>) = known.partition(|d| topology.epoch(d.partition) == d.epoch);
        ReplicaResponse::Differing {
            partitions: self.anti_entropy.differing(&like),
            unlike: unlike.into_iter().map(|d| d.partition).collect(),
            forgotten_time: self.forgotten_time,
        }
    }

    /// As the peer of a comparison: how this node's part of a stretch differs from the asker's.
    pub(crate) fn differences(&self, stretch: &Stretch) -> ReplicaResponse {
        let refused = ReplicaResponse::Refused(Refused::Storage);
        if stretch.partition.0 >= self.config.ring.partitions {
            return ReplicaResponse::Refused(Refused::Invalid);
        }
        let Ok(summaries) = self.store.summaries(stretch.partition) else {
            return refused;
        };
        let mut mine = summaries.entries;
        self.omit_overlooked(&mut mine);
        mine.retain(|(key, _)| stretch.contains(key, self.config.ring.leaf(key)));
        let mut wanted = lacking(&mine, &stretch.summaries);
        // What is damaged here is mended from all owners, and not from one.
        wanted.retain(|key| !summaries.damaged.contains(key));
        let mut newer = Vec::new();
        let mut bytes: usize = wanted.iter().map(|key| key.name.len()).sum();
        let mut truncated = false;
        for key in lacking(&stretch.summaries, &mine) {
            if bytes >= STRETCH_BYTES_MAX {
                truncated = true;
                break;
            }
            match self.store.record(stretch.partition, &key) {
                Ok(Some(record)) => {
                    bytes += size_bytes(&key, &record.cell);
                    newer.push((key, record.cell));
                }
                Ok(None) => {}
                Err(_) => return refused,
            }
        }
        ReplicaResponse::Differences {
            newer,
            wanted,
            truncated,
        }
    }

    /// Leaves out of what is compared what a planted bug takes no notice of: [`Plant::ExchangeOmitsTombstones`],
    /// [`Plant::CasStateNotMoved`].
    pub(super) fn omit_overlooked(&self, summaries: &mut Vec<(Key, Summary)>) {
        if self.has_plant(Plant::CasStateNotMoved) {
            summaries.retain(|(key, _)| key.kind != Kind::Cas);
        }
        if self.has_plant(Plant::ExchangeOmitsTombstones) {
            summaries.retain(|(_, summary)| summary.deleted_at.is_none());
        }
    }
}
