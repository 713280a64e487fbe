//! A text that passes through in blocks of whole lines, on several threads.
//!
//! Whoever is free reads a block and scans it, and the calling thread takes what comes of them, in their order. So a file
//! takes about as long as the slower of the two, and hardly more memory than what is made of it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::{
        Mutex, MutexGuard,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use quorate_checker::formats::jsonl::{Buffers, whole_lines};

/// How many blocks may be scanned and not yet taken, for each thread: enough that none waits for another's turn, and few
/// enough that they are still in a cache.
const AHEAD: usize = 2;

/// Memory for a block, which can be that of one that was taken.
pub(crate) trait Memory: Default + Send {
    /// Where the block's lines go.
    fn text(&mut self) -> &mut Vec<u8>;
}

/// How a text is cut, and for how many threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    /// About how long a block is. One of a line that is longer is longer.
    pub(crate) bytes: usize,
    pub(crate) jobs: usize,
}

impl Blocks {
    /// Reads all that is left of `reader`: calls `scan` on each block, on any thread, and `take` on what it returns, on this
    /// one and in order. What `take` returns is the memory of a later block.
    ///
    /// If a block can't be read, `take` is given why, after all that came before. It is the last.
    ///
    /// # Errors
    /// The first of `take`.
    pub(crate) fn read<M: Memory, T: Send, E>(
        self,
        reader: impl Read + Send,
        scan: impl Fn(M) -> T + Sync,
        take: impl FnMut(io::Result<T>) -> Result<M, E>,
    ) -> Result<(), E> {
        let source = Mutex::new(Source {
            reader,
            block_bytes: self.bytes.max(1),
            unread: Vec::new(),
            is_at_end: false,
            count: 0,
            spare: Vec::new(),
        });
        let scanning = Scanning {
            source: &source,
            scan: &scan,
        };
        let ahead_max = AHEAD * self.jobs.max(1);
        thread::scope(|scope| {
            let (to_taker, scanned) = sync_channel(ahead_max);
            for _ in 1..self.jobs {
                let to_taker = to_taker.clone();
                scope.spawn(move || scanning.send_all(&to_taker));
            }
            drop(to_taker);
            scanning.take_all(&scanned, ahead_max, take)
        })
    }
}

/// What comes of a block, and its place among all.
type Scanned<T> = (usize, io::Result<T>);

/// What every thread does.
struct Scanning<'s, R, M, S> {
    source: &'s Mutex<Source<R, M>>,
    scan: &'s S,
}

impl<R, M, S> Clone for Scanning<'_, R, M, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, M, S> Copy for Scanning<'_, R, M, S> {}

impl<R: Read, M: Memory, T, S: Fn(M) -> T> Scanning<'_, R, M, S> {
    /// Scans blocks until there are no more, or nobody wants them.
    fn send_all(self, to_taker: &SyncSender<Scanned<T>>) {
        while let Some(scanned) = self.next() {
            if to_taker.send(scanned).is_err() {
                return;
            }
        }
    }

    /// Takes blocks in order, and scans one itself where it would have to wait for the next.
    fn take_all<E>(
        self,
        scanned: &Receiver<Scanned<T>>,
        ahead_max: usize,
        mut take: impl FnMut(io::Result<T>) -> Result<M, E>,
    ) -> Result<(), E> {
        let mut ahead = BTreeMap::new();
        let (mut next, mut is_at_end) = (0, false);
        loop {
            if let Some(block) = ahead.remove(&next) {
                let memory = take(block)?;
                next += 1;
                self.lock().spare.push(memory);
            } else if let Ok((number, block)) = scanned.try_recv() {
                // Only while the next is missing: as long as there is one to take, those who scan have to wait.
                ahead.insert(number, block);
            } else if ahead.len() < ahead_max && !is_at_end {
                let own = self.next();
                is_at_end = own.is_none();
                ahead.extend(own);
            } else if let Ok((number, block)) = scanned.recv() {
                ahead.insert(number, block);
            } else {
                assert!(ahead.is_empty(), "every block before the last was scanned by somebody");
                return Ok(());
            }
        }
    }

    /// Reads and scans the next block.
    fn next(self) -> Option<Scanned<T>> {
        let (number, memory) = self.lock().next()?;
        Some((number, memory.map(self.scan)))
    }

    fn lock(&self) -> MutexGuard<'_, Source<R, M>> {
        self.source.lock().expect("nobody panics while reading")
    }
}

/// A text that is read in blocks of whole lines.
struct Source<R, M> {
    reader: R,
    block_bytes: usize,
    /// Of a line that the last block ended in.
    unread: Vec<u8>,
    is_at_end: bool,
    count: usize,
    spare: Vec<M>,
}

impl<R: Read, M: Memory> Source<R, M> {
    /// Returns the next block and its number, from 0; nothing after the last, or after an error.
    fn next(&mut self) -> Option<(usize, io::Result<M>)> {
        if self.is_at_end {
            return None;
        }
        let mut memory = self.spare.pop().unwrap_or_default();
        let result = self.fill(memory.text());
        self.is_at_end |= result.is_err();
        self.count += 1;
        Some((self.count - 1, result.map(|()| memory)))
    }

    /// Reads whole lines, or all that is left.
    fn fill(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        text.clear();
        text.append(&mut self.unread);
        // With what it takes to see that a file has ended just there, or the whole room is doubled for it.
        text.reserve(self.block_bytes + 64);
        loop {
            let wanted = self.block_bytes as u64;
            let count = (&mut self.reader).take(wanted).read_to_end(text)?;
            self.is_at_end = count as u64 != wanted;
            if self.is_at_end {
                return Ok(());
            }
            if let Some(end) = whole_lines(text) {
                self.unread.extend_from_slice(&text[end..]);
                text.truncate(end);
                return Ok(());
            }
        }
    }
}

impl Memory for Vec<u8> {
    fn text(&mut self) -> &mut Vec<u8> {
        self
    }
}

impl Memory for Buffers {
    fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, mem};

    use super::*;

    /// Gives its text a byte, then two, then three at a time, and then an error, once.
    struct Trickle<'t> {
        text: &'t [u8],
        turn: usize,
        is_broken: bool,
    }

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.text.is_empty() && mem::take(&mut self.is_broken) {
                return Err(io::Error::other("broken"));
            }
            self.turn += 1;
            let count = buffer.len().min(self.turn % 3 + 1);
            self.text.read(&mut buffer[..count])
        }
    }

    /// Returns the blocks of `text`, and after them why no more came, if there was an error: the same on any number of threads.
    fn blocks_of(text: &str, bytes: usize, is_broken: bool) -> Vec<Result<String, String>> {
        let on = |jobs| {
            let reader = Trickle {
                text: text.as_bytes(),
                turn: 0,
                is_broken,
            };
            let mut blocks = Vec::new();
            let scan = |text| String::from_utf8(text).expect("text");
            let end = Blocks { bytes, jobs }.read(reader, scan, |block| {
                let block = block.map_err(|error| error.to_string());
                blocks.push(block.clone());
                Ok::<_, Infallible>(block.unwrap_or_default().into_bytes())
            });
            assert_eq!(end, Ok(()));
            blocks
        };
        let results = [on(1), on(2), on(5)];
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
        let [result, ..] = results;
        result
    }

    #[test]
    fn blocks_are_whole_lines_of_any_size() {
        let whole = "one\n\nthree\nthe fourth is longer\n5\n6\n";
        for text in [whole, &whole[..whole.len() - 1], "\n", "x", "one line alone\n"] {
            for bytes in 0..=text.len() + 2 {
                let blocks: Vec<String> = blocks_of(text, bytes, false).into_iter().map(Result::unwrap).collect();
                assert_eq!(blocks.concat(), text, "{bytes}");
                let (_, but_last) = blocks.split_last().expect("a block");
                assert!(
                    but_last.iter().all(|block| block.ends_with('\n')),
                    "{bytes}: {blocks:?}"
                );
                // Of what a block may be longer by: a line that another began, and one that is longer than a block.
                assert!(
                    blocks.iter().all(|block| block.len() < bytes.max(1) + 2 * 22),
                    "{bytes}: {blocks:?}"
                );
            }
        }
    }

    #[test]
    fn an_empty_text_has_no_lines() {
        for bytes in [0, 1, 100] {
            assert_eq!(blocks_of("", bytes, false), [Ok(String::new())]);
        }
    }

    #[test]
    fn an_error_comes_after_what_was_read_before_it() {
        let text = "one\ntwo\nthree\nfou";
        for bytes in 1..=text.len() {
            let mut blocks = blocks_of(text, bytes, true);
            assert_eq!(blocks.pop(), Some(Err("broken".to_owned())));
            let blocks: Vec<String> = blocks.into_iter().map(Result::unwrap).collect();
            let before = blocks.concat();
            assert!(text.starts_with(&before), "{bytes}: {blocks:?}");
            assert!(bytes > 4 || before == "one\ntwo\nthree\n", "{bytes}: {blocks:?}");
        }
    }

    /// Nothing is read beyond what others are ahead by, and nobody waits for ever.
    #[test]
    fn what_takes_can_end_it() {
        let text = "a line\n".repeat(1_000);
        for jobs in [1, 2, 5] {
            let mut taken = 0;
            let end = Blocks { bytes: 7, jobs }.read(
                text.as_bytes(),
                |block: Vec<u8>| block,
                |block| {
                    taken += 1;
                    if taken == 3 {
                        Err("enough")
                    } else {
                        Ok(block.expect("it is in memory"))
                    }
                },
            );
            assert_eq!((end, taken), (Err("enough"), 3), "{jobs}");
        }
    }
}
