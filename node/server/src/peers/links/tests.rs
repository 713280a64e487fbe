//! Two ends in one process, over real QUIC: dialling each other at once, losing each other, and meeting oneself.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use quinn::Endpoint;
use quorate_core::{ClusterId, Generation, Message, NodeId};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use tokio::sync::mpsc;

use super::{Change, LinkId, Me, Peers};
use crate::{
    certs::Authority,
    endpoint::{EndpointKeys, Side, bind},
    event::{Event, Source},
    frame::{Frame, Received},
    identity::{Identity, Role},
    intake,
    session::CloseCode,
};

const CLUSTER: ClusterId = ClusterId(7);

/// What a test waits for at most before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node, as far as its connections go.
struct End {
    id: NodeId,
    address: SocketAddr,
    endpoint: Endpoint,
    peers: Peers,
    inbox: mpsc::Receiver<Event>,
    /// What the core would have been told.
    changes: Vec<Change>,
    received: usize,
}

impl End {
    fn new(identity: &Identity, seed: u64) -> End {
        End::found_at(None, identity, seed)
    }

    /// As [`End::new`], of one that says that it is reached elsewhere.
    fn found_at(said: Option<SocketAddr>, identity: &Identity, seed: u64) -> End {
        let keys = EndpointKeys::generate();
        let endpoint = bind(identity, &keys, Side::Both, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = said.unwrap_or(endpoint.local_addr().unwrap());
        let me = Me {
            node: identity.subject().id,
            cluster: CLUSTER,
            address,
            generation: Generation(1),
        };
        let (events, inbox) = mpsc::channel(64);
        tokio::spawn(intake::accept(endpoint.clone(), CLUSTER, events.clone()));
        End {
            id: me.node,
            address,
            peers: Peers::new(Pcg64Mcg::seed_from_u64(seed), me, endpoint.clone(), events, None),
            endpoint,
            inbox,
            changes: Vec::new(),
            received: 0,
        }
    }

    async fn step(&mut self) {
        let event = self.inbox.recv().await.expect("the peers hold a sender");
        let changes = match event {
            Event::Overdue { .. } => unreachable!("nothing was ordered"),
            Event::Paused { address } => {
                self.peers.on_paused(address);
                Vec::new()
            }
            Event::Dialled { address, dialled } => {
                self.peers.on_dialled(address, dialled);
                Vec::new()
            }
            Event::DialFailed { address, error } => {
                self.peers.on_dial_failed(address, &error);
                Vec::new()
            }
            Event::Greeted { address, dial, session } => self.peers.on_greeted(address, dial, *session),
            Event::Accepted { session } => self.peers.on_accepted(*session),
            Event::Ended { from, why } => self.peers.on_ended(link_of(from), &why).into_iter().collect(),
            Event::Frames { from, frames } => {
                if self.peers.sender(link_of(from)).is_some() {
                    let is_message = |frame: &&Received| matches!(frame, Frame::Message(_));
                    self.received += frames.iter().filter(is_message).count();
                }
                Vec::new()
            }
        };
        self.changes.extend(changes);
    }

    fn is_linked(&self, to: NodeId) -> bool {
        self.peers.table.used(to).is_some()
    }

    fn send(&mut self, to: NodeId) {
        let change = self.peers.send(to, &Message::Echo { number: 1 });
        assert_eq!(change, None);
    }

    /// The core is told of a link once at a time, and of its end before the next.
    fn check_changes(&self, peer: NodeId) {
        for (at, change) in self.changes.iter().enumerate() {
            let expected = if at % 2 == 0 {
                Change::Up(peer)
            } else {
                Change::Down(peer)
            };
            assert_eq!(*change, expected, "{:?}", self.changes);
        }
    }
}

fn link_of(source: Source) -> LinkId {
    match source {
        Source::Peer(link) => link,
        Source::Client(_) => panic!("there are no clients"),
    }
}

/// Lets things happen until all is as wanted.
async fn until(one: &mut End, other: &mut End, wanted: impl Fn(&End, &End) -> bool) {
    let happening = async {
        // Connections end a little after they are closed, without a word to anyone.
        let mut looks = tokio::time::interval(Duration::from_millis(1));
        while !wanted(one, other) {
            tokio::select! {
                () = one.step() => {}
                () = other.step() => {}
                _ = looks.tick() => {}
            }
        }
    };
    let happened = tokio::time::timeout(PATIENCE, happening).await;
    if happened.is_err() {
        panic!("{:?} and {:?} do not settle", one.changes, other.changes);
    }
}

fn settled(one: &End, other: &End) -> bool {
    let single = |end: &End| end.endpoint.open_connections() == 1;
    one.is_linked(other.id) && other.is_linked(one.id) && single(one) && single(other)
}

/// Says something over the link each way, which only arrives if both ends use the same one.
async fn talk(one: &mut End, other: &mut End) {
    let before = (one.received, other.received);
    one.send(other.id);
    other.send(one.id);
    until(one, other, |one, other| {
        (one.received, other.received) == (before.0 + 1, before.1 + 1)
    })
    .await;
}

#[tokio::test]
async fn two_that_dial_each_other_at_once_end_with_one_link_whoever_loses_it() {
    let authority = Authority::create().unwrap();
    for seed in 0..10 {
        let identity = |name| authority.issue(Role::Node, name).unwrap();
        let mut one = End::new(&identity("n1"), seed);
        let mut other = End::new(&identity("n2"), seed + 1000);
        one.peers.connect(other.address);
        other.peers.connect(one.address);
        for _ in 0..3 {
            until(&mut one, &mut other, settled).await;
            talk(&mut one, &mut other).await;
            one.check_changes(other.id);
            other.check_changes(one.id);
            let link = one.peers.table.used(other.id).unwrap();
            one.changes
                .extend(one.peers.lose(link, CloseCode::Suspected, "a test loses it"));
        }
    }
}

#[tokio::test]
async fn the_nodes_own_address_is_given_up_at_once() {
    let authority = Authority::create().unwrap();
    let mut one = End::new(&authority.issue(Role::Node, "n1").unwrap(), 1);
    let mut other = End::new(&authority.issue(Role::Node, "n2").unwrap(), 2);
    one.peers.connect(one.address);
    one.peers.connect(other.address);
    until(&mut one, &mut other, settled).await;
    assert_eq!(one.changes, [Change::Up(other.id)]);
    assert!(
        one.peers
            .addresses
            .take_due(Instant::now(), |_| false)
            .iter()
            .all(|due| due.address != one.address)
    );
}

/// A certificate that both trust, of a client: it must not do for a node.
#[tokio::test]
async fn whoever_answers_without_a_nodes_certificate_is_not_a_node() {
    let authority = Authority::create().unwrap();
    let mut one = End::new(&authority.issue(Role::Node, "n1").unwrap(), 1);
    let mut pretender = End::new(&authority.issue(Role::Admin, "n2").unwrap(), 2);
    one.peers.connect(pretender.address);
    let address = pretender.address;
    until(&mut one, &mut pretender, |one, _| {
        one.peers.addresses.trouble(address).is_some()
    })
    .await;
    let trouble = one.peers.addresses.trouble(address).unwrap();
    assert!(trouble.contains("invalid peer certificate"), "{trouble}");
}

/// An address that another node has by now: only a planted bug believes it.
#[tokio::test]
async fn who_is_at_an_address_that_was_another_nodes_is_who_its_certificate_says() {
    let authority = Authority::create().unwrap();
    let identity = |name| authority.issue(Role::Node, name).unwrap();
    for believes in [false, true] {
        let mut one = End::new(&identity("n1"), 1);
        if believes {
            one.peers.believe_addresses();
        }
        let mut other = End::new(&identity("n2"), 2);
        one.peers.connect(other.address);
        until(&mut one, &mut other, settled).await;
        let link = one.peers.table.used(other.id).unwrap();
        one.changes
            .extend(one.peers.lose(link, CloseCode::Suspected, "it ends"));
        other.endpoint.close(0u32.into(), b"it ends");
        let mut heir = End::found_at(Some(other.address), &identity("n3"), 3);
        heir.peers.connect(one.address);
        let taken_for = if believes { other.id } else { heir.id };
        until(&mut one, &mut heir, |one, heir| {
            one.is_linked(taken_for) && heir.is_linked(one.id)
        })
        .await;
        assert_eq!(one.is_linked(heir.id), !believes);
    }
}
