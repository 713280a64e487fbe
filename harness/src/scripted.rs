//! Operations that a scenario tells its clients to ask, in the place of those that are drawn: for schedules in which it matters who
//! asks what through which node, and when, between which faults.

use std::time::Duration;

use quorate_workloads::{Action, Workload};
use serde::{Deserialize, Serialize};

use crate::{
    duration,
    fault::{KeyName, Place, Role, Target},
    level::LevelName,
    scenario::Scenario,
};

/// An operation that a client is told to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scripted {
    /// When, since the load began; later if the client is still busy with another.
    #[serde(with = "duration::text")]
    pub at: Duration,
    /// Which client, from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub client: usize,
    /// Through which node: one by its name, an owner of a key, or the first member that does not own it, as they are when the
    /// load begins.
    pub through: Target,
    /// The consistency level, if it is not that of the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<LevelName>,
    /// What is asked: f = "read", "write" and so on, and of which key, from 0. Values are written once.
    #[serde(flatten)]
    pub action: Action,
}

fn is_first(client: &usize) -> bool {
    *client == 0
}

/// Through whom an operation goes, once it is known who owns its key: each by its place, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// One of its owners.
    Owner(usize),
    /// One of the members that do not own it.
    Stranger(usize),
}

/// A scripted operation that can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A client, node or key that is not there.
    #[error("there is no {what} {number}: the scenario has {count}")]
    NotThere {
        /// What is counted.
        what: &'static str,
        /// Which.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// Whoever comes in, leaves or is drawn.
    #[error("through {0}: a script goes through nodes, owner:KEY and stranger:KEY")]
    Role(Role),
    /// An owner or a stranger that no key has.
    #[error("nobody is {0}")]
    Nobody(Role),
    /// Nobody does this to what the keys of this workload hold.
    #[error("workload {workload} has no such operation", workload = .0.name())]
    NotOf(Workload),
    /// After the load.
    #[error("the load is over by then")]
    Over,
}

impl Scripted {
    /// Checks that it can be asked in a scenario.
    ///
    /// # Errors
    /// The first thing that can't be.
    pub fn check(&self, scenario: &Scenario) -> Result<(), ScriptError> {
        let is_there = |what, number, count| match number < count {
            true => Ok(()),
            false => Err(ScriptError::NotThere { what, number, count }),
        };
        if !is_of(&self.action, scenario.workload) {
            return Err(ScriptError::NotOf(scenario.workload));
        }
        is_there("client", self.client, scenario.concurrency)?;
        is_there("key", self.action.key(), scenario.keys)?;
        if self.at >= scenario.time {
            return Err(ScriptError::Over);
        }
        match self.through {
            Target::Node(place) => is_there("node", place.0, scenario.place_count()),
            Target::Role(role) => match role {
                Role::Owner(KeyName::Number(key), place) => {
                    let is_owner = usize::from(place) <= scenario.replicas();
                    is_there("key", key, scenario.keys)?;
                    is_owner.then_some(()).ok_or(ScriptError::Nobody(role))
                }
                Role::Stranger(KeyName::Number(key), place) => {
                    let has_stranger = usize::from(place.unwrap_or(1)) <= scenario.stranger_count();
                    is_there("key", key, scenario.keys)?;
                    has_stranger.then_some(()).ok_or(ScriptError::Nobody(role))
                }
                role => Err(ScriptError::Role(role)),
            },
        }
    }

    /// The key whose owners have to be known to say through which node it goes.
    pub fn role(&self) -> Option<(usize, Through)> {
        let from_one = |place: u8| usize::from(place) - 1;
        match self.through {
            Target::Role(Role::Owner(KeyName::Number(key), place)) => Some((key, Through::Owner(from_one(place)))),
            Target::Role(Role::Stranger(KeyName::Number(key), place)) => {
                Some((key, Through::Stranger(from_one(place.unwrap_or(1)))))
            }
            Target::Role(_) | Target::Node(_) => None,
        }
    }

    /// The node that it names, if it names one.
    pub fn node(&self) -> Option<Place> {
        match self.through {
            Target::Node(place) => Some(place),
            Target::Role(_) => None,
        }
    }
}

/// Whether clients do such a thing to what the keys of a workload hold.
fn is_of(action: &Action, workload: Workload) -> bool {
    use Workload::{Append, Cas, Counter, Deletes, Register, Set, Siblings, Txn};
    match action {
        Action::Read { .. } => !matches!(workload, Append | Txn),
        Action::Write { .. } => matches!(workload, Register | Deletes | Siblings | Cas),
        Action::Delete { .. } => matches!(workload, Deletes | Siblings),
        Action::Add { .. } | Action::Remove { .. } => workload == Set,
        Action::Cas { .. } => workload == Cas,
        Action::Increment { .. } => workload == Counter,
        Action::Txn { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(text: &str) -> Result<Scenario, String> {
        let scenario: Scenario = toml::from_str(text).map_err(|error| error.to_string())?;
        scenario.validate().map_err(|error| error.to_string())?;
        Ok(scenario)
    }

    #[test]
    fn a_script_is_read_checked_and_written() {
        let said = "[[script]]\nat = \"10ms\"\nclient = 3\nthrough = \"owner:k2:3\"\nlevel = \"ALL\"\nf = \"write\"\nkey = 2\nvalue = 9\n";
        let quickstart = toml::Table::try_from(Scenario::quickstart()).expect("a table");
        let said = format!("{quickstart}\n{said}");
        let read = scenario(&said).expect("it can be");
        let again = toml::to_string(&read).expect("it can be written");
        assert_eq!(scenario(&again), Ok(read.clone()));
        assert_eq!(read.script[0].role(), Some((2, Through::Owner(2))));
        for (from, to, why) in [
            ("client = 3", "client = 10", "there is no client 10"),
            ("key = 2", "key = 400", "there is no key 400"),
            ("owner:k2:3", "owner:k2:4", "nobody is owner:k2:4"),
            ("owner:k2:3", "stranger:k2:3", "nobody is stranger:k2:3"),
            ("owner:k2:3", "n9", "there is no node 8"),
            ("owner:k2:3", "any", "a script goes through nodes"),
            (
                "\"write\"\nkey = 2\nvalue = 9",
                "\"increment\"\nkey = 2\ndelta = 1",
                "has no such operation",
            ),
            ("10ms", "10h", "is over by then"),
            ("ALL", "4", "4"),
        ] {
            let refused = scenario(&said.replace(from, to)).expect_err(why);
            assert!(refused.contains(why), "{refused} does not say {why}");
        }
    }
}
