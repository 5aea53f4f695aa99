//! Virtual sockets beside the system's: each script runs on both, and both report the same.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Backlog, Wire};
use crate::shard::board::Board;
use crate::shard::liveness::Liveness;
use crate::shard::poller::{Events, Poller};
use crate::shard::readiness::{Ready, Token};
use crate::shard::transport::{Acceptor, Transport};

const TOKEN: Token = Token(3);
const NOTHING: Ready =
    Ready { token: TOKEN, readable: false, writable: false, read_closed: false, error: false };

/// What the gateway's side of a socket can tell about a step.
#[derive(Debug, Eq, PartialEq)]
struct Seen {
    outcome: Result<usize, ErrorKind>,
    /// All reports that followed, laid over each other.
    ready: Ready,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Register,
    Reregister(Token),
    Read(usize),
    Write(usize),
    /// Writes until the socket takes no more.
    Fill,
    Shutdown,
    TakeError,
    PeerWrites(usize),
    /// Reads all there is.
    PeerReads,
    PeerShutsDown,
    PeerResets,
}
use Step::*;

enum Peer {
    System(Option<std::net::TcpStream>),
    Virtual(Arc<Wire>),
}

/// A socket, its poll, and its peer.
struct Bench {
    socket: Transport,
    poller: Poller,
    events: Events,
    peer: Peer,
}

impl Bench {
    fn of_the_system() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        peer.set_nonblocking(true).unwrap();
        let socket =
            Transport::from_std(socket, &Liveness::new(&crate::IoConfig::default())).unwrap();
        Self::new(socket, Poller::new().unwrap(), Peer::System(Some(peer)))
    }

    fn in_memory() -> Self {
        let wire = Wire::new("127.0.0.1:9".parse().unwrap());
        let (backlog, door) = Backlog::new();
        door.knock(&wire);
        let (socket, _) = Acceptor::Virtual(backlog).accept().unwrap();
        Self::new(socket, Poller::Virtual(Arc::new(Board::simulated())), Peer::Virtual(wire))
    }

    fn new(socket: Transport, poller: Poller, peer: Peer) -> Self {
        Self { socket, poller, events: Events::with_capacity(16), peer }
    }

    /// Does a step, and waits for a report if there should be one.
    fn run(&mut self, step: Step, expects: bool) -> Seen {
        let outcome = self.act(step).map_err(|error| error.kind());
        let mut ready = NOTHING;
        let mut wait = if expects { Duration::from_secs(10) } else { Duration::ZERO };
        loop {
            self.poller.wait(&mut self.events, Some(wait)).unwrap();
            let mut any = false;
            for event in self.events.iter() {
                any = true;
                ready = lay_over(event, ready);
            }
            if !any {
                return Seen { outcome, ready };
            }
            wait = Duration::ZERO;
        }
    }

    fn act(&mut self, step: Step) -> std::io::Result<usize> {
        let done = |()| 0;
        match step {
            Register => self.poller.register(&mut self.socket, TOKEN).map(done),
            Reregister(token) => self.poller.reregister(&mut self.socket, token).map(done),
            Read(len) => self.socket.read(&mut vec![0; len]).map(|received| received.len),
            Write(len) => self.socket.write(&vec![7; len]),
            Fill => self.fill(),
            Shutdown => self.socket.shutdown_write().map(done),
            TakeError => self.socket.take_error()?.map_or(Ok(0), Err),
            PeerWrites(_) | PeerReads | PeerShutsDown | PeerResets => Ok(self.peer.act(step)),
        }
    }
}

impl Bench {
    /// Writes until nothing more is taken, also not when all that is on its way has arrived.
    fn fill(&mut self) -> std::io::Result<usize> {
        loop {
            let full = std::io::copy(&mut std::io::repeat(7), &mut self.socket);
            self.poller.wait(&mut self.events, Some(Duration::from_millis(50)))?;
            if self.events.iter().next().is_none() {
                return full.map(|_| 0);
            }
        }
    }
}

impl Peer {
    fn act(&mut self, step: Step) -> usize {
        let socket = match self {
            Self::System(socket) => socket,
            Self::Virtual(wire) => {
                match step {
                    PeerWrites(len) => return wire.send(&vec![9; len]),
                    PeerReads => _ = wire.fetch(&mut Vec::new(), usize::MAX),
                    PeerShutsDown => wire.shutdown(),
                    PeerResets => wire.reset(),
                    _ => unreachable!("not the peer's"),
                }
                return 0;
            }
        };
        let stream = socket.as_mut().unwrap();
        match step {
            PeerWrites(len) => return stream.write(&vec![9; len]).unwrap(),
            PeerReads => while stream.read(&mut [0; 100_000]).is_ok_and(|count| count > 0) {},
            PeerShutsDown => stream.shutdown(std::net::Shutdown::Write).unwrap(),
            PeerResets => {
                socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
                *socket = None;
            }
            _ => unreachable!("not the peer's"),
        }
        0
    }
}

/// What a script comes to in memory, having come to the same with the system.
fn run(script: &[Step]) -> Vec<Seen> {
    let (mut system, mut memory) = (Bench::of_the_system(), Bench::in_memory());
    let (mut shut, mut so_far, mut watched) = (false, NOTHING, TOKEN);
    let step = |(at, step): (usize, &Step)| {
        let expected = memory.run(*step, false);
        let mut actual = system.run(*step, expected.ready != NOTHING);
        if let Reregister(token) = *step {
            watched = token;
        }
        // The answer to one's own end is another edge, and comes when it comes: under the token of
        // that moment, and also at a step that nothing else is reported for.
        let here = |ready| Ready { token: watched, ..ready };
        let (told, due) = (here(actual.ready), here(expected.ready));
        let says_nothing_new = lay_over(told, so_far) == lay_over(due, so_far);
        let is_ours = actual.ready == NOTHING || actual.ready == told;
        if shut && is_ours && says_nothing_new && lay_over(told, due) == told {
            actual.ready = expected.ready;
        }
        shut |= matches!(step, Shutdown);
        so_far = lay_over(expected.ready, so_far);
        assert_eq!(actual, expected, "the system and memory at step {at} of {script:?}");
        expected
    };
    script.iter().enumerate().map(step).collect()
}

fn lay_over(one: Ready, other: Ready) -> Ready {
    Ready {
        token: one.token,
        readable: one.readable || other.readable,
        writable: one.writable || other.writable,
        read_closed: one.read_closed || other.read_closed,
        error: one.error || other.error,
    }
}

/// The last step's report: readable, writable, closed for reading, error.
fn last(script: &[Step]) -> [bool; 4] {
    let ready = run(script).pop().unwrap().ready;
    [ready.readable, ready.writable, ready.read_closed, ready.error]
}

const NO: [bool; 4] = [false; 4];

#[test]
fn a_new_connection_can_be_written_to() {
    assert_eq!(last(&[Register]), [false, true, false, false]);
}

#[test]
fn what_came_before_anybody_watched_is_reported() {
    assert_eq!(last(&[PeerWrites(3), Register]), [true, true, false, false]);
    assert_eq!(last(&[PeerWrites(3), PeerShutsDown, Register]), [true, true, true, false]);
}

#[test]
fn every_arrival_is_an_edge_and_reading_is_none() {
    let arrival = [true, true, false, false];
    assert_eq!(last(&[Register, PeerWrites(3)]), arrival);
    assert_eq!(last(&[Register, PeerWrites(3), PeerWrites(2)]), arrival);
    assert_eq!(last(&[Register, PeerWrites(3), Read(2)]), NO);
    assert_eq!(last(&[Register, PeerWrites(3), Read(2), PeerWrites(2)]), arrival);
    let seen = run(&[Register, PeerWrites(3), PeerWrites(2), Read(100), Read(100)]);
    let outcomes: Vec<_> = seen.into_iter().skip(3).map(|seen| seen.outcome).collect();
    assert_eq!(outcomes, [Ok(5), Err(ErrorKind::WouldBlock)]);
}

#[test]
fn space_is_an_edge_only_for_who_wanted_some() {
    assert_eq!(last(&[Register, Write(100)]), NO);
    assert_eq!(last(&[Register, Write(100), PeerReads]), NO);
    assert_eq!(last(&[Register, Fill]), NO);
    assert_eq!(last(&[Register, Fill, PeerReads]), [false, true, false, false]);
}

#[test]
fn the_peers_end_is_reported_with_what_it_sent_before() {
    let end = [true, true, true, false];
    assert_eq!(last(&[Register, PeerShutsDown]), end);
    assert_eq!(last(&[Register, PeerWrites(3), PeerShutsDown]), end);
    let seen = run(&[Register, PeerWrites(3), PeerShutsDown, Read(9), Read(9), Read(9), Write(5)]);
    let outcomes: Vec<_> = seen.into_iter().skip(3).map(|seen| seen.outcome).collect();
    assert_eq!(outcomes, [Ok(3), Ok(0), Ok(0), Ok(5)]);
}

#[test]
fn ones_own_end_is_an_edge_and_ends_writing() {
    assert_eq!(last(&[Register, Shutdown]), [false, true, false, false]);
    let seen = run(&[Register, Shutdown, Write(3)]);
    assert_eq!(seen[2].outcome, Err(ErrorKind::BrokenPipe));
    assert_eq!(last(&[Register, Shutdown, PeerWrites(3)]), [true, true, false, false]);
    assert_eq!(last(&[Register, Shutdown, PeerShutsDown]), [true, true, true, false]);
    assert_eq!(last(&[Register, PeerShutsDown, Shutdown]), [true, true, true, false]);
}

#[test]
fn a_reset_is_an_error_that_is_told_once() {
    assert_eq!(last(&[Register, PeerResets]), [true, true, true, true]);
    for asks in [TakeError, Read(9), Write(9)] {
        let seen = run(&[Register, PeerResets, asks, TakeError, Read(9), Write(9)]);
        let outcomes: Vec<_> = seen.into_iter().skip(2).map(|seen| seen.outcome).collect();
        let expected = [Err(ErrorKind::ConnectionReset), Ok(0), Ok(0), Err(ErrorKind::BrokenPipe)];
        assert_eq!(outcomes, expected, "{asks:?}");
    }
    let seen = run(&[Register, PeerResets, Shutdown]);
    assert_eq!(seen[2].outcome, Err(ErrorKind::NotConnected));
}

#[test]
fn what_arrived_before_a_reset_can_be_read() {
    let seen = run(&[Register, PeerWrites(3), PeerResets, Read(9), Read(9), Read(9)]);
    let outcomes: Vec<_> = seen.into_iter().skip(3).map(|seen| seen.outcome).collect();
    assert_eq!(outcomes, [Ok(3), Err(ErrorKind::ConnectionReset), Ok(0)]);
}

#[test]
fn who_is_watched_under_another_token_reports_again() {
    let other = Token(8);
    let seen = run(&[Register, PeerWrites(3), Reregister(other), PeerWrites(3)]);
    let expected = Ready { token: other, readable: true, writable: true, ..NOTHING };
    assert_eq!([seen[2].ready, seen[3].ready], [expected; 2]);
}

#[test]
fn who_is_watched_elsewhere_reports_only_there() {
    let mut bench = Bench::in_memory();
    bench.act(Register).unwrap();
    bench.poller.deregister(&mut bench.socket).unwrap();
    let mut other = Poller::Virtual(Arc::new(Board::simulated()));
    other.register(&mut bench.socket, TOKEN).unwrap();
    assert_eq!(bench.run(PeerWrites(3), false).ready, NOTHING);
    assert!(other.has_events());
    other.wait(&mut bench.events, None).unwrap();
    let expected = Ready { readable: true, writable: true, ..NOTHING };
    assert_eq!(bench.events.iter().collect::<Vec<_>>(), [expected]);
}

#[test]
fn who_waits_at_a_listener_that_goes_away_is_reset_and_so_is_who_comes_later() {
    let (backlog, door) = Backlog::new();
    let wires = [(); 2].map(|()| Wire::new("127.0.0.1:9".parse().unwrap()));
    door.knock(&wires[0]);
    assert!(door.is_open() && !wires[0].is_reset());
    drop(backlog);
    door.knock(&wires[1]);
    assert!(!door.is_open());
    assert!(wires.iter().all(|wire| wire.is_reset() && wire.is_closed()));
}

#[test]
fn a_listener_reports_who_waits_once_for_all_and_again_for_who_comes_later() {
    let mut poller = Poller::Virtual(Arc::new(Board::simulated()));
    let mut events = Events::with_capacity(1);
    let mut reports = |poller: &mut Poller| {
        poller.wait(&mut events, None).unwrap();
        events.iter().collect::<Vec<_>>()
    };
    let (backlog, door) = Backlog::new();
    let wire = Wire::new("127.0.0.1:9".parse().unwrap());
    door.knock(&wire);
    let mut acceptor = Acceptor::Virtual(backlog);
    poller.listen(&mut acceptor, TOKEN).unwrap();
    door.knock(&wire);
    let expected = Ready { readable: true, ..NOTHING };
    assert_eq!(reports(&mut poller), [expected]);
    assert_eq!(reports(&mut poller), []);
    door.knock(&wire);
    assert_eq!(reports(&mut poller), [expected]);
    let accepted = std::iter::from_fn(|| acceptor.accept().ok());
    assert_eq!(accepted.count(), 3);
}

#[test]
fn capacities_bound_both_ways() {
    let mut bench = Bench::in_memory();
    let Peer::Virtual(wire) = &bench.peer else { unreachable!("in memory") };
    wire.set_capacity(2, 3);
    assert_eq!(bench.run(PeerWrites(5), false).outcome, Ok(2));
    assert_eq!(bench.run(PeerWrites(5), false).outcome, Ok(0));
    assert_eq!(bench.run(Write(5), false).outcome, Ok(3));
    assert_eq!(bench.run(Write(5), false).outcome, Err(ErrorKind::WouldBlock));
    assert_eq!(bench.run(Register, false).ready, Ready { readable: true, ..NOTHING });
    let Peer::Virtual(wire) = &bench.peer else { unreachable!("in memory") };
    wire.set_capacity(2, 4);
    assert_eq!(
        bench.run(Read(1), false).ready,
        Ready { readable: true, writable: true, ..NOTHING }
    );
}

/// Steps in any order, but for those that a shard never takes, it ends its stream once; and those
/// of which the system makes a secret: when a buffer is full, and what a reset is to a connection
/// that both sides have ended.
fn scripts() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1usize..9).prop_map(Read),
        (1usize..9).prop_map(Write),
        Just(Shutdown),
        (4usize..9).prop_map(|at| Reregister(Token(at))),
        (1usize..9).prop_map(PeerWrites),
        Just(PeerReads),
        Just(PeerShutsDown),
        Just(PeerResets),
        Just(TakeError),
    ];
    prop::collection::vec(step, 0..12).prop_map(|steps| {
        let (mut shut, mut ended, mut reset) = (false, false, false);
        let mut script = vec![Register];
        script.extend(steps.into_iter().filter(|step| match step {
            Shutdown => !std::mem::replace(&mut shut, true),
            PeerWrites(_) => !ended && !reset,
            PeerReads => !reset,
            PeerShutsDown => !reset && !std::mem::replace(&mut ended, true),
            PeerResets if shut && ended => false,
            PeerResets => !std::mem::replace(&mut reset, true),
            _ => true,
        }));
        script
    })
}

proptest! {
    #[test]
    fn any_script_comes_to_the_same_with_the_system_and_in_memory(script in scripts()) {
        let seen = run(&script);
        prop_assert_eq!(seen.len(), script.len());
    }
}

#[test]
fn a_short_write_asks_for_space_like_one_that_was_refused() {
    let mut bench = Bench::in_memory();
    let Peer::Virtual(wire) = &bench.peer else { unreachable!("in memory") };
    wire.set_capacity(0, 3);
    assert!(bench.run(Register, false).ready.writable);
    let short = Seen { outcome: Ok(3), ready: NOTHING };
    assert_eq!(bench.run(Write(5), false), short);
    assert_eq!(bench.run(PeerReads, false).ready, Ready { writable: true, ..NOTHING });
}
