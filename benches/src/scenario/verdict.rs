//! Results of the engine as figures and violations of a report.

use crate::oracle::{Faults, Verdict};
use crate::report::{About, Findings, Violation};
use crate::run::{Timeline, Totals};

/// Adds the phases and samples of a run.
pub(super) fn add_timeline(timeline: Timeline, about: &mut About, findings: &mut Findings) {
    timeline.windows.into_iter().for_each(|window| findings.window(window));
    timeline.samples.into_iter().for_each(|sample| findings.sample(sample));
    if timeline.is_interrupted {
        about.set_interrupted();
    }
}

/// Adds the counts and faults of all threads.
pub(super) fn add_ended(ended: &Totals, findings: &mut Findings) {
    findings.count("messages sent", ended.sent);
    add_verdict(&ended.verdict, findings);
    for (name, count) in [
        ("sessions resumed", ended.counts.resumed),
        ("sessions that left and returned", ended.left),
        ("connections broken", ended.broken),
        ("deliveries that waited for the stalled", ended.waiting),
        ("deliveries that the stalled never got", ended.verdict.forgone),
        ("connections of the stalled that ended", ended.counts.expelled),
        ("connections that failed", ended.tally.failed_dials),
    ] {
        if count > 0 {
            findings.count(name, count);
        }
    }
    if ended.outstanding > 0 {
        let missing = ended.outstanding;
        findings.violation(format!("{missing} deliveries had not come when the wait was over"));
    }
    if ended.unanswered > 0 {
        findings.violation(format!("{} messages were not answered", ended.unanswered));
    }
}

fn add_verdict(verdict: &Verdict, findings: &mut Findings) {
    findings.count("deliveries expected", verdict.expected);
    findings.count("deliveries received", verdict.received);
    findings.count("gaps", verdict.gaps);
    findings.count("deliveries that gaps told of", verdict.told);
    add_faults(&verdict.faults, findings);
}

/// Adds broken promises.
pub(super) fn add_faults(faults: &Faults, findings: &mut Findings) {
    for (kind, count) in faults.counts() {
        let of_kind = faults.first().iter().filter(|fault| fault.kind == *kind);
        let evidence =
            of_kind.map(|fault| format!("session {}: {}", fault.session, fault.evidence));
        findings.violation(Violation {
            what: format!("{count} x {kind}"),
            evidence: evidence.collect(),
        });
    }
}
