//! Fuzz targets: each function takes any bytes and panics only if the code is wrong.
//!
//! They live here so that the ordinary tests can replay the committed corpora without a fuzzer. To
//! add one: write the function, list it in [`TARGETS`], give it a file in `fuzz/fuzz_targets` and a
//! `[[bin]]` in `fuzz/Cargo.toml`, and put inputs into `fuzz/corpus/NAME`.

mod codec;
mod comet;
mod frames;
mod proxy;
mod ws;

pub use codec::codec;
pub use comet::comet;
pub use frames::{auth, frames};
pub use proxy::proxy;
pub use ws::{ws_decode, ws_deflate, ws_handshake, ws_response};

/// A target under the name of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("auth", auth),
    ("codec", codec),
    ("comet", comet),
    ("frames", frames),
    ("proxy", proxy),
    ("ws_decode", ws_decode),
    ("ws_deflate", ws_deflate),
    ("ws_handshake", ws_handshake),
    ("ws_response", ws_response),
];
