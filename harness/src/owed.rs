//! Which requests of a run were owed an answer: of those that came while the node that they went through reached, as far as the
//! faults let it, as many owners as their level takes, whoever those were.
//!
//! ```text
//!   fault        ├──────────────────────┤
//!   nobody has noticed yet              │
//!                ├──────┤               │ not yet recovered
//!   in trouble   ├──────────────────────┼─────────┤     counted for each of its nodes, against what the level can do without
//! ```
//!
//! Where so many are surely out of reach that the level can't be met by those who are left, whoever of them are owners, and have been
//! for long enough to be given up, a refusal is owed: at once.
//!
//! Where too many are in trouble at a time, and where the node itself is, nothing is owed. A fault that has just struck may have cut
//! off requests under way: those that were then, or came before anybody can have noticed, are owed nothing either.

use std::collections::{BTreeMap, BTreeSet};

use quorate_checker::checks::{Interval, Owed};
use quorate_core::{Level, Name, NodeId, Requirement};
use quorate_workloads::{Workload, WritePath};

use crate::{
    fault::{Fault, Place},
    fault_log::Faults,
    level::dc_name,
    scenario::Scenario,
};

/// How long a fault may go unnoticed, in nanoseconds: nodes give up a silent link after 400 ms, and the request goes elsewhere.
const NOTICED_AFTER_NS: u64 = 1_000_000_000;

/// How long after a fault its nodes may still be in trouble, in nanoseconds: links are redialled within half a second, and messages
/// that it made late come up to 1.5 s later.
const RECOVERED_AFTER_NS: u64 = 2_000_000_000;

/// How long a refusal may take, in nanoseconds: a node that knows asks nobody, and answers as soon as it is asked.
const REFUSED_WITHIN_NS: u64 = 50_000_000;

/// What a fault is to requests through one node.
#[derive(Debug)]
struct Trouble {
    /// From when to when it was on, and not yet recovered.
    span: Interval,
    /// Those that the node may not reach, or not in time.
    others: BTreeSet<Place>,
    /// From when to when nothing is owed, whoever is reached.
    blackout: Interval,
}

/// Which requests through which nodes were owed an answer, in a run with these faults.
pub fn owed(scenario: &Scenario, faults: &Faults) -> Owed {
    let hits: Vec<_> = faults.hits().collect();
    let nodes = || Place::all(scenario.nodes);
    let not_owed = |is_write: bool| -> BTreeMap<String, Vec<Interval>> {
        let of_node = |node: Place| {
            let needs = requirements(scenario, node, is_write);
            let is_applied_once = is_write && is_applied_by_one(scenario.workload);
            let troubles = hits
                .iter()
                .filter_map(|hit| trouble(scenario, *hit, node, is_applied_once));
            (
                node.to_string(),
                not_owed(scenario, &needs, &troubles.collect::<Vec<_>>()),
            )
        };
        nodes().map(of_node).collect()
    };
    let refused = |is_write: bool| -> BTreeMap<String, Vec<Interval>> {
        let of_node = |node: Place| (node.to_string(), unservable(scenario, &hits, node, is_write));
        nodes().map(of_node).collect()
    };
    let broken = hits
        .iter()
        .map(|(_, start_ns, end_ns)| until(*start_ns, *end_ns, RECOVERED_AFTER_NS));
    Owed {
        not_reads: not_owed(false),
        not_writes: not_owed(true),
        broken: united(broken.collect()),
        refused_reads: refused(false),
        refused_writes: refused(true),
        refused_within_ns: REFUSED_WITHIN_NS,
    }
}

/// A fault that took effect, from when to when.
type Hit<'a> = (&'a Fault, u64, Option<u64>);

/// When requests through a node can't be served, and it knows: too few are left of whom no fault keeps it from reaching, and all
/// that was broken or mended last was long enough before to be noticed.
fn unservable(scenario: &Scenario, hits: &[Hit<'_>], node: Place, is_write: bool) -> Vec<Interval> {
    if scenario.sloppy && scenario.dcs > 1 {
        return Vec::new(); // Nodes of other data centers stand in for owners.
    }
    let needs = requirements(scenario, node, is_write);
    let spans: Vec<_> = hits
        .iter()
        .map(|(fault, start_ns, end_ns)| {
            let (_, is_itself) = befallen(scenario, fault, node);
            let after_ns = if is_itself { RECOVERED_AFTER_NS } else { 0 };
            (fault, is_itself, until(*start_ns, *end_ns, after_ns))
        })
        .collect();
    let mut times: Vec<_> = spans
        .iter()
        .flat_map(|(_, _, span)| [span.start_ns, span.end_ns])
        .collect();
    times.sort_unstable();
    times.dedup();
    let between = times.windows(2).filter_map(|pair| {
        let is_on = |span: &Interval| span.start_ns <= pair[0] && pair[1] <= span.end_ns;
        let on = || spans.iter().filter(|(_, _, span)| is_on(span));
        if on().any(|(_, is_itself, _)| *is_itself) {
            return None;
        }
        let away = on().flat_map(|(fault, ..)| surely_away(scenario, fault, node));
        let away: BTreeSet<Place> = away.collect();
        let is_unservable = needs.iter().all(|needed| !may_be_met(scenario, needed, &away));
        is_unservable.then_some(Interval {
            start_ns: pair[0].saturating_add(NOTICED_AFTER_NS),
            end_ns: pair[1],
        })
    });
    between.filter(|interval| interval.start_ns < interval.end_ns).collect()
}

/// Whom `node` surely can't reach while a fault is on, once it has been noticed: who is down, or hears and is heard no more.
fn surely_away(scenario: &Scenario, fault: &Fault, node: Place) -> Vec<Place> {
    if comes_and_goes(fault) {
        return Vec::new();
    }
    let cuts = fault.cuts(scenario.nodes);
    let is_cut_off = |other: &Place| cuts.contains(&(node, *other)) && cuts.contains(&(*other, node));
    let is_away = |other: &Place| fault.downs().contains(other) || is_cut_off(other);
    Place::all(scenario.nodes)
        .filter(|other| *other != node && is_away(other))
        .collect()
}

/// Whether a level can be met without these nodes, should as few of them be owners as can be.
fn may_be_met(scenario: &Scenario, needed: &Requirement, without: &BTreeSet<Place>) -> bool {
    let replicas = usize::from(scenario.n);
    let left = |dc: usize| {
        let there = Place::all(scenario.nodes).filter(|place| !without.contains(place));
        there.filter(|place| usize::from(scenario.dc_of(*place)) == dc).count()
    };
    needed.can_be_met(|owner| {
        let number = owner.0 as usize;
        number % replicas < left(number / replicas)
    })
}

/// Whether an update is applied by one owner, for which its coordinator waits before it goes to the others.
fn is_applied_by_one(workload: Workload) -> bool {
    matches!(workload, Workload::Siblings | Workload::Set | Workload::Counter)
}

/// What requests through a node take, of owners that are numbered data center by data center.
fn requirements(scenario: &Scenario, node: Place, is_write: bool) -> Vec<Requirement> {
    let names: Vec<Name> = (0..scenario.dcs).map(dc_name).collect();
    let owner = |number: usize| {
        let dc = number / usize::from(scenario.n);
        (NodeId(number as u64), &names[dc])
    };
    let owners: Vec<_> = (0..scenario.replicas()).map(owner).collect();
    let levels: &[Level] = match (is_write, scenario.write_path) {
        _ if scenario.is_agreed_upon() => &[Level::Quorum],
        (false, _) => &[scenario.read_level()],
        (true, WritePath::Abd) => &[scenario.read_level(), scenario.write_level()],
        (true, WritePath::Lww | WritePath::Cas) => &[scenario.write_level()],
    };
    let local = &names[usize::from(scenario.dc_of(node))];
    let requirement = |level: &Level| level.requirement(&owners, local);
    let requirements = levels.iter().map(requirement).collect::<Result<_, _>>();
    requirements.expect("levels are checked before")
}

/// What a fault is to requests through `node`, if it is anything. An update that one owner applies for all waits for that one
/// until it is given up: where it is slow and nobody gives it up, or comes and goes, nothing is owed.
fn trouble(
    scenario: &Scenario,
    (fault, start_ns, end_ns): (&Fault, u64, Option<u64>),
    node: Place,
    is_applied_once: bool,
) -> Option<Trouble> {
    let (others, is_itself) = befallen(scenario, fault, node);
    if others.is_empty() && !is_itself {
        return None;
    }
    let span = until(start_ns, end_ns, RECOVERED_AFTER_NS);
    let is_long = comes_and_goes(fault) || is_applied_once && !is_noticed(fault);
    let blackout = match (is_itself, is_long) {
        (true, _) => span,
        (false, true) => until(start_ns, end_ns, NOTICED_AFTER_NS),
        (false, false) => until(start_ns, Some(start_ns), NOTICED_AFTER_NS),
    };
    Some(Trouble { span, others, blackout })
}

/// Which other nodes `node` may not reach, or not in time, while a fault is on; and whether it is in trouble itself.
fn befallen(scenario: &Scenario, fault: &Fault, node: Place) -> (BTreeSet<Place>, bool) {
    let links = [fault.cuts(scenario.nodes), fault.held_links(), fault.bad_links()];
    let ends = links
        .into_iter()
        .flatten()
        .filter_map(|(from, to)| match (from == node, to == node) {
            (true, false) => Some(to),
            (false, true) => Some(from),
            _ => None,
        });
    let mut others: BTreeSet<_> = ends.collect();
    match fault {
        Fault::ClientsRebound => (others, true),
        Fault::Pretenders { .. } => (others, false), // They are no members.
        Fault::ClientsCut { nodes } => (others, nodes.contains(&node)),
        _ if links_only(fault) => (others, false),
        _ => {
            let nodes = fault.nodes();
            others.extend(nodes.iter().filter(|other| **other != node));
            (others, nodes.contains(&node))
        }
    }
}

/// Whether a fault is one of links, and nodes are named only to say of which.
fn links_only(fault: &Fault) -> bool {
    let is_cut = matches!(fault.kind(), crate::fault::FaultKind::Partition);
    is_cut || !fault.bad_links().is_empty() || !fault.held_links().is_empty()
}

/// Whether nodes that can't be reached are given up: of those that are slow nobody knows.
fn is_noticed(fault: &Fault) -> bool {
    let is_cut = links_only(fault) && fault.bad_links().is_empty();
    is_cut || !fault.downs().is_empty() || matches!(fault, Fault::Pause { .. })
}

/// Whether a fault strikes more than once while it lasts, or as it ends.
fn comes_and_goes(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Flapping { .. } | Fault::Swizzle { .. } | Fault::OldDisk { .. } | Fault::SwappedAddresses { .. }
    )
}

/// When nothing is owed: while there are more in trouble than what is needed can do without, and after each blow.
fn not_owed(scenario: &Scenario, needs: &[Requirement], troubles: &[Trouble]) -> Vec<Interval> {
    let mut times: Vec<_> = troubles
        .iter()
        .flat_map(|it| [it.span.start_ns, it.span.end_ns])
        .collect();
    times.sort_unstable();
    times.dedup();
    let between = times.windows(2).map(|pair| Interval {
        start_ns: pair[0],
        end_ns: pair[1],
    });
    let is_too_much = |interval: &Interval| {
        let is_on = |it: &&Trouble| it.span.start_ns <= interval.start_ns && interval.end_ns <= it.span.end_ns;
        let others = troubles.iter().filter(is_on).flat_map(|it| it.others.iter().copied());
        let others: BTreeSet<_> = others.collect();
        needs.iter().any(|needed| !can_do_without(scenario, needed, &others))
    };
    let too_much = between.filter(is_too_much);
    united(too_much.chain(troubles.iter().map(|it| it.blackout)).collect())
}

/// Whether a level can be met without these nodes, should as many of them be owners as can be.
fn can_do_without(scenario: &Scenario, needed: &Requirement, without: &BTreeSet<Place>) -> bool {
    let replicas = usize::from(scenario.n);
    let lost = |dc: usize| {
        let there = without
            .iter()
            .filter(|place| usize::from(scenario.dc_of(**place)) == dc);
        there.count()
    };
    needed.can_be_met(|owner| {
        let number = owner.0 as usize;
        number % replicas >= lost(number / replicas)
    })
}

/// From the start of a fault to so long after its end; for ever where it has none.
fn until(start_ns: u64, end_ns: Option<u64>, after_ns: u64) -> Interval {
    let end_ns = end_ns.map_or(u64::MAX, |end_ns| end_ns.saturating_add(after_ns));
    Interval { start_ns, end_ns }
}

/// The same moments, as intervals that are apart and in order.
fn united(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable();
    let mut united: Vec<Interval> = Vec::new();
    for interval in intervals {
        match united.last_mut() {
            Some(last) if interval.start_ns <= last.end_ns => last.end_ns = last.end_ns.max(interval.end_ns),
            _ => united.push(interval),
        }
    }
    united
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault_log::FaultLog;

    const MS: u64 = 1_000_000;

    fn faults(hits: &[(&str, u64, u64)]) -> Faults {
        let mut log = FaultLog::in_memory();
        let ms = Duration::from_millis;
        for (text, start, end) in hits {
            let planned: Fault = toml::from_str(text).expect("a fault");
            let id = log.asked(ms(*start), &planned.clone().into()).expect("in memory");
            log.applied(id, ms(*start), &planned, serde_json::Value::Null)
                .expect("in memory");
            log.undone(id, ms(*end), &planned).expect("in memory");
        }
        log.finish().expect("in memory")
    }

    /// When nothing is owed, in milliseconds, to reads and writes through a node.
    fn not_owed(scenario: &Scenario, hits: &[(&str, u64, u64)], node: &str) -> [Vec<(u64, u64)>; 2] {
        let owed = super::owed(scenario, &faults(hits));
        let shown = |of: &BTreeMap<String, Vec<Interval>>| {
            let shown = of[node].iter().map(|it| (it.start_ns / MS, it.end_ns / MS));
            shown.collect::<Vec<_>>()
        };
        [shown(&owed.not_reads), shown(&owed.not_writes)]
    }

    const KILL: &str = "fault = \"kill\"\nnodes = [\"n2\"]";
    const ISOLATE: &str = "fault = \"isolate\"\nnode = \"n3\"";

    #[test]
    fn one_of_three_can_be_done_without_once_that_is_noticed() {
        let scenario = Scenario::quickstart();
        let through = |node| not_owed(&scenario, &[(KILL, 5000, 7000)], node);
        let noticed = vec![(5000, 6000)];
        assert_eq!(through("n1"), [noticed.clone(), noticed]);
        let itself = vec![(5000, 9000)];
        assert_eq!(through("n2"), [itself.clone(), itself]);
        // A second, before the first has recovered, may be one too many; and who is isolated reaches nobody.
        let hits = [(KILL, 5000, 7000), (ISOLATE, 8500, 9500)];
        let [reads, _] = not_owed(&scenario, &hits, "n1");
        assert_eq!(reads, [(5000, 6000), (8500, 9500)]);
        let [reads, _] = not_owed(&scenario, &hits, "n3");
        assert_eq!(reads, [(5000, 6000), (8500, 11_500)]);
    }

    #[test]
    fn levels_say_how_many_can_be_done_without_and_where() {
        let level = |text: &str| Some(text.parse().expect("a level"));
        let scenario = Scenario {
            nodes: 6,
            dcs: 2,
            read_level: level("LOCAL_QUORUM"),
            write_level: level("EACH_QUORUM"),
            ..Scenario::quickstart()
        };
        // All of the other data center: n2, n4 and n6.
        let cut = "fault = \"halves\"\nside = [\"n2\", \"n4\", \"n6\"]";
        let [reads, writes] = not_owed(&scenario, &[(cut, 5000, 7000)], "n1");
        assert_eq!((reads, writes), (vec![(5000, 6000)], vec![(5000, 9000)]));
    }

    #[test]
    fn who_is_slow_is_not_given_up_by_who_waits_for_it_alone() {
        let slow = "fault = \"slow-disk\"\nnodes = [\"n2\"]\ndelay = \"200ms\"";
        let of = |workload| {
            let scenario = Scenario {
                workload,
                ..Scenario::quickstart()
            };
            let [_, writes] = not_owed(&scenario, &[(slow, 5000, 7000)], "n1");
            writes
        };
        assert_eq!(of(Workload::Register), [(5000, 6000)]);
        assert_eq!(of(Workload::Counter), [(5000, 8000)]);
    }

    #[test]
    fn who_reaches_too_few_and_knows_refuses() {
        let refused = |scenario: &Scenario, hits: &[(&str, u64, u64)], node: &str| {
            let owed = super::owed(scenario, &faults(hits));
            [&owed.refused_reads, &owed.refused_writes].map(|of| {
                let shown = of[node].iter().map(|it| (it.start_ns / MS, it.end_ns / MS));
                shown.collect::<Vec<_>>()
            })
        };
        let scenario = Scenario::quickstart();
        let isolated = [(ISOLATE, 5000, 8000)];
        let known = vec![(6000, 8000)];
        assert_eq!(refused(&scenario, &isolated, "n3"), [known.clone(), known]);
        assert_eq!(refused(&scenario, &isolated, "n1"), [vec![], vec![]]);
        // A fault that begins or ends meanwhile may have it begin anew to wait; and who was in trouble itself owes nothing.
        let [reads, _] = refused(&scenario, &[(ISOLATE, 5000, 8000), (KILL, 6500, 6800)], "n3");
        assert_eq!(reads, [(6000, 6500), (7800, 8000)]);
        let itself = KILL.replace("n2", "n3");
        assert_eq!(
            refused(&scenario, &[(ISOLATE, 5000, 8000), (&itself, 4000, 4500)], "n3")[0],
            [(7500, 8000)]
        );
        // Two that hear each other are enough for R = 2, and not for W = 3; and a cut of one direction is none for sure.
        let scenario = Scenario { w: 3, ..scenario };
        let halves = "fault = \"halves\"\nside = [\"n1\", \"n2\"]";
        assert_eq!(
            refused(&scenario, &[(halves, 5000, 8000)], "n1"),
            [vec![], vec![(6000, 8000)]]
        );
        assert_eq!(refused(&scenario, &[(halves, 5000, 8000)], "n4"), [vec![], vec![]]);
        let unheard = "fault = \"one-way\"\nunheard = [\"n1\"]";
        assert_eq!(refused(&scenario, &[(unheard, 5000, 8000)], "n1"), [vec![], vec![]]);
    }
}
