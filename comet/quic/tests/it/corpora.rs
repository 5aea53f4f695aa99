//! Replays the corpora of the fuzz targets, with every input also cut short and altered.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use comet_quic::fuzzing::TARGETS;

/// Places at which an input is cut and altered, one bit at each.
const TRIES: usize = 24;

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

#[test]
fn every_target_has_a_binary() {
    let manifest = fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
    for (target, _) in TARGETS {
        let binary = fuzz_dir().join("fuzz_targets").join(format!("{target}.rs"));
        assert!(binary.exists(), "fuzz_targets/{target}.rs is missing");
        assert!(manifest.contains(&format!("name = \"{target}\"")), "no [[bin]] for {target}");
    }
}

#[test]
fn corpora_hold_whole_cut_and_altered() {
    for (name, run) in TARGETS {
        let entries = fs::read_dir(fuzz_dir().join("corpus").join(name)).unwrap();
        let mut replayed = 0;
        for entry in entries {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            // A target panics when it finds something.
            let went = catch_unwind(|| replay(*run, &input));
            assert!(went.is_ok(), "{} or a part of it fails", path.display());
            replayed += 1;
        }
        assert!(replayed > 0, "{name} is empty");
    }
}

fn replay(run: fn(&[u8]), input: &[u8]) {
    run(input);
    let step = input.len().div_ceil(TRIES).max(1);
    for (number, end) in (0..input.len()).step_by(step).enumerate() {
        run(&input[..end]);
        let mut altered = input.to_vec();
        altered[end] ^= 1 << (number % 8);
        run(&altered);
        altered.remove(end);
        run(&altered);
    }
}
