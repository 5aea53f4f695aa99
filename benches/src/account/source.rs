//! Sources of credentials.

use std::fmt;
use std::path::PathBuf;

/// Source of the credentials of a run's users.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Accounts {
    /// The demo's sign-in, at the HTTP port of a bundled server.
    Demo(String),
    /// A file.
    File(PathBuf),
    /// Keys generated for the run.
    Signed,
}

impl Accounts {
    /// The option that asks for them.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::File(_) => "token-file",
            Self::Signed => "sign",
        }
    }
}

/// The kind of source, for a report.
impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Demo(_) => "signed in at the demo",
            Self::File(_) => "from a file",
            Self::Signed => "with made-up keys",
        })
    }
}
