//! The bundled server as seen by its clients and its operator: a real process, real sockets.
//!
//! * `durability`: answered messages survive SIGKILL during traffic;
//! * `database`: the same service on MariaDB and PostgreSQL;
//! * `clients`: the socket protocol, as existing clients depend on it;
//! * `resume`: a client that reconnects receives exactly what it missed;
//! * `day`: a day of the deployed clients, simulated;
//! * `documents`: the documents for client authors;
//! * `groups`: groups, from HTTP to the sockets of their members;
//! * `http`: the HTTP API, as existing clients depend on it;
//! * `ports`: slow clients, and full ports;
//! * `operate`: the files for operators;
//! * `process`: starting, refusing to start, and stopping;
//! * `push`: pushes to phones that do not acknowledge;
//! * `routes`: every route with good input, bad input and the wrong caller;
//! * `tls`: sessions over TLS, and certificates that change;
//! * `proxy`: the tests of `clients` and `http` again, behind nginx.
//!
//! Not here: the web chat page in a browser (`tests/browser`), the gateway in isolation.

#![expect(clippy::cast_possible_truncation, reason = "numbers in tests are small")]

mod clients;
mod database;
mod day;
mod documents;
mod durability;
mod groups;
mod http;
mod operate;
mod ports;
mod process;
mod proxy;
mod proxy_protocol;
mod push;
mod resume;
mod routes;
mod tls;
