//! Feeds bytes to the reader of json.
#![no_main]

use quorate_checker::formats::{Format, fuzzing};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzzing::read(Format::Json, bytes);
});
