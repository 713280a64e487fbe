//! Large linearizable histories of registers, written as they are drawn: a store that does each operation at one instant
//! of its time, and clients in turns of chance.
//!
//! One seed gives one file. Values are unique, as in a run; of the operations that crash half take effect, at any later
//! time, and a client that crashed goes on under another number.

use std::io::{self, Write};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What the clients do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Reads and writes, half of each.
    pub(crate) ops: usize,
    /// Keys of equal weight.
    pub(crate) keys: usize,
    /// How many clients there are, each with an operation open nearly always.
    pub(crate) clients: usize,
    /// Of a hundred operations so many never end.
    pub(crate) crashed_percent: usize,
    /// Whether lines tell nodes and versions, as a run's do.
    pub(crate) is_told: bool,
}

/// Writes the history of `load`, a line an event.
///
/// # Errors
/// If `out` takes no more.
pub(crate) fn write(load: Load, out: &mut impl Write) -> io::Result<()> {
    let mut store = Store {
        rng: Pcg64Mcg::seed_from_u64(1),
        load,
        registers: vec![Register::default(); load.keys],
        late: Vec::new(),
        events: 0,
        time_ns: 0,
        values: 0,
        versions: 0,
    };
    let mut clients: Vec<Client> = (0..load.clients)
        .map(|process| Client {
            process,
            state: State::Idle,
        })
        .collect();
    let (mut invoked, mut open) = (0, 0);
    while invoked < load.ops || open > 0 {
        let client = &mut clients[store.rng.random_range(0..load.clients)];
        if matches!(client.state, State::Idle) {
            if invoked == load.ops {
                continue;
            }
            invoked += 1;
            open += 1;
        }
        store.go_on(client, out)?;
        open -= usize::from(matches!(client.state, State::Idle));
        store.let_one_land();
    }
    out.flush()
}

/// What a key holds, and its version.
#[derive(Clone, Copy, Default)]
struct Register {
    value: Option<u64>,
    version: u64,
}

struct Client {
    process: usize,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Idle,
    /// Nothing has come of it yet.
    Waiting(Op),
    /// It was done, or will be later or never; the client has not heard of it.
    Served(Op, Option<Register>),
}

#[derive(Clone, Copy)]
struct Op {
    key: usize,
    /// Of a write.
    value: Option<u64>,
    node: usize,
}

struct Store {
    rng: Pcg64Mcg,
    load: Load,
    registers: Vec<Register>,
    /// Writes that nobody waits for any more and that may yet be done.
    late: Vec<Op>,
    events: u64,
    time_ns: u64,
    values: u64,
    versions: u64,
}

impl Store {
    /// Lets a client's operation make its next step.
    fn go_on(&mut self, client: &mut Client, out: &mut impl Write) -> io::Result<()> {
        client.state = match client.state {
            State::Idle => {
                let op = self.draw();
                self.tell(out, client.process, "invoke", op, None)?;
                State::Waiting(op)
            }
            State::Waiting(op) if self.rng.random_range(0..100) < self.load.crashed_percent => {
                if op.value.is_some() && self.rng.random_bool(0.5) {
                    self.late.push(op);
                }
                State::Served(op, None)
            }
            State::Waiting(op) => State::Served(op, Some(self.apply(op))),
            State::Served(op, answer) => {
                let kind = if answer.is_some() { "ok" } else { "info" };
                self.tell(out, client.process, kind, op, answer)?;
                if answer.is_none() {
                    client.process += self.load.clients;
                }
                State::Idle
            }
        };
        Ok(())
    }

    fn draw(&mut self) -> Op {
        let is_write = self.rng.random_bool(0.5);
        self.values += u64::from(is_write);
        Op {
            key: self.rng.random_range(0..self.load.keys),
            value: is_write.then_some(self.values),
            node: self.rng.random_range(1..=5),
        }
    }

    /// Does `op`, and returns what its key then holds.
    fn apply(&mut self, op: Op) -> Register {
        if op.value.is_some() {
            self.versions += 1;
            self.registers[op.key] = Register {
                value: op.value,
                version: self.versions,
            };
        }
        self.registers[op.key]
    }

    /// Now and then does a write that nobody waits for.
    fn let_one_land(&mut self) {
        if !self.late.is_empty() && self.rng.random_bool(0.01) {
            let number = self.rng.random_range(0..self.late.len());
            let op = self.late.swap_remove(number);
            self.apply(op);
        }
    }

    /// Writes an event as [`Event::to_line`](quorate_checker::Event::to_line) does.
    fn tell(
        &mut self,
        out: &mut impl Write,
        process: usize,
        kind: &str,
        op: Op,
        answer: Option<Register>,
    ) -> io::Result<()> {
        let function = if op.value.is_some() { "write" } else { "read" };
        let (index, time_ns, key) = (self.events, self.time_ns, op.key);
        self.events += 1;
        self.time_ns += self.rng.random_range(100..2_000);
        write!(
            out,
            r#"{{"index":{index},"time":{time_ns},"process":{process},"type":"{kind}","f":"{function}","key":"k{key}","value":"#
        )?;
        match op.value.or(answer.and_then(|register| register.value)) {
            Some(value) => write!(out, "{value}")?,
            None => out.write_all(b"null")?,
        }
        if self.load.is_told {
            write!(out, r#","node":"n{}""#, op.node)?;
            if let Some(register) = answer.filter(|register| register.version > 0) {
                // Padded like the store's: ordered as texts.
                write!(
                    out,
                    r#","version":"{:016x}-n{}-1""#,
                    register.version << 16,
                    register.version % 5 + 1
                )?;
            }
        }
        out.write_all(b"}\n")
    }
}
