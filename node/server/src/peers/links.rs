//! All connections to other nodes, and the tasks that serve them.
//!
//! The tables decide ([`LinkTable`], [`AddressBook`], [`Watch`]); here their decisions are carried out, and the core is
//! told of each change. Invariant: a connection is kept exactly as long as it is the one in use for its peer.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::{Connection, Endpoint};
use quorate_core::{ClusterId, Generation, Message, NodeId};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    addresses::{AddressBook, Due},
    table::{Candidate, Dialler, LinkId, LinkTable, Offer},
    watch::{Verdict, Watch},
};
use crate::{
    control::{Control, Fate},
    event::{Event, Source},
    frame::Frame,
    hello::{Hello, NodeHello},
    intake,
    outbox::{Outbox, PushError},
    session::{self, Authenticated, CloseCode, Session, SessionError, close},
};

/// Time between a dial that failed and the next: soon enough that a healed link is back at once, and seldom enough that
/// a dead address costs nothing.
const REDIAL_PAUSE: Duration = Duration::from_millis(50);

/// The pause of one redial: half to one and a half of [`REDIAL_PAUSE`], so that two that lost each other do not dial in
/// step for ever.
pub(crate) fn redial_pause(rng: &mut Pcg64Mcg) -> Duration {
    REDIAL_PAUSE.mul_f64(rng.random_range(0.5..1.5))
}

/// Who this node is to others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Me {
    pub(crate) node: NodeId,
    pub(crate) cluster: ClusterId,
    pub(crate) address: SocketAddr,
    pub(crate) generation: Generation,
}

impl Me {
    pub(crate) fn hello(&self, dial: u64) -> Hello {
        let node = NodeHello {
            address: self.address,
            generation: self.generation,
            dial,
        };
        Hello::of_node(self.cluster, node)
    }
}

/// What the core has to be told, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The link to this node is gone, or is another one.
    Down(NodeId),
    /// There is a link to this node.
    Up(NodeId),
}

/// All connections to other nodes, and all attempts at one.
pub(crate) struct Peers {
    rng: Pcg64Mcg,
    me: Me,
    endpoint: Endpoint,
    events: mpsc::Sender<Event>,
    table: LinkTable,
    addresses: AddressBook,
    links: BTreeMap<LinkId, Link>,
    links_made: u64,
    dialled: u64,
    tasks: JoinSet<()>,
    /// Whether an address says who is there: [`quorate_core::Plant::AddressBelieved`].
    believes_addresses: bool,
    /// Says which messages are sent otherwise than they should be, if any may.
    control: Option<Arc<Control>>,
}

#[derive(Debug)]
struct Link {
    peer: NodeId,
    connection: Connection,
    outbox: Arc<Outbox>,
    watch: Watch,
}

impl Peers {
    pub(crate) fn new(
        rng: Pcg64Mcg,
        me: Me,
        endpoint: Endpoint,
        events: mpsc::Sender<Event>,
        control: Option<Arc<Control>>,
    ) -> Peers {
        Peers {
            rng,
            me,
            endpoint,
            events,
            table: LinkTable::new(me.node),
            addresses: AddressBook::default(),
            links: BTreeMap::new(),
            links_made: 0,
            dialled: 0,
            tasks: JoinSet::new(),
            believes_addresses: false,
            control,
        }
    }

    /// Looks at no certificate for who somebody is that was met at its address before:
    /// [`quorate_core::Plant::AddressBelieved`].
    pub(crate) fn believe_addresses(&mut self) {
        self.believes_addresses = true;
    }

    /// Whom this node takes somebody for who is at `address` and has proved to be `proved`.
    fn taken_for(&self, address: SocketAddr, proved: NodeId) -> NodeId {
        let expected = self.addresses.expected(address).filter(|_| self.believes_addresses);
        expected.unwrap_or(proved)
    }

    /// Wants a link with whoever answers at `address`, from now on.
    pub(crate) fn connect(&mut self, address: SocketAddr) {
        self.addresses.add(address);
        self.dial_due();
    }

    /// The pause before a dial is over.
    pub(crate) fn on_paused(&mut self, address: SocketAddr) {
        let table = &self.table;
        if !self
            .addresses
            .put_back_linked(address, |peer| table.used(peer).is_some())
        {
            self.dial(address);
        }
    }

    /// Somebody answered at an address. Says Hello, unless there is a link to it by now.
    pub(crate) fn on_dialled(&mut self, address: SocketAddr, mut dialled: Authenticated) {
        let peer = self.taken_for(address, dialled.subject.id);
        dialled.subject.id = peer;
        if peer == self.me.node {
            tracing::debug!(%address, "this address is this node's own");
            self.addresses.reached_self(address, Instant::now());
            return close(&dialled.connection, CloseCode::Superseded, "this is me");
        }
        if self.table.used(peer).is_some() {
            self.addresses.reached(address, peer, Instant::now());
            return close(&dialled.connection, CloseCode::Superseded, "linked meanwhile");
        }
        self.dialled += 1;
        let (me, dial, events) = (self.me, self.dialled, self.events.clone());
        self.tasks.spawn(async move {
            let event = match session::greet(dialled, me.hello(dial), me.cluster).await {
                Ok(session) => Event::Greeted {
                    address,
                    dial,
                    session: Box::new(session),
                },
                Err(error) => Event::DialFailed { address, error },
            };
            let _ = events.send(event).await;
        });
    }

    pub(crate) fn on_dial_failed(&mut self, address: SocketAddr, error: &SessionError) {
        if self.addresses.failed(address, &error.to_string(), Instant::now()) {
            if error.is_refusal() {
                tracing::warn!(remote = %address, %error, "connection refused");
            } else {
                tracing::info!(%address, %error, "no link yet");
            }
        }
        self.dial_due();
    }

    /// A node that was dialled has said Hello.
    pub(crate) fn on_greeted(&mut self, address: SocketAddr, dial: u64, session: Session) -> Vec<Change> {
        self.addresses.reached(address, session.subject.id, Instant::now());
        let changes = self.offer(session, Dialler::Us, dial);
        self.dial_due();
        changes
    }

    /// A node that dialled this one has said Hello, and waits for the answer.
    pub(crate) fn on_accepted(&mut self, mut session: Session) -> Vec<Change> {
        let hello = session.hello.node.expect("a node says so");
        let dial = hello.dial;
        session.subject.id = self.taken_for(hello.address, session.subject.id);
        if session.subject.id == self.me.node {
            close(&session.connection, CloseCode::Superseded, "this is me");
            return Vec::new();
        }
        self.offer(session, Dialler::Them, dial)
    }

    fn offer(&mut self, session: Session, dialler: Dialler, dial: u64) -> Vec<Change> {
        let hello = session.hello.node.expect("a node says so");
        let peer = session.subject.id;
        if let Some(reason) = session.connection.close_reason() {
            tracing::debug!(%peer, %reason, "a connection has ended before it was looked at");
            return Vec::new();
        }
        let link = LinkId(self.links_made);
        self.links_made += 1;
        let offer = self.table.offer(Candidate {
            link,
            peer,
            generation: hello.generation,
            dialler,
            dial,
        });
        match offer {
            Offer::Refused => {
                tracing::debug!(%peer, ?dialler, dial, "a better link is in use");
                close(&session.connection, CloseCode::Superseded, "a better link is in use");
                Vec::new()
            }
            Offer::Used { superseded } => {
                tracing::info!(%peer, generation = hello.generation.0, address = %hello.address, ?dialler, "link up");
                self.addresses.advertised(hello.address, peer);
                let down = superseded.map(|old| {
                    self.drop_link(old, CloseCode::Superseded, "there is a better link");
                    Change::Down(peer)
                });
                self.run(link, session, dialler);
                down.into_iter().chain([Change::Up(peer)]).collect()
            }
        }
    }

    fn run(&mut self, link: LinkId, session: Session, dialler: Dialler) {
        let outbox = Arc::new(Outbox::default());
        if dialler == Dialler::Them {
            let hello = Frame::Hello(self.me.hello(0));
            outbox.push(&hello).expect("an empty outbox has room for a Hello");
        }
        let (peer, connection) = (session.subject.id, session.connection.clone());
        let (receiver, writer) = session.split(Arc::clone(&outbox));
        let reader = intake::read(receiver, Arc::clone(&outbox), Source::Peer(link), self.events.clone());
        self.tasks.spawn(writer);
        self.tasks.spawn(reader);
        let made = Link {
            peer,
            connection,
            outbox,
            watch: Watch::new(Instant::now()),
        };
        self.links.insert(link, made);
    }

    /// Sends a message over the link in use. A link that takes no more is given up.
    pub(crate) fn send(&mut self, to: NodeId, message: &Message) -> Option<Change> {
        let link = self.table.used(to)?;
        if let Some(control) = &self.control {
            let fate = control.fate(to, message);
            return self.send_as_fated(link, message, fate);
        }
        self.push(link, message)
    }

    /// Sends a message as those have it who break the node from inside.
    fn send_as_fated(&mut self, link: LinkId, message: &Message, fate: Fate) -> Option<Change> {
        let mut message = Cow::Borrowed(message);
        if let Some(chance) = fate.spoilt {
            message.to_mut().flip_fact(chance);
        }
        for by in fate.again.into_iter().chain(fate.late) {
            self.send_after(by, link, &message);
        }
        if fate.dropped || fate.late.is_some() {
            return None;
        }
        self.push(link, &message)
    }

    /// Sends a message whose time has come, if the link that it was for is still in use.
    pub(crate) fn send_late(&mut self, link: LinkId, message: &Message) -> Option<Change> {
        self.sender(link)?;
        self.push(link, message)
    }

    fn send_after(&mut self, by: Duration, link: LinkId, message: &Message) {
        let (message, events) = (Box::new(message.clone()), self.events.clone());
        self.tasks.spawn(async move {
            tokio::time::sleep(by).await;
            let _ = events.send(Event::Overdue { link, message }).await;
        });
    }

    fn push(&mut self, link: LinkId, message: &Message) -> Option<Change> {
        let pushed = self.links[&link].outbox.push(&Frame::Message(message));
        match pushed {
            Ok(_) => None,
            Err(PushError::Frame(error)) => {
                tracing::error!(peer = %self.links[&link].peer, %error, "a message that can't be sent is dropped");
                None
            }
            Err(error @ (PushError::Full | PushError::Closed)) => self.lose(link, CloseCode::Full, &error.to_string()),
        }
    }

    /// Whose link this is, if it is in use: what comes in on any other is not to be looked at.
    pub(crate) fn sender(&self, link: LinkId) -> Option<NodeId> {
        let peer = self.links.get(&link)?.peer;
        assert_eq!(
            self.table.used(peer),
            Some(link),
            "a link that is not in use is dropped at once"
        );
        Some(peer)
    }

    /// The other end has answered something.
    pub(crate) fn on_answered(&mut self, link: LinkId, now: Instant) {
        if let Some(link) = self.links.get_mut(&link) {
            link.watch.answered(now);
        }
    }

    /// A connection has ended.
    pub(crate) fn on_ended(&mut self, link: LinkId, why: &str) -> Option<Change> {
        self.lose(link, CloseCode::BadFrame, why)
    }

    /// Asks every linked node whether it is there, and gives up those that have not answered for too long. To be called
    /// every [`PING_INTERVAL`](super::PING_INTERVAL).
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Change> {
        while self.tasks.try_join_next().is_some() {}
        let mut lost = Vec::new();
        for (id, link) in &mut self.links {
            match link.watch.tick(now) {
                Verdict::Suspect => lost.push((*id, CloseCode::Suspected, "it does not answer".to_owned())),
                Verdict::Ask => {
                    if let Err(error) = link.outbox.push(&Frame::Ping) {
                        lost.push((*id, CloseCode::Full, error.to_string()));
                    }
                }
            }
        }
        lost.into_iter()
            .filter_map(|(link, code, why)| self.lose(link, code, &why))
            .collect()
    }

    /// Ends every task. Connections are the endpoint's to close.
    pub(crate) async fn stop(mut self) {
        self.links.values().for_each(|link| {
            link.outbox.close();
        });
        self.tasks.shutdown().await;
    }

    fn lose(&mut self, link: LinkId, code: CloseCode, why: &str) -> Option<Change> {
        let peer = self.links.get(&link)?.peer;
        tracing::info!(%peer, why, "link down");
        self.drop_link(link, code, why);
        let was_used = self.table.remove(peer, link);
        self.dial_due();
        was_used.then_some(Change::Down(peer))
    }

    fn drop_link(&mut self, link: LinkId, code: CloseCode, why: &str) {
        let link = self.links.remove(&link).expect("a link is dropped once");
        link.outbox.close();
        close(&link.connection, code, why);
    }

    /// Dials whatever has to be. Of two that lost each other, the one with the lower id dials at once, and the other
    /// after a pause, if that has come to nothing: so they seldom cross.
    fn dial_due(&mut self) {
        let table = &self.table;
        for due in self
            .addresses
            .take_due(Instant::now(), |peer| table.used(peer).is_some())
        {
            let Due { address, peer, is_calm } = due;
            let is_first = peer.is_none_or(|peer| self.me.node < peer);
            if is_calm && is_first {
                self.dial(address);
                continue;
            }
            let (pause, events) = (redial_pause(&mut self.rng), self.events.clone());
            self.tasks.spawn(async move {
                tokio::time::sleep(pause).await;
                let _ = events.send(Event::Paused { address }).await;
            });
        }
    }

    fn dial(&mut self, address: SocketAddr) {
        let (endpoint, events) = (self.endpoint.clone(), self.events.clone());
        self.tasks.spawn(async move {
            let event = match session::dial(&endpoint, address).await {
                Ok(dialled) => Event::Dialled { address, dialled },
                Err(error) => Event::DialFailed { address, error },
            };
            let _ = events.send(event).await;
        });
    }
}

#[cfg(test)]
mod tests;
