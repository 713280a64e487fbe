//! Feeds bytes to the reader of history-txt.
#![no_main]

use quorate_checker::formats::{Format, fuzzing};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzzing::read(Format::HistoryTxt, bytes);
});
