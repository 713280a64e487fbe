//! Faults that can't be.

use std::time::Duration;

use super::{Fault, KeyNumber, Place, Role};

/// The most that a link may be slowed by: both ways together stay below what nodes take for silence (400 ms), after
/// which a slow link is no slow link but a cut one.
const SLOWER_MAX: Duration = Duration::from_millis(180);

/// The most that a clock may gain or lose: one that runs backwards is none.
const DRIFT_PPM_MAX: u64 = 500_000;

/// How often something may come and go: the nemesis is woken each time.
const EVERY_MIN: Duration = Duration::from_millis(5);

/// A fault that can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Nobody, or nothing, or no time at all.
    #[error("{0} has to be above 0")]
    Zero(&'static str),
    /// No node is named.
    #[error("{0} names no node")]
    Nobody(&'static str),
    /// More than there can be.
    #[error("{name} is {value}, more than {max}")]
    TooMany {
        /// Of what.
        name: &'static str,
        /// How many were asked for.
        value: u64,
        /// How many there can be.
        max: u64,
    },
    /// A node has no link to itself.
    #[error("from and to name one node alone")]
    NoLink,
    /// A node that takes its own place.
    #[error("{0} can't replace itself")]
    ReplacesItself(Place),
    /// Two nodes have an address each.
    #[error("{0} has its own address already")]
    SwapsWithItself(Place),
    /// It would not get its own address back.
    #[error("{0} has another's address by then")]
    SwappedAlready(Place),
    /// It begins, and nothing ends it.
    #[error("lasts has no meaning: a change of membership is not undone")]
    Lasts,
    /// Only a spare node can come in.
    #[error("{0} is no spare node: only those are started by a fault")]
    NoSpare(Place),
    /// A node comes in once.
    #[error("{0} has been started before")]
    InAlready(Place),
    /// A spare node that nothing has started.
    #[error("{0} is a spare node, and nothing has started it by then")]
    NotIn(Place),
    /// A node that is no member any more.
    #[error("{0} has left, or is gone for good, by then")]
    Out(Place),
    /// Fewer than there are to be replicas.
    #[error("{left} members would be left for {replicas} replicas")]
    TooFewMembers {
        /// How many.
        left: usize,
        /// How many replicas of each key there are.
        replicas: usize,
    },
    /// What is lost with a node can't be told from what it never had.
    #[error("with fewer than 3 replicas, or r or w below a majority, no node can be lost for good")]
    NoneToLose,
    /// More often than it can be done.
    #[error("{name} is below {min} ms", min = EVERY_MIN.as_millis())]
    TooOften {
        /// What.
        name: &'static str,
    },
    /// Who is isolated is let back, and nobody else.
    #[error("back names others than nodes, or one of them twice")]
    OthersBack,
    /// One node is to be hit, and the role may be of more.
    #[error("{0} can be several nodes, and it takes one")]
    Several(Role),
    /// A role of what is not there.
    #[error("{0} is nobody's: there is no such key, client, owner or data center")]
    NoSuchRole(Role),
    /// A key that no client asks for.
    #[error("there is no key {0}")]
    NoSuchKey(KeyNumber),
    /// Slower than a link can be.
    #[error("delay and jitter are together more than {} ms, which nodes take for a cut", SLOWER_MAX.as_millis())]
    TooSlow,
}

impl Fault {
    /// Checks what the types can't say.
    ///
    /// # Errors
    /// [`FaultError`] with the first thing that can't be.
    pub fn validate(&self) -> Result<(), FaultError> {
        self.validate_nodes()?;
        match self {
            Fault::SlowLinks { delay, jitter, .. } => {
                above_zero("delay", delay.saturating_add(*jitter).as_nanos())?;
                if delay.saturating_add(*jitter) > SLOWER_MAX {
                    return Err(FaultError::TooSlow);
                }
            }
            Fault::ThrottledLinks { packets_per_second, .. } => {
                above_zero("packets-per-second", u128::from(*packets_per_second))?;
            }
            Fault::Flapping { every, .. } => often("every", *every)?,
            Fault::Swizzle { nodes, back } => {
                let sorted = |list: &[Place]| {
                    let mut sorted = list.to_vec();
                    sorted.sort();
                    sorted
                };
                let mut distinct = sorted(nodes);
                distinct.dedup();
                if distinct.len() < nodes.len() || sorted(nodes) != sorted(back) {
                    return Err(FaultError::OthersBack);
                }
            }
            Fault::ClockStrobe { by, every, .. } => {
                above_zero("by, or below it,", u128::from(by.0.unsigned_abs()))?;
                often("every", *every)?;
            }
            Fault::LossyLinks { percent, .. } => {
                above_zero("percent", u128::from(*percent))?;
                at_most("percent", u64::from(*percent), 100)?;
            }
            Fault::OddMessages {
                late_percent,
                twice_percent,
                dropped_percent,
                spoilt_percent,
                by,
                ..
            } => {
                above_zero(
                    "late-percent or twice-percent",
                    u128::from(late_percent | twice_percent | dropped_percent | spoilt_percent),
                )?;
                at_most("spoilt-percent", u64::from(*spoilt_percent), 100)?;
                at_most("dropped-percent", u64::from(*dropped_percent), 100)?;
                at_most("late-percent", u64::from(*late_percent), 100)?;
                at_most("twice-percent", u64::from(*twice_percent), 100)?;
                if late_percent | twice_percent > 0 {
                    above_zero("by", by.as_nanos())?;
                }
            }
            Fault::SlowProcess { stopped_percent, .. } => {
                above_zero("stopped-percent", u128::from(*stopped_percent))?;
                at_most("stopped-percent", u64::from(*stopped_percent), 99)?;
            }
            Fault::SlowDisk { delay, .. } => above_zero("delay", delay.as_nanos())?,
            Fault::FlippedBits { records, .. } => above_zero("records", *records as u128)?,
            Fault::ClockDrift { ppm, .. } => {
                above_zero("ppm, or below it,", u128::from(ppm.unsigned_abs()))?;
                at_most("ppm", ppm.unsigned_abs(), DRIFT_PPM_MAX)?;
            }
            Fault::ClockJump { by, .. } => above_zero("by, or below it,", u128::from(by.0.unsigned_abs()))?,
            Fault::Replace { node, by } | Fault::LostDisk { node, by, .. } if node == by => {
                return Err(FaultError::ReplacesItself(*node));
            }
            Fault::SwappedAddresses { one, other } if one == other => {
                return Err(FaultError::SwapsWithItself(*one));
            }
            Fault::Weigh { weight, .. } => above_zero("weight", u128::from(*weight))?,
            _ => {}
        }
        Ok(())
    }

    fn validate_nodes(&self) -> Result<(), FaultError> {
        let (name, nodes) = match self {
            Fault::Halves { side } => ("side", side),
            Fault::OneWay { unheard } => ("unheard", unheard),
            Fault::Flapping { side, .. } => ("side", side),
            Fault::MajoritiesRing { ring } => ("ring", ring),
            Fault::Partial { one, .. } if one.is_empty() => ("one", one),
            Fault::Partial { other, .. } => ("other", other),
            Fault::SlowLinks { from, to, .. }
            | Fault::HeldLinks { from, to }
            | Fault::ThrottledLinks { from, to, .. }
            | Fault::LossyLinks { from, to, .. }
            | Fault::OddMessages { from, to, .. } => {
                let empty = [("from", from), ("to", to)]
                    .into_iter()
                    .find(|(_, nodes)| nodes.is_empty());
                if empty.is_none() && self.bad_links().is_empty() && self.held_links().is_empty() {
                    return Err(FaultError::NoLink);
                }
                empty.unwrap_or(("to", to))
            }
            Fault::Kill { nodes }
            | Fault::Pretenders { nodes }
            | Fault::Pause { nodes }
            | Fault::PowerLoss { nodes }
            | Fault::FailingDisk { nodes, .. }
            | Fault::Swizzle { nodes, .. }
            | Fault::ClientsCut { nodes }
            | Fault::ClockStrobe { nodes, .. }
            | Fault::SlowDisk { nodes, .. }
            | Fault::ClockJump { nodes, .. }
            | Fault::ClockDrift { nodes, .. } => ("nodes", nodes),
            // A bridge between two nodes has nobody on one side.
            Fault::Isolate { .. } | Fault::Bridge { .. } => return Ok(()),
            Fault::SlowProcess { .. } | Fault::FlippedBits { .. } | Fault::SwappedAddresses { .. } => return Ok(()),
            Fault::Join { .. } | Fault::Leave { .. } | Fault::Weigh { .. } => return Ok(()),
            Fault::Replace { .. } | Fault::Remove { .. } | Fault::ClientsRebound => return Ok(()),
            Fault::OldDisk { .. } | Fault::LostRecord { .. } | Fault::LostDisk { .. } => return Ok(()),
        };
        if nodes.is_empty() {
            return Err(FaultError::Nobody(name));
        }
        Ok(())
    }
}

fn above_zero(name: &'static str, value: u128) -> Result<(), FaultError> {
    if value == 0 {
        Err(FaultError::Zero(name))
    } else {
        Ok(())
    }
}

/// Whether something that comes and goes does so seldom enough.
fn often(name: &'static str, every: Duration) -> Result<(), FaultError> {
    if every < EVERY_MIN {
        return Err(FaultError::TooOften { name });
    }
    Ok(())
}

fn at_most(name: &'static str, value: u64, max: u64) -> Result<(), FaultError> {
    if value > max {
        return Err(FaultError::TooMany { name, value, max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::plan::PlannedFault;

    /// As in a plan.
    fn fault(fields: &str) -> Result<(), String> {
        let text = format!("at = \"1s\"\nlasts = \"2s\"\n{}", fields.replace("; ", "\n"));
        let planned: PlannedFault = toml::from_str(&text).map_err(|error| error.to_string())?;
        planned.fault.validate().map_err(|error| error.to_string())
    }

    #[test]
    fn what_can_be() {
        for fields in [
            r#"fault = "slow-links"; from = ["n1"]; to = ["n2", "n3"]; delay = "100ms""#,
            r#"fault = "lossy-links"; from = ["n1", "n2"]; to = ["n1", "n2"]; percent = 20"#,
            r#"fault = "odd-messages"; from = ["n1"]; to = ["n2"]; twice-percent = 100; by = "1s""#,
            r#"fault = "pause"; nodes = ["n1"]"#,
            r#"fault = "slow-process"; node = "n1"; stopped-percent = 90"#,
            r#"fault = "power-loss"; nodes = ["n1", "n2"]"#,
            r#"fault = "failing-disk"; nodes = ["n1"]"#,
            r#"fault = "slow-disk"; nodes = ["n1"]; delay = "1s""#,
            r#"fault = "flipped-bits"; node = "n1"; records = 3"#,
            r#"fault = "clock-jump"; nodes = ["n1"]; by = "-300ms""#,
            r#"fault = "clock-jump"; nodes = ["n1"]; by = "5m""#,
            r#"fault = "clock-drift"; nodes = ["n1"]; ppm = -200"#,
            r#"fault = "partial"; one = ["n1"]; other = ["n2", "n3"]"#,
            r#"fault = "majorities-ring"; ring = ["n1", "n3", "n2"]"#,
            r#"fault = "flapping"; side = ["n1"]; every = "200ms""#,
            r#"fault = "swizzle"; nodes = ["n1", "n2"]; back = ["n2", "n1"]"#,
            r#"fault = "clients-cut"; nodes = ["n1"]"#,
            r#"fault = "clients-rebound""#,
            r#"fault = "held-links"; from = ["n1"]; to = ["n2"]"#,
            r#"fault = "throttled-links"; from = ["n1"]; to = ["n2"]; packets-per-second = 100"#,
            r#"fault = "slow-links"; from = ["n1"]; to = ["n2"]; delay = "0s"; jitter = "100ms"; jitter-is = "long-tailed""#,
            r#"fault = "odd-messages"; from = ["n1"]; to = ["n2"]; dropped-percent = 5; kinds = ["gossip", "response"]"#,
            r#"fault = "odd-messages"; from = ["n1"]; to = ["n2"]; spoilt-percent = 5"#,
            r#"fault = "failing-disk"; nodes = ["n1"]; on = "full""#,
            r#"fault = "clock-strobe"; nodes = ["n1"]; by = "-1s"; every = "20ms""#,
            r#"fault = "old-disk"; node = "n1""#,
            r#"fault = "lost-record"; node = "n1"; key = "k3""#,
            r#"fault = "lost-disk"; node = "n1"; by = "n6"; how = "truncated""#,
            r#"fault = "swapped-addresses"; one = "n1"; other = "n2""#,
            r#"fault = "join"; node = "n6""#,
            r#"fault = "pretenders"; nodes = ["n6", "n7"]"#,
            r#"fault = "leave"; node = "n1""#,
            r#"fault = "replace"; node = "n1"; by = "n6""#,
            r#"fault = "remove"; node = "n1""#,
            r#"fault = "weigh"; node = "n1"; weight = 3"#,
        ] {
            assert_eq!(fault(fields), Ok(()), "{fields}");
        }
    }

    #[test]
    fn what_can_not_be_is_said() {
        for (fields, expected) in [
            (
                r#"fault = "slow-links"; from = ["n1"]; to = ["n1"]; delay = "1ms""#,
                "one node alone",
            ),
            (
                r#"fault = "slow-links"; from = []; to = ["n1"]; delay = "1ms""#,
                "from names no node",
            ),
            (
                r#"fault = "slow-links"; from = ["n1"]; to = ["n2"]; delay = "1s""#,
                "more than 180 ms",
            ),
            (
                r#"fault = "slow-links"; from = ["n1"]; to = ["n2"]; delay = "0s""#,
                "delay has to be above 0",
            ),
            (r#"fault = "partial"; one = []; other = ["n2"]"#, "one names no node"),
            (
                r#"fault = "flapping"; side = ["n1"]; every = "1ms""#,
                "every is below 5 ms",
            ),
            (
                r#"fault = "swizzle"; nodes = ["n1", "n2"]; back = ["n2", "n3"]"#,
                "back names others",
            ),
            (
                r#"fault = "throttled-links"; from = ["n1"]; to = ["n2"]; packets-per-second = 0"#,
                "packets-per-second has to be",
            ),
            (r#"fault = "failing-disk"; nodes = ["n1"]; on = "fire""#, "fire"),
            (
                r#"fault = "odd-messages"; from = ["n1"]; to = ["n2"]; twice-percent = 5"#,
                "by has to be above 0",
            ),
            (
                r#"fault = "lossy-links"; from = ["n1"]; to = ["n2"]; percent = 101"#,
                "percent is 101",
            ),
            (
                r#"fault = "odd-messages"; from = ["n1"]; to = ["n2"]; by = "1s""#,
                "twice-percent has to",
            ),
            (
                r#"fault = "lost-record"; node = "n1"; key = "hottest""#,
                "\"hottest\" is no key",
            ),
            (r#"fault = "pause"; nodes = []"#, "nodes names no node"),
            (r#"fault = "pause"; nodes = ["n1"]; percent = 3"#, "percent"),
            (
                r#"fault = "slow-process"; node = "n1"; stopped-percent = 100"#,
                "stopped-percent is 100",
            ),
            (
                r#"fault = "flipped-bits"; node = "n1"; records = 0"#,
                "records has to be above 0",
            ),
            (
                r#"fault = "clock-jump"; nodes = ["n1"]; by = "-0s""#,
                "by, or below it,",
            ),
            (r#"fault = "clock-jump"; nodes = ["n1"]; by = "soon""#, "soon"),
            (
                r#"fault = "clock-drift"; nodes = ["n1"]; ppm = 1000000"#,
                "ppm is 1000000",
            ),
            (
                r#"fault = "lost-disk"; node = "n1"; by = "n1""#,
                "n1 can't replace itself",
            ),
            (
                r#"fault = "replace"; node = "n1"; by = "n1""#,
                "n1 can't replace itself",
            ),
            (
                r#"fault = "swapped-addresses"; one = "n1"; other = "n1""#,
                "n1 has its own address",
            ),
            (
                r#"fault = "weigh"; node = "n1"; weight = 0"#,
                "weight has to be above 0",
            ),
            (r#"fault = "earthquake""#, "earthquake"),
        ] {
            let error = fault(fields).expect_err(expected);
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        }
    }
}
