//! Bytes of a WebSocket connection after the handshake.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comet_protocol::fuzzing::ws_decode(data));
