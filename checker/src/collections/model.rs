//! The collection of one key, derived from its ops: its items with what became of them, and the readings of it.

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::kind::Kind;
use crate::{
    checks::{looks, repeats},
    evidence::Tally,
    history::{Action, History, KeyId, Op, Phase, Position},
};

/// The items of one key, and all readings of them.
pub(super) struct Collection<'h> {
    pub(super) items: Vec<Item<'h>>,
    /// Ok reads of clients, in order of invocation.
    pub(super) reads: Vec<Reading<'h>>,
    /// Looks at replicas in both phases, in order of invocation.
    pub(super) looks: Vec<Reading<'h>>,
    /// The last look at each replica in the final phase.
    pub(super) final_looks: Vec<Reading<'h>>,
    /// Where the first failed write began.
    pub(super) first_failed: Position,
}

/// One item: a sibling, or an element of a set.
pub(super) struct Item<'h> {
    pub(super) value: &'h Value,
    /// The write that put it there, or may have.
    pub(super) write: Option<&'h Op>,
    /// The write that was to put it there, and failed.
    pub(super) failed: Option<&'h Op>,
    /// The items that its write saw.
    pub(super) seen: Vec<usize>,
    /// Where the first write began that saw it and may have taken effect. Once it has begun the item may be gone; whoever
    /// overwrites that write's own item began later.
    pub(super) gone_from: Position,
    /// Where the first acknowledgement came that says that it is gone.
    pub(super) gone_end: Position,
    /// Of the writes on the way from that acknowledged one to the item, the one that saw it, and that one's own item, if
    /// it was not acknowledged first.
    gone_by: Option<(&'h Op, Option<usize>)>,
}

/// What a read returned, or a look saw.
pub(super) struct Reading<'h> {
    pub(super) op: &'h Op,
    /// In order, each once.
    pub(super) items: Vec<usize>,
    /// An item that it had twice.
    pub(super) twice: Option<usize>,
}

impl Reading<'_> {
    pub(super) fn has(&self, item: usize) -> bool {
        self.items.binary_search(&item).is_ok()
    }
}

/// Calls `check` with the collection of every key of `history`, and doubts the keys that have none.
pub(super) fn for_each<'h, V>(
    history: &'h History,
    kind: Kind,
    tally: &mut Tally<'h, V>,
    mut check: impl FnMut(KeyId, &Collection<'h>, &mut Tally<'h, V>),
) {
    for key in history.keys() {
        match Collection::new(history, kind, key) {
            Ok(collection) => check(key, &collection, tally),
            Err(why) => tally.doubt(history, key, &why),
        }
    }
}

impl<'h> Collection<'h> {
    /// Derives the collection of `key`; an error is why it can't be judged. Takes time in the size of all lists, and in
    /// the logarithm of each.
    fn new(history: &'h History, kind: Kind, key: KeyId) -> Result<Self, String> {
        if let Some(why) = repeats::doubt(history, key) {
            return Err(why);
        }
        let mut builder = Builder {
            history,
            items: Vec::new(),
            by_value: FxHashMap::default(),
        };
        builder.put(kind, key);
        builder.overwrite(kind, key);
        let reads = history.ops_of(key).filter(|op| op.is_ok_read());
        let looks = history.observations_of(key).map(|look| &look.op);
        let final_looks = looks::last(history, key, Phase::Final).into_iter().map(|look| &look.op);
        Ok(Self {
            reads: reads.map(|op| builder.reading(op)).collect::<Result<_, _>>()?,
            looks: looks.map(|op| builder.reading(op)).collect::<Result<_, _>>()?,
            final_looks: final_looks.map(|op| builder.reading(op)).collect::<Result<_, _>>()?,
            items: builder.items,
            first_failed: history
                .ops_of(key)
                .find(|op| op.is_failed_write())
                .map_or(Position::NEVER, |op| op.start),
        })
    }

    /// Returns the reads, then the looks.
    pub(super) fn readings(&self) -> impl Iterator<Item = &Reading<'h>> {
        self.reads.iter().chain(&self.looks)
    }

    /// Returns the writes that show `item` to be gone: first the one that saw it, last the acknowledged one, each but
    /// the first having seen what the one before it wrote.
    pub(super) fn gone_chain(&self, item: usize) -> Vec<&'h Op> {
        let mut chain = Vec::new();
        let mut next = Some(item);
        while let Some((write, via)) = next.and_then(|item| self.items[item].gone_by) {
            chain.push(write);
            next = via;
        }
        chain
    }
}

struct Builder<'h> {
    history: &'h History,
    items: Vec<Item<'h>>,
    by_value: FxHashMap<&'h Value, usize>,
}

impl<'h> Builder<'h> {
    fn item(&mut self, value: &'h Value) -> usize {
        let items = &mut self.items;
        *self.by_value.entry(value).or_insert_with(|| {
            items.push(Item {
                value,
                write: None,
                failed: None,
                seen: Vec::new(),
                gone_from: Position::NEVER,
                gone_end: Position::NEVER,
                gone_by: None,
            });
            items.len() - 1
        })
    }

    fn put(&mut self, kind: Kind, key: KeyId) {
        for op in self.history.ops_of(key).filter(|op| kind.puts(op)) {
            let item = self.item(self.history.value(op.value));
            if op.is_failed_write() {
                self.items[item].failed.get_or_insert(op);
            } else {
                self.items[item].write = Some(op);
                let seen = self
                    .history
                    .seen(op)
                    .iter()
                    .map(|value| self.item(self.history.value(*value)));
                self.items[item].seen = seen.collect();
            }
        }
    }

    /// From the last write to the first, so that what became of a write's own item is known before what it saw.
    fn overwrite(&mut self, kind: Kind, key: KeyId) {
        for op in self.history.ops_of(key).rev().filter(|op| op.is_possible_write()) {
            match kind {
                Kind::Siblings => {
                    let own = (op.action == Action::Write).then(|| self.item(self.history.value(op.value)));
                    let own_gone = own.map_or(Position::NEVER, |own| self.items[own].gone_end);
                    for value in self.history.seen(op) {
                        let seen = self.item(self.history.value(*value));
                        let via = own.filter(|_| own_gone < op.end);
                        self.overwrite_one(seen, (op, via), op.end.min(own_gone));
                    }
                }
                Kind::Set if op.action == Action::Remove => {
                    let removed = self.item(self.history.value(op.value));
                    // Adds win: a remove takes what its client had read, and no more.
                    let binds = self.history.seen(op).contains(&op.value);
                    let end = if binds { op.end } else { Position::NEVER };
                    self.overwrite_one(removed, (op, None), end);
                }
                Kind::Set => {}
            }
        }
    }

    fn overwrite_one(&mut self, item: usize, by: (&'h Op, Option<usize>), end: Position) {
        let item = &mut self.items[item];
        if item.write.is_some_and(|write| write.start >= by.0.start) {
            return; // It can't have seen it: whoever returned it then is at fault, and found by other checks.
        }
        item.gone_from = item.gone_from.min(by.0.start);
        if end < item.gone_end {
            (item.gone_end, item.gone_by) = (end, Some(by));
        }
    }

    fn reading(&mut self, op: &'h Op) -> Result<Reading<'h>, String> {
        let list: &[Value] = match self.history.value(op.value) {
            Value::Null => &[],
            Value::Array(list) => list,
            other => return Err(format!("a read returned {other}, which is no list")),
        };
        let mut items: Vec<usize> = list.iter().map(|value| self.item(value)).collect();
        items.sort_unstable();
        let twice = items.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        items.dedup();
        Ok(Reading { op, items, twice })
    }
}
