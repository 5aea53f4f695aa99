//! The command line of `comet-bench`.
//!
//! ```text
//! cargo run --release -p comet-bench -- fan --sessions 1000 --rate 50 --duration 5s
//! ```

use std::process::ExitCode;

use comet_bench::command::Command;

fn main() -> ExitCode {
    Command::of_program().run()
}
