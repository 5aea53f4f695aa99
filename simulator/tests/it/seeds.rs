//! Runs from seeds: the gateway keeps its contract, and one with a defect does not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::Mutex;

use comet_simulator::{Mistake, Plant, Rule, run, run_letters, run_planted};

/// Calls for each seed, on all cores, until a call returns something.
fn first<T: Send>(seeds: u64, call: impl Fn(u64) -> Option<T> + Sync) -> Option<T> {
    let (next, found) = (AtomicU64::new(0), Mutex::new(None));
    let work = || {
        while found.lock().is_none() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            if let Some(what) = call(seed) {
                *found.lock() = Some(what);
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    found.into_inner()
}

#[test]
fn the_gateway_keeps_its_contract_in_every_world() {
    let broken = first(4_000, |seed| {
        let violations = run(seed).unwrap().violations;
        let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
        (!told.is_empty()).then(|| format!("seed {seed}: {}", told.join("\n")))
    });
    assert_eq!(broken, None);
}

#[test]
fn one_seed_gives_one_history() {
    for seed in 0..20 {
        assert_eq!(run(seed).unwrap().history, run(seed).unwrap().history, "seed {seed}");
    }
    assert_ne!(run(1).unwrap().history, run(2).unwrap().history);
}

#[test]
fn letters_come_in_order_whatever_is_given_up_and_pushed_again() {
    let broken = first(1_000, |seed| {
        let violations = run_letters(seed, None, None).unwrap().violations;
        let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
        (!told.is_empty()).then(|| format!("seed {seed}: {}", told.join("\n")))
    });
    assert_eq!(broken, None);
}

/// Looks for letters that are out of order, or missing.
fn finds_letters(plant: Option<Plant>, mistake: Option<Mistake>) {
    let found = first(500, |seed| {
        let run = run_letters(seed, plant, mistake).expect("limits are right");
        run.violations.iter().any(|violation| violation.rule == Rule::Letters).then_some(seed)
    });
    assert!(found.is_some(), "{plant:?} and {mistake:?} are seen in none of 500 worlds");
}

#[test]
fn what_is_pushed_again_after_newer_letters_is_found() {
    finds_letters(Some(Plant::LateRepair), None);
}

#[test]
fn a_router_that_does_not_begin_anew_at_a_second_gap_is_found() {
    finds_letters(None, Some(Mistake::StalePass));
}

#[test]
fn a_router_whose_new_letters_overtake_those_that_are_missing_is_found() {
    finds_letters(None, Some(Mistake::Overtaking));
}

fn finds(plant: Plant, rule: Rule) {
    let found = first(10_000, |seed| {
        let violations = run_planted(seed, Some(plant)).expect("limits are right").violations;
        violations.iter().any(|violation| violation.rule == rule).then_some(seed)
    });
    assert!(found.is_some(), "{plant:?} breaks {rule:?} in none of 10,000 worlds");
}

#[test]
fn a_number_that_a_dropped_delivery_took_is_found() {
    finds(Plant::SeqHole, Rule::NoLoss);
}

#[test]
fn a_room_that_is_reordered_is_found() {
    finds(Plant::RoomReorder, Rule::Order);
}

#[test]
fn a_session_that_its_old_connection_took_away_is_found() {
    finds(Plant::CleanupRace, Rule::Resume);
}

#[test]
fn what_a_takeover_loses_is_found() {
    finds(Plant::TakeoverLoss, Rule::NoLoss);
}

#[test]
fn a_talker_that_is_shed_instead_of_who_reads_nothing_is_found() {
    finds(Plant::WrongVictim, Rule::Fairness);
}

#[test]
fn an_old_connection_that_counts_as_an_ack_is_found() {
    finds(Plant::OverlapAck, Rule::NoLoss);
}
