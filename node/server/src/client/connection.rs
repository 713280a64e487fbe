//! The task that keeps one connection up: dial, say Hello, hand on answers, watch, and begin again.

use std::{sync::Arc, time::Instant};

use quinn::ConnectError;
use rand_pcg::Pcg64Mcg;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, sleep},
};

use super::{
    endpoint::Dialling,
    error::{RequestError, Unreachable},
    line::Line,
    pending::{Outcome, Pending},
};
use crate::{
    frame::{Frame, Received},
    outbox::Outbox,
    peers::{PING_INTERVAL, Verdict, Watch, redial_pause},
    session::{self, CloseCode, Receiver, Session, SessionError, close},
};

/// Keeps a connection up until it is aborted or the endpoint is closed.
pub(super) async fn keep_up(line: Arc<Line>, dialling: Dialling, mut rng: Pcg64Mcg) {
    loop {
        match connect(&dialling).await {
            Ok(session) => serve(&line, session).await,
            Err(SessionError::Dial(ConnectError::EndpointStopping)) => {
                return line.disconnect(Unreachable::Silent("the endpoint is closed".to_owned()));
            }
            Err(error) => {
                tracing::debug!(address = %dialling.address, %error, "no connection");
                line.disconnect((&error).into());
            }
        }
        sleep(redial_pause(&mut rng)).await;
    }
}

async fn connect(dialling: &Dialling) -> Result<Session, SessionError> {
    let dialled = session::dial(&dialling.endpoint, dialling.address).await?;
    session::greet(dialled, dialling.hello, dialling.cluster).await
}

/// Serves one connection to its end.
async fn serve(line: &Line, session: Session) {
    let outbox = Arc::new(Outbox::default());
    let connection = session.connection.clone();
    let (receiver, writer) = session.split(Arc::clone(&outbox));
    // Aborted, with the connection's last handle, if this task is.
    let mut tasks = JoinSet::new();
    tasks.spawn(writer);
    line.connect(Pending::new(Arc::clone(&outbox)));
    let (code, why) = attend(line, receiver, &outbox).await;
    tracing::debug!(remote = %connection.remote_address(), why, "connection lost");
    line.disconnect(Unreachable::Silent(why.clone()));
    close(&connection, code, &why);
}

/// Hands on answers, and asks whether the node is there. Returns why there is an end to it.
async fn attend(line: &Line, mut receiver: Receiver, outbox: &Outbox) -> (CloseCode, String) {
    let mut watch = Watch::new(Instant::now());
    let mut ticks = tokio::time::interval(PING_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut frames = Vec::new();
    loop {
        tokio::select! {
            received = receiver.receive(&mut frames) => {
                if let Err(error) = received {
                    return (CloseCode::BadFrame, error.to_string());
                }
                watch.answered(Instant::now());
                line.settle(frames.drain(..).filter_map(outcome));
            }
            _ = ticks.tick() => match watch.tick(Instant::now()) {
                Verdict::Suspect => return (CloseCode::Suspected, "the node does not answer".to_owned()),
                Verdict::Ask => {
                    if let Err(error) = outbox.push(&Frame::Ping) {
                        return (CloseCode::Full, error.to_string());
                    }
                }
            },
        }
    }
}

/// The outcome that a frame tells of; a pong of none.
fn outcome(frame: Received) -> Option<(u64, Outcome)> {
    match frame {
        Frame::Response { id, response } => Some((id, Ok(response))),
        Frame::Refused { id, refusal } => Some((id, Err(RequestError::Refused(refusal)))),
        Frame::Pong => None,
        _ => unreachable!("a session with a node takes nothing else"),
    }
}
