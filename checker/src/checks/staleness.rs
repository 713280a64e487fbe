//! How stale reads are: how many versions behind, and for how long the value had been overwritten by then.
//!
//! A read that returned v is behind by as many versions as acknowledged writes that ended before it began are newer than
//! v, and has been since the first of them ended. (Golab, Li and Shah, *Analyzing Consistency Properties for Fun and
//! Profit*, PODC 2011, measure both; Bailis et al., *Probabilistically Bounded Staleness*, VLDB 2012, predict both.)
//! Newer is
//!
//! - by the store's versions, where every value of the key that counts has one and nothing contradicts them
//!   ([`version_order`](super::version_order));
//! - else by real time alone: written by a write that began after v's had ended. That is certain under every order of
//!   the writes, so what is measured is the least that it can be.
//!
//! Which of the two, and why not the first, is said with the figures. By versions a read is never less stale than by
//! real time. A write of unknown outcome makes nothing stale; what one wrote is by real time never stale, as it may have
//! come last.
//!
//! One sweep a key, with a binary search and a search in a tree for each read: O(n log n) time and linear memory.

use serde::Serialize;
use serde_json::Value;

use super::{clusters, dominance::count_above_and_before, phantoms, version_order::Stamps};
use crate::{
    evidence::{Context, Tally, Words, ended_ns},
    history::{History, KeyId, Op, Outcome, Position},
};

/// How stale the reads of a history are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Staleness {
    /// How many ok reads could be judged.
    pub reads: u64,
    /// How many of them returned a value that an acknowledged write had overwritten when they began.
    pub stale: u64,
    /// The share of stale ones, from 0 to 1; 0 without any reads.
    pub share: f64,
    /// How many versions behind they were; fresh ones are by 0.
    pub versions: Distribution,
    /// For how many nanoseconds their value had been overwritten when they began; of fresh ones for 0.
    pub time_ns: Distribution,
    /// The read that was the most versions behind; of several the one that was for the longest, and of those the
    /// earliest.
    pub worst: Option<WorstRead>,
    /// How many reads were judged by the store's versions; the others by real time.
    pub reads_by_version: u64,
    /// Why reads were judged by real time alone: the first key with such, why its versions say nothing or are not to be
    /// trusted, and how many more such keys there are.
    pub no_versions: Option<String>,
    /// How many ok reads could not be judged: of keys with a value written more than once, of what was not written by
    /// then, and of nothing of which it is not clear which delete it saw.
    pub unjudged: u64,
    /// Why; the first key with such, and how many more there are.
    pub unknown: Option<String>,
}

/// How one figure is spread over the reads that were judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Distribution {
    /// The median: half of the reads, or more, have no more than this. Quantiles are figures that occur (nearest rank).
    pub p50: u64,
    /// Nine in ten have no more.
    pub p90: u64,
    /// 99 in a hundred.
    pub p99: u64,
    /// 999 in a thousand.
    pub p999: u64,
    /// All.
    pub max: u64,
    /// How many reads have which figure. The bounds are 0, 1, 3, 7 and so on, up to the first that is not below `max`.
    pub histogram: Vec<Bucket>,
}

/// How many reads have a figure in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// The greatest figure in it; the least is one above the greatest of the bucket before.
    pub up_to: u64,
    /// How many reads.
    pub count: u64,
}

/// The stalest read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorstRead {
    /// The `index` of its invocation.
    pub index: u64,
    /// What it read.
    pub key: String,
    /// What it returned.
    pub value: Value,
    /// How many versions behind it was.
    pub versions: u64,
    /// For how many nanoseconds its value had been overwritten.
    pub time_ns: u64,
    /// By what order of the writes.
    pub by: WriteOrder,
    /// In words.
    pub text: String,
}

/// What tells which of two writes is the newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteOrder {
    /// The versions that the store reported.
    Versions,
    /// That the one had been acknowledged before the other began.
    RealTime,
}

/// How stale one read is.
#[derive(Clone, Copy, Debug)]
pub struct ReadStaleness<'h> {
    /// The read.
    pub read: &'h Op,
    /// How many versions behind it was: 0 if it was fresh.
    pub versions: u64,
    /// For how many nanoseconds its value had been overwritten when it began.
    pub time_ns: u64,
    /// By what order of the writes.
    pub by: WriteOrder,
}

/// Returns how stale the reads of `history` are.
pub fn staleness(history: &History) -> Staleness {
    let mut tally: Tally<'_, ()> = Tally::new();
    let mut no_versions: Tally<'_, ()> = Tally::new();
    let mut figures = Figures::default();
    for key in history.keys() {
        let judge = Judge::new(history, key, &mut tally);
        if let Some(why) = judge.as_ref().and_then(|judge| judge.no_versions.as_ref()) {
            no_versions.doubt(history, key, why);
        }
        if let Some(judge) = judge {
            judge.each_read(|it| figures.add(it));
        }
    }
    let ok_reads = history.ops().iter().filter(|op| op.is_ok_read()).count() as u64;
    let reason = |tally: Tally<'_, ()>| {
        let finding = tally.finish(history, &Context::default(), |_, (), _| String::new());
        finding.unknown
    };
    let stale = figures.versions.len() as u64;
    Staleness {
        reads: figures.reads,
        stale,
        share: if figures.reads == 0 {
            0.0
        } else {
            stale as f64 / figures.reads as f64
        },
        versions: Distribution::new(figures.versions, figures.reads),
        time_ns: Distribution::new(figures.times_ns, figures.reads),
        worst: figures.worst.map(|worst| WorstRead::new(history, &worst)),
        reads_by_version: figures.reads_by_version,
        no_versions: reason(no_versions),
        unjudged: ok_reads - figures.reads,
        unknown: reason(tally),
    }
}

/// Gives `visit` every ok read that can be judged, key by key, and in each in order of invocation.
pub fn each_read_staleness<'h>(history: &'h History, mut visit: impl FnMut(ReadStaleness<'h>)) {
    for key in history.keys() {
        if let Some(judge) = Judge::new(history, key, &mut Tally::<()>::new()) {
            judge.each_read(&mut visit);
        }
    }
}

/// All that the figures of a history are made of: fresh reads are counted, of stale ones the figures kept.
#[derive(Default)]
struct Figures<'h> {
    reads: u64,
    reads_by_version: u64,
    versions: Vec<u64>,
    times_ns: Vec<u64>,
    worst: Option<ReadStaleness<'h>>,
}

impl<'h> Figures<'h> {
    fn add(&mut self, it: ReadStaleness<'h>) {
        self.reads += 1;
        self.reads_by_version += u64::from(it.by == WriteOrder::Versions);
        if it.versions == 0 {
            return;
        }
        self.versions.push(it.versions);
        self.times_ns.push(it.time_ns);
        let rank = |it: &ReadStaleness| (it.versions, it.time_ns, std::cmp::Reverse(it.read.start));
        if self.worst.as_ref().is_none_or(|worst| rank(worst) < rank(&it)) {
            self.worst = Some(it);
        }
    }
}

impl Distribution {
    /// Spreads `figures` of some of `count` reads; those of the others are 0.
    fn new(mut figures: Vec<u64>, count: u64) -> Self {
        figures.sort_unstable();
        let zero_count = count - figures.len() as u64;
        let quantile = |per_mille: u64| {
            let rank = (count * per_mille).div_ceil(1000);
            let above = rank.checked_sub(zero_count + 1);
            above.map_or(0, |above| figures[above as usize])
        };
        let max = figures.last().copied().unwrap_or(0);
        let mut histogram = Vec::new();
        let mut counted = 0;
        for up_to in (0..=u64::BITS).map(|bits| u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0)) {
            if counted == count {
                break;
            }
            let so_far = zero_count + figures.partition_point(|figure| *figure <= up_to) as u64;
            histogram.push(Bucket {
                up_to,
                count: so_far - counted,
            });
            counted = so_far;
        }
        Self {
            p50: quantile(500),
            p90: quantile(900),
            p99: quantile(990),
            p999: quantile(999),
            max,
            histogram,
        }
    }
}

impl WorstRead {
    fn new(history: &History, worst: &ReadStaleness<'_>) -> Self {
        let words = Words { history };
        let returned = words.return_of(worst.read);
        let by = match worst.by {
            WriteOrder::Versions => "by the store's versions",
            WriteOrder::RealTime => "by real time at least",
        };
        let text = format!(
            "{returned}, {} versions behind {by}, the first of them acknowledged {} before.",
            worst.versions,
            match worst.time_ns / 1_000_000 {
                0 => format!("{} ns", worst.time_ns),
                ms => format!("{ms} ms"),
            }
        );
        Self {
            index: worst.read.index,
            key: history.key(worst.read.key).to_owned(),
            value: history.value(worst.read.value).clone(),
            versions: worst.versions,
            time_ns: worst.time_ns,
            by: worst.by,
            text,
        }
    }
}

/// What the reads of one key are judged by.
struct Judge<'h> {
    history: &'h History,
    reads: Vec<&'h Op>,
    acked: Vec<&'h Op>,
    stamps: Stamps<'h>,
    no_versions: Option<String>,
}

impl<'h> Judge<'h> {
    /// Returns none if values of `key` say nothing, or it has no reads that do.
    fn new(history: &'h History, key: KeyId, tally: &mut Tally<'_, ()>) -> Option<Self> {
        let has_reads = history.ops_of(key).any(Op::is_ok_read);
        if !has_reads || !clusters::can_judge(history, key, tally) {
            return None;
        }
        let (reads, phantoms): (Vec<&Op>, Vec<&Op>) =
            clusters::clear_reads(history, key).partition(|read| phantoms::is_known(history, read));
        if !phantoms.is_empty() {
            tally.doubt(history, key, "a read returned what was not written by then");
        }
        if reads.is_empty() {
            return None;
        }
        let stamps = Stamps::new(history, key);
        let acked = history.ops_of(key).filter(|op| op.is_acked_write()).collect();
        let mut judge = Self {
            history,
            reads,
            acked,
            stamps,
            no_versions: None,
        };
        judge.no_versions = judge.why_no_versions(key);
        Some(judge)
    }

    /// Returns why versions do not tell the order of the key's writes, if they don't.
    fn why_no_versions(&self, key: KeyId) -> Option<String> {
        let words = Words { history: self.history };
        let is_unversioned = |op: &&&Op| !op.value.is_nil() && self.stamps.version(op.value).is_none();
        if let Some(op) = self.acked.iter().chain(&self.reads).find(is_unversioned) {
            return Some(format!("of {} no version was reported", words.write_of(op.value)));
        }
        let mut conflict = None;
        self.stamps.each_conflict(self.history, key, |it| {
            conflict.get_or_insert(it);
        });
        conflict.map(|conflict| conflict.tell(words))
    }

    fn each_read(&self, visit: impl FnMut(ReadStaleness<'h>)) {
        match self.no_versions {
            // Nothing, at first, is older than every version.
            None => {
                let version = |op: &Op| self.stamps.version(op.value);
                let written = self.acked.iter().map(|write| (version(write), *write));
                let read = self.reads.iter().map(|read| (version(read), *read));
                measure(
                    WriteOrder::Versions,
                    written.collect(),
                    &read.collect::<Vec<_>>(),
                    visit,
                );
            }
            Some(_) => {
                let written = self.acked.iter().map(|write| (write.start, *write));
                let read = self.reads.iter().map(|read| (self.write_end(read), *read));
                measure(
                    WriteOrder::RealTime,
                    written.collect(),
                    &read.collect::<Vec<_>>(),
                    visit,
                );
            }
        }
    }

    fn write_end(&self, read: &Op) -> Position {
        let write = self.history.write_of(read.value);
        assert!(
            write.is_some() || read.value.is_nil(),
            "it is known which write {read:?} saw"
        );
        write.map_or(Position::BEFORE_ALL, |write| match write.outcome {
            Outcome::Ok => write.end,
            Outcome::Info | Outcome::Fail => Position::NEVER,
        })
    }
}

/// Gives `visit` each of `reads`, by the acknowledged writes that `written` has above it and that ended before it began.
fn measure<'h, X: Ord + Copy>(
    by: WriteOrder,
    mut written: Vec<(X, &'h Op)>,
    reads: &[(X, &'h Op)],
    mut visit: impl FnMut(ReadStaleness<'h>),
) {
    let points = written.iter().map(|(at, write)| (*at, write.end)).collect();
    let questions: Vec<(X, Position)> = reads.iter().map(|(at, read)| (*at, read.start)).collect();
    let counts = count_above_and_before(points, &questions);
    // By place the first to end of the writes from there on.
    written.sort_unstable_by_key(|(at, _)| *at);
    let mut first_to_end: Vec<&Op> = written.iter().map(|(_, write)| *write).collect();
    for at in (1..first_to_end.len()).rev() {
        if first_to_end[at].end < first_to_end[at - 1].end {
            first_to_end[at - 1] = first_to_end[at];
        }
    }
    for ((at, read), count) in reads.iter().zip(counts) {
        let above = written.partition_point(|(it, _)| it <= at);
        let overwritten_ns = first_to_end
            .get(above)
            .filter(|_| count > 0)
            .map(|write| ended_ns(write));
        visit(ReadStaleness {
            read,
            versions: u64::from(count),
            time_ns: overwritten_ns.map_or(0, |end_ns| read.start_ns.saturating_sub(end_ns)),
            by,
        });
    }
}
