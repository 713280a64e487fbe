//! The cheapest R and W that meet what somebody needs, and what rules the others out.

use super::Estimate;

/// What somebody needs. What is `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// At most this share of reads is stale, from 0 to 1.
    pub stale_max: Option<f64>,
    /// 99 of 100 reads take at most so many milliseconds.
    pub read_p99_ms: Option<f64>,
    /// 99 of 100 writes take at most so many milliseconds.
    pub write_p99_ms: Option<f64>,
    /// Reads and writes go on while so many replicas are down.
    pub tolerate: Option<u8>,
    /// At least this share of operations succeeds while something is broken.
    pub available_min: Option<f64>,
    /// At most so many acknowledged writes are lost.
    pub lost_max: Option<u64>,
    /// Claims that must not be seen broken, by their names.
    pub unbroken: Vec<String>,
}

/// One of those that there are to choose from, with what is known of it. What is not known is `None`, and meets no need.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it is called. Those of one name are one choice, under several circumstances.
    pub name: String,
    /// Under which; nothing, if there is only one.
    pub under: String,
    /// How many replicas there are.
    pub n: u8,
    /// R.
    pub r: u8,
    /// W.
    pub w: u8,
    /// Round trips to replicas that a write waits for: 1, or 2 where it asks for versions first.
    pub write_rounds: u8,
    /// The share of stale reads.
    pub stale: Option<Estimate>,
    /// The 99th percentile of reads.
    pub read_p99_ms: Option<Estimate>,
    /// The 99th percentile of writes.
    pub write_p99_ms: Option<Estimate>,
    /// The share of operations that succeed while something is broken.
    pub available: Option<Estimate>,
    /// Acknowledged writes that were lost.
    pub lost: Option<u64>,
    /// Claims that were seen broken.
    pub broken: Option<Vec<String>>,
}

/// A need that is not met, or not surely.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Miss {
    /// In words.
    pub why: String,
    /// Whether it may still be met: the bounds of what was seen are on either side of what is needed, and more would tell.
    pub is_undecided: bool,
}

/// What becomes of a choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// The place of the first that has its name among the candidates.
    pub candidate: usize,
    /// What shows that it will do.
    pub met: Vec<String>,
    /// What rules it out.
    pub misses: Vec<Miss>,
}

/// Rules on each choice, the cheapest first: those that wait for the fewest answers of replicas, a read and a write together; of
/// those, whose reads and writes take the least time, by the 99th percentiles added. One that is known under several circumstances has to do under each. The first one without a miss is the one to take.
pub fn recommend(needs: &Needs, candidates: &[Candidate]) -> Vec<Ruling> {
    let answers = |candidate: &Candidate| candidate.r + candidate.w * candidate.write_rounds;
    let took = |candidate: &Candidate| {
        let ms = |p99: &Option<Estimate>| p99.map_or(f64::INFINITY, |p99| p99.value);
        ms(&candidate.read_p99_ms) + ms(&candidate.write_p99_ms)
    };
    let mut order: Vec<_> = (0..candidates.len()).collect();
    order.sort_by(|one, other| {
        let (one, other) = (&candidates[*one], &candidates[*other]);
        answers(one)
            .cmp(&answers(other))
            .then(took(one).total_cmp(&took(other)))
    });
    let mut rulings: Vec<Ruling> = Vec::new();
    for at in order {
        let ruling = rule(needs, at, &candidates[at]);
        let name = |ruling: &Ruling| &candidates[ruling.candidate].name;
        match rulings.iter_mut().find(|known| name(known) == name(&ruling)) {
            Some(known) => known.extend(ruling),
            None => rulings.push(ruling),
        }
    }
    rulings
}

fn rule(needs: &Needs, at: usize, candidate: &Candidate) -> Ruling {
    let mut ruling = Ruling {
        candidate: at,
        met: Vec::new(),
        misses: Vec::new(),
    };
    let percent = |share: f64| format!("{:.4} %", share * 100.0);
    let ms = |ms: f64| format!("{ms:.3} ms");
    if let Some(most) = needs.stale_max {
        ruling.at_most("stale reads", candidate.stale, most, percent);
    }
    if let Some(most) = needs.read_p99_ms {
        ruling.at_most("read p99", candidate.read_p99_ms, most, ms);
    }
    if let Some(most) = needs.write_p99_ms {
        ruling.at_most("write p99", candidate.write_p99_ms, most, ms);
    }
    if let Some(least) = needs.available_min {
        ruling.at_least("available", candidate.available, least, percent);
    }
    if let Some(most) = needs.lost_max {
        match candidate.lost {
            Some(lost) => ruling.note(
                lost <= most,
                false,
                format!("{lost} acknowledged writes lost, of at most {most}"),
            ),
            None => ruling.note(false, false, "nothing is known of lost writes".to_owned()),
        }
    }
    for claim in &needs.unbroken {
        match &candidate.broken {
            Some(broken) if broken.contains(claim) => ruling.note(false, false, format!("{claim} was seen broken")),
            Some(_) => ruling.note(true, false, format!("{claim} was not seen broken")),
            None => ruling.note(false, false, format!("nothing is known of {claim}")),
        }
    }
    ruling.name_circumstance(&candidate.under);
    // Whatever the circumstances, it goes by numbers alone.
    if let Some(down) = needs.tolerate {
        ruling.tolerate(down, candidate);
    }
    ruling
}

impl Ruling {
    /// Whether every need is met.
    pub fn is_met(&self) -> bool {
        self.misses.is_empty()
    }

    /// Takes in what becomes of the same choice under other circumstances.
    fn extend(&mut self, other: Ruling) {
        let is_new = |met: &String| !self.met.contains(met);
        let met: Vec<_> = other.met.into_iter().filter(is_new).collect();
        let is_new = |miss: &Miss| !self.misses.contains(miss);
        let misses: Vec<_> = other.misses.into_iter().filter(is_new).collect();
        self.met.extend(met);
        self.misses.extend(misses);
    }

    fn name_circumstance(&mut self, under: &str) {
        if !under.is_empty() {
            let whys = self.met.iter_mut();
            let whys = whys.chain(self.misses.iter_mut().map(|miss| &mut miss.why));
            whys.for_each(|why| *why = format!("{under}: {why}"));
        }
    }

    fn note(&mut self, is_met: bool, is_undecided: bool, why: String) {
        if is_met {
            self.met.push(why);
        } else {
            self.misses.push(Miss { why, is_undecided });
        }
    }

    fn tolerate(&mut self, down: u8, candidate: &Candidate) {
        let left = candidate.n.saturating_sub(down);
        let what = match (candidate.r <= left, candidate.w <= left) {
            (true, true) => "reads and writes go on",
            (false, true) => "reads do not go on",
            (true, false) => "writes do not go on",
            (false, false) => "neither reads nor writes go on",
        };
        let n = candidate.n;
        let is_met = candidate.r.max(candidate.w) <= left;
        self.note(is_met, false, format!("with {down} of {n} replicas down {what}"));
    }

    fn at_most(&mut self, what: &str, is: Option<Estimate>, most: f64, told: impl Fn(f64) -> String) {
        let limit = told(most);
        let Some(is) = is else {
            return self.note(false, false, format!("nothing is known of {what}"));
        };
        let value = told(is.value);
        let bound = match is.high {
            Some(high) => format!("surely below {}", told(high)),
            None => "with no bound known".to_owned(),
        };
        if is.high.is_some_and(|high| high <= most) {
            self.note(true, false, format!("{what} {value}, {bound}, of at most {limit}"));
        } else if is.low <= most {
            let why = format!("{what} {value}, {bound}: not surely at most {limit}");
            self.note(false, true, why);
        } else {
            let low = told(is.low);
            self.note(
                false,
                false,
                format!("{what} {value}, surely above {low}: more than {limit}"),
            );
        }
    }

    fn at_least(&mut self, what: &str, is: Option<Estimate>, least: f64, told: impl Fn(f64) -> String) {
        let limit = told(least);
        let Some(is) = is else {
            return self.note(false, false, format!("nothing is known of {what}"));
        };
        let (value, low) = (told(is.value), told(is.low));
        let is_undecided = is.high.is_none_or(|high| high >= least);
        let is_met = is.low >= least;
        let why = match is_met {
            true => format!("{what} {value}, surely above {low}, of at least {limit}"),
            false if is_undecided => format!("{what} {value}, surely above {low}: not surely {limit}"),
            false => format!("{what} {value}: less than {limit}"),
        };
        self.note(is_met, is_undecided, why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64) -> Option<Estimate> {
        Some(Estimate {
            value,
            low: value * 0.9,
            high: Some(value * 1.1),
        })
    }

    fn candidate(r: u8, w: u8, stale: f64, read: f64, write: f64) -> Candidate {
        Candidate {
            name: format!("R{r} W{w}"),
            under: String::new(),
            n: 3,
            r,
            w,
            write_rounds: 1,
            stale: estimate(stale),
            read_p99_ms: estimate(read),
            write_p99_ms: estimate(write),
            available: None,
            lost: Some(0),
            broken: Some(vec!["linearizable".to_owned()]),
        }
    }

    fn candidates() -> Vec<Candidate> {
        vec![
            candidate(3, 1, 0.0, 9.0, 2.0),
            candidate(1, 1, 0.02, 1.0, 2.0),
            candidate(1, 2, 0.0005, 1.0, 5.0),
            candidate(2, 1, 0.0001, 3.0, 2.0),
        ]
    }

    /// The name of the first without a miss, and why each before it was ruled out.
    fn chosen(needs: &Needs) -> (Option<String>, Vec<String>) {
        let candidates = candidates();
        let rulings = recommend(needs, &candidates);
        let first = rulings.iter().position(Ruling::is_met);
        let before = &rulings[..first.unwrap_or(rulings.len())];
        let why = before.iter().map(|ruling| ruling.misses[0].why.clone()).collect();
        (first.map(|at| candidates[rulings[at].candidate].name.clone()), why)
    }

    #[test]
    fn the_cheapest_that_will_do_is_the_first() {
        let needs = Needs::default();
        assert_eq!(chosen(&needs), (Some("R1 W1".to_owned()), vec![]));
        let needs = Needs {
            stale_max: Some(0.001),
            ..needs
        };
        let (name, why) = chosen(&needs);
        assert_eq!(name.as_deref(), Some("R2 W1"), "as many answers as R1 W2, sooner");
        assert!(why[0].starts_with("stale reads 2.0000 %, surely above 1.8"), "{why:?}");
        let needs = Needs {
            read_p99_ms: Some(2.0),
            ..needs
        };
        assert_eq!(chosen(&needs).0.as_deref(), Some("R1 W2"));
        let needs = Needs {
            tolerate: Some(2),
            ..needs
        };
        let (name, why) = chosen(&needs);
        assert_eq!((name, why.len()), (None, 4));
        assert!(why[2].contains("writes do not go on"), "{why:?}");
    }

    #[test]
    fn a_choice_has_to_do_under_every_circumstance() {
        let mut candidates = candidates();
        candidates
            .iter_mut()
            .for_each(|candidate| candidate.under = "calm".to_owned());
        let in_storm = candidates.iter().map(|calm| Candidate {
            under: "storm".to_owned(),
            stale: if calm.r == 3 { calm.stale } else { estimate(0.5) },
            ..calm.clone()
        });
        candidates.extend(in_storm.collect::<Vec<_>>());
        let needs = Needs {
            stale_max: Some(0.001),
            tolerate: Some(2),
            ..Needs::default()
        };
        let rulings = recommend(&needs, &candidates);
        assert_eq!(rulings.len(), 4, "one for each choice");
        let why: Vec<_> = rulings[1].misses.iter().map(|miss| miss.why.as_str()).collect();
        assert_eq!(candidates[rulings[1].candidate].name, "R2 W1");
        assert!(
            why.len() == 2 && why[1].starts_with("storm: stale reads 50.0"),
            "{why:?}"
        );
        let last = rulings.last().expect("there are some");
        assert_eq!(
            (last.met.len(), last.misses.len()),
            (2, 1),
            "how many may be down is said once: {last:?}"
        );
    }

    #[test]
    fn what_is_not_sure_does_not_do() {
        let needs = Needs {
            read_p99_ms: Some(1.05),
            ..Needs::default()
        };
        let ruling = &recommend(&needs, &candidates())[0];
        assert!(ruling.misses[0].is_undecided, "{ruling:?}");
        let needs = Needs {
            available_min: Some(0.9),
            unbroken: vec!["fresh-reads".to_owned(), "linearizable".to_owned()],
            lost_max: Some(0),
            ..Needs::default()
        };
        let ruling = &recommend(&needs, &candidates())[0];
        let why: Vec<_> = ruling.misses.iter().map(|miss| miss.why.as_str()).collect();
        assert_eq!(why, ["nothing is known of available", "linearizable was seen broken"]);
    }
}
