//! The hex in this crate's README is that of the golden frames.

use std::collections::BTreeMap;

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    hex: String,
}

fn vectors(json: &str) -> BTreeMap<String, String> {
    let vectors: Vec<Vector> = serde_json::from_str(json).expect("vectors as JSON");
    vectors.into_iter().map(|vector| (vector.name, vector.hex)).collect()
}

/// The frames of the README by name: below a name and its note stand lines of hex after a bar.
fn written_down() -> BTreeMap<String, String> {
    let (mut frames, mut name, mut inside) = (BTreeMap::new(), String::new(), false);
    for line in include_str!("../README.md").lines() {
        if line.starts_with("```") {
            inside = line == "```text";
        } else if let (true, Some(hex)) = (inside, line.strip_prefix("| ")) {
            let frame: &mut String = frames.entry(name.clone()).or_default();
            frame.extend(hex.chars().filter(|digit| *digit != ' '));
        } else if inside && !line.starts_with(' ') {
            line.split(':').next().unwrap_or_default().clone_into(&mut name);
        }
    }
    frames
}

#[test]
fn the_readme_shows_the_golden_frames() {
    let mut golden = vectors(include_str!("data/frames.json"));
    golden.extend(vectors(include_str!("data/comet.json")));
    let shown = written_down();
    for (name, hex) in &shown {
        assert_eq!(golden.get(name), Some(hex), "{name}");
    }
    for name in vectors(include_str!("data/comet.json")).keys() {
        assert!(shown.contains_key(name), "the README leaves out: {name}");
    }
}
