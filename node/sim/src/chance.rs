//! Chance that hangs on the moment and the place, and on nothing that was drawn before.
//!
//! With one generator for all, a message more shifts what every later one draws: leave out one operation of a run, and
//! another run begins there. So each draw has a generator of its own, made from the seed, the moment, and whom it is about.
//! What has no part in something can be left out, and the rest goes on as it did: that is what makes runs shrink.
//! What happens on one link at one moment draws alike, as what travels in one packet.

use quorate_core::Time;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{seed::split_seed, world::NodeIndex};

/// One kind of things that chance decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    seed: u64,
}

impl Chance {
    /// The kind called `name`, of the run of `seed`.
    pub(crate) fn new(seed: u64, name: &str) -> Chance {
        Chance {
            seed: split_seed(seed, name),
        }
    }

    /// What decides what is sent now from one node to another; from or to a client, where they are the same.
    pub(crate) fn between(self, now: Time, from: NodeIndex, to: NodeIndex) -> Pcg64Mcg {
        let mut place = [0; 24];
        place[..8].copy_from_slice(&now.as_nanos().to_le_bytes());
        place[8..16].copy_from_slice(&(from.0 as u64).to_le_bytes());
        place[16..].copy_from_slice(&(to.0 as u64).to_le_bytes());
        Pcg64Mcg::seed_from_u64(xxh3_64_with_seed(&place, self.seed))
    }

    /// What decides what becomes of a node now.
    pub(crate) fn at(self, now: Time, node: NodeIndex) -> Pcg64Mcg {
        self.between(now, node, node)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::RngExt;

    use super::*;

    #[test]
    fn each_moment_and_each_place_draws_for_itself() {
        let chance = Chance::new(7, "delays");
        let drawn = |chance: Chance, at_ns: u64, from: usize, to: usize| -> u64 {
            let now = Time::from_nanos(at_ns);
            chance.between(now, NodeIndex(from), NodeIndex(to)).random()
        };
        let one = drawn(chance, 5, 1, 2);
        assert_eq!(drawn(chance, 5, 1, 2), one);
        let others = [
            drawn(chance, 6, 1, 2),
            drawn(chance, 5, 2, 1),
            drawn(chance, 5, 1, 3),
            drawn(Chance::new(8, "delays"), 5, 1, 2),
            drawn(Chance::new(7, "losses"), 5, 1, 2),
        ];
        assert!(others.iter().all(|other| *other != one), "{one} {others:?}");
    }

    #[test]
    fn what_is_drawn_is_even() {
        let chance = Chance::new(7, "delays");
        let below_half = |nanos: u64| {
            let now = Time::ZERO + Duration::from_nanos(nanos * 1000);
            u64::from(chance.at(now, NodeIndex(1)).random::<f64>() < 0.5)
        };
        let count: u64 = (0..10_000).map(below_half).sum();
        assert!((4_800..=5_200).contains(&count), "{count} of 10,000");
    }
}
