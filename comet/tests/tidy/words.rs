//! What does not stand in the code.

use crate::check;
use crate::source::{Source, all, places};

/// Assembled here, so that this file does not break its own rule.
fn note(parts: [&str; 2]) -> String {
    parts.concat()
}

#[test]
fn nothing_is_left_for_later() {
    let notes = [["FIX", "ME"], ["X", "XX"], ["TO", "DO"], ["HA", "CK"]].map(note);
    let broken = all().into_iter().flat_map(|source| {
        let found = notes.iter().flat_map(|note| {
            let path = &source.path;
            places(&source.text, note).map(move |line| format!("{path}:{line}: {note}"))
        });
        found.collect::<Vec<_>>()
    });
    check("no notes to oneself", "What is not done is an issue, or is not to be done", broken);
}

#[test]
fn nothing_is_printed_on_the_way() {
    let what = note(["dbg", "!("]);
    let broken = all().into_iter().flat_map(|source| source.places(&what));
    check("no debug prints", "They were for the author, on that day", broken);
}

/// Queues whose bound stands beside them.
const BOUNDED: [(&str, &str); 1] = [(
    "backends/store/src/store.rs",
    "a permit goes with each message, request and ack; the rest comes once per connection",
)];

#[test]
fn every_queue_has_a_bound() {
    let kinds = ["unbounded(", "unbounded_channel(", "mpsc::channel()"];
    let sources = all().into_iter().filter(|source| {
        source.is_shipped() && !BOUNDED.iter().any(|(path, _)| *path == source.path)
    });
    let broken = sources
        .flat_map(|source| kinds.iter().flat_map(|kind| source.places(kind)).collect::<Vec<_>>());
    let reason = "What a peer or a slow part can fill without limit takes the memory of all; \
                  decide what becomes of one more";
    check("no unbounded channel", reason, broken);
}

#[test]
fn errors_are_data() {
    let kinds = ["Box<dyn Error", "Box<dyn std::error::Error", "anyhow"];
    let broken = all()
        .into_iter()
        .filter(|source| source.is_shipped())
        .flat_map(|source| kinds.iter().flat_map(|kind| source.places(kind)).collect::<Vec<_>>());
    let reason = "Who gets an error must be able to tell its kinds apart: one enum per operation";
    check("no boxed errors", reason, broken);
}

#[test]
fn state_belongs_to_somebody() {
    let kinds = ["Arc<Mutex<", "Arc<RwLock<", "RefCell<"];
    // A room's log is of the room and of its slow members, on one thread.
    let is_log = |source: &Source| source.path == "comet/src/delivery/log.rs";
    let broken = all()
        .into_iter()
        .filter(|source| source.is_shipped() && source.path.starts_with("comet/src/"))
        .filter(|source| !is_log(source))
        .flat_map(|source| kinds.iter().flat_map(|kind| source.places(kind)).collect::<Vec<_>>());
    let reason = "A session lives on one shard, and others send to it; a lock that many share is \
                  waited for by all of them";
    check("no shared locks around the gateway's state", reason, broken);
}

#[test]
fn lints_are_silenced_with_a_reason_and_only_where_they_speak() {
    let kinds = ["#[allow(", "#![allow("];
    let broken = all()
        .into_iter()
        .flat_map(|source| kinds.iter().flat_map(|kind| source.places(kind)).collect::<Vec<_>>());
    let reason = "`#[expect(..., reason = \"...\")]` says why, and goes when it is needed no more";
    check("no `allow`", reason, broken);
}

#[test]
fn modules_are_named_for_what_they_hold() {
    let banned = ["util", "utils", "common", "helper", "helpers", "manager", "misc"];
    let sources = all().into_iter().map(|source| source.path);
    let broken = sources
        .filter(|path| path.split('/').any(|part| banned.contains(&part.trim_end_matches(".rs"))));
    let reason = "Anything could be in a module of that name, and before long everything is";
    check("no module without a subject", reason, broken);
}
