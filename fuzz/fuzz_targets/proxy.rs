//! The first bytes of a connection: a PROXY header, a protocol.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comet_protocol::fuzzing::proxy(data));
