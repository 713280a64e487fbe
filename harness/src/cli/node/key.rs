//! A key, as it is typed.

use std::{ffi::OsString, os::unix::ffi::OsStrExt};

use quorate_core::{KEY_BYTES_MAX, Key, Kind};
use serde_json::{Value, json};

use crate::exit::ExitError;

/// Which key.
#[derive(Debug, clap::Args)]
pub(super) struct KeyArgs {
    /// The key's name
    #[arg(value_name = "KEY")]
    name: OsString,
    /// What is kept under it: register, siblings, set or counter. One name with two kinds is two keys
    #[arg(long, default_value = "register", value_parser = parse_kind)]
    kind: Kind,
}

impl KeyArgs {
    /// # Errors
    /// If no key can have the name.
    pub(super) fn key(&self) -> Result<Key, ExitError> {
        let key = Key::of(self.kind, self.name.as_bytes());
        if !key.is_valid() {
            let bytes = key.name.len();
            let message = format!("name a key: it has 1 to {KEY_BYTES_MAX} bytes, not {bytes}");
            return Err(ExitError::usage(message));
        }
        Ok(key)
    }
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    Kind::from_name(text).ok_or_else(|| format!("{text:?} is none of {}", Kind::ALL.map(Kind::name).join(", ")))
}

/// The key as a line says it.
pub(super) fn words(key: &Key) -> String {
    format!("{} ({})", quoted(&key.name), key.kind.name())
}

/// Bytes as people read them: in quotation marks, escaped where they are no text.
pub(super) fn quoted(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("\"{}\"", bytes.escape_ascii()),
    }
}

/// Bytes as programs read them: a string if they are UTF-8, else an object with their digits.
pub(super) fn json_bytes(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "hex": hex })
        }
    }
}
