//! A matrix, as tables.

use std::fmt::Write;

use super::Told;
use crate::{
    grid::{Grid, Stands},
    matrix::{CellReport, Difference, FIGURES, Figure, MatrixReport, Meaning},
    run_folder::Backend,
};

/// For a terminal.
pub(super) fn text(told: &Told<'_>) -> String {
    let report = told.report;
    let mut out = format!(
        "matrix   {}; seed {}; bounds are of 95 % confidence\n",
        report.about, report.seed
    );
    for (title, grid) in tables(report).into_iter().filter(|(_, grid)| !grid.is_empty()) {
        let _ = write!(out, "\n{title}\n{}", grid.text());
    }
    let notes = notes(told, false);
    if !notes.is_empty() {
        out += &format!("\n{notes}");
    }
    let _ = writeln!(out, "\nexit code {}", told.exit.code());
    out
}

/// For a document.
pub(super) fn markdown(told: &Told<'_>) -> String {
    let report = told.report;
    let mut out = format!(
        "{}; seed {}; bounds are of 95 % confidence. Made by\n\n```\n{}\n```\n",
        report.about, report.seed, report.command
    );
    for (title, grid) in tables(report).into_iter().filter(|(_, grid)| !grid.is_empty()) {
        let _ = write!(out, "\n## {title}\n\n{}", grid.markdown());
    }
    let notes = notes(told, true);
    if !notes.is_empty() {
        out += &format!("\n{notes}");
    }
    out
}

/// What is said beside the tables: advice, differences, what was not run or failed, what is undecided, what there is no knowing.
pub(super) fn notes(told: &Told<'_>, is_markdown: bool) -> String {
    let mut parts = Vec::new();
    parts.extend(told.advice.as_ref().map(|advice| advice.text(is_markdown)));
    parts.extend(
        told.differences
            .as_ref()
            .map(|differences| differences_text(differences)),
    );
    let failed = told
        .report
        .cells
        .iter()
        .flat_map(|cell| cell.failed.iter().map(move |why| (cell, why)));
    let failed: String = failed.map(|(cell, why)| format!("  {}, {why}\n", cell.name)).collect();
    if !failed.is_empty() {
        parts.push(format!("runs that failed\n{failed}"));
    }
    parts.extend(left_text(told.report));
    parts.extend(kept_text(told.report));
    let undecided = &told.report.undecided;
    if !undecided.is_empty() {
        let pairs: String = undecided
            .iter()
            .map(|[one, other]| format!("  {one} and {other}\n"))
            .collect();
        parts.push(format!(
            "not told apart by their stale reads; --budget or a larger --repeat may do it\n{pairs}"
        ));
    }
    if told.report.backend == Backend::Processes {
        parts.push(UNSEEN.to_owned());
    }
    parts.join("\n")
}

/// What is not known of real processes, and what is told in its place.
const UNSEEN: &str = "what passes between real processes is encrypted: how many messages an operation takes is not known. Datagrams and\n\
                      their bytes are all that passed between nodes under load: gossip, acknowledgements and what QUIC adds are in them\n";

fn left_text(report: &MatrixReport) -> Option<String> {
    if report.left.is_empty() && !report.interrupted {
        return None;
    }
    let why = match report.interrupted {
        true => "interrupted: what was run until then is told",
        false => "the time was over before every cell was run",
    };
    let left: String = report.left.iter().map(|name| format!("  left     {name}\n")).collect();
    Some(format!("{why}\n{left}"))
}

fn kept_text(report: &MatrixReport) -> Option<String> {
    let kept = report
        .cells
        .iter()
        .flat_map(|cell| cell.kept.iter().map(move |run| (cell, run)));
    let kept: String = kept
        .map(|(cell, run)| format!("  {}: {}\n", cell.name, run.display()))
        .collect();
    (!kept.is_empty()).then(|| format!("runs that are kept, to be looked at with quorate explain or report\n{kept}"))
}

fn differences_text(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "nothing differs from the baseline beyond the bounds\n".to_owned();
    }
    let mut out = "differs from the baseline\n".to_owned();
    for difference in differences {
        let _ = match difference {
            Difference::Figure { cell, meaning, was, is } => writeln!(
                out,
                "  {cell}: {} was {}, is {}",
                meaning.heading(),
                bounded(was, *meaning),
                bounded(is, *meaning)
            ),
            Difference::Claim { cell, claim, was, is } => writeln!(out, "  {cell}: {claim} was {was}, is {is}"),
            Difference::Cell { cell, is_new: true } => writeln!(out, "  {cell}: not in the baseline"),
            Difference::Cell { cell, is_new: false } => writeln!(out, "  {cell}: only in the baseline"),
        };
    }
    out
}

fn tables(report: &MatrixReport) -> Vec<(&'static str, Grid)> {
    let cost = match report.backend {
        Backend::Simulated => ["messages_per_op", "bytes_per_op"],
        Backend::Processes => ["datagrams_per_op", "datagram_bytes_per_op"],
    };
    vec![
        (
            "staleness: share of reads, and by how much stale ones are",
            figures(
                report,
                &[
                    "stale_share",
                    "stale_versions_p50",
                    "stale_versions_max",
                    "stale_ms_p50",
                    "stale_ms_p99",
                    "stale_ms_max",
                    "lost_share",
                ],
            ),
        ),
        (
            "latency, from when operations were to begin",
            figures(
                report,
                &[
                    "read_p50_ms",
                    "read_p99_ms",
                    "read_p999_ms",
                    "write_p50_ms",
                    "write_p99_ms",
                    "write_p999_ms",
                ],
            ),
        ),
        (
            "availability, recovery and cost",
            figures(
                report,
                &[
                    "available_faults",
                    "available_otherwise",
                    "recovery_ms_mean",
                    "rest_ms_mean",
                    cost[0],
                    cost[1],
                ],
            ),
        ),
        ("availability during each fault", availability(report)),
        (
            "predicted from the delays of the runs themselves, beside what was measured",
            predicted(report),
        ),
        ("claims: held, or seen broken in so many of the runs", claims(report)),
    ]
}

/// A row for each cell with these figures.
fn figures(report: &MatrixReport, keys: &[&str]) -> Grid {
    let meanings: Vec<_> = keys.iter().map(|key| Meaning::of(key)).collect();
    let columns = meanings.iter().map(|meaning| (meaning.heading(), Stands::Right));
    let mut grid = Grid::new(
        [("".to_owned(), Stands::Left), ("runs".to_owned(), Stands::Right)]
            .into_iter()
            .chain(columns),
    );
    for cell in &report.cells {
        let figures = meanings
            .iter()
            .map(|meaning| bounded(&cell.figure(meaning.key), *meaning));
        grid.row(
            [cell.name.clone(), cell.runs.to_string()]
                .into_iter()
                .chain(figures)
                .collect(),
        );
    }
    grid
}

fn availability(report: &MatrixReport) -> Grid {
    let mut grid = Grid::of(&["", "fault"], &["times", "reads ok", "writes ok", "failing after, ms"]);
    let [share, ms] = ["available_faults", "recovery_ms_mean"].map(Meaning::of);
    for cell in &report.cells {
        for fault in &cell.availability {
            grid.row(vec![
                cell.name.clone(),
                fault.fault.clone(),
                fault.count.to_string(),
                bounded(&fault.reads, share),
                bounded(&fault.writes, share),
                bounded(&fault.recovery_ms, ms),
            ]);
        }
    }
    grid
}

fn predicted(report: &MatrixReport) -> Grid {
    let numbers = [
        "reads",
        "stale predicted",
        "measured",
        "error (points)",
        "RMSE by t (points)",
        "99.9 % fresh by",
        "read p99, ms",
        "measured",
        "write p99, ms",
        "measured",
    ];
    let mut grid = Grid::of(&[""], &numbers);
    let ms = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.2}"));
    for cell in &report.cells {
        let Some(it) = &cell.predicted else {
            continue;
        };
        let percent = |share: f64| format!("{:.3} %", share * 100.0);
        grid.row(vec![
            cell.name.clone(),
            it.reads.to_string(),
            percent(it.stale_share),
            percent(it.measured_stale_share),
            format!("{:+.3}", (it.stale_share - it.measured_stale_share) * 100.0),
            format!("{:.3}", it.rmse * 100.0),
            it.fresh_999_ms
                .map_or_else(|| "never".to_owned(), |t| format!("{t:.2} ms")),
            ms(it.read_p99_ms),
            ms(cell.figure("read_p99_ms").value),
            ms(it.write_p99_ms),
            ms(cell.figure("write_p99_ms").value),
        ]);
    }
    grid
}

fn claims(report: &MatrixReport) -> Grid {
    let names = report.claim_names();
    let columns = names.iter().map(|name| ((*name).to_owned(), Stands::Left));
    let mut grid = Grid::new(std::iter::once(("".to_owned(), Stands::Left)).chain(columns));
    for cell in &report.cells {
        let verdict = |name: &&str| verdict(cell, name);
        grid.row(
            std::iter::once(cell.name.clone())
                .chain(names.iter().map(verdict))
                .collect(),
        );
    }
    grid
}

fn verdict(cell: &CellReport, name: &str) -> String {
    let Some(claim) = cell.claims.iter().find(|claim| claim.claim == name) else {
        return String::new();
    };
    match claim.verdict.as_str() {
        "violated" => format!("VIOLATED {}/{}", claim.broken_runs, cell.runs),
        "observed" => format!("{}/{}", claim.broken_runs, cell.runs),
        "not-observed" => "-".to_owned(),
        other => other.to_owned(),
    }
}

/// One row for each cell, with every figure, its bounds and how many cases it is of.
pub(super) fn wide(report: &MatrixReport) -> Grid {
    let mut columns: Vec<String> = [
        "cell",
        "n",
        "r",
        "w",
        "write_path",
        "faults",
        "runs",
        "operations",
        "exit",
    ]
    .map(str::to_owned)
    .to_vec();
    let with_bounds = |meaning: Meaning| ["", "_n", "_low", "_high"].map(|part| format!("{}{part}", meaning.key));
    columns.extend(FIGURES.into_iter().flat_map(with_bounds));
    columns.extend(["predicted_stale_share", "predicted_rmse"].map(str::to_owned));
    let names = report.claim_names();
    columns.extend(names.iter().map(|name| (*name).to_owned()));
    let mut grid = Grid::new(columns.into_iter().map(|name| (name, Stands::Right)));
    for cell in &report.cells {
        let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let mut row = vec![
            cell.name.clone(),
            cell.n.to_string(),
            cell.r.to_string(),
            cell.w.to_string(),
            cell.write_path.clone(),
            cell.faults.clone(),
            cell.runs.to_string(),
            cell.ops.to_string(),
            cell.exit.to_string(),
        ];
        for meaning in FIGURES {
            let Figure { value, n, low, high } = cell.figure(meaning.key);
            row.extend([number(value), n.to_string(), number(low), number(high)]);
        }
        let predicted = cell.predicted.as_ref();
        row.push(number(predicted.map(|predicted| predicted.stale_share)));
        row.push(number(predicted.map(|predicted| predicted.rmse)));
        let claim = |name: &&str| cell.claims.iter().find(|claim| claim.claim == **name);
        row.extend(
            names
                .iter()
                .map(|name| claim(name).map(|claim| claim.verdict.clone()).unwrap_or_default()),
        );
        grid.row(row);
    }
    grid
}

/// A figure and how far its bounds are from it.
fn bounded(figure: &Figure, meaning: Meaning) -> String {
    let Some(value) = figure.value else {
        return "-".to_owned();
    };
    let (unit, digits) = match meaning.unit {
        "share" => (" %", 3),
        "versions" => ("", 0),
        _ => ("", 2),
    };
    let factor = meaning.factor();
    let low = figure.low.map(|low| (value - low) * factor);
    let high = figure.high.map(|high| (high - value) * factor);
    let value = value * factor;
    match low.zip(high) {
        Some((low, high)) => format!("{value:.digits$} ±{:.digits$}{unit}", low.max(high)),
        None => format!("{value:.digits$}{unit}"),
    }
}
