//! Several servers under the same loads: by turns, each run with a server of its own, and medians
//! with their spread at the end.
//!
//! A suite is a file: servers, which are commands to start or addresses of running servers, and
//! loads, which are options as scenario files have them. Each run is a process of this program, so
//! that none inherits memory or descriptors of another. Where there are two cores, the server has
//! one and the harness the other.
//!
//! Not here: the loads themselves (`scenario`), and comparisons ([`compare`](crate::compare)).

mod command;
mod drawings;
mod file;
mod forecast;
mod machine;
mod measure;
mod merge;
mod output;
mod overview;
mod process;
mod results;

pub use command::{Options, SuiteError, run, write_all};
pub use file::{FileError, Load, Overview, Role, Server, Suite};
pub use forecast::Forecast;
pub use measure::MeasureError;
pub use process::ServerError;
pub use results::{Cell, Measured, Results, Skipped};

#[cfg(test)]
mod tests;
