//! What the page says in words.

mod anomalies;
mod run;

use std::fmt::Write;

use quorate_workloads::{ClaimReport, ClaimVerdict};

use super::{
    Left, Page,
    markup::{command, escaped, row, table},
    members,
};
use crate::{report::Report, shell::quoted, utc};

/// The parts of a page.
pub(super) struct Sections<'a> {
    pub(super) page: &'a Page<'a>,
    pub(super) left: &'a Left,
    /// Whether times are places in the record.
    pub(super) untimed: bool,
}

impl Sections<'_> {
    pub(super) fn all(&self) -> String {
        let parts = [
            self.header(),
            "<main>\n".to_owned(),
            self.claims(),
            self.happened(),
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
        let missed = report.missed_words();
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
        let claims = report.judgement.claims.iter();
        let rows: String = claims.map(|claim| claim_row(report, claim)).collect();
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
        out + &self.figures() + "</section>\n"
    }

    /// What was measured besides.
    fn figures(&self) -> String {
        let mut out = String::new();
        let words = self
            .page
            .report
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
        out
    }

    /// The charts, which scripts draw.
    fn happened(&self) -> String {
        format!(
            "<section id=\"happened\"><h2>What happened</h2>\n\
             <noscript><p>The charts and the timeline take a browser's scripts; all else is here.</p></noscript>\n\
             <p class=\"bar\" id=\"zoom\"></p>\n<div id=\"charts\"></div>\n{}<h3>Latency by operation</h3>\n\
             <div id=\"quantiles\"></div>\n</section>\n",
            members::in_words(self.left)
        )
    }

    fn time(&self, ns: u64) -> String {
        match self.untimed {
            true => format!("entry {ns}"),
            false => seconds(ns),
        }
    }
}

fn claim_row(report: &Report, claim: &ClaimReport) -> String {
    let (name, verdict) = (escaped(&claim.claim.name), claim.verdict.name());
    let name = match report.broken_number(claim) {
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
    format!(
        "<tr class=\"{verdict}\"><td class=\"mark\">{verdict}</td><th scope=\"row\">{name}</th><td>{}</td><td>{}</td></tr>\n",
        escaped(&count),
        escaped(&format!(
            "{}. {}: {}.{why}",
            capital(&claim.claim.promise),
            capital(claimed),
            claim.reason
        ))
    )
}

/// The timeline, which scripts draw.
fn lanes() -> String {
    "<section id=\"timeline\"><h2>Timeline</h2>\n\
     <p>Every operation of every process. Changes are filled, reads hollow, failed ones crossed; those of unknown outcome run on.</p>\n\
     <div id=\"lanes\"></div>\n</section>\n"
        .to_owned()
}

fn seconds(ns: u64) -> String {
    format!("{:.3} s", ns as f64 / 1e9)
}

/// A text as a sentence begins.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
