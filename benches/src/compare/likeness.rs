//! Comparability of two reports.
//!
//! An acknowledged delivery does more than one that is sent once, and a server with a core to
//! itself has more than one without: their figures stand side by side, but neither is better.

use crate::report::{DELIVERY, PINNING, Report};

/// Reasons why figures of the second report are neither better nor worse than those of the first.
pub(super) fn unlike(first: &Report, other: &Report) -> Vec<String> {
    let promises = [first, other].map(promise);
    let pinnings = [first, other].map(is_pinned);
    let mut reasons = Vec::new();
    if let [Some(a), Some(b)] = promises
        && a != b
    {
        reasons.push(format!(
            "deliveries are {} in {}, {} in {}",
            a,
            first.about.name(),
            b,
            other.about.name()
        ));
    }
    if let [Some(a), Some(b)] = pinnings
        && a != b
    {
        let words = |pinned| if pinned { "pinned to cores" } else { "not pinned" };
        let (a, b) = (words(a), words(b));
        reasons.push(format!(
            "the run is {a} in {}, {b} in {}",
            first.about.name(),
            other.about.name()
        ));
    }
    reasons
}

/// Whether deliveries are acknowledged; absent where the report does not have it.
fn promise(report: &Report) -> Option<&'static str> {
    match report.about.subject().get(DELIVERY)?.as_str() {
        "acked" => Some("acknowledged"),
        "best-effort" | "once, without an ack" => Some("sent once"),
        _ => None,
    }
}

/// Whether the server keeps to some cores; absent where the report does not have it.
fn is_pinned(report: &Report) -> Option<bool> {
    let text = report.about.subject().get(PINNING)?;
    let server = text.strip_prefix("server on ")?.split_once(", harness")?.0;
    (server != "unknown").then(|| server != "any core")
}
