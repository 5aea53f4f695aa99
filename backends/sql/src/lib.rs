//! The one SQL layer of the backends: SQLite within the process, MySQL or MariaDB, PostgreSQL.
//!
//! A backend states its tables and statements once and does not know which database it runs on.
//! No type of a driver is in this interface.
//!
//! | part | owns |
//! |---|---|
//! | [`Location`], [`Settings`] | the URL, and how a session is set up |
//! | [`Pool`], [`Loan`] | connections: how many, how long one is waited for, when one returns |
//! | [`Transaction`], [`Retry`] | write transactions; when and how often one is repeated |
//! | [`Connection`] | one open connection, and the time limit of a statement on a server |
//! | [`sql()`], [`insert()`], [`ListedUpdate`] | statements and their values, see `dialect` |
//! | [`Row`], [`FromRow`], [`Column`] | answers |
//! | [`Part`] | migrations, and the refusal of a newer schema |
//! | [`snapshot()`], [`verify()`] | copies of SQLite files |
//! | [`Lease`], [`Fence`] | one writing process at a time |
//! | [`Error`] | failures, by what can be done about them |
//!
//! # Connections
//!
//! A connection returns to its pool only when its user says that all went well ([`Loan::done`],
//! [`Transaction::commit`]); otherwise it is closed, which rolls back. When one finds the server
//! gone, the idle ones are closed with it. Nothing waits longer than [`Settings::wait`]: a free
//! connection, a new one, and an answer of a server; a server that stays silent is not waited for
//! by everybody in turn. So a send to a database that is down is refused within 2 s, and the first
//! one after the database is back succeeds.
//!
//! # Text of statements
//!
//! The common subset of SQLite 3.40, MySQL 5.7, MariaDB 10.5 and PostgreSQL 12, with `?` as
//! placeholder and tokens such as `{lock}` or `{key:40}`: the head of `dialect` lists them. Neither
//! `ON CONFLICT` nor `RETURNING` nor their substitutes are written by a backend, see [`Insert`] and
//! [`ListedUpdate`].
//!
//! Keys are compared byte by byte: `TEXT` on SQLite, `VARBINARY` on MySQL, `TEXT COLLATE "C"` on
//! PostgreSQL. Neither case nor trailing blanks nor normal forms make two keys one. All integers
//! have 64 bits, booleans are 0 and 1. Text has no U+0000: PostgreSQL has none; bytes may have any.
//!
//! # Transactions
//!
//! On SQLite one writes at a time, from the first statement on. On servers isolation is
//! `READ COMMITTED`: rows that decide are read with `{lock}`. What may be repeated is repeated by
//! the caller with [`Retry`], from the beginning.
//!
//! Not here: tables and statements of a backend.

mod connection;
mod dialect;
mod error;
mod fence;
mod insert;
mod lease;
mod location;
mod pool;
mod retry;
mod row;
mod schema;
mod snapshot;
mod statement;
mod update;
mod value;

pub use connection::Connection;
pub use dialect::Dialect;
pub use error::{Cause, Error};
pub use fence::Fence;
pub use insert::{Insert, insert};
pub use lease::{Lease, LeaseError, LeaseTimes};
pub use location::{Location, LocationError, Settings, SqliteSettings};
pub use pool::{Loan, Pool, Transaction};
pub use retry::Retry;
pub use row::{Column, FromRow, Row};
pub use schema::{MigrateError, Migration, Part};
pub use snapshot::{snapshot, verify};
pub use statement::{Statement, sql};
pub use update::ListedUpdate;
pub use value::Value;
