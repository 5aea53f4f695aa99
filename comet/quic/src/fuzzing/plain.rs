//! Cryptography that protects nothing, so that a fuzzer writes frames and not ciphertext.
//!
//! Both sides exchange their transport parameters in the flights of TLS 1.3, and the server the
//! application protocol with them.

use std::any::Any;
use std::io::Cursor;
use std::sync::Arc;

use bytes::BytesMut;
use quinn_proto::crypto::rustls::HandshakeData;
use quinn_proto::crypto::{
    self, CryptoError, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey,
    UnsupportedVersion,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectError, ConnectionId, Side, TransportError};

/// The configuration of both sides: the application protocol of their connections.
pub(super) struct Plain(pub(super) &'static [u8]);

/// Keys that do nothing.
struct NoKey;

/// A side of a handshake.
struct Handshake {
    side: Side,
    protocol: &'static [u8],
    /// Flights that are still to be written.
    flights: Vec<Flight>,
    /// Bytes of the peer that are no whole message yet.
    unread: Vec<u8>,
    /// Messages of the peer: the client's are its parameters and its end, the server's its hello
    /// and its parameters.
    messages: Vec<Vec<u8>>,
}

/// A message to be written, after so many of the peer's, and whether keys follow from it.
struct Flight {
    after: usize,
    message: Option<Vec<u8>>,
    has_keys: bool,
}

fn keys() -> Keys {
    let header = KeyPair::<Box<dyn HeaderKey>> { local: Box::new(NoKey), remote: Box::new(NoKey) };
    Keys { header, packet: packet_keys() }
}

fn packet_keys() -> KeyPair<Box<dyn PacketKey>> {
    KeyPair { local: Box::new(NoKey), remote: Box::new(NoKey) }
}

impl Plain {
    fn session(&self, side: Side, parameters: &TransportParameters) -> Box<dyn crypto::Session> {
        let mut own = Vec::new();
        parameters.write(&mut own);
        let flight = |after, message, has_keys| Flight { after, message, has_keys };
        let mut flights = match side {
            Side::Client => vec![
                flight(0, Some(own), false),
                flight(1, None, true),
                flight(2, Some(b"end".to_vec()), true),
            ],
            Side::Server => {
                vec![flight(1, Some(b"hello".to_vec()), true), flight(1, Some(own), true)]
            }
        };
        flights.reverse();
        let (unread, messages) = (Vec::new(), Vec::new());
        Box::new(Handshake { side, protocol: self.0, flights, unread, messages })
    }
}

impl crypto::ClientConfig for Plain {
    fn start_session(
        self: Arc<Self>,
        _: u32,
        _: &str,
        parameters: &TransportParameters,
    ) -> Result<Box<dyn crypto::Session>, ConnectError> {
        Ok(self.session(Side::Client, parameters))
    }
}

impl crypto::ServerConfig for Plain {
    fn initial_keys(&self, _: u32, _: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        Ok(keys())
    }

    fn retry_tag(&self, _: u32, _: &ConnectionId, _: &[u8]) -> [u8; 16] {
        [0; 16]
    }

    fn start_session(
        self: Arc<Self>,
        _: u32,
        parameters: &TransportParameters,
    ) -> Box<dyn crypto::Session> {
        self.session(Side::Server, parameters)
    }
}

impl Handshake {
    /// The peer's parameters, once they are there.
    fn parameters(&self) -> Option<&Vec<u8>> {
        self.messages.get(match self.side {
            Side::Client => 1,
            Side::Server => 0,
        })
    }
}

impl crypto::Session for Handshake {
    fn initial_keys(&self, _: &ConnectionId, _: Side) -> Keys {
        keys()
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.parameters()?;
        let protocol = Some(self.protocol.to_vec());
        Some(Box::new(HandshakeData { protocol, server_name: None }))
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        None
    }

    fn early_data_accepted(&self) -> Option<bool> {
        None
    }

    fn is_handshaking(&self) -> bool {
        !self.flights.is_empty() || self.messages.len() < 2
    }

    fn read_handshake(&mut self, bytes: &[u8]) -> Result<bool, TransportError> {
        let had_them = self.parameters().is_some();
        self.unread.extend_from_slice(bytes);
        while let Some((&len, rest)) = self.unread.split_first() {
            let len = usize::from(len);
            let Some(message) = rest.get(..len) else { break };
            self.messages.push(message.to_vec());
            self.unread.drain(..=len);
        }
        Ok(!had_them && self.parameters().is_some())
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let read = |bytes| TransportParameters::read(self.side, &mut Cursor::new(bytes));
        Ok(self.parameters().map(read).transpose()?)
    }

    fn write_handshake(&mut self, into: &mut Vec<u8>) -> Option<Keys> {
        let flight = self.flights.pop_if(|flight| flight.after <= self.messages.len())?;
        if let Some(message) = flight.message {
            // Parameters are far shorter.
            into.push(u8::try_from(message.len()).unwrap_or(u8::MAX));
            into.extend(message);
        }
        flight.has_keys.then(keys)
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        Some(packet_keys())
    }

    fn is_valid_retry(&self, _: &ConnectionId, _: &[u8], _: &[u8]) -> bool {
        true
    }

    fn export_keying_material(
        &self,
        _: &mut [u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        Err(ExportKeyingMaterialError)
    }
}

impl PacketKey for NoKey {
    fn encrypt(&self, _: u64, _: &mut [u8], _: usize) {}

    fn decrypt(&self, _: u64, _: &[u8], _: &mut BytesMut) -> Result<(), CryptoError> {
        Ok(())
    }

    fn tag_len(&self) -> usize {
        0
    }

    fn confidentiality_limit(&self) -> u64 {
        u64::MAX
    }

    fn integrity_limit(&self) -> u64 {
        u64::MAX
    }
}

impl HeaderKey for NoKey {
    fn decrypt(&self, _: usize, _: &mut [u8]) {}

    fn encrypt(&self, _: usize, _: &mut [u8]) {}

    fn sample_size(&self) -> usize {
        0
    }
}
