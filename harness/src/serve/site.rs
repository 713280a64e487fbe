//! What is answered to what is asked, without any socket.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::json;

use super::{live, pages, percent};
use crate::{
    archive,
    run_folder::RunFolder,
    runs::{Listed, Outcome, files_of, find, list},
};

/// Of our own pages: their script and their style come from here, and so does what they ask for.
const OWN: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
                   frame-ancestors 'none'";

/// Of files of runs, which may come from elsewhere: what is in them can ask for nothing, as whoever looks at it.
const FOREIGN: &str = "sandbox allow-scripts allow-modals; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                       img-src data:; base-uri 'none'; form-action 'none'";

/// The runs below a folder.
#[derive(Clone, Debug)]
pub struct Site {
    out: PathBuf,
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    /// The status, as HTTP counts them.
    pub status: u16,
    /// What kind of thing it is.
    pub kind: &'static str,
    /// What a browser lets it do.
    pub policy: &'static str,
    /// The name under which a browser is to save it, if it is.
    pub saved_as: Option<String>,
    /// Itself.
    pub body: Body,
}

/// What is sent.
#[derive(Debug)]
pub enum Body {
    /// A text.
    Text(String),
    /// A file from its beginning.
    File(File),
}

impl Answer {
    fn page(text: String) -> Answer {
        Answer::text(200, "text/html; charset=utf-8", text)
    }

    fn text(status: u16, kind: &'static str, text: String) -> Answer {
        Answer {
            status,
            kind,
            policy: OWN,
            saved_as: None,
            body: Body::Text(text),
        }
    }

    fn missing() -> Answer {
        Answer::text(
            404,
            "text/plain; charset=utf-8",
            "there is nothing of that name\n".to_owned(),
        )
    }
}

impl Site {
    /// The runs in `<out>/<scenario>/<run>/`.
    pub fn new(out: &Path) -> Site {
        Site { out: out.to_owned() }
    }

    /// Answers to a path with its query.
    pub fn answer(&self, target: &str) -> Answer {
        self.find(target).unwrap_or_else(|error| {
            let why = format!("failed to {error:#}\n");
            Answer::text(500, "text/plain; charset=utf-8", why)
        })
    }

    fn find(&self, target: &str) -> anyhow::Result<Answer> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parts: Option<Vec<String>> = path.trim_start_matches('/').split('/').map(percent::decode).collect();
        let parts = parts.unwrap_or_default();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Ok(match &*parts {
            [""] => Answer::page(pages::list(&list(&self.out)?)),
            ["page.css"] => Answer::text(200, "text/css; charset=utf-8", include_str!("page.css").to_owned()),
            ["page.js"] => Answer::text(
                200,
                "text/javascript; charset=utf-8",
                include_str!("page.js").to_owned(),
            ),
            ["runs.json"] => Answer::text(200, "application/json", self.runs()?),
            ["compare"] => self.compare(query)?,
            ["run", scenario, run, rest @ ..] => match self.run(scenario, run)? {
                Some(run) => of_run(&run, rest)?,
                None => Answer::missing(),
            },
            _ => Answer::missing(),
        })
    }

    /// The run of that name, if there is one among those that there are.
    fn run(&self, scenario: &str, name: &str) -> anyhow::Result<Option<Listed>> {
        find(&self.out, scenario, name)
    }

    fn runs(&self) -> anyhow::Result<String> {
        let listing = list(&self.out)?;
        let runs = listing.runs.iter().map(|run| {
            let judged = run.outcome.judged();
            json!({
                "scenario": run.scenario,
                "run": pages::name_of(run),
                "started": run.manifest.started,
                "seed": run.manifest.seed,
                "outcome": run.outcome.name(),
                "violated": judged.map(|judged| &judged.violated),
            })
        });
        Ok(json!({ "format": 1, "runs": runs.collect::<Vec<_>>() }).to_string())
    }

    fn compare(&self, query: &str) -> anyhow::Result<Answer> {
        let wanted = |name: &str| {
            let mut fields = query.split('&').filter_map(|field| field.split_once('='));
            let value = fields.find(|(field, _)| *field == name)?.1;
            percent::decode(value)
        };
        let run = |name: &str| -> anyhow::Result<Option<Listed>> {
            let Some(text) = wanted(name) else {
                return Ok(None);
            };
            match text.split_once('/') {
                Some((scenario, run)) => self.run(scenario, run),
                None => Ok(None),
            }
        };
        Ok(match (run("a")?, run("b")?) {
            (Some(a), Some(b)) => Answer::page(pages::compare(&a, &b)),
            _ => Answer::text(
                400,
                "text/plain; charset=utf-8",
                "choose two runs to compare: one under A, one under B\n".to_owned(),
            ),
        })
    }
}

fn of_run(run: &Listed, rest: &[&str]) -> anyhow::Result<Answer> {
    match rest {
        [] | [""] => Ok(Answer::page(pages::run(run, &files_of(&run.path)?))),
        ["live.json"] if run.outcome == Outcome::Unfinished => {
            let live = live::look(&run.path);
            Ok(Answer::text(200, "application/json", live.to_string()))
        }
        ["archive"] => archived(run),
        path => file(run, &path.join("/")),
    }
}

/// One of the files that the run has; no link leads out of its folder, as none is listed.
fn file(run: &Listed, wanted: &str) -> anyhow::Result<Answer> {
    let files = files_of(&run.path)?;
    let Some(file) = files.iter().find(|file| file.path.to_str() == Some(wanted)) else {
        return Ok(Answer::missing());
    };
    let kind = match file.path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("bin") => "application/octet-stream",
        _ => "text/plain; charset=utf-8",
    };
    let path = run.path.join(&file.path);
    Ok(Answer {
        status: 200,
        kind,
        policy: FOREIGN,
        saved_as: None,
        body: Body::File(File::open(&path).with_context(|| format!("open {}", path.display()))?),
    })
}

fn archived(run: &Listed) -> anyhow::Result<Answer> {
    let folder = tempfile::tempdir().context("make a folder for the archive")?;
    let path = folder.path().join("run");
    archive::pack(&RunFolder::open(&run.path)?, &path, false)?;
    // What is open stays when its folder has gone.
    let file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
    Ok(Answer {
        status: 200,
        kind: "application/gzip",
        policy: OWN,
        saved_as: Some(format!("{}-{}{}", run.scenario, pages::name_of(run), archive::SUFFIX)),
        body: Body::File(file),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read as _};

    use super::*;
    use crate::{
        run_folder::{Backend, Manifest},
        scenario::Scenario,
    };

    /// A folder with a run that has a verdict, one that goes on, and a secret beside.
    fn site() -> (tempfile::TempDir, Site, String, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("runs");
        let make = |seed| {
            let manifest = Manifest::new(Backend::Simulated, seed);
            let run = RunFolder::create(&out, &Scenario::quickstart(), &manifest).expect("made");
            (run, manifest)
        };
        let (run, manifest) = make(1);
        let verdict = r#"{"verdict":"invalid","ops":9,"claims":[{"claim":"<b>fresh","verdict":"violated"}]}"#;
        run.write("verdict.json", verdict).expect("written");
        run.write("report.html", "<p>a report").expect("written");
        let ended = Some(crate::run_folder::Ended {
            exit: 1,
            seconds: 2.0,
            trace_hash: None,
        });
        run.write_manifest(&Manifest { ended, ..manifest }).expect("written");
        let (going, _) = make(2);
        let name = |run: &RunFolder| run.name().expect("it has one");
        let names = (name(&run), name(&going));
        let lines = [
            r#"{"index":0,"time":1000000,"process":0,"type":"invoke","f":"write","key":"k","value":1}"#,
            r#"{"index":1,"time":4000000,"process":0,"type":"ok","f":"write","key":"k","value":1}"#,
            r#"{"index":2,"time":5000000,"process":1,"type":"invoke","f":"re"#,
        ];
        going.write("history.jsonl", &lines.join("\n")).expect("written");
        fs::write(folder.path().join("secret"), "secret").expect("written");
        std::os::unix::fs::symlink("../../../secret", run.file("link")).expect("linked");
        let site = Site::new(&out);
        (folder, site, names.0, names.1)
    }

    fn text(answer: Answer) -> String {
        match answer.body {
            Body::Text(text) => text,
            Body::File(mut file) => {
                let mut text = Vec::new();
                file.read_to_end(&mut text).expect("read");
                String::from_utf8_lossy(&text).into_owned()
            }
        }
    }

    #[test]
    fn runs_are_listed_with_their_verdicts_and_lead_to_their_reports() {
        let (_folder, site, run, going) = site();
        let page = text(site.answer("/"));
        for part in [
            "invalid",
            "&lt;b&gt;fresh",
            "unfinished",
            &format!("/run/quickstart/{run}/report.html"),
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        let report = site.answer(&format!("/run/quickstart/{run}/report.html"));
        assert!(report.policy.starts_with("sandbox "), "{}", report.policy);
        assert_eq!((report.status, text(report).as_str()), (200, "<p>a report"));
        let archive = site.answer(&format!("/run/quickstart/{run}/archive"));
        assert_eq!(archive.saved_as.as_deref(), Some(&*format!("quickstart-{run}.tar.gz")));
        assert!(text(archive).starts_with('\u{1f}'), "as gzip begins");
        let page = text(site.answer(&format!("/compare?a=quickstart%2F{run}&b=quickstart%2F{going}")));
        assert!(page.contains("violated") && page.contains(&going), "{page}");
        assert_eq!(site.answer("/compare?a=quickstart%2Fnone&b=").status, 400);
    }

    #[test]
    fn how_far_a_run_has_come_is_told_while_it_goes_on() {
        let (_folder, site, run, going) = site();
        let live: serde_json::Value =
            serde_json::from_str(&text(site.answer(&format!("/run/quickstart/{going}/live.json")))).expect("JSON");
        assert_eq!(
            (&live["ops"], &live["ok_percent"], &live["p99_ms"]),
            (&json!(1), &json!(100.0), &json!(3.0))
        );
        assert_eq!(live["goes_on"], true);
        assert_eq!(site.answer(&format!("/run/quickstart/{run}/live.json")).status, 404);
    }

    #[test]
    fn nothing_but_the_files_of_runs_can_be_had() {
        let (_folder, site, run, _) = site();
        for target in [
            "/run/quickstart/%2e%2e/%2e%2e/secret",
            "/run/../../secret",
            "/../secret",
            "/secret",
            "/%2fetc%2fpasswd",
            "/run/quickstart/latest/run.json",
            "/run/quickstart",
            "/run/%",
        ] {
            assert_eq!(site.answer(target).status, 404, "{target}");
        }
        for file in [
            "link",
            "../../../secret",
            "%2e%2e%2f%2e%2e%2f%2e%2e%2fsecret",
            "./run.json",
            "nodes",
            "run.json/",
        ] {
            let target = format!("/run/quickstart/{run}/{file}");
            assert_eq!(site.answer(&target).status, 404, "{target}");
        }
        assert_eq!(site.answer(&format!("/run/quickstart/{run}/run.json")).status, 200);
    }
}
