//! How a plan is carried out: threads of sessions, the phases of a run, and what is looked at
//! meanwhile.
//!
//! A run has four phases, each timed by itself: sessions open (ramp), messages flow (warm-up),
//! they flow and are measured (measure), and what is on its way arrives (settle). A [`Crew`] is
//! the threads, each with a driver and its share of the sessions; they are told what to do by
//! orders and tell what they found. A [`Watch`] lets time pass, and looks at the server and at
//! the crew while it does.
//!
//! Not here: which phases a scenario has and what it reports (`scenario`), what is sent when and
//! by whom (`plan`), and whether what arrives is right (`oracle`).

mod arrivals;
mod assembly;
mod comings;
mod complete;
mod crew;
mod deal;
mod desk;
mod ended;
mod error;
mod finding;
mod live;
mod order;
mod pinning;
mod place;
mod stalls;
mod storm;
mod talk;
mod wakes;
mod watch;
mod worker;

pub use crew::{Crew, Shown};
pub use ended::Ended;
pub use error::{PlaceError, RunError};
pub use finding::Finding;
pub use order::{Arrive, Talk};
pub use pinning::Pinning;
pub use place::Server;
pub use watch::{Outcome, Timeline, Watch};
