//! Codecs of all dialects.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comet_protocol::fuzzing::codec(data));
