//! Reading a history from its file.

use std::path::Path;

use quorate_checker::{Event, History, HistoryBuilder};

use crate::{exit::ExitError, run_folder::read_input};

/// Reads a history, one event a line. A torn last line, which a harness that died leaves, is passed over.
///
/// # Errors
/// The file, the line and why: exit code 65.
pub fn read(path: &Path) -> anyhow::Result<History> {
    let text = read_input(path)?;
    parse(&text).map_err(|why| ExitError::input(format!("read {}: {why}", path.display())).into())
}

fn parse(text: &str) -> Result<History, String> {
    let mut builder = HistoryBuilder::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let event = match Event::parse(line.trim_end()) {
            Ok(event) => event,
            Err(_) if !line.ends_with('\n') && number > 0 => break,
            Err(error) => return Err(format!("line {}: {error}", number + 1)),
        };
        builder
            .push(event)
            .map_err(|error| format!("line {}: {error}", number + 1))?;
    }
    Ok(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVOKE: &str = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"write","key":"k","value":1}"#;
    const OK: &str = r#"{"index":1,"time":2,"process":0,"type":"ok","f":"write","key":"k","value":1}"#;

    #[test]
    fn a_torn_last_line_is_passed_over_and_any_other_is_not() {
        let whole = format!("{INVOKE}\n{OK}\n");
        assert_eq!(parse(&whole).expect("whole").ops().len(), 1);
        let torn = format!("{INVOKE}\n{}", &OK[..30]);
        assert_eq!(parse(&torn).expect("torn at its end").ops().len(), 1);
        let broken = format!("{}\n{OK}\n", &INVOKE[..30]);
        assert!(parse(&broken).expect_err("broken").starts_with("line 1: "));
        let unpaired = format!("{OK}\n");
        assert!(parse(&unpaired).expect_err("unpaired").starts_with("line 1: "));
    }

    #[test]
    fn an_empty_file_is_an_empty_history() {
        assert!(parse("").expect("empty").ops().is_empty());
    }
}
