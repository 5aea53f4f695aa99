//! Defects of other servers, each written into a copy of the sources, are found in the histories of
//! the gateway that is built from it.
//!
//! The copy is below the target folder (`tree`), with all mutations in it, each off until its name
//! is in an environment variable. It is built once, and run once for each defect.
//!
//! ```text
//! cargo test -p comet-simulator --test it -- defects
//! ```

mod mutations;
mod tree;

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use mutations::{SWITCH, VARIABLE};

/// A change of one place in one file.
struct Edit {
    /// From the workspace's root.
    file: &'static str,
    /// Text that is in the file exactly once.
    find: &'static str,
    /// Text that stands there instead.
    replace: &'static str,
}

/// A defect that was found in another server.
struct Defect {
    /// As the mutated code asks for it.
    name: &'static str,
    edits: &'static [Edit],
}

impl Defect {
    /// Asserts that the search finds a violation of a rule.
    #[track_caller]
    fn breaks(&self, rule: &str, worlds: &str, seeds: u32) {
        let found = search(Some(self.name), &[worlds, &seeds.to_string(), rule]);
        assert!(!found.is_empty(), "{} breaks {rule} in none of {seeds} {worlds}", self.name);
    }
}

/// The first violation that the mutated program finds, or nothing.
#[track_caller]
fn search(defect: Option<&str>, args: &[&str]) -> String {
    static PROGRAM: OnceLock<Result<tree::Program, String>> = OnceLock::new();
    let edits = || mutations::ALL.iter().flat_map(|defect| defect.edits).chain([&SWITCH]);
    let program = PROGRAM.get_or_init(|| tree::build(edits()));
    let program: &Path = program.as_deref().unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new(program);
    command.args(args).env_remove(VARIABLE).envs(defect.map(|name| (VARIABLE, name)));
    let output = command.output().expect("the program that was just built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn nothing_is_found_in_the_mutated_tree_while_no_defect_is_switched_on() {
    assert_eq!(search(None, &["worlds", "500"]), "");
    assert_eq!(search(None, &["letters", "200"]), "");
}

#[test]
fn a_number_that_a_dropped_delivery_took_is_found() {
    mutations::SEQ_HOLE.breaks("NoLoss", "worlds", 10_000);
}

#[test]
fn a_room_that_is_reordered_is_found() {
    mutations::ROOM_REORDER.breaks("Order", "worlds", 10_000);
}

#[test]
fn a_session_that_its_old_connection_took_away_is_found() {
    mutations::CLEANUP_RACE.breaks("Resume", "worlds", 10_000);
}

#[test]
fn what_a_takeover_loses_is_found() {
    mutations::TAKEOVER_LOSS.breaks("NoLoss", "worlds", 10_000);
}

#[test]
fn an_old_connection_that_counts_as_an_ack_is_found() {
    mutations::OVERLAP_ACK.breaks("NoLoss", "worlds", 10_000);
}

#[test]
fn a_talker_that_is_shed_instead_of_a_silent_reader_is_found() {
    mutations::WRONG_VICTIM.breaks("Fairness", "worlds", 10_000);
}

#[test]
fn what_is_pushed_again_after_newer_letters_is_found() {
    mutations::LATE_REPAIR.breaks("Letters", "letters", 500);
}
