//! Reading a history from its file, or from a pipe.
//!
//! The text passes through in [blocks](crate::blocks) of lines, which all threads scan, and the calling one builds the history
//! from them.

use std::{fs::File, io::Read, path::Path};

use quorate_checker::{
    History, HistoryBuilder,
    formats::jsonl::{self, Block},
};

use crate::{
    blocks::Blocks,
    input::bad_input,
    workers::{Workers, processors},
};

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
    let mut builder = HistoryBuilder::new();
    let mut lines = 0;
    let blocks = Blocks {
        bytes: jsonl::BLOCK_BYTES,
        jobs,
    };
    blocks.read(reader, Block::scan, |block| {
        let mut block = block.map_err(|error| error.to_string())?;
        block
            .push_into(&mut builder, lines)
            .map_err(|error| error.to_string())?;
        lines += block.line_count();
        Ok::<_, String>(block.into_buffers())
    })?;
    let workers = Workers::new(jobs).map_err(|error| error.to_string())?;
    Ok(builder.finish_with(&workers))
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
        for number in 0..55_000i64 {
            let write = Event {
                index: number as u64,
                ..Event::write(number % 7, format!("k{}", number % 3), number)
            };
            lines += &(write.to_line() + "\n" + &write.completion(EventKind::Ok).to_line() + "\n");
        }
        assert!(lines.len() > 8 * jsonl::BLOCK_BYTES);
        let history = read(&lines).expect("a history");
        let indices = history.ops().iter().map(|op| op.index);
        assert!(indices.eq(0..55_000));

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
