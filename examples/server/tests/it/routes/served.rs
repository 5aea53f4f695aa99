//! No route is served without being in the table: the sources name all of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{others, table};

#[test]
fn every_served_route_is_in_the_table() {
    let tried = table::all().map(|route| route.path).chain(others::ROUTES.iter().map(|it| it.0));
    let tried: BTreeSet<_> = tried.map(str::to_owned).collect();
    let served = served();
    assert!(served.len() > 40, "{served:?}");
    let missing: Vec<_> = served.difference(&tried).collect();
    assert!(missing.is_empty(), "served, and not in the table: {missing:?}");
    let gone: Vec<_> = tried.difference(&served).collect();
    assert!(gone.is_empty(), "in the table, and not served: {gone:?}");
}

/// Paths of all routes in the sources of the server and of the backends, without those of tests.
fn served() -> BTreeSet<String> {
    let server = Path::new(env!("CARGO_MANIFEST_DIR"));
    let backends = server.join("../../backends");
    let mut files = Vec::new();
    sources(&server.join("src"), &mut files);
    for backend in fs::read_dir(backends).expect("the backends") {
        sources(&backend.expect("a backend").path().join("src"), &mut files);
    }
    files.iter().flat_map(|file| routes(file)).collect()
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        match path.extension() {
            None => sources(&path, files),
            Some(extension) if extension == "rs" => files.push(path),
            Some(_) => {}
        }
    }
}

fn routes(file: &Path) -> Vec<String> {
    let source = fs::read_to_string(file).expect("a source");
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let literal = |rest: &str| {
        let literal = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
        literal
            .unwrap_or_else(|| panic!("a path that is no literal in {}", file.display()))
            .to_owned()
    };
    // What is nested somewhere is in the same file.
    let below = source.split(".nest(").nth(1).map(literal).unwrap_or_default();
    source.split(".route(").skip(1).map(|rest| below.clone() + &literal(rest)).collect()
}
