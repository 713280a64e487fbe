//! What is said of a run while its load goes on, in one line, and what of it where there is little room.

use std::{fmt::Write, time::Duration};

use crate::{fault::Place, interpreter::Progress, lags::Lags, latency::Latency};

/// Of how many operations, the last to succeed, a line tells the latency: what was slow a minute ago is no news.
const RECENT_COUNT: usize = 1000;

/// What a line says.
#[derive(Debug)]
pub(super) struct LoadLine {
    /// Operations that have ended.
    ended: u64,
    /// Of them, those that succeeded.
    ok: usize,
    /// Of the last of those.
    p99_ms: Option<f64>,
    /// How late clients are.
    late: Duration,
    /// Nodes through which nothing has succeeded for long, and for how long.
    silent: Vec<(Place, Duration)>,
    /// Other nodes that don't say what they keep for others.
    unasked: Vec<Place>,
    lags: Lags,
    faults: Vec<String>,
}

impl LoadLine {
    /// `None` where there is no load.
    pub(super) fn of(progress: &Progress<'_>) -> Option<LoadLine> {
        let Progress::Load {
            ended,
            latencies,
            nemesis,
            load,
            cluster,
            now,
            ..
        } = *progress
        else {
            return None;
        };
        let recent = Latency::of(&latencies[latencies.len().saturating_sub(RECENT_COUNT)..]);
        let members = nemesis.members().placed();
        let silent = load.silences(now).filter(|(node, _)| members.contains(node));
        let silent: Vec<_> = silent.collect();
        let lags = cluster.lags();
        let is_silent = |node: &Place| silent.iter().any(|(other, _)| other == node);
        let unasked = lags.unheard().filter(|node| members.contains(node) && !is_silent(node));
        Some(LoadLine {
            ended,
            ok: latencies.len(),
            p99_ms: recent.map(|recent| recent.p99_ms),
            late: load.lag(now),
            unasked: unasked.collect(),
            silent,
            lags,
            faults: nemesis.active().map(ToString::to_string).collect(),
        })
    }
}

/// What of it is said: where there is little room, not all.
#[derive(Clone, Copy, Debug)]
struct Parts {
    /// How late clients are.
    late: bool,
    /// Who is silent, or can't be asked.
    silent: bool,
    /// For how long replicas have been behind.
    lasting: bool,
    p99: bool,
    /// Who is behind besides the one that is furthest.
    others: bool,
}

/// All of it, and then without one thing more each: first what only explains the rest.
const FORMS: [Parts; 6] = {
    let all = Parts {
        late: true,
        silent: true,
        lasting: true,
        p99: true,
        others: true,
    };
    let on_time = Parts { late: false, ..all };
    let heard = Parts {
        silent: false,
        ..on_time
    };
    let counted = Parts {
        lasting: false,
        ..heard
    };
    let timeless = Parts { p99: false, ..counted };
    let worst = Parts {
        others: false,
        ..timeless
    };
    [all, on_time, heard, counted, timeless, worst]
};

impl LoadLine {
    /// As much of it as fits into so many letters, or the least that it says.
    pub(super) fn within(&self, width: usize) -> String {
        let mut forms = FORMS.into_iter().map(|parts| self.words(parts));
        let least = self.words(FORMS[FORMS.len() - 1]);
        forms.find(|words| words.chars().count() <= width).unwrap_or(least)
    }

    fn words(&self, parts: Parts) -> String {
        let share = self.ok as f64 * 100.0 / self.ended.max(1) as f64;
        let mut words = format!("{} ops, {share:.1}% ok", self.ended);
        if let Some(p99_ms) = self.p99_ms.filter(|_| parts.p99) {
            let _ = write!(words, ", p99 {p99_ms:.1} ms");
        }
        if parts.late && self.late.as_millis() > 0 {
            let _ = write!(words, ", lag {} ms", self.late.as_millis());
        }
        if parts.silent {
            for (node, silence) in &self.silent {
                let _ = write!(words, ", {node} silent {:.1} s", silence.as_secs_f64());
            }
            for node in &self.unasked {
                let _ = write!(words, ", {node} can't be asked");
            }
        }
        if !self.lags.is_empty() {
            let _ = match (parts.lasting, parts.others) {
                (true, _) => write!(words, "; behind: {}", self.lags),
                (false, true) => write!(words, "; behind: {:#}", self.lags),
                (false, false) => write!(words, "; behind: {:#.1}", self.lags),
            };
        }
        let faults = match &self.faults[..] {
            [] => "none".to_owned(),
            faults => faults.join(", "),
        };
        words + "; faults: " + &faults
    }
}

#[cfg(test)]
mod tests {
    use quorate_core::{Behind, NodeId};

    use super::*;

    fn line(lags: Lags) -> LoadLine {
        LoadLine {
            ended: 12_345,
            ok: 11_345,
            p99_ms: Some(12.34),
            late: Duration::from_millis(17),
            silent: vec![(Place(2), Duration::from_millis(2_140))],
            unasked: vec![Place(4)],
            lags,
            faults: vec!["n3 killed".to_owned()],
        }
    }

    fn lags() -> Lags {
        let behind = |node, hints, ms| Behind {
            node: NodeId(node),
            hints,
            lasting: Duration::from_millis(ms),
        };
        let mut lags = Lags::default();
        lags.add(&[behind(2, 412, 2_100), behind(0, 3, 140)], |node| {
            Some(Place(node.0 as usize))
        });
        lags
    }

    #[test]
    fn a_line_says_who_is_behind_and_nothing_of_it_where_nobody_is() {
        let said = "12345 ops, 91.9% ok, p99 12.3 ms, lag 17 ms, n3 silent 2.1 s, n5 can't be asked";
        assert_eq!(
            line(lags()).within(usize::MAX),
            format!("{said}; behind: n3 412 (2.1 s), n1 3 (0.1 s); faults: n3 killed")
        );
        assert_eq!(
            line(Lags::default()).within(usize::MAX),
            format!("{said}; faults: n3 killed")
        );
        let calm = LoadLine {
            late: Duration::ZERO,
            silent: Vec::new(),
            unasked: Vec::new(),
            faults: Vec::new(),
            ..line(Lags::default())
        };
        assert_eq!(
            calm.within(usize::MAX),
            "12345 ops, 91.9% ok, p99 12.3 ms; faults: none"
        );
    }

    #[test]
    fn where_there_is_little_room_a_line_says_what_matters_most() {
        let line = line(lags());
        for (width, said) in [
            (
                89,
                "12345 ops, 91.9% ok, p99 12.3 ms; behind: n3 412 (2.1 s), n1 3 (0.1 s); faults: n3 killed",
            ),
            (
                88,
                "12345 ops, 91.9% ok, p99 12.3 ms; behind: n3 412, n1 3; faults: n3 killed",
            ),
            (60, "12345 ops, 91.9% ok; behind: n3 412, n1 3; faults: n3 killed"),
            (59, "12345 ops, 91.9% ok; behind: n3 412 and 1 more; faults: n3 killed"),
        ] {
            assert_eq!(line.within(width), said);
        }
    }
}
