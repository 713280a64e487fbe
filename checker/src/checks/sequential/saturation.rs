//! What every order has to keep, followed to the end.
//!
//! To begin with, an op comes before the next of its session, and a write before the reads that saw it. For a read r of
//! w, and another write v of the key:
//!
//! - if v comes before r, it comes before w, or r would not have seen w (*overwritten*);
//! - if w comes before v, so does r (*not yet*); and so does a read of nil before any write.
//!
//! Each round finds by clocks what comes before what, applies the two to all reads, and ends all if nothing is new; a
//! round takes as many steps as there are ops and edges. An op's clock has for each session how many ops of it come
//! before that op, itself included: so of a session's writes of a key the last before an op is found by a binary search,
//! and the first after one as well. Of the reads of w in a session only the last is asked, as those before it come before
//! it; and of each session's writes the nearest, as the others come before or after that.
//!
//! The rules are those of Gibbons and Korach (SIAM J. Computing 26, 1997, section 4), and as "saturation" of Biswas and
//! Enea, *On the Complexity of Checking Transactional Consistency* (OOPSLA 2019).

use std::collections::VecDeque;

use super::program::{NONE, Program};

/// How many numbers all clocks together may be, blocks and what names them: 512 MiB.
const CLOCK_CELL_COUNT_MAX: usize = 1 << 27;

/// How many sessions a block of a clock has: some tens, so that there are few of them, and most are shared.
const BLOCK_LENGTH: usize = 32;

/// How many edges may be found: as many as take half of that.
const EDGE_COUNT_MAX: usize = 1 << 24;

/// Of so many ops at most a shortest cycle is sought: more than a witness has, and few enough to begin at each.
const SHORTEST_OP_COUNT_MAX: usize = 64;

/// What there is to keep.
pub(super) enum Saturated {
    /// Edges beyond sessions and what reads saw; there is no cycle.
    Edges(Vec<Edge>),
    /// Edges each of which begins where the one before it ends, and the first where the last does.
    Cycle(Vec<Edge>),
    OutOfSteps,
    TooLarge {
        ops: usize,
        sessions: usize,
    },
}

/// That one op comes before another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) first: u32,
    pub(super) then: u32,
    pub(super) why: Why,
}

/// Why it does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    Session,
    ReadsFrom,
    /// `read` saw the latter write and comes after the former.
    Overwritten {
        read: u32,
    },
    /// The former is a read of `write`, which comes before the latter; of nil without one.
    NotYet {
        write: Option<u32>,
    },
}

impl Edge {
    /// Returns the ops that its words name.
    pub(super) fn ops(&self) -> impl Iterator<Item = u32> + use<> {
        let other = match self.why {
            Why::Session | Why::ReadsFrom => None,
            Why::Overwritten { read } => Some(read),
            Why::NotYet { write } => write,
        };
        [self.first, self.then].into_iter().chain(other)
    }
}

/// Follows what every order of `program` has to keep, in `steps`, of which those taken are subtracted.
pub(super) fn saturate(program: &Program<'_>, steps: &mut u64) -> Saturated {
    let (ops, sessions) = (program.len(), program.session_count());
    let too_large = Saturated::TooLarge { ops, sessions };
    let writes = Writes::new(program);
    let mut edges = Vec::new();
    not_yet_nil(program, &writes, &mut edges);
    loop {
        let Some(left) = steps.checked_sub((ops + edges.len()) as u64) else {
            return Saturated::OutOfSteps;
        };
        *steps = left;
        let successors = Successors::new(program, &edges);
        let clocks = match Clocks::new(program, &edges, &successors) {
            Ok(clocks) => clocks,
            Err(NoClocks::Cycle(placed)) => return Saturated::Cycle(cycle(program, &edges, &placed)),
            Err(NoClocks::TooLarge) => return too_large,
        };
        let known = edges.len();
        for write in (0..ops as u32).filter(|&at| program.is_write(at)) {
            let reads = program.reads_of_write(write);
            for session in reads.chunk_by(|a, b| program.session_of(*a) == program.session_of(*b)) {
                let read = session[session.len() - 1];
                overwritten(program, &writes, &clocks, (write, read), &mut edges);
                not_yet(program, &writes, &clocks, (write, read), &mut edges);
            }
            if edges.len() > EDGE_COUNT_MAX {
                return too_large;
            }
        }
        if edges.len() == known {
            return Saturated::Edges(edges);
        }
    }
}

/// A read of nil comes before the first write of its key in each session.
fn not_yet_nil(program: &Program<'_>, writes: &Writes, edges: &mut Vec<Edge>) {
    for key in 0..program.key_count() {
        let reads = program.reads_of_nil(key);
        for session in reads.chunk_by(|a, b| program.session_of(*a) == program.session_of(*b)) {
            let first = session[session.len() - 1];
            let why = Why::NotYet { write: None };
            edges.extend(writes.by_session(program, key).map(|of_session| Edge {
                first,
                then: of_session[0],
                why,
            }));
        }
    }
}

fn overwritten(
    program: &Program<'_>,
    writes: &Writes,
    clocks: &Clocks,
    (write, read): (u32, u32),
    edges: &mut Vec<Edge>,
) {
    for of_session in writes.by_session(program, program.key_of(write)) {
        let before = of_session.partition_point(|&other| clocks.is_before(program, other, read));
        let last = of_session[..before].last().copied().filter(|&last| last != write);
        if let Some(first) = last.filter(|&last| !clocks.is_before(program, last, write)) {
            let why = Why::Overwritten { read };
            edges.push(Edge {
                first,
                then: write,
                why,
            });
        }
    }
}

fn not_yet(program: &Program<'_>, writes: &Writes, clocks: &Clocks, (write, read): (u32, u32), edges: &mut Vec<Edge>) {
    for of_session in writes.by_session(program, program.key_of(write)) {
        let not_after = of_session.partition_point(|&other| !clocks.is_before(program, write, other));
        let mut after = of_session[not_after..].iter().copied().filter(|&other| other != write);
        if let Some(then) = after.next().filter(|&then| !clocks.is_before(program, read, then)) {
            let why = Why::NotYet { write: Some(write) };
            edges.push(Edge { first: read, then, why });
        }
    }
}

/// The writes by key, session, and their order in it.
struct Writes {
    of_key: Vec<Vec<u32>>,
}

impl Writes {
    fn new(program: &Program<'_>) -> Self {
        let mut of_key = vec![Vec::new(); program.key_count()];
        for write in (0..program.len() as u32).filter(|&at| program.is_write(at)) {
            of_key[program.key_of(write)].push(write);
        }
        Self { of_key }
    }

    fn by_session<'w>(&'w self, program: &'w Program<'_>, key: usize) -> impl Iterator<Item = &'w [u32]> {
        self.of_key[key].chunk_by(|a, b| program.session_of(*a) == program.session_of(*b))
    }
}

/// The edges by where they begin.
struct Successors {
    starts: Vec<u32>,
    edges: Vec<u32>,
}

impl Successors {
    fn new(program: &Program<'_>, edges: &[Edge]) -> Self {
        let mut starts = vec![0; program.len() + 1];
        for edge in edges {
            starts[edge.first as usize + 1] += 1;
        }
        for at in 0..program.len() {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut grouped = vec![0; edges.len()];
        for (edge, number) in edges.iter().zip(0..) {
            let at = &mut next[edge.first as usize];
            grouped[*at as usize] = number;
            *at += 1;
        }
        Self { starts, edges: grouped }
    }

    /// Gives `visit` what comes right after `at`.
    fn each(&self, program: &Program<'_>, edges: &[Edge], at: u32, mut visit: impl FnMut(u32)) {
        if at + 1 < program.session(program.session_of(at)).end {
            visit(at + 1);
        }
        if program.is_write(at) {
            program.reads_of_write(at).iter().copied().for_each(&mut visit);
        }
        let span = self.starts[at as usize] as usize..self.starts[at as usize + 1] as usize;
        for &edge in &self.edges[span] {
            visit(edges[edge as usize].then);
        }
    }
}

/// For each op, how many of each session come before it, itself included: its clock.
///
/// Clocks are kept in blocks of neighbouring sessions, and equal blocks of an op and of one right before it are one:
/// where many sessions are long over, as clients whose op came to nothing are, most blocks are.
struct Clocks {
    block_count: usize,
    /// By op and then by block, which of `blocks`; the first has all 0.
    refs: Vec<u32>,
    blocks: Vec<[u32; BLOCK_LENGTH]>,
}

/// Why there are no clocks.
enum NoClocks {
    /// There is a cycle: which ops come after none.
    Cycle(Vec<bool>),
    TooLarge,
}

impl Clocks {
    fn new(program: &Program<'_>, edges: &[Edge], successors: &Successors) -> Result<Self, NoClocks> {
        let block_count = program.session_count().div_ceil(BLOCK_LENGTH);
        let ref_count = program.len().saturating_mul(block_count);
        let room = CLOCK_CELL_COUNT_MAX.checked_sub(ref_count).ok_or(NoClocks::TooLarge)?;
        let mut clocks = Self {
            block_count,
            refs: vec![0; ref_count],
            blocks: vec![[0; BLOCK_LENGTH]],
        };
        let mut waits_for = vec![0u32; program.len()];
        for at in 0..program.len() as u32 {
            successors.each(program, edges, at, |next| waits_for[next as usize] += 1);
        }
        let all = 0..program.len() as u32;
        let mut ready: Vec<u32> = all.filter(|&at| waits_for[at as usize] == 0).collect();
        let mut placed = vec![false; program.len()];
        let mut placed_count = 0;
        while let Some(at) = ready.pop() {
            placed[at as usize] = true;
            placed_count += 1;
            clocks.count_itself(program, at);
            successors.each(program, edges, at, |next| {
                clocks.join(next, at);
                waits_for[next as usize] -= 1;
                if waits_for[next as usize] == 0 {
                    ready.push(next);
                }
            });
            if clocks.blocks.len() > room / BLOCK_LENGTH {
                return Err(NoClocks::TooLarge);
            }
        }
        if placed_count == program.len() {
            Ok(clocks)
        } else {
            Err(NoClocks::Cycle(placed))
        }
    }

    fn count_itself(&mut self, program: &Program<'_>, at: u32) {
        let session = program.session_of(at);
        let own = &mut self.refs[at as usize * self.block_count + session / BLOCK_LENGTH];
        let mut block = self.blocks[*own as usize];
        block[session % BLOCK_LENGTH] = at - program.session(session).start + 1;
        *own = self.blocks.len() as u32;
        self.blocks.push(block);
    }

    /// Lets all that comes before `other`, itself included, come before `at`.
    fn join(&mut self, at: u32, other: u32) {
        for block in 0..self.block_count {
            let theirs = self.refs[other as usize * self.block_count + block];
            let own = &mut self.refs[at as usize * self.block_count + block];
            if *own == theirs || theirs == 0 {
                continue;
            }
            let (a, b) = (self.blocks[*own as usize], self.blocks[theirs as usize]);
            let both: [u32; BLOCK_LENGTH] = std::array::from_fn(|session| a[session].max(b[session]));
            if both == b {
                *own = theirs;
            } else if both != a {
                *own = self.blocks.len() as u32;
                self.blocks.push(both);
            }
        }
    }

    /// Returns whether `a` comes before `b`, or is the same.
    fn is_before(&self, program: &Program<'_>, a: u32, b: u32) -> bool {
        let session = program.session_of(a);
        let count = a - program.session(session).start + 1;
        let block = self.refs[b as usize * self.block_count + session / BLOCK_LENGTH];
        self.blocks[block as usize][session % BLOCK_LENGTH] >= count
    }
}

/// Returns a cycle among the ops that are not `placed`, each of which comes after another such: if they are few, a
/// shortest.
fn cycle(program: &Program<'_>, edges: &[Edge], placed: &[bool]) -> Vec<Edge> {
    let all = edges.iter().copied().chain(own_edges(program));
    let all = all.filter(|edge| !placed[edge.first as usize] && !placed[edge.then as usize]);
    let mut left: Vec<Edge> = all.collect();
    left.sort_by_key(|edge| edge.then);
    let before = |at: u32| {
        let first = left.partition_point(|edge| edge.then < at);
        left[first..].iter().take_while(move |edge| edge.then == at)
    };
    let ops = left.chunk_by(|a, b| a.then == b.then).map(|edges| edges[0].then);
    if ops.clone().count() <= SHORTEST_OP_COUNT_MAX {
        let cycles = ops.filter_map(|end| back_to(end, program.len(), before));
        return cycles
            .min_by_key(Vec::len)
            .expect("each op left comes after another one left");
    }
    let mut met = vec![false; program.len()];
    let back = |at: u32| *before(at).next().expect("each op left comes after another one left");
    let mut at = left[0].then;
    while !std::mem::replace(&mut met[at as usize], true) {
        at = back(at).first;
    }
    let mut cycle = vec![back(at)];
    while cycle[cycle.len() - 1].first != at {
        cycle.push(back(cycle[cycle.len() - 1].first));
    }
    cycle.reverse();
    cycle
}

/// Returns a shortest cycle through `end`, if there is one: breadth first, against the edges.
fn back_to<'e, E: Iterator<Item = &'e Edge>>(
    end: u32,
    op_count: usize,
    before: impl Fn(u32) -> E,
) -> Option<Vec<Edge>> {
    // From where each op met was met.
    let mut onward: Vec<Option<Edge>> = vec![None; op_count];
    let mut queue = VecDeque::from([end]);
    while let Some(at) = queue.pop_front() {
        for edge in before(at) {
            if edge.first == end {
                let mut cycle = vec![*edge];
                while cycle[cycle.len() - 1].then != end {
                    let next = onward[cycle[cycle.len() - 1].then as usize];
                    cycle.push(next.expect("what was met was met from somewhere"));
                }
                return Some(cycle);
            }
            if onward[edge.first as usize].is_none() {
                onward[edge.first as usize] = Some(*edge);
                queue.push_back(edge.first);
            }
        }
    }
    None
}

/// Returns the edges that sessions and what reads saw are.
fn own_edges(program: &Program<'_>) -> impl Iterator<Item = Edge> {
    (0..program.len() as u32).flat_map(|at| {
        let is_told = !program.is_write(at) && program.source_of(at) != NONE;
        let reads_from = is_told.then(|| Edge {
            first: program.source_of(at),
            then: at,
            why: Why::ReadsFrom,
        });
        let is_later = at > 0 && program.session_of(at - 1) == program.session_of(at);
        let session = is_later.then(|| Edge {
            first: at - 1,
            then: at,
            why: Why::Session,
        });
        [reads_from, session].into_iter().flatten()
    })
}
