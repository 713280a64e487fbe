//! Processes that do nothing for a while and don't know it, as under SIGSTOP.
//!
//! A paused process takes no input and its timers don't fire, while the world goes on: what is sent to it waits for it,
//! its disk ends the sync that it had begun, its peers and clients give up their connections. When it goes on it finds
//! all that at once, and first takes either what has come or what is overdue, as chance wants: it may answer questions
//! that nobody asks any more, and go on with writes that others have overwritten.

use std::time::Duration;

use quorate_core::ClientToken;
use rand::RngExt;

use super::{AnswerKind, Happening, NodeIndex, Sim, pair};
use crate::{
    link::{REDIAL, SUSPICION},
    process::{Pause, Waiting},
    trace::What,
    turns::Turn,
};

/// How a slow process is stopped and let run in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duty {
    /// How long it is stopped at a time.
    pub stops: Duration,
    /// How long it runs then.
    pub runs: Duration,
}

impl Sim {
    /// Pauses a running node, if it is not paused.
    pub fn pause(&mut self, node: NodeIndex) {
        self.note(What::Pause, Some(node), None, &());
        let (now, process) = (self.now, &mut self.processes[node.0]);
        process.turns.extend(process.is_awake().then_some((now, Turn::Paused)));
        self.stall(node);
    }

    /// Lets a paused node go on. Anybody else is left alone.
    pub fn resume(&mut self, node: NodeIndex) {
        self.note(What::Resume, Some(node), None, &());
        let (now, process) = (self.now, &mut self.processes[node.0]);
        process
            .turns
            .extend(process.pause.is_some().then_some((now, Turn::Resumed)));
        self.go_on(node);
    }

    /// Has a running node be stopped and let run in turn, until it is told otherwise or ends.
    pub fn slow_process(&mut self, node: NodeIndex, duty: Option<Duty>) {
        let spans = duty.map(|duty| (duty.stops.as_nanos(), duty.runs.as_nanos()));
        self.note(What::Pause, Some(node), None, &spans);
        let process = &mut self.processes[node.0];
        let was_slow = process.duty.is_some();
        process.duty = duty.filter(|_| process.is_running());
        let life = process.life;
        match (was_slow, process.duty) {
            (false, Some(_)) => self.schedule(Duration::ZERO, Happening::Doze { node, life }),
            (true, None) => self.go_on(node),
            _ => {}
        }
    }

    /// Whether a node is paused.
    pub fn is_paused(&self, node: NodeIndex) -> bool {
        self.processes[node.0].pause.is_some()
    }

    pub(super) fn doze(&mut self, node: NodeIndex, life: u64) {
        let process = &self.processes[node.0];
        if let Some(duty) = process.duty.filter(|_| process.life == life) {
            self.stall(node);
            self.schedule(duty.stops, Happening::Rouse { node, life });
        }
    }

    pub(super) fn rouse(&mut self, node: NodeIndex, life: u64) {
        let process = &self.processes[node.0];
        if let Some(duty) = process.duty.filter(|_| process.life == life) {
            self.go_on(node);
            self.schedule(duty.runs, Happening::Doze { node, life });
        }
    }

    /// The clients of a paused node give up, if it is paused still.
    pub(super) fn leave(&mut self, node: NodeIndex, pause: u64) {
        let process = &mut self.processes[node.0];
        if process.pauses != pause {
            return;
        }
        let Some(pause) = &mut process.pause else {
            return;
        };
        pause.is_left = true;
        for call in self.take_calls(node) {
            self.processes[node.0].abandoned.insert(ClientToken(call.0));
            let outcome = AnswerKind::Lost;
            self.schedule(Duration::ZERO, Happening::Answer { call, outcome });
        }
    }

    fn stall(&mut self, node: NodeIndex) {
        let process = &mut self.processes[node.0];
        if !process.is_awake() {
            return;
        }
        process.pause = Some(Pause::default());
        process.pauses += 1;
        let pause = process.pauses;
        self.schedule(SUSPICION, Happening::Leave { node, pause });
        for peer in self.peers(node) {
            let (low, high) = pair(node, peer);
            self.grow_silent(low, high);
        }
    }

    fn go_on(&mut self, node: NodeIndex) {
        let Some(pause) = self.processes[node.0].pause.take() else {
            return;
        };
        if self.wakings.random() {
            self.wake(node, None);
        }
        for waiting in pause.waiting {
            match waiting {
                Waiting::Input(input) => self.wake(node, Some(*input)),
                Waiting::Synced => self.synced(node, self.processes[node.0].life),
            }
        }
        self.wake(node, None);
        for peer in self.peers(node) {
            self.hear_again(node, peer);
        }
    }

    /// After a pause of one of two nodes: their connection is kept, or, if it was given up, made again.
    fn hear_again(&mut self, node: NodeIndex, peer: NodeIndex) {
        let (low, high) = pair(node, peer);
        let awake = [low, high].iter().all(|node| self.processes[node.0].is_awake());
        let link = self.link(low, high);
        if link.up && awake && !link.is_cut() {
            link.silent_since = None;
        } else if !link.up {
            self.schedule(REDIAL, Happening::Redial { low, high });
        }
    }
}
