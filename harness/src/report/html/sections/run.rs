//! What a run's folder tells beside its verdict: faults, replicas, what was reached and what never, settings.

use std::{collections::BTreeMap, fmt::Write};

use quorate_checker::Phase;
use quorate_core::Counters;
use quorate_workloads::Record;

use super::{Sections, capital, seconds};
use crate::{
    fault::FaultKind,
    fault_log::{Entry, Stage},
    report::html::{
        data::short,
        markup::{escaped, row, table},
    },
    run_folder::Manifest,
    shell::quoted,
    utc,
};

impl Sections<'_> {
    pub(super) fn faults(&self) -> String {
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

    /// What replicas were seen to hold when faults were healed, and in the end.
    pub(super) fn replicas(&self) -> String {
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

    pub(super) fn coverage(&self) -> String {
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

    pub(super) fn settings(&self) -> String {
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
        ("Backend", manifest.backend.name().to_owned()),
        ("Build", format!("{version}, commit {commit}{dirty}")),
        ("Toolchain", manifest.toolchain.clone()),
        ("Host", format!("{} {}, {} processors", host.os, host.arch, host.cpus)),
    ];
    rows.iter().map(|(label, text)| row(&[label, text])).collect()
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
        serde_json::Value::Number(number) if number.is_f64() => format!("{:.3}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}
