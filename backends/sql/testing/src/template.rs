//! Programs of the servers, and data directories for new ones.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::getuid;

use crate::Kind;

/// Data directory of a new server, made once on this machine and copied for each.
pub(crate) fn template(kind: Kind) -> PathBuf {
    let (name, program) = match kind {
        Kind::MariaDb => ("mariadb", program("mariadb-install-db", "mariadb-server")),
        Kind::Postgres => ("postgres", postgres("initdb")),
        Kind::Sqlite => unreachable!("SQLite has no server"),
    };
    let of_user = format!("comet-sql-templates-{}", getuid().as_raw());
    let all = env::temp_dir().join(of_user);
    fs::create_dir_all(&all).expect("a directory for templates");
    // The version is in the time of the program.
    let changed = fs::metadata(&program).and_then(|file| file.modified()).expect("a file");
    let changed = changed.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let template = all.join(format!("{name}-{changed}"));
    let lock = File::create(all.join(format!("{name}.lock"))).expect("a file");
    lock.lock().expect("a lock");
    if template.exists() {
        return template;
    }
    let half = all.join(format!("{name}.half"));
    let _none = fs::remove_dir_all(&half);
    let directory = half.display().to_string();
    let mut make = match kind {
        Kind::MariaDb => {
            let mut make = Command::new(program);
            make.args(["--no-defaults", "--skip-test-db", "--innodb-log-file-size=16M"]);
            make.arg("--auth-root-authentication-method=normal");
            make.arg(format!("--datadir={directory}"));
            if as_root() {
                make.arg("--user=root");
            }
            make
        }
        _ => {
            fs::create_dir(&half).expect("a directory");
            make_accessible(&all);
            make_accessible(&half);
            let words = unprivileged().into_iter().chain([program.display().to_string()]);
            let words: Vec<String> = words.collect();
            let mut make = Command::new(&words[0]);
            make.args(&words[1..]).args(["-D", &directory, "-A", "trust", "-U", "postgres"]);
            make.args(["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]);
            make
        }
    };
    succeed(&mut make);
    fs::rename(&half, &template).expect("the template");
    template
}

/// Prefix of commands of PostgreSQL, which refuses to run as root.
pub(crate) fn unprivileged() -> Vec<String> {
    if !as_root() {
        return Vec::new();
    }
    let words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"];
    words.map(str::to_owned).into()
}

/// Lets the user of the server read a directory.
pub(crate) fn make_accessible(dir: &Path) {
    if as_root() {
        succeed(Command::new("chmod").arg("755").arg(dir));
        if !dir.ends_with(format!("comet-sql-templates-{}", getuid().as_raw())) {
            succeed(Command::new("chown").arg("postgres").arg(dir));
        }
    }
}

pub(crate) fn as_root() -> bool {
    getuid().is_root()
}

pub(crate) fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// Program of a package, in the places for all users and for root.
pub(crate) fn program(name: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut found = dirs.map(|dir| dir.join(name)).filter(|program| program.exists());
    found.next().unwrap_or_else(|| panic!("no {name}: install the package {package}"))
}

/// Program of PostgreSQL, of the latest version there is.
pub(crate) fn postgres(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let latest = versions.map(|version| version.path()).max_by_key(number);
    match latest.map(|version| version.join("bin").join(name)) {
        Some(program) if program.exists() => program,
        _ => program(name, "postgresql"),
    }
}
