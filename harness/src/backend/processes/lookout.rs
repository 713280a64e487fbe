//! Asks nodes now and then what they keep for others, for those who look on.
//!
//! In a task of its own, over connections that no fault cuts and no client uses. A node that is paused, dead or slow keeps nobody
//! waiting: an answer that comes late is no answer, and what a node said counts only for as long as it is still news.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use quorate_core::{AdminOk, AdminRequest, Behind, NodeId, Request, Response};
use quorate_node::client::NodeClient;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::MissedTickBehavior,
};

use crate::{fault::Place, lags::Lags};

/// Time between two rounds of questions: as often as is worth reading, and too seldom to be felt by those who are asked.
const ASK_INTERVAL: Duration = Duration::from_millis(500);

/// How long a node may take to answer. Less than the interval, so that one round has ended before the next.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(400);

/// For how long what a node has said is news: two answers may be missed.
const NEWS_MAX: Duration = Duration::from_millis(1_500);

/// Who asks.
#[derive(Debug)]
pub(super) struct Lookout {
    heard: Arc<Mutex<BTreeMap<Place, Heard>>>,
    task: JoinHandle<()>,
}

/// What a node has said last.
#[derive(Debug)]
struct Heard {
    at: Instant,
    behind: Vec<Behind>,
}

impl Lookout {
    /// Asks these nodes from here on. To be called within a tokio runtime.
    pub(super) fn start(nodes: &[NodeClient]) -> Lookout {
        // Who has never been heard is not missed before there was time to ask.
        let nothing = || Heard {
            at: Instant::now(),
            behind: Vec::new(),
        };
        let nodes: Vec<_> = Place::all(nodes.len()).zip(nodes.iter().cloned()).collect();
        let heard = nodes.iter().map(|(place, _)| (*place, nothing())).collect();
        let heard = Arc::new(Mutex::new(heard));
        let task = tokio::spawn(ask_again_and_again(nodes, Arc::clone(&heard)));
        Lookout { heard, task }
    }

    /// What is known now.
    pub(super) fn lags(&self, place_of: impl Fn(NodeId) -> Option<Place>) -> Lags {
        let mut lags = Lags::default();
        for (place, heard) in lock(&self.heard).iter() {
            if heard.at.elapsed() <= NEWS_MAX {
                lags.add(&heard.behind, &place_of);
            } else {
                lags.add_unheard(*place);
            }
        }
        lags
    }

    pub(super) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn ask_again_and_again(nodes: Vec<(Place, NodeClient)>, heard: Arc<Mutex<BTreeMap<Place, Heard>>>) {
    let mut ticks = tokio::time::interval(ASK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut asked = JoinSet::new();
        for (place, node) in nodes.iter().filter(|(_, node)| node.is_connected()).cloned() {
            asked.spawn(async move { Some((place, ask(&node).await?)) });
        }
        while let Some(answer) = asked.join_next().await {
            if let Ok(Some((place, behind))) = answer {
                let at = Instant::now();
                lock(&heard).insert(place, Heard { at, behind });
            }
        }
    }
}

/// What a node keeps for others; `None` if it does not say so in time.
async fn ask(node: &NodeClient) -> Option<Vec<Behind>> {
    let deadline = Instant::now() + ANSWER_TIMEOUT;
    let answer = node
        .request(&Request::Admin(AdminRequest::Status), deadline.into())
        .await;
    match answer {
        Ok(Response::Admin(Ok(AdminOk::Status(status)))) => Some(status.behind),
        _ => None,
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
