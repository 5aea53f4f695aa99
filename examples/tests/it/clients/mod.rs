//! Clients of other authors against the relay. They come from their registries, once; one that
//! cannot be had is skipped, and said to be.
//!
//! The scripts of this file compress; those of `go` and `java` are cut, and come back.

mod chat;
mod go;
mod java;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use comet_testkit::client::Transport;

use crate::example::Example;

/// A script that needs a package.
struct Client {
    program: &'static str,
    /// Fetches the package into the folder in which this is run.
    install: &'static [&'static str],
    script: &'static str,
    /// Where the package can be read.
    installed: &'static str,
}

const NODE: Client = Client {
    program: "node",
    install: &[
        "npm",
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--prefix",
        ".",
        "ws@8.23.0",
    ],
    script: include_str!("ws.js"),
    installed: "node_modules/ws/package.json",
};

const PYTHON: Client = Client {
    program: "python3",
    install: &[
        "python3",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "--target",
        ".",
        "websockets==17.4",
    ],
    script: include_str!("websockets.py"),
    installed: "websockets/__init__.py",
};

impl Client {
    /// The folder with its package, fetched if need be.
    fn fetch(&self, name: &str) -> Result<PathBuf, String> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name);
        if folder.join(self.installed).exists() {
            return Ok(folder);
        }
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let [program, arguments @ ..] = self.install else { return Err("nothing to run".into()) };
        let mut install = Command::new("timeout");
        install.args(["120", program]).args(arguments).current_dir(&folder);
        let output = install.output();
        match output {
            Ok(output) if output.status.success() => Ok(folder),
            Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr))),
            Err(error) => Err(format!("{program}: {error}")),
        }
    }

    /// Runs the script against a relay with and without shards beside the first.
    fn run(&self, name: &str) {
        let folder = match self.fetch(name) {
            Ok(folder) => folder,
            Err(reason) => return skip(name, &reason),
        };
        for shards in ["1", "2"] {
            let relay = Example::relay(&["--dialect", "raw", "--deflate", "--shards", shards]);
            let url = format!("ws://{}", relay.address(Transport::WebSocket));
            let script = folder.join(format!("script-{shards}"));
            std::fs::write(&script, self.script).expect("written");
            // One that waits for ever must not hold up the tests.
            let mut command = Command::new("timeout");
            command
                .args(["120", self.program])
                .arg(&script)
                .arg(url)
                .current_dir(&folder)
                .env("PYTHONPATH", &folder);
            let output = command.output().expect("a program that has fetched its package");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "{errors}");
        }
    }
}

/// Says that a client is not tried, and why.
fn skip(name: &str, reason: &str) {
    // Past the test harness, which hides the output of tests that pass.
    let said = format!("{name} skipped: {}\n", reason.trim_end());
    std::io::stderr().write_all(said.as_bytes()).expect("stderr takes it");
}

#[test]
fn node_ws_sends_and_gets_compressed_messages() {
    NODE.run("ws");
}

#[test]
fn python_websockets_sends_and_gets_compressed_messages() {
    PYTHON.run("websockets");
}
