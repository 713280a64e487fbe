//! The events of a simulated run in a file, and a run held against them while it goes.
//!
//! `trace.bin` begins with a line that names its form; then each event takes sixteen bytes: the time in nanoseconds (eight
//! bytes, the least significant first), the kind, the node and its peer (a byte each, 255 for nobody), one byte of
//! nothing, and the lower half of the hash of the run up to and with it (four bytes, alike). Two runs that differ do so
//! from the first event whose hash differs.

use std::{
    cell::RefCell,
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::Context as _;
use quorate_core::Time;
use quorate_sim::{NodeIndex, TraceEvent, TraceHash, Watch, What};

use crate::exit::ExitError;

/// The first line of the file.
const FORM: &str = "quorate trace 1\n";

/// In the place of a node: nobody.
const NOBODY: u8 = u8::MAX;

/// How much of an event's details is told: a message may hold all that a node knows.
const DETAILS_MAX: usize = 400;

type Bytes = [u8; 16];

fn bytes(event: &TraceEvent, so_far: TraceHash) -> Bytes {
    let node = |node: Option<NodeIndex>| node.map_or(NOBODY, |node| u8::try_from(node.0).unwrap_or(NOBODY));
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&event.at.as_nanos().to_le_bytes());
    bytes[8] = event.what.code();
    bytes[9] = node(event.node);
    bytes[10] = node(event.peer);
    bytes[12..].copy_from_slice(&(so_far.hash as u32).to_le_bytes());
    bytes
}

fn event(bytes: &Bytes) -> Option<TraceEvent> {
    let node = |byte: u8| (byte != NOBODY).then_some(NodeIndex(byte.into()));
    let time = bytes[..8].try_into().expect("eight bytes");
    Some(TraceEvent {
        at: Time::from_nanos(u64::from_le_bytes(time)),
        what: What::from_code(bytes[8])?,
        node: node(bytes[9]),
        peer: node(bytes[10]),
    })
}

/// Writes the events of a run to a file. A clone writes to the same.
#[derive(Clone, Debug)]
pub struct TraceRecorder {
    path: PathBuf,
    file: Rc<RefCell<io::Result<BufWriter<File>>>>,
}

impl TraceRecorder {
    /// A new file.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn create(path: &Path) -> anyhow::Result<TraceRecorder> {
        let file = File::create_new(path).map(BufWriter::new);
        let file = file.and_then(|mut file| file.write_all(FORM.as_bytes()).map(|()| file));
        let file = file.with_context(|| format!("create {}", path.display()))?;
        Ok(TraceRecorder {
            path: path.to_owned(),
            file: Rc::new(RefCell::new(Ok(file))),
        })
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If any part of it could not be written.
    pub fn finish(&self) -> anyhow::Result<()> {
        let mut file = self.file.borrow_mut();
        let flushed = match &mut *file {
            Ok(file) => file.flush(),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
        flushed.with_context(|| format!("write to {}", self.path.display()))
    }
}

impl Watch for TraceRecorder {
    fn see(&mut self, event: &TraceEvent, so_far: TraceHash, _details: &dyn Fn() -> String) {
        let mut file = self.file.borrow_mut();
        if let Ok(open) = &mut *file
            && let Err(error) = open.write_all(&bytes(event, so_far))
        {
            *file = Err(error);
        }
    }
}

/// Holds a run against the events of another. A clone sees the same.
#[derive(Clone, Debug)]
pub struct TraceComparison {
    state: Rc<RefCell<State>>,
}

#[derive(Debug)]
struct State {
    path: PathBuf,
    recorded: BufReader<File>,
    failure: Option<io::Error>,
    divergence: Option<Divergence>,
    events: u64,
}

/// The first event in which a run is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Which event, from 1.
    pub number: u64,
    /// What it was; `None` if the recorded run was over, or if its events were not kept.
    pub recorded: Option<TraceEvent>,
    /// What it is; `None` if the run is over.
    pub replayed: Option<TraceEvent>,
    /// All of what it is, in the words of the code.
    pub details: String,
}

impl TraceComparison {
    /// Against the events in this file.
    ///
    /// # Errors
    /// If it can't be read, or holds something else: exit code 65.
    pub fn with(path: &Path) -> anyhow::Result<TraceComparison> {
        let bad = |why: &dyn fmt::Display| ExitError::input(format!("read {}: {why}", path.display()));
        let mut recorded = BufReader::new(File::open(path).map_err(|error| bad(&error))?);
        let mut form = Vec::new();
        let first = Read::by_ref(&mut recorded)
            .take(FORM.len() as u64)
            .read_until(b'\n', &mut form);
        first.map_err(|error| bad(&error))?;
        if form != FORM.as_bytes() {
            return Err(bad(&"it is not a trace of this form").into());
        }
        Ok(TraceComparison {
            state: Rc::new(RefCell::new(State {
                path: path.to_owned(),
                recorded,
                failure: None,
                divergence: None,
                events: 0,
            })),
        })
    }

    /// The first event that differed, once the run is over.
    ///
    /// # Errors
    /// If the file could not be read to its end.
    pub fn finish(&self) -> anyhow::Result<Option<Divergence>> {
        let mut state = self.state.borrow_mut();
        if state.divergence.is_none()
            && state.failure.is_none()
            && let Some(bytes) = state.next()
        {
            state.divergence = Some(Divergence {
                number: state.events + 1,
                recorded: event(&bytes),
                replayed: None,
                details: String::new(),
            });
        }
        if let Some(error) = &state.failure {
            return Err(ExitError::input(format!("read {}: {error}", state.path.display())).into());
        }
        Ok(state.divergence.clone())
    }
}

impl State {
    /// The next event of the recorded run. A torn one at the end is none.
    fn next(&mut self) -> Option<Bytes> {
        let mut bytes = Bytes::default();
        match self.recorded.read_exact(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => {
                self.failure = Some(error);
                None
            }
        }
    }
}

impl Watch for TraceComparison {
    fn see(&mut self, replayed: &TraceEvent, so_far: TraceHash, details: &dyn Fn() -> String) {
        let mut state = self.state.borrow_mut();
        if state.divergence.is_some() || state.failure.is_some() {
            return;
        }
        let recorded = state.next();
        if recorded != Some(bytes(replayed, so_far)) && state.failure.is_none() {
            let mut details = details();
            if let Some((end, _)) = details.char_indices().nth(DETAILS_MAX) {
                details.truncate(end);
                details.push_str(" ...");
            }
            state.divergence = Some(Divergence {
                number: so_far.events,
                recorded: recorded.as_ref().and_then(event),
                replayed: Some(*replayed),
                details,
            });
        }
        state.events = so_far.events;
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |event: Option<TraceEvent>| event.map_or_else(|| "the end".to_owned(), |event| event.to_string());
        let (was, is) = (shown(self.recorded), shown(self.replayed));
        write!(f, "event {} was: {was}; is: {is}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn see(watch: &mut dyn Watch, events: &[u64]) {
        for (place, time) in events.iter().enumerate() {
            let event = TraceEvent {
                at: Time::from_nanos(*time),
                what: What::Arrive,
                node: Some(NodeIndex(1)),
                peer: None,
            };
            let so_far = TraceHash {
                events: place as u64 + 1,
                hash: events[..=place].iter().sum(),
            };
            watch.see(&event, so_far, &|| "details".to_owned());
        }
    }

    /// Records one run and holds another against it.
    fn compare(recorded: &[u64], replayed: &[u64]) -> Option<Divergence> {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("trace.bin");
        let mut recorder = TraceRecorder::create(&path).expect("a new file");
        see(&mut recorder, recorded);
        recorder.finish().expect("written");
        let mut comparison = TraceComparison::with(&path).expect("its own file");
        see(&mut comparison, replayed);
        comparison.finish().expect("read")
    }

    #[test]
    fn the_first_event_that_differs_is_found_wherever_it_is() {
        assert_eq!(compare(&[1, 2, 3], &[1, 2, 3]), None);
        let differing = |recorded, replayed| {
            let divergence = compare(recorded, replayed).expect("they differ");
            let at = |event: Option<TraceEvent>| event.map(|event| event.at.as_nanos());
            (divergence.number, at(divergence.recorded), at(divergence.replayed))
        };
        assert_eq!(differing(&[1, 2, 3], &[1, 5, 3]), (2, Some(2), Some(5)));
        assert_eq!(differing(&[1, 2, 3], &[1, 2]), (3, Some(3), None));
        assert_eq!(differing(&[1, 2], &[1, 2, 3]), (3, None, Some(3)));
    }

    #[test]
    fn another_file_is_refused() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("trace.bin");
        std::fs::write(&path, "something else altogether").expect("written");
        let error = TraceComparison::with(&path).expect_err("not a trace");
        assert!(error.to_string().contains("trace.bin"), "{error}");
    }
}
