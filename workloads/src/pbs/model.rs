//! What is drawn: N replicas, what messages to and from them take, and where they are.

use super::{DataCenters, Distribution};

/// The four one-way delays of WARS.
#[derive(Clone, Debug, PartialEq)]
pub struct Legs {
    /// From a coordinator to a replica, with something to write.
    pub w: Distribution,
    /// Back, with its acknowledgement.
    pub a: Distribution,
    /// From a coordinator to a replica, with a request to read.
    pub r: Distribution,
    /// Back, with its answer.
    pub s: Distribution,
}

impl Legs {
    /// All four alike.
    pub fn all(delay: &Distribution) -> Legs {
        let [w, a, r, s] = [delay, delay, delay, delay].map(Clone::clone);
        Legs { w, a, r, s }
    }
}

/// Where coordinators are.
#[derive(Clone, Debug, PartialEq)]
pub enum Placement {
    /// All messages are alike, as the paper has it.
    Apart,
    /// A share of all requests, from 0 to 1, goes to a node that is a replica itself: what it asks of itself takes no time on the
    /// way.
    Among(f64),
    /// Replicas are dealt to data centers in turn. Each write and each read is coordinated in one of them, drawn evenly.
    DataCenters(DataCenters),
}

/// Reads that bring replicas up to date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repair {
    /// Reads of the key, of all clients, in a second. The first of them after a write is the one that repairs.
    pub reads_per_second: f64,
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// How many replicas.
    pub n: u8,
    /// What messages take.
    pub legs: Legs,
    /// From the arrival of something to write until it can be read and is acknowledged; no time where it is `None`, as where the
    /// leg `w` has it in it.
    pub apply: Option<Distribution>,
    /// Between a client and its coordinator, one way; no time where it is `None`. Of clients, a read begins some time after a
    /// write's answer has come to them.
    pub client: Option<Distribution>,
    /// Where coordinators are.
    pub placement: Placement,
    /// The chance of each message to be lost, from 0 to 1. Nobody sends it again.
    pub drop: f64,
    /// Whether reads repair.
    pub repair: Option<Repair>,
}

/// A model that can't be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// No replicas, or more than anybody has.
    #[error("n is {0}: there are 1 to {REPLICAS_MAX} replicas")]
    N(u8),
    /// A chance that is none.
    #[error("{what} is {is}: it is a share, from 0 to below 1")]
    Chance {
        /// Of what.
        what: &'static str,
        /// What was said.
        is: f64,
    },
    /// Quorums that can't be.
    #[error("r={r} and w={w} can't be of n={n}: both are from 1 to N")]
    Quorum {
        /// Of reads.
        r: u8,
        /// Of writes.
        w: u8,
        /// How many replicas.
        n: u8,
    },
    /// A rate that is none.
    #[error("{0} reads a second can't be: it has to be above 0")]
    Rate(f64),
}

/// The most replicas.
pub(super) const REPLICAS_MAX: u8 = 32;

impl Model {
    /// The model of the paper: messages alike for all replicas, none lost, nothing repaired.
    pub fn new(n: u8, legs: Legs) -> Model {
        Model {
            n,
            legs,
            apply: None,
            client: None,
            placement: Placement::Apart,
            drop: 0.0,
            repair: None,
        }
    }

    /// Checks what the types can't say.
    ///
    /// # Errors
    /// [`ModelError`] with the first thing that can't be.
    pub fn validate(&self) -> Result<(), ModelError> {
        if !(1..=REPLICAS_MAX).contains(&self.n) {
            return Err(ModelError::N(self.n));
        }
        let share = |what, is: f64| match (0.0..1.0).contains(&is) {
            true => Ok(()),
            false => Err(ModelError::Chance { what, is }),
        };
        share("the chance to lose a message", self.drop)?;
        match self.repair {
            Some(Repair { reads_per_second: rate }) if !(rate > 0.0 && rate.is_finite()) => Err(ModelError::Rate(rate)),
            _ => Ok(()),
        }
    }
}
