//! Errors of options.

use super::Kind;
use crate::dialect::Dialect;

/// Errors in the options of a run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A scenario file cannot be read; the text names the line.
    #[error("{0}")]
    File(#[from] toml::de::Error),
    /// A scenario file without a scenario.
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
        /// The other option.
        with: &'static str,
    },
    /// The dialect lacks a feature that the scenario needs.
    #[error("{kind} needs {needs}, which {dialect} does not have")]
    Dialect {
        /// The scenario.
        kind: Kind,
        /// The dialect.
        dialect: Dialect,
        /// The missing feature.
        needs: &'static str,
    },
    /// A server with accounts has nothing that the scenario could use.
    #[error("{kind} cannot be run with `{key}`: it needs {needs}")]
    Accounts {
        /// The scenario.
        kind: Kind,
        /// The option that asks for accounts.
        key: &'static str,
        /// The missing part.
        needs: &'static str,
    },
    /// The relay does not support the dialect.
    #[error("the relay does not speak {dialect} {by}: `addr` must name a server that does")]
    NotTheRelay {
        /// The dialect.
        dialect: Dialect,
        /// By which listener.
        by: &'static str,
    },
}
