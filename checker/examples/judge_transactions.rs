//! Judges a history of transactions that `transactions` wrote, and says how long each part took:
//! `cargo run --release --example judge_transactions -- FILE [MODEL] [--registers]`

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads the clock and prints; the library does neither"
)]

use std::{
    fs::File,
    io::{BufReader, Read},
    time::Instant,
};

use quorate_checker::{
    Context,
    formats::jsonl,
    isolation::{self, Block, Buffers, Data, Gather, Question},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (options, args): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let data = match options.iter().any(|option| option == "--registers") {
        true => Data::Registers,
        false => Data::Lists,
    };
    let mut args = args.into_iter();
    let path = args.next().ok_or("name a file")?;
    let model = args.next().unwrap_or_else(|| "strict-serializable".to_owned());
    let began = Instant::now();
    let mut reader = BufReader::new(File::open(path)?);
    let mut gather = Gather::new(data);
    let (mut buffers, mut unread, mut is_at_end) = (Buffers::default(), Vec::new(), false);
    while !is_at_end {
        let text = &mut buffers.text;
        text.clear();
        text.append(&mut unread);
        let wanted = jsonl::BLOCK_BYTES as u64;
        is_at_end = Read::by_ref(&mut reader).take(wanted).read_to_end(text)? as u64 != wanted;
        if !is_at_end && let Some(end) = jsonl::whole_lines(text) {
            unread.extend_from_slice(&text[end..]);
            text.truncate(end);
        }
        let block = Block::scan(buffers).map_err(|_| "the history is unusual")?;
        gather.take(&block).map_err(|_| "the history is unusual")?;
        buffers = block.into_buffers();
    }
    let txns = gather.finish();
    let read = began.elapsed();
    let report = isolation::check(&txns, &Question::of(model.parse()?), &Context::default());
    let all = began.elapsed();
    println!(
        "{} transactions: read in {:.3} s, judged in {:.3} s; {:?} {:?} {:?}",
        txns.count(),
        read.as_secs_f64(),
        (all - read).as_secs_f64(),
        report.holds(),
        report.forbidden(),
        report.unknown
    );
    Ok(())
}
