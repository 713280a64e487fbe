//! Who is in the cluster, as a plan goes on: founders, and spare nodes that come in; some leave, and some are lost.
//!
//! A plan is checked against it, drawn by it, and carried out by it. It knows what was asked for, and not how far the
//! nodes have come with that.

use crate::{
    fault::{Fault, FaultError, Place},
    scenario::Scenario,
};

/// What a place is to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// Nothing has started it.
    Spare,
    /// It is a member, or about to become one.
    In,
    /// It was asked to leave.
    Leaving,
    /// It has left, and its process may run still.
    Left,
    /// Its process has ended for good.
    Gone,
}

/// The members of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    places: Vec<Presence>,
    dcs: usize,
    /// In each data center, of each key.
    replicas: usize,
    may_lose: bool,
}

impl Members {
    /// Those that a scenario begins with.
    pub fn of(scenario: &Scenario) -> Members {
        let founders = std::iter::repeat_n(Presence::In, scenario.nodes);
        let spares = std::iter::repeat_n(Presence::Spare, scenario.spares());
        Members {
            places: founders.chain(spares).collect(),
            dcs: usize::from(scenario.dcs),
            replicas: usize::from(scenario.n),
            may_lose: scenario.may_lose_a_node(),
        }
    }

    /// Those whom partitions are to be placed on.
    pub fn placed(&self) -> Vec<Place> {
        self.with(|presence| presence == Presence::In)
    }

    /// Those who may be at work: who was asked to leave may still be.
    pub fn present(&self) -> Vec<Place> {
        self.with(|presence| matches!(presence, Presence::In | Presence::Leaving))
    }

    /// Those who have left and whose processes may run still.
    pub fn left(&self) -> Vec<Place> {
        self.with(|presence| presence == Presence::Left)
    }

    /// Those whom partitions are to be placed on in a data center, from 1.
    pub fn placed_in(&self, dc: u8) -> Vec<Place> {
        let is_there = |place: &Place| self.dc_of(*place) + 1 == usize::from(dc);
        self.placed().into_iter().filter(is_there).collect()
    }

    /// The data center that a place is in, from 0.
    fn dc_of(&self, place: Place) -> usize {
        place.0 % self.dcs
    }

    /// The first node that nothing has started.
    pub fn spare(&self) -> Option<Place> {
        self.with(|presence| presence == Presence::Spare).first().copied()
    }

    /// How many replicas of each key there are in each data center.
    pub fn replicas(&self) -> u8 {
        u8::try_from(self.replicas).expect("it was one")
    }

    /// Whether a node has no process, unless a change of membership starts it.
    pub fn is_absent(&self, place: Place) -> bool {
        matches!(self.places[place.0], Presence::Spare | Presence::Gone)
    }

    /// How many places there are.
    pub fn place_count(&self) -> usize {
        self.places.len()
    }

    /// A node that was asked to leave has left.
    pub fn note_left(&mut self, place: Place) {
        self.places[place.0] = Presence::Left;
    }

    /// A node's process has ended for good.
    pub fn note_gone(&mut self, place: Place) {
        self.places[place.0] = Presence::Gone;
    }

    fn with(&self, is: impl Fn(Presence) -> bool) -> Vec<Place> {
        let places = Place::all(self.places.len());
        places.filter(|place| is(self.places[place.0])).collect()
    }

    /// Checks that a fault can befall those who are there.
    ///
    /// # Errors
    /// [`FaultError`] with the first thing that can't be.
    pub fn check(&self, fault: &Fault) -> Result<(), FaultError> {
        for node in fault.nodes() {
            let is_started = fault.starts() == Some(node) || matches!(fault, Fault::Pretenders { .. });
            match (self.places[node.0], is_started) {
                (Presence::Spare, true) => {}
                (Presence::Spare, false) => return Err(FaultError::NotIn(node)),
                (Presence::Gone, _) => return Err(FaultError::Out(node)),
                (Presence::Leaving | Presence::Left, _) if fault.is_lasting() => return Err(FaultError::Out(node)),
                (_, true) => return Err(FaultError::InAlready(node)),
                (Presence::In | Presence::Leaving | Presence::Left, false) => {}
            }
        }
        if fault.ends().is_some() && !self.may_lose {
            return Err(FaultError::NoneToLose);
        }
        match fault {
            Fault::Leave { node } | Fault::Remove { node } => self.check_left(*node, None),
            Fault::Replace { node, by } | Fault::LostDisk { node, by, .. } => self.check_left(*node, Some(*by)),
            _ => Ok(()),
        }
    }

    /// Checks that without a node, and with another, there are enough.
    fn check_left(&self, without: Place, with: Option<Place>) -> Result<(), FaultError> {
        let others = self.placed().into_iter().filter(|place| *place != without).chain(with);
        let left = others.filter(|place| self.dc_of(*place) == self.dc_of(without)).count();
        let replicas = self.replicas;
        if left < replicas {
            return Err(FaultError::TooFewMembers { left, replicas });
        }
        Ok(())
    }

    /// Takes in a change.
    pub fn take(&mut self, fault: &Fault) {
        if let Some(node) = fault.starts() {
            self.places[node.0] = Presence::In;
        }
        if let Some(node) = fault.ends() {
            self.note_gone(node);
        }
        if let Fault::Pretenders { nodes } = fault {
            // They are members at no time.
            nodes.iter().for_each(|node| self.note_gone(*node));
        }
        if let Fault::Leave { node } = fault {
            self.places[node.0] = Presence::Leaving;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(place: usize) -> Fault {
        Fault::Join { node: Place(place) }
    }

    fn leave(place: usize) -> Fault {
        Fault::Leave { node: Place(place) }
    }

    fn members() -> Members {
        let scenario = Scenario {
            spares: Some(2),
            ..Scenario::quickstart()
        };
        Members::of(&scenario)
    }

    #[test]
    fn nodes_come_once_and_never_come_back() {
        let mut members = members();
        assert_eq!(members.check(&leave(5)), Err(FaultError::NotIn(Place(5))));
        assert_eq!(members.check(&join(0)), Err(FaultError::InAlready(Place(0))));
        for fault in [
            join(5),
            Fault::Replace {
                node: Place(1),
                by: Place(6),
            },
            leave(0),
        ] {
            assert_eq!(members.check(&fault), Ok(()), "{fault}");
            members.take(&fault);
        }
        assert_eq!(members.placed(), [2, 3, 4, 5, 6].map(Place));
        assert_eq!((members.present().len(), members.spare()), (6, None));
        let kill = |place| Fault::Kill {
            nodes: vec![Place(place)],
        };
        assert_eq!(members.check(&kill(1)), Err(FaultError::Out(Place(1))));
        assert_eq!(members.check(&kill(0)), Ok(()), "it may not have left yet");
        assert_eq!(members.check(&leave(0)), Err(FaultError::Out(Place(0))));
    }

    #[test]
    fn pretenders_are_no_members_and_never_come_in() {
        let mut members = members();
        let pretenders = |nodes: &[usize]| Fault::Pretenders {
            nodes: nodes.iter().copied().map(Place).collect(),
        };
        assert_eq!(members.check(&pretenders(&[0])), Err(FaultError::InAlready(Place(0))));
        assert_eq!(members.check(&pretenders(&[5, 6])), Ok(()));
        members.take(&pretenders(&[5, 6]));
        assert_eq!((members.present().len(), members.spare()), (5, None));
        assert_eq!(members.check(&join(5)), Err(FaultError::Out(Place(5))));
    }

    #[test]
    fn as_many_as_there_are_replicas_stay() {
        let mut members = members();
        for node in 0..2 {
            assert_eq!(members.check(&leave(node)), Ok(()));
            members.take(&leave(node));
        }
        let few = Err(FaultError::TooFewMembers { left: 2, replicas: 3 });
        assert_eq!(members.check(&leave(2)), few);
        assert_eq!(members.check(&Fault::Remove { node: Place(2) }), few);
        let replace = Fault::Replace {
            node: Place(2),
            by: Place(5),
        };
        assert_eq!(members.check(&replace), Ok(()), "another takes its place");
    }

    #[test]
    fn nobody_is_lost_where_nobody_can_be_spared() {
        let scenario = Scenario {
            r: 1,
            w: 3,
            ..Scenario::quickstart()
        };
        let members = Members::of(&scenario);
        let remove = Fault::Remove { node: Place(1) };
        assert_eq!(members.check(&remove), Err(FaultError::NoneToLose));
        assert_eq!(members.check(&leave(1)), Ok(()));
    }
}
