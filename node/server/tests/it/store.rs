//! The store against a model, on real files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use quorate_core::{
    Acceptor, Actor, Ballot, Cell, Content, Counter, Epoch, Generation, Hint, HintId, Key, Kind, Member, Memory, Name,
    NodeId, Owner, Ownership, PartitionId, PartitionState, PersistToken, Record, Register, RememberedWrite, Roster,
    Store, StoreOp, Value, Version, WallTime, WriteId,
};
use quorate_node::store::{self, Disk, Done, Fsync, OpenError, RedbStore};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tokio::sync::mpsc::UnboundedReceiver;

/// What a store should hold: the trait's words as maps.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    records: BTreeMap<(PartitionId, Key), Record>,
    hints: BTreeMap<(NodeId, HintId), Hint>,
    writes: BTreeMap<WriteId, RememberedWrite>,
    memory: Memory,
}

impl Model {
    fn apply(&mut self, op: &StoreOp) {
        match op.clone() {
            StoreOp::PutRecord { partition, key, record } => {
                self.records.insert((partition, key), record);
            }
            StoreOp::PutHint(hint) => {
                self.hints.insert((hint.target, hint.id()), hint);
            }
            StoreOp::DropRecord { partition, key } => {
                self.records.remove(&(partition, key));
            }
            StoreOp::RememberWrite(id, write) => {
                self.writes.insert(id, write);
            }
            StoreOp::ForgetWrite(id) => {
                self.writes.remove(&id);
            }
            StoreOp::DropHint { target, hint } => {
                self.hints.remove(&(target, hint));
            }
            StoreOp::SetGeneration(generation) => self.memory.generation = Some(generation),
            StoreOp::SetFounders(founders) => self.memory.founders = Some(founders),
            StoreOp::SetForgottenTime(time) => self.memory.forgotten_time = time,
            StoreOp::SetRoster(roster) => self.memory.roster = Some(*roster),
            StoreOp::SetDown(down) => self.memory.down = down,
            StoreOp::SetPartition(state) => {
                self.memory.partitions.insert(state.ownership.partition, *state);
            }
        }
    }

    /// Looks at everything that a store can show.
    fn check(&self, store: &RedbStore) {
        assert_eq!(store.memory().unwrap(), self.memory);
        for partition in PARTITIONS.map(PartitionId) {
            let expected = self.records.iter().filter(|((p, _), _)| *p == partition);
            let entries = expected
                .clone()
                .map(|((_, key), record)| (key.clone(), record.summary(key)));
            let summaries = store.summaries(partition).unwrap();
            assert_eq!(summaries.entries, entries.collect::<Vec<_>>());
            assert_eq!(summaries.damaged, []);
            for ((_, key), record) in expected {
                assert_eq!(store.record(partition, key).unwrap().as_ref(), Some(record));
            }
            assert_eq!(store.record(partition, &Key::copy_from(b"none")), Ok(None));
        }
        let mut counts = BTreeMap::new();
        self.hints
            .keys()
            .for_each(|(target, _)| *counts.entry(*target).or_default() += 1);
        assert_eq!(store.hint_counts().unwrap(), counts.into_iter().collect::<Vec<_>>());
        for target in TARGETS.map(NodeId) {
            self.check_hints(store, target);
        }
        let writes: Vec<_> = self.writes.clone().into_iter().collect();
        assert_eq!(store.remembered_writes().unwrap(), writes);
    }

    /// All hints for a target, and those after each of them.
    fn check_hints(&self, store: &RedbStore, target: NodeId) {
        let of_target = self.hints.iter().filter(|((node, _), _)| *node == target);
        let all: Vec<_> = of_target.map(|(_, hint)| hint.clone()).collect();
        assert_eq!(store.hints(target, None, usize::MAX).unwrap(), all);
        for hint in &all {
            let of_key: Vec<_> = all.iter().filter(|other| other.key == hint.key).cloned().collect();
            assert_eq!(store.hints_of(target, &hint.key).unwrap(), of_key);
        }
        for (at, hint) in all.iter().enumerate() {
            let after = store.hints(target, Some(&hint.id()), 3).unwrap();
            assert_eq!(after, all[at + 1..].iter().take(3).cloned().collect::<Vec<_>>());
        }
    }
}

const PARTITIONS: [u16; 4] = [0, 1, 255, u16::MAX];
const TARGETS: [u64; 3] = [0, 1, u64::MAX];

/// Keys of which some begin others, and with bytes that an ordering could trip over.
fn random_key(rng: &mut Pcg64Mcg) -> Key {
    let length = rng.random_range(1..4);
    let bytes: Vec<u8> = (0..length).map(|_| [0, 1, b'a', 255][rng.random_range(0..4)]).collect();
    let kind = [Kind::Register, Kind::Counter][rng.random_range(0..2)];
    Key::of(kind, &bytes)
}

fn random_version(rng: &mut Pcg64Mcg) -> Version {
    Version {
        time: [0, 1, 256, u64::MAX][rng.random_range(0..4)],
        node: NodeId(rng.random_range(0..3)),
        generation: Generation(rng.random_range(1..3)),
    }
}

fn random_actor(rng: &mut Pcg64Mcg) -> Actor {
    Actor {
        node: NodeId(rng.random_range(0..3)),
        generation: Generation(rng.random_range(1..3)),
        birth: rng.random(),
    }
}

fn random_cell(rng: &mut Pcg64Mcg, kind: Kind) -> Cell {
    if kind == Kind::Counter {
        let mut counter = Counter::new();
        counter.add(random_actor(rng), rng.random_range(-9..9)).unwrap();
        return Cell::Counter(counter);
    }
    let value = vec![rng.random(); rng.random_range(0..200)];
    let deleted_at = WallTime::from_nanos(rng.random());
    let content = match rng.random_range(0..4) {
        0 => Content::Tombstone { deleted_at },
        _ => Content::Value(Value(value.into())),
    };
    Cell::Register(Register {
        version: random_version(rng),
        content,
    })
}

fn random_record(rng: &mut Pcg64Mcg, key: &Key) -> Record {
    Record {
        cell: random_cell(rng, key.kind),
        actor: rng.random::<bool>().then(|| random_actor(rng)),
    }
}

fn random_state(rng: &mut Pcg64Mcg, partition: PartitionId, node: NodeId) -> PartitionState {
    let owner = Owner {
        node,
        dc: Name::default_dc(),
    };
    let ownership = Ownership {
        epoch: Epoch(rng.random_range(1..u32::MAX)),
        ..Ownership::first(partition, vec![owner.clone()])
    };
    let ballot = Ballot {
        generation: Generation(1),
        round: rng.random(),
        node,
    };
    let acceptor = Acceptor {
        promised: Some(ballot),
        accepted: rng.random::<bool>().then(|| (ballot, ownership.begin(vec![owner]))),
    };
    PartitionState { ownership, acceptor }
}

fn random_op(rng: &mut Pcg64Mcg, model: &Model) -> StoreOp {
    let target = NodeId(TARGETS[rng.random_range(0..TARGETS.len())]);
    let partition = PartitionId(PARTITIONS[rng.random_range(0..PARTITIONS.len())]);
    let key = random_key(rng);
    let id = WriteId(u128::MAX / rng.random_range(1..20));
    match rng.random_range(0..29) {
        25 => StoreOp::SetRoster(Box::new(Roster {
            members: BTreeMap::new(),
            banned: BTreeSet::from([target]),
        })),
        26 | 27 => StoreOp::SetPartition(Box::new(random_state(rng, partition, target))),
        0 => StoreOp::SetGeneration(Generation(rng.random())),
        1 => StoreOp::SetFounders(vec![
            Member {
                weight: 3,
                ..Member::new(target)
            };
            rng.random_range(0..3)
        ]),
        2..9 => StoreOp::PutHint(Hint {
            target,
            cell: random_cell(rng, key.kind),
            key,
            stored_at: WallTime::from_nanos(rng.random()),
        }),
        9..13 => {
            let known = model.hints.keys().nth(rng.random_range(0..4)).cloned();
            let fingerprint = rng.random();
            let (target, hint) = known.unwrap_or((target, HintId { key, fingerprint }));
            StoreOp::DropHint { target, hint }
        }
        24 => StoreOp::SetForgottenTime(rng.random()),
        28 => StoreOp::SetDown(BTreeMap::from([(target, Generation(rng.random()))])),
        13 => StoreOp::DropRecord { partition, key },
        14 => StoreOp::ForgetWrite(id),
        15 | 16 => StoreOp::RememberWrite(
            id,
            RememberedWrite {
                key,
                version: rng.random::<bool>().then(|| random_version(rng)),
                at: WallTime::from_nanos(rng.random()),
            },
        ),
        _ => StoreOp::PutRecord {
            partition,
            record: random_record(rng, &key),
            key,
        },
    }
}

/// Changes, of which the model has taken note.
fn random_ops(rng: &mut Pcg64Mcg, model: &mut Model, count: usize) -> Vec<StoreOp> {
    let mut ops = Vec::new();
    for _ in 0..count {
        let op = random_op(rng, model);
        model.apply(&op);
        ops.push(op);
    }
    ops
}

/// A store that is open, and its disk.
struct Opened {
    store: RedbStore,
    disk: Disk,
    finished: UnboundedReceiver<Done>,
}

fn open(folder: &Path, fsync: Fsync) -> Opened {
    let (store, writer) = store::open(folder).unwrap();
    let (disk, finished) = Disk::start(writer, fsync).unwrap();
    Opened { store, disk, finished }
}

impl Opened {
    /// Waits for the tokens up to this one, in order.
    fn finish(&mut self, from: u64, until: u64) {
        let mut finished = from;
        while finished < until {
            let done = self.finished.blocking_recv().expect("the disk works");
            assert_eq!(done.result, Ok(()));
            for token in done.tokens {
                assert_eq!(token, PersistToken(finished));
                finished += 1;
            }
        }
    }
}

#[test]
fn it_holds_what_was_written_whatever_the_setting_and_across_reopening() {
    for fsync in [Fsync::Always, Fsync::Never, Fsync::Periodic(Duration::from_micros(300))] {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let mut model = Model::default();
        for _ in 0..3 {
            let mut opened = open(folder.path(), fsync);
            model.check(&opened.store);
            for batch in 0..40 {
                let count = rng.random_range(1..20);
                let ops = random_ops(&mut rng, &mut model, count);
                opened.disk.submit(PersistToken(batch), ops);
                if rng.random_range(0..4) == 0 {
                    opened.finish(batch, batch + 1);
                    model.check(&opened.store);
                } else {
                    opened.finish(batch, batch + 1);
                }
            }
            opened.disk.stop().unwrap();
        }
    }
}

#[test]
fn batches_that_wait_together_are_written_together_and_in_order() {
    const BATCHES: u64 = 200;
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open(folder.path(), Fsync::Always);
    let key = Key::copy_from(b"k");
    let record = |time| {
        let version = Version {
            time,
            node: NodeId(1),
            generation: Generation(1),
        };
        let content = Content::Value(Value(vec![7; 100].into()));
        Record::of(Cell::Register(Register { version, content }))
    };
    for batch in 0..BATCHES {
        let op = StoreOp::PutRecord {
            partition: PartitionId(0),
            key: key.clone(),
            record: record(batch),
        };
        opened.disk.submit(PersistToken(batch), vec![op]);
    }
    opened.finish(0, BATCHES);
    assert_eq!(opened.store.record(PartitionId(0), &key), Ok(Some(record(BATCHES - 1))));
    let commits = opened.disk.stop().unwrap().commits();
    println!("{BATCHES} batches in {commits} commits");
    assert!(commits < BATCHES / 2, "{commits} commits");
}

/// Bits flipped while the store was closed: it is refused, or nothing that it shows has changed.
#[test]
fn a_damaged_file_is_refused_or_the_damage_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = Pcg64Mcg::seed_from_u64(2);
    let mut model = Model::default();
    let mut opened = open(folder.path(), Fsync::Always);
    for batch in 0..20 {
        let ops = random_ops(&mut rng, &mut model, 20);
        opened.disk.submit(PersistToken(batch), ops);
        opened.finish(batch, batch + 1);
    }
    opened.disk.stop().unwrap();
    drop(opened.store);
    let path = folder.path().join("store.redb");
    let sound = fs::read(&path).unwrap();
    let mut refused = 0;
    for _ in 0..200 {
        let mut bytes = sound.clone();
        let at = rng.random_range(0..bytes.len());
        bytes[at] ^= 1 << rng.random_range(0..8);
        fs::write(&path, bytes).unwrap();
        match store::open(folder.path()) {
            Ok((store, _)) => model.check(&store),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
            }
        }
    }
    println!("{refused} of 200 refused");
    assert!(refused > 0);
}

#[test]
fn two_do_not_open_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let _first = store::open(folder.path()).unwrap();
    assert!(matches!(store::open(folder.path()), Err(OpenError::InUse(_))));
}
