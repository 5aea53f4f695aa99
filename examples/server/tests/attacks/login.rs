//! Attackers with a session.

use std::time::{Duration, Instant};

use comet_dtalk::message::Login;
use comet_server_testkit::client::auth;
use comet_server_testkit::person::Person;
use comet_testkit::frame::{AUTH_REPLY, Frame, HEAD_LEN, Wire};
use comet_testkit::websocket::{self, BINARY, FIN, masked};

use crate::arena::{Arena, Port, person};
use crate::line::{Line, TICK, pass};

/// Timeout of an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// A frame that requests a session.
pub(crate) fn frame_of(person: &Person, device: Option<&Login>) -> Vec<u8> {
    auth(1, &person.token(), device).encode()
}

/// Signs in a user with this name over TCP, from the attackers' address.
pub(crate) fn tcp(arena: &Arena, name: &str) -> Option<Line> {
    tcp_with(arena, &person(name), None)
}

/// The same with a device.
pub(crate) fn tcp_with(arena: &Arena, person: &Person, device: Option<&Login>) -> Option<Line> {
    over(arena.line(Port::Tcp), person, device)
}

/// Signs in over an open connection.
pub(crate) fn over(mut line: Line, person: &Person, device: Option<&Login>) -> Option<Line> {
    line.say(frame_of(person, device));
    is_accepted(&mut line).then_some(line)
}

/// Whether the answer is the empty one of an accepted login; takes it.
pub(crate) fn is_accepted(line: &mut Line) -> bool {
    line.hears(PATIENCE, |bytes| bytes.len() >= HEAD_LEN);
    let accepted = was_accepted(line);
    if accepted {
        line.unread.drain(..HEAD_LEN);
    }
    accepted
}

/// Whether the input begins with that answer.
pub(crate) fn was_accepted(line: &Line) -> bool {
    let answer = &line.unread;
    answer.len() >= HEAD_LEN
        && answer[..4] == (HEAD_LEN as u32).to_be_bytes()
        && answer[8..12] == AUTH_REPLY.to_be_bytes()
}

/// Upgrades, from the attackers' address.
pub(crate) fn upgrade(arena: &Arena, port: Port) -> Option<Line> {
    upgrade_with(arena, port, "")
}

/// The same with more header lines.
fn upgrade_with(arena: &Arena, port: Port, more: &str) -> Option<Line> {
    let mut line = arena.line(port);
    line.say(websocket::request("/sub", more));
    let answer = line.hears(PATIENCE, |bytes| bytes.ends_with(b"\r\n\r\n"));
    let accepted = answer.starts_with(b"HTTP/1.1 101 ");
    line.unread.clear();
    accepted.then_some(line)
}

/// Signs in a user with this name over WebSocket, from the attackers' address.
pub(crate) fn ws(arena: &Arena, port: Port, name: &str) -> Option<Line> {
    ws_with(arena, port, name, "")
}

/// The same with more header lines in the upgrade.
pub(crate) fn ws_with(arena: &Arena, port: Port, name: &str, more: &str) -> Option<Line> {
    let mut line = upgrade_with(arena, port, more)?;
    line.say(masked(FIN | BINARY, &frame_of(&person(name), None)));
    // The head of a short frame from a server has two bytes.
    let answer = line.hears(PATIENCE, |bytes| bytes.len() >= HEAD_LEN + 2);
    let accepted = answer.len() == HEAD_LEN + 2 && answer[10..14] == AUTH_REPLY.to_be_bytes();
    line.unread.clear();
    accepted.then_some(line)
}

/// Waits for a kind of frame; drops others before it.
pub(crate) fn hears(line: &mut Line, within: Duration, is_it: impl Fn(&Frame) -> bool) -> bool {
    let began = Instant::now();
    loop {
        let is_open = line.look();
        if frames(line).iter().any(&is_it) {
            return true;
        }
        if !is_open || began.elapsed() > within {
            return false;
        }
        pass(TICK);
    }
}

/// Takes whole frames from the input.
pub(crate) fn frames(line: &mut Line) -> Vec<Frame> {
    std::iter::from_fn(|| Wire::Dtalk.take(&mut line.unread)).collect()
}
