//! Which faults, on whom, when and for how long: read from a file, or drawn from a seed.
//!
//! Drawn plans break one thing at a time, with time to recover in between: most failures of real stores need three
//! events or fewer, and their order matters (FAULTS.md). The last fault lasts to the end of the load, so that what
//! it left behind is not mended by the load itself.
//!
//! Changes of membership are drawn apart, and come when they come: most while something else is broken, some in between.
//! Where there are kills, every other change has one of its own, of the node that comes or goes or of one that has a part
//! in it.

use std::time::Duration;

use quorate_core::MessageKind;
use quorate_node::control::DiskFailure;
use quorate_sim::split_seed;
use rand::{
    RngExt, SeedableRng,
    seq::{IndexedRandom, SliceRandom},
};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::{
    duration::{self, Signed},
    fault::{DiskLoss, Fault, FaultError, FaultKind, KeyName, Place, Role, Spread, Target},
    members::Members,
};

/// How long a drawn fault lasts at least: longer than a node takes to give up a silent link (400 ms) and a coordinator
/// to give up a request (1 s), so that each fault is felt by both.
const LASTS_MIN: Duration = Duration::from_millis(1500);

/// How much longer it may last. In whole milliseconds, so that a plan can be read.
const LASTS_SPREAD_MS: u64 = 700;

/// Time to recover between two faults: links are redialled within half a second.
const PAUSE: Duration = Duration::from_millis(1000);

/// How late an odd message is at most: later than a coordinator waits (1 s), so that it finds a request that is over.
pub(crate) const LATE_MAX: Duration = Duration::from_millis(1500);

/// How far a clock jumps at most: further than nodes let their clocks differ (500 ms), so that they refuse what it
/// stamps, and near enough for them to take it soon after.
const CLOCK_JUMP_MAX_MS: i64 = 1500;

/// Before the first change of membership, and between two: long enough for most to be over, and so short that some overlap.
const CHANGE_PAUSE_MS: std::ops::Range<u64> = 1000..3000;

/// From a change to its kill: in the middle of what it moves, or before anything has; and before the next change.
const CHANGE_KILL_MS: std::ops::Range<u64> = 50..950;

/// How long that kill lasts.
const CHANGE_KILL_LASTS_MS: std::ops::Range<u64> = 300..1500;

/// A fault and its time, counted from the start of the load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// When it begins.
    #[serde(with = "duration::text")]
    pub at: Duration,
    /// How long it lasts; to the end of the load at most. Nothing, of what is not undone.
    #[serde(default, with = "duration::text", skip_serializing_if = "Duration::is_zero")]
    pub lasts: Duration,
    /// What it is, and whom it is to befall.
    #[serde(flatten)]
    pub fault: Fault<Target>,
    /// Of a run that has been: what it befell, where that was known only when it struck. A replay befalls the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hit: Option<Fault>,
}

impl PlannedFault {
    /// A fault that befalls nodes that are known.
    pub fn new(at: Duration, lasts: Duration, fault: Fault) -> PlannedFault {
        let fault = fault.into();
        let hit = None;
        PlannedFault { at, lasts, fault, hit }
    }

    /// What it befalls, as far as that is known before it strikes.
    pub fn fixed(&self) -> Option<Fault> {
        self.hit.clone().or_else(|| self.fault.fixed())
    }

    /// How many directed links it cuts in a cluster of so many nodes, as far as that is known before it strikes.
    pub fn cuts(&self, nodes: usize) -> usize {
        self.fixed().map_or(0, |fault| fault.cuts(nodes).len())
    }

    /// The same, aimed at the nodes that it has befallen.
    #[must_use]
    pub fn resolved(self) -> PlannedFault {
        match self.hit {
            Some(hit) => PlannedFault::new(self.at, self.lasts, hit),
            None => self,
        }
    }

    /// Checks what the types can't say.
    ///
    /// # Errors
    /// [`FaultError`] with the first thing that can't be.
    pub fn validate(&self) -> Result<(), FaultError> {
        match (self.fault.is_lasting(), self.lasts.is_zero()) {
            (true, false) => Err(FaultError::Lasts),
            (false, true) => Err(FaultError::Zero("lasts")),
            _ => self.fault.validate(),
        }
    }
}

/// A plan in the order in which it is carried out.
pub fn in_order(plan: &[PlannedFault]) -> Vec<PlannedFault> {
    let mut ordered = plan.to_vec();
    ordered.sort_by_key(|planned| planned.at);
    ordered
}

/// What a drawn plan depends on.
#[derive(Clone, Debug)]
pub struct PlanOptions<'a> {
    /// The run's seed.
    pub seed: u64,
    /// Who is there at the beginning.
    pub members: Members,
    /// How long the load lasts.
    pub time: Duration,
    /// What may be drawn.
    pub kinds: &'a [FaultKind],
    /// Of 100 faults that can be, how many are aimed at roles.
    pub aimed_percent: u8,
}

/// Draws a plan. Every shape of the allowed families has its turn before any comes again.
pub fn draw(options: &PlanOptions<'_>) -> Vec<PlannedFault> {
    let mut rng = Pcg64Mcg::seed_from_u64(split_seed(options.seed, "plan"));
    let changes = draw_changes(options);
    let mut plan: Vec<PlannedFault> = Vec::new();
    let mut turn = Vec::new();
    let mut at = PAUSE;
    while at + LASTS_MIN <= options.time {
        if turn.is_empty() {
            // The simplest come first: most failures need no more (FAULTS.md).
            turn = if plan.is_empty() {
                shapes(options.kinds)
            } else {
                [shapes(options.kinds), further_shapes(options.kinds)].concat()
            };
            turn.shuffle(&mut rng);
        }
        let Some(shape) = turn.pop() else {
            break;
        };
        let lasts = LASTS_MIN + Duration::from_millis(rng.random_range(0..LASTS_SPREAD_MS));
        let present = present_at(options, &changes, at);
        let fault = shape(&mut rng, present.len());
        let fault = fault.moved(&|place| Some(present[place.0]));
        let fault = fault.expect("every node that it names is there");
        plan.push(PlannedFault::new(at, lasts, fault));
        at += lasts + PAUSE;
    }
    if let Some(last) = plan.last_mut() {
        last.lasts = options.time - last.at;
    }
    aim(options, &mut plan);
    plan.extend(changes);
    in_order(&plan)
}

/// Aims some faults at roles, in the place of nodes: of so many of 100 that name one node, or two, or half of them.
fn aim(options: &PlanOptions<'_>, plan: &mut [PlannedFault]) {
    let mut rng = Pcg64Mcg::seed_from_u64(split_seed(options.seed, "aims"));
    let replicas = options.members.replicas();
    let owner = |place: u8| Target::Role(Role::Owner(KeyName::Hottest, 1 + place % replicas));
    for planned in plan {
        let is_aimed = rng.random_range(0..100) < options.aimed_percent;
        let one = match rng.random_range(0..4) {
            0 => Target::Role(Role::Coordinator(0)),
            1 => Target::Role(Role::HintHolder),
            place => owner(place),
        };
        if is_aimed && let Some(aimed) = aimed(planned.fault.clone(), one, [owner(0), owner(1)]) {
            planned.fault = aimed;
        }
    }
}

/// A fault aimed at `one`, or at `two` where it names as many; `None` if it names more.
fn aimed(fault: Fault<Target>, one: Target, two: [Target; 2]) -> Option<Fault<Target>> {
    let as_many = |nodes: &[Target]| match nodes.len() {
        1 => Some(vec![one]),
        2 => Some(two.to_vec()),
        _ => None,
    };
    Some(match fault {
        Fault::Isolate { .. } => Fault::Isolate { node: one },
        Fault::Halves { .. } => Fault::Halves {
            side: vec![Target::Role(Role::Minority)],
        },
        Fault::Kill { nodes } => Fault::Kill {
            nodes: as_many(&nodes)?,
        },
        Fault::Pause { nodes } => Fault::Pause {
            nodes: as_many(&nodes)?,
        },
        Fault::PowerLoss { nodes } => Fault::PowerLoss {
            nodes: as_many(&nodes)?,
        },
        Fault::FailingDisk { nodes, on } => Fault::FailingDisk {
            nodes: as_many(&nodes)?,
            on,
        },
        Fault::SlowProcess { stopped_percent, .. } => Fault::SlowProcess {
            node: one,
            stopped_percent,
        },
        _ => return None,
    })
}

/// Who is to stay in the cluster, once what begins until `at` has been carried out.
fn present_at(options: &PlanOptions<'_>, changes: &[PlannedFault], at: Duration) -> Vec<Place> {
    let mut members = options.members.clone();
    let before = changes.iter().filter(|planned| planned.at <= at);
    let before = before.filter_map(PlannedFault::fixed);
    before.for_each(|fault| members.take(&fault));
    members.placed()
}

/// Draws changes of membership, each with its kill, if there are to be any.
fn draw_changes(options: &PlanOptions<'_>) -> Vec<PlannedFault> {
    let mut rng = Pcg64Mcg::seed_from_u64(split_seed(options.seed, "changes of membership"));
    let (mut changes, mut turn) = (Vec::new(), Vec::new());
    let changes_members = options.kinds.contains(&FaultKind::Membership);
    let loses_disks = options.kinds.contains(&FaultKind::Wipe);
    if !changes_members && !loses_disks {
        return changes;
    }
    let mut members = options.members.clone();
    // A damaged record may be the only one beside that of who is lost.
    let may_lose = !options.kinds.contains(&FaultKind::Disk);
    let mut at = millis(&mut rng, CHANGE_PAUSE_MS);
    while at < options.time {
        if turn.is_empty() {
            turn = vec![
                Change::Join,
                Change::Leave,
                Change::Replace,
                Change::Remove,
                Change::Weigh,
            ];
            turn.retain(|_| changes_members);
            turn.extend(loses_disks.then_some(Change::LoseDisk));
            turn.retain(|change| may_lose || !matches!(change, Change::Replace | Change::Remove | Change::LoseDisk));
            turn.shuffle(&mut rng);
        }
        let Some(change) = turn.pop() else {
            break; // Nobody's disk may be lost.
        };
        let Some(fault) = change.draw(&mut rng, &members) else {
            if !changes_members {
                break; // No disk is lost where no spare is left.
            }
            continue; // Another can be: a weight can always change.
        };
        members.take(&fault);
        let kill = options.kinds.contains(&FaultKind::Kill) && rng.random();
        let kill = kill.then(|| kill_of_change(&mut rng, &members, &fault, at));
        changes.push(PlannedFault::new(at, Duration::ZERO, fault));
        changes.extend(kill.filter(|kill| kill.at < options.time));
        at += millis(&mut rng, CHANGE_PAUSE_MS);
    }
    in_order(&changes)
}

/// A change of membership that can be drawn.
#[derive(Clone, Copy, Debug)]
enum Change {
    Join,
    Leave,
    Replace,
    Remove,
    Weigh,
    LoseDisk,
}

impl Change {
    /// One of this sort, if there can be one, and as many as there are replicas stay at work meanwhile.
    fn draw(self, rng: &mut Pcg64Mcg, members: &Members) -> Option<Fault> {
        let node = *members.placed().choose(rng)?;
        let fault = match self {
            Change::Join => Fault::Join { node: members.spare()? },
            Change::Leave => Fault::Leave { node },
            Change::Replace => Fault::Replace {
                node,
                by: members.spare()?,
            },
            Change::LoseDisk => Fault::LostDisk {
                node,
                by: members.spare()?,
                how: *DiskLoss::ALL.choose(rng)?,
            },
            Change::Remove => Fault::Remove { node },
            Change::Weigh => Fault::Weigh {
                node,
                weight: rng.random_range(1..=3),
            },
        };
        let without = fault.ends().map(|node| Fault::Leave { node });
        let is_possible = |fault: &Fault| members.check(fault).is_ok();
        (is_possible(&fault) && without.as_ref().is_none_or(is_possible)).then_some(fault)
    }
}

/// A kill in the middle of a change: of the node that comes or goes, or of another.
fn kill_of_change(rng: &mut Pcg64Mcg, members: &Members, change: &Fault, at: Duration) -> PlannedFault {
    let named = change.nodes().into_iter().find(|node| !members.is_absent(*node));
    let other = *members.placed().choose(rng).expect("a cluster has members");
    let node = if rng.random() { named.unwrap_or(other) } else { other };
    let (at, lasts) = (at + millis(rng, CHANGE_KILL_MS), millis(rng, CHANGE_KILL_LASTS_MS));
    PlannedFault::new(at, lasts, Fault::Kill { nodes: vec![node] })
}

type DrawFault = fn(&mut Pcg64Mcg, usize) -> Fault;

/// What is drawn in one turn of each allowed family. A kill comes twice, as often as a partition of half the nodes.
fn shapes(kinds: &[FaultKind]) -> Vec<DrawFault> {
    let of_kind = |kind: &FaultKind| -> &[DrawFault] {
        match kind {
            FaultKind::Partition => &[isolate, halves, one_way, bridge],
            FaultKind::SlowNet => &[slow_everywhere, slow_way],
            FaultKind::Loss => &[lossy_everywhere, lossy_way],
            FaultKind::Kill => &[kill_one, kill_two],
            FaultKind::Pause => &[pause_one, pause_two],
            FaultKind::Slow => &[slow_process],
            FaultKind::PowerLoss => &[power_loss_of_one, power_loss_of_all],
            FaultKind::Disk => &[failing_disk, slow_disk, flipped_bits],
            FaultKind::Clock => &[clock_ahead, clock_back, clock_drift],
            FaultKind::Message => &[late_messages, repeated_messages],
            // What is lost is drawn apart, with the spare that takes its place.
            FaultKind::Wipe => &[old_disk],
            // They are drawn apart.
            FaultKind::Membership => &[],
            // It has been resolved into families before.
            FaultKind::Swarm => &[],
        }
    };
    kinds.iter().flat_map(of_kind).copied().collect()
}

/// What is drawn of each allowed family once the simplest has had its turn.
fn further_shapes(kinds: &[FaultKind]) -> Vec<DrawFault> {
    let of_kind = |kind: &FaultKind| -> &[DrawFault] {
        match kind {
            FaultKind::Partition => &[
                partial,
                coordinator_alone,
                majorities_ring,
                flapping,
                swizzle,
                clients_cut,
            ],
            FaultKind::SlowNet => &[long_tailed_links, throttled_links, held_links],
            FaultKind::Disk => &[full_disk, disk_without_writes, disk_without_reads],
            FaultKind::Clock => &[clock_strobe],
            FaultKind::Message => &[dropped_messages],
            _ => &[],
        }
    };
    kinds.iter().flat_map(of_kind).copied().collect()
}

/// Some of the families in `from`, and at least one: what a swarm is in the run of `seed`.
pub fn draw_swarm(seed: u64, from: &[FaultKind]) -> Vec<FaultKind> {
    let mut rng = Pcg64Mcg::seed_from_u64(split_seed(seed, "swarm"));
    let mut drawn: Vec<_> = from.iter().copied().filter(|_| rng.random()).collect();
    if drawn.is_empty() {
        drawn.extend(from.choose(&mut rng));
    }
    drawn
}

fn isolate(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let node = one(rng, nodes);
    Fault::Isolate { node }
}

fn halves(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let side = some(rng, nodes, nodes / 2);
    Fault::Halves { side }
}

fn one_way(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let unheard = some(rng, nodes, (nodes / 2).min(2));
    Fault::OneWay { unheard }
}

fn bridge(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let mut side = some(rng, nodes, nodes / 2 + 1);
    let bridge = side.remove(rng.random_range(0..side.len()));
    Fault::Bridge { bridge, side }
}

fn partial(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let mut one = some(rng, nodes, nodes / 2 + 1);
    let other = one.split_off(one.len().div_ceil(2));
    if other.is_empty() {
        return Fault::Isolate { node: one[0] };
    }
    Fault::Partial { one, other }
}

/// A node that hears one other: of most keys' replicas it reaches too few to read, or too few to write.
fn coordinator_alone(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let node = one(rng, nodes);
    let others = Place::all(nodes).filter(|place| *place != node).collect();
    let other = drawn(rng, others, nodes.saturating_sub(2).max(1));
    Fault::Partial { one: vec![node], other }
}

fn majorities_ring(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let mut ring: Vec<_> = Place::all(nodes).collect();
    ring.shuffle(rng);
    if nodes < 4 {
        return isolate(rng, nodes); // Of three each is next to every other.
    }
    Fault::MajoritiesRing { ring }
}

fn flapping(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::Flapping {
        side: some(rng, nodes, nodes / 2),
        every: millis(rng, 50..600),
    }
}

fn swizzle(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let mut nodes = some(rng, nodes, nodes / 2 + 1);
    nodes.shuffle(rng);
    let mut back = nodes.clone();
    back.shuffle(rng);
    Fault::Swizzle { nodes, back }
}

fn clients_cut(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, nodes / 2);
    Fault::ClientsCut { nodes }
}

fn kill_one(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 1);
    Fault::Kill { nodes }
}

fn kill_two(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 2);
    Fault::Kill { nodes }
}

fn pause_one(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 1);
    Fault::Pause { nodes }
}

fn pause_two(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 2);
    Fault::Pause { nodes }
}

fn slow_process(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::SlowProcess {
        node: one(rng, nodes),
        stopped_percent: rng.random_range(60..=95),
    }
}

fn power_loss_of_one(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 1);
    Fault::PowerLoss { nodes }
}

fn power_loss_of_all(_: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = Place::all(nodes).collect();
    Fault::PowerLoss { nodes }
}

fn slow_everywhere(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    slow_links(rng, Place::all(nodes).collect(), Place::all(nodes).collect())
}

fn slow_way(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let (from, to) = one_way_between(rng, nodes);
    slow_links(rng, from, to)
}

fn slow_links(rng: &mut Pcg64Mcg, from: Vec<Place>, to: Vec<Place>) -> Fault {
    Fault::SlowLinks {
        from,
        to,
        delay: millis(rng, 10..120),
        jitter: millis(rng, 1..60),
        jitter_is: Spread::Uniform,
    }
}

fn long_tailed_links(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::SlowLinks {
        from: Place::all(nodes).collect(),
        to: Place::all(nodes).collect(),
        delay: millis(rng, 1..10),
        jitter: millis(rng, 80..170),
        jitter_is: Spread::LongTailed,
    }
}

fn throttled_links(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let (from, to) = one_way_between(rng, nodes);
    let packets_per_second = rng.random_range(100..1000);
    Fault::ThrottledLinks {
        from,
        to,
        packets_per_second,
    }
}

fn held_links(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let (from, to) = one_way_between(rng, nodes);
    Fault::HeldLinks { from, to }
}

fn lossy_everywhere(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::LossyLinks {
        from: Place::all(nodes).collect(),
        to: Place::all(nodes).collect(),
        percent: rng.random_range(2..=30),
    }
}

fn lossy_way(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let (from, to) = one_way_between(rng, nodes);
    let percent = rng.random_range(2..=30);
    Fault::LossyLinks { from, to, percent }
}

fn late_messages(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    odd_messages(rng, nodes, (1, 0))
}

fn repeated_messages(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    odd_messages(rng, nodes, (0, 1))
}

/// Of one kind, or of all: what waits for an answer that never comes, on a link that is whole, is found by its deadline alone.
fn dropped_messages(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let kinds = MessageKind::ALL.choose(rng).copied().filter(|_| rng.random());
    let (from, to) = one_way_between(rng, nodes);
    let is_everywhere = rng.random();
    let all = || Place::all(nodes).collect();
    Fault::OddMessages {
        from: if is_everywhere { all() } else { from },
        to: if is_everywhere { all() } else { to },
        late_percent: 0,
        twice_percent: 0,
        dropped_percent: rng.random_range(2..=30),
        spoilt_percent: 0,
        kinds: kinds.into_iter().collect(),
        by: Duration::ZERO,
    }
}

/// Everywhere: a late message hurts most where it meets another.
fn odd_messages(rng: &mut Pcg64Mcg, nodes: usize, (late, twice): (u8, u8)) -> Fault {
    let percent = rng.random_range(2..=30);
    Fault::OddMessages {
        from: Place::all(nodes).collect(),
        to: Place::all(nodes).collect(),
        late_percent: late * percent,
        twice_percent: twice * percent,
        dropped_percent: 0,
        spoilt_percent: 0,
        kinds: Vec::new(),
        by: millis(rng, 20..LATE_MAX.as_millis() as u64),
    }
}

fn failing_disk(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    disk_failing_on(rng, nodes, DiskFailure::Sync)
}

fn full_disk(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    disk_failing_on(rng, nodes, DiskFailure::Full)
}

fn disk_without_writes(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    disk_failing_on(rng, nodes, DiskFailure::Write)
}

fn disk_without_reads(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    disk_failing_on(rng, nodes, DiskFailure::Read)
}

fn disk_failing_on(rng: &mut Pcg64Mcg, nodes: usize, on: DiskFailure) -> Fault {
    let nodes = some(rng, nodes, 1);
    Fault::FailingDisk { nodes, on }
}

fn old_disk(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let node = one(rng, nodes);
    Fault::OldDisk { node }
}

fn slow_disk(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::SlowDisk {
        nodes: some(rng, nodes, nodes / 2),
        delay: millis(rng, 10..300),
    }
}

fn flipped_bits(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::FlippedBits {
        node: one(rng, nodes),
        records: rng.random_range(1..=20),
    }
}

fn clock_ahead(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 1);
    let by = Signed(rng.random_range(20..CLOCK_JUMP_MAX_MS) * 1_000_000);
    Fault::ClockJump { nodes, by }
}

fn clock_back(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 2);
    let by = Signed(-rng.random_range(20..CLOCK_JUMP_MAX_MS) * 1_000_000);
    Fault::ClockJump { nodes, by }
}

fn clock_strobe(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::ClockStrobe {
        nodes: some(rng, nodes, 2),
        by: Signed(rng.random_range(20..CLOCK_JUMP_MAX_MS) * 1_000_000),
        every: millis(rng, 5..300),
    }
}

fn clock_drift(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let gains = if rng.random() { 1 } else { -1 };
    Fault::ClockDrift {
        nodes: some(rng, nodes, 2),
        ppm: gains * rng.random_range(10_000..200_000),
    }
}

/// The links from some nodes to the others.
fn one_way_between(rng: &mut Pcg64Mcg, nodes: usize) -> (Vec<Place>, Vec<Place>) {
    let from = some(rng, nodes, nodes / 2);
    let to = Place::all(nodes).filter(|place| !from.contains(place)).collect();
    (from, to)
}

fn millis(rng: &mut Pcg64Mcg, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}

fn one(rng: &mut Pcg64Mcg, nodes: usize) -> Place {
    Place(rng.random_range(0..nodes))
}

/// `count` nodes, but at least one and not all, in order.
fn some(rng: &mut Pcg64Mcg, nodes: usize, count: usize) -> Vec<Place> {
    let count = count.clamp(1, (nodes - 1).max(1));
    drawn(rng, Place::all(nodes).collect(), count)
}

/// So many of these, in order.
pub(crate) fn drawn(rng: &mut Pcg64Mcg, mut from: Vec<Place>, count: usize) -> Vec<Place> {
    from.shuffle(rng);
    from.truncate(count);
    from.sort();
    from
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenario::Scenario;

    fn plan(seed: u64, nodes: usize, kinds: &[FaultKind]) -> Vec<PlannedFault> {
        let scenario = Scenario {
            nodes,
            n: u8::try_from(nodes.min(3)).expect("few"),
            r: 2,
            w: 2,
            faults: kinds.to_vec(),
            ..Scenario::quickstart()
        };
        draw(&PlanOptions {
            seed,
            members: Members::of(&scenario),
            time: Duration::from_secs(20),
            kinds,
            aimed_percent: 0,
        })
    }

    #[test]
    fn in_twenty_seconds_every_shape_has_its_turn() {
        for seed in 0..100 {
            let plan = plan(seed, 5, &[FaultKind::Partition, FaultKind::Kill]);
            let shapes: BTreeSet<_> = plan
                .iter()
                .map(|p| std::mem::discriminant(&p.fault))
                .map(|d| format!("{d:?}"))
                .collect();
            assert!(shapes.len() >= 5, "seed {seed}: {plan:?}");
            let gaps = plan
                .windows(2)
                .all(|pair| pair[0].at + pair[0].lasts + PAUSE <= pair[1].at);
            assert!(gaps, "one at a time");
            let last = plan.last().expect("not empty");
            assert_eq!(last.at + last.lasts, Duration::from_secs(20));
        }
    }

    #[test]
    fn only_what_is_allowed_is_drawn() {
        let kills = plan(1, 5, &[FaultKind::Kill]);
        assert!(kills.iter().all(|planned| !planned.fault.downs().is_empty()));
        assert!(plan(1, 5, &[]).is_empty());
        for kind in FaultKind::ALL.into_iter().filter(|kind| *kind != FaultKind::Swarm) {
            let drawn = plan(2, 5, &[kind]);
            assert!(!drawn.is_empty() && drawn.iter().all(|planned| planned.fault.kind() == kind));
        }
    }

    #[test]
    fn a_swarm_is_some_of_what_it_may_be_and_another_for_another_seed() {
        let families = [FaultKind::Partition, FaultKind::Loss, FaultKind::Kill, FaultKind::Clock];
        let mut drawn = BTreeSet::new();
        for seed in 0..200 {
            let swarm = draw_swarm(seed, &families);
            assert!(!swarm.is_empty() && swarm.iter().all(|kind| families.contains(kind)));
            assert_eq!(swarm, draw_swarm(seed, &families));
            drawn.insert(swarm);
        }
        assert_eq!(drawn.len(), 15, "every subset but the empty one");
    }

    #[test]
    fn changes_of_membership_come_alone_and_during_other_faults_and_some_have_a_kill() {
        let kinds = [FaultKind::Partition, FaultKind::Kill, FaultKind::Membership];
        let (mut changes, mut alone, mut killed) = (BTreeSet::new(), 0, [0; 2]);
        for seed in 0..100 {
            let plan = plan(seed, 5, &kinds);
            let is_during = |at: Duration, other: &&PlannedFault| other.at <= at && at < other.at + other.lasts;
            for change in plan.iter().filter(|planned| planned.fault.is_lasting()) {
                let word = change.fault.to_string();
                changes.insert(word.split_whitespace().last().expect("words").to_owned());
                alone += usize::from(!plan.iter().any(|other| is_during(change.at, &other)));
                let soon = change.at..change.at + Duration::from_secs(1);
                let mut kills = plan
                    .iter()
                    .filter(|other| soon.contains(&other.at) && !other.fault.downs().is_empty());
                if let Some(kill) = kills.next() {
                    let is_own = change.fault.nodes().contains(&kill.fault.downs()[0]);
                    killed[usize::from(is_own)] += 1;
                }
            }
        }
        for word in ["joining", "leaving", "removed"] {
            assert!(changes.contains(word), "{word} is none of {changes:?}");
        }
        assert!(alone > 50, "{alone} begin while nothing else is broken");
        assert!(
            killed.iter().all(|count| *count > 50),
            "of others, and their own: {killed:?}"
        );
    }

    #[test]
    fn a_drawn_fault_can_be_whatever_the_size_and_spares_somebody_but_for_power_loss() {
        for nodes in 2..8 {
            for seed in 0..50 {
                let scenario = Scenario {
                    nodes,
                    n: u8::try_from(nodes.min(3)).expect("few"),
                    plan: plan(seed, nodes, &FaultKind::ALL),
                    ..Scenario::quickstart()
                };
                assert_eq!(scenario.validate(), Ok(()), "{nodes} nodes, seed {seed}");
                let mut members = Members::of(&scenario);
                for planned in scenario.plan {
                    let fault = planned.fixed().expect("it is aimed at nodes");
                    let named = fault.nodes();
                    assert!(!named.is_empty() && named.iter().all(|place| place.0 < nodes + 2));
                    let spares = fault.downs().len() < members.placed().len();
                    members.take(&fault);
                    assert!(spares || fault.kind() == FaultKind::PowerLoss);
                }
            }
        }
    }

    #[test]
    fn some_are_aimed_at_roles_and_nothing_else_of_the_plan_changes() {
        let kinds = [FaultKind::Partition, FaultKind::Kill, FaultKind::Pause];
        let scenario = Scenario::quickstart();
        let drawn = |seed, aimed_percent| {
            let members = Members::of(&scenario);
            let time = Duration::from_secs(20);
            draw(&PlanOptions {
                seed,
                members,
                time,
                kinds: &kinds,
                aimed_percent,
            })
        };
        let (mut aimed, mut all) = (0, 0);
        for seed in 0..50 {
            for (half, none) in drawn(seed, 50).iter().zip(&drawn(seed, 0)) {
                assert_eq!(
                    (half.at, half.lasts, half.fault.shape()),
                    (none.at, none.lasts, none.fault.shape())
                );
                assert_eq!(half.validate(), Ok(()));
                aimed += usize::from(half.fixed().is_none());
                all += 1;
            }
        }
        assert!(
            aimed > all / 6 && aimed < all / 2,
            "{aimed} of {all}: not every shape can be"
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        assert_eq!(plan(7, 5, &FaultKind::ALL), plan(7, 5, &FaultKind::ALL));
        assert_ne!(plan(7, 5, &FaultKind::ALL), plan(8, 5, &FaultKind::ALL));
    }
}
