//! Text in a picture: whatever a history holds, made fit for XML, and how much room it takes.

/// The width of a character of the picture's font, in its units, a little generously: fonts differ.
const CHARACTER_WIDTH: f64 = 7.4;

/// Returns `text` cut to so many characters, the last of which then says so.
pub(super) fn cut(text: &str, length_max: usize) -> String {
    match text.char_indices().nth(length_max) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(length_max.saturating_sub(1)).collect();
            kept + "…"
        }
    }
}

/// Returns how wide `text` is drawn. Characters of scripts that are set wide are taken for two.
pub(super) fn width(text: &str) -> f64 {
    let units = text.chars().map(|it| {
        if it >= '\u{1100}' && !('\u{2000}'..'\u{2600}').contains(&it) {
            2.0
        } else {
            1.0
        }
    });
    units.sum::<f64>() * CHARACTER_WIDTH
}

/// Returns `text` as XML has it. What XML can't hold, and what turns the direction of all that follows, is replaced.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\r' | '\t' => escaped.push(' '),
            _ if character.is_control() || is_unfit(character) => escaped.push(char::REPLACEMENT_CHARACTER),
            _ => escaped.push(character),
        }
    }
    escaped
}

fn is_unfit(character: char) -> bool {
    matches!(
        character,
        '\u{fffe}' | '\u{ffff}'
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}
