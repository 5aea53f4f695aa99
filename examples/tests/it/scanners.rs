//! Scanners of TLS by others, against the relay: `sslscan` and `testssl.sh`, which Debian has.
//!
//! `COMET_SCAN=full cargo test -p comet-examples --test it scanners`, or `scripts/conformance tls`,
//! has `testssl.sh` try everything that it can, on both listeners, in five minutes. The ordinary
//! run has what opens few connections, on one.

use std::process::Command;

use comet_testkit::ports::ANYWHERE;
use serde_json::Value;

use crate::secured::Secured;

/// What `testssl.sh` may find at LOW or above, and why that is not the relay's business.
const ACCEPTED: &[(&str, &str)] = &[
    ("cert_chain_of_trust", "the certificate of the test is its own authority"),
    ("cert_expirationStatus", "it is valid for 13 days, as browsers demand of such certificates"),
    ("cert_notAfter", "the same"),
    ("cert_revocation", "nobody revokes it: neither CRL nor OCSP"),
    ("OCSP_stapling", "the same"),
    ("DNS_CAArecord", "localhost has no CAA record"),
    ("HSTS", "there are no pages on these ports"),
    ("engine_problem", "of the OpenSSL that scans"),
    ("sessionresumption_ticket", "a warning: it may leave before the ticket of TLS 1.3 has come"),
    ("HTTP_status_code", "a warning: all but upgrades are answered 426"),
    ("overall_grade", "it follows from the others"),
];

fn relay() -> Secured {
    Secured::relay(&["--tls", ANYWHERE, "--wss", ANYWHERE])
}

/// The output of a scanner, which must be there.
fn scan(program: &str, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("timeout");
    command.args(["900", program]).args(arguments);
    let output = command.output().expect("timeout");
    let is_there = output.status.code() != Some(127);
    assert!(is_there, "install it, on Debian: apt-get install sslscan testssl.sh");
    output.stdout
}

#[test]
fn sslscan_finds_two_versions_strong_ciphers_and_nothing_of_the_past() {
    let relay = relay();
    for listener in ["tls", "wss"] {
        let at = relay.at(listener).to_string();
        let found = String::from_utf8(scan("sslscan", &["--no-colour", "--xml=-", &at])).unwrap();
        let attribute = |line: &str, name: &str| {
            let (_, value) = line.split_once(&format!(" {name}=\""))?;
            value.split_once('"').map(|(value, _)| value.to_owned())
        };
        let tags = |tag: &str| {
            let tag = format!("<{tag} ");
            found.lines().filter(move |line| line.trim_start().starts_with(&tag))
        };
        let enabled: Vec<_> = tags("protocol")
            .filter(|line| attribute(line, "enabled").as_deref() == Some("1"))
            .map(|line| ["type", "version"].map(|name| attribute(line, name).unwrap()).concat())
            .collect();
        assert_eq!(enabled, ["tls1.2", "tls1.3"], "{found}");
        let ciphers: Vec<_> = tags("cipher").collect();
        assert!(ciphers.len() >= 4, "{found}");
        for cipher in ciphers {
            // "acceptable" are keys of 128 bits.
            let strength = attribute(cipher, "strength").expect("a strength");
            assert!(["strong", "acceptable"].contains(&&*strength), "{cipher}");
        }
        for (tag, name) in [("renegotiation", "secure"), ("heartbleed", "vulnerable")] {
            assert!(tags(tag).next().is_some(), "no {tag} in {found}");
            for line in tags(tag) {
                // "secure" says that a renegotiation is possible, and is a secure one.
                assert_ne!(attribute(line, name).as_deref(), Some("1"), "{line}");
            }
        }
    }
}

#[test]
fn testssl_finds_nothing_of_low_or_above_but_what_is_accepted() {
    let relay = relay();
    let is_full = std::env::var("COMET_SCAN").is_ok_and(|value| value == "full");
    // Protocols, the server's certificate and picks, renegotiation, compression, tickets.
    let short = &["--protocols", "--server-defaults", "--renegotiation", "--compression"];
    let (checks, listeners): (&[&str], &[&str]) = match is_full {
        true => (&["--full"], &["tls", "wss"]),
        false => (short, &["wss"]),
    };
    for &listener in listeners {
        let file = relay.folder().join(format!("{listener}.json"));
        let file = file.to_str().expect("a path in UTF-8");
        let at = relay.at(listener).to_string();
        let common =
            ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--jsonfile", file];
        let said = scan("testssl", &[&common[..], checks, &[at.as_str()]].concat());
        let said = String::from_utf8_lossy(&said);
        let text = std::fs::read(file).unwrap_or_else(|error| panic!("{error}: {said}"));
        let found: Vec<Value> = serde_json::from_slice(&text).expect("JSON");
        assert!(found.len() > 20, "{said}");
        let bad = found.iter().filter(|finding| {
            let is_harmless =
                ["OK", "INFO", "DEBUG"].contains(&finding["severity"].as_str().unwrap());
            let id = finding["id"].as_str().unwrap();
            !is_harmless && !ACCEPTED.iter().any(|(accepted, _)| id.starts_with(accepted))
        });
        let bad: Vec<_> = bad.map(Value::to_string).collect();
        assert!(bad.is_empty(), "{listener}: {}", bad.join("\n"));
    }
}
