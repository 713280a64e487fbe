//! What a run is made of, drawn at random, and the requests of its clients.

use std::time::Duration;

use quorate_core::{
    AddWinsSet, Ask, Cell, Config, Context, Fetch, Key, Kind, Level, Preferred, Quorum, ReadRepair, ReadRequest,
    Request, Tombstones, Update, Value, WriteId, WritePath, WriteRequest,
};
use rand::{Rng, RngExt, seq::IndexedRandom};
use rand_pcg::Pcg64Mcg;

use super::ledger::{Asked, Ledger};
use crate::cluster::TIMEOUT;

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) kind: Kind,
    pub(super) nodes: usize,
    pub(super) replicas: u8,
    pub(super) per_dc: Vec<u8>,
    pub(super) clock_offsets: Vec<Duration>,
    pub(super) path: WritePath,
    pub(super) write: Level,
    pub(super) read: Level,
    pub(super) repair: ReadRepair,
    fetch: Fetch,
    ask: Ask,
    pub(super) quorum: Quorum,
    preferred: Option<Preferred>,
    has_ids: bool,
    has_tokens: bool,
    deletes: bool,
    pub(super) spoils: bool,
    pub(super) collects: bool,
    anti_entropy: bool,
    hint_bytes_per_second: Option<u64>,
    /// Whether nodes join, leave, are removed and weighed anew.
    pub(super) moves: bool,
    pub(super) spares: usize,
}

/// What takes agreement is asked for in another way, and judged by whole histories.
const KINDS: [Kind; 4] = [Kind::Register, Kind::Siblings, Kind::Set, Kind::Counter];

impl Settings {
    pub(super) fn draw(rng: &mut Pcg64Mcg) -> Settings {
        use Level::{All, Any, EachQuorum, LocalOne, LocalQuorum, One, Quorum as Majority};
        let per_dc = if rng.random_bool(0.3) { vec![3, 3] } else { Vec::new() };
        let replicas = *[1, 2, 3, 3, 3, 5].choose(rng).expect("not empty");
        let two_dcs = !per_dc.is_empty();
        let nodes = if two_dcs {
            8
        } else {
            rng.random_range(usize::from(replicas).max(2)..=6)
        };
        let levels: &[Level] = if two_dcs {
            &[LocalQuorum, EachQuorum, Majority, LocalOne, All]
        } else {
            &[Majority, Majority, Majority, One, All]
        };
        let kind = *KINDS.choose(rng).expect("not empty");
        let write = if rng.random_bool(0.1) {
            Any
        } else {
            *levels.choose(rng).expect("not empty")
        };
        let path = if kind == Kind::Register && rng.random_bool(0.4) {
            WritePath::TwoPhase { level: Majority }
        } else {
            WritePath::OnePhase
        };
        let quorum = if rng.random_bool(0.3) {
            Quorum::Sloppy
        } else {
            Quorum::Strict
        };
        let holders = *levels.choose(rng).expect("not empty");
        let repair = *[
            ReadRepair::Off,
            ReadRepair::Async,
            ReadRepair::Blocking { holders },
            ReadRepair::Blocking { holders: Majority },
        ]
        .choose(rng)
        .expect("not empty");
        let hedged = Ask::Hedged {
            permille: *[500, 900, 990, 1000].choose(rng).expect("not empty"),
        };
        let preferred = Preferred {
            count: 3,
            wait: Duration::from_millis(rng.random_range(0..30)),
        };
        // What a single node was the only one to hold is gone when its disk is spoilt.
        let is_held_by_two = matches!(write, Majority | LocalQuorum | EachQuorum | All) && (two_dcs || replicas > 1);
        Settings {
            kind,
            nodes,
            replicas,
            per_dc,
            clock_offsets: (0..nodes)
                .map(|_| Duration::from_millis(rng.random_range(0..400)))
                .collect(),
            path,
            write,
            read: *levels.choose(rng).expect("not empty"),
            repair,
            fetch: if rng.random() { Fetch::Digests } else { Fetch::Values },
            ask: if rng.random() { hedged } else { Ask::All },
            quorum,
            preferred: rng.random_bool(0.3).then_some(preferred),
            has_ids: rng.random(),
            has_tokens: rng.random(),
            deletes: rng.random(),
            spoils: is_held_by_two && rng.random(),
            collects: rng.random_bool(0.3),
            anti_entropy: rng.random(),
            hint_bytes_per_second: rng.random_bool(0.2).then_some(2_000),
            moves: false,
            spares: 0,
        }
        .with_moves(rng)
    }

    /// Has members come and go in some runs.
    fn with_moves(mut self, rng: &mut Pcg64Mcg) -> Settings {
        self.moves = rng.random_bool(0.5);
        if self.moves {
            self.spares = 2;
            // Which owner remembers a write by its id is not handed on: sent again, it may be applied again.
            self.has_ids = false;
        }
        self
    }

    pub(super) fn apply(&self, config: &mut Config) {
        config.tombstones = if self.collects {
            Tombstones::CollectAfter(Duration::from_millis(1500))
        } else {
            Tombstones::Keep
        };
        config.anti_entropy_interval = self.anti_entropy.then_some(Duration::from_millis(300));
        config.hint_bytes_per_second = self.hint_bytes_per_second;
        let is_majority = |level| !matches!(level, Level::Any | Level::One | Level::LocalOne);
        if !is_majority(self.write) || !is_majority(self.read) {
            config.step_level = Level::All;
        }
    }

    pub(super) fn key(&self, name: &str) -> Key {
        Key::of(self.kind, name.as_bytes())
    }

    pub(super) fn any_request(&self, rng: &mut Pcg64Mcg, ledger: &mut Ledger, keys: &[&str]) -> Asked {
        let at = rng.random_range(0..keys.len());
        let key = self.key(keys[at]);
        let timeout = *[TIMEOUT, TIMEOUT / 20].choose(rng).expect("not empty");
        let token = if self.has_tokens {
            ledger.token
        } else {
            Default::default()
        };
        if rng.random_bool(0.4) {
            let read = ReadRequest {
                repair: self.repair,
                fetch: self.fetch,
                ask: self.ask,
                quorum: self.quorum,
                preferred: self.preferred,
                token,
                ..ReadRequest::new(key, self.read, timeout)
            };
            return Asked::new(at, Request::Read(read));
        }
        let write = WriteRequest {
            path: self.path,
            quorum: self.quorum,
            preferred: self.preferred,
            id: self.has_ids.then(|| WriteId(u128::from(rng.next_u64()))),
            token,
            ..WriteRequest::new(key, self.any_update(rng, ledger, at), self.write, timeout)
        };
        Asked::new(at, Request::Write(write))
    }

    fn any_update(&self, rng: &mut Pcg64Mcg, ledger: &mut Ledger, at: usize) -> Update {
        let read = ledger.last_read(at).filter(|_| rng.random_bool(0.7)).cloned();
        let deletes = self.deletes && rng.random_bool(0.3);
        match self.kind {
            Kind::Register if deletes => Update::delete(),
            Kind::Register => Update::put(ledger.fresh_value()),
            Kind::Counter => Update::Increment {
                delta: rng.random_range(1..100),
            },
            Kind::Cas => unreachable!("none of these kinds"),
            Kind::Siblings => {
                let context = match read {
                    Some(Cell::Siblings(siblings)) => siblings.context().clone(),
                    _ => Context::new(),
                };
                if deletes {
                    Update::Delete { context }
                } else {
                    Update::Put {
                        value: ledger.fresh_value(),
                        context,
                    }
                }
            }
            Kind::Set => match read {
                Some(Cell::Set(set)) if deletes && set.elements().len() > 0 => Update::Remove {
                    element: any_element(rng, &set),
                    context: set.context().clone(),
                },
                _ => Update::Add {
                    element: ledger.fresh_value(),
                },
            },
        }
    }
}

fn any_element(rng: &mut Pcg64Mcg, set: &AddWinsSet) -> Value {
    let at = rng.random_range(0..set.elements().len());
    set.elements().nth(at).expect("it is within").clone()
}
