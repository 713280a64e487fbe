//! The pages: all runs, one, and two side by side. They can be read and used without scripts; these filter, and look again.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use serde_json::Value;

use super::percent::encode;
use crate::{
    report::escaped,
    run_folder::RunFolder,
    runs::{Listed, Listing, Outcome, RunFile},
    utc,
};

/// The name of a run's folder.
pub(super) fn name_of(run: &Listed) -> String {
    run.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn link_of(run: &Listed) -> String {
    format!("/run/{}/{}", encode(&run.scenario), encode(&name_of(run)))
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{} - Quorate</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n<script src=\"/page.js\" defer></script>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escaped(title)
    )
}

/// All runs, the newest first.
pub(super) fn list(listing: &Listing) -> String {
    let mut body = "<h1>Runs</h1>\n".to_owned();
    if listing.runs.is_empty() {
        body += "<p>There are none yet: <code>quorate run</code> makes one.</p>\n";
        return page("Runs", &body);
    }
    body += "<p><label>Filter <input id=\"filter\" type=\"search\" placeholder=\"invalid, kill, fresh-reads, a seed\"></label> \
             <span id=\"count\" role=\"status\"></span></p>\n<form action=\"/compare\">\n<div class=\"wide\" tabindex=\"0\"><table>\n\
             <thead><tr><th>A</th><th>B</th><th>Verdict</th><th>Run</th><th>Began (UTC)</th><th>Backend</th><th>Seed</th>\
             <th>Violated, or how far it is</th></tr></thead>\n<tbody id=\"runs\">\n";
    listing.runs.iter().for_each(|run| body += &row(run));
    body += "</tbody></table></div>\n<p><button>Compare A and B</button></p>\n</form>\n";
    for (path, error) in &listing.broken {
        let _ = writeln!(
            body,
            "<p>Passed over {}: {}</p>",
            escaped(&path.display().to_string()),
            escaped(&format!("{error:#}"))
        );
    }
    page("Runs", &body)
}

fn row(run: &Listed) -> String {
    let (link, name) = (link_of(run), name_of(run));
    let violated = run
        .outcome
        .judged()
        .map(|judged| judged.violated.join(", "))
        .unwrap_or_default();
    let outcome = run.outcome.name();
    let report = report_of(run);
    let live = match run.outcome {
        Outcome::Unfinished => format!(" data-live=\"{link}/live.json\""),
        _ => String::new(),
    };
    let report = format!("{report}<a href=\"{link}/archive\">archive</a>");
    let value = escaped(&format!("{}/{name}", run.scenario));
    format!(
        "<tr><td><input type=\"radio\" name=\"a\" value=\"{value}\" aria-label=\"A: {value}\"></td>\
         <td><input type=\"radio\" name=\"b\" value=\"{value}\" aria-label=\"B: {value}\"></td>\
         <td class=\"{outcome}\" data-state>{outcome}</td><td><a href=\"{link}\">{}/{}</a><br>{report}</td>\
         <td>{}</td><td>{}</td><td><span>seed </span>{}</td><td class=\"words\"{live}>{}</td></tr>\n",
        escaped(&run.scenario),
        escaped(&name),
        escaped(&utc::spaced(&run.manifest.started)),
        run.manifest.backend.name(),
        run.manifest.seed,
        escaped(&violated),
    )
}

/// One run with its files.
pub(super) fn run(run: &Listed, files: &[RunFile]) -> String {
    let (link, name) = (link_of(run), name_of(run));
    let outcome = run.outcome.name();
    let mut body = format!(
        "<p><a href=\"/\">All runs</a></p>\n<h1>{}/{}</h1>\n<p class=\"{outcome}\" data-state>{outcome}</p>\n",
        escaped(&run.scenario),
        escaped(&name)
    );
    if run.outcome == Outcome::Unfinished {
        let _ = writeln!(body, "<p data-live=\"{link}/live.json\"></p>");
    }
    let command = run.manifest.command.join(" ");
    let _ = writeln!(
        body,
        "<pre tabindex=\"0\">{}</pre>\n<p>{}<a href=\"{link}/archive\">archive</a></p>",
        escaped(&command),
        report_of(run)
    );
    let facts = facts(run);
    let claims = facts
        .iter()
        .filter_map(|((_, name), how)| Some((name.strip_prefix("claim ")?, how)));
    let claims: String = claims
        .map(|(claim, how)| {
            let class = if how.starts_with("violated") {
                " class=\"invalid\""
            } else {
                ""
            };
            format!(
                "<tr><th scope=\"row\">{}</th><td{class}>{}</td></tr>\n",
                escaped(claim),
                escaped(how)
            )
        })
        .collect();
    if !claims.is_empty() {
        let _ = writeln!(
            body,
            "<div class=\"wide\" tabindex=\"0\"><table id=\"claims\">\n{claims}</table></div>\n<h2>Files</h2>"
        );
    }
    body += "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>File</th><th class=\"number\">Bytes</th></tr></thead><tbody>\n";
    for file in files {
        let path = file.path.to_string_lossy();
        let address: Vec<_> = path.split('/').map(encode).collect();
        let _ = writeln!(
            body,
            "<tr><td><a href=\"{link}/{}\">{}</a></td><td class=\"number\">{}</td></tr>",
            address.join("/"),
            escaped(&path),
            file.bytes
        );
    }
    body += "</tbody></table></div>\n";
    page(&name, &body)
}

/// A link to its report, if it has one.
fn report_of(run: &Listed) -> String {
    match run.path.join("report.html").is_file() {
        true => format!("<a href=\"{}/report.html\">report</a> ", link_of(run)),
        false => String::new(),
    }
}

/// Two runs side by side: what they were, how each claim fared, what was measured.
pub(super) fn compare(a: &Listed, b: &Listed) -> String {
    let heading = |run: &Listed| {
        format!(
            "<a href=\"{}\">{}/{}</a>",
            link_of(run),
            escaped(&run.scenario),
            escaped(&name_of(run))
        )
    };
    let mut body = format!(
        "<p><a href=\"/\">All runs</a></p>\n<h1>Two runs</h1>\n<div class=\"wide\" tabindex=\"0\"><table class=\"two\">\n<thead><tr><th></th>\
         <th>{}</th><th>{}</th></tr></thead>\n<tbody>\n",
        heading(a),
        heading(b)
    );
    let (left, right) = (facts(a), facts(b));
    let mut names: Vec<_> = left.keys().chain(right.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let of = |facts: &BTreeMap<(u8, String), String>| facts.get(name).cloned().unwrap_or_else(|| "-".to_owned());
        let (left, right) = (of(&left), of(&right));
        // How often something was tested is another in each run; how it fared is what matters.
        let is_same = left == right || left.starts_with("held (") && right.starts_with("held (");
        let (class, mark) = match is_same {
            true => ("", ""),
            false => (" class=\"differs\"", "\u{2260} "),
        };
        let _ = writeln!(
            body,
            "<tr{class}><th scope=\"row\">{mark}{}</th><td>{}</td><td>{}</td></tr>",
            escaped(&name.1),
            escaped(&left),
            escaped(&right)
        );
    }
    body += "</tbody></table></div>\n";
    page("Two runs", &body)
}

/// What there is to compare, by name; what is of one kind stands together.
fn facts(run: &Listed) -> BTreeMap<(u8, String), String> {
    let mut facts = BTreeMap::new();
    let mut add = |kind: u8, name: &str, text: String| facts.insert((kind, name.to_owned()), text);
    add(0, "verdict", run.outcome.name().to_owned());
    add(1, "began", utc::spaced(&run.manifest.started));
    add(1, "seed", run.manifest.seed.to_string());
    add(1, "commit", run.manifest.commit.clone());
    add(1, "backend", run.manifest.backend.name().to_owned());
    let verdict = fs::read_to_string(run.path.join("verdict.json")).ok();
    let verdict: Value = verdict
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    for name in ["ops", "ops_per_second", "quiet_after_seconds"] {
        add(2, &name.replace('_', " "), number(&verdict[name]));
    }
    for name in ["p50_ms", "p99_ms", "max_ms"] {
        add(
            1,
            &format!("latency {}", name.replace("_ms", ", ms")),
            number(&verdict["latency"][name]),
        );
    }
    add(2, "faults seen to take effect", number(&verdict["faults"]["effective"]));
    for claim in verdict["claims"].as_array().into_iter().flatten() {
        let text = format!(
            "{} (broken {} of {})",
            word(&claim["verdict"]),
            number(&claim["count"]),
            number(&claim["tested"])
        );
        add(3, &format!("claim {}", word(&claim["claim"])), text);
    }
    let scenario = RunFolder::open(&run.path).and_then(|folder| folder.scenario());
    let settings = scenario.ok().and_then(|scenario| serde_json::to_value(&scenario).ok());
    for (name, value) in settings.iter().filter_map(Value::as_object).flatten() {
        if name != "plan" {
            add(4, &format!("setting {name}"), word(value));
        }
    }
    facts
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &Value) -> String {
    match value.as_f64() {
        None => "-".to_owned(),
        Some(number) if number.fract() == 0.0 => number.to_string(),
        Some(number) => format!("{number:.2}"),
    }
}
