//! The report for people: the verdict claim by claim, the evidence, and how to see it again.

use std::fmt::Write;

use quorate_workloads::{ClaimReport, ClaimVerdict, Clock, Figure, Verdict, Workload, WritePath};

use super::{Measured, Report};
use crate::{
    amount::counted,
    duration,
    fsync::{self, Fsync},
    scenario::Scenario,
    tombstones::Tombstones,
};

/// How wide a line of evidence may be.
const WIDTH: usize = 100;

/// The report, as lines.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    if let Some(measured) = &report.measured {
        facts(&mut out, report, measured);
    }
    for (label, text) in &report.about {
        let _ = writeln!(out, "{label:<9}{text}");
    }
    if !report.about.is_empty() {
        out.push('\n');
    }
    out.push_str("claims\n");
    for claim in &report.judgement.claims {
        claim_line(&mut out, claim);
    }
    tests(&mut out, report);
    let mut told: Vec<&str> = Vec::new();
    for claim in report.broken() {
        let text = claim.witness.as_ref().map_or("", |witness| witness.text.as_str());
        // What breaks several claims is told under the first.
        if !told.contains(&text) {
            told.push(text);
            evidence(&mut out, claim);
        }
    }
    for figure in report
        .judgement
        .figures
        .iter()
        .filter(|figure| !figure.words.is_empty())
    {
        figure_lines(&mut out, figure);
    }
    thresholds(&mut out, report);
    verdict(&mut out, report);
    again(&mut out, report);
    out
}

/// One path and its verdict, for a list of several.
pub fn path_line(path: &std::path::Path, verdict: Verdict) -> String {
    format!("{}\t{}\n", path.display(), verdict.name())
}

/// How many replicas, how many of them answer, and what becomes of those that are behind.
fn quorums(scenario: &Scenario) -> String {
    let n = match scenario.dcs {
        1 => format!("N={}", scenario.n),
        dcs => format!("N={} in each of {dcs} data centers", scenario.n),
    };
    if scenario.is_agreed_upon() {
        return format!("{n}, by agreement");
    }
    let (r, w) = (scenario.read_level(), scenario.write_level());
    format!("{n} R={r} W={w}, read repair {}", scenario.read_repair.name())
}

/// What is not as it is by default, of all that decides the claims.
fn differences(scenario: &Scenario) -> String {
    let mut said = String::new();
    let mut say = |is_other: bool, what: String| {
        if is_other {
            said += ", ";
            said += &what;
        }
    };
    say(
        scenario.workload != Workload::Register,
        format!("workload {}", scenario.workload.name()),
    );
    say(
        scenario.workload.is_of_transactions(),
        format!("up to {} a transaction", counted(scenario.txn_length().into(), "step")),
    );
    say(
        scenario.write_path != WritePath::Lww,
        format!("write path {}", scenario.write_path.name()),
    );
    say(scenario.sloppy, "sloppy".to_owned());
    say(scenario.notfound_ok, "notfound_ok".to_owned());
    say(scenario.clock != Clock::Hlc, format!("{} clock", scenario.clock.name()));
    say(
        !scenario.clock_skew.is_zero(),
        format!("clocks up to {} apart", duration::format(scenario.clock_skew)),
    );
    say(
        scenario.fsync != Fsync::Always,
        format!("fsync {}", fsync::format(scenario.fsync)),
    );
    say(
        scenario.tombstones != Tombstones::default(),
        format!("tombstones {}", String::from(scenario.tombstones)),
    );
    said
}

fn facts(out: &mut String, report: &Report, measured: &Measured) {
    let (scenario, counts) = (&measured.scenario, &report.judgement.counts);
    let (r, w) = (counts.reads, counts.writes);
    let mut line = |label: &str, text: String| {
        let _ = writeln!(out, "{label:<9}{text}");
    };
    let seed = report.seed.map_or_else(String::new, |seed| format!(", seed {seed}"));
    let on = if measured.simulated.is_some() {
        "simulated nodes"
    } else {
        "nodes"
    };
    let settings = format!(
        "{} {on}, {}{}{seed}",
        scenario.nodes,
        quorums(scenario),
        differences(scenario)
    );
    line(&scenario.name, format!(" {settings}"));
    let seconds = measured.load_time.as_secs_f64();
    let ok = r.ok + w.ok;
    let mut load = format!(
        "{} {} in {seconds:.1} s ({:.0}/s): {ok} ok, {} failed, {} unknown",
        counts.ops,
        if scenario.workload.is_of_transactions() {
            "transactions"
        } else {
            "operations"
        },
        counts.ops as f64 / seconds.max(f64::MIN_POSITIVE),
        r.fail + w.fail,
        r.info + w.info
    );
    if let Some(latency) = &measured.latency {
        let _ = write!(load, "; p50 {:.1} ms, p99 {:.1} ms", latency.p50_ms, latency.p99_ms);
    }
    line("load", load);
    line(
        "races",
        format!("{} reads raced a write of their key", counts.reads_racing),
    );
    let faults = format!(
        "{} asked, {} seen to take effect",
        measured.faults, measured.faults_effective
    );
    line("faults", faults);
    let quiet = match measured.quiet_after {
        Some(span) => format!("at rest {:.1} s after the heal", span.as_secs_f64()),
        None => format!(
            "not at rest {} after the heal",
            duration::format(scenario.quiet_timeout)
        ),
    };
    line("heal", quiet);
    if let Some(hash) = &measured.simulated {
        line("trace", hash.clone());
    }
    if measured.interrupted {
        line("stopped", "by the user, before the time was over".to_owned());
    }
    if let Some(plant) = scenario.plant {
        line("planted", format!("{}: {}", plant.name(), plant.description()));
    }
    out.push('\n');
}

/// A label, and beside it as many lines as there are words.
fn figure_lines(out: &mut String, figure: &Figure) {
    let key = figure.key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
    let below = format!("\n{:9}", "");
    let _ = writeln!(out, "\n{:<9}{key}{}", figure.label, figure.words.replace('\n', &below));
}

fn claim_line(out: &mut String, claim: &ClaimReport) {
    let verdict = match claim.verdict {
        ClaimVerdict::Violated => "VIOLATED",
        verdict => verdict.name(),
    };
    let name = &claim.claim.name;
    let _ = match claim.verdict {
        ClaimVerdict::Violated | ClaimVerdict::Observed => {
            writeln!(
                out,
                "  {verdict:<13}{name:<25}{} of {} tested",
                claim.count, claim.tested
            )
        }
        ClaimVerdict::Unknown => {
            let why = claim.unknown.as_deref().unwrap_or_default();
            writeln!(out, "  {verdict:<13}{name:<25}{why}")
        }
        _ => writeln!(out, "  {verdict:<13}{name:<25}{} tested", claim.tested),
    };
}

/// What tested the claims, and which of them each thing did.
fn tests(out: &mut String, report: &Report) {
    let tests = report.judgement.tests();
    if tests.is_empty() {
        return;
    }
    let asking = report
        .judgement
        .claims
        .iter()
        .filter(|claim| claim.claimed && !claim.tested_by.is_empty());
    let asked = asking.count();
    out.push_str("\ntested by\n");
    for (tested, claims) in tests {
        let short = if tested.is_enough() { "" } else { "TOO FEW " };
        let _ = writeln!(out, "  {short}{} {}", tested.count, tested.by.words());
        let are_all = claims.len() == asked;
        let claims = if are_all {
            "every claim".to_owned()
        } else {
            claims.join(", ")
        };
        for line in wrap(&claims, WIDTH - 15) {
            let _ = writeln!(out, "{:15}{line}", "");
        }
    }
}

fn evidence(out: &mut String, claim: &ClaimReport) {
    let Some(witness) = &claim.witness else {
        return;
    };
    let claimed = if claim.claimed { "claimed" } else { "not claimed" };
    let _ = writeln!(out, "\n{} ({claimed}: {})", claim.claim.name, claim.reason);
    for line in wrap(&witness.text, WIDTH - 2) {
        let _ = writeln!(out, "  {line}");
    }
}

fn thresholds(out: &mut String, report: &Report) {
    if !report.thresholds.is_empty() {
        out.push_str("\nthresholds\n");
    }
    for reached in &report.thresholds {
        let verdict = if reached.met { "met" } else { "MISSED" };
        let _ = writeln!(out, "  {verdict:<13}{:<25}{}", reached.threshold, reached.words);
    }
}

fn verdict(out: &mut String, report: &Report) {
    let verdict = report.judgement.verdict;
    let why = match (verdict, report.judgement.vacuous) {
        (Verdict::Valid, _) if report.judgement.claims.iter().any(is_untested) => {
            "every claim held; no write failed, so that none which did could be visible".to_owned()
        }
        (Verdict::Valid, _) => "every claim held".to_owned(),
        (Verdict::Invalid, _) => {
            let violated = report
                .judgement
                .claims
                .iter()
                .filter(|c| c.verdict == ClaimVerdict::Violated);
            let names: Vec<_> = violated.map(|claim| &*claim.claim.name).collect();
            format!("violated: {}", names.join(", "))
        }
        (Verdict::Unknown, _) => "part of the record could not be judged".to_owned(),
        (Verdict::Vacuous, Some(why)) => format!("{why}, so that nothing was put to the test"),
        (Verdict::Vacuous, None) => untested(report),
    };
    let missed = report.missed_words();
    let _ = writeln!(
        out,
        "\nverdict  {} ({why}{missed}); exit code {}",
        verdict.name(),
        report.exit.code()
    );
}

/// Which claims were not tested, and for want of what.
fn untested(report: &Report) -> String {
    let claims = report.judgement.claims.iter().filter(|claim| is_untested(claim));
    let words = claims.map(|claim| {
        let few = claim.tested_by.iter().find(|tested| !tested.is_enough());
        let why = few.map_or_else(|| "nothing to judge".to_owned(), |few| format!("no {}", few.by.words()));
        format!("{} was not tested: {why}", claim.claim.name)
    });
    words.collect::<Vec<_>>().join("; ")
}

fn is_untested(claim: &ClaimReport) -> bool {
    claim.verdict == ClaimVerdict::Vacuous
}

fn again(out: &mut String, report: &Report) {
    let Some(run) = &report.run else {
        return;
    };
    let run = run.display();
    let _ = writeln!(out, "run      {run}");
    let Some(measured) = &report.measured else {
        return;
    };
    let program = std::env::args().next().unwrap_or_else(|| "quorate".to_owned());
    let _ = writeln!(out, "again    {program} check {run}");
    let _ = writeln!(out, "         {program} replay {run}");
    if report.broken().next().is_some() {
        let what = match &measured.simulated {
            Some(_) => "the least of it that breaks the claim",
            None => "the least of its history that breaks the claim",
        };
        let _ = writeln!(out, "         {program} shrink {run}    # {what}");
    }
}

/// Breaks a text at spaces into lines of at most `width` characters, where words allow.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("never empty");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_at_spaces_and_nothing_is_lost() {
        let text = "the quick brown fox jumps over the lazy dog";
        let lines = wrap(text, 10);
        assert!(lines.iter().all(|line| line.len() <= 10), "{lines:?}");
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
    }
}
