//! Texts as markup, and bytes as texts.

use std::fmt::{Display, Write};

/// A text as HTML or XML, and as an attribute's value. What they have no place for is replaced.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

/// JSON that no element of a page can be closed by.
pub(super) fn json_in_page(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// A row of a table.
pub(super) fn row(cells: &[&dyn Display]) -> String {
    let mut out = "<tr>".to_owned();
    for cell in cells {
        let _ = write!(out, "<td>{}</td>", escaped(&cell.to_string()));
    }
    out + "</tr>\n"
}

/// A table that may be wider than its page: it scrolls by itself, by keyboard too.
pub(super) fn table(label: &str, headings: &[&str], rows: &str) -> String {
    let mut head = String::new();
    for heading in headings {
        let _ = write!(head, "<th scope=\"col\">{}</th>", escaped(heading));
    }
    format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\
         </tbody></table></div>\n",
        escaped(label)
    )
}

/// A command to copy.
pub(super) fn command(text: &str) -> String {
    format!("<pre class=\"command\"><code>{}</code></pre>\n", escaped(text))
}

/// Bytes in base 64.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| usize::from(three.get(at).copied().unwrap_or(0));
        let all = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[all >> (18 - 6 * place) & 63];
            out.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_as_its_standard_has_it() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn no_text_closes_what_it_is_in() {
        let nasty = "</script><!--'\"&\u{0}";
        assert_eq!(escaped(nasty), "&lt;/script&gt;&lt;!--&#39;&quot;&amp;\u{fffd}");
        let json = serde_json::to_string(nasty).expect("a text");
        let in_page = json_in_page(&json);
        assert!(!in_page.contains('<'), "{in_page}");
        let back: String = serde_json::from_str(&in_page).expect("it is JSON still");
        assert_eq!(back, nasty);
    }
}
