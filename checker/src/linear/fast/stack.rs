//! Stacks with distinct values: what is popped is what was pushed last of all that is inside.
//!
//! Where no pop comes before its push, a history is linearizable exactly if the elements' lifetimes can be chosen so that no two
//! cross (`layers.rs`), and whoever found the stack empty has a moment in no core (`emptiness.rs`). One does not disturb the
//! other: at a moment without cores, lifetimes are cut and stay uncrossed.
//!
//! **Calls of unknown outcome.** Pushes are no matter (`ledger.rs`), and nor are pops if all that was pushed was surely popped. Else one may have
//! removed an element that nobody else did, and which one matters. Three shapes are decided, in this order, and all else is not
//! applicable: it is broken without the elements that nobody popped; it is sound without those pops; some moment fails
//! already for an unordered queue.

use super::{
    Decision, emptiness,
    emptiness::Watcher,
    layers::{self, Layer},
    ledger::{Ledger, Passage, Trade},
    moment::Span,
    shrink,
};
use crate::{
    evidence::{CallWords, Context},
    transcript::Transcript,
};

const TRADE: Trade = Trade {
    noun: "stack",
    put: "push",
    take: "pop",
    drain: None,
    taken: "popped",
    did_put: "pushed",
};

/// Up to how many elements a crossing is searched for the fewest that still cross; and how many words name.
const SHRUNK_COUNT_MAX: usize = 1_000;
const NAMED_COUNT_MAX: usize = 8;

/// Decides whether `push v` and `pop -> v`, or `-> nil` if there is nothing, are of one linearizable stack, which is empty at
/// first.
///
/// Tested are all ok calls. Not applicable where a value is pushed twice, and in part of the cases where a pop of unknown
/// outcome may have removed what nobody else did (see the module).
pub fn stack(transcript: &Transcript, context: &Context) -> Decision {
    match Ledger::read(transcript, context, &TRADE) {
        Ok(ledger) => decide(&ledger, context),
        Err(decision) => *decision,
    }
}

enum Conflict {
    Watcher(Watcher),
    /// Elements whose lifetimes cross, whatever they are.
    Crossing(Vec<usize>),
}

fn decide(ledger: &Ledger<'_>, context: &Context) -> Decision {
    if !ledger.has_loose_ends() {
        return judge(&ledger.without_spares(), context);
    }
    let taken = ledger.without_untaken();
    if conflict(&taken).is_err() {
        return judge(&taken, context);
    }
    if conflict(&ledger.without_spares()).is_ok() {
        return ledger.sound();
    }
    if let Err(watcher) = emptiness::check(ledger) {
        return emptiness::decision(ledger, watcher, context);
    }
    Decision::NotApplicable("a pop of unknown outcome may have removed what nobody else did".to_owned())
}

fn judge(ledger: &Ledger<'_>, context: &Context) -> Decision {
    match conflict(ledger) {
        Ok(()) => ledger.sound(),
        Err(Conflict::Watcher(watcher)) => {
            let mut least = emptiness::evidence(ledger, watcher);
            // What kept the stack from being empty may be impossible by itself.
            let watchers = std::mem::take(&mut least.empties);
            match conflict(&least) {
                Err(Conflict::Crossing(chain)) => crossing(&least, context, &chain),
                _ => {
                    least.empties = watchers;
                    emptiness::broken(&least, context)
                }
            }
        }
        Err(Conflict::Crossing(chain)) => crossing(ledger, context, &chain),
    }
}

fn conflict(ledger: &Ledger<'_>) -> Result<(), Conflict> {
    emptiness::check(ledger).map_err(Conflict::Watcher)?;
    let passages = ledger.passages.iter().enumerate();
    let with_core = passages.filter_map(|(number, passage)| Some((number, layer(passage)?)));
    let (numbers, layers): (Vec<usize>, Vec<Layer>) = with_core.unzip();
    match layers::crossing(&layers) {
        None => Ok(()),
        Some(chain) => Err(Conflict::Crossing(chain.into_iter().map(|it| numbers[it]).collect())),
    }
}

fn layer(passage: &Passage) -> Option<Layer> {
    let reach = Span {
        start: passage.puts.start,
        end: passage.takes.end,
    };
    passage.core().map(|core| Layer { reach, core })
}

fn crossing(ledger: &Ledger<'_>, context: &Context, chain: &[usize]) -> Decision {
    let mut passages: Vec<Passage> = chain.iter().map(|it| ledger.passages[*it]).collect();
    if passages.len() <= SHRUNK_COUNT_MAX {
        let least = shrink::least(passages.len(), |parts| {
            let layers: Vec<Layer> = parts.iter().filter_map(|it| layer(&passages[*it])).collect();
            layers::crossing(&layers).is_some()
        });
        passages = least.into_iter().map(|it| passages[it]).collect();
    }
    passages.sort_unstable_by_key(|passage| passage.puts.start);
    let calls = passages.iter().flat_map(|it| ledger.calls_of(it)).collect();
    ledger.broken(context, calls, |words| tell(words, ledger, &passages))
}

fn tell(words: CallWords<'_>, ledger: &Ledger<'_>, passages: &[Passage]) -> String {
    let named = &passages[..passages.len().min(NAMED_COUNT_MAX)];
    let names: Vec<String> = named.iter().map(|it| words.value(ledger.value(it))).collect();
    let list = match (&names[..], passages.len() - names.len()) {
        ([names @ .., last], 0) => format!("{} and {last}", names.join(", ")),
        (names, more) => format!("{} and {more} more", names.join(", ")),
    };
    let (other, none) = match passages.len() {
        2 => ("other", "neither"),
        _ => ("others", "none"),
    };
    let reasons: Vec<String> = named
        .iter()
        .filter_map(|it| reason(words, ledger, passages, it))
        .collect();
    format!(
        "{list} were in the stack with no moment between them at which it was empty, but {none} can have lain beneath the {other}: {}.",
        reasons.join("; ")
    )
}

/// Says why `passage` can't lie beneath all others: another was surely in before it, or after it.
fn reason(words: CallWords<'_>, ledger: &Ledger<'_>, passages: &[Passage], passage: &Passage) -> Option<String> {
    let value = words.value(ledger.value(passage));
    let put = ledger.call(passage.put);
    if let Some(other) = passages.iter().find(|it| it.puts.end < passage.puts.start) {
        let before = ledger.call(other.put);
        return Some(format!(
            "{value} not beneath {}, as {} ended at {}, before {} began at {}",
            words.value(ledger.value(other)),
            words.call(before),
            words.ended(before),
            words.call(put),
            words.began(put)
        ));
    }
    let pop = ledger.take_of(passage)?;
    let other = passages.iter().find(|it| passage.takes.end < it.takes.start)?;
    let why = match ledger.take_of(other) {
        Some(after) => format!("before {} began at {}", words.call(after), words.began(after)),
        None => format!("and nobody popped {}", words.value(ledger.value(other))),
    };
    Some(format!(
        "{value} not beneath {}, as {} ended at {}, {why}",
        words.value(ledger.value(other)),
        words.call(pop),
        words.ended(pop)
    ))
}
