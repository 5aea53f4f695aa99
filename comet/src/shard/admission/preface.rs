//! Prefaces: bytes before the protocol of a connection is known, a PROXY header first where it is
//! required.
//!
//! Not here: reading them (`comet_protocol::proxy`, `comet_protocol::sniff`).

use comet_protocol::proxy::{self, ProxyError, Source};
use comet_protocol::sniff::{Opening, sniff};
use comet_protocol::{DecodeError, head};

use super::super::connections::{FramingState, Preface};
use super::super::endpoints::Endpoints;
use super::Admission;
use super::authentication::peer_of;
use super::identification::{identify, identify_named};
#[cfg(feature = "tls")]
use super::listeners::begin_tls;
use super::listeners::first_framing;
use crate::Closed;
use crate::listen::Serves;
use crate::time::Time;

/// Longest body of the first packet on a port of several protocols. Only an auth frame is due.
const FIRST_BODY: usize = 16_384;

impl Admission {
    /// Reads the preface of a connection. The bytes it took; `None` if it is incomplete.
    pub(in crate::shard) fn handle_preface(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        input: &[u8],
    ) -> Result<Option<usize>, Closed> {
        let Some(connection) = ep.connections.get(slot) else { return Ok(None) };
        match connection.framing {
            FramingState::Preface(Preface::ProxyHeader) => self.read_proxy_header(ep, slot, input),
            FramingState::Preface(Preface::FirstBytes) => self.sniff(ep, slot, input),
            _ => Ok(None),
        }
    }

    fn read_proxy_header(
        &self,
        ep: &mut Endpoints,
        slot: u32,
        input: &[u8],
    ) -> Result<Option<usize>, Closed> {
        let (source, consumed) = match proxy::parse(input) {
            Ok(proxy::Parse::Partial) => return Ok(None),
            Ok(proxy::Parse::Complete { source, consumed }) => (source, consumed),
            Err(error) => {
                note_bad_header(ep, slot, error);
                return Err(error.into());
            }
        };
        let Some(connection) = ep.connections.get_mut(slot) else { return Ok(None) };
        let profile = self.listeners.profile(connection.listener).ok_or(Closed::Draining)?;
        connection.framing = first_framing(profile);
        #[cfg(feature = "tls")]
        let consumed = match self.begin_tls(ep, slot, &input[consumed..], false) {
            true => input.len(),
            false => consumed,
        };
        let Source::Client(client) = source else { return Ok(Some(consumed)) };
        if let Some(connection) = ep.connections.get_mut(slot) {
            connection.extras.set_named(client.ip());
        }
        let counted = match profile.serves {
            // Nothing else can name the client.
            Serves::Packets => {
                identify_named(ep, slot).and_then(|()| identify(ep, slot, |_| Vec::new()))
            }
            Serves::WebSocket | Serves::Any => identify_named(ep, slot),
        };
        counted.map_err(|_| Closed::TooManyConnections)?;
        Ok(Some(consumed))
    }

    /// Has TLS begin with these bytes, where the connection is on a port with TLS: which is there
    /// alone, or is `chosen` by the bytes. Whether it has begun.
    #[cfg(feature = "tls")]
    fn begin_tls(&self, ep: &mut Endpoints, slot: u32, first: &[u8], is_chosen: bool) -> bool {
        let Some(connection) = ep.connections.get(slot) else { return false };
        let profile = self.listeners.profile(connection.listener);
        let tls = profile.and_then(|profile| profile.tls.as_ref());
        let tls = tls.filter(|it| it.is_optional == is_chosen && connection.transport.is_socket());
        let Some(tls) = tls.map(|it| it.tls.clone()) else { return false };
        begin_tls(ep, slot, &tls, first.to_vec());
        true
    }

    /// Takes nothing: the bytes are the protocol's.
    fn sniff(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        input: &[u8],
    ) -> Result<Option<usize>, Closed> {
        let framing = match sniff(input).map_err(|_| Closed::Unrecognized)? {
            None => return Ok(None),
            #[cfg(feature = "tls")]
            Some(Opening::Tls) if self.begin_tls(ep, slot, input, true) => {
                return Ok(Some(input.len()));
            }
            Some(Opening::Packet) => {
                let Some(len) = input.first_chunk() else { return Ok(None) };
                check_first(u32::from_be_bytes(*len))?;
                identify(ep, slot, |_| Vec::new()).map_err(|_| Closed::TooManyConnections)?;
                FramingState::Stream
            }
            // A GET may be an upgrade, which its head tells.
            Some(Opening::Http)
                if !input.starts_with(b"GET ") && self.hand_over(ep, slot, input) =>
            {
                return Ok(Some(input.len()));
            }
            Some(Opening::Http) => FramingState::Upgrading { searched: 0 },
            Some(_) => return Err(Closed::Unrecognized),
        };
        if let Some(connection) = ep.connections.get_mut(slot) {
            connection.framing = framing;
        }
        Ok(Some(0))
    }
}

/// Refuses a first packet that is longer than any auth frame.
fn check_first(len: u32) -> Result<(), Closed> {
    let limit = u32::try_from(FIRST_BODY + head::MAX_HEAD).unwrap_or(u32::MAX);
    if len > limit {
        return Err(DecodeError::TooLong { len, limit }.into());
    }
    Ok(())
}

fn note_bad_header(ep: &Endpoints, slot: u32, error: ProxyError) {
    let cx = &ep.cx;
    if let Some(more) = cx.shared.warnings.proxy.admit(cx.now.since(Time::START)) {
        let peer = peer_of(ep, slot).ip();
        tracing::warn!(%peer, %error, "a trusted proxy sent no PROXY header{more}");
    }
}
