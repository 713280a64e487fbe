//! Transactions from scanned blocks: invocations paired with completions, and lists found again by their text.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::{
    origins::Origin,
    scan::{self, Block, Key, Kind, Line, Unusual, each_int},
    txns::{Builder, Data, NONE, Txn, Txns, What},
};
use crate::{
    datum::{Datum, Forms},
    history::{Outcome, Process},
};

/// Takes blocks in the order of the history.
#[derive(Debug)]
pub struct Gather {
    data: Data,
    builder: Builder,
    /// By process, the number of its state.
    processes: Numbers,
    states: Vec<State>,
    /// By session, whose it is.
    sessions: Vec<Process>,
    int_keys: Numbers,
    named_keys: FxHashMap<Box<[u8]>, u32>,
    /// By key, its spine as text.
    spines: Vec<Spine>,
    entry_count: u32,
    last_index: Option<u64>,
    next_index: u64,
}

/// What a process is at.
#[derive(Debug, Default)]
struct State {
    session: u32,
    /// Its last transaction ended in info: what follows is another session.
    is_over: bool,
    /// The transaction that it has open.
    open: Option<u32>,
    /// What that was asked to append.
    asked: Vec<(u32, i64)>,
}

/// Numbers by integers, most of which are small.
#[derive(Debug, Default)]
struct Numbers {
    /// By integer, its number, or [`NONE`].
    small: Vec<u32>,
    others: FxHashMap<i64, u32>,
}

impl Numbers {
    const SMALL: Range<i64> = 0..1 << 20;

    #[inline]
    fn get(&self, int: i64) -> Option<u32> {
        match usize::try_from(int).ok().and_then(|place| self.small.get(place)) {
            Some(&NONE) => None,
            Some(number) => Some(*number),
            None => self.others.get(&int).copied(),
        }
    }

    fn insert(&mut self, int: i64, number: u32) {
        if !Self::SMALL.contains(&int) {
            self.others.insert(int, number);
            return;
        }
        let place = int as usize;
        if place >= self.small.len() {
            self.small.resize((place + 1).next_power_of_two(), NONE);
        }
        self.small[place] = number;
    }

    #[inline]
    fn get_or_insert(&mut self, int: i64, next: u32) -> u32 {
        self.get(int).unwrap_or_else(|| {
            self.insert(int, next);
            next
        })
    }
}

/// The longest list of a key, as it is written.
#[derive(Debug, Default)]
struct Spine {
    text: Vec<u8>,
    /// By element, where it ends in the text.
    ends: Vec<u32>,
    /// The list of the builder.
    list: Option<u32>,
}

impl Gather {
    /// Returns a gatherer of nothing yet.
    pub fn new(data: Data) -> Self {
        Self {
            data,
            builder: Builder::new(data).in_order_of_ends(),
            processes: Numbers::default(),
            states: Vec::new(),
            sessions: Vec::new(),
            int_keys: Numbers::default(),
            named_keys: FxHashMap::default(),
            spines: Vec::new(),
            entry_count: 0,
            last_index: None,
            next_index: 0,
        }
    }

    /// Takes the next block.
    ///
    /// # Errors
    /// It is of no usual history: a process has two transactions open, or ends one that it did not begin.
    pub fn take(&mut self, block: &Block) -> Result<(), Unusual> {
        let mut first = 0;
        for line in &block.lines {
            let steps = &block.steps[first as usize..line.steps_end as usize];
            first = line.steps_end;
            self.line(block, line, steps).ok_or(Unusual)?;
        }
        Ok(())
    }

    /// Returns the transactions of all blocks. What is left of this is of no more use, and takes a while to be dropped.
    pub fn finish(&mut self) -> Txns {
        let open = self.states.iter_mut().filter_map(|state| {
            let txn = state.open.take()?;
            Some((txn, std::mem::take(&mut state.asked)))
        });
        let mut open: Vec<_> = open.collect();
        open.sort_unstable();
        for (txn, asked) in open {
            self.builder.resume(txn, Outcome::Info, NONE);
            self.append(&asked);
        }
        self.builder.sessions(std::mem::take(&mut self.sessions));
        self.builder.finish()
    }

    fn line(&mut self, block: &Block, line: &Line, steps: &[scan::Step]) -> Option<()> {
        let index = match line.index {
            u64::MAX => self.next_index,
            index if self.last_index.is_some_and(|last| index < last) => return None,
            index => {
                self.last_index = Some(index);
                index
            }
        };
        self.next_index = index + 1;
        self.entry_count = self.entry_count.checked_add(1).filter(|count| *count < NONE - 1)?;
        if line.process == Line::NOBODY {
            return Some(());
        }
        let next = self.states.len() as u32;
        let number = self.processes.get_or_insert(line.process, next) as usize;
        if number == self.states.len() {
            self.states.push(State {
                is_over: true,
                ..State::default()
            });
        }
        match line.kind {
            Kind::Invoke => self.invoke(block, line, index, steps, number),
            kind => self.complete(block, line, index, (steps, kind), number),
        }
    }

    fn invoke(&mut self, block: &Block, line: &Line, index: u64, steps: &[scan::Step], number: usize) -> Option<()> {
        let state = &mut self.states[number];
        if state.open.is_some() {
            return None;
        }
        if state.is_over {
            state.session = self.sessions.len() as u32;
            state.is_over = false;
            self.sessions.push(Process::Client(line.process));
        }
        let txn = Txn {
            start: self.entry_count,
            end: NONE,
            session: state.session,
            first_step: 0,
            step_count: 0,
            outcome: Outcome::Info,
        };
        let origin = Origin {
            index,
            completion_index: Origin::UNKNOWN,
            start_ns: line.time_ns,
            end_ns: Origin::UNKNOWN,
        };
        state.open = Some(self.builder.begin(txn, origin));
        state.asked.clear();
        for step in steps {
            if let Some(value) = self.written(step.what)? {
                let key = self.key(block, step.key)?;
                self.states[number].asked.push((key, value));
            }
        }
        Some(())
    }

    fn complete(
        &mut self,
        block: &Block,
        line: &Line,
        index: u64,
        (steps, kind): (&[scan::Step], Kind),
        number: usize,
    ) -> Option<()> {
        let state = &mut self.states[number];
        let txn = state.open.take()?;
        let (outcome, end) = match kind {
            Kind::Ok => (Outcome::Ok, self.entry_count),
            Kind::Fail => (Outcome::Fail, self.entry_count),
            _ => (Outcome::Info, NONE),
        };
        state.is_over = outcome == Outcome::Info;
        self.builder.resume(txn, outcome, end);
        self.builder.completed(txn, index, line.time_ns);
        if outcome != Outcome::Ok && steps.is_empty() {
            let asked = std::mem::take(&mut state.asked);
            self.append(&asked);
            return Some(());
        }
        for step in steps {
            self.written(step.what)?;
            let key = self.key(block, step.key)?;
            let what = match step.what {
                scan::What::Append(value) | scan::What::Write(value) => {
                    What::Write(self.builder.int_element(key, value))
                }
                _ if outcome != Outcome::Ok => continue,
                scan::What::Nothing if self.data == Data::Registers => What::ReadRegister(NONE),
                scan::What::Nothing => What::ReadList { list: NONE, length: 0 },
                scan::What::Value(value) => What::ReadRegister(self.builder.int_element(key, value)),
                scan::What::List(begin, end) => self.list(key, &block.text, begin as usize..end as usize)?,
            };
            self.builder.push(key, what);
        }
        Some(())
    }

    /// Returns what a step writes, if it does; an error is a step of other data.
    #[inline]
    fn written(&self, what: scan::What) -> Option<Option<i64>> {
        match (self.data, what) {
            (Data::Lists, scan::What::Append(value)) | (Data::Registers, scan::What::Write(value)) => Some(Some(value)),
            (_, scan::What::Nothing)
            | (Data::Lists, scan::What::List(..))
            | (Data::Registers, scan::What::Value(_)) => Some(None),
            _ => None,
        }
    }

    fn append(&mut self, asked: &[(u32, i64)]) {
        for (key, value) in asked {
            let element = self.builder.int_element(*key, *value);
            self.builder.push(*key, What::Write(element));
        }
    }

    #[inline]
    fn key(&mut self, block: &Block, key: Key) -> Option<u32> {
        match key {
            Key::Int(int) => {
                if let Some(number) = self.int_keys.get(int) {
                    return Some(number);
                }
                let number = self.builder.key(&Datum::Int(int));
                self.int_keys.insert(int, number);
                Some(self.new_key(number))
            }
            Key::Name(begin, end) => {
                let name = &block.text[begin as usize..end as usize];
                if let Some(number) = self.named_keys.get(name) {
                    return Some(*number);
                }
                let datum = Forms::new(name).next_form().ok()??;
                let number = self.builder.key(&datum);
                self.named_keys.insert(name.into(), number);
                Some(self.new_key(number))
            }
        }
    }

    fn new_key(&mut self, number: u32) -> u32 {
        let count = self.spines.len().max(number as usize + 1);
        self.spines.resize_with(count, Spine::default);
        number
    }

    /// Returns the read of the list of `key` that is so written in a text.
    fn list(&mut self, key: u32, text: &[u8], place: Range<usize>) -> Option<What> {
        let spine = &mut self.spines[key as usize];
        let (known, list_text) = (spine.text.len(), &text[place.clone()]);
        let is_break = |text: &[u8], at: usize| text.get(at).is_none_or(|byte| matches!(byte, b' ' | b','));
        if let Some(list) = spine.list {
            if list_text.len() <= known {
                let is_beginning =
                    spine.text[..list_text.len()] == *list_text && is_break(&spine.text, list_text.len());
                if let (true, Some(length)) = (is_beginning, spine.length_of(list_text.len() as u32)) {
                    return Some(What::ReadList { list, length });
                }
            } else if list_text[..known] == spine.text && is_break(list_text, known) {
                spine.extend((key, list), text, place.start + known..place.end, &mut self.builder)?;
                let length = spine.ends.len() as u32;
                return Some(What::ReadList { list, length });
            }
        }
        let mut values = Vec::new();
        each_int(text, place.clone(), |int, _| values.push(Datum::Int(int)))?;
        let read = self.builder.list(key, &values);
        let spine = &mut self.spines[key as usize];
        match read {
            // The first of the key is its spine.
            What::ReadList { list, .. } if spine.list.is_none() => {
                spine.list = Some(list);
                spine.retell(text, place)?;
            }
            // The same elements, otherwise written, made the spine longer.
            What::ReadList { list, length } if spine.list == Some(list) && length as usize > spine.ends.len() => {
                spine.retell(text, place)?;
            }
            _ => {}
        }
        Some(read)
    }
}

impl Spine {
    /// Returns how many elements so much of its text is, if it is whole ones: most reads see the last, or nearly.
    fn length_of(&self, text_length: u32) -> Option<u32> {
        const LAST: usize = 8;
        let last = self.ends.len().saturating_sub(LAST);
        let place = match self.ends[last..].iter().rposition(|end| *end <= text_length) {
            Some(place) => last + place,
            None => self.ends[..last]
                .partition_point(|end| *end <= text_length)
                .checked_sub(1)?,
        };
        (self.ends[place] == text_length).then_some(place as u32 + 1)
    }

    /// Appends the elements of its key and list that are so written in a text.
    fn extend(
        &mut self,
        (key, list): (u32, u32),
        text: &[u8],
        place: Range<usize>,
        builder: &mut Builder,
    ) -> Option<()> {
        let before = self.text.len();
        each_int(text, place.clone(), |int, end| {
            let element = builder.int_element(key, int);
            builder.extend(list, element);
            self.ends.push((before + end - place.start) as u32);
        })?;
        self.text.extend_from_slice(&text[place]);
        Some(())
    }

    /// Takes the whole of it as it is written in a text.
    fn retell(&mut self, text: &[u8], place: Range<usize>) -> Option<()> {
        self.ends.clear();
        each_int(text, place.clone(), |_, end| self.ends.push((end - place.start) as u32))?;
        self.text.clear();
        self.text.extend_from_slice(&text[place]);
        Some(())
    }
}
