//! Orders that break a node: that they do what they say, are counted, and end.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use quorate_core::{
    Cell, Content, Generation, Key, MessageKind, NodeId, PartitionId, PersistToken, Record, Register, Store, StoreOp,
    Value, Version, WriteError,
};
use quorate_node::{
    control::{Clock, Control, DiskFailure, DiskOrder, MessageOrder, Order, What, Writes},
    store::{self, Disk, Fsync},
};

use crate::cluster::{Cluster, is_settled};

/// Longer than any of these tests takes.
const LEASE_MS: u64 = 60_000;

const HOUR_NS: i64 = 3_600_000_000_000;

/// A node that keeps all by itself, and stamps by its wall clock.
async fn alone() -> Cluster {
    let mut cluster = Cluster::prepare(1);
    cluster.start_node_with(0, &["--control", "--hold-writes", "--clock=wall"]);
    cluster.until(0, "a ring", |status| is_settled(status, 1)).await;
    cluster
}

fn clock_ahead(by_ns: i64) -> What {
    What::Clock(Clock {
        ahead_ns: by_ns,
        ..Clock::default()
    })
}

fn failing(failure: DiskFailure) -> What {
    What::Disk(DiskOrder {
        fails: vec![failure],
        ..DiskOrder::default()
    })
}

#[tokio::test]
async fn a_clock_is_wrong_until_it_is_healed_or_its_lease_ends() {
    let mut cluster = alone().await;
    let time = async |cluster: &Cluster| cluster.write(0, "k", "v", 1).await.unwrap().version.unwrap().time;
    let hour = HOUR_NS as u64;
    // Behind first: a node stamps nothing below what it has stamped before.
    assert_eq!(
        cluster.process_mut(0).order(clock_ahead(-HOUR_NS), LEASE_MS).error,
        None
    );
    let behind = time(&cluster).await;
    let healed = cluster.process_mut(0).order(What::Heal, 0);
    assert!(healed.counts.readings_wrong > 0);
    let right = time(&cluster).await;
    assert!(right - behind > hour && right - behind < hour * 2, "{behind} {right}");
    let again = cluster.process_mut(0).order(What::Heal, 0);
    assert_eq!(again.error, None, "to heal what is whole is nothing");
    // One that is over as soon as it begins, and one that is not.
    cluster.process_mut(0).order(clock_ahead(HOUR_NS), 0);
    assert!(time(&cluster).await - right < hour);
    cluster.process_mut(0).order(clock_ahead(HOUR_NS), LEASE_MS);
    assert!(time(&cluster).await - right > hour);
}

#[tokio::test]
async fn what_is_no_order_is_answered_and_changes_nothing() {
    let mut cluster = alone().await;
    for (line, why) in [
        ("earthquake", "expected value"),
        (r#"{"id":1,"lease_ms":1,"what":{"earthquake":{}}}"#, "earthquake"),
        (r#"{"id":1,"what":"heal"}"#, "lease_ms"),
        (r#"{"id":1,"lease_ms":1,"what":{"disk":{"fails":["magic"]}}}"#, "magic"),
    ] {
        let answer = cluster.process_mut(0).say(line);
        let error = answer.error.unwrap();
        assert!(answer.order.is_none() && error.contains(why), "{error}");
    }
    let percent = MessageOrder {
        late_percent: 101,
        ..MessageOrder::default()
    };
    let what = What::Messages {
        to: NodeId(7),
        faults: percent,
    };
    let refused = cluster.process_mut(0).order(what, LEASE_MS);
    assert!(refused.error.unwrap().contains("101"));
    cluster.write(0, "k", "v", 1).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_fails_ends_the_node_which_counts_what_failed_and_one_that_can_not_be_read_does_not() {
    let mut cluster = alone().await;
    cluster.write(0, "k", "v", 1).await.unwrap();
    cluster.process_mut(0).order(failing(DiskFailure::Read), LEASE_MS);
    assert!(
        cluster
            .client(0)
            .request(&crate::cluster::read_request("k", 1), soon())
            .await
            .is_ok_and(|response| { !matches!(response, quorate_core::Response::Read(Ok(_))) })
    );
    let healed = cluster.process_mut(0).order(What::Heal, 0);
    assert!(healed.counts.reads_failed > 0);
    assert_eq!(
        cluster
            .read(0, "k", 1)
            .await
            .cell
            .map(|cell| crate::cluster::value(&cell)),
        Some("v".to_owned())
    );
    for (failure, word) in [
        (DiskFailure::Sync, "ordered"),
        (DiskFailure::Write, "ordered"),
        (DiskFailure::Full, "no storage space"),
    ] {
        cluster.process_mut(0).order(failing(failure), LEASE_MS);
        assert!(cluster.write(0, "k", "w", 1).await.is_err(), "{failure:?}");
        let mut process = cluster.take_process(0);
        let last = process.next_answer().counts;
        let failed = last.syncs_failed + last.writes_failed;
        assert!(failed > 0, "{failure:?}: {last:?}");
        assert_eq!(process.wait().code(), Some(70));
        let log = fs::read_to_string(cluster.folder(0).join("log")).unwrap();
        assert!(log.lines().last().unwrap().contains(word), "{failure:?}: {log}");
        cluster.start_node_with(0, &["--control", "--hold-writes", "--clock=wall"]);
        cluster.until(0, "a ring", |status| status.ring.is_some()).await;
        // Whether what failed is there nobody knows, but something is.
        assert!(cluster.read(0, "k", 1).await.cell.is_some());
    }
}

fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(5)
}

#[tokio::test]
async fn messages_are_dropped_by_kind_and_repeated_and_all_is_counted() {
    let mut cluster = Cluster::prepare(3);
    for index in 0..3 {
        cluster.start_node_with(index, &["--control", "--request-timeout=300ms"]);
    }
    for index in 0..3 {
        cluster.until(index, "a ring", |status| is_settled(status, 3)).await;
    }
    let to = NodeId(u64::from_str_radix(&cluster.process(2).node, 16).unwrap());
    let faults = |faults| What::Messages { to, faults };
    let dropped = faults(MessageOrder {
        dropped_percent: 100,
        kinds: vec![MessageKind::Request],
        ..MessageOrder::default()
    });
    cluster.process_mut(0).order(dropped, LEASE_MS);
    let lost = cluster.write(0, "k", "v", 3).await.unwrap_err();
    assert!(matches!(lost, WriteError::Unknown(_)), "{lost:?}");
    let twice = faults(MessageOrder {
        twice_percent: 100,
        late_percent: 100,
        late_by_max_ns: 1_000_000,
        ..MessageOrder::default()
    });
    cluster.process_mut(0).order(twice, LEASE_MS);
    cluster.write(0, "k", "w", 3).await.unwrap();
    let counts = cluster.process_mut(0).order(What::Count, 0).counts;
    let (receiver, counts) = counts.messages[0];
    assert_eq!(receiver, to);
    assert!(counts.dropped > 0 && counts.late > 0 && counts.twice > 0, "{counts:?}");
}

#[tokio::test]
async fn orders_are_taken_only_where_they_were_asked_for() {
    let mut cluster = Cluster::prepare(1);
    let held = cluster.try_start(0, &["--hold-writes"]).map(drop).unwrap_err();
    assert_eq!(held.code, Some(64));
    cluster.start_node(0);
    cluster.until(0, "a ring", |status| is_settled(status, 1)).await;
    let order = r#"{"id":1,"lease_ms":60000,"what":{"disk":{"fails":["sync"]}}}"#;
    cluster.process_mut(0).say_to_the_deaf(order);
    cluster.write(0, "k", "v", 1).await.unwrap();
}

fn batch(number: u64) -> Vec<StoreOp> {
    let version = Version {
        time: number,
        node: NodeId(1),
        generation: Generation(1),
    };
    let content = Content::Value(Value(vec![7; 1000].into()));
    vec![StoreOp::PutRecord {
        partition: PartitionId(0),
        key: key(number),
        record: Record::of(Cell::Register(Register { version, content })),
    }]
}

fn key(number: u64) -> Key {
    Key::copy_from(format!("k{number:04}").as_bytes())
}

/// Writes, cuts the power in the middle, and returns what was acknowledged, of how many.
fn write_and_cut(folder: &Path, fsync: Fsync, seed: u64) -> (BTreeSet<u64>, u64) {
    const BATCHES: u64 = 60;
    let control = Control::new(Writes::Held, 0);
    let (store, writer) = store::open_controlled(folder, Some(&control)).unwrap();
    let (disk, mut finished) = Disk::start(writer, fsync).unwrap();
    let mut acked = BTreeSet::new();
    let wait_until = seed % BATCHES;
    for number in 0..BATCHES {
        disk.submit(PersistToken(number), batch(number));
        while number < wait_until && !acked.contains(&number) {
            acked.extend(
                finished
                    .blocking_recv()
                    .unwrap()
                    .tokens
                    .into_iter()
                    .map(|token| token.0),
            );
        }
    }
    let what = What::CutPower { seed };
    let answer = control.obey(&Order {
        id: 1,
        lease_ms: 0,
        what,
    });
    assert!(answer.cut.is_some(), "{answer:?}");
    while let Ok(done) = finished.try_recv() {
        acked.extend(done.tokens.into_iter().map(|token| token.0));
    }
    // Whoever is at the disk waits for ever, as the process would be killed now.
    std::mem::forget((store, disk));
    (acked, BATCHES)
}

/// What is on a disk, looked at from a copy: the file itself is open still.
fn numbers_in(folder: &Path, batches: u64) -> BTreeSet<u64> {
    let copy = tempfile::tempdir().unwrap();
    for name in ["store.redb", "store.id"] {
        fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    let (store, _writer) = store::open(copy.path()).unwrap();
    let is_there = |number: &u64| store.record(PartitionId(0), &key(*number)).unwrap().is_some();
    (0..batches).filter(is_there).collect()
}

#[test]
fn a_power_cut_takes_what_was_not_synced_and_nothing_that_was() {
    let (mut lost, mut whole) = (0, 0);
    for seed in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let (acked, batches) = write_and_cut(folder.path(), Fsync::Always, seed * 7);
        let there = numbers_in(folder.path(), batches);
        assert!(
            acked.is_subset(&there),
            "seed {seed}: {acked:?} are not all in {there:?}"
        );
        let is_prefix = there.iter().copied().eq(0..there.len() as u64);
        assert!(
            is_prefix,
            "seed {seed}: {there:?}: transactions are there in their order, and whole"
        );
        lost += usize::from((there.len() as u64) < batches);
        whole += usize::from(there.len() > acked.len());
        let folder = tempfile::tempdir().unwrap();
        let (acked, batches) = write_and_cut(folder.path(), Fsync::Never, seed * 7);
        let there = numbers_in(folder.path(), batches);
        assert!(
            there.is_empty() || seed % 60 == 0,
            "{acked:?} were not synced: {there:?}"
        );
    }
    assert!(lost > 5, "most cuts lose something: {lost}, {whole}");
}
