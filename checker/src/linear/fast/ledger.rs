//! What was put into a collection and taken out of it: the common ground of queues and stacks.
//!
//! Each element is put in at most once, so that a take says of which put it is. What is broken whatever the order of
//! elements is found here: a take of what nobody put, of what was put later, or of what was taken already.
//!
//! A drain is so many takes, each at a moment of its own within the drain's time.
//!
//! Calls that surely did not happen are dropped, and so are those that may not have: a put of unknown outcome whose element nobody
//! took only stands in the way; one whose element was taken never ends. A take of unknown outcome has taken one of the
//! elements that nobody else took, or none: it is kept as a *spare*, for those who can make use of it.

use rustc_hash::FxHashMap;

use super::{Decision, moment::Span};
use crate::{
    datum::Datum,
    evidence::{CallTally, CallWords, Context},
    history::Outcome,
    transcript::{Call, Transcript},
};

/// What a collection's functions are called.
#[derive(Debug)]
pub(super) struct Trade {
    pub(super) noun: &'static str,
    pub(super) put: &'static str,
    pub(super) take: &'static str,
    /// Takes one after another.
    pub(super) drain: Option<&'static str>,
    /// As in `was dequeued`.
    pub(super) taken: &'static str,
    /// As in `nobody enqueued`.
    pub(super) did_put: &'static str,
}

impl Trade {
    /// Of queues, in order or not.
    pub(super) const QUEUE: Self = Self {
        noun: "queue",
        put: "enqueue",
        take: "dequeue",
        drain: Some("drain"),
        taken: "dequeued",
        did_put: "enqueued",
    };
}

/// An element's way in and out. Calls are known by their place in the transcript.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    pub(super) put: u32,
    /// What took it out; nothing if nobody surely did.
    pub(super) take: Option<u32>,
    pub(super) puts: Span,
    /// [`Span::NEVER`] if nobody took it.
    pub(super) takes: Span,
}

/// All passages of one collection, and what saw it empty.
#[derive(Clone, Debug)]
pub(super) struct Ledger<'t> {
    pub(super) transcript: &'t Transcript,
    pub(super) trade: &'static Trade,
    /// In order of the puts' starts.
    pub(super) passages: Vec<Passage>,
    /// Takes that found nothing.
    pub(super) empties: Vec<u32>,
    /// Takes of unknown outcome.
    pub(super) spares: Vec<u32>,
    /// Whether a drain's outcome is unknown.
    pub(super) has_spare_drain: bool,
    pub(super) tested: u64,
}

impl Passage {
    /// Returns between which moments the element was surely inside, if there are such: from the end of its put to the
    /// start of its take. Without them it can have gone in and out in an instant.
    pub(super) fn core(&self) -> Option<Span> {
        let core = Span {
            start: self.puts.end,
            end: self.takes.start,
        };
        (core.start < core.end).then_some(core)
    }

    pub(super) fn is_taken(&self) -> bool {
        self.take.is_some()
    }
}

impl<'t> Ledger<'t> {
    /// Reads a transcript.
    ///
    /// # Errors
    /// The decision, if it can be made without regard to order, or can't be made here.
    pub(super) fn read(
        transcript: &'t Transcript,
        context: &Context,
        trade: &'static Trade,
    ) -> Result<Self, Box<Decision>> {
        let mut reader = Reader {
            ledger: Self {
                transcript,
                trade,
                passages: Vec::new(),
                empties: Vec::new(),
                spares: Vec::new(),
                has_spare_drain: false,
                tested: transcript.calls().iter().filter(|call| call.is_ok()).count() as u64,
            },
            context,
            ids: FxHashMap::default(),
            mentions: Vec::new(),
            tally: CallTally::new(),
            broken_take: None,
        };
        reader.tally.test(reader.ledger.tested);
        for (place, call) in numbered(transcript).filter(|(_, call)| *call.function == *trade.put) {
            reader.read_put(place, call)?;
        }
        for (place, call) in numbered(transcript).filter(|(_, call)| *call.function != *trade.put) {
            reader.read_other(place, call)?;
        }
        reader.finish()
    }

    pub(super) fn call(&self, place: u32) -> &'t Call {
        &self.transcript.calls()[place as usize]
    }

    pub(super) fn value(&self, passage: &Passage) -> &'t Datum {
        &self.call(passage.put).asked
    }

    /// Returns the call that took the element, if one did.
    pub(super) fn take_of(&self, passage: &Passage) -> Option<&'t Call> {
        passage.take.map(|take| self.call(take))
    }

    /// Returns the calls of a passage.
    pub(super) fn calls_of(&self, passage: &Passage) -> impl Iterator<Item = &'t Call> + use<'t> {
        [Some(self.call(passage.put)), self.take_of(passage)]
            .into_iter()
            .flatten()
    }

    /// Returns whether a call of unknown outcome may have taken what nobody else took.
    pub(super) fn has_loose_ends(&self) -> bool {
        let may_take = self.has_spare_drain || !self.spares.is_empty();
        may_take && self.passages.iter().any(|passage| !passage.is_taken())
    }

    /// Returns the ledger without calls of unknown outcome, as if none of them had happened.
    pub(super) fn without_spares(&self) -> Self {
        Self {
            spares: Vec::new(),
            has_spare_drain: false,
            ..self.clone()
        }
    }

    /// Returns the ledger without the elements that nobody took.
    pub(super) fn without_untaken(&self) -> Self {
        let taken = |passage: &&Passage| passage.is_taken();
        Self {
            passages: self.passages.iter().filter(taken).copied().collect(),
            ..self.without_spares()
        }
    }

    /// Returns how many parts there are that can be left out one by one: empties, then passages.
    pub(super) fn part_count(&self) -> usize {
        self.empties.len() + self.passages.len()
    }

    /// Returns the ledger of these parts, in rising order.
    pub(super) fn only(&self, parts: &[usize]) -> Self {
        let empties_end = self.empties.len();
        let (empties, passages) = parts.split_at(parts.partition_point(|part| *part < empties_end));
        Self {
            transcript: self.transcript,
            trade: self.trade,
            passages: passages.iter().map(|part| self.passages[*part - empties_end]).collect(),
            empties: empties.iter().map(|part| self.empties[*part]).collect(),
            spares: self.spares.clone(),
            has_spare_drain: self.has_spare_drain,
            tested: self.tested,
        }
    }

    /// Returns that nothing is broken.
    pub(super) fn sound(&self) -> Decision {
        let mut tally = CallTally::new();
        tally.test(self.tested);
        Decision::Decided(tally.finish())
    }

    /// Returns that these calls break the claim.
    pub(super) fn broken(
        &self,
        context: &Context,
        calls: Vec<&'t Call>,
        tell: impl FnOnce(CallWords<'_>) -> String,
    ) -> Decision {
        let mut tally = CallTally::new();
        tally.test(self.tested);
        tally.violate(self.transcript, context, calls, |words, _| tell(words));
        Decision::Decided(tally.finish())
    }
}

/// A ledger in the making.
struct Reader<'t, 'c> {
    ledger: Ledger<'t>,
    context: &'c Context,
    ids: FxHashMap<&'t Datum, u32>,
    mentions: Vec<Mention>,
    tally: CallTally,
    /// The last take found broken: one that took many is broken once.
    broken_take: Option<u32>,
}

/// What is known of a value.
#[derive(Clone, Copy, Default)]
struct Mention {
    put: Option<u32>,
    failed_put: Option<u32>,
    take: Option<u32>,
}

impl<'t> Reader<'t, '_> {
    fn read_put(&mut self, place: u32, call: &'t Call) -> Result<(), Box<Decision>> {
        if call.asked.is_nil() && call.is_possible() {
            let why = "puts in nil, which is what a take finds where nothing is";
            return Err(self.not_applicable(why, call));
        }
        let id = *self.ids.entry(&call.asked).or_insert_with(|| {
            self.mentions.push(Mention::default());
            self.mentions.len() as u32 - 1
        });
        let mention = &mut self.mentions[id as usize];
        if !call.is_possible() {
            mention.failed_put.get_or_insert(place);
        } else if mention.put.replace(place).is_some() {
            return Err(self.not_applicable("puts in a value for the second time", call));
        }
        Ok(())
    }

    fn read_other(&mut self, place: u32, call: &'t Call) -> Result<(), Box<Decision>> {
        let trade = self.ledger.trade;
        let is_take = *call.function == *trade.take;
        let is_drain = trade.drain.is_some_and(|drain| *call.function == *drain);
        match call.outcome {
            Outcome::Fail => {}
            _ if !is_take && !is_drain => {
                return Err(self.not_applicable("is no function of this object", call));
            }
            Outcome::Info if is_take => self.ledger.spares.push(place),
            Outcome::Info => self.ledger.has_spare_drain = true,
            Outcome::Ok if is_take && call.answered.is_nil() => self.ledger.empties.push(place),
            Outcome::Ok if is_take => self.read_take(place, &call.answered),
            Outcome::Ok if call.answered.is_nil() => {}
            Outcome::Ok => {
                let Some(items) = call.answered.items() else {
                    return Err(self.not_applicable("returns no list", call));
                };
                for item in items {
                    self.read_take(place, item);
                }
            }
        }
        Ok(())
    }

    /// Takes in that the call at `place` took `value`, and whether it can have.
    fn read_take(&mut self, place: u32, value: &'t Datum) {
        let (ledger, take) = (&self.ledger, self.ledger.call(place));
        let id = self.ids.get(value).copied();
        let mut nobody = Mention::default();
        let mention = id.map_or(&mut nobody, |id| &mut self.mentions[id as usize]);
        let first = mention.take.replace(place).map(|first| ledger.call(first));
        let failed = mention.failed_put.map(|put| ledger.call(put));
        let (calls, conflict) = match (mention.put.map(|put| ledger.call(put)), first) {
            (None, _) => {
                let calls = failed.into_iter().chain([take]).collect();
                (calls, Conflict::Phantom { take, value, failed })
            }
            (Some(put), Some(first)) => (vec![put, first, take], Conflict::Twice { put, first, take }),
            (Some(put), None) if take.precedes(put) => (vec![put, take], Conflict::Early { put, take }),
            (Some(_), None) => return,
        };
        if self.broken_take != Some(place) {
            self.broken_take = Some(place);
            let (transcript, trade) = (ledger.transcript, ledger.trade);
            self.tally.violate(transcript, self.context, calls, |words, _| {
                tell(words, trade, &conflict)
            });
        }
    }

    fn not_applicable(&self, what: &str, call: &Call) -> Box<Decision> {
        Box::new(Decision::not_applicable(self.ledger.transcript, call, what))
    }

    fn finish(mut self) -> Result<Ledger<'t>, Box<Decision>> {
        let finding = self.tally.finish();
        if finding.count > 0 {
            return Err(Box::new(Decision::Decided(finding)));
        }
        let transcript = self.ledger.transcript;
        let passages = &mut self.ledger.passages;
        passages.extend(self.mentions.iter().filter_map(|it| passage(transcript, it)));
        // Of a value that was put again after a put that failed, the first mention is not the put.
        passages.sort_unstable_by_key(|passage| passage.put);
        Ok(self.ledger)
    }
}

/// What is broken in whatever order elements come.
enum Conflict<'t> {
    /// A take of what nobody put.
    Phantom {
        take: &'t Call,
        value: &'t Datum,
        failed: Option<&'t Call>,
    },
    /// The second take of what was put once.
    Twice {
        put: &'t Call,
        first: &'t Call,
        take: &'t Call,
    },
    /// A take that had ended when the put began.
    Early { put: &'t Call, take: &'t Call },
}

fn numbered(transcript: &Transcript) -> impl Iterator<Item = (u32, &Call)> {
    (0..).zip(transcript.calls())
}

fn passage(transcript: &Transcript, mention: &Mention) -> Option<Passage> {
    let put = mention.put?;
    let call = |place: u32| &transcript.calls()[place as usize];
    if mention.take.is_none() && !call(put).is_ok() {
        return None;
    }
    Some(Passage {
        put,
        take: mention.take,
        puts: Span::of(call(put)),
        takes: mention.take.map_or(Span::NEVER, |take| Span::of(call(take))),
    })
}

fn tell(words: CallWords<'_>, trade: &Trade, conflict: &Conflict<'_>) -> String {
    let whole = |call: &Call| format!("{} {}", words.call(call), words.span(call));
    match conflict {
        Conflict::Phantom {
            take,
            value,
            failed: None,
        } => format!(
            "{} returned {}, which nobody {}.",
            whole(take),
            words.value(value),
            trade.did_put
        ),
        Conflict::Phantom {
            take,
            value,
            failed: Some(put),
        } => format!(
            "{} returned {}, although {} had failed and nobody else {} it.",
            whole(take),
            words.value(value),
            whole(put),
            trade.did_put
        ),
        Conflict::Twice { put, first, take } => format!(
            "{} put {} into the {} once, and it was {} twice: by {} and by {}.",
            whole(put),
            words.value(&put.asked),
            trade.noun,
            trade.taken,
            whole(first),
            whole(take)
        ),
        Conflict::Early { put, take } => format!(
            "{} ended at {}, before {} began at {}.",
            words.call(take),
            words.ended(take),
            words.call(put),
            words.began(put)
        ),
    }
}
