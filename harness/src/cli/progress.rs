//! What is shown while a run goes on: a live line on a terminal, a line now and then elsewhere. On standard error, and without
//! colours, so that `NO_COLOR` has nothing to turn off.

use std::{
    io::{IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;

use super::load_line::LoadLine;
use crate::{interpreter::Progress, workers::Counter};

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

/// How many letters a bar has.
const BAR_WIDTH: usize = 20;

/// How long a live line may be where the terminal does not say how wide it is.
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
            Style::Auto if is_live() => Style::Bar,
            Style::Auto => Style::Lines,
            style => style,
        };
        Display {
            style,
            last: Some(Instant::now()),
            live: false,
        }
    }

    /// Whether anything is shown.
    pub(crate) fn shows(&self) -> bool {
        self.style != Style::None
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
            Progress::Load { elapsed, .. } => self.show_fitting(elapsed, |width| {
                let line = LoadLine::of(&progress).expect("there is load");
                line.within(width)
            }),
        }
    }

    /// Shows how far checks have come, now and then.
    pub(crate) fn show_checks(&mut self, elapsed: Duration, counter: &Counter) {
        let style = self.style;
        self.show_work(elapsed, || {
            let (done, known) = (counter.done(), counter.known());
            let bar = match style {
                Style::Bar => bar(done, known) + " ",
                _ => String::new(),
            };
            format!("checking {bar}{done} of {known} checks")
        });
    }

    /// Shows how far some work has come after so long, now and then.
    pub(crate) fn show_work(&mut self, elapsed: Duration, words: impl FnOnce() -> String) {
        self.show_fitting(elapsed, |_| words());
    }

    /// As above, of work that can be told in as many letters as there is room for.
    fn show_fitting(&mut self, elapsed: Duration, words: impl FnOnce(usize) -> String) {
        let interval = match self.style {
            Style::Bar => BAR_INTERVAL,
            _ => LINE_INTERVAL,
        };
        if self.style == Style::None || self.last.is_some_and(|last| last.elapsed() < interval) {
            return;
        }
        self.last = Some(Instant::now());
        let began = format!("  {:>5.1} s  ", elapsed.as_secs_f64());
        if self.style == Style::Bar {
            let width = live_width();
            let line = began.clone() + &words(width.saturating_sub(began.len()));
            let line: String = line.chars().take(width).collect();
            write_error(&format!("\r\x1b[K{line}"));
            self.live = true;
        } else {
            write_error(&format!("{began}{}\n", words(usize::MAX)));
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

/// Does `work`, which may show things itself, and shows how far the checks have come that it counts; before it knows of any, that it
/// does `before`, if that is said.
pub(crate) fn during_checks<T>(
    display: &Mutex<Display>,
    counter: &Arc<Counter>,
    before: Option<&str>,
    work: impl FnOnce() -> T,
) -> T {
    let began = Instant::now();
    let lock = || display.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        // What ends the work, be it a panic, drops the sender, and so ends the other thread.
        let (working, over) = mpsc::channel::<()>();
        scope.spawn(move || {
            while over.recv_timeout(BAR_INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
                match (counter.known(), before) {
                    (0, None) => {}
                    (0, Some(before)) => lock().show_work(began.elapsed(), || before.to_owned()),
                    _ => lock().show_checks(began.elapsed(), counter),
                }
            }
            lock().clear();
        });
        let done = work();
        drop(working);
        done
    })
}

/// Whether a line can be written over: on a terminal that knows how to.
fn is_live() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// How long a live line may be: one that wraps can't be written over.
fn live_width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    columns.checked_sub(1).unwrap_or(LIVE_WIDTH)
}

/// A share as a bar, in letters that every terminal has.
fn bar(done: usize, known: usize) -> String {
    let full = (done * BAR_WIDTH).checked_div(known).unwrap_or(0).min(BAR_WIDTH);
    format!("[{}{}]", "#".repeat(full), ".".repeat(BAR_WIDTH - full))
}

/// A terminal that has gone away changes nothing.
fn write_error(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_at_any_share() {
        assert_eq!(bar(0, 80), "[....................]");
        assert_eq!(bar(41, 80), "[##########..........]");
        assert_eq!(bar(80, 80), "[####################]");
        assert_eq!(bar(3, 0), bar(0, 1));
    }

    #[test]
    fn what_is_worked_on_ends_the_thread_that_shows_it_even_by_a_panic() {
        let counter = Arc::new(Counter::default());
        let display = Mutex::new(Display::new(Style::None));
        assert_eq!(during_checks(&display, &counter, None, || 7), 7);
        let panics = || during_checks(&display, &counter, Some("reading"), || panic!("a bug"));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
        assert!(caught.is_err());
    }
}
