//! TLS on the gateway's own sockets. What holds on every socket is tested over TLS, too: see
//! `support::place`.

mod certificates;
mod ends;
mod hostile;
mod one_port;
mod resuming;
mod traffic;
