//! The driver's socket, with the test as the gateway.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use comet_bench::clock;
use comet_bench::dialect::Dialect;
use comet_bench::driver::{Destination, Driver, Event, Identity, Observer, Route, Time, Tuning};
use comet_protocol::comet::{ServerFrame, Welcome, op};
use comet_protocol::{Decoder, Layout};
use comet_testkit::clock::PATIENCE;

#[derive(Default)]
struct Events(Vec<String>);

impl Observer for Events {
    fn handle(&mut self, _: Time, _: usize, event: Event<'_>) {
        self.0.push(match event {
            Event::Opened { resumed, .. } => format!("opened, resumed: {resumed}"),
            other => format!("{other:?}"),
        });
    }
}

/// Turns until something is there.
fn turn_until<T>(
    driver: &mut Driver,
    events: &mut Events,
    mut there: impl FnMut() -> Option<T>,
) -> T {
    let deadline = clock::now() + PATIENCE;
    loop {
        if let Some(found) = there() {
            return found;
        }
        assert!(clock::now() < deadline, "not within {PATIENCE:?}; {:?}", events.0);
        driver.turn(clock::now() + Duration::from_millis(1), events).expect("polled");
    }
}

fn read_some(stream: &mut TcpStream, decoder: &mut Decoder) -> usize {
    let mut buffer = [0; 4_096];
    match stream.read(&mut buffer) {
        Ok(read) => decoder.push(&buffer[..read]),
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
    decoder.buffered()
}

#[test]
fn what_the_socket_does_not_take_at_once_arrives_whole_and_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut tuning = Tuning { unsent: 32 << 20, ..Tuning::default() };
    tuning.timing.comet.outbox_bytes = 32 << 20;
    let (mut driver, mut events) = (Driver::new(tuning).unwrap(), Events::default());
    let route = Route::tcp(listener.local_addr().unwrap());
    let me = Identity::new("al", []);
    let session = driver.add(Dialect::Comet, me, Arc::new([route]), 0);
    let accept = || listener.accept().ok();
    let (mut gateway, _) = turn_until(&mut driver, &mut events, accept);
    gateway.set_nonblocking(true).unwrap();

    let mut welcome = Vec::new();
    let open = Welcome { send_window: 1_000, max_body: 65_536, ..Welcome::default() };
    ServerFrame::Welcome { ack: 1, welcome: Box::new(open) }.write(&mut welcome);
    gateway.write_all(&welcome).unwrap();
    let bodies: Vec<Bytes> = (0..200).map(|number| Bytes::from(vec![number; 60_000])).collect();
    for body in &bodies {
        driver.send(session, &Destination::Rooms, body.clone()).unwrap();
    }
    let full = clock::now() + Duration::from_millis(300);
    turn_until(&mut driver, &mut events, || (clock::now() > full).then_some(()));
    assert_eq!(events.0, ["opened, resumed: false"]);

    let mut decoder = Decoder::new(Layout::Dtalk, 65_536);
    let mut next = || {
        read_some(&mut gateway, &mut decoder);
        decoder.next_frame().unwrap().filter(|frame| frame.head.op != op::ACK)
    };
    assert_eq!(turn_until(&mut driver, &mut events, &mut next).head.op, op::AUTH);
    for (body, seq) in bodies.iter().zip(1..) {
        let frame = turn_until(&mut driver, &mut events, &mut next);
        assert_eq!((frame.head.op, frame.head.seq), (op::SEND, seq));
        assert!(frame.body == *body, "message {seq} is another");
    }
}
