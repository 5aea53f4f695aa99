//! Bytes of a WebSocket connection with permessage-deflate, and a message to be compressed.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comet_protocol::fuzzing::ws_deflate(data));
