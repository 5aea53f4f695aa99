//! The peer's end of a connection of any transport.

use comet::simulation;

use super::lanes::LanesEndpoint;

/// The peer's end of a connection.
#[derive(Debug)]
pub(crate) enum Endpoint {
    Wire(simulation::Endpoint),
    Lanes(LanesEndpoint),
}

macro_rules! either {
    ($self:ident, $end:ident => $what:expr) => {
        match $self {
            Self::Wire($end) => $what,
            Self::Lanes($end) => $what,
        }
    };
}

impl Endpoint {
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        either!(self, end => end.write(bytes))
    }

    pub(super) fn read(&mut self, out: &mut Vec<u8>, max: usize) -> usize {
        either!(self, end => end.read(out, max))
    }

    /// The same of a lane.
    pub(super) fn read_lane(&mut self, lane: usize, out: &mut Vec<u8>, max: usize) -> usize {
        match self {
            Self::Wire(_) => 0,
            Self::Lanes(end) => end.read_lane(lane, out, max),
        }
    }

    /// Takes the datagrams that the gateway has sent.
    pub(super) fn take_datagrams(&mut self) -> Vec<Vec<u8>> {
        match self {
            Self::Wire(_) => Vec::new(),
            Self::Lanes(end) => end.take_datagrams(),
        }
    }

    pub(super) fn set_capacity(&mut self, to_gateway: usize, from_gateway: usize) {
        either!(self, end => end.set_capacity(to_gateway, from_gateway));
    }

    pub(super) fn shutdown(&mut self) {
        either!(self, end => end.shutdown());
    }

    pub(super) fn reset(&mut self) {
        either!(self, end => end.reset());
    }

    pub(super) fn is_shutdown(&self) -> bool {
        either!(self, end => end.is_shutdown())
    }

    pub(super) fn is_reset(&self) -> bool {
        either!(self, end => end.is_reset())
    }

    pub(super) fn is_closed(&self) -> bool {
        either!(self, end => end.is_closed())
    }
}
