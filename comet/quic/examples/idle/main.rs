//! Idle connections by the thousand, to measure what one costs a server.
//!
//! ```text
//! idle hold ADDR CERT COUNT     opens COUNT sessions on ADDR, says so, and holds them
//! idle bare ADDR CERT KEY       a server without a gateway: quinn-proto in a loop, as a floor
//! ```
//!
//! The server of a gateway is `relay --quic ADDR --cert CERT --key KEY`. The certificate is for the
//! name `localhost`. `scripts/quic-memory` runs all of it and prints the difference.

mod bare;
mod endpoint;
mod hold;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["hold", address, certificate, count] => hold::run(address, certificate, count),
        ["bare", address, certificate, key] => bare::run(address, certificate, key),
        _ => {
            say("usage: idle hold ADDR CERT COUNT | idle bare ADDR CERT KEY");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stdout, reason = "the lines are this program's interface")]
fn say(line: &str) {
    println!("{line}");
}
