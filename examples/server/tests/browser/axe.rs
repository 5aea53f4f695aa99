//! axe-core, which judges the page as a screen reader and other aids find it.
//!
//! It comes from npm, once; a machine without npm, or that cannot reach its registry, skips it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::page::Page;

const PACKAGE: &str = "axe-core@4.14.1";
const ARCHIVE: &str = "axe-core-4.14.1.tgz";
const SHA256: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";

/// Asks for everything that axe calls serious or critical.
const RUN: &str = "
    const done = arguments[0];
    const found = ({ violations }) => violations
        .filter(({ impact }) => ['serious', 'critical'].includes(impact))
        .map(({ id, nodes }) => ({ id, at: nodes.map(({ html, failureSummary }) =>
            `${html}: ${failureSummary}`) }));
    axe.run(document).then(found).then(done);";

/// A rule that the page breaks, and where.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "shown")]
struct Violation {
    id: String,
    at: Vec<String>,
}

/// The script of axe.
#[derive(Debug)]
pub(crate) struct Axe(String);

impl Axe {
    /// The script, fetched if need be; `None` if it cannot be had.
    pub(crate) async fn fetch() -> Option<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe");
        if let Some(script) = read(&folder) {
            return Some(Self(script));
        }
        match download(&folder).await {
            Ok(()) => Some(Self(read(&folder).expect("the published script"))),
            Err(reason) => {
                // Past the test harness, which hides the output of tests that pass.
                let said = format!("axe skipped, accessibility is not checked: {reason}\n");
                std::io::stderr().write_all(said.as_bytes()).expect("stderr takes it");
                None
            }
        }
    }

    /// Asserts that nothing serious is found on the page as it is now.
    pub(crate) async fn check(&self, page: &Page, state: &str) {
        page.script::<()>(&self.0).await;
        let found = page.async_script(RUN).await;
        let found: Vec<Violation> = serde_json::from_value(found).expect("violations");
        assert!(found.is_empty(), "{state}: {found:#?}");
    }
}

fn read(folder: &Path) -> Option<String> {
    let script = std::fs::read_to_string(file_in(folder)).ok()?;
    let digest = Sha256::digest(&script);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    (hex == SHA256).then_some(script)
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("package/axe.min.js")
}

async fn download(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    run(folder, "npm", &["pack", "--silent", PACKAGE]).await?;
    run(folder, "tar", &["-xzf", ARCHIVE, "package/axe.min.js"]).await
}

async fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().await;
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
