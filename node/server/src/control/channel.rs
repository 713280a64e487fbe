//! Where orders come from and answers go: standard input and output.

use std::{
    io::{self, BufRead, Read, Write},
    sync::Arc,
};

use super::{
    Control,
    order::{Answer, Order},
};

/// The longest line: an order names every kind of message at most.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Obeys the orders on `input`, one a line, each answered by a line on `output`, until there are no more; then nothing is
/// broken any more.
pub(crate) fn serve(control: &Arc<Control>, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let served = serve_lines(control, &mut input, &mut output);
    control.heal();
    served
}

fn serve_lines(control: &Arc<Control>, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        let answer = match serde_json::from_slice::<Order>(&line) {
            Ok(order) => control.obey(&order),
            Err(error) => Answer {
                error: Some(format!("read an order: {error}")),
                counts: control.counts(),
                ..Answer::default()
            },
        };
        say(&answer, output)?;
    }
}

/// Writes an answer as a line.
pub(crate) fn say(answer: &Answer, output: &mut impl Write) -> io::Result<()> {
    let line = serde_json::to_string(answer).expect("an answer holds what JSON can");
    writeln!(output, "{line}")?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::{super::Writes, *};

    /// The end of whoever gives orders ends what was ordered.
    #[test]
    fn when_there_are_no_more_orders_nothing_is_broken_any_more() {
        let control = Control::new(Writes::InFile, 0);
        let order = |what: &str| format!(r#"{{"id":3,"lease_ms":60000,"what":{what}}}"#) + "\n";
        let orders = order(r#"{"clock":{"ahead_ns":1000}}"#) + &order(r#"{"disk":{"fails":["read"]}}"#);
        let mut answers = Vec::new();
        serve(&control, orders.as_bytes(), &mut answers).unwrap();
        let answers = String::from_utf8(answers).unwrap();
        assert_eq!(answers.matches(r#"{"order":3,"#).count(), 2, "{answers}");
        assert_eq!(control.skewed(5), 5);
        assert!(control.read_failure().is_none());
    }
}
