//! Reading a history from its file, or from a pipe.
//!
//! The text passes through in blocks of lines: whoever is free reads one and scans it, and the calling thread builds the
//! history from them in their order. So a file takes about as long as the slower of the two, and hardly more memory than
//! the history.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{
        Mutex, MutexGuard,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use quorate_checker::{
    History, HistoryBuilder,
    formats::jsonl::{self, Block, Buffers},
};

use crate::{input::bad_input, workers::processors};

/// How many blocks may be scanned and not yet built, for each thread that scans: enough that none waits for another's
/// turn, and few enough that they are still in a cache.
const BLOCKS_AHEAD: usize = 2;

/// Reads a history, one event a line, on all processors. A torn last line, which a harness that died leaves, is passed
/// over.
///
/// # Errors
/// The file, the line and why: exit code 65.
pub fn read(path: &Path) -> anyhow::Result<History> {
    let file = File::open(path).map_err(|error| bad_input(path, &error))?;
    read_from(file, path, processors())
}

/// Reads what is left of a history that was opened at `path`, as [`read`] does, on so many threads.
///
/// # Errors
/// As [`read`].
pub fn read_from(reader: impl Read + Send, path: &Path, jobs: usize) -> anyhow::Result<History> {
    parse(reader, jobs).map_err(|why| bad_input(path, &why))
}

fn parse(reader: impl Read + Send, jobs: usize) -> Result<History, String> {
    let source = Mutex::new(Source {
        reader,
        unread: Vec::new(),
        is_at_end: false,
        count: 0,
        spare: Vec::new(),
    });
    thread::scope(|scope| {
        let (to_builder, scanned) = sync_channel(BLOCKS_AHEAD * jobs.max(1));
        for _ in 1..jobs {
            let (source, to_builder) = (&source, to_builder.clone());
            scope.spawn(move || scan_all(source, &to_builder));
        }
        drop(to_builder);
        let ahead_max = BLOCKS_AHEAD * jobs.max(1);
        build(&source, &scanned, ahead_max)
    })
}

/// A block and its place among all.
type Scanned = (usize, io::Result<Block>);

/// Scans blocks until there are no more, or nobody wants them.
fn scan_all(source: &Mutex<Source<impl Read>>, to_builder: &SyncSender<Scanned>) {
    while let Some(scanned) = scan_next(source) {
        if to_builder.send(scanned).is_err() {
            return;
        }
    }
}

/// Builds the history from the blocks in order, and scans one itself where it would have to wait for the next.
fn build(source: &Mutex<Source<impl Read>>, scanned: &Receiver<Scanned>, ahead_max: usize) -> Result<History, String> {
    let mut builder = HistoryBuilder::new();
    let mut ahead: BTreeMap<usize, io::Result<Block>> = BTreeMap::new();
    let (mut next, mut lines, mut is_at_end) = (0, 0, false);
    loop {
        if let Some(block) = ahead.remove(&next) {
            let mut block = block.map_err(|error| error.to_string())?;
            block
                .push_into(&mut builder, lines)
                .map_err(|error| error.to_string())?;
            lines += block.line_count();
            next += 1;
            lock(source).spare.push(block.into_buffers());
        } else if let Ok((number, block)) = scanned.try_recv() {
            // Only while the next is missing: as long as there is one to build, those who scan have to wait.
            ahead.insert(number, block);
        } else if ahead.len() < ahead_max && !is_at_end {
            let own = scan_next(source);
            is_at_end = own.is_none();
            ahead.extend(own);
        } else if let Ok((number, block)) = scanned.recv() {
            ahead.insert(number, block);
        } else {
            assert!(ahead.is_empty(), "every block before the last was scanned by somebody");
            return Ok(builder.finish());
        }
    }
}

fn scan_next(source: &Mutex<Source<impl Read>>) -> Option<Scanned> {
    let (number, text) = lock(source).next()?;
    Some((number, text.map(Block::scan)))
}

fn lock<R>(source: &Mutex<Source<R>>) -> MutexGuard<'_, Source<R>> {
    source.lock().expect("nobody panics while reading")
}

/// A text that is read in blocks of whole lines.
struct Source<R> {
    reader: R,
    /// Of a line that the last block ended in.
    unread: Vec<u8>,
    is_at_end: bool,
    count: usize,
    spare: Vec<Buffers>,
}

impl<R: Read> Source<R> {
    /// Returns the next block and its number, from 0; nothing after the last, or after an error.
    fn next(&mut self) -> Option<(usize, io::Result<Buffers>)> {
        if self.is_at_end {
            return None;
        }
        let mut buffers = self.spare.pop().unwrap_or_default();
        let result = self.fill(&mut buffers.text);
        self.is_at_end |= result.is_err();
        self.count += 1;
        Some((self.count - 1, result.map(|()| buffers)))
    }

    /// Reads whole lines, or all that is left.
    fn fill(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        text.clear();
        text.append(&mut self.unread);
        // With what it takes to see that a file has ended just there, or the whole room is doubled for it.
        text.reserve(jsonl::BLOCK_BYTES + 64);
        loop {
            let wanted = jsonl::BLOCK_BYTES as u64;
            let count = (&mut self.reader).take(wanted).read_to_end(text)?;
            self.is_at_end = count as u64 != wanted;
            if self.is_at_end {
                return Ok(());
            }
            if let Some(end) = jsonl::whole_lines(text) {
                self.unread.extend_from_slice(&text[end..]);
                text.truncate(end);
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_checker::{Event, EventKind};

    use super::*;

    const INVOKE: &str = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"write","key":"k","value":1}"#;
    const OK: &str = r#"{"index":1,"time":2,"process":0,"type":"ok","f":"write","key":"k","value":1}"#;

    /// Whatever the number of threads, the result is the same.
    fn read(text: &str) -> Result<History, String> {
        let on = |jobs| parse(text.as_bytes(), jobs);
        let results = [on(1), on(2), on(5)];
        let told = results.each_ref().map(|result| match result {
            Ok(history) => format!("{:?}", history.ops()),
            Err(why) => why.clone(),
        });
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
        let [result, ..] = results;
        result
    }

    #[test]
    fn a_torn_last_line_is_passed_over_and_any_other_is_not() {
        let whole = format!("{INVOKE}\n{OK}\n");
        assert_eq!(read(&whole).expect("whole").ops().len(), 1);
        let torn = format!("{INVOKE}\n{}", &OK[..30]);
        assert_eq!(read(&torn).expect("torn at its end").ops().len(), 1);
        let broken = format!("{}\n{OK}\n", &INVOKE[..30]);
        assert!(read(&broken).expect_err("broken").starts_with("line 1: "));
        let unpaired = format!("{OK}\n");
        assert!(read(&unpaired).expect_err("unpaired").starts_with("line 1: "));
    }

    #[test]
    fn an_empty_file_is_an_empty_history() {
        assert!(read("").expect("empty").ops().is_empty());
    }

    #[test]
    fn a_file_of_many_blocks_is_read_in_order() {
        let mut lines = String::new();
        for number in 0..30_000i64 {
            let write = Event {
                index: number as u64,
                ..Event::write(number % 7, format!("k{}", number % 3), number)
            };
            lines += &(write.to_line() + "\n" + &write.completion(EventKind::Ok).to_line() + "\n");
        }
        assert!(lines.len() > 16 * jsonl::BLOCK_BYTES);
        let history = read(&lines).expect("a history");
        let indices = history.ops().iter().map(|op| op.index);
        assert!(indices.eq(0..30_000));

        // What is wrong in a late block is told of the line that it is in, and only if nothing before it is.
        let middle = lines.len() / 2 + lines[lines.len() / 2..].find("\"ok\"").expect("a completion");
        let line = lines[..middle].lines().count();
        lines.replace_range(middle..middle + 4, "\"no\"");
        assert!(
            read(&lines)
                .expect_err("no kind")
                .starts_with(&format!("line {line}: parse"))
        );
        lines.replace_range(..10, "{\"Index\":0");
        assert!(read(&lines).expect_err("no index").starts_with("line 1: "));
    }

    /// A line that is longer than a block is still one line.
    #[test]
    fn a_long_line_is_read_whole() {
        let text = "x".repeat(3 * jsonl::BLOCK_BYTES);
        let write = Event::write(0, "k", text).to_line();
        assert_eq!(
            read(&format!("{write}\n{OK}"))
                .expect_err("another value")
                .matches("line 2")
                .count(),
            1
        );
        assert_eq!(read(&format!("{write}\n")).expect("one op").ops().len(), 1);
    }
}
