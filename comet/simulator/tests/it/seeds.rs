//! Runs from seeds: the gateway keeps its contract, and a router with a defect does not.

use comet_simulator::{Mistake, Rule, run, run_lanes, run_letters, search};

#[test]
fn the_gateway_keeps_its_contract_in_every_world() {
    let broken = search(4_000, |seed| {
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
    let broken = search(1_000, |seed| {
        let violations = run_letters(seed, None).unwrap().violations;
        let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
        (!told.is_empty()).then(|| format!("seed {seed}: {}", told.join("\n")))
    });
    assert_eq!(broken, None);
}

#[test]
fn lanes_and_datagrams_change_nothing_of_the_contract() {
    let broken = search(1_500, |seed| {
        let violations = run_lanes(seed).unwrap().violations;
        let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
        (!told.is_empty()).then(|| format!("seed {seed}: {}", told.join("\n")))
    });
    assert_eq!(broken, None);
}

/// Looks for letters that are out of order, or missing.
fn finds(mistake: Mistake) {
    let found = search(500, |seed| {
        let run = run_letters(seed, Some(mistake)).expect("limits are right");
        run.violations.iter().any(|violation| violation.rule == Rule::Letters).then_some(seed)
    });
    assert!(found.is_some(), "{mistake:?} is seen in none of 500 worlds");
}

#[test]
fn a_router_that_does_not_begin_anew_at_a_second_gap_is_found() {
    finds(Mistake::StalePass);
}

#[test]
fn a_router_whose_new_letters_overtake_those_that_are_missing_is_found() {
    finds(Mistake::Overtaking);
}
