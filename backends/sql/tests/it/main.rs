//! The same behaviour on SQLite, MariaDB and PostgreSQL.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic as the tests do")]

mod failing;
mod file;
mod keys;
mod lease;
mod schema;
mod statements;
mod support;
mod transactions;
