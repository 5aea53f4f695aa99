//! The command line of `comet-bench`.

fn main() {}
