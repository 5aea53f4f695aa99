//! The head of an upgrade request.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comet_protocol::fuzzing::ws_handshake(data));
