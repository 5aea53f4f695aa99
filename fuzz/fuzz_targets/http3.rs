//! The bytes of a WebTransport client's streams, before they are those of its session.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comet_quic::fuzzing::http3(data));
