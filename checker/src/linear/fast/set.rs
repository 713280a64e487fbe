//! Grow-only sets that are read whole.
//!
//! In any order that explains a history of adds and reads, what one read returns contains what those before it did. So the reads,
//! sorted by how many elements they return, have to be a chain; reads of the same go in any order. With the chain a_1 <= a_2 <= ...
//! known, each call bounds the moments t of the reads. With an element's first add the earliest to begin, and its surest
//! the earliest acknowledged to end:
//!
//! - a read that returned e: t comes after the start of e's first add;
//! - a read that did not return e: t comes before the end of e's surest add;
//! - a read's t lies in its own time, and reads of less come before reads of more.
//!
//! These suffice: each element's first add can take effect right before the first read of the chain that returned it, as it ends
//! no earlier than the surest, and all its other adds as late as they can. Bounds from below carry over to all later reads of the chain, so moments exist exactly if no read's
//! least bound so far is after its own greatest. So if there are none, there are two calls x and y, x bounding a read from below
//! and y one that returned as much or more from above, with y ending before x begins, and an element or two to show it:
//!
//! | y ended | x began | so |
//! |---|---|---|
//! | a read of e | every add of e | e came from the future |
//! | an add of e | a read without e | e was lost |
//! | an add of e | every add of f | f was returned without e, which had been added before it |
//! | a read of e | a read without e that returned no more | e was seen and then not |
//!
//! Time and memory are linear in what reads returned, but for the sorting. Linearizability of sets with removes is decided for each
//! element by itself only if reads are of single elements; whole reads couple them, and that is not done here.

use rustc_hash::FxHashMap;

use super::Decision;
use crate::{
    datum::Datum,
    evidence::{CallTally, CallWords, Context},
    transcript::{Call, Transcript},
};

/// Decides whether `add e` and `read -> [e ...]` are of one linearizable set, which is empty at first. An element returned
/// twice is returned.
///
/// Tested are all ok calls; a violation is a read. Not applicable where somebody removes and somebody reads. Without reads
/// every history is linearizable.
pub fn set(transcript: &Transcript, context: &Context) -> Decision {
    let members = match Members::read(transcript) {
        Ok(members) => members,
        Err(decision) => return *decision,
    };
    let mut tally = CallTally::new();
    tally.test(transcript.calls().iter().filter(|call| call.is_ok()).count() as u64);
    if !members.find_phantoms(context, &mut tally) {
        match members.chain() {
            Ok(chain) => members.find_conflicts(context, &chain, &mut tally),
            Err(conflict) => members.violate(context, &mut tally, &conflict),
        }
    }
    Decision::Decided(tally.finish())
}

/// What is known of an element.
#[derive(Clone, Copy, Default)]
struct Member<'t> {
    /// Of the adds that may have happened, the one that began first.
    first: Option<&'t Call>,
    /// Of those that surely did, the one that ended first.
    surest: Option<&'t Call>,
    failed: Option<&'t Call>,
}

struct Read<'t> {
    call: &'t Call,
    /// What it returned, each once.
    members: Vec<u32>,
}

struct Members<'t> {
    transcript: &'t Transcript,
    members: Vec<Member<'t>>,
    names: Vec<&'t Datum>,
    reads: Vec<Read<'t>>,
}

/// The reads in order of what they returned.
struct Chain {
    reads: Vec<u32>,
    /// For each member the first place in the chain where it was returned.
    seen_from: Vec<u32>,
}

/// In all of these `before` is the call that ended before the other began.
enum Conflict<'t> {
    /// Two reads each of which returned what the other did not.
    Fork { reads: [usize; 2], members: [u32; 2] },
    /// A read of a member whose adds all began later.
    Future { read: usize, member: u32 },
    /// A read without a member that had been added before.
    Lost { read: usize, member: u32, add: &'t Call },
    /// A read of `later` without `member`, that had been added before it.
    Overtaken { read: usize, member: u32, later: u32 },
    /// A read of a member, then a read without it.
    Vanished { before: usize, read: usize, member: u32 },
}

impl Conflict<'_> {
    fn call_count(&self) -> usize {
        match self {
            Self::Future { .. } | Self::Lost { .. } => 2,
            Self::Overtaken { .. } | Self::Vanished { .. } => 3,
            Self::Fork { .. } => 4,
        }
    }
}

impl<'t> Members<'t> {
    fn read(transcript: &'t Transcript) -> Result<Self, Box<Decision>> {
        let not_applicable = |transcript, call, what| Box::new(Decision::not_applicable(transcript, call, what));
        let mut ids = FxHashMap::<&Datum, u32>::default();
        let mut this = Self {
            transcript,
            members: Vec::new(),
            names: Vec::new(),
            reads: Vec::new(),
        };
        let possible = || transcript.calls().iter().filter(|call| call.is_possible());
        let has_reads = possible().any(|call| *call.function == *"read" && call.is_ok());
        for call in transcript.calls() {
            match &*call.function {
                "add" => {
                    let id = this.id(&mut ids, &call.asked);
                    this.members[id as usize].take_add(call);
                }
                "read" if !call.is_ok() => {}
                "read" => {
                    let Some(items) = call.answered.items() else {
                        return Err(not_applicable(transcript, call, "returns no collection"));
                    };
                    let mut members: Vec<u32> = items.iter().map(|item| this.id(&mut ids, item)).collect();
                    members.sort_unstable();
                    members.dedup();
                    this.reads.push(Read { call, members });
                }
                "remove" if !call.is_possible() || !has_reads => {}
                "remove" => {
                    let why = "removes, and reads of the whole set couple all elements";
                    return Err(not_applicable(transcript, call, why));
                }
                _ if !call.is_possible() => {}
                _ => {
                    return Err(not_applicable(transcript, call, "is no function of this object"));
                }
            }
        }
        Ok(this)
    }

    fn id(&mut self, ids: &mut FxHashMap<&'t Datum, u32>, name: &'t Datum) -> u32 {
        *ids.entry(name).or_insert_with(|| {
            self.members.push(Member::default());
            self.names.push(name);
            self.members.len() as u32 - 1
        })
    }

    fn member(&self, id: u32) -> &Member<'t> {
        &self.members[id as usize]
    }

    /// Finds reads of what nobody added, and returns whether there are any.
    fn find_phantoms(&self, context: &Context, tally: &mut CallTally) -> bool {
        let mut is_any = false;
        for read in &self.reads {
            let Some(id) = read.members.iter().find(|id| self.member(**id).first.is_none()) else {
                continue;
            };
            is_any = true;
            let failed = self.member(*id).failed;
            let calls = failed.into_iter().chain([read.call]).collect();
            tally.violate(self.transcript, context, calls, |words, _| {
                let (read, name) = (whole(words, read.call), words.value(self.names[*id as usize]));
                match failed {
                    None => format!("{read} returned {name}, which nobody added."),
                    Some(add) => format!(
                        "{read} returned {name}, although {} had failed and nobody else added it.",
                        whole(words, add)
                    ),
                }
            });
        }
        is_any
    }

    /// Sorts the reads by what they returned.
    fn chain(&self) -> Result<Chain, Conflict<'t>> {
        let mut reads: Vec<u32> = (0..self.reads.len() as u32).collect();
        reads.sort_by_key(|read| self.reads[*read as usize].members.len());
        let mut seen_from = vec![u32::MAX; self.members.len()];
        let mut seen_count = 0;
        for (place, number) in (0..).zip(&reads) {
            let read = &self.reads[*number as usize];
            for id in &read.members {
                if seen_from[*id as usize] == u32::MAX {
                    seen_from[*id as usize] = place;
                    seen_count += 1;
                }
            }
            if seen_count > read.members.len() {
                return Err(self.fork(&reads, &seen_from, *number as usize));
            }
        }
        Ok(Chain { reads, seen_from })
    }

    /// Returns the read of the chain that returned what `number`, which returned no less, did not.
    fn fork(&self, reads: &[u32], seen_from: &[u32], number: usize) -> Conflict<'t> {
        let here = &self.reads[number].members;
        let is_missing = |id: &u32| seen_from[*id as usize] != u32::MAX && here.binary_search(id).is_err();
        let missing = (0..self.members.len() as u32).find(is_missing);
        let missing = missing.expect("more were returned so far than here");
        let other = reads[seen_from[missing as usize] as usize] as usize;
        let there = &self.reads[other].members;
        let extra = here.iter().copied().find(|id| there.binary_search(id).is_err());
        let extra = extra.expect("it returned no less, and lacks one");
        let sides = [(other, missing, number, extra), (number, extra, other, missing)];
        let lesser = sides.into_iter().filter_map(|side| self.lesser(side));
        lesser.min_by_key(Conflict::call_count).unwrap_or(Conflict::Fork {
            reads: [other, number],
            members: [missing, extra],
        })
    }

    /// Returns what is broken already if only `has`, returned by one read of a fork, existed, or if both did, but only that read.
    fn lesser(&self, (read, has, other, lacks): (usize, u32, usize, u32)) -> Option<Conflict<'t>> {
        let (call, other_call) = (self.reads[read].call, self.reads[other].call);
        let (first, surest) = (self.member(has).first?, self.member(lacks).surest);
        if call.precedes(first) {
            return Some(Conflict::Future { read, member: has });
        }
        if let Some(add) = surest.filter(|add| add.precedes(call)) {
            return Some(Conflict::Lost {
                read,
                member: lacks,
                add,
            });
        }
        if call.precedes(other_call) {
            return Some(Conflict::Vanished {
                before: read,
                read: other,
                member: has,
            });
        }
        surest.filter(|add| add.precedes(first)).map(|_| Conflict::Overtaken {
            read,
            member: lacks,
            later: has,
        })
    }

    fn find_conflicts(&self, context: &Context, chain: &Chain, tally: &mut CallTally) {
        let mut surest: Vec<(u32, &Call, u32)> = Vec::new();
        for (id, member) in (0..).zip(&self.members) {
            if let Some(add) = member.surest {
                surest.push((chain.seen_from[id as usize], add, id));
            }
        }
        surest.sort_unstable_by_key(|(seen_from, add, _)| (*seen_from, add.end));
        // The surest add to end first, of members first returned at this place of `surest` or later.
        let mut first_to_end: Vec<(&Call, u32)> = surest.iter().map(|(_, add, id)| (*add, *id)).collect();
        for place in (1..first_to_end.len()).rev() {
            if first_to_end[place].0.end < first_to_end[place - 1].0.end {
                first_to_end[place - 1] = first_to_end[place];
            }
        }
        let mut last_added: Option<(&Call, u32)> = None;
        let mut last_read: Option<usize> = None;
        let mut by_place: Vec<u32> = (0..self.members.len() as u32).collect();
        by_place.retain(|id| chain.seen_from[*id as usize] != u32::MAX);
        by_place.sort_unstable_by_key(|id| chain.seen_from[*id as usize]);
        let mut by_place = by_place.into_iter().peekable();
        let mut from = 0;
        while from < chain.reads.len() {
            let number = |place: usize| chain.reads[place] as usize;
            let size = |place: usize| self.reads[number(place)].members.len();
            let to = from
                + (from..chain.reads.len())
                    .take_while(|place| size(*place) == size(from))
                    .count();
            while let Some(id) = by_place.next_if(|id| (chain.seen_from[*id as usize] as usize) < to) {
                let add = self.member(id).first.expect("what nobody added was found");
                if last_added.is_none_or(|(last, _)| last.start < add.start) {
                    last_added = Some((add, id));
                }
            }
            let later = surest.partition_point(|(seen_from, ..)| (*seen_from as usize) < to);
            let missing = first_to_end.get(later).copied();
            for place in from..to {
                let read = number(place);
                let call = self.reads[read].call;
                let conflict = match (last_added, last_read, missing) {
                    (Some((add, member)), ..) if call.end < add.start => Some(Conflict::Future { read, member }),
                    (_, _, Some((add, member))) if add.end < call.start => Some(Conflict::Lost { read, member, add }),
                    (Some((last, later)), _, Some((add, member))) if add.end < last.start => {
                        Some(Conflict::Overtaken { read, member, later })
                    }
                    (_, Some(last), _) if call.end < self.reads[last].call.start => Some(Conflict::Vanished {
                        before: read,
                        read: last,
                        member: self.extra(read, last),
                    }),
                    _ => None,
                };
                if let Some(conflict) = conflict {
                    self.violate(context, tally, &conflict);
                }
            }
            for place in from..to {
                let start = self.reads[number(place)].call.start;
                if last_read.is_none_or(|last| self.reads[last].call.start < start) {
                    last_read = Some(number(place));
                }
            }
            from = to;
        }
    }

    /// Returns a member that `read` returned and `other` did not.
    fn extra(&self, read: usize, other: usize) -> u32 {
        let there = &self.reads[other].members;
        let mut extra = self.reads[read]
            .members
            .iter()
            .filter(|id| there.binary_search(id).is_err());
        *extra.next().expect("it returned more")
    }

    fn violate(&self, context: &Context, tally: &mut CallTally, conflict: &Conflict<'t>) {
        let read = |number: usize| self.reads[number].call;
        let first = |id: u32| self.member(id).first.expect("what nobody added was found");
        let surest = |id: u32| self.member(id).surest.expect("it was surely added");
        let calls = match *conflict {
            Conflict::Fork { reads, members } => {
                vec![read(reads[0]), read(reads[1]), first(members[0]), first(members[1])]
            }
            Conflict::Future { read: number, member } => vec![read(number), first(member)],
            Conflict::Lost { read: number, add, .. } => vec![read(number), add],
            Conflict::Overtaken {
                read: number,
                member,
                later,
            } => vec![read(number), surest(member), first(later)],
            Conflict::Vanished {
                before,
                read: number,
                member,
            } => vec![read(before), read(number), first(member)],
        };
        tally.violate(self.transcript, context, calls, |words, _| self.tell(words, conflict));
    }

    fn tell(&self, words: CallWords<'_>, conflict: &Conflict<'_>) -> String {
        let name = |id: u32| words.value(self.names[id as usize]);
        let read = |number: usize| whole(words, self.reads[number].call);
        let ended = |call: &Call| format!("{} ended at {}", words.call(call), words.ended(call));
        let began = |call: &Call| format!("{} began at {}", words.call(call), words.began(call));
        match *conflict {
            Conflict::Fork {
                reads: [a, b],
                members: [x, y],
            } => format!(
                "{} returned {} without {}, and {} returned {} without {}: neither of the two can have been first.",
                read(a),
                name(x),
                name(y),
                read(b),
                name(y),
                name(x)
            ),
            Conflict::Future { read: number, member } => format!(
                "{} returned {}, before {}.",
                read(number),
                name(member),
                self.member(member).first.map(began).unwrap_or_default()
            ),
            Conflict::Lost {
                read: number,
                member,
                add,
            } => format!(
                "{} did not return {}, although {}, before it.",
                read(number),
                name(member),
                ended(add)
            ),
            Conflict::Overtaken {
                read: number,
                member,
                later,
            } => format!(
                "{} returned {} without {}, although {}, before {}.",
                read(number),
                name(later),
                name(member),
                self.member(member).surest.map(ended).unwrap_or_default(),
                self.member(later).first.map(began).unwrap_or_default()
            ),
            Conflict::Vanished {
                before,
                read: number,
                member,
            } => format!(
                "{} returned {}, and {} after it did not.",
                read(before),
                name(member),
                read(number)
            ),
        }
    }
}

impl<'t> Member<'t> {
    fn take_add(&mut self, add: &'t Call) {
        if !add.is_possible() {
            self.failed.get_or_insert(add);
            return;
        }
        // Calls come in order of their starts.
        self.first.get_or_insert(add);
        if add.is_ok() && self.surest.is_none_or(|surest| add.end < surest.end) {
            self.surest = Some(add);
        }
    }
}

fn whole(words: CallWords<'_>, call: &Call) -> String {
    format!("{} {}", words.call(call), words.span(call))
}
