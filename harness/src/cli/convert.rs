//! `quorate convert`.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::ValueEnum;
use quorate_checker::{
    Entry,
    formats::{Format, write_edn, write_jsonl},
};

use crate::{
    exit::Exit,
    input::{Input, bad_input},
};

/// Writes a history of any format as lines of EDN or JSON.
///
/// Every operation is a line, in the order of the file. What JSON can't say becomes the nearest that it can: keywords are texts,
/// sets are lists.
///
/// Examples: quorate convert history.txt --to edn; quorate convert history.edn --to jsonl --output history.jsonl
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The history; `-` is standard input.
    path: PathBuf,
    /// What to write.
    #[arg(long, value_enum, default_value = "jsonl")]
    to: To,
    /// Where to; standard output unless told otherwise. The file must not be there yet.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The history's format, where its content does not tell.
    #[arg(long, value_name = "NAME")]
    input_format: Option<Format>,
}

/// What can be written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// A map of EDN a line.
    Edn,
    /// An object of JSON a line.
    Jsonl,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let input = Input::open(&args.path, args.input_format)?;
    let (mut out, name): (Box<dyn Write>, String) = match &args.output {
        None => (Box::new(io::stdout().lock()), "standard output".to_owned()),
        Some(path) => {
            let file = File::create_new(path).with_context(|| format!("create {}", path.display()))?;
            (Box::new(file), path.display().to_string())
        }
    };
    let mut lines = BufWriter::new(&mut out);
    let mut written: io::Result<()> = Ok(());
    let mut sink = |_: u64, entry: Entry| {
        let line = match args.to {
            To::Edn => write_edn(&entry),
            To::Jsonl => write_jsonl(&entry),
        };
        // What can't be written is said once, after all has been read.
        if written.is_ok() {
            written = writeln!(lines, "{line}");
        }
        Ok(())
    };
    let torn = input.read_into(&mut sink)?;
    let torn = torn.map_err(|error| bad_input(&args.path, &error))?;
    match written.and_then(|()| lines.flush()) {
        // A reader that has gone away has had what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        result => result.with_context(|| format!("write {name}"))?,
    }
    if let Some(line) = torn {
        eprintln!("quorate: line {line} ends in the middle and was left out");
    }
    Ok(Exit::Valid)
}
