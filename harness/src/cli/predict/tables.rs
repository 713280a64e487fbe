//! What was predicted, as tables.

use quorate_workloads::pbs::{Estimate, Prediction, Quantiles};

use super::{SHARES, Told, VERSIONS, name};
use crate::grid::{Grid, Stands};

/// For a terminal.
pub(super) fn text(told: &Told<'_>) -> String {
    let mut out = format!("{}\n\n", heading(told));
    for (title, grid) in tables(told) {
        out += &format!("{title}\n{}\n", grid.text());
    }
    out += &told
        .advice
        .as_ref()
        .map(|advice| advice.text(false))
        .unwrap_or_default();
    out.trim_end().to_owned() + "\n"
}

/// For a document.
pub(super) fn markdown(told: &Told<'_>) -> String {
    let mut out = format!("{}\n\n", heading(told));
    for (title, grid) in tables(told) {
        out += &format!("## {title}\n\n{}\n", grid.markdown());
    }
    out += &told.advice.as_ref().map(|advice| advice.text(true)).unwrap_or_default();
    out.trim_end().to_owned() + "\n"
}

fn heading(told: &Told<'_>) -> String {
    let args = told.args;
    let mut heading = format!(
        "predicted from {}; {} trials, seed {}; bounds are of 95 % confidence",
        args.model.words(),
        args.trials,
        args.seed
    );
    let lost = told
        .predictions
        .iter()
        .map(|prediction| prediction.unanswered)
        .fold(0.0, f64::max);
    if lost > 0.0 {
        heading += &format!(
            "\nup to {:.3} % of trials lost the answers that they waited for, and are left out",
            lost * 100.0
        );
    }
    heading
}

fn tables(told: &Told<'_>) -> Vec<(String, Grid)> {
    let mut tables = vec![
        (
            "stale reads, so long after a write's acknowledgement".to_owned(),
            stale(told),
        ),
        ("fresh from so long after on".to_owned(), fresh(told)),
        ("latency in ms".to_owned(), latency(told)),
        (
            "reads that return one of the last k versions, at least, however soon".to_owned(),
            versions(told),
        ),
    ];
    if let Some(exponent) = told.exponent() {
        let title = format!("reads of a client that return less than it had read, at most; exponent {exponent:.3}");
        tables.push((title, monotonic(told, exponent)));
    }
    tables
}

/// A table with a row for each R and W.
fn grid<'a>(
    told: &Told<'a>,
    columns: impl IntoIterator<Item = String>,
    cells: impl Fn(&'a Prediction) -> Vec<String>,
) -> Grid {
    let columns = columns.into_iter().map(|name| (name, Stands::Right));
    let mut grid = Grid::new(std::iter::once(("".to_owned(), Stands::Left)).chain(columns));
    for prediction in told.predictions {
        grid.row([vec![name(prediction)], cells(prediction)].concat());
    }
    grid
}

fn stale(told: &Told<'_>) -> Grid {
    let columns = told.args.at.iter().map(|t| format!("{t} ms"));
    grid(told, columns, |prediction| {
        let at = told.args.at.iter().map(|t| prediction.stale_at(*t));
        at.map(|share| share_text(&share)).collect()
    })
}

fn fresh(told: &Told<'_>) -> Grid {
    let columns = SHARES.map(|share| format!("{} %", share * 100.0));
    grid(told, columns, |prediction| {
        let by = SHARES.map(|share| prediction.fresh_by(share));
        by.iter()
            .map(|by| by.as_ref().map_or_else(|| "never, or unknown".to_owned(), ms_text))
            .collect()
    })
}

fn latency(told: &Told<'_>) -> Grid {
    let of = |what: &'static str| ["p50", "p90", "p99", "p99.9"].map(|quantile| format!("{what} {quantile}"));
    grid(told, of("read").into_iter().chain(of("write")), |prediction| {
        let quantiles = |side: &Option<Quantiles>| match side {
            Some(side) => [side.p50_ms, side.p90_ms, side.p99_ms, side.p999_ms].map(|ms| number(ms.value)),
            None => [(); 4].map(|()| "none".to_owned()),
        };
        [quantiles(&prediction.read), quantiles(&prediction.write)].concat()
    })
}

fn versions(told: &Told<'_>) -> Grid {
    let columns = VERSIONS.map(|k| format!("k={k}"));
    grid(told, columns, |prediction| {
        let within = VERSIONS.map(|k| prediction.within_versions(k.into()));
        within.map(|share| format!("{:.2} %", share * 100.0)).to_vec()
    })
}

fn monotonic(told: &Told<'_>, exponent: f64) -> Grid {
    grid(told, ["share".to_owned()], |prediction| {
        let share = 1.0 - prediction.within_versions(exponent);
        vec![format!("{:.3} %", share * 100.0)]
    })
}

/// One row for each R and W, with every figure and its bounds.
pub(super) fn wide(told: &Told<'_>) -> Grid {
    let bounds = |name: String| ["", "_low", "_high"].map(|bound| format!("{name}{bound}"));
    let latency =
        |what: &'static str| ["p50", "p90", "p99", "p999"].map(|quantile| bounds(format!("{what}_{quantile}_ms")));
    let mut columns: Vec<String> = ["n", "r", "w"].map(str::to_owned).to_vec();
    columns.extend(told.args.at.iter().flat_map(|t| bounds(format!("stale_at_{t}_ms"))));
    columns.extend(
        SHARES
            .iter()
            .flat_map(|share| bounds(format!("fresh_{}_ms", share * 100.0))),
    );
    columns.extend(latency("read").into_iter().chain(latency("write")).flatten());
    columns.extend(VERSIONS.map(|k| format!("within_{k}_versions")));
    columns.push("unanswered".to_owned());
    columns.extend(told.exponent().map(|_| "non_monotonic_reads".to_owned()));
    let mut grid = Grid::new(columns.into_iter().map(|name| (name, Stands::Right)));
    for prediction in told.predictions {
        grid.row(wide_row(told, prediction));
    }
    grid
}

fn wide_row(told: &Told<'_>, prediction: &Prediction) -> Vec<String> {
    let triple = |estimate: Option<Estimate>| match estimate {
        Some(Estimate { value, low, high }) => {
            let high = high.map(|high| high.to_string()).unwrap_or_default();
            [value.to_string(), low.to_string(), high]
        }
        None => [(); 3].map(|()| String::new()),
    };
    let side = |side: &Option<Quantiles>| {
        let of = |quantile: fn(&Quantiles) -> Estimate| triple(side.as_ref().map(quantile));
        [
            of(|side| side.p50_ms),
            of(|side| side.p90_ms),
            of(|side| side.p99_ms),
            of(|side| side.p999_ms),
        ]
        .concat()
    };
    let mut row = vec![
        prediction.n.to_string(),
        prediction.quorum.r.to_string(),
        prediction.quorum.w.to_string(),
    ];
    row.extend(told.args.at.iter().flat_map(|t| triple(Some(prediction.stale_at(*t)))));
    row.extend(SHARES.iter().flat_map(|share| triple(prediction.fresh_by(*share))));
    row.extend(side(&prediction.read));
    row.extend(side(&prediction.write));
    row.extend(VERSIONS.map(|k| prediction.within_versions(k.into()).to_string()));
    row.push(prediction.unanswered.to_string());
    row.extend(
        told.exponent()
            .map(|exponent| (1.0 - prediction.within_versions(exponent)).to_string()),
    );
    row
}

/// A share and how far its bounds are from it.
fn share_text(share: &Estimate) -> String {
    let high = share.high.unwrap_or(1.0);
    let half = (high - share.value).max(share.value - share.low);
    format!("{:.3} ± {:.3} %", share.value * 100.0, half * 100.0)
}

/// A time and its bounds.
fn ms_text(ms: &Estimate) -> String {
    match (ms.value, ms.high) {
        (value, Some(high)) if value == 0.0 && high == 0.0 => "0 ms".to_owned(),
        (value, Some(high)) => format!("{} ms ({} to {})", number(value), number(ms.low), number(high)),
        (value, None) => format!("{} ms ({} or more)", number(value), number(ms.low)),
    }
}

/// With as many digits as say something.
fn number(ms: f64) -> String {
    match ms {
        ms if ms >= 1000.0 => format!("{ms:.0}"),
        ms if ms >= 100.0 => format!("{ms:.1}"),
        ms => format!("{ms:.2}"),
    }
}
