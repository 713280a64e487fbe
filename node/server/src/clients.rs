//! Clients' connections: their requests in, under a token that the core knows them by, and its answers out.

use std::sync::Arc;

use quinn::Connection;
use quorate_core::{ClientToken, Request, Response};
use rustc_hash::FxHashMap;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    event::{Event, Source},
    frame::{Frame, Outgoing, Received, Refusal},
    hello::Hello,
    identity::Role,
    intake,
    outbox::Outbox,
    session::{CloseCode, Session, close},
};

/// Clients connected at a time.
const CLIENTS_MAX: usize = 1024;

/// Requests that one connection may have under way. What the node as a whole takes is the core's to limit; this keeps
/// one client from using all of it up, and bounds what is remembered for it.
const UNDER_WAY_MAX: usize = 1024;

/// A client's connection, named by this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(u64);

/// All clients that are connected, and all requests that have not been answered.
pub(crate) struct Clients {
    hello: Hello,
    events: mpsc::Sender<Event>,
    clients: FxHashMap<ClientId, Client>,
    clients_made: u64,
    /// Of each request: whose, and by which of its ids.
    requests: FxHashMap<ClientToken, (ClientId, u64)>,
    requests_made: u64,
    tasks: JoinSet<()>,
}

struct Client {
    role: Role,
    connection: Connection,
    outbox: Arc<Outbox>,
    under_way: usize,
}

impl Clients {
    /// `hello` is what every client is answered.
    pub(crate) fn new(hello: Hello, events: mpsc::Sender<Event>) -> Clients {
        Clients {
            hello,
            events,
            clients: FxHashMap::default(),
            clients_made: 0,
            requests: FxHashMap::default(),
            requests_made: 0,
            tasks: JoinSet::new(),
        }
    }

    /// A client has said Hello, and waits for the answer.
    pub(crate) fn on_accepted(&mut self, session: Session) {
        while self.tasks.try_join_next().is_some() {}
        let remote = session.connection.remote_address();
        if self.clients.len() >= CLIENTS_MAX {
            tracing::warn!(%remote, limit = CLIENTS_MAX, "too many clients");
            return close(&session.connection, CloseCode::Refused, "too many clients");
        }
        let id = ClientId(self.clients_made);
        self.clients_made += 1;
        tracing::debug!(client = id.0, %remote, role = ?session.subject.role, "client connected");
        let outbox = Arc::new(Outbox::default());
        let hello = Frame::Hello(self.hello);
        outbox.push(&hello).expect("an empty outbox has room for a Hello");
        let client = Client {
            role: session.subject.role,
            connection: session.connection.clone(),
            outbox: Arc::clone(&outbox),
            under_way: 0,
        };
        let (receiver, writer) = session.split(Arc::clone(&outbox));
        self.tasks.spawn(writer);
        self.tasks
            .spawn(intake::read(receiver, outbox, Source::Client(id), self.events.clone()));
        self.clients.insert(id, client);
    }

    /// Takes in a frame. A request that may be looked at comes back, under the token to answer it by.
    ///
    /// # Panics
    /// If it is no request: of a client's frames, a session takes nothing else but pings, and those are answered there.
    pub(crate) fn on_frame(&mut self, from: ClientId, frame: Received) -> Option<(ClientToken, Request)> {
        let client = self.clients.get_mut(&from)?;
        let Frame::Request { id, request } = frame else {
            unreachable!("a client's session takes requests alone");
        };
        let refusal = match request {
            Request::Admin(_) if client.role != Role::Admin => Some(Refusal::NotAdmin),
            _ if client.under_way >= UNDER_WAY_MAX => Some(Refusal::TooMany),
            _ => None,
        };
        if let Some(refusal) = refusal {
            self.send(from, &Frame::Refused { id, refusal });
            return None;
        }
        client.under_way += 1;
        let token = ClientToken(self.requests_made);
        self.requests_made += 1;
        self.requests.insert(token, (from, id));
        Some((token, request))
    }

    /// Answers a request, if whoever asked is still there.
    pub(crate) fn reply(&mut self, token: ClientToken, response: &Response) {
        let (client, id) = self.requests.remove(&token).expect("a request is answered once");
        if let Some(asker) = self.clients.get_mut(&client) {
            asker.under_way -= 1;
            self.send(client, &Frame::Response { id, response });
        }
    }

    /// A client's connection has ended.
    pub(crate) fn on_ended(&mut self, client: ClientId, why: &str) {
        self.drop_client(client, CloseCode::BadFrame, why);
    }

    /// Ends every task. Connections are the endpoint's to close.
    pub(crate) async fn stop(mut self) {
        self.clients.values().for_each(|client| {
            client.outbox.close();
        });
        self.tasks.shutdown().await;
    }

    fn send(&mut self, to: ClientId, frame: &Outgoing<'_>) {
        let pushed = self.clients.get(&to).map(|client| client.outbox.push(frame));
        if let Some(Err(error)) = pushed {
            self.drop_client(to, CloseCode::Full, &error.to_string());
        }
    }

    fn drop_client(&mut self, client: ClientId, code: CloseCode, why: &str) {
        if let Some(dropped) = self.clients.remove(&client) {
            tracing::debug!(client = client.0, why, "client gone");
            dropped.outbox.close();
            close(&dropped.connection, code, why);
        }
    }
}

#[cfg(test)]
mod tests;
