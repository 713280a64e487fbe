//! What was measured beside verdicts: figures by name, and words for them.

use quorate_checker::{
    Datum,
    checks::{Atomicity, ReplicaReport, Staleness},
};
use serde::Serialize;
use serde_json::Value;

use crate::{Execute, execute::map};

/// Something that a check measured. No verdict depends on it.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// Of which key, where there are several and each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// The figures, in a form of their own.
    pub value: Value,
    /// The same in a sentence, or several, one a line.
    #[serde(skip)]
    pub words: String,
    /// What to call it beside its words, in few letters.
    #[serde(skip)]
    pub label: &'static str,
}

impl Figure {
    /// What there is to measure, each by itself. A measurement that fails is missing: no verdict rests on it.
    pub(crate) fn measure(execute: &dyn Execute, measurements: &[&(dyn Fn() -> Figure + Sync)]) -> Vec<Figure> {
        let figures = map(execute, measurements.len(), |number| measurements[number]());
        figures.into_iter().filter_map(Result::ok).collect()
    }

    /// How stale reads were.
    pub fn staleness(staleness: &Staleness) -> Figure {
        let Staleness { reads, stale, .. } = staleness;
        let (versions, time) = (&staleness.versions, &staleness.time_ns);
        let ms = |time_ns: u64| format!("{:.1} ms", time_ns as f64 / 1e6);
        let words = match stale {
            0 => format!("none of {reads} reads returned an overwritten value"),
            _ => format!(
                "{stale} of {reads} reads returned an overwritten value: at most {} versions behind (p99 {}), and {} after (p99 {})",
                versions.max,
                versions.p99,
                ms(time.max),
                ms(time.p99)
            ),
        };
        Figure {
            label: "stale",
            ..Figure::new("staleness", staleness, words)
        }
    }

    /// How many of the last writes a read may have to be of, for the history to be atomic.
    pub fn atomicity(atomicity: &Atomicity) -> Figure {
        let Atomicity { lower, upper, .. } = atomicity;
        let words = match upper {
            None => "k-atomic for no k: a read returned what was not written by then".to_owned(),
            Some(upper) if upper == lower => format!("k-atomic from k = {lower} on, and for no lesser k"),
            Some(upper) => format!("k-atomic for no k below {lower}, and for every k from {upper} on"),
        };
        Figure {
            label: "depth",
            ..Figure::new("atomicity", atomicity, words)
        }
    }

    /// What replicas held in the end, and how long after the heal they came to agree.
    pub fn replicas(report: &ReplicaReport) -> Figure {
        Figure::new("replicas", report, report.tell())
    }

    /// What one of Jepsen's checks counted.
    pub fn jepsen(figures: &impl Serialize) -> Figure {
        let value = json(figures);
        let fields = value.as_object().into_iter().flatten();
        let counts = fields.filter_map(|(name, value)| Some(format!("{name} {}", value.as_i64()?)));
        let words = counts.collect::<Vec<_>>().join(", ");
        Figure::new("jepsen", figures, words)
    }

    /// The same, said to be of one key.
    pub fn of_key(self, key: Option<&Datum>) -> Figure {
        Figure {
            key: key.map(Datum::to_json),
            ..self
        }
    }

    fn new(name: &'static str, figures: &impl Serialize, words: String) -> Figure {
        Figure {
            name,
            key: None,
            value: json(figures),
            words,
            label: name,
        }
    }
}

fn json(figures: &impl Serialize) -> Value {
    serde_json::to_value(figures).expect("figures are numbers, texts and lists of them")
}
