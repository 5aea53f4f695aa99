//! Client side of each kind of server, without IO.
//!
//! A [`Dialect`] is one way to join rooms, to publish and to receive. Each has a file of its own
//! with the client's codec: bytes in, [`Event`]s and bytes out, packets read in place. `Client`
//! adds the common parts: connecting, timeouts, heartbeats.
//!
//! Not here: sockets, WebSocket frames and TLS (`driver`), and the content of bodies (`oracle`).

mod address;
mod any;
mod centrifugo;
mod client;
mod codec;
#[cfg(test)]
mod codec_harness;
mod comet;
mod dtalk;
mod error;
mod event;
mod features;
mod goim;
#[cfg(test)]
mod hostile;
mod identity;
mod mqtt;
mod nats;
mod outgoing;
mod owner;
mod packet_buffer;
mod plain;
mod raw;
mod text;
mod timing;

use clap::ValueEnum;
pub(crate) use client::Client;
pub use error::DialectError;
pub use event::Event;
pub use features::Features;
pub use identity::{Destination, Identity};
pub(crate) use outgoing::{Outgoing, PacketFraming};
pub(crate) use owner::{CallContext, ConnectionRequest, GiveUpReason, Side};
use serde::{Deserialize, Serialize};
pub use timing::{ClientTiming, Reconnect};

/// The dialect of a server.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Comet's own: sessions that are resumed, cumulative acks, gaps
    #[default]
    Comet,
    /// The 20-byte head, an ack for every delivery that wants one
    Dtalk,
    /// The 16-byte head, several packets in one, no acks
    Goim,
    /// A WebSocket message is a body; the path names the room
    Raw,
    /// As raw, with text messages
    RawText,
    /// MQTT 3.1.1 at QoS 0
    Mqtt,
    /// The NATS client protocol
    Nats,
    /// Centrifugo's JSON protocol
    Centrifugo,
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// There is no dialect of this name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no dialect is called {0:?}")]
pub struct UnknownDialect(pub String);

impl std::str::FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        <Self as ValueEnum>::from_str(name, false).map_err(|_| UnknownDialect(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_has_the_same_name_everywhere() {
        for dialect in Dialect::value_variants() {
            let name = dialect.to_string();
            assert_eq!(name.parse(), Ok(*dialect));
            assert_eq!(serde_json::to_value(dialect).unwrap(), serde_json::json!(name));
        }
        assert_eq!(Dialect::RawText.to_string(), "raw-text");
        assert_eq!("tcp".parse::<Dialect>(), Err(UnknownDialect("tcp".to_owned())));
    }
}
