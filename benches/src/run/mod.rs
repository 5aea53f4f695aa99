//! The engine: carries out a plan with threads of sessions, and measures.
//!
//! A run has four phases, each timed by itself: sessions open (ramp), messages flow (warm-up), they
//! flow and are measured (measure), and outstanding deliveries arrive (settle). [`Threads`] are the
//! threads of a run, each with a driver and its part of the sessions; they follow orders and reply
//! with measurements. A [`Watch`] lets time pass, and samples the server and the threads meanwhile.
//!
//! Not here: the phases and the report of a scenario (`scenario`), the traffic (`plan`), and the
//! correctness of deliveries (`oracle`).

mod assembly;
mod churn;
mod complete;
mod error;
mod live;
mod measurement;
mod order;
mod partition;
mod pinning;
mod publishers;
mod roaming;
mod sender;
mod server;
mod session_opener;
mod stalls;
mod storm;
mod threads;
mod totals;
mod wakes;
mod watch;
mod worker;

pub use error::{LocationError, RunError};
pub use measurement::Measurement;
pub use order::{OpenPace, Pace};
pub use pinning::Pinning;
pub use roaming::Moves;
pub use server::Server;
pub use threads::{Status, Threads};
pub use totals::Totals;
pub use watch::{Timeline, WaitResult, Watch};
