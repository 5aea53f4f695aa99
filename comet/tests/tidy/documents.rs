//! What the documents say about the code.

use crate::check;
use crate::source::document;

/// The blocks of Rust in a document.
fn rust_blocks(text: &str) -> Vec<&str> {
    let starts = text.split("```rust\n").skip(1);
    starts.map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn the_embedding_that_the_readme_shows_is_an_example_that_compiles() {
    let Some(readme) = document("README.md") else { return };
    let example = document("examples/embed/main.rs").expect("the example that the README shows");
    let shown = rust_blocks(&readme);
    let broken = (!shown.contains(&example.as_str())).then(|| {
        format!("README.md has {} blocks of Rust, and none is examples/embed/main.rs", shown.len())
    });
    check("the README shows an example file", "Code that is not compiled stops compiling", broken);
}

#[test]
fn the_rust_version_in_the_documents_is_the_one_in_the_manifest() {
    let manifest = document("Cargo.toml").expect("a workspace");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    let version = version.expect("a minimum version").trim_matches('"');
    let broken = ["README.md", "CONTRIBUTING.md"].into_iter().filter_map(|name| {
        let text = document(name)?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let named = words.windows(2).filter(|pair| pair[0] == "Rust");
        let named = named.map(|pair| pair[1].trim_end_matches(['.', ',', ';', ':']));
        let wrong = named
            .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .find(|word| *word != version)?;
        Some(format!("{name} says Rust {wrong}, Cargo.toml {version}"))
    });
    check("one minimum version of Rust", "The wrong one costs a reader an hour", broken);
}
