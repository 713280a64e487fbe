//! Cycles as pictures: an SVG that needs nothing else, and that can be read without colours.
//!
//! A box a transaction, one below another, with what it did that matters; an arrow to the next with what it says, and from the last
//! back to the first.

use std::fmt::Write;

use super::{cycle::Link, graph::Kind, txns::Txns};

/// How many transactions are drawn at most; of a longer cycle its beginning, which is said.
const BOX_COUNT_MAX: usize = 40;

/// How many characters of what a transaction did are shown.
const LENGTH_MAX: usize = 110;

const BOX_HEIGHT: usize = 46;
const GAP: usize = 44;
const MARGIN: usize = 16;
/// How wide a character is, at the size of the font.
const CHARACTER: usize = 8;
/// Room for the arrow that leads back.
const BACK: usize = 120;

const STYLE: &str = "\
.qcy{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}\
.qcy text{fill:#1b1b1b}\
.qcy-page{fill:#fff}\
.qcy-box{fill:#f2f4f8;stroke:#1b1b1b;stroke-width:1.5}\
.qcy-arrow{stroke:#24589e;stroke-width:1.5;fill:none}\
.qcy-missed{stroke-dasharray:6 4}\
.qcy-order{stroke-dasharray:2 3}\
.qcy-head{fill:#24589e}\
@media(prefers-color-scheme:dark){.qcy text{fill:#ececec}.qcy-page{fill:#17181a}.qcy-box{fill:#23262b;stroke:#ececec}\
.qcy-arrow{stroke:#7db1f5}.qcy-head{fill:#7db1f5}}";

/// Draws a cycle.
pub(super) fn draw(txns: &Txns, cycle: &[Link]) -> String {
    let drawn = &cycle[..cycle.len().min(BOX_COUNT_MAX)];
    let texts: Vec<(String, String)> = drawn
        .iter()
        .map(|link| (txns.full_name(link.from), steps(txns, link.from)))
        .collect();
    let length = texts
        .iter()
        .flat_map(|(name, steps)| [name.chars().count(), steps.chars().count()])
        .max()
        .unwrap_or(0);
    let (left, right) = (MARGIN, MARGIN + CHARACTER * length + 2 * MARGIN);
    let (width, height) = (right + BACK, 2 * MARGIN + texts.len() * (BOX_HEIGHT + GAP));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"qcy\" role=\"img\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\"><title>{}</title><style>{STYLE}</style><rect class=\"qcy-page\" width=\"{width}\" height=\"{height}\"/>",
        escape(&title(txns, cycle))
    );
    for (number, (name, steps)) in texts.iter().enumerate() {
        let top = MARGIN + number * (BOX_HEIGHT + GAP);
        let box_width = right - left;
        write(
            &mut svg,
            format_args!(
                "<rect class=\"qcy-box\" x=\"{left}\" y=\"{top}\" width=\"{box_width}\" height=\"{BOX_HEIGHT}\" rx=\"6\"/>"
            ),
        );
        for (line, text) in [(19, name), (37, steps)] {
            write(
                &mut svg,
                format_args!(
                    "<text x=\"{}\" y=\"{}\">{}</text>",
                    left + MARGIN,
                    top + line,
                    escape(text)
                ),
            );
        }
    }
    for (number, link) in drawn.iter().enumerate() {
        if number + 1 < cycle.len() {
            down(
                &mut svg,
                left + 3 * MARGIN,
                MARGIN + number * (BOX_HEIGHT + GAP) + BOX_HEIGHT,
                link.kind,
            );
        }
    }
    match drawn.len() == cycle.len() {
        true => back(&mut svg, right, drawn.len(), drawn[drawn.len() - 1].kind),
        false => {
            let (y, more) = (height - MARGIN, cycle.len() - drawn.len());
            write(
                &mut svg,
                format_args!("<text x=\"{left}\" y=\"{y}\">and {more} more, back to the first</text>"),
            );
        }
    }
    svg + "</svg>"
}

fn title(txns: &Txns, cycle: &[Link]) -> String {
    let links = cycle
        .iter()
        .map(|link| format!("{} {} ", txns.name(link.from), link.kind.name()));
    format!("A cycle: {}{}", links.collect::<String>(), txns.name(cycle[0].from))
}

fn steps(txns: &Txns, txn: u32) -> String {
    let steps: Vec<String> = txns.steps(txn).iter().map(|step| txns.step_text(step)).collect();
    let text = steps.join(", ");
    match text.char_indices().nth(LENGTH_MAX) {
        None => text,
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// An arrow from the box that ends at `top` to the next.
fn down(svg: &mut String, x: usize, top: usize, kind: Kind) {
    let (class, end) = (class(kind), top + GAP);
    write(
        svg,
        format_args!("<path class=\"qcy-arrow{class}\" d=\"M{x} {top}V{}\"/>", end - 6),
    );
    write(
        svg,
        format_args!("<path class=\"qcy-head\" d=\"M{x} {end}l-5 -9h10z\"/>"),
    );
    write(
        svg,
        format_args!(
            "<text x=\"{}\" y=\"{}\">{}</text>",
            x + MARGIN,
            top + GAP / 2 + 4,
            label(kind)
        ),
    );
}

/// An arrow from the last of so many boxes to the first.
fn back(svg: &mut String, right: usize, count: usize, kind: Kind) {
    let (first, last) = (
        MARGIN + BOX_HEIGHT / 2,
        MARGIN + (count - 1) * (BOX_HEIGHT + GAP) + BOX_HEIGHT / 2,
    );
    let (class, out) = (class(kind), right + 28);
    write(
        svg,
        format_args!(
            "<path class=\"qcy-arrow{class}\" d=\"M{right} {last}H{out}V{first}H{}\"/>",
            right + 6
        ),
    );
    write(
        svg,
        format_args!("<path class=\"qcy-head\" d=\"M{right} {first}l9 -5v10z\"/>"),
    );
    write(
        svg,
        format_args!(
            "<text x=\"{}\" y=\"{}\">{}</text>",
            out + 6,
            (first + last) / 2 + 4,
            label(kind)
        ),
    );
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Rw => " qcy-missed",
        Kind::Process | Kind::Realtime | Kind::On => " qcy-order",
        Kind::Ww | Kind::Wr => "",
    }
}

fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Ww => "ww: wrote over",
        Kind::Wr => "wr: was read",
        Kind::Rw => "rw: missed",
        Kind::Process => "session",
        Kind::Realtime | Kind::On => "real time",
    }
}

fn escape(text: &str) -> String {
    let is_control = |character: char| character.is_control();
    let text = text.replace(is_control, " ");
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn write(svg: &mut String, text: std::fmt::Arguments<'_>) {
    svg.write_fmt(text).expect("a String takes all that is written to it");
}
