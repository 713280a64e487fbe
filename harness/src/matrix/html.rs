//! A matrix as one page: nothing is loaded from anywhere, and it reads on light ground as on dark.

use std::fmt::Write;

use super::{
    figures::{CellReport, ClaimCell, FIGURES, Figure, Meaning},
    report::MatrixReport,
    svg::{Dot, Line, Scale, dots, lines, number},
};
use crate::{exit::Exit, report::html::escaped, run_folder::Backend};

/// The page. `notes` are lines that are told beside the tables.
pub fn html(report: &MatrixReport, notes: &str) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Quorate: N x R x W</title><style>{STYLE}</style></head><body>\n\
         <h1>What N, R and W cost and break</h1>{}<p>{}</p><p class=\"dim\">Seed {}, bounds of 95 % confidence. Made by \
         <code>{}</code></p>\n",
        outcome(report),
        escaped(&report.about),
        report.seed,
        escaped(&report.command)
    );
    if !notes.is_empty() {
        let _ = writeln!(out, "<pre tabindex=\"0\">{}</pre>", escaped(notes));
    }
    section(
        &mut out,
        "Stale reads",
        STALE,
        &plot(report, "stale_share", Scale::Logarithmic, |cell| {
            cell.predicted.as_ref().map(|predicted| predicted.stale_share)
        }),
    );
    section(
        &mut out,
        "Reads, 99th percentile",
        LATENCY,
        &plot(report, "read_p99_ms", Scale::Logarithmic, |cell| {
            cell.predicted.as_ref().and_then(|predicted| predicted.read_p99_ms)
        }),
    );
    section(
        &mut out,
        "Writes, 99th percentile",
        LATENCY,
        &plot(report, "write_p99_ms", Scale::Logarithmic, |cell| {
            cell.predicted.as_ref().and_then(|predicted| predicted.write_p99_ms)
        }),
    );
    let broken = report
        .cells
        .iter()
        .any(|cell| cell.figure("available_faults").value.is_some());
    if broken {
        section(
            &mut out,
            "Answered while something is broken",
            "The share of operations that succeeded, of those that were to begin during a fault.",
            &plot(report, "available_faults", Scale::Linear, |_| None),
        );
    }
    let (title, about, cost) = match report.backend {
        Backend::Simulated => (
            "Messages per operation",
            "Between nodes, asked for by reads and writes: requests, answers, repairs.",
            "messages_per_op",
        ),
        Backend::Processes => (
            "Datagrams per operation",
            "All that passed between nodes while there was load, gossip and acknowledgements too: it is encrypted, and what it was \
             for is not known.",
            "datagrams_per_op",
        ),
    };
    section(&mut out, title, about, &plot(report, cost, Scale::Linear, |_| None));
    predictions(&mut out, report);
    claims(&mut out, report);
    availability(&mut out, report);
    table(&mut out, report);
    out + "</body></html>\n"
}

/// It asks nobody for anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// How it ended, in a line.
fn outcome(report: &MatrixReport) -> String {
    let violated = report.cells.iter().flat_map(|cell| {
        let violated = cell.claims.iter().filter(|claim| claim.verdict == "violated");
        violated.map(move |claim| format!("{} at {}", claim.claim, cell.name))
    });
    let (class, words) = match report.exit() {
        Exit::Valid => ("held", "\u{2713} every claim that was made held".to_owned()),
        Exit::Invalid => (
            "violated",
            format!("\u{2717} violated: {}", violated.collect::<Vec<_>>().join(", ")),
        ),
        Exit::Failure => ("violated", "\u{2717} a run failed".to_owned()),
        Exit::Interrupted => ("observed", "? interrupted: some cells are left".to_owned()),
        Exit::Vacuous => ("observed", "? nothing tested some of the claims".to_owned()),
        _ => ("observed", "? not every cell was run and judged".to_owned()),
    };
    format!("<p class=\"{class}\" id=\"verdict\">{}</p>", escaped(&words))
}

const STALE: &str = "The share of reads that returned what an acknowledged write had overwritten before they began. Dots are measured, \
                     lines their bounds, rings what the model predicts from the delays that were measured. It knows no faults and \
                     no repair.";
const LATENCY: &str = "From when an operation was to begin, in an open loop.";

fn section(out: &mut String, title: &str, about: &str, body: &str) {
    let _ = writeln!(
        out,
        "<section><h2>{title}</h2><p class=\"dim\">{about}</p>{body}</section>"
    );
}

/// Colours by what is broken: those who are without faults first.
fn series(report: &MatrixReport, cell: &CellReport) -> usize {
    let mut faults: Vec<&str> = Vec::new();
    for cell in &report.cells {
        if !faults.contains(&cell.faults.as_str()) {
            faults.push(&cell.faults);
        }
    }
    faults
        .iter()
        .position(|it| *it == cell.faults)
        .map_or(1, |at| at % 5 + 1)
}

fn plot(report: &MatrixReport, key: &str, scale: Scale, predicted: impl Fn(&CellReport) -> Option<f64>) -> String {
    let meaning = Meaning::of(key);
    let factor = meaning.factor();
    let rows = report.cells.iter().filter_map(|cell| {
        let figure = cell.figure(key);
        let value = figure.value? * factor;
        Some(Dot {
            label: cell.name.clone(),
            value,
            low: figure.low.map_or(value, |low| low * factor),
            high: figure.high.map_or(value, |high| high * factor),
            other: predicted(cell).map(|predicted| predicted * factor),
            series: series(report, cell),
        })
    });
    dots(&rows.collect::<Vec<_>>(), scale, unit(meaning))
}

/// What may be wider than the page: it scrolls by itself, by keyboard too.
fn wide(label: &str, body: &str) -> String {
    format!("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">{body}</div>")
}

fn unit(meaning: Meaning) -> &'static str {
    match meaning.unit {
        "share" => "%",
        "versions" => "",
        unit => unit,
    }
}

/// What was predicted of reads by how long after a write they began, beside what they were.
fn predictions(out: &mut String, report: &MatrixReport) {
    let of_interest = |cell: &&CellReport| cell.predicted.as_ref().is_some_and(|it| it.stale_share > 1e-4);
    let cells: Vec<_> = report
        .cells
        .iter()
        .filter(|cell| cell.faults == "none")
        .filter(of_interest)
        .collect();
    let mut curves = Vec::new();
    for (at, cell) in cells.iter().take(5).enumerate() {
        let bands = &cell.predicted.as_ref().expect("filtered by it").bands;
        let middle = |from: f64, to: Option<f64>| to.map_or(from * 1.5, |to| f64::midpoint(from, to));
        let line = |is_dashed: bool| Line {
            name: format!("{}, {}", cell.name, if is_dashed { "predicted" } else { "measured" }),
            points: bands
                .iter()
                .map(|band| {
                    (
                        middle(band.from_ms, band.to_ms),
                        if is_dashed { band.predicted } else { band.measured },
                    )
                })
                .collect(),
            series: at + 1,
            is_dashed,
        };
        curves.extend([line(false), line(true)]);
    }
    if curves.is_empty() {
        return;
    }
    let names: Vec<_> = cells
        .iter()
        .take(5)
        .enumerate()
        .map(|(at, cell)| format!("<span class=\"key k{0}\">{0} {1}</span>", at + 1, escaped(&cell.name)))
        .collect();
    let about = format!(
        "Stale reads by how long after a write's acknowledgement they began: measured (dots), predicted (dashed). {}",
        names.join(" ")
    );
    section(out, "Prediction and measurement", &about, &lines(&curves, "ms"));
}

/// Which claims were broken where.
fn claims(out: &mut String, report: &MatrixReport) {
    let names = report.claim_names();
    let mut body = "<table><tr><th></th>".to_owned();
    names
        .iter()
        .for_each(|name| body += &format!("<th class=\"up\">{}</th>", escaped(name)));
    body += "</tr>";
    for cell in &report.cells {
        let _ = write!(body, "<tr><th>{}</th>", escaped(&cell.name));
        for name in &names {
            body += &match cell.claims.iter().find(|claim| claim.claim == *name) {
                Some(claim) => verdict(claim, cell.runs),
                None => "<td></td>".to_owned(),
            };
        }
        body += "</tr>";
    }
    body += "</table>";
    let about = "Held where it is promised; seen broken in so many of the runs where it is not (observed); a dash where it is not \
                 promised and was not seen broken.";
    section(out, "Claims", about, &wide("claims", &body));
}

fn verdict(claim: &ClaimCell, runs: u64) -> String {
    let (class, text) = match claim.verdict.as_str() {
        "held" => ("held", "held".to_owned()),
        "violated" => ("violated", format!("VIOLATED {}/{runs}", claim.broken_runs)),
        "observed" => ("observed", format!("{}/{runs}", claim.broken_runs)),
        "not-observed" => ("dim", "–".to_owned()),
        other => ("dim", other.to_owned()),
    };
    let told = format!("{}: {} times, of {} that could", claim.claim, claim.count, claim.tested);
    format!("<td class=\"{class}\" title=\"{}\">{text}</td>", escaped(&told))
}

fn availability(out: &mut String, report: &MatrixReport) {
    if report.cells.iter().all(|cell| cell.availability.is_empty()) {
        return;
    }
    let mut body = "<table><tr><th></th><th>fault</th><th>times</th><th>reads ok</th><th>writes ok</th>\
                    <th>failing after, ms</th></tr>"
        .to_owned();
    for cell in &report.cells {
        for fault in &cell.availability {
            let share = |figure: &Figure| told(figure, 100.0);
            let _ = write!(
                body,
                "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(&cell.name),
                escaped(&fault.fault),
                fault.count,
                share(&fault.reads),
                share(&fault.writes),
                told(&fault.recovery_ms, 1.0),
            );
        }
    }
    body += "</table>";
    let about = "By kind of fault: of a hundred operations that were to begin during it, how many succeeded; and how long some still \
                 failed once it was over.";
    section(
        out,
        "Availability by fault",
        about,
        &wide("availability by fault", &body),
    );
}

fn told(figure: &Figure, factor: f64) -> String {
    let Some(value) = figure.value else {
        return "<span class=\"dim\">–</span>".to_owned();
    };
    let bounds = match (figure.low, figure.high) {
        (Some(low), Some(high)) => format!(
            " <span class=\"dim\">({} to {})</span>",
            number(low * factor),
            number(high * factor)
        ),
        _ => String::new(),
    };
    number(value * factor) + &bounds
}

/// Every figure of every cell.
fn table(out: &mut String, report: &MatrixReport) {
    let mut body = "<table><tr><th></th><th>runs</th><th>operations</th>".to_owned();
    for meaning in FIGURES {
        let unit = unit(meaning);
        let unit = if unit.is_empty() {
            String::new()
        } else {
            format!(", {unit}")
        };
        let _ = write!(body, "<th>{}{unit}</th>", meaning.title);
    }
    body += "</tr>";
    for cell in &report.cells {
        let _ = write!(
            body,
            "<tr><th>{}</th><td>{}</td><td>{}</td>",
            escaped(&cell.name),
            cell.runs,
            cell.ops
        );
        for meaning in FIGURES {
            let _ = write!(body, "<td>{}</td>", told(&cell.figure(meaning.key), meaning.factor()));
        }
        body += "</tr>";
    }
    body += "</table>";
    section(
        out,
        "All figures",
        "With their bounds; a dash where there is nothing to make one of.",
        &wide("all figures", &body),
    );
}

const STYLE: &str = "
:root{color-scheme:light dark;--ground:#fff;--ink:#1d2329;--dim:#5d6975;--rule:#dfe4e8;--s1:#1663b5;--s2:#b5491b;--s3:#2b7a3d;\
--s4:#7d3fa8;--s5:#8a6d00;--bad:#b3261e;--good:#2b7a3d}
@media(prefers-color-scheme:dark){:root{--ground:#14181c;--ink:#e6eaee;--dim:#98a4af;--rule:#2c343b;--s1:#6fb1f5;--s2:#f29a6b;\
--s3:#7fcf93;--s4:#c99cf0;--s5:#dcc04f;--bad:#ff8a80;--good:#7fcf93}}
body{background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2.2rem 0 .2rem}code,pre{font:13px/1.45 ui-monospace,monospace}
pre{white-space:pre-wrap;border-left:3px solid var(--rule);padding-left:1rem}
.dim{color:var(--dim)}p.dim{margin:.2rem 0 .6rem}.row{display:grid;\
grid-template-columns:13rem 1fr 4rem;gap:0 .8rem;align-items:center;font-size:13px;line-height:22px}.row svg{display:block;width:100%;\
height:22px;overflow:visible}.row .label{text-align:right}.row .value{font-variant-numeric:tabular-nums}svg.lines{width:100%;\
max-width:600px;height:auto}@media(max-width:40rem){.row{grid-template-columns:1fr 4rem}.row .label{grid-column:1/-1;text-align:left;margin-top:.3rem}\
.row:last-child .label{display:none}}code{overflow-wrap:anywhere}\
#verdict{font-weight:700}:focus-visible{outline:3px solid var(--s1);outline-offset:1px}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .label{text-anchor:end}svg .mark{text-anchor:middle;fill:var(--dim)}
.row line{stroke-width:2.5;opacity:.55}svg line.grid{stroke:var(--rule);stroke-width:1;opacity:1}svg .ring{fill:none!important;stroke-width:1.5}
svg .curve{fill:none!important;stroke-width:2}svg .dashed{stroke-dasharray:5 4}
.s1{stroke:var(--s1)}.s2{stroke:var(--s2)}.s3{stroke:var(--s3)}.s4{stroke:var(--s4)}.s5{stroke:var(--s5)}
.s1 circle{fill:var(--s1)}.s2 circle{fill:var(--s2)}.s3 circle{fill:var(--s3)}.s4 circle{fill:var(--s4)}.s5 circle{fill:var(--s5)}
svg text{stroke:none}.key{font-weight:600;white-space:nowrap;margin-right:.6em}
.k1{color:var(--s1)}.k2{color:var(--s2)}.k3{color:var(--s3)}.k4{color:var(--s4)}.k5{color:var(--s5)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px}th,td{padding:.25rem .6rem;text-align:right;white-space:nowrap;\
border-bottom:1px solid var(--rule);vertical-align:bottom}th{font-weight:600}tr>th:first-child{text-align:left;position:sticky;left:0;\
background:var(--ground)}th.up{writing-mode:vertical-rl;transform:rotate(180deg);text-align:left;padding:.6rem .25rem}
.held{color:var(--good)}.violated{color:var(--bad);font-weight:700}.observed{color:var(--s2)}
";
