//! How far a run has come that goes on, from the files that it leaves as it goes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use crate::latency::Latency;

/// How much of a history's end is looked at: a few thousand operations, the last.
const TAIL_BYTES: u64 = 512 << 10;

/// How long a history may stay as it is before its run is taken for one that was killed: longer than any request, and than the
/// checks that follow.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What there is to tell of a run's folder. What is not there yet is null.
pub(super) fn look(run: &Path) -> Value {
    let history = run.join("history.jsonl");
    let age = fs::metadata(&history).and_then(|file| file.modified());
    let age = age.ok().and_then(|modified| modified.elapsed().ok());
    let tail = tail(&history).unwrap_or_default();
    let recent = Recent::of(&tail);
    let ended = recent.ok + recent.others;
    json!({
        "goes_on": age.is_some_and(|age| age < SILENCE_MAX),
        "seconds": recent.last_ns.map(|ns| ns as f64 / 1e9),
        "ops": recent.last_index.map(|index| index.div_ceil(2)),
        "ok_percent": (ended > 0).then(|| recent.ok as f64 * 100.0 / ended as f64),
        "p99_ms": Latency::of(&recent.latencies).map(|latency| latency.p99_ms),
        "faults": faults_on(run),
    })
}

/// The whole lines at the end of a file.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The first line is cut, unless it is the first of all; the last may not be whole yet, and then parses as nothing.
    let cut = if from == 0 {
        0
    } else {
        text.find('\n').map_or(text.len(), |at| at + 1)
    };
    Ok(text[cut..].to_owned())
}

#[derive(Default)]
struct Recent {
    ok: u64,
    others: u64,
    latencies: Vec<Duration>,
    last_ns: Option<u64>,
    last_index: Option<u64>,
}

impl Recent {
    fn of(lines: &str) -> Recent {
        let mut recent = Recent::default();
        let mut began: BTreeMap<String, u64> = BTreeMap::new();
        for line in lines.lines() {
            let Ok(event) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let (Some(time), Some(kind)) = (event["time"].as_u64(), event["type"].as_str()) else {
                continue;
            };
            recent.last_ns = Some(time);
            recent.last_index = event["index"].as_u64();
            let process = event["process"].to_string();
            match kind {
                "invoke" => {
                    began.insert(process, time);
                }
                "ok" => {
                    recent.ok += 1;
                    let start = began.remove(&process);
                    recent
                        .latencies
                        .extend(start.map(|start| Duration::from_nanos(time.saturating_sub(start))));
                }
                _ => recent.others += 1,
            }
        }
        recent
    }
}

/// The faults that have been applied and not undone.
fn faults_on(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("faults.jsonl")).unwrap_or_default();
    let mut on: BTreeMap<u64, String> = BTreeMap::new();
    for line in text.lines() {
        let Ok(entry) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let Some(id) = entry["id"].as_u64() else {
            continue;
        };
        match entry["stage"].as_str() {
            Some("applied") => {
                on.insert(id, entry["label"].as_str().unwrap_or_default().to_owned());
            }
            Some("undone") => {
                on.remove(&id);
            }
            _ => {}
        }
    }
    on.into_values().collect()
}
