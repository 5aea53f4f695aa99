//! Tickets of the comet dialect: tampered with, stolen, presented twice.

use std::time::Duration;

use comet_server_testkit::person::Person;
use comet_testkit::comet::{Hello, Welcome, op};
use comet_testkit::frame::Wire;

use crate::arena::{Arena, Port, person};
use crate::attack::Attack;
use crate::line::{Line, until};
use crate::login::PATIENCE;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("ticket-tampered", "each of 60 bytes of a ticket is changed", tampered).quick(),
    Attack::new("ticket-stolen", "a ticket is shown under the token of another", stolen).quick(),
    Attack::new("ticket-replayed", "one ticket is shown on 20 connections at once", replayed),
    Attack::new("ticket-of-chance", "200 tickets of chance", by_chance),
];

/// A connection that has requested a session, and the answer.
struct Holder {
    line: Line,
    welcome: Option<Welcome>,
}

impl Holder {
    fn come(arena: &Arena, person: &Person, ticket: &[u8], attempt: u32) -> Self {
        let mut line = arena.line(Port::Tcp);
        let hello = Hello::new(&person.token(), "");
        // Tickets alone.
        let hello = Hello { capabilities: 1, ticket: ticket.to_vec(), ..hello };
        line.say(hello.frame(attempt).encode());
        line.hears(PATIENCE, is_whole);
        let answer = Wire::Comet.take(&mut line.unread);
        let welcome = answer.filter(|answer| answer.op == op::WELCOME);
        Self { line, welcome: welcome.as_ref().map(Welcome::of) }
    }

    fn ticket(&self) -> Vec<u8> {
        self.welcome.as_ref().map(|welcome| welcome.ticket.clone()).unwrap_or_default()
    }

    fn resumed(&self) -> bool {
        self.welcome.as_ref().is_some_and(|welcome| welcome.resumed)
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|len| bytes.len() >= u32::from_be_bytes(*len) as usize)
}

fn tampered(arena: &mut Arena) {
    let who = person("keeps a ticket");
    // It stays, so that sessions parked later do not take its place.
    let owner = Holder::come(arena, &who, b"", 1);
    let ticket = owner.ticket();
    arena.at_least("bytes of a ticket", ticket.len(), 32);
    let mut resumed = 0;
    for at in 0..ticket.len().min(60) {
        let mut changed = ticket.clone();
        changed[at] ^= 1;
        resumed += usize::from(Holder::come(arena, &who, &changed, 2).resumed());
    }
    arena.is("resumed", resumed, 0);
    let own = Holder::come(arena, &who, &ticket, 3).resumed();
    arena.holds("the ticket itself is good", own);
}

fn stolen(arena: &mut Arena) {
    let owner = Holder::come(arena, &person("owns a ticket"), b"", 1);
    let ticket = owner.ticket();
    owner.line.reset();
    let thief = Holder::come(arena, &person("stole a ticket"), &ticket, 2);
    arena.holds("the thief gets no session of the owner", !thief.resumed());
    let back = Holder::come(arena, &person("owns a ticket"), &ticket, 2).resumed();
    arena.holds("the owner comes back", back);
}

fn replayed(arena: &mut Arena) {
    let who = person("shows it twice");
    let first = Holder::come(arena, &who, b"", 1);
    let ticket = first.ticket();
    let mut holders = vec![first];
    holders.extend((2..22).map(|attempt| Holder::come(arena, &who, &ticket, attempt)));
    let mut holders: Vec<Holder> = holders.into_iter().filter(Holder::resumed).collect();
    let mut open = holders.len();
    arena.at_least("resumed, one after the other", open, 1);
    until(Duration::from_secs(6), || {
        // All are polled: unread input hides the end of a connection.
        open = holders.iter_mut().map(|holder| usize::from(holder.line.look())).sum();
        open <= 1
    });
    arena.at_most("connections of the session at the end", open, 1);
}

fn by_chance(arena: &mut Arena) {
    let who = person("guesses");
    let resumed = (0..200u32).filter(|number| {
        let ticket: Vec<u8> =
            (0..90u32).map(|at| (number * 31 + at * 17 + at * at) as u8).collect();
        Holder::come(arena, &who, &ticket, 1).resumed()
    });
    let resumed = resumed.count();
    arena.is("resumed", resumed, 0);
}
