//! Why something cannot be run as it was said.

use super::Kind;
use crate::dialect::Dialect;

/// What is wrong with the options of a run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A scenario file cannot be read; the text names the line.
    #[error("{0}")]
    File(#[from] toml::de::Error),
    /// A scenario file does not say what it is about.
    #[error("`scenario` is missing: idle, connect, echo, fan, chat, storm or tortoise")]
    NoScenario,
    /// The scenario has no use for it.
    #[error("`{key}` means nothing to {kind}")]
    Meaningless {
        /// The option.
        key: String,
        /// The scenario.
        kind: Kind,
    },
    /// A number is out of bounds.
    #[error("`{key}` must be from {least} to {most}")]
    OutOfBounds {
        /// The option.
        key: &'static str,
        /// The least it may be.
        least: f64,
        /// The most it may be.
        most: f64,
    },
    /// Two options contradict each other.
    #[error("`{key}` does not go with {with}")]
    Contradiction {
        /// The option.
        key: &'static str,
        /// What is said elsewhere.
        with: &'static str,
    },
    /// The dialect lacks what the scenario needs.
    #[error("{kind} needs {needs}, which {dialect} does not have")]
    Dialect {
        /// The scenario.
        kind: Kind,
        /// The dialect.
        dialect: Dialect,
        /// What it lacks.
        needs: &'static str,
    },
    /// A server with accounts has nothing that the scenario could use.
    #[error("{kind} cannot be run with `{key}`: it needs {needs}")]
    Accounts {
        /// The scenario.
        kind: Kind,
        /// The option that asks for accounts.
        key: &'static str,
        /// What there is none of.
        needs: &'static str,
    },
    /// The relay does not speak it.
    #[error("the relay does not speak {dialect} {by}: `addr` must name a server that does")]
    NotTheRelay {
        /// The dialect.
        dialect: Dialect,
        /// By which listener.
        by: &'static str,
    },
}
