//! `quorate explain`.

use std::{fmt::Write, path::PathBuf};

use quorate_checker::WitnessOp;
use quorate_workloads::ClaimReport;
use serde_json::{Value, json};

use super::{
    Format,
    judge::JudgeArgs,
    table::{Side, Table},
};
use crate::{
    checking::{Checker, SearchBudget},
    exit::{Exit, ExitError},
    report::Report,
    run_folder::RunFolder,
    shell::quoted,
};

/// Explains what was seen broken in a run, or in any history: in words, with the operations and where the evidence lies.
///
/// It is judged anew. Without --anomaly all are told, in the order of the verdict; those that are not claimed too.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder of a run, its archive, or a history file.
    #[arg(value_name = "RUN")]
    path: PathBuf,
    /// Only this one, counted from 1, as its folder in anomalies/ is.
    #[arg(long, value_name = "N")]
    anomaly: Option<usize>,
    #[command(flatten)]
    judge: JudgeArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  quorate explain results/runs/quickstart/latest
  quorate explain bug.tar.gz --anomaly 2
  quorate explain history.edn --model cas-register --init 0 --format json";

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let checker = Checker::new(args.judge.options(SearchBudget::default())?)?;
    let checked = checker.check(&args.path, &|base| args.judge.settings.over(base))?;
    let report = &checked.report;
    let all: Vec<_> = report
        .broken()
        .zip(1..)
        .map(|(claim, number)| (number, claim))
        .collect();
    let chosen: Vec<_> = match args.anomaly {
        None => all.clone(),
        Some(wanted) => all.iter().copied().filter(|(number, _)| *number == wanted).collect(),
    };
    if let (Some(wanted), true) = (args.anomaly, chosen.is_empty()) {
        let message = format!(
            "find anomaly {wanted}: {} were seen in {}",
            all.len(),
            args.path.display()
        );
        return Err(ExitError::usage(message).into());
    }
    // Evidence lies only in the folder of a run; an archive has it inside.
    let folder = RunFolder::is_one(&args.path).then_some(args.path.as_path());
    let told = Told { report, chosen, folder };
    args.format.answer(|| told.text(), || told.json());
    Ok(Exit::Valid)
}

struct Told<'a> {
    report: &'a Report,
    chosen: Vec<(usize, &'a ClaimReport)>,
    folder: Option<&'a std::path::Path>,
}

impl Told<'_> {
    fn text(&self) -> String {
        if self.chosen.is_empty() {
            let verdict = self.report.judgement.verdict.name();
            return format!("nothing was seen broken; the verdict is {verdict}\n");
        }
        let parts = self.chosen.iter().map(|(number, claim)| self.part(*number, claim));
        parts.collect::<Vec<_>>().join("\n")
    }

    fn part(&self, number: usize, claim: &ClaimReport) -> String {
        let mut out = format!("{number}. {}, which breaks {}\n", claim.claim.anomaly, claim.claim.name);
        let mut line = |label: &str, text: &str| {
            let _ = writeln!(out, "   {label:<9}{text}");
        };
        line("promise", &claim.claim.promise);
        let claimed = if claim.claimed { "yes" } else { "no" };
        line("claimed", &format!("{claimed}: {}", claim.reason));
        line("seen", &format!("{} times in {} tested", claim.count, claim.tested));
        let evidence = self.folder.map(|folder| folder.join(self.report.anomaly_folder(claim)));
        if let Some(evidence) = evidence.filter(|evidence| evidence.is_dir()) {
            line("evidence", &evidence.display().to_string());
            let minimal = evidence.join("minimal.jsonl").display().to_string();
            line("again", &format!("quorate check {}", quoted(&minimal)));
        }
        if let Some(witness) = &claim.witness {
            let _ = write!(out, "\n{}\n\n{}", witness.text, operations(&witness.ops));
        }
        out
    }

    fn json(&self) -> Value {
        let anomalies = self.chosen.iter().map(|(number, claim)| {
            let mut object = serde_json::to_value(claim).expect("a claim is numbers and texts");
            object["number"] = (*number).into();
            object["anomaly"] = claim.claim.anomaly.into();
            object["promise"] = claim.claim.promise.as_ref().into();
            object
        });
        json!({
            "format": 1,
            "verdict": self.report.judgement.verdict.name(),
            "run": self.report.run,
            "anomalies": anomalies.collect::<Vec<_>>(),
        })
    }
}

fn operations(ops: &[WitnessOp]) -> String {
    let seconds = |ns: u64| format!("{:.3} s", ns as f64 / 1e9);
    let mut table = Table::new([
        ("INDEX", Side::Right),
        ("WHO", Side::Left),
        ("DID", Side::Left),
        ("KEY", Side::Left),
        ("VALUE", Side::Left),
        ("ENDED", Side::Left),
        ("NODE", Side::Left),
        ("FROM", Side::Right),
        ("TO", Side::Right),
    ]);
    for op in ops {
        table.row([
            op.index.to_string(),
            op.process.to_string(),
            op.function.to_string(),
            op.key.clone(),
            if op.value.is_null() {
                "nothing".to_owned()
            } else {
                op.value.to_string()
            },
            op.outcome.to_owned(),
            op.node.clone().unwrap_or_default(),
            seconds(op.start_ns),
            op.end_ns.map_or("never".to_owned(), seconds),
        ]);
    }
    table.to_string()
}
