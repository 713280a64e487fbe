//! Recognises a format by bytes, and reads them as it.
#![no_main]

use quorate_checker::formats::{Format, fuzzing};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(format) = Format::recognise(bytes) {
        fuzzing::read(format, bytes);
    }
});
