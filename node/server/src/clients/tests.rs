//! Clients that ask too much or take too little, over real QUIC in one process.

use std::time::Duration;

use quinn::{ConnectionError, Endpoint, VarInt};
use quorate_core::{AdminError, AdminRequest, ClusterId, Generation};
use tokio::{task::yield_now, time::timeout};

use super::*;
use crate::{
    certs::Authority,
    endpoint::{EndpointKeys, Side, bind},
    hello::NodeHello,
    session,
};

const CLUSTER: ClusterId = ClusterId(7);

/// What a test waits for at most before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node, as far as its clients go, and a socket for those.
struct Node {
    clients: Clients,
    endpoint: Endpoint,
    dialling: Endpoint,
    /// Nobody looks at it: frames are handed in by the tests.
    _inbox: mpsc::Receiver<Event>,
}

/// A client's end of a connection, and how the node knows it.
struct Asker {
    id: ClientId,
    connection: Connection,
    receiver: session::Receiver,
}

impl Node {
    fn start() -> Node {
        let authority = Authority::create().unwrap();
        let bind = |role, side| {
            let identity = authority.issue(role, "it").unwrap();
            bind(
                &identity,
                &EndpointKeys::generate(),
                side,
                "127.0.0.1:0".parse().unwrap(),
            )
            .unwrap()
        };
        let (events, inbox) = mpsc::channel(64);
        let hello = NodeHello {
            address: "127.0.0.1:9".parse().unwrap(),
            generation: Generation(1),
            dial: 0,
        };
        Node {
            clients: Clients::new(Hello::of_node(CLUSTER, hello), events),
            endpoint: bind(Role::Node, Side::Both),
            dialling: bind(Role::Admin, Side::Dialling),
            _inbox: inbox,
        }
    }

    /// A client that has said Hello, and been answered.
    async fn connect(&mut self) -> Asker {
        let id = ClientId(self.clients.clients_made);
        let address = self.endpoint.local_addr().unwrap();
        let accept = async {
            let incoming = self.endpoint.accept().await.expect("it is open");
            let accepted = session::accept(incoming, CLUSTER).await.unwrap();
            self.clients.on_accepted(accepted);
        };
        let dial = async {
            let dialled = session::dial(&self.dialling, address).await.unwrap();
            session::greet(dialled, Hello::of_client(CLUSTER), CLUSTER).await
        };
        let ((), greeted) = tokio::join!(accept, dial);
        let session = greeted.unwrap();
        let connection = session.connection.clone();
        let (receiver, _writer) = session.split(Arc::default());
        Asker {
            id,
            connection,
            receiver,
        }
    }

    /// A request of this client comes in.
    fn ask(&mut self, asker: &Asker, id: u64) -> Option<ClientToken> {
        let request = Request::Admin(AdminRequest::Status);
        let taken = self.clients.on_frame(asker.id, Frame::Request { id, request });
        taken.map(|(token, _)| token)
    }
}

impl Asker {
    async fn next(&mut self) -> Received {
        let mut frames = Vec::new();
        timeout(PATIENCE, self.receiver.receive(&mut frames))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(frames.len(), 1);
        frames.remove(0)
    }
}

/// As large as the largest value.
fn large() -> Response {
    Response::Admin(Err(AdminError::Storage("x".repeat(1 << 20))))
}

#[tokio::test]
async fn a_client_with_too_many_requests_under_way_is_refused_the_next_and_nobody_else_is() {
    let mut node = Node::start();
    let mut asker = node.connect().await;
    let other = node.connect().await;
    let limit = UNDER_WAY_MAX as u64;
    let tokens: Vec<_> = (0..limit)
        .map(|id| node.ask(&asker, id).expect("there is room"))
        .collect();
    assert_eq!(node.ask(&asker, limit), None, "what is refused never reaches the core");
    let refusal = Refusal::TooMany;
    assert_eq!(asker.next().await, Frame::Refused { id: limit, refusal });
    assert!(node.ask(&other, 0).is_some());
    node.clients.reply(tokens[0], &large());
    assert!(matches!(asker.next().await, Frame::Response { id: 0, .. }));
    assert!(node.ask(&asker, limit + 1).is_some(), "there is room for one again");
    assert_eq!(node.ask(&asker, limit + 2), None);
}

#[tokio::test]
async fn a_client_that_never_reads_is_let_go_when_its_outbox_is_full_and_others_are_answered_meanwhile() {
    let mut node = Node::start();
    let (stuck, mut other) = (node.connect().await, node.connect().await);
    let response = large();
    let mut answered = 0;
    while let Some(token) = node.ask(&stuck, answered) {
        node.clients.reply(token, &response);
        let token = node.ask(&other, answered).expect("the other is as welcome as ever");
        node.clients
            .reply(token, &Response::Admin(Err(AdminError::Storage(String::new()))));
        assert!(matches!(other.next().await, Frame::Response { id, .. } if id == answered));
        answered += 1;
        assert!(answered < 1000, "it is never full");
        yield_now().await;
    }
    let closed = timeout(PATIENCE, stuck.connection.closed()).await.unwrap();
    let ConnectionError::ApplicationClosed(close) = closed else {
        panic!("{closed}");
    };
    assert_eq!(close.error_code, VarInt::from_u32(CloseCode::Full as u32));
    assert!(answered >= 128, "{answered} of a mebibyte each have to find room");
    assert_eq!(node.clients.clients.len(), 1);
}
