//! A bit that flips in the memory of who passes gossip on: for those who test that a checksum tells.
//!
//! What a node says of itself travels through others, and a link that is encrypted does not help against what happens in
//! their memory before (`seal.rs`). Only a fact is spoilt, and not whose it is, nor its version: of these a node takes no
//! notice, or mends them, as soon as it hears of itself.

use std::net::SocketAddr;

use super::Fact;
use crate::{Message, Name, NodeId, RingDigest, Standing};

impl Message {
    /// Flips a bit in a fact that the message tells of a node; `chance` decides which. False if it tells none.
    pub fn flip_fact(&mut self, chance: u64) -> bool {
        let deltas = match self {
            Message::GossipAck(ack) => &mut ack.deltas,
            Message::GossipAck2(ack2) => &mut ack2.deltas,
            _ => return false,
        };
        let mut facts: Vec<_> = deltas.iter_mut().flat_map(|delta| &mut delta.facts).collect();
        let count = facts.len() as u64;
        let chosen = chance.checked_rem(count).and_then(|at| usize::try_from(at).ok());
        let Some(at) = chosen else {
            return false;
        };
        flip(&mut facts[at].fact, chance / count);
        true
    }
}

/// Flips a bit; of a text, the lowest bit of a byte.
fn flip(fact: &mut Fact, chance: u64) {
    match fact {
        Fact::Name(name) => *name = flipped(name, chance),
        Fact::Address(address) => *address = SocketAddr::new(address.ip(), address.port() ^ (1 << (chance % 16))),
        Fact::Weight(weight) => *weight ^= 1 << (chance % 10),
        Fact::Ring(RingDigest(digest)) => *digest ^= 1 << (chance % 64),
        Fact::Dc(name) | Fact::Rack(name) => *name = flipped_name(name, chance),
        Fact::Standing(standing) => *standing = flipped_standing(*standing),
        Fact::Tokens(NodeId(node)) => *node ^= 1 << (chance % 64),
    }
}

fn flipped(text: &str, chance: u64) -> String {
    let ascii = |letter: char| letter.is_ascii_alphanumeric();
    let at = text
        .char_indices()
        .filter(|(_, letter)| ascii(*letter))
        .map(|(at, _)| at);
    let at: Vec<_> = at.collect();
    let mut bytes = text.as_bytes().to_vec();
    match chance
        .checked_rem(at.len() as u64)
        .and_then(|nth| usize::try_from(nth).ok())
    {
        Some(nth) => bytes[at[nth]] ^= 1,
        None => bytes.push(b'1'),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn flipped_name(name: &Name, chance: u64) -> Name {
    let text = flipped(name.as_str(), chance);
    let other = || "x".parse().expect("a letter is a name");
    text.parse().unwrap_or_else(|_| other())
}

/// The standing whose number differs in the lowest bit.
fn flipped_standing(standing: Standing) -> Standing {
    match standing {
        Standing::Waiting => Standing::Joining,
        Standing::Joining => Standing::Waiting,
        Standing::Normal => Standing::Leaving,
        Standing::Leaving => Standing::Normal,
        Standing::Left => Standing::Waiting, // No standing has the number 5.
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ClusterId, Generation, GossipAck, NodeState, WallTime,
        gossip::{Flaw, Gossip, generation_max},
    };

    /// Wherever it is, the bit is noticed, and nothing of the account is taken in.
    #[test]
    fn no_flipped_bit_is_taken_in() {
        let cluster = ClusterId::from_name("spoilt");
        let mut told = Gossip::new(cluster, NodeId(1), NodeState::new(NodeId(1), Generation(3)));
        told.own().say(Fact::Weight(16));
        told.own().say(Fact::Name("a".to_owned()));
        told.own().say(Fact::Ring(RingDigest(77)));
        told.own().say(Fact::Standing(Standing::Normal));
        told.own().say(Fact::Tokens(NodeId(5)));
        told.own().say(Fact::Dc(Name::default_dc()));
        told.own().say(Fact::Address(SocketAddr::from(([10, 0, 0, 1], 4501))));
        let mut hears = Gossip::new(cluster, NodeId(2), NodeState::new(NodeId(2), Generation(1)));
        let max = generation_max(WallTime::from_nanos(0));
        let whole = told.answer(&hears.syn(), max).expect("one cluster");
        for chance in 0..2000 {
            let mut message = Message::GossipAck(GossipAck::clone(&whole));
            assert!(message.flip_fact(chance), "it tells of node 1");
            let Message::GossipAck(spoilt) = message else {
                unreachable!("it is what it was");
            };
            assert_ne!(spoilt, whole, "{chance}");
            for delta in spoilt.deltas {
                assert_eq!(hears.learn(delta, max), Err(Flaw::Seal), "{chance}");
            }
        }
        assert_eq!(hears.count(), 1);
        assert!(!Message::Echo { number: 1 }.flip_fact(5));
    }
}
