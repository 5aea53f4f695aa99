//! Replays the corpora of the fuzz targets, with every input also cut short and altered.

use std::{
    collections::BTreeSet,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use comet_protocol::fuzzing::TARGETS;

/// Inputs up to this length are tried with every prefix and every bit flipped, longer ones with
/// this many of each.
const TRIES: usize = 512;

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// The names in a directory, without what follows a dot.
fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).expect("a readable directory");
    let name = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    entries.filter_map(|entry| name(entry.expect("a readable entry").path())).collect()
}

#[test]
fn every_target_has_a_corpus_and_a_binary() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let binaries = names(&fuzz_dir().join("fuzz_targets"));
    let manifest = fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
    for target in &targets {
        assert!(binaries.contains(target), "fuzz_targets/{target}.rs is missing");
        assert!(manifest.contains(&format!("name = \"{target}\"")), "no [[bin]] for {target}");
        assert!(!names(&fuzz_dir().join("corpus").join(target)).is_empty(), "{target} is empty");
    }
}

#[test]
fn corpora_hold_whole_cut_and_altered() {
    for (name, run) in TARGETS {
        for entry in fs::read_dir(fuzz_dir().join("corpus").join(name)).unwrap() {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            // A target panics when it finds something.
            let replayed = catch_unwind(|| replay(*run, &input));
            assert!(replayed.is_ok(), "{} or a part of it fails", path.display());
        }
    }
}

fn replay(run: fn(&[u8]), input: &[u8]) {
    run(input);
    let step = input.len().div_ceil(TRIES).max(1);
    for end in (0..input.len()).step_by(step) {
        run(&input[..end]);
        let mut altered = input.to_vec();
        for bit in 0..8 {
            altered[end] = input[end] ^ (1 << bit);
            run(&altered);
        }
        altered.remove(end);
        run(&altered);
    }
}
