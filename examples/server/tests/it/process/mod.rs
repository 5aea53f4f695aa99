//! How the server starts, refuses to start, is watched, withstands strangers, and stops.

mod data;
mod hostile;
mod metrics;
mod ready;
mod reload;
mod returning;
mod start;
mod stop;
