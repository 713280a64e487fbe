//! From transactions to a report: dependencies, anomalies, and the models that they rule out.

use std::sync::OnceLock;

use super::{
    anomaly::{Anomaly, Closing},
    cases::{Case, Cases},
    component::{Component, components},
    explain::{Source, explain, observers},
    graph::{Edge, Graph, Orders, session_edges},
    guarantees,
    lattice::{Model, implied_by},
    lists::{Lists, Versions},
    orderings,
    points::{Moments, Points},
    registers::{Keys, Registers},
    report::{Report, report},
    search::Search,
    serial::Serial,
    txns::{Data, Txns},
    updates,
    weak::Weak,
    writers::Writers,
};
use crate::{
    evidence::Context,
    execute::{Execute, InOrder, both},
};

/// What is asked of a history.
#[derive(Clone, Debug)]
pub struct Question {
    /// The models that it is to satisfy.
    pub models: Vec<Model>,
    /// Anomalies by name that it must not have beside those that the models forbid.
    pub anomalies: Vec<String>,
    /// Of registers: what is assumed of each key.
    pub keys: Keys,
    /// How many steps a search within one component may take: each looks at an edge.
    pub budget: u64,
}

impl Question {
    /// How many steps a search may take unless told otherwise: some seconds.
    pub const BUDGET: u64 = 2_000_000_000;

    /// Returns the question whether a history satisfies `model`.
    pub fn of(model: Model) -> Self {
        Self {
            models: vec![model],
            anomalies: Vec::new(),
            keys: Keys::default(),
            budget: Self::BUDGET,
        }
    }

    /// Returns whether the history must not have `anomaly`.
    pub(super) fn forbids(&self, anomaly: Anomaly) -> bool {
        let is_named = || {
            let shown = implied_by(anomaly.name());
            self.anomalies.iter().any(|name| shown.contains(&name.as_str()))
        };
        self.models.iter().any(|model| model.forbids(anomaly)) || is_named()
    }
}

/// What was found, before it is put into words for others.
pub(super) struct Outcome {
    pub(super) cases: Cases,
    /// Whether any transaction depends on another.
    pub(super) is_empty: bool,
    pub(super) unknown: Vec<String>,
}

/// Judges `txns`.
pub fn check(txns: &Txns, question: &Question, context: &Context) -> Report {
    check_on(txns, question, context, &InOrder)
}

/// Judges `txns`, in parts that `execute` may carry out at the same time.
pub fn check_on(txns: &Txns, question: &Question, context: &Context, execute: &dyn Execute) -> Report {
    let mut report = report(txns, question, context, judge(txns, question, execute));
    if !report.is_violated() && !report.unknown.is_empty() && is_implied(txns, question, execute) {
        report.unknown.clear();
    }
    report
}

/// Models that are decided whatever the data, each before those that it implies.
const DECIDED: [&str; 8] = [
    "strict-serializable",
    "strong-session-serializable",
    "serializable",
    "strong-snapshot-isolation",
    "strong-session-snapshot-isolation",
    "snapshot-isolation",
    "causal",
    "PRAM",
];

/// Returns whether a model holds that implies all that are asked for.
fn is_implied(txns: &Txns, question: &Question, execute: &dyn Execute) -> bool {
    let holds = |model: Model| {
        let stronger = Question {
            models: vec![model],
            ..question.clone()
        };
        let outcome = judge(txns, &stronger, execute);
        outcome.unknown.is_empty() && !outcome.cases.anomalies().any(|anomaly| stronger.forbids(anomaly))
    };
    let models = DECIDED.map(|name| name.parse::<Model>().expect("the table has it"));
    let mut above = models
        .into_iter()
        .filter(|model| question.models.iter().all(|it| model.implies(*it)));
    !question.models.is_empty() && above.any(holds)
}

pub(super) fn judge(txns: &Txns, question: &Question, execute: &dyn Execute) -> Outcome {
    let versions = || {
        let versions = || Versions::new(txns);
        (txns.data == Data::Lists).then(|| both(execute, versions, || serial(txns, question)))
    };
    let (writers, versions) = both(execute, || Writers::new(txns, execute), versions);
    let judge = Judge {
        txns,
        question,
        writers: &writers,
        execute,
        strict: OnceLock::new(),
    };
    match versions {
        Some((versions, serial)) => judge.lists(versions, serial),
        None => judge.registers(),
    }
}

/// Transactions that are judged.
struct Judge<'t> {
    txns: &'t Txns,
    question: &'t Question,
    writers: &'t Writers,
    execute: &'t dyn Execute,
    /// Whether an order of all transactions was soon found that keeps real time, once that was asked.
    strict: OnceLock<bool>,
}

/// What depends on what.
struct Dependencies {
    /// What models forbid that are weaker than those of cycles.
    cases: Cases,
    unknown: Vec<String>,
    graph: Graph,
    /// The cycles that are forbidden.
    wanted: Vec<Anomaly>,
}

impl Dependencies {
    /// Returns what is on cycles, if any are forbidden.
    fn components(&self) -> Vec<Component> {
        match &*self.wanted {
            [] => Vec::new(),
            _ => components(&self.graph),
        }
    }
}

impl Judge<'_> {
    fn lists(&self, versions: Versions, serial: Option<Serial<'_>>) -> Outcome {
        let source = Source::Lists(Lists::new(self.txns, self.writers, versions));
        let Source::Lists(lists) = &source else {
            unreachable!("it was made of them")
        };
        let lost = || self.lost_updates(Cases::default());
        let check = || {
            let (mut cases, lost) = both(self.execute, || lists.check(self.execute), lost);
            cases.extend(lost);
            cases
        };
        let ordered = || serial.as_ref()?.find(lists, &self.writers.happened);
        let (ordered, cases) = both(self.execute, ordered, check);
        if let Some(ordered) = ordered {
            // An order of all transactions leaves no cycle.
            return Outcome {
                cases,
                is_empty: ordered.is_any,
                unknown: Vec::new(),
            };
        }
        drop(serial);
        let dependencies = self.dependencies(&source, lists.edges(self.execute));
        let components = dependencies.components();
        self.by_cycles(&source, cases, dependencies, &components)
    }

    fn registers(&self) -> Outcome {
        let mut registers = Registers::new(self.txns, self.writers, self.execute);
        let mut ordered = Cases::default();
        let doubts = registers.order(self.question.keys, &mut ordered);
        let check = || {
            let mut cases = self.lost_updates(ordered.clone());
            registers.check(&mut cases);
            cases
        };
        let explains = || orderings::explains(&registers, self.question, (&self.strict, self.execute));
        let (mut cases, is_explained) = both(self.execute, check, explains);
        if is_explained && registers.has_reads() {
            // An order of all transactions leaves no cycle.
            let mut unknown = self.weak(&Source::Registers(registers), &[], &mut cases);
            unknown.extend(self.twice().into_iter().chain(doubts));
            return Outcome {
                cases,
                is_empty: false,
                unknown,
            };
        }
        let mut edges = Vec::new();
        let node_count = registers.edges(&mut edges);
        let source = Source::Registers(registers);
        let dependencies = self.dependencies(&source, (vec![edges], node_count));
        let components = dependencies.components();
        let mut outcome = self.by_cycles(&source, cases, dependencies, &components);
        outcome.unknown.extend(doubts);
        outcome
    }

    fn lost_updates(&self, mut cases: Cases) -> Cases {
        updates::check(self.txns, self.writers, self.execute, &mut cases);
        cases
    }

    /// Returns what depends on what, given the edges in parts, and what is found beside cycles.
    fn dependencies(&self, source: &Source<'_>, (mut edges, node_count): (Vec<Vec<Edge>>, usize)) -> Dependencies {
        let (txns, question) = (self.txns, self.question);
        let mut cases = Cases::default();
        let whole = match wants_edges(question) {
            true => edges.concat(),
            false => Vec::new(),
        };
        let mut unknown = self.weak(source, &whole, &mut cases);
        drop(whole);
        let wanted = wanted(question);
        let mut orders = orders(&wanted);
        if txns.is_split() && orders.has_sessions {
            let mut of_sessions = Vec::new();
            session_edges(txns, &self.writers.happened, &mut of_sessions);
            edges.push(of_sessions);
            orders.has_sessions = false;
        }
        let graph = Graph::new(txns, &self.writers.happened, (node_count, &edges), orders, self.execute);
        drop(edges);
        unknown.extend(self.twice());
        Dependencies {
            cases,
            unknown,
            graph,
            wanted,
        }
    }

    /// Looks for cycles; `cases` is what was found before.
    fn by_cycles(
        &self,
        source: &Source<'_>,
        mut cases: Cases,
        dependencies: Dependencies,
        components: &[Component],
    ) -> Outcome {
        let (txns, question) = (self.txns, self.question);
        let Dependencies {
            cases: found,
            mut unknown,
            graph,
            wanted,
        } = dependencies;
        cases.extend(found);
        search(txns, question, source, (components, wanted), &mut cases, &mut unknown);
        let is_violated = cases.anomalies().any(|anomaly| question.forbids(anomaly));
        if let (Source::Registers(registers), false) = (source, is_violated) {
            unknown.extend(orderings::check(
                registers,
                question,
                (&self.strict, self.execute),
                &mut cases,
            ));
        }
        Outcome {
            cases,
            is_empty: graph.is_empty(),
            unknown,
        }
    }

    /// Returns what can't be known if an element was written twice.
    fn twice(&self) -> Option<String> {
        let element = self.writers.twice?;
        let key = self.txns.key_name(self.txns.elements.key(element));
        Some(format!(
            "{} was written to {key} twice: a read does not say which it saw",
            self.txns.value(element)
        ))
    }

    fn weak(&self, source: &Source<'_>, edges: &[Edge], cases: &mut Cases) -> Vec<String> {
        weak(self.txns, self.question, self.writers, source, edges, cases)
    }
}

/// Returns what looks for an order of all transactions, if that is all that is asked for.
fn serial<'t>(txns: &'t Txns, question: &Question) -> Option<Serial<'t>> {
    let is_asked = !txns.is_split() && !wants_edges(question);
    is_asked.then(|| Serial::new(txns, orders(&wanted(question))))
}

/// Returns the cycles that are forbidden.
fn wanted(question: &Question) -> Vec<Anomaly> {
    let is_wanted = |anomaly: &Anomaly| matches!(anomaly, Anomaly::Cycle(..)) && question.forbids(*anomaly);
    Anomaly::all().filter(is_wanted).collect()
}

/// Returns whether something is asked for that takes the dependencies themselves, and not their cycles alone.
fn wants_edges(question: &Question) -> bool {
    question.models.iter().any(|model| model.is_weak()) || wants_updates(question)
}

/// Returns whether serializable updates are asked for, and no more.
fn wants_updates(question: &Question) -> bool {
    let serializable: Model = "serializable".parse().expect("the table has it");
    let mut models = question.models.iter();
    models.any(|model| model.names(Anomaly::GUpdate) && !model.implies(serializable))
}

/// Looks for what models forbid that are weaker than those of cycles with anti-dependencies.
fn weak(
    txns: &Txns,
    question: &Question,
    writers: &Writers,
    source: &Source<'_>,
    edges: &[Edge],
    cases: &mut Cases,
) -> Vec<String> {
    let models = question.models.iter().filter(|model| model.is_weak());
    let wants = |anomaly: Anomaly| models.clone().any(|model| model.names(anomaly));
    let lists = match source {
        Source::Lists(lists) => lists,
        Source::Registers(_) => return weak_registers(txns, question, writers, wants, cases),
    };
    let points = || Points::new(txns, writers, source);
    if wants(Anomaly::NonPrefix) {
        points().moments(lists, Moments::OfTransactions, Anomaly::NonPrefix, cases);
    }
    if wants(Anomaly::GMsr) {
        points().moments(lists, Moments::OfReads, Anomaly::GMsr, cases);
    }
    if wants_updates(question) {
        points().updates(edges, cases);
    }
    let weak = Weak {
        txns,
        writers,
        lists: Some(lists),
        budget: question.budget,
    };
    weak.check(wants, edges, cases)
}

/// The same of registers: what takes an order of versions is [decided](orderings::check) with it.
fn weak_registers(
    txns: &Txns,
    question: &Question,
    writers: &Writers,
    wants: impl Fn(Anomaly) -> bool,
    cases: &mut Cases,
) -> Vec<String> {
    let is_known = |anomaly: Anomaly| wants(anomaly) && !Anomaly::OF_SESSIONS.contains(&anomaly);
    let weak = Weak {
        txns,
        writers,
        lists: None,
        budget: question.budget,
    };
    let mut unknown = weak.check(is_known, &[], cases);
    // What is causal, or looks so to each session, keeps what sessions are promised of each key.
    let is_kept = wants(Anomaly::SessionMissedCause) || wants(Anomaly::NotPram);
    if !is_kept {
        unknown.extend(guarantees::check(txns, writers, &wants, cases));
    }
    unknown
}

fn orders(wanted: &[Anomaly]) -> Orders {
    let wants = |closing| {
        wanted
            .iter()
            .any(|it| matches!(it, Anomaly::Cycle(_, by) if *by == closing))
    };
    let has_real_time = wants(Closing::Realtime);
    Orders {
        has_sessions: has_real_time || wants(Closing::Process),
        has_real_time,
    }
}

fn search(
    txns: &Txns,
    question: &Question,
    source: &Source<'_>,
    (components, wanted): (&[Component], Vec<Anomaly>),
    cases: &mut Cases,
    unknown: &mut Vec<String>,
) {
    if wanted.is_empty() {
        return;
    }
    let known: Vec<Anomaly> = cases.anomalies().collect();
    let mut search = Search::new(wanted, txns.count() as u32, question.budget);
    for component in components {
        let findings = search.component(component, &known);
        if let Some(anomaly) = findings.undecided {
            let (count, name) = (component.node_count(), anomaly.name());
            unknown.push(format!(
                "whether a component of {count} transactions and moments has {name} was not decided within {} steps",
                question.budget
            ));
        }
        for (anomaly, cycle) in findings.cycles {
            let txns_of = cycle.iter().map(|link| link.from).collect();
            let case = Case {
                txns: txns_of,
                text: String::new(),
                cycle,
            };
            cases.add_best(anomaly, case);
        }
    }
    cases.tell(|case| {
        case.text = explain(txns, source, &case.cycle);
        case.txns.extend(observers(txns, source, &case.cycle));
    });
}
