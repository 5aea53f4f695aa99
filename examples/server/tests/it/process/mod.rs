//! The server's process: starting, refusing to start, monitoring, hostile input, and stopping.

mod data;
mod hostile;
mod metrics;
mod ready;
mod reload;
mod returning;
mod start;
mod stop;
