//! Reading transactions on lists and registers from a file, as fast as can be: blocks of lines are scanned on all threads, and put together in
//! their order by the calling one.

use std::{
    collections::BTreeMap,
    io::Read,
    sync::{
        Mutex,
        mpsc::{Receiver, sync_channel},
    },
    thread,
};

use quorate_checker::{
    formats::jsonl,
    isolation::{Block, Data, Gather, Txns, Unusual},
};

/// How many blocks may be scanned and not yet put together, for each thread.
const BLOCKS_AHEAD: usize = 2;

/// A block and its place among all.
type Scanned = (usize, Result<Block, Unusual>);

/// Reads a whole history of EDN or JSON on so many threads; nothing if it has anything unusual, or can't be read: the general way of
/// reading takes it then, or says what is wrong.
pub fn read(reader: impl Read + Send, data: Data, jobs: usize) -> Option<Txns> {
    let source = Mutex::new(Source {
        reader,
        unread: Vec::new(),
        is_at_end: false,
        count: 0,
    });
    let ahead_max = BLOCKS_AHEAD * jobs.max(1);
    thread::scope(|scope| {
        let (to_gather, scanned) = sync_channel(ahead_max);
        for _ in 1..jobs {
            let (source, to_gather) = (&source, to_gather.clone());
            scope.spawn(move || {
                while let Some(scanned) = scan_next(source) {
                    if to_gather.send(scanned).is_err() {
                        return;
                    }
                }
            });
        }
        drop(to_gather);
        gather(&source, &scanned, data, ahead_max)
    })
}

/// Puts blocks together in order, and scans one itself where it would have to wait for the next.
fn gather(
    source: &Mutex<Source<impl Read>>,
    scanned: &Receiver<Scanned>,
    data: Data,
    ahead_max: usize,
) -> Option<Txns> {
    let mut gather = Gather::new(data);
    let mut ahead: BTreeMap<usize, Result<Block, Unusual>> = BTreeMap::new();
    let (mut next, mut is_at_end) = (0, false);
    loop {
        if let Some(block) = ahead.remove(&next) {
            gather.take(&block.ok()?).ok()?;
            next += 1;
        } else if let Ok((number, block)) = scanned.try_recv() {
            ahead.insert(number, block);
        } else if ahead.len() < ahead_max && !is_at_end {
            let own = scan_next(source);
            is_at_end = own.is_none();
            ahead.extend(own);
        } else if let Ok((number, block)) = scanned.recv() {
            ahead.insert(number, block);
        } else {
            return ahead.is_empty().then(|| gather.finish());
        }
    }
}

fn scan_next(source: &Mutex<Source<impl Read>>) -> Option<Scanned> {
    let (number, text) = source.lock().expect("nobody panics while reading").next()?;
    Some((number, text.and_then(Block::scan)))
}

/// A text that is read in blocks of whole lines.
struct Source<R> {
    reader: R,
    /// Of a line that the last block ended in.
    unread: Vec<u8>,
    is_at_end: bool,
    count: usize,
}

impl<R: Read> Source<R> {
    /// Returns the next block and its number, from 0; nothing after the last, or after an error.
    fn next(&mut self) -> Option<(usize, Result<Vec<u8>, Unusual>)> {
        if self.is_at_end {
            return None;
        }
        let mut text = std::mem::take(&mut self.unread);
        let result = self.fill(&mut text);
        self.is_at_end |= result.is_err();
        self.count += 1;
        Some((self.count - 1, result.map(|()| text)))
    }

    /// Reads whole lines, or all that is left.
    fn fill(&mut self, text: &mut Vec<u8>) -> Result<(), Unusual> {
        text.reserve(jsonl::BLOCK_BYTES + 64);
        loop {
            let wanted = jsonl::BLOCK_BYTES as u64;
            let count = (&mut self.reader).take(wanted).read_to_end(text).map_err(|_| Unusual)?;
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
