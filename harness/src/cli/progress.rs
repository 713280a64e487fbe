//! What is shown while a run goes on: a live line on a terminal, a line now and then elsewhere. On standard error.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use clap::ValueEnum;

use crate::interpreter::Progress;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// A bar on a terminal, lines elsewhere.
    Auto,
    /// A live line that is written over.
    Bar,
    /// A line now and then.
    Lines,
    /// Nothing.
    None,
}

/// Time between two lines of progress where none is written over.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Time between two updates of a live line.
const BAR_INTERVAL: Duration = Duration::from_millis(100);

/// How long a live line may be: one that wraps can't be written over.
const LIVE_WIDTH: usize = 79;

/// Shows progress.
#[derive(Debug)]
pub(crate) struct Display {
    style: Style,
    last: Option<Instant>,
    live: bool,
}

impl Display {
    pub(crate) fn new(style: Style) -> Display {
        let style = match style {
            Style::Auto if std::io::stderr().is_terminal() => Style::Bar,
            Style::Auto => Style::Lines,
            style => style,
        };
        Display {
            style,
            last: None,
            live: false,
        }
    }

    /// Says something that is worth a line of its own.
    pub(crate) fn say(&mut self, text: &str) {
        if self.style != Style::None {
            self.clear();
            write_error(&format!("{text}\n"));
        }
    }

    /// Shows how far a run has come.
    pub(crate) fn show(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Phase(name) => self.say(&format!("- {name}")),
            Progress::Load {
                elapsed,
                ended,
                ok,
                faults,
            } => self.show_work(elapsed, || {
                let faults = if faults.is_empty() {
                    "none".to_owned()
                } else {
                    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
                    faults.join(", ")
                };
                let share = ok as f64 * 100.0 / ended.max(1) as f64;
                format!("{ended} ops, {share:.0}% ok; faults: {faults}")
            }),
        }
    }

    /// Shows how far some work has come after so long, now and then.
    pub(crate) fn show_work(&mut self, elapsed: Duration, words: impl FnOnce() -> String) {
        let interval = match self.style {
            Style::Bar => BAR_INTERVAL,
            _ => LINE_INTERVAL,
        };
        if self.style == Style::None || self.last.is_some_and(|last| last.elapsed() < interval) {
            return;
        }
        self.last = Some(Instant::now());
        let line = format!("  {:>5.1} s  {}", elapsed.as_secs_f64(), words());
        if self.style == Style::Bar {
            let line: String = line.chars().take(LIVE_WIDTH).collect();
            write_error(&format!("\r\x1b[K{line}"));
            self.live = true;
        } else {
            write_error(&format!("{line}\n"));
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.live) {
            write_error("\r\x1b[K");
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A terminal that has gone away changes nothing.
fn write_error(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
