//! How many nodes own each partition, over all or in each data center.

use std::{collections::BTreeMap, fmt, num::ParseIntError, str::FromStr};

use crate::{Name, name::NameError};

/// How many nodes own each partition. As text it is `3` or `dc1=3,dc2=2`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Replication {
    /// So many nodes, wherever they are (Cassandra's `SimpleStrategy`).
    Simple(u8),
    /// In each data center so many, on as many racks as can be (Cassandra's `NetworkTopologyStrategy`). A data center
    /// that is not named owns nothing; one with fewer nodes than asked for owns on all of them.
    PerDc(BTreeMap<Name, u8>),
}

/// A text that says no replication.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplicationError {
    /// Neither a number nor data centers with numbers.
    #[error("{0:?} is neither a number of replicas nor a list like dc1=3,dc2=2")]
    Syntax(String),
    /// A number that is none, or above 255.
    #[error("{text:?} is no number of replicas: {why}")]
    Count {
        /// What was written.
        text: String,
        /// What is wrong with it.
        why: ParseIntError,
    },
    /// A data center with a name that can't be.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No replica, or none in a data center that is named.
    #[error("the number of replicas must be above zero")]
    Zero,
    /// One data center, twice.
    #[error("data center {0} is named twice")]
    Twice(Name),
    /// More than can be counted.
    #[error("there are more than 255 replicas over all data centers")]
    TooMany,
}

impl Replication {
    /// Owners of a partition over all data centers, if each has enough nodes.
    ///
    /// # Panics
    /// If they are more than 255, which parsing refuses.
    pub fn total(&self) -> u8 {
        match self {
            Replication::Simple(count) => *count,
            Replication::PerDc(counts) => counts
                .values()
                .try_fold(0, |total: u8, count| total.checked_add(*count))
                .expect("no more than 255 replicas"),
        }
    }

    /// Owners that a partition has in `dc`, if it has enough nodes: 0 where replicas are not counted by data center,
    /// because then none is promised any.
    pub fn in_dc(&self, dc: &Name) -> u8 {
        match self {
            Replication::Simple(_) => 0,
            Replication::PerDc(counts) => counts.get(dc).copied().unwrap_or(0),
        }
    }

    /// Whether there is a replica at all, and one in each data center that is named.
    pub(crate) fn has_zero(&self) -> bool {
        match self {
            Replication::Simple(count) => *count == 0,
            Replication::PerDc(counts) => counts.is_empty() || counts.values().any(|count| *count == 0),
        }
    }
}

impl FromStr for Replication {
    type Err = ReplicationError;

    fn from_str(text: &str) -> Result<Replication, ReplicationError> {
        if !text.contains('=') {
            return parse_count(text).map(Replication::Simple);
        }
        let mut counts = BTreeMap::new();
        let mut total = 0_u8;
        for entry in text.split(',') {
            let (dc, count) = entry
                .split_once('=')
                .ok_or_else(|| ReplicationError::Syntax(text.to_owned()))?;
            let (dc, count) = (dc.parse::<Name>()?, parse_count(count)?);
            total = total.checked_add(count).ok_or(ReplicationError::TooMany)?;
            if counts.insert(dc.clone(), count).is_some() {
                return Err(ReplicationError::Twice(dc));
            }
        }
        Ok(Replication::PerDc(counts))
    }
}

fn parse_count(text: &str) -> Result<u8, ReplicationError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(ReplicationError::Syntax(text.to_owned()));
    }
    match text.parse() {
        Ok(0) => Err(ReplicationError::Zero),
        Ok(count) => Ok(count),
        Err(why) => Err(ReplicationError::Count {
            text: text.to_owned(),
            why,
        }),
    }
}

impl fmt::Display for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Replication::Simple(count) => write!(f, "{count}"),
            Replication::PerDc(counts) => {
                for (index, (dc, count)) in counts.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{dc}={count}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replication_is_what_its_text_says() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        for (text, total, in_dc1) in [("3", 3, 0), ("255", 255, 0), ("dc1=3", 3, 3), ("dc1=3,dc2=2", 5, 3)] {
            let replication: Replication = text.parse().unwrap();
            assert_eq!(replication.to_string(), text);
            assert_eq!(replication.total(), total);
            assert_eq!(replication.in_dc(&name("dc1")), in_dc1);
            assert_eq!(replication.in_dc(&name("dc9")), 0);
        }
        assert_eq!("b=1,a=2".parse::<Replication>().unwrap().to_string(), "a=2,b=1");
    }

    #[test]
    fn a_text_that_says_no_replication_is_refused_with_what_is_wrong() {
        for (text, why) in [
            ("", "neither"),
            ("x", "neither"),
            ("+3", "neither"),
            ("0", "above zero"),
            ("256", "too large"),
            ("dc1=3,", "neither"),
            ("dc1=3,2", "neither"),
            ("dc1=", "neither"),
            ("dc1=0", "above zero"),
            ("=3", "no name"),
            ("dc 1=3", "no name"),
            ("dc1=1,dc1=1", "named twice"),
            ("a=200,b=56", "more than 255"),
        ] {
            let error = text.parse::<Replication>().unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
