//! Frames of the comet dialect, from either side.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comet_protocol::fuzzing::comet(data));
