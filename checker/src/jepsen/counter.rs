//! The counter: numbers are added, and reads return their sum.

use serde::{Serialize, Serializer};

use super::report::{Part, Refusal, Report, at};
use crate::{
    counters::bounds::{Bounds, Sums},
    evidence::{CallTally, CallWords, Context},
    transcript::{Call, Transcript},
};

/// The figures of a counter, under Jepsen's names. Both lists are in order of the reads' ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CounterFigures {
    /// The ok reads.
    pub reads: Vec<CounterRead>,
    /// Those of them that are out of bounds.
    pub errors: Vec<CounterRead>,
}

/// A number that was read, and between which it had to be; as JSON `[least, value, greatest]`. A bound beyond 64 bits
/// is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterRead {
    /// At least this.
    pub least: i64,
    /// What was read.
    pub value: i64,
    /// At most this.
    pub greatest: i64,
}

impl Serialize for CounterRead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.least, self.value, self.greatest].serialize(serializer)
    }
}

/// How many adds a witness shows, the greatest of them. All that a number is made of may be very many.
const WITNESS_ADDS_MAX: usize = 32;

/// For how many violations evidence is gathered, which takes time in the number of adds.
const EVIDENCE_MAX: usize = 16;

/// Judges a counter (`add n`, `read -> n`) that begins at 0: `bounds` are broken by an ok read of less than all
/// acknowledged before it began and all that is negative and begun before it ended, or of more than the former and
/// all that is positive. A failed add is in neither. Tested are all ok reads. O(n log n).
///
/// Deviation: Jepsen's own is of additions alone. Where it is made to take negative ones, its lower bound sinks only
/// when they are acknowledged, and its upper bound before they are, so that it condemns reads that are right.
pub fn counter(transcript: &Transcript, context: &Context) -> Report<CounterFigures> {
    match judge(transcript, context) {
        Ok(report) => report,
        Err(refusal) => Report::refused(&["bounds"], &refusal),
    }
}

struct Add<'t> {
    call: &'t Call,
    delta: i128,
}

struct Miss<'t> {
    read: &'t Call,
    value: i128,
    bounds: Bounds,
}

fn judge(transcript: &Transcript, context: &Context) -> Result<Report<CounterFigures>, Refusal> {
    let mut tally = CallTally::new();
    let mut figures = CounterFigures::default();
    let mut adds = Vec::new();
    let mut reads = Vec::new();
    for call in transcript.calls() {
        match &*call.function {
            "add" if !call.is_possible() => {}
            "add" => {
                let delta = call.asked.as_int();
                let delta = delta.ok_or_else(|| Refusal::new(call, "it adds no integer of 64 bits"))?;
                adds.push(Add {
                    call,
                    delta: delta.into(),
                });
            }
            "read" if !call.is_ok() => {}
            "read" => match call.answered.as_int() {
                Some(value) => reads.push((call, value)),
                None => tally.doubt(|| at(call, "it read no integer of 64 bits")),
            },
            _ => return Err(Refusal::function(call, "a counter")),
        }
    }
    let begun = Sums::new(adds.iter().map(|add| (add.call.start, add.delta)).collect());
    let acked = adds.iter().filter(|add| add.call.is_ok());
    let acked = Sums::new(acked.map(|add| (add.call.end, add.delta)).collect());
    reads.sort_by_key(|(call, _)| call.end);
    for (read, value) in reads {
        let bounds = Bounds::new(acked.before(read.start), begun.before(read.end));
        let cut = |bound: i128| bound.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        let figure = CounterRead {
            least: cut(bounds.least),
            value,
            greatest: cut(bounds.greatest),
        };
        figures.reads.push(figure);
        tally.test(1);
        if bounds.contains(value.into()) {
            continue;
        }
        figures.errors.push(figure);
        if figures.errors.len() > EVIDENCE_MAX {
            tally.violate_again();
            continue;
        }
        let miss = Miss {
            read,
            value: value.into(),
            bounds,
        };
        let calls = evidence(&adds, &miss);
        tally.violate(transcript, context, calls, |words, calls| {
            tell(words, &miss, calls.len())
        });
    }
    Ok(Report {
        parts: vec![Part::claimed("bounds", tally.finish())],
        figures: Some(figures),
    })
}

/// Returns the read with the greatest acknowledged adds that count against it: for a number too low the positive
/// ones, for one too high the negative ones; as few as break the claim without the rest of the history, and at most
/// [`WITNESS_ADDS_MAX`].
fn evidence<'t>(adds: &[Add<'t>], miss: &Miss<'t>) -> Vec<&'t Call> {
    let is_low = miss.value < miss.bounds.least;
    let is_against = |add: &&Add<'_>| (add.delta > 0) == is_low && add.call.precedes(miss.read);
    let mut against: Vec<&Add<'t>> = adds.iter().filter(is_against).collect();
    against.sort_by_key(|add| (-add.delta.abs(), add.call.start));
    let mut sum = 0;
    let is_needed = |add: &&&Add<'t>| {
        let is_broken = if is_low { miss.value < sum } else { miss.value > sum };
        sum += add.delta;
        !is_broken
    };
    let needed = against.iter().take_while(is_needed).take(WITNESS_ADDS_MAX);
    needed.map(|add| add.call).chain([miss.read]).collect()
}

fn tell(words: CallWords<'_>, miss: &Miss<'_>, call_count: usize) -> String {
    let (read, span) = (words.call(miss.read), words.span(miss.read));
    let (bound, sign) = if miss.value < miss.bounds.least {
        (format!("at least {}", miss.bounds.least), "negative")
    } else {
        (format!("at most {}", miss.bounds.greatest), "positive")
    };
    let shown = match call_count {
        1 => String::new(),
        2 => " The add shown alone makes it wrong.".to_owned(),
        count => format!(" The {} adds shown are the greatest of them.", count - 1),
    };
    format!(
        "{read} {span} is out of bounds: what had been acknowledged before it began, and every {sign} add begun \
         before it ended, make {bound}.{shown}"
    )
}
