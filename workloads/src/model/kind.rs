//! The models that a history may be judged against, by the names that users know.

use std::{collections::BTreeSet, fmt};

use quorate_checker::{
    Call, Datum, Transcript,
    isolation::{self, Data},
};

use super::Consistency;

/// What the store was to be, as a sequential data type or as one of Jepsen's checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Model {
    /// A register of unique values: `read`, `write`.
    Register,
    /// A register with compare-and-set.
    CasRegister,
    /// Several registers, read and written together.
    MultiRegister,
    /// A lock: `acquire`, `release`.
    Mutex,
    /// A bag: `enqueue`, `dequeue` in any order.
    Queue,
    /// A queue: first in, first out.
    FifoQueue,
    /// A stack: last in, first out.
    Stack,
    /// A set: `add`, then `read` of all elements, as Jepsen's `set` judges it.
    Set,
    /// A set that is read all along: each element stable, lost or stale, as Jepsen's `set-full`.
    SetFull,
    /// A counter: `add`, `read`, within bounds as Jepsen's `counter`.
    Counter,
    /// A queue of which all that goes in comes out, as Jepsen's `total-queue`.
    TotalQueue,
    /// Ids that are given out once.
    UniqueIds,
    /// Accounts whose total stays the same.
    Bank,
    /// Reads of groups of keys that order writes in one way.
    LongFork,
    /// Reads that see a write see all that ended before it began.
    CausalReverse,
    /// Texts that are put, appended to and read: `get`, `put`, `append`.
    Kv,
    /// The four session guarantees of registers.
    Sessions,
    /// Transactions of reads of lists and appends to them.
    ListAppend,
    /// Transactions of reads and writes of registers.
    RwRegister,
    /// The claims of our own store at its settings.
    QuorumRegister,
}

impl Model {
    /// Every model, in the order in which they are listed.
    pub const ALL: [Model; 20] = [
        Model::Register,
        Model::CasRegister,
        Model::MultiRegister,
        Model::Mutex,
        Model::Queue,
        Model::FifoQueue,
        Model::Stack,
        Model::Set,
        Model::SetFull,
        Model::Counter,
        Model::TotalQueue,
        Model::UniqueIds,
        Model::Bank,
        Model::LongFork,
        Model::CausalReverse,
        Model::Kv,
        Model::Sessions,
        Model::ListAppend,
        Model::RwRegister,
        Model::QuorumRegister,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Model::Register => "register",
            Model::CasRegister => "cas-register",
            Model::MultiRegister => "multi-register",
            Model::Mutex => "mutex",
            Model::Queue => "queue",
            Model::FifoQueue => "fifo-queue",
            Model::Stack => "stack",
            Model::Set => "set",
            Model::SetFull => "set-full",
            Model::Counter => "counter",
            Model::TotalQueue => "total-queue",
            Model::UniqueIds => "unique-ids",
            Model::Bank => "bank",
            Model::LongFork => "long-fork",
            Model::CausalReverse => "causal-reverse",
            Model::Kv => "kv",
            Model::Sessions => "sessions",
            Model::ListAppend => "list-append",
            Model::RwRegister => "rw-register",
            Model::QuorumRegister => "quorum-register",
        }
    }

    /// The model of this name.
    pub fn from_name(name: &str) -> Option<Model> {
        Model::ALL.into_iter().find(|model| model.name() == name)
    }

    /// Whether it is of keys that are read and written, each value once, so that it is judged on a history.
    pub fn is_of_keys(self) -> bool {
        matches!(self, Model::Register | Model::Sessions | Model::QuorumRegister)
    }

    /// Whether its reads return what a register holds, which may be nil.
    pub fn reads_registers(self) -> bool {
        matches!(
            self,
            Model::Register | Model::CasRegister | Model::MultiRegister | Model::Sessions
        )
    }

    /// The data of its transactions, if it is of such.
    pub fn data(self) -> Option<Data> {
        match self {
            Model::ListAppend => Some(Data::Lists),
            Model::RwRegister => Some(Data::Registers),
            _ => None,
        }
    }

    /// Whether it is of transactions, each of several keys, so that a record is never cut by its keys.
    pub fn is_of_transactions(self) -> bool {
        matches!(self, Model::ListAppend | Model::RwRegister)
    }

    /// The levels of consistency that it can be judged at, the strongest first; k-atomicity of registers for every k besides.
    /// None where it promises something of its own. Transactions can be judged at every level that is defined of them.
    pub fn levels(self) -> &'static [Consistency] {
        match self {
            Model::Register | Model::Sessions => &[
                Consistency::Linearizable,
                Consistency::Sequential,
                Consistency::Causal,
                Consistency::Regular,
                Consistency::Safe,
            ],
            Model::CasRegister
            | Model::MultiRegister
            | Model::Mutex
            | Model::Queue
            | Model::FifoQueue
            | Model::Stack
            | Model::Set
            | Model::Counter
            | Model::Kv => &[Consistency::Linearizable],
            Model::SetFull
            | Model::TotalQueue
            | Model::UniqueIds
            | Model::Bank
            | Model::LongFork
            | Model::CausalReverse
            | Model::ListAppend
            | Model::RwRegister
            | Model::QuorumRegister => &[],
        }
    }

    /// Whether it can be judged at `level`.
    ///
    /// # Errors
    /// The levels that it can be judged at.
    pub fn require_level(self, level: Consistency) -> Result<(), String> {
        let is_k_atomic = matches!(level, Consistency::KAtomic(_)) && self == Model::Register;
        let is_of_transactions = self.is_of_transactions() && level.of_transactions().is_some();
        if is_k_atomic || is_of_transactions || self.levels().contains(&level) {
            return Ok(());
        }
        let mut names: Vec<String> = self.levels().iter().map(|level| level.name()).collect();
        if self.is_of_transactions() {
            names.extend(isolation::Model::all().map(|model| model.name().to_owned()));
        }
        Err(match names.join(", ") {
            none if none.is_empty() => {
                format!("judge {self} as {level}: it promises something of its own, at no level")
            }
            list => format!("judge {self} as {level}: it can be judged as {list}"),
        })
    }

    /// Which model the calls of `transcript` are of, by their functions and values, and what shows it.
    ///
    /// # Errors
    /// If none fits: what was found.
    pub fn infer(transcript: &Transcript) -> Result<(Model, String), String> {
        let functions: BTreeSet<&str> = transcript.calls().iter().map(|call| &*call.function).collect();
        let has = |name: &str| functions.contains(name);
        let only = |names: &[&str]| functions.iter().all(|function| names.contains(function));
        let model = if functions.is_empty() {
            None
        } else if only(&["acquire", "release"]) {
            Some(Model::Mutex)
        } else if has("drain") && only(&["enqueue", "dequeue", "drain"]) {
            Some(Model::TotalQueue)
        } else if only(&["enqueue", "dequeue"]) {
            Some(Model::Queue)
        } else if only(&["push", "pop"]) {
            Some(Model::Stack)
        } else if only(&["generate"]) {
            Some(Model::UniqueIds)
        } else if only(&["get", "put", "append"]) {
            Some(Model::Kv)
        } else if only(&["read", "transfer"]) {
            of_reads(transcript)
        } else if only(&["read", "write", "cas"]) && has("cas") {
            Some(Model::CasRegister)
        } else if only(&["read", "write"]) {
            of_reads(transcript)
        } else if only(&["read", "add", "increment", "decrement", "remove"]) {
            of_adds(transcript)
        } else if only(&["txn", "init", ""]) {
            of_transactions(transcript)
        } else {
            None
        };
        let list: Vec<&str> = functions.iter().copied().take(LIST_COUNT_MAX).collect();
        let found = match list.join(", ") {
            _ if functions.is_empty() => "there are no calls".to_owned(),
            _ if model == Some(Model::ListAppend) => "its transactions append to lists".to_owned(),
            none if none.is_empty() => "its calls name no function".to_owned(),
            list => format!("its functions are {list}"),
        };
        model.map(|model| (model, found.clone())).ok_or(found)
    }
}

/// How many functions are named where none fits.
const LIST_COUNT_MAX: usize = 12;

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The first value that is something, of the ok calls of `function`.
fn first_answer<'t>(transcript: &'t Transcript, function: &str) -> Option<&'t Datum> {
    let of_function = |call: &&Call| *call.function == *function && call.is_ok() && !call.answered.is_nil();
    transcript.calls().iter().find(of_function).map(|call| &call.answered)
}

fn is_step(value: &Datum) -> bool {
    let first = value.items().and_then(<[Datum]>::first).and_then(Datum::as_name);
    matches!(first, Some("r" | "w" | "append" | "read" | "write"))
}

/// Whether `value` is a list of steps such as `[:r 1 nil]`.
fn is_transaction(value: &Datum) -> bool {
    value
        .items()
        .is_some_and(|steps| !steps.is_empty() && steps.iter().all(is_step))
}

/// Which model has `read` beside `write` or `transfer`: what reads return tells.
fn of_reads(transcript: &Transcript) -> Option<Model> {
    let writes_steps = |call: &Call| is_transaction(&call.asked);
    match first_answer(transcript, "read") {
        Some(Datum::Map(_)) => Some(Model::Bank),
        Some(steps) if is_transaction(steps) => Some(Model::LongFork),
        Some(Datum::Set(_)) => Some(Model::CausalReverse),
        Some(Datum::List(_)) if !transcript.is_all_pairs() => Some(Model::CausalReverse),
        None if transcript.calls().iter().any(writes_steps) => Some(Model::LongFork),
        _ if transcript.calls().iter().any(|call| *call.function == *"transfer") => Some(Model::Bank),
        _ => Some(Model::Register),
    }
}

/// Which model has `add`: what reads return tells, and where nothing does, what was added.
fn of_adds(transcript: &Transcript) -> Option<Model> {
    let is_read = |call: &&Call| *call.function == *"read" && call.is_ok();
    match first_answer(transcript, "read") {
        Some(Datum::Int(_)) => Some(Model::Counter),
        Some(_) if transcript.calls().iter().filter(is_read).count() > 1 => Some(Model::SetFull),
        _ => Some(Model::Set),
    }
}

fn of_transactions(transcript: &Transcript) -> Option<Model> {
    let mut names = BTreeSet::new();
    for call in transcript.calls() {
        for step in call.asked.items()? {
            names.insert(step.items()?.first()?.as_name()?);
        }
    }
    let only = |allowed: &[&str]| names.iter().all(|name| allowed.contains(name));
    match () {
        () if names.contains("append") && only(&["r", "append"]) => Some(Model::ListAppend),
        () if only(&["r", "w"]) => Some(Model::RwRegister),
        () if only(&["read", "write"]) => Some(Model::MultiRegister),
        () => None,
    }
}
