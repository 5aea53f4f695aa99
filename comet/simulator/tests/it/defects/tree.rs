//! A copy of the workspace below the target folder, with changes in it, and the program built from
//! it. Files that stay as they were are not written again, so that a second build is incremental.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Edit;

/// The program that was built.
pub(super) type Program = PathBuf;

/// The example of this crate that is built.
const EXAMPLE: &str = "search";

/// Files by their paths from the workspace's root.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Builds the program with all edits. The error is for people to read.
pub(super) fn build<'a>(edits: impl Iterator<Item = &'a Edit>) -> Result<Program, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("defects");
    let (tree, target) = (folder.join("tree"), folder.join("target"));
    let told = |error: io::Error| format!("cannot copy the workspace: {error}");
    fs::create_dir_all(&tree).map_err(told)?;
    // Another run of the same test may be at it.
    let lock = File::create(folder.join("lock")).map_err(told)?;
    lock.lock().map_err(told)?;
    let mut files = read_workspace().map_err(told)?;
    for edit in edits {
        let text = files.get_mut(Path::new(edit.file)).ok_or(format!("no file {}", edit.file))?;
        *text = apply(edit, &String::from_utf8_lossy(text))?.into_bytes();
    }
    write(&tree, &files).map_err(told)?;
    compile(&tree, &target)?;
    let name = format!("{EXAMPLE}{}", std::env::consts::EXE_SUFFIX);
    Ok(target.join("debug/examples").join(name))
}

/// The text with the edit made.
fn apply(edit: &Edit, text: &str) -> Result<String, String> {
    let Edit { file, find, replace } = edit;
    match text.matches(find).count() {
        1 => Ok(text.replacen(find, replace, 1)),
        count => Err(format!(
            "a mutation of {file} no longer fits: its search text is there {count} times instead \
             of once; change it in comet/simulator/tests/it/defects/mutations.rs:\n{find}"
        )),
    }
}

/// Manifests, the lock file, and the folders of all members: a part of them would not fit the lock
/// file.
fn read_workspace() -> io::Result<Files> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = crate_folder.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    let root = root.ok_or(io::ErrorKind::NotFound)?;
    let mut files = Files::new();
    for name in ["Cargo.toml", "Cargo.lock"] {
        files.insert(name.into(), fs::read(root.join(name))?);
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let members = manifest.lines().skip_while(|line| !line.starts_with("members")).skip(1);
    let members = members.take_while(|line| !line.starts_with(']'));
    let folders: BTreeSet<&str> =
        members.filter_map(|line| line.split('"').nth(1)?.split('/').next()).collect();
    for folder in folders {
        read_folder(root, &root.join(folder), &mut files)?;
    }
    Ok(files)
}

fn read_folder(root: &Path, folder: &Path, files: &mut Files) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "target" || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            read_folder(root, &path, files)?;
        } else {
            let from_root = path.strip_prefix(root).map_err(io::Error::other)?;
            files.insert(from_root.to_path_buf(), fs::read(&path)?);
        }
    }
    Ok(())
}

/// Makes the tree hold these files and no others.
fn write(tree: &Path, files: &Files) -> io::Result<()> {
    let mut old = Files::new();
    read_folder(tree, tree, &mut old)?;
    for path in old.keys().filter(|path| !files.contains_key(*path)) {
        fs::remove_file(tree.join(path))?;
    }
    for (path, bytes) in files.iter().filter(|(path, bytes)| old.get(*path) != Some(bytes)) {
        let path = tree.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// Everything is there that it takes: this test was built of the same packages.
fn compile(tree: &Path, target: &Path) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--offline", "--locked", "--quiet", "-p", "comet-simulator"])
        .args(["--example", EXAMPLE, "--target-dir"])
        .arg(target)
        .current_dir(tree)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("CARGO_BUILD_TARGET");
    let output = command.output().map_err(|error| format!("cannot run cargo: {error}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let built = output.status.success().then_some(());
    built.ok_or_else(|| format!("the mutated tree does not build:\n{stderr}"))
}

#[test]
fn an_edit_fits_once_or_says_that_it_does_not() {
    let edit = Edit { file: "a.rs", find: "b;", replace: "c;" };
    assert_eq!(apply(&edit, "a; b; d;"), Ok("a; c; d;".into()));
    for (text, count) in [("a; d;", "0 times"), ("b; b;", "2 times")] {
        let error = apply(&edit, text).unwrap_err();
        assert!(error.contains("a.rs") && error.contains(count), "{error}");
    }
}
