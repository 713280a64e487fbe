//! Directed schedules: what chance finds rarely, step by step (section 2.3 of CLAIMS.md). Each is run at a setting that
//! keeps the promise and at one that breaks it, so that it is seen to have teeth.

mod actors;
mod clocks;
mod deletes;
mod moves;
mod reads;
mod tombstones;

use std::time::Duration;

use quorate_core::{
    Context, Key, Kind, Level, Quorum, ReadRepair, ReadRequest, Tombstones, Update, Value, WriteOk, WriteRequest,
};
use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape, TIMEOUT, siblings};

/// How old tombstones grow in these schedules.
const GRACE: Duration = Duration::from_secs(10);

/// Long enough that every tombstone of age has been looked at, and hints that are due have arrived.
const LONG: Duration = Duration::from_secs(20);

const COLLECT: Tombstones = Tombstones::CollectAfter(GRACE);
const FORGET: Tombstones = Tombstones::ForgetAfter(GRACE);

/// Five nodes and one key of three owners. Schedules name the owners a, b and c, in the order of preference, and the
/// others d and e.
struct Stage {
    cluster: Cluster,
    key: Key,
    owners: Vec<usize>,
    others: Vec<usize>,
}

impl Stage {
    fn set(shape: &Shape, kind: Kind) -> Stage {
        let mut cluster = Cluster::settled(shape);
        let key = Key::of(kind, b"k");
        let owners = cluster.owners_of(key.clone());
        let others = (0..shape.nodes).filter(|node| !owners.contains(node)).collect();
        Stage {
            cluster,
            key,
            owners,
            others,
        }
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.cluster.sim.cut(NodeIndex(from), NodeIndex(to));
    }

    /// Loses a node's copy of the key, as a disk does that forgets.
    fn lose(&mut self, node: usize) {
        self.cluster.sim.disk(NodeIndex(node)).lose(&self.key);
    }

    /// A write that has to succeed. Nodes may stand in for owners that are away.
    fn write(&mut self, node: usize, update: Update, level: Level) -> WriteOk {
        let write = WriteRequest {
            quorum: Quorum::Sloppy,
            ..WriteRequest::new(self.key.clone(), update, level, TIMEOUT)
        };
        self.cluster.submit_write(node, write).expect("enough nodes run")
    }

    /// The values side by side, and the context to write with: a read with blocking repair, in which nodes may stand
    /// in for owners that are away.
    fn read(&mut self, node: usize, level: Level) -> (Vec<String>, Context) {
        let read = ReadRequest {
            quorum: Quorum::Sloppy,
            repair: ReadRepair::Blocking { holders: Level::One },
            ..ReadRequest::new(self.key.clone(), level, TIMEOUT)
        };
        let read = self.cluster.submit_read(node, read).expect("enough nodes run");
        let found = siblings(&read);
        self.cluster.pass(TIMEOUT); // Every repair has arrived.
        found
    }

    /// Replaces all that a read through the node returns.
    fn overwrite(&mut self, node: usize, value: &str, level: Level) {
        let (_, context) = self.read(node, level);
        self.write(node, put_over(value, context), level);
    }

    fn tombstones_collected(&self) -> u64 {
        let nodes = (0..self.cluster.sim.node_count()).map(NodeIndex);
        let statuses = nodes.filter_map(|node| self.cluster.sim.status(node));
        statuses.map(|status| status.counters.tombstones_collected).sum()
    }
}

/// A put in place of what the context covers.
fn put_over(value: &str, context: Context) -> Update {
    let value = Value(value.as_bytes().to_vec().into());
    Update::Put { value, context }
}
