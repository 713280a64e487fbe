//! Recognising a format by the beginning of a file.
//!
//! The first line that is not blank or a comment decides, and of it no more than has to be right for the format's own reader to say
//! what is wrong with the rest.

use serde::{Deserialize, de::IgnoredAny};

use super::{columns, format::Format, reader::BYTE_ORDER_MARK};
use crate::datum::{Datum, Forms};

/// A file's beginning is that of no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecognised {
    /// It is packed.
    #[error("it is packed with {0}: unpack it first")]
    Packed(&'static str),
    /// It is a text in another encoding.
    #[error("it is UTF-16: save it as UTF-8")]
    Utf16,
    /// It is no text.
    #[error("it is binary, which no history is")]
    Binary,
    /// It is HTML or XML.
    #[error("it is HTML or XML: was the page saved instead of the file?")]
    Markup,
    /// It is a text, but no history.
    #[error("line {line} begins no history of any format ({formats}): {text:?}", formats = Format::ALL.map(Format::name).join(", "))]
    Unknown {
        /// The line, from 1.
        line: u64,
        /// The beginning of that line.
        text: String,
    },
}

impl Format {
    /// How many bytes of a file's beginning are surely enough to recognise it by, unless it begins with a very long comment or op.
    pub const RECOGNISED_BY_BYTES: usize = 1 << 16;

    /// Recognises a format by the first bytes of a file. One that is empty or holds only comments is an empty history: of
    /// [`Self::Edn`], as good as any.
    ///
    /// # Errors
    /// It is no history of a format that is read here.
    pub fn recognise(first: &[u8]) -> Result<Self, Unrecognised> {
        let first = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(first);
        if let Some(packer) = packer(first) {
            return Err(Unrecognised::Packed(packer));
        }
        if first.starts_with(b"\xff\xfe") || first.starts_with(b"\xfe\xff") {
            return Err(Unrecognised::Utf16);
        }
        let (line, text) = first_text(first);
        let format = match text {
            [] => Some(Self::Edn),
            [b'<', ..] => return Err(Unrecognised::Markup),
            [b'{', ..] => Some(of_object(text)),
            [b'[', rest @ ..] => of_array(rest),
            [b'(', ..] | [b'#', b'a'..=b'z' | b'A'..=b'Z', ..] => Some(Self::Edn),
            _ => of_line(text.split(|byte| *byte == b'\n').next().unwrap_or_default()),
        };
        match format {
            Some(format) => Ok(format),
            None if is_binary(first) => Err(Unrecognised::Binary),
            None => {
                let text = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let text = String::from_utf8_lossy(&text[..text.len().min(60)]);
                Err(Unrecognised::Unknown {
                    line,
                    text: text.trim_end().to_owned(),
                })
            }
        }
    }
}

/// Returns what has packed the file, if that is told by its first bytes.
fn packer(first: &[u8]) -> Option<&'static str> {
    const MARKS: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"BZh", "bzip2"),
    ];
    MARKS
        .into_iter()
        .find(|(mark, _)| first.starts_with(mark))
        .map(|(_, name)| name)
}

fn is_binary(first: &[u8]) -> bool {
    let is_cut_character = |error: &std::str::Utf8Error| error.error_len().is_none();
    first.contains(&0) || std::str::from_utf8(first).is_err_and(|error| !is_cut_character(&error))
}

/// Passes over white space and comments; returns the line that is left.
fn first_text(first: &[u8]) -> (u64, &[u8]) {
    let mut forms = Forms::new(first);
    match forms.next_byte() {
        Ok(_) => (forms.line(), &first[forms.at()..]),
        Err(_) => (forms.line(), first),
    }
}

/// Tells what begins with a `{`: an object of JSON or a map of EDN, and of what.
fn of_object(text: &[u8]) -> Format {
    #[derive(Deserialize)]
    struct Message {
        #[serde(rename = "src")]
        _src: IgnoredAny,
        #[serde(rename = "dest")]
        _dest: IgnoredAny,
        #[serde(rename = "body")]
        _body: IgnoredAny,
    }

    if !text[1..].trim_ascii_start().starts_with(b"\"") {
        return of_map(text);
    }
    let mut messages = serde_json::Deserializer::from_slice(text).into_iter::<Message>();
    match messages.next() {
        Some(Ok(_)) => Format::Maelstrom,
        _ => Format::Jsonl,
    }
}

/// Tells what begins with a map of EDN.
fn of_map(text: &[u8]) -> Format {
    const FUNCTIONS: [&str; 3] = ["get", "put", "append"];
    let first = Forms::new(text).next_form().ok().flatten().unwrap_or_default();
    let function = first.at("f").and_then(Datum::as_name);
    let is_of_keys = first.at("key").is_some_and(|key| !key.is_nil());
    if is_of_keys && function.is_some_and(|function| FUNCTIONS.contains(&function)) {
        Format::KvLog
    } else {
        Format::Edn
    }
}

/// Tells what begins with a `[`, by what follows it.
fn of_array(rest: &[u8]) -> Option<Format> {
    let (_, first) = first_text(rest);
    match first {
        [b'{', object @ ..] if object.trim_ascii_start().starts_with(b"\"") => Some(Format::Json),
        [] | [b'{' | b'#' | b']', ..] => Some(Format::Edn),
        _ => None,
    }
}

/// Tells what has lines like this one.
fn of_line(line: &[u8]) -> Option<Format> {
    const KINDS: [&[u8]; 4] = [b":invoke", b":ok", b":fail", b":info"];
    let line = line.trim_ascii();
    let words = || line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let has = |word: &[u8]| line.windows(word.len()).any(|it| it == word);
    let is_rule = |of: u8| line.len() >= 3 && line.iter().all(|byte| *byte == of);
    if words().nth(1).is_some_and(|kind| KINDS.contains(&kind)) {
        Some(Format::HistoryTxt)
    } else if has(b"jepsen") && columns::behind_prefix(line).is_ok() {
        Some(Format::EtcdLog)
    } else if matches!(line, [b'r' | b'w', b'(', ..]) {
        Some(Format::Plume)
    } else if is_rule(b'-')
        || is_rule(b'=')
        || (matches!(line, [b'r' | b'w', b' ' | b'\t', ..]) && words().count() == 3)
    {
        Some(Format::Awdit)
    } else {
        None
    }
}
