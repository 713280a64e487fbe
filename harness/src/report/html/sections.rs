//! What the page says in words.

use std::{collections::BTreeMap, fmt::Write};

use quorate_checker::{Phase, WitnessOp, timeline};
use quorate_core::Counters;
use quorate_workloads::{ClaimReport, ClaimVerdict, Record};

use super::{
    Left, Page,
    data::short,
    logs::{self, LINES_MAX},
    markup::{command, escaped, row, table},
};
use crate::{
    fault::FaultKind,
    fault_log::{Entry, Stage},
    run_folder::Manifest,
    shell::quoted,
    utc,
};

/// How long before an anomaly and after it the logs are shown.
const LOG_MARGIN_NS: i64 = 250_000_000;

/// The parts of a page.
pub(super) struct Sections<'a> {
    pub(super) page: &'a Page<'a>,
    pub(super) left: &'a Left,
}

impl Sections<'_> {
    pub(super) fn all(&self) -> String {
        let parts = [
            self.header(),
            "<main>\n".to_owned(),
            self.claims(),
            happened(),
            self.faults(),
            self.anomalies(),
            lanes(),
            self.replicas(),
            self.coverage(),
            self.settings(),
            "</main>\n".to_owned(),
        ];
        parts.concat()
    }

    fn header(&self) -> String {
        let report = self.page.report;
        let verdict = report.judgement.verdict.name();
        let mark = match verdict {
            "valid" => "\u{2713}",
            "invalid" => "\u{2717}",
            _ => "?",
        };
        let mut facts = vec![format!(
            "{} operations on {} keys",
            report.judgement.counts.ops, report.judgement.counts.keys
        )];
        facts.extend(report.seed.map(|seed| format!("seed {seed}")));
        facts.extend(
            self.left
                .manifest
                .as_ref()
                .map(|manifest| format!("{} UTC", utc::spaced(&manifest.started))),
        );
        facts.extend(report.about.iter().map(|(label, text)| format!("{label}: {text}")));
        let name = self
            .left
            .scenario
            .as_ref()
            .map_or(&self.page.title, |scenario| &scenario.name);
        let missed: Vec<_> = report.missed().map(|reached| reached.threshold.as_str()).collect();
        let missed = match &*missed {
            [] => String::new(),
            missed => format!("; missed: {}", missed.join(", ")),
        };
        format!(
            "<header>\n<p class=\"verdict {verdict}\" id=\"verdict\"><span aria-hidden=\"true\">{mark}</span> {verdict}</p>\n\
             <h1>{}</h1>\n<p>{}</p>\n<p>{}{}; exit code {}</p>\n{}\n</header>\n\
             <nav aria-label=\"Parts of this page\"><a href=\"#claims\">Claims</a> <a href=\"#happened\">What happened</a> \
             <a href=\"#anomalies\">Anomalies</a> <a href=\"#timeline\">Timeline</a> <a href=\"#replicas\">Replicas</a> \
             <a href=\"#coverage\">Coverage</a> <a href=\"#settings\">Settings</a></nav>\n",
            escaped(name),
            escaped(&facts.join(", ")),
            escaped(&self.why()),
            escaped(&missed),
            report.exit.code(),
            self.again(),
        )
    }

    fn why(&self) -> String {
        let judgement = &self.page.report.judgement;
        let of = |verdict: ClaimVerdict| {
            let claims = judgement.claims.iter().filter(|claim| claim.verdict == verdict);
            claims.map(|claim| &*claim.claim.name).collect::<Vec<_>>().join(", ")
        };
        match judgement.verdict.name() {
            "valid" => "every claim held".to_owned(),
            "invalid" => format!("violated: {}", of(ClaimVerdict::Violated)),
            "vacuous" => judgement.vacuous.unwrap_or("a claim was not tested").to_owned(),
            _ => format!("not known: {}", of(ClaimVerdict::Unknown)),
        }
    }

    /// The commands that show it again.
    fn again(&self) -> String {
        let Some(run) = &self.page.report.run else {
            return String::new();
        };
        let run = quoted(&run.display().to_string());
        let mut verbs = vec!["check", "replay"];
        verbs.extend(self.page.report.broken().next().map(|_| "shrink"));
        verbs
            .iter()
            .map(|verb| command(&format!("quorate {verb} {run}")))
            .collect()
    }

    fn claims(&self) -> String {
        let report = self.page.report;
        let mut rows = String::new();
        for claim in &report.judgement.claims {
            let (name, verdict) = (escaped(&claim.claim.name), claim.verdict.name());
            let name = match broken_number(report, claim) {
                Some(number) => format!("<a href=\"#anomaly-{number}\">{name}</a>"),
                None => name,
            };
            let count = match claim.count {
                0 => format!("{} tested", claim.tested),
                count => format!("broken {count} times in {} tested", claim.tested),
            };
            let why = claim
                .unknown
                .as_deref()
                .map(|why| format!(" Not known: {why}."))
                .unwrap_or_default();
            let claimed = if claim.claimed { "claimed" } else { "not claimed" };
            let _ = writeln!(
                rows,
                "<tr class=\"{verdict}\"><td class=\"mark\">{verdict}</td><th scope=\"row\">{name}</th><td>{}</td><td>{}</td></tr>",
                escaped(&count),
                escaped(&format!(
                    "{}. {}: {}.{why}",
                    capital(&claim.claim.promise),
                    capital(claimed),
                    claim.reason
                ))
            );
        }
        let mut out = "<section id=\"claims\"><h2>Claims</h2>\n".to_owned();
        out += &table(
            "Claims",
            &["Verdict", "Claim", "Tested", "What it promises, and why it is claimed"],
            &rows,
        );
        if !report.thresholds.is_empty() {
            let verdict = |met| if met { "met" } else { "MISSED" };
            let reached = report.thresholds.iter();
            let rows: String = reached
                .map(|it| row(&[&verdict(it.met), &it.threshold, &it.words]))
                .collect();
            out += "<h3>Thresholds</h3>\n";
            out += &table("Thresholds", &["", "Asked", "Measured"], &rows);
        }
        let words = report
            .judgement
            .figures
            .iter()
            .filter(|figure| !figure.words.is_empty());
        for figure in words {
            let key = figure.key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
            let _ = writeln!(
                out,
                "<p class=\"figure\"><b>{}</b> {}{}</p>",
                escaped(figure.label),
                escaped(&key),
                escaped(&figure.words)
            );
        }
        out + "</section>\n"
    }

    fn faults(&self) -> String {
        let Some(faults) = &self.left.faults else {
            return String::new();
        };
        let entries = faults.entries();
        let mut rows = String::new();
        for (number, asked) in entries.iter().filter(|entry| entry.stage == Stage::Asked).enumerate() {
            let of = |stage| {
                entries
                    .iter()
                    .find(|entry| entry.id == asked.id && entry.stage == stage)
            };
            let time = |entry: Option<&Entry>| entry.map_or("-".to_owned(), |entry| seconds(entry.time_ns));
            let observed = of(Stage::Observed);
            let seen = observed.map_or("not looked for".to_owned(), |observed| match observed.effective {
                Some(true) => evidence(&observed.evidence),
                _ => format!("no effect: {}", evidence(&observed.evidence)),
            });
            rows += &row(&[
                &format!("F{}", number + 1),
                &asked.label,
                &time(of(Stage::Applied)),
                &time(of(Stage::Undone)),
                &seen,
            ]);
        }
        let label = "<h3>Faults, and changes of members</h3>\n";
        match rows.is_empty() {
            true => format!("<section>{label}<p>None was asked for.</p></section>\n"),
            false => {
                let headings = ["", "What", "On from", "Until", "Seen to take effect"];
                format!("<section>{label}{}</section>\n", table("Faults", &headings, &rows))
            }
        }
    }

    fn anomalies(&self) -> String {
        let mut out = "<section id=\"anomalies\"><h2>Anomalies</h2>\n".to_owned();
        let report = self.page.report;
        if report.broken().next().is_none() {
            out += "<p>None was found. That is no proof that there is none: it says what the operations tested.</p>\n";
        }
        let lines = self.log_lines();
        for (number, claim) in report.broken().enumerate() {
            out += &self.anomaly(number + 1, claim, &lines);
        }
        out + "</section>\n"
    }

    fn log_lines(&self) -> Vec<logs::Line> {
        let manifest = self.left.manifest.as_ref();
        let zero = manifest.and_then(|manifest| manifest.zero_unix_ns);
        match (self.page.folder, zero) {
            (Some(folder), Some(zero)) => logs::lines(&folder.file("nodes"), zero.into()),
            _ => Vec::new(),
        }
    }

    fn anomaly(&self, number: usize, claim: &ClaimReport, lines: &[logs::Line]) -> String {
        let claimed = if claim.claimed { "claimed" } else { "not claimed" };
        let mut out = format!(
            "<article id=\"anomaly-{number}\" class=\"{}\"><h3>{number}. {} <small>({}, {claimed})</small></h3>\n",
            claim.verdict.name(),
            escaped(claim.claim.anomaly),
            escaped(&claim.claim.name),
        );
        let Some(witness) = &claim.witness else {
            return out + "</article>\n";
        };
        let _ = writeln!(out, "<p class=\"words\">{}</p>", escaped(&witness.text));
        let picture = witness
            .picture
            .clone()
            .unwrap_or_else(|| timeline(witness, self.page.context));
        let _ = writeln!(
            out,
            "<figure class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Picture\">{picture}</figure>"
        );
        let mut rows = String::new();
        for op in &witness.ops {
            rows += &row(&[
                &op.index,
                &op.process,
                &op.function,
                &op.key,
                &short(&op.value),
                &op.outcome,
                &op.node.as_deref().unwrap_or("-"),
                &seconds(op.start_ns),
                &op.end_ns.map_or("never".to_owned(), seconds),
            ]);
        }
        let headings = ["#", "Who", "Did", "Key", "Value", "Ended", "Node", "Began", "Ended at"];
        out += &format!(
            "<details><summary>Its {} operations</summary>{}</details>\n",
            witness.ops.len(),
            table("Operations", &headings, &rows)
        );
        let _ = writeln!(
            out,
            "<details class=\"around\" data-anomaly=\"{}\"><summary>The operations around it</summary></details>",
            number - 1
        );
        out += &log_part(&witness.ops, lines);
        let _ = writeln!(
            out,
            "<p><button type=\"button\" class=\"show\" data-anomaly=\"{}\">Show in the timeline</button></p>",
            number - 1
        );
        if let (Some(run), true) = (&self.page.report.run, self.left.manifest.is_some()) {
            out += &command(&format!(
                "quorate explain {} --anomaly {number}",
                quoted(&run.display().to_string())
            ));
        }
        out + "</article>\n"
    }

    /// What replicas were seen to hold when faults were healed, and in the end.
    fn replicas(&self) -> String {
        let mut out = "<section id=\"replicas\"><h2>Replicas</h2>\n<p>How far they were apart while clients read: how many of the \
             versions that had been acknowledged before a read began were newer than what it returned.</p>\n\
             <div id=\"stale\"></div>\n"
            .to_owned();
        let Record::Keys(history) = self.page.record else {
            return out + "</section>\n";
        };
        let mut by_key: BTreeMap<(&str, &str), Vec<(&str, String)>> = BTreeMap::new();
        for look in history.observations() {
            let phase = match look.phase {
                Phase::Handoff => "after hints were delivered",
                Phase::Final => "in the end",
            };
            let seen = short(history.value(look.op.value));
            let key = by_key.entry((phase, history.key(look.op.key))).or_default();
            key.push((history.node(look.node), seen));
        }
        let phases = ["after hints were delivered", "in the end"];
        for phase in phases {
            let keys: Vec<_> = by_key.iter().filter(|((of, _), _)| *of == phase).collect();
            if keys.is_empty() {
                continue;
            }
            let apart = keys
                .iter()
                .filter(|(_, seen)| seen.iter().any(|(_, value)| *value != seen[0].1));
            let rows: Vec<_> = apart
                .map(|((_, key), seen)| {
                    let held: Vec<_> = seen.iter().map(|(node, value)| format!("{node}: {value}")).collect();
                    row(&[key, &held.join("; ")])
                })
                .collect();
            let _ = writeln!(
                out,
                "<h3>{}</h3><p>The replicas of {} of {} keys held different values.</p>",
                capital(phase),
                rows.len(),
                keys.len()
            );
            if !rows.is_empty() {
                out += &format!(
                    "<details><summary>Which</summary>{}</details>\n",
                    table(phase, &["Key", "Held"], &rows.concat())
                );
            }
        }
        out + "</section>\n"
    }

    fn coverage(&self) -> String {
        let mut out = "<section id=\"coverage\"><h2>Coverage</h2>\n".to_owned();
        let never = self.never();
        if !never.is_empty() {
            out += "<h3>What was never exercised</h3>\n<ul>\n";
            for what in never {
                let _ = writeln!(out, "<li>{}</li>", escaped(&what));
            }
            out += "</ul>\n";
        }
        let counts = self.left.coverage.iter().flatten();
        let rows: String = counts.map(|(name, count)| row(&[name, count])).collect();
        if rows.is_empty() {
            out += "<p>Only a run of our own tells what it reached.</p>\n";
        } else {
            let counts = table("What was reached", &["What", "How often"], &rows);
            let _ = writeln!(
                out,
                "<details><summary>What was reached, and how often</summary>{counts}</details>"
            );
        }
        out + "</section>\n"
    }

    fn never(&self) -> Vec<String> {
        let judgement = &self.page.report.judgement;
        let mut never: Vec<String> = Vec::new();
        never.extend(
            (judgement.counts.reads_racing == 0 && judgement.counts.reads.ok > 0)
                .then(|| "no read raced a write of its key".to_owned()),
        );
        let untested = judgement.claims.iter().filter(|claim| claim.tested == 0);
        never.extend(untested.map(|claim| format!("nothing tested the claim {}", claim.claim.name)));
        if let (Some(scenario), Some(manifest)) = (&self.left.scenario, &self.left.manifest) {
            let planned = |kind: &FaultKind| scenario.plan.iter().any(|planned| planned.fault.kind() == *kind);
            let others = FaultKind::ALL
                .into_iter()
                .filter(|kind| *kind != FaultKind::Swarm && !planned(kind));
            let others = others.filter(|kind| kind.is_of(manifest.backend));
            never.extend(others.map(|kind| format!("no fault of {}: {}", kind.name(), kind.description())));
        }
        if let Some(counts) = &self.left.coverage {
            let counters = serde_json::to_value(Counters::default()).expect("counters are numbers");
            let names = counters.as_object().expect("they have names").keys();
            let names = names.map(|name| name.replace('_', "-"));
            let missing =
                names.filter(|name| !name.starts_with("gossip-") && !counts.contains_key(&format!("counter.{name}")));
            let missing: Vec<_> = missing.collect();
            never.extend((!missing.is_empty()).then(|| format!("no node counted any: {}", missing.join(", "))));
        }
        never
    }

    fn settings(&self) -> String {
        let mut out = "<section id=\"settings\"><h2>Settings</h2>\n".to_owned();
        if let Some(manifest) = &self.left.manifest {
            out += &table("The run", &["", ""], &manifest_rows(manifest));
        }
        let scenario = self
            .page
            .folder
            .and_then(|folder| std::fs::read_to_string(folder.file("scenario.toml")).ok());
        if let Some(text) = scenario {
            let _ = writeln!(
                out,
                "<details><summary>scenario.toml</summary><pre>{}</pre></details>",
                escaped(&text)
            );
        }
        out + "</section>\n"
    }
}

fn manifest_rows(manifest: &Manifest) -> String {
    let Manifest {
        version, commit, host, ..
    } = manifest;
    let dirty = if manifest.dirty { " with changes" } else { "" };
    let rows: [(&str, String); 7] = [
        (
            "Command",
            manifest
                .command
                .iter()
                .map(|word| quoted(word))
                .collect::<Vec<_>>()
                .join(" "),
        ),
        ("Seed", manifest.seed.to_string()),
        ("Began", format!("{} UTC", utc::spaced(&manifest.started))),
        (
            "Backend",
            serde_json::json!(manifest.backend)
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        ),
        ("Build", format!("{version}, commit {commit}{dirty}")),
        ("Toolchain", manifest.toolchain.clone()),
        ("Host", format!("{} {}, {} processors", host.os, host.arch, host.cpus)),
    ];
    rows.iter().map(|(label, text)| row(&[label, text])).collect()
}

/// The charts, which scripts draw.
fn happened() -> String {
    "<section id=\"happened\"><h2>What happened</h2>\n\
     <noscript><p>The charts and the timeline take a browser's scripts; all else is here.</p></noscript>\n\
     <p class=\"bar\" id=\"zoom\"></p>\n<div id=\"charts\"></div>\n<h3>Latency by operation</h3>\n\
     <div id=\"quantiles\"></div>\n</section>\n"
        .to_owned()
}

/// The timeline, which scripts draw.
fn lanes() -> String {
    "<section id=\"timeline\"><h2>Timeline</h2>\n\
     <p>Every operation of every process. Changes are filled, reads hollow, failed ones crossed; those of unknown outcome run on.</p>\n\
     <div id=\"lanes\"></div>\n</section>\n"
        .to_owned()
}

/// What the nodes said while one of the operations went on, a little before and after.
fn log_part(ops: &[WitnessOp], lines: &[logs::Line]) -> String {
    let ns = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    let is_near = |line: &&logs::Line| {
        let mut ops = ops.iter();
        ops.any(|op| {
            let end = ns(op.end_ns.unwrap_or(op.start_ns)).saturating_add(LOG_MARGIN_NS);
            (ns(op.start_ns) - LOG_MARGIN_NS..=end).contains(&line.time_ns)
        })
    };
    let near: Vec<_> = lines.iter().filter(is_near).collect();
    if near.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    for line in near.iter().take(LINES_MAX) {
        let _ = writeln!(
            text,
            "{:>10.3} s  {:<6} {}",
            line.time_ns as f64 / 1e9,
            line.node,
            line.text
        );
    }
    if near.len() > LINES_MAX {
        let _ = writeln!(text, "and {} more lines: see nodes/", near.len() - LINES_MAX);
    }
    format!(
        "<details><summary>{} lines of the nodes' logs around it</summary><pre>{}</pre></details>\n",
        near.len(),
        escaped(&text)
    )
}

/// The number of a claim among those that were seen broken, from 1.
fn broken_number(report: &crate::report::Report, claim: &ClaimReport) -> Option<usize> {
    report
        .broken()
        .position(|broken| broken.claim == claim.claim)
        .map(|at| at + 1)
}

fn seconds(ns: u64) -> String {
    format!("{:.3} s", ns as f64 / 1e9)
}

/// What was counted or seen, in words: `dropped 516`, `ended n2 gone, n5 gone`.
fn evidence(seen: &serde_json::Value) -> String {
    match seen {
        serde_json::Value::Object(fields) => {
            let words = fields
                .iter()
                .map(|(name, value)| format!("{} {}", name.replace('_', " "), evidence(value)));
            words.collect::<Vec<_>>().join(", ")
        }
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => "nothing was counted".to_owned(),
        other => other.to_string(),
    }
}

/// A text as a sentence begins.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
