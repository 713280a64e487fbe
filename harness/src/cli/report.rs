//! `quorate report`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;
use serde_json::json;

use super::{Format, judge::JudgeArgs};
use crate::{
    checking::{Checker, SearchBudget},
    exit::Exit,
    report::html::{self, Page},
    run_folder::RunFolder,
};

/// Writes a run, or any history, as one page: its verdict, what happened, each anomaly, every operation on a timeline.
///
/// The page needs no network and no other file. It is judged anew. Of a run it is put into its folder, or beside its archive; of a
/// history, beside it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder of a run, its archive, or a history file.
    #[arg(value_name = "RUN")]
    path: PathBuf,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show it in a browser.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    judge: JudgeArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  quorate report results/runs/quickstart/latest --open
  quorate report bug.tar.gz -o bug.html
  quorate report history.edn --model cas-register --init 0";

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let checker = Checker::new(args.judge.options(SearchBudget::default())?)?;
    let checked = checker.check(&args.path, &|base| args.judge.settings.over(base))?;
    let folder = checked.run.as_ref().filter(|_| RunFolder::is_one(&args.path));
    let page = html::html(&Page {
        title: title(&args.path),
        report: &checked.report,
        record: &checked.record,
        context: &checked.context,
        folder,
    });
    let output = match (&args.output, folder) {
        (Some(output), _) => output.clone(),
        (None, Some(folder)) => folder.later_file(html::FILE),
        (None, None) => beside(&args.path),
    };
    fs::write(&output, &page).with_context(|| format!("write {}", output.display()))?;
    let verdict = checked.report.judgement.verdict.name();
    args.format.answer(
        || format!("{}\t{verdict}\n", output.display()),
        || json!({ "format": 1, "file": output, "bytes": page.len(), "verdict": verdict }),
    );
    if args.open {
        open(&output)?;
    }
    Ok(Exit::Valid)
}

fn title(path: &Path) -> String {
    // By whatever link it is named.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// `history.edn` has its page in `history.edn.html`.
fn beside(path: &Path) -> PathBuf {
    if path == Path::new("-") {
        return PathBuf::from(html::FILE);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".html");
    PathBuf::from(name)
}

/// Has the desktop show a file.
fn open(path: &Path) -> anyhow::Result<()> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = command.status();
    let status = status.with_context(|| format!("run {opener} to show {}", path.display()))?;
    anyhow::ensure!(
        status.success(),
        "show {}: {opener} ended with {status}",
        path.display()
    );
    Ok(())
}
