//! Packets with any frames, on a QUIC connection after its handshake.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comet_quic::fuzzing::quic(data));
