//! A small gateway of the comet dialect that can be told to break a promise once.
//!
//! One thread, plain TCP, one room: what a session sends goes to all of them, numbered, and stays
//! until the test is over, so that every resume can be honoured.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use comet_bench::host::Interrupt;
use comet_protocol::comet::{Auth, ClientFrame, Gap, Seq, ServerFrame, Welcome};
use comet_protocol::{Decoder, Frame, Layout};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

/// What is wrong with one delivery of each session: the third, if nothing else is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lie {
    None,
    /// It never comes.
    Omit,
    /// It comes as the next as well.
    Repeat,
    /// It comes after the next.
    Swap,
    /// A byte is another.
    Damage,
    /// A gap comes instead, which tells of this many.
    Gap(u64),
    /// No session is resumed.
    Forget,
    /// Nothing is wrong with it, but what is sent while a session has no connection never comes.
    Absent,
    /// Nothing is wrong with it, but from the hundredth on the gateway stands still for so long.
    Stall(Duration),
}

const LISTENER: Token = Token(usize::MAX);

#[derive(Default)]
struct Session {
    log: Vec<Slot>,
    published: u32,
    held: Option<Slot>,
    accepted: u32,
    link: Option<usize>,
    epoch: u32,
    /// The newest epoch of which the client has said something.
    shown: u32,
}

#[derive(Clone)]
enum Slot {
    Body(Bytes),
    Gap(u64),
}

struct Link {
    stream: TcpStream,
    decoder: Decoder,
    unsent: Vec<u8>,
    user: String,
    epoch: u32,
}

struct World {
    lie: Lie,
    /// Which delivery it is about.
    number: u32,
    sessions: HashMap<String, Session>,
    links: Vec<Option<Link>>,
    /// Links with something to be written, which is written when all that has come was read.
    unsent: Vec<usize>,
}

pub(crate) struct Liar {
    pub(crate) address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Liar {
    pub(crate) fn start(lie: Lie) -> Self {
        Self::start_at(lie, 3)
    }

    /// The lie is about this delivery.
    pub(crate) fn start_at(lie: Lie, number: u32) -> Self {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let address = listener.local_addr().expect("bound");
        let over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&over);
        let thread = Some(thread::spawn(move || serve(listener, (lie, number), &flag)));
        Self { address, over, thread }
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the gateway panicked");
        }
    }
}

fn serve(mut listener: TcpListener, (lie, number): (Lie, u32), over: &AtomicBool) {
    let mut poll = Poll::new().expect("a poll");
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).expect("registered");
    let mut world =
        World { lie, number, sessions: HashMap::new(), links: Vec::new(), unsent: Vec::new() };
    let mut events = Events::with_capacity(256);
    while !over.load(Ordering::SeqCst) {
        if poll.poll(&mut events, Some(Duration::from_millis(20))).is_err() {
            continue;
        }
        for event in &events {
            if event.token() != LISTENER {
                world.drive(event.token().0);
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                let both = Interest::READABLE | Interest::WRITABLE;
                poll.registry()
                    .register(&mut stream, Token(world.links.len()), both)
                    .expect("registered");
                let decoder = Decoder::new(Layout::Dtalk, 65_536);
                let (unsent, user) = (Vec::new(), String::new());
                world.links.push(Some(Link { stream, decoder, unsent, user, epoch: 0 }));
            }
        }
        world.flush();
    }
}

impl World {
    fn drive(&mut self, at: usize) {
        if !self.read(at) || !self.links[at].as_mut().is_none_or(Link::flush) {
            let link = self.links[at].take();
            let session = link.and_then(|link| self.sessions.get_mut(&link.user));
            if let Some(session) = session {
                session.link.take_if(|link| *link == at);
            }
        }
    }

    fn flush(&mut self) {
        for at in std::mem::take(&mut self.unsent) {
            if let Some(link) = &mut self.links[at] {
                // A connection that is gone is found when it is read.
                let _ = link.flush();
            }
        }
    }

    /// Returns whether there may be more.
    fn read(&mut self, at: usize) -> bool {
        let mut buffer = [0; 16_384];
        loop {
            let Some(link) = &mut self.links[at] else { return false };
            match link.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(read) => link.decoder.push(&buffer[..read]),
                Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
            }
            while let Some(frame) = self.next_frame(at) {
                self.handle(at, &frame);
            }
        }
    }

    fn next_frame(&mut self, at: usize) -> Option<Frame> {
        self.links[at].as_mut()?.decoder.next_frame().expect("the client keeps the format")
    }

    fn handle(&mut self, at: usize, frame: &Frame) {
        let said = ClientFrame::decode(frame.head, &frame.body);
        let said = said.expect("the client keeps the dialect");
        let Some(link) = &self.links[at] else { return };
        if let Some(session) = self.sessions.get_mut(&link.user) {
            session.shown = session.shown.max(link.epoch);
        }
        match said {
            ClientFrame::Auth { seq, auth } => self.welcome(at, seq, &auth),
            ClientFrame::Send { seq, body, .. } => self.take(at, seq, body),
            ClientFrame::Ping(ping) => self.say(at, &ServerFrame::Pong { stamp: ping.stamp }),
            _ => {}
        }
    }

    fn welcome(&mut self, at: usize, ack: u32, auth: &Auth) {
        let resumed = !auth.ticket.is_empty() && self.lie != Lie::Forget;
        let session = self.sessions.entry(auth.token.clone()).or_default();
        if !resumed {
            let accepted = auth.first_send().prev().get();
            *session = Session { accepted, ..Session::default() };
        } else if auth.ticket.as_ref() < &session.shown.to_be_bytes()[..] {
            // It lay in a proxy that stood still, and its client has come by another way since.
            self.links[at] = None;
            return;
        }
        session.epoch += 1;
        if let Some(older) = session.link.replace(at) {
            self.links[older] = None;
        }
        let welcome = Welcome {
            epoch: session.epoch,
            resumed,
            ticket: session.epoch.to_be_bytes().to_vec().into(),
            accepted: session.accepted,
            send_window: 64,
            deliver_window: 1_024,
            max_body: 65_536,
            ..Welcome::default()
        };
        if let Some(link) = &mut self.links[at] {
            (link.user, link.epoch) = (auth.token.clone(), session.epoch);
        }
        let (until, answered) = (session.log.len(), session.accepted);
        self.say(at, &ServerFrame::Welcome { ack, welcome: Box::new(welcome) });
        let from = if resumed { auth.last_seq as usize } else { 0 };
        (from..until).for_each(|number| self.deliver(&auth.token, number));
        // Every answer is the same, so none has to be kept.
        (auth.first_send().get()..=answered).for_each(|number| self.answer(at, Seq::new(number)));
    }

    fn answer(&mut self, at: usize, ack: Seq) {
        self.say(at, &ServerFrame::SendReply { ack, body: Bytes::new() });
    }

    fn take(&mut self, at: usize, seq: Seq, body: &[u8]) {
        let Some(user) = self.links[at].as_ref().map(|link| link.user.clone()) else { return };
        let session = self.sessions.get_mut(&user).expect("welcomed");
        if seq.get() == session.accepted + 1 {
            session.accepted += 1;
            let users: Vec<String> = self.sessions.keys().cloned().collect();
            users.iter().for_each(|user| self.publish(user, body));
        }
        self.answer(at, seq);
    }

    /// Puts a message under the next number of a session, or what the lie makes of it.
    fn publish(&mut self, user: &str, body: &[u8]) {
        let session = self.sessions.get_mut(user).expect("known");
        session.published += 1;
        let whole = Slot::Body(Bytes::copy_from_slice(body));
        if let (Lie::Stall(time), 100) = (self.lie, session.published) {
            self.lie = Lie::None;
            let _pulled = Interrupt::never().wait(time);
        }
        let after = session.published.checked_sub(self.number);
        let slots = match (self.lie, after) {
            (Lie::Omit, Some(0)) => vec![],
            (Lie::Repeat, Some(0)) => vec![whole.clone(), whole],
            (Lie::Swap, Some(0)) => {
                session.held = Some(whole);
                vec![]
            }
            (Lie::Swap, Some(1)) => [whole].into_iter().chain(session.held.take()).collect(),
            (Lie::Damage, Some(0)) => vec![Slot::Body(Bytes::copy_from_slice(&body[1..]))],
            (Lie::Gap(count), Some(0)) => vec![Slot::Gap(count)],
            _ => vec![whole],
        };
        if self.lie == Lie::Absent && session.link.is_none() {
            return;
        }
        let from = session.log.len();
        session.log.extend(slots);
        let until = session.log.len();
        (from..until).for_each(|number| self.deliver(user, number));
    }

    fn deliver(&mut self, user: &str, number: usize) {
        let session = &self.sessions[user];
        let Some(at) = session.link else { return };
        let seq = Seq::new(u32::try_from(number).expect("few") + 1);
        let frame = match session.log[number].clone() {
            Slot::Body(body) => ServerFrame::Deliver { seq, body },
            Slot::Gap(count) => ServerFrame::Gap { to: seq, gap: Gap { count, ..Gap::default() } },
        };
        self.say(at, &frame);
    }

    fn say(&mut self, at: usize, frame: &ServerFrame) {
        if let Some(link) = &mut self.links[at] {
            if link.unsent.is_empty() {
                self.unsent.push(at);
            }
            frame.write(&mut link.unsent);
        }
    }
}

impl Link {
    /// Returns whether the connection still takes bytes.
    fn flush(&mut self) -> bool {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
            }
        }
        true
    }
}
