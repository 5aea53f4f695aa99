//! TLS: the ports that serve it, and certificates from files, from an authority and for
//! development.
//!
//! * `files`: certificates that change while sessions go on;
//! * `names`: several certificates, on TCP and QUIC alike;
//! * `port`: TLS beside plain connections on the port of the API, and the port for everything;
//! * `http2`: sessions on streams of HTTP/2;
//! * `rotation`: a hundred certificates under load;
//! * `acme`: certificates from an authority.
//!
//! Not here: TLS of the gateway's own sockets (`comet/tests/it/tls`).

mod acme;
mod certificate;
mod files;
mod http2;
mod line;
mod names;
mod port;
mod rotation;
