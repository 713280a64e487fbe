//! A run, or a history that was judged, as one page: `report.html`.
//!
//! The page needs nothing else and asks nobody: its policy forbids the network. What is said in words is in its markup, so that
//! it can be read without scripts; every operation is in it as columns of bytes, from which its scripts draw charts and
//! timelines on canvases, whatever part of the run is looked at. Texts of the record are escaped where they become markup, and
//! else reach the page as JSON alone.
//!
//! Charts are uPlot's (`vendor/`, MIT): 50 kB, without dependencies, and fast at what we draw.

mod columns;
mod data;
mod logs;
mod markup;
mod members;
mod sections;
mod staleness;

use std::path::Path;

use quorate_checker::Context;
use quorate_workloads::Record;

pub(crate) use self::markup::escaped;
use self::{data::Data, sections::Sections};
use super::Report;
use crate::{
    attendance,
    fault_log::Faults,
    run_folder::{Manifest, RunFolder},
    scenario::Scenario,
};

/// The page in a run's folder.
pub const FILE: &str = "report.html";

const STYLE: &[&str] = &[include_str!("vendor/uPlot.min.css"), include_str!("style.css")];

/// It goes wherever the library goes.
const UPLOT_LICENCE: &str = include_str!("vendor/uPlot.LICENSE");

const UPLOT: &str = include_str!("vendor/uPlot.iife.min.js");

const SCRIPT: &[&str] = &[
    include_str!("data.js"),
    include_str!("charts.js"),
    include_str!("members.js"),
    include_str!("lanes.js"),
    include_str!("page.js"),
];

/// What is shown.
#[derive(Debug)]
pub struct Page<'a> {
    /// What was judged, as its reader knows it.
    pub title: String,
    /// The verdict.
    pub report: &'a Report,
    /// The record that it was judged on.
    pub record: &'a Record,
    /// What is known of its run.
    pub context: &'a Context,
    /// What its run left, if it was one of ours.
    pub folder: Option<&'a RunFolder>,
}

/// What a run's folder tells beside the verdict. What can't be read is not shown: the page is no judge.
#[derive(Debug, Default)]
struct Left {
    manifest: Option<Manifest>,
    scenario: Option<Scenario>,
    faults: Option<Faults>,
    attendance: Vec<attendance::Entry>,
    /// The counts in `coverage.json`.
    coverage: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Left {
    fn of(folder: &RunFolder) -> Left {
        let coverage = std::fs::read_to_string(folder.file(crate::coverage::FILE)).ok();
        let coverage = coverage.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        Left {
            manifest: folder.manifest().ok(),
            scenario: folder.scenario().ok(),
            faults: folder.faults().ok(),
            attendance: attendance::read(&folder.file(attendance::FILE)).unwrap_or_default(),
            coverage: coverage.and_then(|mut file| match file["counts"].take() {
                serde_json::Value::Object(counts) => Some(counts),
                _ => None,
            }),
        }
    }
}

/// The page, as one text.
pub fn html(page: &Page<'_>) -> String {
    let left = page.folder.map(Left::of).unwrap_or_default();
    let data = Data::of(page, &left);
    let sections = Sections {
        page,
        left: &left,
        untimed: data.is_untimed(),
    };
    let (data, body) = (data.to_json(), sections.all());
    let (style, script) = (STYLE.concat(), script());
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
        markup::base64(ring::digest::digest(&ring::digest::SHA256, script.as_bytes()).as_ref())
    );
    [
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
        &format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n"),
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        "<meta name=\"color-scheme\" content=\"light dark\">\n",
        &format!("<title>{} - Quorate</title>\n", escaped(&page.title)),
        "<style>\n",
        &style,
        "</style>\n</head>\n<body>\n",
        &body,
        "<script type=\"application/json\" id=\"report-data\">",
        &data,
        "</script>\n<script>",
        &script,
        "</script>\n</body>\n</html>\n",
    ]
    .concat()
}

/// All scripts as one. What is ours runs once the page, which can be read without it, has been shown; it waits for what is inflated, and
/// says if it does not come so far as to draw.
fn script() -> String {
    let own = SCRIPT.join("\n");
    format!(
        "/*!\n{UPLOT_LICENCE}*/\n{UPLOT}\nrequestAnimationFrame(() => setTimeout(() => (async () => {{\n{own}\n}})().catch((error) => {{\n\
         document.getElementById(\"zoom\").append(\"Nothing could be drawn: \" + error);\n}})));\n"
    )
}

/// Writes the page of a run into its folder.
///
/// # Errors
/// If it can't be written.
pub fn write(folder: &RunFolder, report: &Report, record: &Record, context: &Context) -> anyhow::Result<()> {
    let title = folder.path().file_name().map(Path::new).unwrap_or(folder.path());
    let page = Page {
        title: title.display().to_string(),
        report,
        record,
        context,
        folder: Some(folder),
    };
    folder.write(FILE, &html(&page))
}
