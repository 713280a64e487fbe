//! Whom a fault of a plan is to befall: a node by its name, or whoever is something to the cluster when the fault strikes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Place;

/// A node, or a role that nodes have when the fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// This one.
    Node(Place),
    /// Whoever has it then.
    Role(Role),
}

/// What nodes are to the cluster, to a key or to a client, at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// An owner of a key, by its place in the key's preference list, from 1.
    Owner(KeyName, u8),
    /// All owners of a key.
    Owners(KeyName),
    /// A member that does not own a key: one of them by its place, from 1, in the order of their names, or drawn.
    Stranger(KeyName, Option<u8>),
    /// The node that a client's request goes through, or its last one went.
    Coordinator(usize),
    /// The member that keeps the most hints, if any does.
    HintHolder,
    /// A node that comes in.
    Joining,
    /// A node that gives up what it owns.
    Leaving,
    /// A spare node that nothing has started.
    Spare,
    /// A member, drawn.
    Any,
    /// As many members as may be away while the rest are more than half, drawn.
    Minority,
    /// All members.
    All,
    /// All members of a data center, from 1.
    Dc(u8),
}

/// A key of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyName {
    /// This one, by its number.
    Number(usize),
    /// The one that clients have asked for most often; of two the first.
    Hottest,
}

impl Target {
    /// The target of this name.
    pub fn from_name(name: &str) -> Option<Target> {
        let node = Place::from_name(name).map(Target::Node);
        node.or_else(|| Role::from_name(name).map(Target::Role))
    }
}

impl Role {
    /// How each is written, and what it stands for.
    pub const FORMS: [(&str, &str); 12] = [
        (
            "owner:KEY",
            "an owner of a key, the first; owner:KEY:2 is the second of its preference list; while owners change, those who are next come last",
        ),
        ("owners:KEY", "all owners of a key"),
        (
            "stranger:KEY",
            "a member that does not own a key; stranger:KEY:2 is the second of them by name",
        ),
        ("coordinator:C", "the node that client C (from 0) goes through"),
        ("hint-holder", "the member that keeps the most hints"),
        ("joining", "a node that comes in"),
        ("leaving", "a node that gives up what it owns"),
        ("spare", "a spare node that nothing has started"),
        ("any", "a member"),
        ("minority", "fewer than half of the members"),
        ("all", "all members"),
        ("dc:D", "all members of data center D (from 1)"),
    ];

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Role> {
        let mut parts = name.split(':');
        let (first, second, third) = (parts.next()?, parts.next(), parts.next());
        if parts.next().is_some() {
            return None;
        }
        let role = match (first, second, third) {
            ("owner", Some(key), None) => Role::Owner(KeyName::from_name(key)?, 1),
            ("owner", Some(key), Some(place)) => Role::Owner(KeyName::from_name(key)?, from_one(place)?),
            ("owners", Some(key), None) => Role::Owners(KeyName::from_name(key)?),
            ("stranger", Some(key), None) => Role::Stranger(KeyName::from_name(key)?, None),
            ("stranger", Some(key), Some(place)) => Role::Stranger(KeyName::from_name(key)?, Some(from_one(place)?)),
            ("coordinator", Some(client), None) => Role::Coordinator(client.parse().ok()?),
            ("dc", Some(dc), None) => Role::Dc(from_one(dc)?),
            (name, None, None) => Role::PLAIN.into_iter().find(|role| role.to_string() == name)?,
            _ => return None,
        };
        Some(role)
    }

    /// Those whose names say all.
    const PLAIN: [Role; 7] = [
        Role::HintHolder,
        Role::Joining,
        Role::Leaving,
        Role::Spare,
        Role::Any,
        Role::Minority,
        Role::All,
    ];

    /// What it is, of whatever key, client or data center.
    pub fn kind(self) -> String {
        let name = self.to_string();
        name.split(':').next().unwrap_or_default().to_owned()
    }

    /// Whether several nodes can have it at a time.
    pub fn is_of_several(self) -> bool {
        matches!(self, Role::Owners(_) | Role::Minority | Role::All | Role::Dc(_))
    }
}

fn from_one(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number| *number > 0)
}

impl KeyName {
    fn from_name(name: &str) -> Option<KeyName> {
        match name.strip_prefix('k') {
            Some(number) => number.parse().ok().map(KeyName::Number),
            None => (name == "hottest").then_some(KeyName::Hottest),
        }
    }
}

/// A key by its number, as in `k3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyNumber(pub usize);

impl fmt::Display for KeyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        KeyName::Number(self.0).fmt(f)
    }
}

impl Serialize for KeyNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyNumber {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<KeyNumber, D::Error> {
        let name = String::deserialize(deserializer)?;
        match KeyName::from_name(&name) {
            Some(KeyName::Number(number)) => Ok(KeyNumber(number)),
            Some(KeyName::Hottest) | None => Err(serde::de::Error::custom(format!("{name:?} is no key (k0, k1, ...)"))),
        }
    }
}

impl From<Place> for Target {
    fn from(place: Place) -> Target {
        Target::Node(place)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node(place) => write!(f, "{place}"),
            Target::Role(role) => write!(f, "{role}"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Owner(key, 1) => write!(f, "owner:{key}"),
            Role::Owner(key, place) => write!(f, "owner:{key}:{place}"),
            Role::Owners(key) => write!(f, "owners:{key}"),
            Role::Stranger(key, None) => write!(f, "stranger:{key}"),
            Role::Stranger(key, Some(place)) => write!(f, "stranger:{key}:{place}"),
            Role::Coordinator(client) => write!(f, "coordinator:{client}"),
            Role::HintHolder => f.write_str("hint-holder"),
            Role::Joining => f.write_str("joining"),
            Role::Leaving => f.write_str("leaving"),
            Role::Spare => f.write_str("spare"),
            Role::Any => f.write_str("any"),
            Role::Minority => f.write_str("minority"),
            Role::All => f.write_str("all"),
            Role::Dc(dc) => write!(f, "dc:{dc}"),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyName::Number(number) => write!(f, "k{number}"),
            KeyName::Hottest => f.write_str("hottest"),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
        let name = String::deserialize(deserializer)?;
        Target::from_name(&name).ok_or_else(|| {
            let forms = Role::FORMS.map(|(form, _)| form).join(", ");
            serde::de::Error::custom(format!("{name:?} is neither a node (n1, n2, ...) nor a role ({forms})"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for name in [
            "n3",
            "owner:k3",
            "owner:hottest:2",
            "owners:k0",
            "stranger:hottest",
            "stranger:k2:3",
            "coordinator:0",
            "hint-holder",
            "joining",
            "leaving",
            "spare",
            "any",
            "minority",
            "all",
            "dc:2",
        ] {
            let target = Target::from_name(name).expect(name);
            assert_eq!(target.to_string(), name);
        }
        for name in [
            "n0",
            "owner",
            "owner:3",
            "owner:k3:0",
            "owner:k3:1:1",
            "dc:0",
            "dc",
            "any:k1",
            "20ms",
            "coordinator:x",
        ] {
            assert_eq!(Target::from_name(name), None, "{name}");
        }
    }
}
