//! Models of consistency: which implies which, and which anomaly each rules out.
//!
//! The names, and what follows from what, are Elle's, who gathered them from Adya (1999), Bailis et al. (*Highly Available
//! Transactions*, VLDB 2013), Cerone, Bernardi and Gotsman (CONCUR 2015), Cerone and Gotsman (*Analysing Snapshot Isolation*, PODC
//! 2016), Daudjee and Salem (ICDE 2004, VLDB 2006), Zuikevičiūtė and Pedone. Two things are added: a read of what nobody wrote rules
//! out every model, as no history in Adya's sense has it; and models below `consistent-view` have anomalies of their own.
//!
//! `forward-consistent-view` rules out more than `consistent-view` only where it is known when transactions began in the store's own
//! order of commits (Adya 1999, section 4.3: start-dependencies). No history tells that, and there is always a choice of beginnings, as
//! early as can be, that adds nothing: so each holds as far as the other does.
//!
//! `view-serializable` (Yannakakis, JACM 1984) asks for an order of whole transactions that explains what was read, whatever the order
//! of versions was. Where only reads tell that order, `serializable` asks the same; where it is known otherwise, of registers whose
//! versions are assumed or reported to be in some order, this one allows more. `1SR` (Bernstein, Hadzilacos and Goodman, 1987) and
//! `session-serializable` are of stores with replicas: clients see none, so that these are of what was read alone, too.

use std::{fmt, str::FromStr, sync::LazyLock};

use rustc_hash::FxHashMap;

use super::anomaly::Anomaly;

/// A line a model: its name, other names of it, `>` the models directly below it, `!` the anomalies that it rules out beyond
/// those that they do, and `~` those that it rules out too and that count only where it is asked for.
const MODELS: &str = "
strict-serializable PL-SS strong-serializable > serializable linearizable strong-snapshot-isolation strong-session-serializable session-serializable ! G1 G1c-realtime G2-realtime
strong-session-serializable > serializable strong-session-snapshot-isolation ! G1-process G2-process
serializable PL-3 conflict-serializable > repeatable-read update-serializable snapshot-isolation view-serializable ! G1 G2 internal
strong-snapshot-isolation > strong-session-snapshot-isolation strong-read-committed ! internal G1-realtime G-nonadjacent-realtime
strong-session-snapshot-isolation > snapshot-isolation strong-session-read-committed ! internal G1-process G-nonadjacent-process
snapshot-isolation PL-SI > forward-consistent-view monotonic-atomic-view monotonic-snapshot-read parallel-snapshot-isolation prefix ! internal G1 G-SI G-nonadjacent
repeatable-read PL-2.99 > cursor-stability monotonic-atomic-view ! G1 G2-item lost-update
update-serializable PL-3U > forward-consistent-view ! G1 G-update
forward-consistent-view PL-FCV > consistent-view ! G1 G-SIb
consistent-view PL-2+ > cursor-stability monotonic-view ! G1 G-single
cursor-stability PL-CS > read-committed ! G1 G-cursor lost-update
monotonic-view PL-2L > read-committed ! G1 G-monotonic
monotonic-snapshot-read PL-MSR > read-committed ! G1 G-MSR
parallel-snapshot-isolation PSI > causal-cerone update-atomic ! internal G1a ~ G-single
prefix > causal-cerone ! internal G1a non-prefix
causal-cerone > read-atomic ! internal G1a missed-cause
update-atomic > read-atomic ! lost-update
read-atomic > monotonic-atomic-view ! internal G1a future-read fractured-read
monotonic-atomic-view > read-committed !
strong-read-committed strong-PL-2 > strong-session-read-committed strong-read-uncommitted ! G1c-realtime
strong-session-read-committed strong-session-PL-2 > read-committed strong-session-read-uncommitted ! G1c-process
read-committed PL-2 > read-uncommitted ! G1
strong-read-uncommitted strong-PL-1 > strong-session-read-uncommitted ! G0-realtime
strong-session-read-uncommitted strong-session-PL-1 > read-uncommitted ! G0-process
read-uncommitted PL-1 > ! G0 duplicate-elements cyclic-versions garbage-read
view-serializable > ! non-view-serializable
session-serializable > 1SR ! non-session-serializable
1SR > ! non-1SR
linearizable > sequential ! garbage-read non-linearizable
sequential > causal ! garbage-read non-sequential
causal > writes-follow-reads PRAM ! garbage-read session-missed-cause
PRAM pram > monotonic-reads monotonic-writes read-your-writes ! garbage-read non-PRAM
writes-follow-reads > ! write-before-read
monotonic-reads > ! non-monotonic-read
monotonic-writes > ! non-monotonic-write
read-your-writes > ! own-write-missed
";

/// A line an anomaly: its name, `>` the anomalies that it is an instance of, or shows.
const IMPLIED: &str = "
G0 > G1c G0-process
G0-process > G1c-process G0-realtime
G0-realtime > G1c-realtime
G1a > G1
G1b > G1
G1c > G1 G1c-process
G1c-process > G1c-realtime G1-process
G1c-realtime > G1-realtime
G1 > G1-process
G1-process > G1-realtime
G-single-item > G-single G-single-item-process G-nonadjacent-item
G-single-item-process > G-single-process G-single-item-realtime G-nonadjacent-item-process
G-single-item-realtime > G-single-realtime G-nonadjacent-item-realtime
G-single > G-nonadjacent G-SIb G-single-process
G-single-process > G-nonadjacent-process G-single-realtime
G-single-realtime > G-nonadjacent-realtime
G-nonadjacent-item > G-nonadjacent G2-item G-nonadjacent-item-process
G-nonadjacent-item-process > G-nonadjacent-process G2-item-process G-nonadjacent-item-realtime
G-nonadjacent-item-realtime > G2-item-realtime G-nonadjacent-realtime
G-nonadjacent > G2 G-SI G-nonadjacent-process
G-nonadjacent-process > G2-process G-nonadjacent-realtime
G-nonadjacent-realtime > G2-realtime
G2-item > G2 G2-item-process
G2-item-process > G2-process G2-item-realtime
G2-item-realtime > G2-realtime
G2 > G2-process
G2-process > G2-realtime
G-SIb > G-SI
incompatible-order > G1a
future-read > G1c
dirty-update > G1a
lost-update > G2-item
G-cursor > G-single-item
G-monotonic > G-single-item
fractured-read > G-single-item missed-cause session-missed-cause
missed-cause > G-single-item session-missed-cause
session-missed-cause > G-single-item-process
non-sequential > non-linearizable
";

/// A model of consistency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Model(u8);

/// A row of the table of models.
struct Row {
    name: &'static str,
    aliases: Vec<&'static str>,
    below: Vec<&'static str>,
    forbids: Vec<&'static str>,
    forbids_if_asked: Vec<&'static str>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let words = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
    let row = |line: &'static str| {
        let (names, rest) = line.split_once('>').expect("a line has a >");
        let (below, rest) = rest.split_once('!').expect("a line has a !");
        let (forbids, asked) = rest.split_once('~').unwrap_or((rest, ""));
        let names = words(names);
        Row {
            name: names[0],
            aliases: names[1..].to_vec(),
            below: words(below),
            forbids: words(forbids),
            forbids_if_asked: words(asked),
        }
    };
    lines(MODELS).map(row).collect()
});

/// By model, those that it implies, itself too, as bits.
static IMPLIED_MODELS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let number = |name: &&str| {
        ROWS.iter()
            .position(|row| row.name == *name)
            .expect("the table names its own models")
    };
    let mut implied = vec![0; ROWS.len()];
    // Each model comes before those that it implies, so that from the last on these are known.
    for (model, row) in ROWS.iter().enumerate().rev() {
        implied[model] = row.below.iter().fold(1 << model, |all, below| {
            let below = number(below);
            assert!(below > model, "{} comes before what it implies", row.name);
            all | implied[below]
        });
    }
    implied
});

/// By name of an anomaly, what it is an instance of, or shows; itself first.
static SHOWN: LazyLock<FxHashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let names = Anomaly::all()
        .map(Anomaly::name)
        .chain(ANOMALIES.iter().map(|(name, _)| *name));
    names.map(|name| (name, shown_by(name))).collect()
});

static ANOMALIES: LazyLock<Vec<(&'static str, Vec<&'static str>)>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let (name, implied) = line.split_once('>').expect("a line has a >");
        (name.trim(), implied.split_whitespace().collect())
    };
    lines(IMPLIED).map(row).collect()
});

fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty())
}

/// A name is that of no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown consistency model {name:?}: the nearest are {}", nearest.join(", "))]
pub struct NoSuchModel {
    /// What was asked for.
    pub name: String,
    /// The names that are the most like it.
    pub nearest: Vec<&'static str>,
}

impl Model {
    /// The one that is asked for where none is named.
    pub const STRICT_SERIALIZABLE: Self = Self(0);

    /// Returns every model.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..ROWS.len()).map(|number| Self(number as u8))
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns other names of it.
    pub fn aliases(self) -> &'static [&'static str] {
        &self.row().aliases
    }

    /// Returns the models directly below it: it implies each of them.
    pub fn below(self) -> impl Iterator<Item = Self> {
        self.row()
            .below
            .iter()
            .map(|name| Self::named(name).expect("the table names its own models"))
    }

    /// Returns whether what satisfies this model satisfies `other`; each implies itself.
    pub fn implies(self, other: Self) -> bool {
        IMPLIED_MODELS[usize::from(self.0)] >> other.0 & 1 == 1
    }

    /// Returns whether this model rules out `anomaly`, by itself or because one does that it implies.
    pub fn forbids(self, anomaly: Anomaly) -> bool {
        let shown = implied_by(anomaly.name());
        let below = Self::all().filter(|model| self.implies(*model));
        let mut forbidden = below.flat_map(|model| model.row().forbids.iter().chain(&model.row().forbids_if_asked));
        forbidden.any(|forbidden| shown.contains(forbidden))
    }

    /// Returns whether this model, or one that it implies, rules out `anomaly` as such, and not only because of what it shows.
    pub(super) fn names(self, anomaly: Anomaly) -> bool {
        let mut below = Self::all().filter(|model| self.implies(*model));
        below.any(|model| model.row().forbids.contains(&anomaly.name()))
    }

    /// Returns whether anti-dependencies alone don't show that it is broken, so that it has anomalies of its own.
    pub(super) fn is_weak(self) -> bool {
        let strong = ["consistent-view", "repeatable-read"].map(|name| Self::named(name).expect("the table has it"));
        !strong.into_iter().any(|model| self.implies(model))
    }

    fn row(self) -> &'static Row {
        &ROWS[usize::from(self.0)]
    }

    fn named(name: &str) -> Option<Self> {
        let is_named = |model: &Self| {
            model.name().eq_ignore_ascii_case(name) || model.aliases().iter().any(|it| it.eq_ignore_ascii_case(name))
        };
        Self::all().find(is_named)
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Model {
    type Err = NoSuchModel;

    fn from_str(name: &str) -> Result<Self, NoSuchModel> {
        Self::named(name).ok_or_else(|| NoSuchModel {
            name: name.to_owned(),
            nearest: nearest(name),
        })
    }
}

/// Returns what `anomaly` is an instance of, or shows; itself too.
pub(super) fn implied_by(anomaly: &'static str) -> Vec<&'static str> {
    SHOWN.get(anomaly).cloned().unwrap_or_else(|| vec![anomaly])
}

fn shown_by(anomaly: &'static str) -> Vec<&'static str> {
    let mut all = vec![anomaly];
    let mut next = 0;
    while let Some(name) = all.get(next) {
        next += 1;
        let implied = ANOMALIES.iter().find(|(known, _)| known == name);
        for name in implied.into_iter().flat_map(|(_, implied)| implied) {
            if !all.contains(name) {
                all.push(name);
            }
        }
    }
    all
}

/// The models that can't hold, in two parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// The weakest of them.
    pub not: Vec<Model>,
    /// All those that imply one of these.
    pub also_not: Vec<Model>,
}

impl Broken {
    /// Returns the models that `anomalies` rule out, and `models`, of which it is known otherwise.
    pub fn by(anomalies: impl IntoIterator<Item = Anomaly>, models: &[Model]) -> Self {
        let shown: Vec<&str> = anomalies.into_iter().flat_map(|it| implied_by(it.name())).collect();
        let is_direct = |model: Model| {
            models.contains(&model) || model.row().forbids.iter().any(|forbidden| shown.contains(forbidden))
        };
        let direct: Vec<Model> = Model::all().filter(|model| is_direct(*model)).collect();
        let is_broken = |model: &Model| direct.iter().any(|broken| model.implies(*broken));
        let broken: Vec<Model> = Model::all().filter(is_broken).collect();
        let is_weakest = |model: &Model| !broken.iter().any(|other| other != model && model.implies(*other));
        let (not, also_not) = broken.iter().partition(|model| is_weakest(model));
        Self { not, also_not }
    }

    /// Returns the models that either of two says can't hold.
    pub fn and(&self, other: &Self) -> Self {
        let all = [&self.not, &self.also_not, &other.not, &other.also_not];
        Self::by([], &all.into_iter().flatten().copied().collect::<Vec<_>>())
    }

    /// Returns whether `model` can't hold.
    pub fn contains(&self, model: Model) -> bool {
        self.not.contains(&model) || self.also_not.contains(&model)
    }
}

/// How many names are told to someone who asked for one that is not known.
const NEAREST_COUNT: usize = 3;

fn nearest(name: &str) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase();
    let names = Model::all().flat_map(|model| [model.name()].into_iter().chain(model.aliases().iter().copied()));
    let mut names: Vec<(usize, &str)> = names
        .map(|known| (distance(&name, &known.to_ascii_lowercase()), known))
        .collect();
    names.sort_unstable();
    names.into_iter().take(NEAREST_COUNT).map(|(_, name)| name).collect()
}

/// Returns how many letters have to be put in, taken out or changed to make the one of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isolation::anomaly::{Class, Closing};

    fn model(name: &str) -> Model {
        name.parse().expect("it is known")
    }

    fn names(models: &[Model]) -> Vec<&'static str> {
        models.iter().map(|model| model.name()).collect()
    }

    #[test]
    fn the_tables_name_only_what_there_is() {
        for name in Model::all() {
            assert_eq!(name.below().count(), name.row().below.len());
        }
        assert_eq!(Model::STRICT_SERIALIZABLE.name(), "strict-serializable");
    }

    #[test]
    fn names_are_read_whatever_their_case_and_the_nearest_are_told() {
        assert_eq!(model("PL-3"), model("serializable"));
        assert_eq!(model("pl-2.99"), model("repeatable-read"));
        let error = "serialisable".parse::<Model>().expect_err("no such");
        assert!(error.nearest.contains(&"serializable"), "{error}");
    }

    #[test]
    fn the_weakest_that_are_broken_are_those_of_elle() {
        let cycle = |class, closing| Anomaly::Cycle(class, closing);
        let table = [
            (cycle(Class::G0, Closing::Data), vec!["read-uncommitted"]),
            (
                cycle(Class::G1c, Closing::Process),
                vec!["strong-session-read-committed"],
            ),
            (
                cycle(Class::GSingleItem, Closing::Data),
                vec!["repeatable-read", "consistent-view"],
            ),
            (
                cycle(Class::GNonadjacentItem, Closing::Data),
                vec!["snapshot-isolation", "repeatable-read"],
            ),
            (cycle(Class::G2Item, Closing::Data), vec!["repeatable-read"]),
            (cycle(Class::G2Item, Closing::Realtime), vec!["strict-serializable"]),
            (Anomaly::G1a, vec!["read-committed"]),
            (Anomaly::LostUpdate, vec!["cursor-stability", "update-atomic"]),
            (Anomaly::Internal, vec!["read-atomic"]),
        ];
        for (anomaly, expected) in table {
            assert_eq!(names(&Broken::by([anomaly], &[]).not), expected, "{}", anomaly.name());
        }
    }
}
