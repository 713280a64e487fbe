//! Feeds bytes to the decoder of frames, as a peer with a good certificate and bad intentions would.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quorate_node::fuzzing::decode(bytes);
});
