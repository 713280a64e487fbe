//! The switch as its user holds it: adds endpoints, sets policies, reads counters.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use mio::{Poll, Registry, Token, Waker};

use super::error::SwitchError;
use super::front::Front;
use super::links::{EndpointId, LinkCounters, LinkPolicy, SharedLinks};
use super::pump;

/// How many endpoints a switch takes: clusters here have tens of nodes, and the table of links
/// grows with the square (256 endpoints: 3 MB).
const ENDPOINTS_MAX: usize = 256;

/// A running switch, with a thread of its own.
///
/// All methods may be called from any thread at any time; what they may wait for is the sending of
/// trains, no more. An [`EndpointId`] of another switch is a mistake that may panic.
///
/// Dropping it ends the thread and frees the fronts' ports. If the thread had ended before, by an
/// error or a panic that [`Switch::stop`] never told, the drop panics.
#[derive(Debug)]
pub struct Switch {
    links: SharedLinks,
    registry: Registry,
    stop: Waker,
    /// None once it has been joined.
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Switch {
    /// Starts a switch without endpoints.
    ///
    /// # Errors
    /// [`SwitchError::Start`].
    pub fn start() -> Result<Self, SwitchError> {
        Self::try_start().map_err(SwitchError::Start)
    }

    fn try_start() -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let stop = Waker::new(&registry, pump::STOP)?;
        let links = SharedLinks::default();
        let pump_links = links.clone();
        let thread = thread::Builder::new()
            .name("quorate-switch".to_owned())
            .spawn(move || pump::run(poll, &pump_links))?;
        Ok(Self {
            links,
            registry,
            stop,
            thread: Some(thread),
        })
    }

    /// Adds an endpoint and returns its front, the address at which it is to be announced to the
    /// others. It is not attached yet; its links from and to all endpoints, itself too, are open.
    /// `name` is for messages alone.
    ///
    /// # Errors
    /// [`SwitchError::Front`], [`SwitchError::TooManyEndpoints`] or [`SwitchError::Ended`].
    pub fn add_endpoint(&self, name: &str) -> Result<(EndpointId, SocketAddr), SwitchError> {
        self.check_running()?;
        let no_front = |source| SwitchError::Front {
            name: name.to_owned(),
            source,
        };
        let mut front = Front::bind().map_err(no_front)?;
        let address = front.address();
        let id = {
            // Held throughout, so that the thread finds the front of every event in the table.
            let mut links = self.links.lock();
            let id = links.next_id();
            if id.index() == ENDPOINTS_MAX {
                return Err(SwitchError::TooManyEndpoints { limit: ENDPOINTS_MAX });
            }
            let token = Token(links.next_token());
            front.register(&self.registry, token).map_err(no_front)?;
            links.add(Arc::new(front))
        };
        tracing::debug!(name, ?id, front = %address, "endpoint added");
        Ok((id, address))
    }

    /// Has what an endpoint sends come from another front, as after a router that was started anew, and returns it. What is
    /// sent to the earlier ones reaches the endpoint still.
    ///
    /// # Errors
    /// [`SwitchError::Front`] or [`SwitchError::Ended`].
    pub fn rebind(&self, id: EndpointId) -> Result<SocketAddr, SwitchError> {
        self.check_running()?;
        let no_front = |source| SwitchError::Front {
            name: format!("{id:?}"),
            source,
        };
        let mut front = Front::bind().map_err(no_front)?;
        let address = front.address();
        let mut links = self.links.lock();
        let token = Token(links.next_token());
        front.register(&self.registry, token).map_err(no_front)?;
        links.rebind(id, Arc::new(front));
        tracing::debug!(?id, front = %address, "endpoint rebound");
        Ok(address)
    }

    /// Has each of two endpoints be found where the other was, and send from there. Links stay with the endpoints, and so does what
    /// they do.
    ///
    /// # Errors
    /// [`SwitchError::Ended`].
    pub fn swap_fronts(&self, one: EndpointId, other: EndpointId) -> Result<(), SwitchError> {
        self.check_running()?;
        self.links.lock().swap_fronts(one, other);
        tracing::debug!(?one, ?other, "fronts swapped");
        Ok(())
    }

    /// Says that an endpoint's process has bound `address`: what comes from there is the
    /// endpoint's, and what is for it goes there. Replaces the address that it had; another
    /// endpoint that was attached at `address` is detached, since only one process can have it.
    ///
    /// # Errors
    /// [`SwitchError::Unattachable`] or [`SwitchError::Ended`].
    pub fn attach(&self, id: EndpointId, address: SocketAddr) -> Result<(), SwitchError> {
        self.check_running()?;
        self.links.lock().attach(id, address)?;
        tracing::debug!(?id, %address, "endpoint attached");
        Ok(())
    }

    /// Says that an endpoint's process is gone: packets for it count as undelivered, packets from
    /// its address as of an unknown source. Idempotent; policies and counters stay.
    ///
    /// # Errors
    /// [`SwitchError::Ended`].
    pub fn detach(&self, id: EndpointId) -> Result<(), SwitchError> {
        self.check_running()?;
        self.links.lock().detach(id);
        tracing::debug!(?id, "endpoint detached");
        Ok(())
    }

    /// Sets what the link from one endpoint to another does, and leaves the way back as it is.
    /// Every packet that the switch handles after the return is subject to it; what was forwarded
    /// before may still wait in the receiver's socket.
    ///
    /// # Errors
    /// [`SwitchError::Ended`].
    pub fn set_link(&self, from: EndpointId, to: EndpointId, policy: LinkPolicy) -> Result<(), SwitchError> {
        self.check_running()?;
        self.links.lock().set_policy(from, to, policy);
        tracing::debug!(?from, ?to, ?policy, "link set");
        Ok(())
    }

    /// Opens every link. Idempotent.
    ///
    /// # Errors
    /// [`SwitchError::Ended`].
    pub fn heal_all(&self) -> Result<(), SwitchError> {
        self.check_running()?;
        self.links.lock().heal_all();
        tracing::debug!("all links healed");
        Ok(())
    }

    /// What the link from one endpoint to another has done. Never behind: a packet that a receiver
    /// has read is counted.
    pub fn link_counters(&self, from: EndpointId, to: EndpointId) -> LinkCounters {
        self.links.lock().counters(from, to)
    }

    /// What all links have done, for whoever has to read it while somebody else holds the switch.
    pub fn counting(&self) -> Counting {
        Counting {
            links: self.links.clone(),
        }
    }

    /// How many datagrams have arrived at an endpoint's front from where nobody was attached; all
    /// were dropped.
    pub fn unknown_source_packets(&self, to: EndpointId) -> u64 {
        self.links.lock().unknown_source_packets(to)
    }

    /// Ends the thread and frees the fronts' ports.
    ///
    /// # Errors
    /// [`SwitchError::Failed`] or [`SwitchError::Panicked`] if the thread had ended before.
    pub fn stop(mut self) -> Result<(), SwitchError> {
        self.join()
    }

    fn check_running(&self) -> Result<(), SwitchError> {
        match &self.thread {
            Some(thread) if !thread.is_finished() => Ok(()),
            _ => Err(SwitchError::Ended),
        }
    }

    fn join(&mut self) -> Result<(), SwitchError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        self.stop
            .wake()
            .expect("an event queue takes the event that ends its thread");
        match thread.join() {
            Ok(ended) => ended.map_err(SwitchError::Failed),
            Err(panic) => Err(SwitchError::Panicked {
                message: panic_message(&*panic),
            }),
        }
    }
}

/// Reads what links have done.
#[derive(Clone, Debug)]
pub struct Counting {
    links: SharedLinks,
}

impl Counting {
    /// What the links between these have done together.
    pub fn among(&self, endpoints: &[EndpointId]) -> LinkCounters {
        let links = self.links.lock();
        let mut all = LinkCounters::default();
        for from in endpoints {
            for to in endpoints.iter().filter(|to| *to != from) {
                all.add(links.counters(*from, *to));
            }
        }
        all
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        match self.join() {
            Ok(()) => {}
            Err(error) if thread::panicking() => tracing::error!(?error, "the switch had ended"),
            Err(error) => panic!("the switch had ended: {error:?}"),
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    /// A switch whose thread has panicked: it was sent an event of a front that isn't in the table.
    fn panicked() -> Switch {
        let switch = Switch::start().unwrap();
        let mut front = Front::bind().unwrap();
        front.register(&switch.registry, Token(ENDPOINTS_MAX)).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"trigger", front.address()).unwrap();
        while switch.check_running().is_ok() {
            thread::yield_now();
        }
        switch
    }

    #[test]
    fn a_panic_is_told() {
        let switch = panicked();
        assert!(matches!(switch.add_endpoint("late"), Err(SwitchError::Ended)));
        assert!(matches!(switch.heal_all(), Err(SwitchError::Ended)));
        match switch.stop() {
            Err(SwitchError::Panicked { message }) => assert!(message.contains("out of bounds"), "{message}"),
            ended => panic!("the switch ended with {ended:?}"),
        }
    }

    #[test]
    #[should_panic(expected = "the switch had ended")]
    fn a_panic_that_nobody_asked_for_is_passed_on() {
        drop(panicked());
    }
}
