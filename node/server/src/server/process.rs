//! The event loop.
//!
//! Everything but writing to the disk happens on one thread. The loop takes in all that has happened since it last
//! looked, hands it to the core, and then does all that the core says; so that what came in together is written
//! together, and what goes to one peer goes out in one piece.

use std::{
    fmt, io,
    net::SocketAddr,
    path::PathBuf,
    pin::{Pin, pin},
    time::{Duration, Instant},
};

use quinn::Endpoint;
use quorate_core::{Event as CoreEvent, Generation, Input, Message, Node, NodeId, Now, Output, StartError, StoreError};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, Sleep, sleep_until},
};

use super::{clock::Clock, log::Log, options::Options};
use crate::{
    clients::Clients,
    endpoint::{self, EndpointError, EndpointKeys, Side},
    event::{self, Event, Source},
    frame::{Frame, Received},
    identity::{Identity, IdentityError, Role},
    intake,
    peers::{Change, LinkId, Me, PING_INTERVAL, Peers},
    session::{CloseCode, Session},
    store::{self, Disk, Done, OpenError},
};

/// Events, or finished batches, handed to the core before its outputs are carried out.
const TAKEN_MAX: usize = 256;

/// How long a stopping node waits for its peers to hear of it.
const FAREWELL: Duration = Duration::from_millis(200);

/// Tells the seed of the connections' chance from that of the core's.
const PEERS_STREAM: u64 = 0x7065_6572;

/// A node that listens, and that has made its generation durable.
pub struct Server {
    address: SocketAddr,
    clock: Clock,
    core: Node,
    disk: Disk,
    finished: mpsc::UnboundedReceiver<Done>,
    endpoint: Endpoint,
    peers: Peers,
    clients: Clients,
    inbox: mpsc::Receiver<Event>,
    acceptor: JoinSet<()>,
    log: Log,
}

/// Where a node listens, and who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The address of its socket.
    pub address: SocketAddr,
    /// Its identity.
    pub node: NodeId,
    /// Which start this is.
    pub generation: Generation,
}

/// A node that could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The identity in the data folder can't be loaded.
    #[error("load the node's identity from {}", folder.display())]
    Identity {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        source: IdentityError,
    },
    /// The identity in the data folder is not a node's.
    #[error("the certificate in {} is not a node's", .0.display())]
    NotANode(PathBuf),
    /// The store can't be opened.
    #[error("open the store")]
    Open(#[from] OpenError),
    /// The keys that outlive a restart can't be read or written.
    #[error("{}: {error}", folder.display())]
    Keys {
        /// Where.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The socket can't be had.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The core can't start.
    #[error("{0}")]
    Start(StartError),
    /// The system gives no thread.
    #[error("start the thread that writes: {0}")]
    Thread(io::Error),
    /// The store can't go on. What was acknowledged is as durable as the setting says.
    #[error("the store can't go on: {0}")]
    Storage(StoreError),
}

impl Server {
    /// Opens a node's folder and its socket, and starts it, as far as its generation being durable. It has not spoken
    /// to anyone. To be called within a current-thread tokio runtime.
    ///
    /// # Errors
    /// [`ServeError`], with what is at fault and where.
    pub async fn start(options: &Options) -> Result<Server, ServeError> {
        let folder = &options.folder;
        let identity = Identity::load(folder).map_err(|source| ServeError::Identity {
            folder: folder.clone(),
            source,
        })?;
        if identity.subject().role != Role::Node {
            return Err(ServeError::NotANode(folder.clone()));
        }
        let (store, writer) = store::open_controlled(folder, options.control.as_ref())?;
        let keys = EndpointKeys::load_or_generate(folder).map_err(|error| ServeError::Keys {
            folder: folder.clone(),
            error,
        })?;
        let endpoint = endpoint::bind(&identity, &keys, Side::Both, options.listen)?;
        let address = endpoint.local_addr().expect("a bound socket has an address");
        let advertised = options.advertise.unwrap_or(address);
        let seed = options.seed.unwrap_or_else(entropy);
        let clock = Clock::start(options.clock_ahead, options.control.clone());
        let config = options.config(identity.subject().id, advertised);
        let (cluster, believes_addresses) = (config.cluster, config.believes_addresses());
        let core = Node::start(config, store, Pcg64Mcg::seed_from_u64(seed), clock.now()).map_err(ServeError::Start)?;
        let me = Me {
            node: core.id(),
            cluster,
            address: advertised,
            generation: core.generation(),
        };
        let (events, inbox) = mpsc::channel(event::WAITING_MAX);
        let (disk, finished) = Disk::start(writer, options.fsync).map_err(ServeError::Thread)?;
        let rng = Pcg64Mcg::seed_from_u64(seed ^ PEERS_STREAM);
        let mut server = Server {
            address,
            clock,
            core,
            disk,
            finished,
            peers: Peers::new(rng, me, endpoint.clone(), events.clone(), options.control.clone()),
            clients: Clients::new(me.hello(0), events.clone()),
            acceptor: JoinSet::from_iter([intake::accept(endpoint.clone(), cluster, events)]),
            endpoint,
            inbox,
            log: Log::default(),
        };
        if believes_addresses {
            server.peers.believe_addresses();
        }
        server.become_durable().await?;
        Ok(server)
    }

    /// Waits for the core's first batch: its generation.
    async fn become_durable(&mut self) -> Result<(), ServeError> {
        self.drain()?;
        let done = self.finished.recv().await;
        self.on_done(
            self.clock.now(),
            done.expect("the thread that writes says how each batch ended"),
        );
        self.drain()
    }

    /// Where it listens, and who it is.
    pub fn listening(&self) -> Listening {
        Listening {
            address: self.address,
            node: self.core.id(),
            generation: self.core.generation(),
        }
    }

    /// Serves until `stop` is ready, and then ends in good order: every connection is closed, and what was handed to
    /// the disk is on it.
    ///
    /// # Errors
    /// [`ServeError::Storage`] if the disk fails. The node has then ended too.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let served = self.serve(pin!(stop)).await;
        self.acceptor.shutdown().await;
        self.endpoint
            .close((CloseCode::Stopping as u32).into(), b"the node is stopping");
        self.peers.stop().await;
        self.clients.stop().await;
        // Who does not hear of it in time will notice.
        let _ = tokio::time::timeout(FAREWELL, self.endpoint.wait_idle()).await;
        let stopped = self.disk.stop().map(drop).map_err(ServeError::Storage);
        served.and(stopped)
    }

    /// Returns when `stop` is ready or the disk has failed.
    async fn serve(&mut self, mut stop: Pin<&mut impl Future<Output = ()>>) -> Result<(), ServeError> {
        let mut ticks = tokio::time::interval(PING_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut timer = pin!(sleep_until(Instant::now().into()));
        let (mut events, mut done) = (Vec::new(), Vec::new());
        loop {
            self.set_timer(timer.as_mut());
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                _ = ticks.tick() => self.on_tick(),
                () = &mut timer => self.core.handle_timeout(self.clock.now()),
                count = self.finished.recv_many(&mut done, TAKEN_MAX) => {
                    if count == 0 {
                        // The thread has ended, and says why when it is joined.
                        return Ok(());
                    }
                    let now = self.clock.now();
                    done.drain(..).for_each(|done| self.on_done(now, done));
                }
                // A disk that can't keep up holds up whoever asks for more.
                _ = self.inbox.recv_many(&mut events, TAKEN_MAX), if !self.disk.is_full() => {
                    // One reading for all: each of them came in before it.
                    let now = self.clock.now();
                    for event in events.drain(..) {
                        self.on_event(now, event)?;
                    }
                }
            }
            self.drain()?;
        }
    }

    fn set_timer(&self, timer: Pin<&mut Sleep>) {
        let due = self.core.poll_timeout().map(|due| self.clock.instant(due).into());
        if let Some(due) = due
            && due != timer.deadline()
        {
            timer.reset(due);
        }
    }

    fn on_tick(&mut self) {
        for change in self.peers.tick(Instant::now()) {
            self.on_change(change);
        }
    }

    fn on_done(&mut self, now: Now, done: Done) {
        for token in done.tokens {
            let result = done.result.clone();
            self.core.handle(now, Input::Persisted { token, result });
        }
    }

    fn on_event(&mut self, now: Now, event: Event) -> Result<(), ServeError> {
        match event {
            Event::Frames { from, frames } => {
                for frame in frames {
                    match from {
                        Source::Peer(link) => self.on_peer_frame(now, link, frame),
                        Source::Client(client) => {
                            if let Some((token, request)) = self.clients.on_frame(client, frame) {
                                let request = Box::new(request);
                                self.core.handle(now, Input::Client { token, request });
                            }
                        }
                    }
                }
                return Ok(());
            }
            Event::Overdue { link, message } => {
                let change = self.peers.send_late(link, &message);
                change.into_iter().for_each(|change| self.on_change(change));
            }
            Event::Paused { address } => self.peers.on_paused(address),
            Event::Dialled { address, dialled } => self.peers.on_dialled(address, dialled),
            Event::DialFailed { address, error } => self.peers.on_dial_failed(address, &error),
            Event::Greeted { address, dial, session } => {
                // What the core has said so far is for the link that it was said for.
                self.drain()?;
                let changes = self.peers.on_greeted(address, dial, *session);
                changes.into_iter().for_each(|change| self.on_change(change));
            }
            Event::Accepted { session } => {
                self.drain()?;
                self.on_accepted(*session);
            }
            Event::Ended { from, why } => match from {
                Source::Peer(link) => {
                    let change = self.peers.on_ended(link, &why);
                    change.into_iter().for_each(|change| self.on_change(change));
                }
                Source::Client(client) => self.clients.on_ended(client, &why),
            },
        }
        Ok(())
    }

    fn on_accepted(&mut self, session: Session) {
        match session.subject.role {
            Role::Node => {
                let changes = self.peers.on_accepted(session);
                changes.into_iter().for_each(|change| self.on_change(change));
            }
            Role::Client | Role::Admin => self.clients.on_accepted(session),
        }
    }

    fn on_peer_frame(&mut self, now: Now, link: LinkId, frame: Received) {
        let Some(from) = self.peers.sender(link) else {
            return;
        };
        match frame {
            Frame::Message(message) => {
                if matches!(message, Message::Response { .. }) {
                    self.peers.on_answered(link, self.clock.instant(now.time));
                }
                let message = Box::new(message);
                self.core.handle(now, Input::Message { from, message });
            }
            Frame::Pong => self.peers.on_answered(link, self.clock.instant(now.time)),
            _ => unreachable!("a session with a peer takes messages, pings and pongs, and answers the pings itself"),
        }
    }

    fn on_change(&mut self, change: Change) {
        let input = match change {
            Change::Down(peer) => Input::LinkDown { peer },
            Change::Up(peer) => Input::LinkUp { peer },
        };
        self.core.handle(self.clock.now(), input);
    }

    /// Does all that the core says.
    fn drain(&mut self) -> Result<(), ServeError> {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { to, message } => {
                    if let Some(change) = self.peers.send(to, &message) {
                        self.on_change(change);
                    }
                }
                Output::Reply { token, response } => self.clients.reply(token, &response),
                Output::Persist { token, ops } => self.disk.submit(token, ops),
                Output::Connect { address } => self.peers.connect(address),
                Output::Event(event) => self.note(&event),
                Output::Stop { why } => return Err(ServeError::Storage(StoreError::Failed(why))),
            }
        }
        Ok(())
    }

    fn note(&mut self, event: &CoreEvent) {
        self.log.note(event, Instant::now());
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

/// A seed that nobody can guess.
fn entropy() -> u64 {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
    u64::from_ne_bytes(bytes)
}
