//! Orders and answers as they are written: one JSON object a line.

use quorate_core::{MessageKind, NodeId};
use serde::{Deserialize, Serialize};

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Comes back in the answer.
    pub id: u64,
    /// After how many milliseconds it ends by itself.
    pub lease_ms: u64,
    /// What is to be.
    pub what: What,
}

/// What is to be, in the place of what was ordered before of the same thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum What {
    /// How the disk is.
    Disk(Disk),
    /// How the wall clock is.
    Clock(Clock),
    /// What becomes of the messages to a node.
    Messages {
        /// To which.
        to: NodeId,
        /// What.
        faults: Messages,
    },
    /// What is held and not synced is lost, or torn; nothing is written or read any more. To be followed by a kill.
    CutPower {
        /// Decides what got to the file.
        seed: u64,
    },
    /// Nothing is broken any more, but power that was cut.
    Heal,
    /// No more than an answer with what was counted.
    Count,
}

/// How a disk is. The default is a good one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disk {
    /// What fails on it.
    pub fails: Vec<DiskFailure>,
    /// How much longer each sync takes, in nanoseconds.
    pub syncs_slower_by_ns: u64,
}

/// What can fail on a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFailure {
    /// Syncs: what was written may be there or not.
    #[default]
    Sync,
    /// Writes.
    Write,
    /// Reads.
    Read,
    /// Writes, as there is no room: also into a file that is long enough, as where a system copies what it overwrites.
    Full,
}

/// How a wall clock is. The default is a good one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clock {
    /// How far it is ahead, in nanoseconds; below 0 for behind.
    pub ahead_ns: i64,
    /// How many microseconds it gains a second, from the order on; below 0 for loses.
    pub drift_ppm: i64,
    /// Where this is above 0 it is ahead in every other interval of so many nanoseconds alone.
    pub strobe_ns: u64,
}

/// What becomes of messages. The default is that they are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Messages {
    /// Of 100, how many come late, and so after others that were sent after them.
    pub late_percent: u8,
    /// Of 100, how many come a second time.
    pub twice_percent: u8,
    /// Of 100, how many are not sent.
    pub dropped_percent: u8,
    /// Of 100 of gossip that tell of nodes, in how many a bit of a fact flips before they are sent.
    pub spoilt_percent: u8,
    /// How late a message comes at most that comes late, or for the second time, in nanoseconds.
    pub late_by_max_ns: u64,
    /// Which are hit; all, if none is named.
    pub kinds: Vec<MessageKind>,
}

impl Messages {
    /// Whether it can be.
    pub(super) fn check(&self) -> Result<(), String> {
        let percents = [
            self.late_percent,
            self.twice_percent,
            self.dropped_percent,
            self.spoilt_percent,
        ];
        match percents.into_iter().find(|percent| *percent > 100) {
            Some(percent) => Err(format!("treat {percent} of 100 messages otherwise")),
            None => Ok(()),
        }
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The order's; `None` if the line was no order.
    pub order: Option<u64>,
    /// Why the order was not carried out, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What a power cut has taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// What orders have done since the start.
    pub counts: Counts,
}

impl Answer {
    pub(super) fn to(order: u64) -> Answer {
        Answer {
            order: Some(order),
            ..Answer::default()
        }
    }
}

/// What a power cut has taken, of what had been written and not synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Bytes that are gone.
    pub bytes_lost: u64,
    /// Bytes that had reached the file, though nobody was told.
    pub bytes_kept: u64,
}

/// What orders have done since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Writes that failed.
    pub writes_failed: u64,
    /// Reads that failed.
    pub reads_failed: u64,
    /// Syncs that failed.
    pub syncs_failed: u64,
    /// Syncs that were slowed.
    pub syncs_slowed: u64,
    /// How often the node was shown a time that its clock would not have shown.
    pub readings_wrong: u64,
    /// By receiver.
    pub messages: Vec<(NodeId, MessageCounts)>,
}

/// What became of the messages to one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCounts {
    /// Sent late.
    pub late: u64,
    /// Sent a second time.
    pub twice: u64,
    /// Not sent.
    pub dropped: u64,
    /// Sent with a flipped bit.
    #[serde(default)]
    pub spoilt: u64,
}
