//! A connection: both directions, its framing, and the client's reading.

use comet_protocol::ws::Opcode;

use super::arrived::Arrived;
use super::endpoint::Endpoint;
use super::pipe::{Ending, Pipe};
use super::side::Side;
use super::websocket::{Input, WebSocket};
use crate::history::{Attempt, Transport};
use crate::random::Random;

/// How the client's end drains the gateway's send buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading {
    /// At once.
    Prompt,
    /// A number of bytes at intervals.
    Paced {
        /// Microseconds between reads.
        every: u64,
        /// Bytes per read.
        bytes: usize,
        /// Time of the next read.
        next: u64,
    },
    /// Never.
    Stopped,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    attempt: Attempt,
    endpoint: Endpoint,
    up: Pipe,
    down: Pipe,
    websocket: Option<WebSocket>,
    side: Option<Box<Side>>,
    reading: Reading,
    /// The gateway's receive buffer is full: retried after its next turn.
    is_up_full: bool,
    /// The client has closed or knows of the end: it receives no more events.
    is_left: bool,
    /// The gateway's end of stream or reset is in transit to the client.
    is_end_seen: bool,
    /// Both directions are cut, without notice to either side.
    is_severed: bool,
}

impl Connection {
    pub(crate) fn new(
        now: u64,
        attempt: Attempt,
        endpoint: Endpoint,
        transport: Transport,
        random: &mut Random,
    ) -> Self {
        let latency = random.choose(&[300, 2_000, 15_000, 60_000]);
        let jitter = random.below(latency);
        let mut connection = Self {
            attempt,
            endpoint,
            up: Pipe::new(latency, jitter),
            down: Pipe::new(latency, jitter),
            websocket: (transport == Transport::WebSocket).then(WebSocket::new),
            side: None,
            reading: Reading::Prompt,
            is_up_full: false,
            is_left: false,
            is_end_seen: false,
            is_severed: false,
        };
        if transport == Transport::Lanes {
            connection.side = Some(Box::new(Side::new(latency, random)));
        }
        if connection.websocket.is_some() {
            connection.up.send(now, WebSocket::request(), random);
        }
        connection
    }

    /// Its number.
    pub(crate) const fn attempt(&self) -> Attempt {
        self.attempt
    }

    pub(crate) const fn is_left(&self) -> bool {
        self.is_left
    }

    /// Whether both sides have closed.
    pub(crate) fn is_over(&self) -> bool {
        self.is_left && self.endpoint.is_closed()
    }

    pub(crate) fn set_capacity(&mut self, to_gateway: usize, from_gateway: usize) {
        self.endpoint.set_capacity(to_gateway, from_gateway);
    }

    pub(crate) const fn set_reading(&mut self, reading: Reading) {
        self.reading = reading;
    }

    /// Sends bytes of the client.
    pub(crate) fn send(&mut self, now: u64, bytes: &[u8], random: &mut Random) {
        let bytes = match self.websocket {
            Some(_) => WebSocket::frame(Opcode::Binary, bytes),
            None => bytes.to_vec(),
        };
        self.up.send(now, bytes, random);
    }

    /// Closes the client's end; it receives no more events.
    pub(crate) fn leave(&mut self, now: u64, ending: Option<Ending>, random: &mut Random) {
        if self.is_left {
            return;
        }
        self.is_left = true;
        self.down.clear();
        self.side.iter_mut().for_each(|side| side.clear());
        match ending {
            Some(ending) => self.up.end(now, ending, random),
            None => self.is_severed = true,
        }
    }

    /// Delays arrivals until a time; some of those of lanes.
    pub(crate) fn hold(&mut self, until: u64, (up, down): (bool, bool), random: &mut Random) {
        if up {
            self.up.hold(until);
        }
        if let (true, Some(side)) = (down, &mut self.side) {
            side.hold(until, random);
            if random.percent(50) {
                return;
            }
        }
        if down {
            self.down.hold(until);
        }
    }

    pub(crate) const fn has_lanes(&self) -> bool {
        self.side.is_some()
    }

    /// Reads one of the lanes no more.
    pub(crate) fn stop_lane(&mut self, random: &mut Random) {
        self.side.iter_mut().for_each(|side| side.stop_one(random));
    }

    /// Cuts both directions, at any byte. Gateway and client may be notified.
    pub(crate) fn cut(
        &mut self,
        gateway_told: Option<(u64, Ending)>,
        client_told: Option<u64>,
        random: &mut Random,
    ) {
        self.up.cut(random);
        self.down.cut(random);
        self.side.iter_mut().for_each(|side| side.cut(random));
        self.is_severed = true;
        if let Some((at, ending)) = gateway_told {
            self.up.end_cut(at, ending);
        }
        if let Some(at) = client_told {
            self.down.end_cut(at, Ending::Fin);
        }
    }

    /// Whether the network has cut the connection.
    pub(crate) const fn is_severed(&self) -> bool {
        self.is_severed
    }

    /// Ends all faults: delayed bytes arrive, and both sides of a cut connection are notified.
    pub(crate) fn heal(&mut self, now: u64) {
        self.up.release();
        self.down.release();
        self.side.iter_mut().for_each(|side| side.heal());
        self.reading = Reading::Prompt;
        self.endpoint.set_capacity(65_536, 65_536);
        if self.is_severed {
            self.up.end_cut(now, Ending::Reset);
            self.down.end_cut(now, Ending::Reset);
        }
    }

    /// Time of the next event.
    pub(crate) fn next(&self) -> Option<u64> {
        let up = self.up.next().filter(|_| !self.is_up_full);
        // The end of the stream waits for what is on lanes.
        let waits = !self.down.has_bytes() && !self.is_read();
        let down = self.down.next().filter(|_| !self.is_left && !waits);
        let side = self.side.as_ref().and_then(|side| side.next()).filter(|_| !self.is_left);
        let reading = match self.reading {
            Reading::Paced { next, .. } if !self.is_severed && !self.is_left => Some(next),
            _ => None,
        };
        [up, down, side, reading].into_iter().flatten().min()
    }

    /// Passes arrived bytes to the gateway, split at random. Returns whether there were any.
    pub(crate) fn carry_up(&mut self, now: u64, random: &mut Random) -> bool {
        let mut any = false;
        while let Some(mut bytes) = self.up.pop(now) {
            if bytes.len() > 1 && random.percent(8) {
                let rest = bytes.split_off(1 + random.index(bytes.len() - 1));
                self.up.put_back(rest);
                any |= self.write(bytes);
                return any;
            }
            any |= self.write(bytes);
            if self.is_up_full {
                return any;
            }
        }
        match self.up.pop_end(now) {
            None => return any,
            Some(Ending::Fin) => self.endpoint.shutdown(),
            Some(Ending::Reset) => self.endpoint.reset(),
        }
        true
    }

    fn write(&mut self, mut bytes: Vec<u8>) -> bool {
        let taken = self.endpoint.write(&bytes);
        self.is_up_full = taken < bytes.len() && !self.endpoint.is_closed();
        if self.is_up_full {
            self.up.put_back(bytes.split_off(taken));
        }
        taken > 0
    }

    /// Collects the gateway's output after a turn. Returns whether that may let it do more.
    pub(crate) fn collect_turn(&mut self, now: u64, random: &mut Random) -> bool {
        let mut any = self.is_up_full && self.carry_up(now, random);
        if self.is_severed || self.is_left {
            return self.is_left && !self.is_severed && self.discard() || any;
        }
        let max = self.readable(now);
        let mut bytes = Vec::new();
        self.endpoint.read(&mut bytes, max);
        any |= !bytes.is_empty();
        if let Some(side) = &mut self.side {
            any |= side.collect(now, &mut self.endpoint, max, random);
        }
        self.down.send(now, bytes, random);
        if !self.is_end_seen {
            if self.endpoint.is_reset() {
                self.is_end_seen = true;
                self.down.end(now, Ending::Reset, random);
            } else if self.endpoint.is_shutdown() {
                self.is_end_seen = true;
                self.down.end(now, Ending::Fin, random);
            }
        }
        any
    }

    /// Discards bytes, as the client's kernel does when its program has closed.
    fn discard(&mut self) -> bool {
        let mut bytes = Vec::new();
        let mut count = self.endpoint.read(&mut bytes, usize::MAX);
        count +=
            (0..3).map(|at| self.endpoint.read_lane(at, &mut bytes, usize::MAX)).sum::<usize>();
        count > 0
    }

    /// Bytes of each stream that the client reads now.
    const fn readable(&mut self, now: u64) -> usize {
        match &mut self.reading {
            Reading::Prompt => usize::MAX,
            Reading::Stopped => 0,
            Reading::Paced { next, .. } if now < *next => 0,
            Reading::Paced { every, bytes, next } => {
                *next = now + *every;
                *bytes
            }
        }
    }

    /// Delivers arrived bytes to the client.
    pub(crate) fn carry_down(&mut self, now: u64, random: &mut Random, out: &mut Vec<Arrived>) {
        while !self.is_left {
            let Some(bytes) = self.down.pop(now) else { break };
            self.receive(now, bytes, random, out);
        }
        if let (false, Some(side)) = (self.is_left, &mut self.side) {
            side.pop(now, random, out);
        }
        if !self.is_left && self.is_read() && self.down.pop_end(now).is_some() {
            self.is_left = true;
            // The client closes its end in response.
            self.up.end(now, Ending::Fin, random);
            out.push(Arrived::Closed);
        }
    }

    /// Whether everything on lanes has reached the client: a connection does not end before.
    fn is_read(&self) -> bool {
        self.side.as_ref().is_none_or(|side| side.is_empty())
    }

    fn receive(&mut self, now: u64, bytes: Vec<u8>, random: &mut Random, out: &mut Vec<Arrived>) {
        let Some(websocket) = &mut self.websocket else {
            return out.push(Arrived::Bytes(bytes));
        };
        let mut inputs = Vec::new();
        websocket.read(&bytes, &mut inputs);
        for input in inputs {
            match input {
                Input::Open => out.push(Arrived::Open),
                Input::Message(bytes) => out.push(Arrived::Bytes(bytes)),
                Input::Ping(body) => {
                    self.up.send(now, WebSocket::frame(Opcode::Pong, &body), random);
                }
                Input::Close => {
                    self.up.send(now, WebSocket::frame(Opcode::Close, &[3, 232]), random);
                    self.leave(now, Some(Ending::Fin), random);
                    out.push(Arrived::Closed);
                }
                Input::Invalid => out.push(Arrived::Invalid),
            }
        }
    }
}
