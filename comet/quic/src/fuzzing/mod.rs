//! Fuzz targets: each function takes any bytes and panics only if the code is wrong.
//!
//! They live here so that the ordinary tests can replay the committed corpora without a fuzzer. To
//! add one, see the same module of `comet-protocol`; it is listed in [`TARGETS`].

mod plain;
mod quic;

pub use crate::connection::http3::fuzzing::http3;
pub use quic::quic;

/// A target under the name of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[("http3", http3), ("quic", quic)];
