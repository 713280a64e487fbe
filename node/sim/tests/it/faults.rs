//! Each fault does what it says, and is counted.

use std::time::Duration;

use quorate_core::{Cell, Config, Key, Kind, Level, MessageKind, Response, Standing, Update, WriteRequest};
use quorate_sim::{CallId, Distribution, Duty, Kinds, LinkCounts, LinkFaults, NodeIndex, Outcome, Sim, SimFsync};

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use crate::cluster::{Cluster, Shape, TIMEOUT, id_of, write};

const MS: Duration = Duration::from_millis(1);

fn on_all_links(cluster: &mut Cluster, faults: &LinkFaults) {
    for from in (0..5).map(NodeIndex) {
        for to in (0..5).map(NodeIndex).filter(|to| *to != from) {
            cluster.sim.set_link_faults(from, to, *faults);
        }
    }
}

fn counted(cluster: &Cluster, count: impl Fn(LinkCounts) -> u64) -> u64 {
    let pairs = (0..5).flat_map(|from| (0..5).map(move |to| (NodeIndex(from), NodeIndex(to))));
    let pairs = pairs.filter(|(from, to)| from != to);
    pairs.map(|(from, to)| count(cluster.sim.link_counts(from, to))).sum()
}

/// A node that owns none of `key`.
fn outsider(cluster: &mut Cluster, key: &str) -> usize {
    let owners = cluster.owners(key);
    let outside = (0..5).find(|node| !owners.contains(node));
    outside.expect("three of five own it")
}

fn end_of(cluster: &mut Cluster, call: CallId, within: Duration) -> Option<Outcome> {
    let deadline = cluster.sim.now() + within;
    while let Some(completion) = cluster.sim.advance(deadline) {
        if completion.call == call {
            return Some(completion.outcome);
        }
    }
    None
}

fn is_ok(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered(response) if matches!(**response, Response::Write(Ok(_))))
}

#[test]
fn a_slow_network_makes_everything_slower_and_loses_nothing() {
    let mut cluster = Cluster::settled(&Shape::default());
    let slow = LinkFaults {
        slower_by: 80 * MS,
        jitter: 40 * MS,
        ..LinkFaults::default()
    };
    on_all_links(&mut cluster, &slow);
    let began = cluster.sim.now();
    cluster.write(0, "k", "v", 3).expect("all nodes run");
    let took = cluster.sim.now() - began;
    assert!(took >= 160 * MS && took < 260 * MS, "there and back: {took:?}");
    assert!(counted(&cluster, |counts| counts.slowed) > 0);
    on_all_links(&mut cluster, &LinkFaults::default());
    let slowed = counted(&cluster, |counts| counts.slowed);
    cluster.pass(Duration::from_secs(1));
    assert_eq!(counted(&cluster, |counts| counts.slowed), slowed);
}

#[test]
fn a_lossy_network_makes_some_things_late_and_loses_nothing() {
    let mut cluster = Cluster::settled(&Shape::default());
    let lossy = LinkFaults {
        loss_percent: 20,
        ..LinkFaults::default()
    };
    on_all_links(&mut cluster, &lossy);
    let mut late_count = 0;
    for number in 0..50 {
        let began = cluster.sim.now();
        cluster
            .write(number % 5, "k", &number.to_string(), 3)
            .expect("all nodes run");
        late_count += usize::from(cluster.sim.now() - began > 10 * MS);
    }
    assert!((10..45).contains(&late_count), "{late_count} of 50 writes were late");
    assert!(counted(&cluster, |counts| counts.lost) > 50);
}

/// What never gets through is a connection that does not last.
#[test]
fn a_network_that_loses_everything_breaks_connections() {
    let mut cluster = Cluster::settled(&Shape::default());
    let deaf = LinkFaults {
        loss_percent: 100,
        ..LinkFaults::default()
    };
    let (from, to) = (NodeIndex(0), NodeIndex(1));
    let is_linked = |sim: &Sim| {
        let members = sim.status(from).expect("it runs").members;
        members.iter().filter(|member| member.linked).count() == 4
    };
    assert!(is_linked(&cluster.sim));
    cluster.sim.set_link_faults(from, to, deaf);
    cluster.wait("the connection to break", |sim| !is_linked(sim));
}

fn increment(key: &Key) -> WriteRequest {
    WriteRequest::new(key.clone(), Update::Increment { delta: 1 }, Level::Quorum, TIMEOUT)
}

fn sum(cluster: &mut Cluster, node: usize, key: &Key) -> i128 {
    match cluster.cell(node, key.clone()) {
        Some(Cell::Counter(counter)) => counter.value(),
        other => panic!("not a counter: {other:?}"),
    }
}

#[test]
fn a_message_that_comes_twice_is_not_counted_twice() {
    let mut cluster = Cluster::settled(&Shape::default());
    let twice = LinkFaults {
        twice_percent: 100,
        late_by_max: 300 * MS,
        ..LinkFaults::default()
    };
    on_all_links(&mut cluster, &twice);
    let key = Key::of(Kind::Counter, b"k");
    for node in 0..50 {
        cluster.submit_write(node % 5, increment(&key)).expect("all nodes run");
    }
    cluster.pass(Duration::from_secs(1));
    assert!(counted(&cluster, |counts| counts.twice) > 100);
    for owner in cluster.owners_of(key.clone()) {
        assert_eq!(sum(&mut cluster, owner, &key), 50, "n{owner}");
    }
}

#[test]
fn a_late_message_is_overtaken_by_those_that_were_sent_after_it() {
    let mut cluster = Cluster::settled(&Shape::default());
    let coordinator = outsider(&mut cluster, "k");
    let owner = cluster.owners("k")[0];
    let late = LinkFaults {
        late_percent: 100,
        late_by_max: 800 * MS,
        ..LinkFaults::default()
    };
    let (from, to) = (NodeIndex(coordinator), NodeIndex(owner));
    cluster.sim.set_link_faults(from, to, late);
    let first = cluster.sim.submit(from, write("k", "first", 3));
    cluster.pass(5 * MS);
    cluster.sim.set_link_faults(from, to, LinkFaults::default());
    cluster.write(coordinator, "k", "second", 3).expect("all nodes run");
    assert_eq!(cluster.replica(owner, "k").as_deref(), Some("second"));
    let ended = end_of(&mut cluster, first, Duration::from_secs(2));
    assert!(ended.is_some_and(|outcome| is_ok(&outcome)), "it came after all");
    assert_eq!(cluster.replica(owner, "k").as_deref(), Some("second"));
    assert!(cluster.sim.link_counts(from, to).late >= 1);
}

#[test]
fn messages_are_dropped_by_kind_and_the_connection_stays() {
    let mut cluster = Cluster::settled(&Shape::default());
    let coordinator = outsider(&mut cluster, "k");
    let deaf = LinkFaults {
        dropped_percent: 100,
        kinds: Kinds::of(&[MessageKind::Response]),
        ..LinkFaults::default()
    };
    on_all_links(&mut cluster, &deaf);
    cluster
        .write(coordinator, "k", "v", 2)
        .expect_err("no replica is heard");
    for owner in cluster.owners("k") {
        assert_eq!(cluster.replica(owner, "k").as_deref(), Some("v"), "each was asked");
    }
    assert!(counted(&cluster, |counts| counts.dropped) >= 3);
    on_all_links(&mut cluster, &LinkFaults::default());
    cluster.write(coordinator, "k", "w", 3).expect("links are up still");
}

#[test]
fn what_passes_in_a_second_is_what_may() {
    let mut cluster = Cluster::settled(&Shape::default());
    let coordinator = outsider(&mut cluster, "k");
    let slow = LinkFaults {
        packets_per_second: 20,
        ..LinkFaults::default()
    };
    on_all_links(&mut cluster, &slow);
    let began = cluster.sim.now();
    for _ in 0..4 {
        cluster.write(coordinator, "k", "v", 3).expect("slow is not cut");
    }
    assert!(cluster.sim.now() - began >= 150 * MS, "20 a second are one in 50 ms");
    assert!(counted(&cluster, |counts| counts.slowed) >= 12);
}

#[test]
fn a_long_tail_has_few_long_delays_and_none_beyond_the_longest() {
    let mut rng = Pcg64Mcg::seed_from_u64(3);
    let drawn: Vec<_> = (0..10_000)
        .map(|_| Distribution::LongTailed.draw(&mut rng, 160 * MS))
        .collect();
    let within = |span: Duration| drawn.iter().filter(|delay| **delay <= span).count();
    assert_eq!(within(160 * MS), 10_000);
    assert!((4_900..8_000).contains(&within(10 * MS)), "{}", within(10 * MS));
    assert!(within(80 * MS) < 9_950, "{}", within(80 * MS));
}

#[test]
fn clients_that_reach_no_node_lose_their_requests_and_nodes_hear_each_other() {
    let mut cluster = Cluster::settled(&Shape::default());
    let node = NodeIndex(0);
    cluster.sim.cut_clients(node, true);
    let call = cluster.sim.submit(node, write("k", "v", 3));
    let ended = end_of(&mut cluster, call, Duration::from_secs(2));
    assert!(matches!(ended, Some(Outcome::Lost)), "{ended:?}");
    assert_eq!(cluster.sim.node_counts(node).requests_cut, 1);
    cluster.write(1, "k", "w", 3).expect("nodes are linked");
    cluster.sim.cut_clients(node, false);
    cluster.write(0, "k", "x", 3).expect("it is reached again");
}

#[test]
fn a_disk_that_can_not_be_read_answers_nothing_and_ends_nobody() {
    let mut cluster = Cluster::settled(&Shape::default());
    cluster.write(0, "k", "v", 3).expect("all nodes run");
    let owner = cluster.owners("k")[0];
    cluster.sim.set_reads_failing(NodeIndex(owner), true);
    let other = outsider(&mut cluster, "k");
    assert_eq!(cluster.read(other, "k").as_deref(), Some("v"), "two of three answer");
    assert!(cluster.sim.node_counts(NodeIndex(owner)).reads_failed > 0);
    cluster.sim.set_reads_failing(NodeIndex(owner), false);
    assert_eq!(cluster.replica(owner, "k").as_deref(), Some("v"));
}

#[test]
fn an_old_copy_of_a_disk_holds_what_it_held_when_it_was_made() {
    let mut cluster = Cluster::settled(&Shape::default());
    cluster.write(0, "k", "old", 3).expect("all nodes run");
    let owner = NodeIndex(cluster.owners("k")[0]);
    cluster.sim.kill(owner);
    let saved = cluster.sim.save_disk(owner);
    cluster.sim.start(owner);
    cluster.pass(Duration::from_secs(1));
    let other = outsider(&mut cluster, "k");
    cluster.write(other, "k", "new", 3).expect("all nodes run");
    cluster.sim.kill(owner);
    assert_eq!(cluster.sim.restore_disk(owner, saved), 1);
    cluster.sim.start(owner);
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.replica(owner.0, "k").as_deref(), Some("old"));
}

/// A zombie: given up by its client and its peers, it goes on with what it was about to do.
#[test]
fn a_paused_coordinator_is_given_up_and_goes_on_where_it_was() {
    let mut took_effect = 0;
    for seed in 1..=10 {
        let mut cluster = Cluster::settled(&Shape {
            seed,
            ..Shape::default()
        });
        let owner = cluster.owners("k")[0];
        let node = NodeIndex(owner);
        cluster.sim.pause(node);
        let call = cluster.sim.submit(node, write("k", "from the grave", 1));
        let began = cluster.sim.now();
        let ended = end_of(&mut cluster, call, Duration::from_secs(2)).expect("the client gives it up");
        assert!(matches!(ended, Outcome::Lost), "{ended:?}");
        assert_eq!(cluster.sim.now() - began, 400 * MS);
        let refused = cluster.sim.submit(node, write("k", "never sent", 1));
        let ended = end_of(&mut cluster, refused, Duration::from_secs(1));
        assert!(matches!(ended, Some(Outcome::NotSent)), "{ended:?}");
        assert!(cluster.sim.is_paused(node) && cluster.sim.is_running(node));
        cluster.sim.resume(node);
        cluster.settle();
        cluster.wait_for_quiet();
        assert!(cluster.sim.node_counts(node).inputs_delayed > 0);
        let held = cluster.replica(owner, "k");
        assert!(held.is_none() || held.as_deref() == Some("from the grave"));
        took_effect += usize::from(held.is_some());
    }
    assert_eq!(took_effect, 10, "nothing but the clients' patience had ended");
}

#[test]
fn a_short_pause_costs_no_connection() {
    let mut cluster = Cluster::settled(&Shape::default());
    let node = NodeIndex(0);
    cluster.sim.pause(node);
    let call = cluster.sim.submit(node, write("k", "v", 3));
    cluster.pass(300 * MS);
    cluster.sim.resume(node);
    let ended = end_of(&mut cluster, call, 20 * MS).expect("it answers at once");
    assert!(is_ok(&ended), "{ended:?}");
    cluster.pass(Duration::from_secs(1));
    let status = cluster.sim.status(node).expect("it runs");
    assert_eq!(status.members.iter().filter(|member| member.linked).count(), 4);
}

#[test]
fn a_paused_process_can_be_killed_and_started() {
    let mut cluster = Cluster::settled(&Shape::default());
    cluster.write(0, "k", "v", 3).expect("all nodes run");
    cluster.sim.pause(NodeIndex(0));
    cluster.pass(Duration::from_secs(1));
    cluster.kill(&[0]);
    assert!(!cluster.sim.is_paused(NodeIndex(0)));
    cluster.sim.resume(NodeIndex(0));
    cluster.start(&[0]);
    assert_eq!(cluster.read(0, "k").as_deref(), Some("v"));
}

#[test]
fn a_slow_process_answers_late_and_keeps_its_connections() {
    let mut cluster = Cluster::settled(&Shape::default());
    let node = NodeIndex(0);
    let duty = Duty {
        stops: 90 * MS,
        runs: 10 * MS,
    };
    cluster.sim.slow_process(node, Some(duty));
    let mut late_count = 0;
    for number in 0..20 {
        let began = cluster.sim.now();
        cluster.write(0, "k", &number.to_string(), 3).expect("all nodes run");
        late_count += usize::from(cluster.sim.now() - began > 20 * MS);
        cluster.pass(13 * MS);
    }
    assert!(late_count > 15, "{late_count} of 20");
    assert!(cluster.sim.node_counts(node).inputs_delayed > 20);
    let status = cluster.sim.status(node).expect("it runs");
    assert_eq!(status.members.iter().filter(|member| member.linked).count(), 4);
    cluster.sim.slow_process(node, None);
    let began = cluster.sim.now();
    cluster.write(0, "k", "fast", 3).expect("all nodes run");
    assert!(cluster.sim.now() - began < 20 * MS);
    cluster.pass(Duration::from_secs(1));
    assert!(!cluster.sim.is_paused(node));
}

#[test]
fn a_node_that_can_not_write_that_it_has_started_stops() {
    let mut cluster = Cluster::settled(&Shape::default());
    let node = NodeIndex(0);
    cluster.kill(&[0]);
    cluster.sim.set_disk_failing(node, true);
    cluster.sim.start(node);
    cluster.pass(Duration::from_secs(1));
    assert!(!cluster.sim.is_running(node));
    assert_eq!(cluster.sim.node_counts(node).syncs_failed, 1);
    cluster.sim.set_disk_failing(node, false);
    cluster.start(&[0]);
    cluster.write(0, "k", "v", 3).expect("all nodes run");
}

#[test]
fn a_disk_whose_syncs_fail_acknowledges_nothing() {
    let mut cluster = Cluster::settled(&Shape::default());
    let owners = cluster.owners("k");
    let coordinator = outsider(&mut cluster, "k");
    let node = NodeIndex(owners[0]);
    cluster.sim.set_disk_failing(node, true);
    cluster.write(coordinator, "k", "v", 3).expect_err("one of three can't");
    let ok = cluster.write(coordinator, "k", "w", 2).expect("two of three can");
    let failing = cluster.sim.status(node).expect("it runs").node;
    assert!(!ok.acks.contains(&failing));
    assert!(cluster.sim.node_counts(node).syncs_failed >= 2);
    assert_eq!(cluster.replica(owners[0], "k"), None);
    cluster.sim.set_disk_failing(node, false);
    cluster.wait_for_quiet();
    assert_eq!(cluster.replica(owners[0], "k").as_deref(), Some("w"), "by a hint");
}

#[test]
fn a_slow_disk_acknowledges_late() {
    let mut cluster = Cluster::settled(&Shape::default());
    let node = cluster.owners("k")[0];
    cluster.sim.slow_disk(NodeIndex(node), 200 * MS);
    let began = cluster.sim.now();
    cluster.write(node, "k", "v", 3).expect("all nodes run");
    assert!(cluster.sim.now() - began > 200 * MS);
    assert!(cluster.sim.node_counts(NodeIndex(node)).syncs_slowed > 0);
}

/// Power fails everywhere in the middle of writes, some of which share a sync: what was acknowledged is there.
#[test]
fn power_loss_tears_what_was_under_way_and_takes_nothing_that_was_acknowledged() {
    let (mut torn, mut lost) = (0, 0);
    for seed in 1..=40 {
        let mut cluster = Cluster::settled(&Shape {
            seed,
            ..Shape::default()
        });
        let name = |number: usize| format!("k{number}");
        let calls: Vec<_> = (0..60)
            .map(|number| {
                let request = write(&name(number), "v", 3);
                cluster.sim.submit(NodeIndex(number % 5), request)
            })
            .collect();
        let mut acked = Vec::new();
        let cut = cluster.sim.now() + (2 + seed as u32 % 6) * MS;
        while let Some(completion) = cluster.sim.advance(cut) {
            assert!(is_ok(&completion.outcome), "{:?}", completion.outcome);
            acked.extend(calls.iter().position(|call| *call == completion.call));
        }
        for node in (0..5).map(NodeIndex) {
            let loss = cluster.sim.cut_power(node);
            torn += usize::from(loss.batches_kept > 0 && loss.batches_lost > 0);
            lost += loss.batches_lost;
            assert_eq!(loss.records_lost, 0, "everything finished was synced");
        }
        cluster.pass(Duration::from_secs(1));
        cluster.start(&[0, 1, 2, 3, 4]);
        for number in acked {
            for owner in cluster.owners(&name(number)) {
                assert_eq!(
                    cluster.replica(owner, &name(number)).as_deref(),
                    Some("v"),
                    "seed {seed}"
                );
            }
        }
        cluster.wait_for_quiet();
    }
    assert!(torn > 5 && lost > 50, "{torn} torn, {lost} lost");
}

#[test]
fn power_loss_takes_what_was_not_synced() {
    let mut cluster = Cluster::settled(&Shape {
        fsync: SimFsync::Never,
        settings: |config: &mut Config| config.acks_are_durable = false,
        ..Shape::default()
    });
    cluster.write(0, "k", "v", 3).expect("all nodes run");
    let owners = cluster.owners("k");
    for node in (0..5).map(NodeIndex) {
        let loss = cluster.sim.cut_power(node);
        assert_eq!(loss.records_lost, usize::from(owners.contains(&node.0)));
    }
    cluster.pass(Duration::from_secs(1));
    cluster.start(&[0, 1, 2, 3, 4]);
    for owner in owners {
        assert_eq!(cluster.replica(owner, "k"), None, "acknowledged by three, and gone");
    }
}

#[test]
fn flipped_bits_hit_no_record_at_two_nodes_and_are_mended_at_the_start() {
    let mut cluster = Cluster::settled(&Shape {
        nodes: 3,
        ..Shape::default()
    });
    for number in 0..20 {
        cluster.write(0, &format!("k{number}"), "v", 3).expect("all nodes run");
    }
    cluster.kill(&[0, 1]);
    assert_eq!(cluster.sim.flip_bits(NodeIndex(0), 15), 15);
    assert_eq!(
        cluster.sim.flip_bits(NodeIndex(1), 15),
        5,
        "the others are damaged already"
    );
    cluster.start(&[0, 1]);
    cluster.wait("records to be mended", |sim| {
        let damaged = |node| sim.metrics(NodeIndex(node)).expect("it runs").records_damaged;
        [0, 1].map(damaged) == [0, 0]
    });
    cluster.wait_for_quiet();
    for node in [0, 1] {
        for number in 0..20 {
            assert_eq!(cluster.replica(node, &format!("k{number}")).as_deref(), Some("v"));
        }
    }
}

/// Of two writes one after the other, the one through the node whose clock is behind is lost.
#[test]
fn a_clock_that_jumps_back_or_drifts_shadows_a_later_write() {
    type Skew = fn(&mut Cluster, NodeIndex);
    let jumps: Skew = |cluster, node| cluster.sim.jump_clock(node, -300_000_000);
    let drifts: Skew = |cluster, node| {
        cluster.sim.drift_clock(node, -100_000);
        cluster.pass(Duration::from_secs(3));
    };
    for skew in [jumps, drifts] {
        let mut cluster = Cluster::settled(&Shape::default());
        let behind = outsider(&mut cluster, "k");
        skew(&mut cluster, NodeIndex(behind));
        let other = cluster.owners("k")[0];
        cluster.write(other, "k", "first", 3).expect("all nodes run");
        cluster.write(behind, "k", "second", 3).expect("it is stamped below");
        assert_eq!(cluster.read(other, "k").as_deref(), Some("first"));
        assert!(cluster.sim.node_counts(NodeIndex(behind)).readings_wrong > 0);
        assert_eq!(cluster.sim.node_counts(NodeIndex(other)).readings_wrong, 0);
        cluster.sim.mend_clock(NodeIndex(behind));
        cluster.write(behind, "k", "third", 3).expect("all nodes run");
        assert_eq!(cluster.read(other, "k").as_deref(), Some("third"));
    }
}

/// What a node says of itself keeps its checksum, whoever passes it on: nothing spoilt is believed, and all is told again.
#[test]
fn a_fact_that_was_spoilt_on_its_way_is_taken_in_by_nobody() {
    let mut cluster = Cluster::settled(&Shape::default());
    let spoilt = LinkFaults {
        spoilt_percent: 50,
        ..LinkFaults::default()
    };
    on_all_links(&mut cluster, &spoilt);
    for (node, name) in (0..5).zip(["a", "b", "c", "d", "e"]) {
        cluster.sim.kill(NodeIndex(node));
        cluster.pass(500 * MS);
        cluster.sim.start(NodeIndex(node));
        cluster.pass(500 * MS);
        cluster.write(node, name, "v", 2).expect("it is back");
    }
    let pairs = (0..5).flat_map(|from| (0..5).filter(move |to| *to != from).map(move |to| (from, to)));
    let counts = pairs.map(|(from, to)| cluster.sim.link_counts(NodeIndex(from), NodeIndex(to)));
    let spoilt: u64 = counts.map(|counts| counts.spoilt).sum();
    let statuses = || (0..5).map(|node| cluster.sim.status(NodeIndex(node)).expect("it runs"));
    let refused: u64 = statuses().map(|status| status.counters.gossip_refused).sum();
    assert!(spoilt > 0 && refused > 0, "{spoilt} spoilt, {refused} refused");
    for member in statuses().flat_map(|status| status.members) {
        let of = (0..5)
            .find(|node| id_of(*node) == member.node)
            .expect("it is one of the five");
        assert_eq!(member.name.as_deref(), Some(format!("n{of}").as_str()));
        assert_eq!(member.standing, Some(Standing::Normal));
    }
}

/// Everything at once, and the same again.
#[test]
fn the_same_seed_breaks_the_same_things() {
    let trace = |seed| {
        let mut cluster = Cluster::settled(&Shape {
            seed,
            ..Shape::default()
        });
        let faults = LinkFaults {
            slower_by: MS,
            jitter: 20 * MS,
            loss_percent: 10,
            late_percent: 10,
            twice_percent: 10,
            late_by_max: 500 * MS,
            jitter_is: Distribution::LongTailed,
            packets_per_second: 5000,
            dropped_percent: 1,
            spoilt_percent: 1,
            kinds: Kinds::of(&[MessageKind::Request, MessageKind::Response]),
        };
        on_all_links(&mut cluster, &faults);
        cluster.sim.strobe_clock(NodeIndex(0), -1000, 10 * MS);
        cluster.sim.drift_clock(NodeIndex(1), 1000);
        cluster.sim.slow_disk(NodeIndex(2), 10 * MS);
        cluster.sim.pause(NodeIndex(3));
        for number in 0..40 {
            cluster.sim.submit(NodeIndex(number % 5), write("k", "v", 2));
            cluster.pass(20 * MS);
        }
        cluster.sim.flip_bits(NodeIndex(4), 1);
        cluster.sim.cut_power(NodeIndex(4));
        cluster.sim.resume(NodeIndex(3));
        cluster.pass(Duration::from_secs(1));
        cluster.sim.trace().expect("a test's runs are hashed")
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}

/// Nodes 1 and 2 are found at each other's address; what is written through node 0, under a key that one of them owns.
fn written_after_a_swap(shape: &Shape) -> (Cluster, String, [usize; 2]) {
    let mut cluster = Cluster::settled(shape);
    let pair = [1, 2].map(NodeIndex);
    let before = pair.map(|node| cluster.sim.address(node));
    cluster.kill(&[1, 2]);
    cluster.sim.swap_addresses(pair[0], pair[1]);
    let after = pair.map(|node| cluster.sim.address(node));
    assert_eq!(after, [before[1], before[0]]);
    cluster.start(&[1, 2]);
    let mut keys = (0..).map(|key| format!("k{key}"));
    let is_of_one = |owners: &[usize]| owners.contains(&1) != owners.contains(&2) && owners.contains(&0);
    let key = keys.find(|key| is_of_one(&cluster.owners(key))).expect("there is one");
    let is_of_first = cluster.owners(&key).contains(&1);
    cluster.write(0, &key, "v", 3).expect("all run");
    (cluster, key, if is_of_first { [1, 2] } else { [2, 1] })
}

#[test]
fn who_has_anothers_address_is_still_itself() {
    let (mut cluster, key, [owner, other]) = written_after_a_swap(&Shape::default());
    assert_eq!(cluster.replica(owner, &key).as_deref(), Some("v"));
    assert_eq!(cluster.replica(other, &key), None);
    // It is known at its address by those who have heard of its new start.
    let seen = cluster.sim.opinion(NodeIndex(0), NodeIndex(1)).expect("it was heard");
    assert_eq!(seen.address, Some(cluster.sim.address(NodeIndex(1))));
}

/// Node 0 has met both, and takes each for the other.
#[cfg(feature = "plants")]
#[test]
fn who_believes_addresses_writes_to_whoever_is_there() {
    let shape = Shape {
        plant: Some(quorate_core::Plant::AddressBelieved),
        ..Shape::default()
    };
    let (mut cluster, key, [owner, other]) = written_after_a_swap(&shape);
    assert_eq!(cluster.replica(owner, &key), None);
    assert_eq!(cluster.replica(other, &key).as_deref(), Some("v"));
}
