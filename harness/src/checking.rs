//! Judging what there is: the folder of a run, or a file of any store's history.
//!
//! A run's folder is judged by the claims of its own settings. A file is judged against a model: the one asked for, or the one
//! that its operations are of, which is then said.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use quorate_checker::{
    Context, Datum, Entry, Function, History, Keying, Op, Outcome, Transcript,
    formats::Format,
    isolation::{self, Data},
    jepsen::{BankOptions, LongForkOptions, SetFullOptions},
    linear::{Budget, Nil, Options},
    register_history,
};
use quorate_workloads::{Consistency, Execute, Judgement, Model, Question, Record, RunFacts, judge_model};

use crate::{
    about::{has_nil_reads, history_note, inferred, nil_note, no_model, torn_note},
    coverage::{self, Coverage},
    exit::{Exit, ExitError},
    input::{Input, bad_input},
    judging::{judge_claims, run_facts},
    report::Report,
    run_folder::RunFolder,
    scenario::Scenario,
    threshold::{self, Measure, Threshold},
    told, transaction,
    workers::{Counter, Workers},
};

/// What is asked, of however many files.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// What the store was to be; where it is not said, what the operations are of.
    pub model: Option<Model>,
    /// At which level.
    pub consistency: Option<Consistency>,
    /// The format of files; where it is not said, what they hold tells.
    pub format: Option<Format>,
    /// Whether values are pairs of a key and the value proper.
    pub keyed: bool,
    /// What registers hold at first.
    pub initial: Datum,
    /// What a read of nil says; where it is not said, what the format has it say.
    pub nil: Option<Nil>,
    /// What a search may cost, for each key.
    pub budget: SearchBudget,
    /// Of banks.
    pub bank: BankOptions,
    /// Of long forks.
    pub long_fork: LongForkOptions,
    /// Of sets that are read all along.
    pub set_full: SetFullOptions,
    /// Of transactions on registers: what is assumed of each key.
    pub keys: isolation::Keys,
    /// On how many processors.
    pub jobs: usize,
}

/// What the search for an order of operations may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchBudget {
    /// Steps, for each key.
    pub steps: u64,
    /// Bytes, for all searches at a time.
    pub memory_bytes: usize,
    /// Time, for a whole file.
    pub time: Option<Duration>,
}

/// A search that may take tens of seconds and what a small machine has, for each key.
impl Default for SearchBudget {
    fn default() -> Self {
        let budget = Budget::default();
        Self {
            steps: budget.steps,
            memory_bytes: 4 << 30,
            time: None,
        }
    }
}

/// Judges files and folders of runs, one after another.
#[derive(Debug)]
pub struct Checker {
    options: CheckOptions,
    workers: Workers,
}

impl Checker {
    /// A checker with its threads.
    ///
    /// # Errors
    /// If the options contradict each other (exit code 64), or the system gives no threads.
    pub fn new(options: CheckOptions) -> anyhow::Result<Checker> {
        if let (Some(model), Some(level)) = (options.model, options.consistency) {
            model.require_level(level).map_err(ExitError::usage)?;
        }
        let workers = Workers::new(options.jobs)?;
        Ok(Checker { options, workers })
    }

    /// The same, which counts the checks that it makes.
    #[must_use]
    pub fn counted(self, counter: Arc<Counter>) -> Checker {
        Checker {
            workers: self.workers.counted(counter),
            ..self
        }
    }

    /// Judges what is at `path`. `settings` makes those of our own store's claims from those of the run, or from the
    /// quickstart's.
    ///
    /// # Errors
    /// What can't be read (exit code 65), or asked of what it is (64).
    pub fn check(
        &self,
        path: &Path,
        settings: &dyn Fn(&Scenario) -> anyhow::Result<Scenario>,
    ) -> anyhow::Result<Checked> {
        let began = Instant::now();
        let fast = if self.asks_claims_of_txns(&Scenario::quickstart(), settings) {
            None
        } else {
            self.open_txns(path)
        };
        let opened = match fast {
            Some(opened) => opened,
            None => self.open(path, settings)?,
        };
        let stop = self.options.budget.time.map(|time| began + time);
        let judgement = self.judge(&opened.asked, &opened.record, &self.workers, stop);
        let Opened {
            asked,
            record,
            mut about,
            format,
            run,
        } = opened;
        let context = match asked {
            Asked::Claims { facts, .. } => facts.context,
            Asked::Model { model, .. } => {
                if about.iter().all(|(label, _)| *label != "model") {
                    about.insert(0, ("model", model.name().to_owned()));
                }
                about.insert(0, ("history", history_note(path, format, &judgement)));
                Context::default()
            }
        };
        let seed = run
            .as_ref()
            .map(RunFolder::manifest)
            .transpose()?
            .map(|manifest| manifest.seed);
        let report = Report {
            about,
            seed,
            exit: judgement.verdict.into(),
            judgement,
            seconds: began.elapsed().as_secs_f64(),
            run: run.as_ref().map(|folder| folder.origin().to_owned()),
            measured: None,
            thresholds: Vec::new(),
        };
        Ok(Checked {
            report,
            record,
            context,
            run,
        })
    }

    /// Reads a file of transactions in the fast way, if it is one and has nothing unusual.
    fn open_txns(&self, path: &Path) -> Option<Opened> {
        if RunFolder::is_one(path) || path == Path::new("-") || self.options.keyed {
            return None;
        }
        let input = Input::open(path, self.options.format).ok()?;
        let format = input.format();
        if !matches!(format, Format::Edn | Format::Jsonl) || RunFolder::around(path).ok()?.is_some() {
            return None;
        }
        let mut about = Vec::new();
        let model = match self.options.model {
            Some(model) => model,
            None => {
                // What its beginning is of, the rest is too, or is unusual.
                let (model, why) = Model::infer(&input.beginning()).ok()?;
                about.push(("model", inferred(model, &why)));
                model
            }
        };
        let data = model.data()?;
        let level = self.options.consistency;
        level
            .is_none_or(|level| model.require_level(level).is_ok())
            .then_some(())?;
        // What is judged by causes is judged on calls.
        level
            .is_none_or(|level| data == Data::Lists || !level.is_of_causes())
            .then_some(())?;
        let txns = input.txns(data, self.options.jobs)?;
        Some(Opened {
            asked: Asked::Model {
                model,
                nil: Nil::Absent,
            },
            record: Record::Txns(Box::new(txns)),
            about,
            format,
            run: None,
        })
    }

    /// Reads what is at `path`, and settles what it is asked; [`Self::judge`] asks it, of that record or of a part of it.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn open(
        &self,
        path: &Path,
        settings: &dyn Fn(&Scenario) -> anyhow::Result<Scenario>,
    ) -> anyhow::Result<Opened> {
        let is_run = RunFolder::is_one(path);
        let run = if is_run {
            Some(RunFolder::open(path)?)
        } else {
            RunFolder::around(path)?
        };
        let (history, format) = match &run {
            Some(folder) if is_run => (folder.file("history.jsonl"), Some(Format::Jsonl)),
            _ => (path.to_owned(), self.options.format),
        };
        let input = Input::open(&history, format)?;
        let (format, sample) = (input.format(), input.sample());
        let base = run.as_ref().map(RunFolder::scenario).transpose();
        let is_of_txns = match &base {
            Ok(base) => self.asks_claims_of_txns(&base.clone().unwrap_or_else(Scenario::quickstart), settings),
            Err(_) => false,
        };
        let (asked, record, about) = match self.model_of(path, &input, &sample, is_of_txns) {
            Some(Model::QuorumRegister) => {
                let scenario = settings(&base?.unwrap_or_else(Scenario::quickstart))?;
                let folder = run.as_ref().filter(|_| is_run);
                let facts = facts(&scenario, folder)?;
                let (record, torn) = self.own(input, &scenario)?;
                let about = torn.map(|line| ("torn", torn_note(line)));
                let (scenario, facts) = (Box::new(scenario), Box::new(facts));
                let asked = Asked::Claims { scenario, facts };
                (asked, record, about.into_iter().collect())
            }
            model => self.read(input, &sample, model)?,
        };
        Ok(Opened {
            asked,
            record,
            about,
            format,
            run,
        })
    }

    /// Judges a record; a search for an order ends in unknown at `stop`.
    pub fn judge(&self, asked: &Asked, record: &Record, execute: &dyn Execute, stop: Option<Instant>) -> Judgement {
        let (model, nil) = match (asked, record) {
            (Asked::Claims { scenario, facts }, record) => return judge_claims(scenario, record, facts, execute),
            (Asked::Model { model, nil }, _) => (*model, *nil),
        };
        let is_over = || stop.is_some_and(|stop| Instant::now() >= stop);
        let Options { init, budget, .. } = self.search_options();
        let stop = stop.is_some().then_some(&is_over as &(dyn Fn() -> bool + Sync));
        let question = Question {
            model,
            consistency: self.options.consistency,
            search: Options {
                init,
                nil,
                budget: Budget { stop, ..budget },
            },
            bank: self.options.bank.clone(),
            long_fork: self.options.long_fork,
            set_full: self.options.set_full,
            keys: self.options.keys,
            txn_budget: match budget.steps {
                steps if steps == SearchBudget::default().steps => isolation::Question::BUDGET,
                steps => steps,
            },
        };
        judge_model(&question, record, &Context::default(), execute)
    }

    /// What searches of each key start from and may cost, but for what a read of nil says.
    pub fn search_options(&self) -> Options<'static> {
        Options {
            init: self.options.initial.clone(),
            budget: Budget {
                steps: self.options.budget.steps,
                memory_bytes: self.options.budget.memory_bytes / self.options.jobs.max(1),
                ..Budget::default()
            },
            ..Options::default()
        }
    }

    /// The threads that whole files are judged on.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Whether it is the claims on transactions of our own store that are asked about, where a record is one of such.
    fn asks_claims_of_txns(&self, base: &Scenario, settings: &dyn Fn(&Scenario) -> anyhow::Result<Scenario>) -> bool {
        let is_open =
            matches!(self.options.model, None | Some(Model::QuorumRegister)) && self.options.consistency.is_none();
        // Settings that can't be are told where they are needed.
        is_open && settings(base).is_ok_and(|scenario| scenario.workload.is_of_transactions())
    }

    /// The record of our own store.
    fn own(&self, input: Input, scenario: &Scenario) -> anyhow::Result<(Record, Option<u64>)> {
        if scenario.workload.is_of_transactions() {
            let (record, torn) = input.own_transactions()?;
            return Ok((Record::Own(record), torn));
        }
        let (history, torn) = self.keys(input)?;
        Ok((Record::Keys(history), torn))
    }

    /// The model to judge by, where it is known before everything is read.
    fn model_of(&self, path: &Path, input: &Input, sample: &[Entry], is_of_txns: bool) -> Option<Model> {
        if self.options.model.is_some() {
            return self.options.model;
        }
        let is_own = |entry: &Entry| {
            // A file with compare-and-sets is more likely Jepsen's.
            let mut functions = Function::ALL.iter().filter(|function| **function != Function::Cas);
            let is_function = functions.any(|function| function.name() == &*entry.function);
            entry.key.is_some() && is_function
        };
        let is_of_txn = |entry: &Entry| &*entry.function == transaction::FUNCTION || is_own(entry);
        let is_ours = match is_of_txns {
            true => sample.iter().all(is_of_txn),
            false => sample.iter().all(is_own),
        };
        let is_ours = RunFolder::is_one(path) || input.format() == Format::Jsonl && !sample.is_empty() && is_ours;
        (is_ours && self.options.consistency.is_none()).then_some(Model::QuorumRegister)
    }

    /// Reads a file that is judged against a model; where none is given, the one that its calls are of.
    fn read(&self, input: Input, sample: &[Entry], model: Option<Model>) -> anyhow::Result<(Asked, Record, About)> {
        let format = input.format();
        let nil = |model: Model| match self.options.nil {
            Some(nil) => nil,
            None if model.reads_registers() => default_nil(format),
            None => Nil::Absent,
        };
        let has_keys = !sample.is_empty() && sample.iter().all(|entry| entry.key.is_some());
        let is_direct = |model: &Model| {
            let is_plain = self.options.initial.is_nil() && nil(*model) == Nil::Absent;
            model.is_of_keys() && has_keys && is_plain
        };
        let may_be_plain = model.is_none() && is_direct(&Model::Register);
        let plain = may_be_plain.then(|| self.plain_registers(&input)).flatten();
        let (model, record, about) = match (model.filter(is_direct), plain) {
            (Some(model), _) => {
                let (history, torn) = self.keys(input)?;
                let about = torn.map(|line| ("torn", torn_note(line)));
                (model, Record::Keys(history), about.into_iter().collect())
            }
            (None, Some((history, about))) => (Model::Register, Record::Keys(history), about),
            (None, None) => self.calls(input, model, &nil)?,
        };
        if let Some(level) = self.options.consistency {
            model.require_level(level).map_err(ExitError::usage)?;
        }
        let nil = nil(model);
        Ok((Asked::Model { model, nil }, record, about))
    }

    /// Reads a file of our own lines whose beginning is of registers, if all of it is and nothing about it has to be said but that: as fast
    /// as can be, where its calls would tell the same.
    fn plain_registers(&self, input: &Input) -> Option<(History, About)> {
        if input.format() != Format::Jsonl || self.options.keyed {
            return None;
        }
        let found = Model::infer(&input.beginning());
        let (_, why) = found.ok().filter(|(model, _)| *model == Model::Register)?;
        let history = input.again_whole()?.own_history(self.options.jobs).ok()?;
        history.is_of_registers().then(|| {
            let mut about = vec![("model", inferred(Model::Register, &why))];
            let is_nil_read = |op: &Op| op.is_ok_read() && op.value.is_nil();
            let has_nil = history.keys().any(|key| history.ops_of(key).any(is_nil_read));
            about.extend(nil_note(has_nil && self.options.nil.is_none(), Nil::Absent));
            (history, about)
        })
    }

    /// Reads a file as calls, and makes of them what the model is judged on.
    fn calls(
        &self,
        input: Input,
        model: Option<Model>,
        nil: &dyn Fn(Model) -> Nil,
    ) -> anyhow::Result<(Model, Record, About)> {
        let path = input.path().to_owned();
        let (transcript, torn) = input.transcript()?;
        let mut about = Vec::new();
        let model = match model {
            Some(model) => model,
            None => {
                let (model, why) = Model::infer(&transcript).map_err(|found| no_model(&path, &found))?;
                about.push(("model", inferred(model, &why)));
                model
            }
        };
        let nil = nil(model);
        let (parts, keyed) = match model.is_of_transactions() {
            true => (vec![transcript], None),
            false => self.split(transcript, &path)?,
        };
        about.extend(keyed.map(|keyed| ("keys", keyed)));
        let is_nil_open = self.options.nil.is_none() && model.reads_registers();
        about.extend(nil_note(is_nil_open && has_nil_reads(&parts), nil));
        about.extend(torn.map(|line| ("torn", torn_note(line))));
        if !model.is_of_keys() {
            return Ok((model, Record::Calls(parts), about));
        }
        let mut calls = parts.iter().flat_map(Transcript::calls);
        if calls.all(|call| call.start_ns.is_none()) {
            let words = "none in the file; below, an entry's index stands for milliseconds";
            about.push(("times", words.to_owned()));
        }
        let history = register_history(&parts, &self.options.initial, nil);
        let history = history.map_err(|error| bad_input(&path, &error))?;
        Ok((model, Record::Keys(history), about))
    }

    /// A history of keys: our own lines as fast as can be.
    fn keys(&self, input: Input) -> anyhow::Result<(History, Option<u64>)> {
        match input.format() {
            Format::Jsonl => Ok((input.own_history(self.options.jobs)?, None)),
            _ => input.history(),
        }
    }

    /// Splits a transcript by key where calls say one, and says how, where that was not asked for.
    fn split(&self, transcript: Transcript, path: &Path) -> anyhow::Result<(Vec<Transcript>, Option<String>)> {
        let has_field = !transcript.calls().is_empty() && transcript.calls().iter().all(|call| call.key.is_some());
        let reads_pairs = |transcript: &Transcript| {
            let mut reads = transcript
                .calls()
                .iter()
                .filter(|call| *call.function == *"read")
                .peekable();
            reads.peek().is_some() && reads.all(|read| matches!(read.asked.as_pair(), Some((_, Datum::Nil))))
        };
        let is_inferred = !self.options.keyed && !has_field && transcript.is_all_pairs() && reads_pairs(&transcript);
        let keying = match () {
            () if self.options.keyed || is_inferred => Keying::Pairs,
            () if has_field => Keying::Field,
            () => Keying::Whole,
        };
        let parts = transcript.by_key(keying).map_err(|index| {
            let why = format!("index {index}: its value is no pair of a key and a value, as --keyed says");
            bad_input(path, &why)
        })?;
        let said = is_inferred.then(|| format!("{}, taken from values that are pairs, as with --keyed", parts.len()));
        Ok((parts, said))
    }
}

/// What was judged and as what, as labels and texts.
type About = Vec<(&'static str, String)>;

/// What a record is asked.
#[derive(Debug)]
pub enum Asked {
    /// The claims of our own store.
    Claims {
        /// With the settings that they follow from.
        scenario: Box<Scenario>,
        /// What is known beside the record.
        facts: Box<RunFacts>,
    },
    /// What a model promises.
    Model {
        /// Which.
        model: Model,
        /// What a read of nil says.
        nil: Nil,
    },
}

/// A record that has been read and not yet judged.
#[derive(Debug)]
pub struct Opened {
    /// What it is asked.
    pub asked: Asked,
    /// The record.
    pub record: Record,
    about: About,
    /// The format that it was read in.
    pub format: Format,
    /// The run that it is of, or lies in.
    pub run: Option<RunFolder>,
}

/// What was judged, and the record that it was judged on.
#[derive(Debug)]
pub struct Checked {
    /// The verdict.
    pub report: Report,
    /// For evidence.
    pub record: Record,
    /// What is known of its run.
    pub context: Context,
    /// The run that it is of, or lies in. What its archive was unpacked into stays as long as this.
    pub run: Option<RunFolder>,
}

impl Checked {
    /// Measures what the record has to reach besides its claims.
    ///
    /// # Errors
    /// If a record does not tell it: exit code 64.
    pub fn measure(&mut self, thresholds: &[Threshold]) -> anyhow::Result<()> {
        if thresholds
            .iter()
            .any(|threshold| threshold.measure == Measure::Recovery)
        {
            let message = "read --threshold recovery: a history does not tell it; run and sim do";
            return Err(ExitError::usage(message).into());
        }
        if thresholds.is_empty() {
            return Ok(());
        }
        let latencies = latencies(&self.record);
        let measured = threshold::Measured {
            counts: &self.report.judgement.counts,
            latencies: &latencies,
            recovery: None,
        };
        self.report.thresholds = thresholds.iter().map(|threshold| threshold.of(&measured)).collect();
        let missed = self.report.missed().next().map(|_| Exit::Missed);
        self.report.exit = Exit::gravest([self.report.exit].into_iter().chain(missed));
        Ok(())
    }
}

/// How long each successful operation of a client took, where the record tells times.
fn latencies(record: &Record) -> Vec<Duration> {
    let of_calls = |transcript: &Transcript| {
        let calls = transcript.calls().iter().filter(|call| call.is_ok());
        let spans = calls.filter_map(|call| span(call.start_ns?, call.end_ns));
        spans.collect::<Vec<_>>()
    };
    match record {
        Record::Keys(history) => {
            let ops = history.ops().iter().filter(|op| op.outcome == Outcome::Ok);
            ops.filter_map(|op| span(op.start_ns, op.end_ns())).collect()
        }
        Record::Calls(transcripts) => transcripts.iter().flat_map(of_calls).collect(),
        Record::Txns(txns) => of_calls(&txns.transcript(|_| true)),
        Record::Own(own) => of_calls(&own.calls),
    }
}

fn span(start_ns: u64, end_ns: Option<u64>) -> Option<Duration> {
    Some(Duration::from_nanos(end_ns?.saturating_sub(start_ns)))
}

/// What is known beside a history: all that its run recorded, or of a file alone how many replicas a key has.
fn facts(scenario: &Scenario, folder: Option<&RunFolder>) -> anyhow::Result<RunFacts> {
    match folder {
        Some(folder) => {
            let told = told::read(&folder.file(told::FILE))?;
            let coverage = Coverage::read(&folder.file(coverage::FILE))?;
            Ok(run_facts(
                scenario,
                folder.manifest()?.backend,
                &folder.faults()?,
                told.map(Arc::new),
                coverage.exercise(),
            ))
        }
        None => Ok(RunFacts {
            context: Context {
                replica_count: Some(scenario.replicas()),
                ..Context::default()
            },
            faults_took_effect: None,
            cluster: None,
            removals: Vec::new(),
            changes: Vec::new(),
            owed: None,
            is_in_real_time: true,
            exercise: None,
        }),
    }
}

/// What a completed read of nil says in this format: Jepsen's own readers take it for unknown, the others for nothing there.
fn default_nil(format: Format) -> Nil {
    match format {
        Format::Edn | Format::Json | Format::HistoryTxt => Nil::Any,
        _ => Nil::Absent,
    }
}
