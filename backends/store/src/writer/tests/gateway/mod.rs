//! Engine together with the gateway's own session, on virtual sockets: for any order of
//! overflowing, parking, giving up, resuming and resending, the client first sees each message in
//! the order in which they were stored.

mod outlet;

use comet::simulation::{Endpoint, Listener, Simulation};
use comet::{
    Connect, ConnectReply, Gateway, Identity, Message, Middleware, Overflow, Pass, Peer, Receipt,
    Router, SessionId,
};
use comet_dtalk::device::DeviceInfo;
use comet_dtalk::message::Device;
use comet_protocol::{AuthMsg, Decoder, Head, Layout, op};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use tokio::sync::mpsc;

use super::*;
use crate::Store;
use crate::writer::GatewayOutlet;
use outlet::TestOutlet;

/// Admits every peer; everything else is passed to the store.
struct Doorman {
    store: Store,
    device: Device,
}

impl Middleware for Doorman {
    type Inner = Store;

    fn inner(&self) -> &Store {
        &self.store
    }

    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let device = DeviceInfo { device: Some(self.device), ..DeviceInfo::default() };
        let identity = Identity::new(request.app, request.token).device("d-1");
        reply.accept(identity.context(device));
    }
}

#[derive(Clone, Debug)]
enum Event {
    /// Alice and carol write this many messages to bob in turn.
    Send(usize),
    /// The gateway processes its commands.
    Turn,
    /// The writer processes the events of the gateway.
    Tell,
    /// Pages are read and pushed.
    Pages,
    /// Bob reads and acknowledges this many bytes.
    Read(usize),
    /// Bob's connection is lost, and soon there is another.
    Cut,
    Connect,
    /// Time passes, in milliseconds.
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => (1..30_usize).prop_map(Event::Send),
        5 => Just(Event::Turn),
        4 => Just(Event::Tell),
        3 => Just(Event::Pages),
        4 => (1..8_000_usize).prop_map(Event::Read),
        1 => Just(Event::Cut),
        3 => Just(Event::Connect),
        1 => (1..3_000_u64).prop_map(Event::Pass),
    ]
}

/// Memory limits of a session, and the policy on overflow.
#[derive(Clone, Debug)]
struct Limits {
    window: u16,
    queue: usize,
    overflow: Overflow,
    memory: usize,
    is_phone: bool,
    /// Maximum number of acks waiting for the writer.
    acks: usize,
}

fn limits() -> impl Strategy<Value = Limits> {
    let overflow = prop_oneof![Just(Overflow::Park), Just(Overflow::DropOldest)];
    let memory = prop_oneof![3 => Just(1 << 30), 1 => 20_000..60_000_usize];
    (1..6_u16, 1..24_usize, overflow, memory).prop_flat_map(|(window, queue, overflow, memory)| {
        // Only a phone gets everything if its session had to end for lack of memory.
        let is_phone = if memory < 1 << 30 { Just(true).boxed() } else { any::<bool>().boxed() };
        let acks = 1_000;
        is_phone.prop_map(move |is_phone| Limits {
            window,
            queue,
            overflow,
            memory,
            is_phone,
            acks,
        })
    })
}

struct Play {
    engine: Engine<SessionId>,
    reads: ReadPool,
    jobs: mpsc::UnboundedReceiver<Job<SessionId>>,
    simulation: Simulation,
    outlet: TestOutlet,
    now: u64,
    sent: usize,
    is_phone: bool,
    bob: Bob,
    _file: Database,
}

/// Client of the dtalk dialect, possibly slow.
struct Bob {
    line: Option<Endpoint>,
    decoder: Decoder,
    seq: u32,
    /// Ids, in the order of their first receipt.
    got: Vec<i64>,
    /// Number of messages written before his session began, which he will not get.
    before: Option<usize>,
}

impl Play {
    async fn new(limits: &Limits, is_defective: bool) -> Self {
        let file = sqlite().await;
        let opened = db::open(file.location(), 2, CACHE, LONG_TIMEOUTS).await.unwrap();
        let shared = Shared {
            membership: Arc::new(Group77),
            marks: Arc::new(Mutex::new(SyncMarks::default())),
            committed: Arc::new(AtomicI64::new(0)),
            counters: Arc::new(Counters::default()),
        };
        let ids = IdGenerator::after(Node::default(), opened.last);
        let engine = Engine::new(opened.writer_db, ids, Duration::from_secs(3600), shared.clone());
        let (store, jobs) = Store::without_writer(opened.reads.clone(), shared, limits.acks);
        let device = if limits.is_phone { Device::Android } else { Device::Windows };
        let config = comet::Config::default()
            .shards(1)
            .memory(|it| {
                it.read_buffer = 16 * 1024;
                it.budget = limits.memory;
                it.write_bytes = 1_000;
            })
            .delivery(|it| {
                it.window = limits.window;
                it.queue = limits.queue;
                it.overflow = limits.overflow;
                it.attempts = 255;
            })
            .resume(|it| it.ttl = Duration::from_secs(3600))
            .ping(|it| it.idle_timeout = Duration::from_secs(7200))
            .io(|it| {
                it.write_timeout = Duration::from_secs(3600);
                it.user_timeout = Duration::ZERO;
            });
        let simulation = Simulation::new(config, Doorman { store, device }, 1).unwrap();
        let decoder = Decoder::new(Layout::Dtalk, 1 << 20);
        let bob = Bob { line: None, decoder, seq: 0, got: Vec::new(), before: None };
        let (reads, now) = (opened.reads, NOW);
        let is_phone = limits.is_phone;
        let inner = GatewayOutlet::new(simulation.gateway().clone());
        let outlet = TestOutlet { inner, is_defective, pushed: HashSet::new(), late: Vec::new() };
        Self { engine, reads, jobs, simulation, outlet, now, sent: 0, is_phone, bob, _file: file }
    }

    async fn handle(&mut self, event: &Event) {
        match *event {
            Event::Send(count) => {
                let jobs: Vec<_> = (0..count).map(|_| self.message()).collect();
                self.engine_turn(jobs).await;
            }
            Event::Turn => while self.simulation.turn() {},
            Event::Tell => {
                let jobs: Vec<_> = std::iter::from_fn(|| self.jobs.try_recv().ok()).collect();
                let came = jobs.iter().any(|job| matches!(job, Job::Attach { .. }));
                if came && self.bob.before.is_none() {
                    self.bob.before = Some(if self.is_phone { 0 } else { self.sent });
                }
                self.engine_turn(jobs).await;
            }
            Event::Pages => {
                while let Some(request) = self.engine.feeds.next_read() {
                    let page = self.reads.page(&request.uid, request.range, &[]).await;
                    self.engine.feeds.page_read(&request, page, &mut self.outlet);
                }
            }
            Event::Read(most) => self.bob.read(most),
            Event::Cut => {
                if let Some(mut line) = self.bob.line.take() {
                    line.reset();
                }
            }
            Event::Connect => self.connect(),
            Event::Pass(millis) => {
                self.simulation.advance_to(self.simulation.now() + millis * 1_000);
            }
        }
    }

    fn message(&mut self) -> Job<SessionId> {
        let from = if self.sent.is_multiple_of(2) { "alice" } else { "carol" };
        self.sent += 1;
        send_from(from, &text(&format!("m-{}", self.sent), "bob", "hi"), false).0
    }

    async fn engine_turn(&mut self, jobs: Vec<Job<SessionId>>) {
        self.now += 1;
        let close = self.engine.turn(jobs.into_iter(), self.now, &mut self.outlet).await;
        assert!(close.is_none());
    }

    /// Makes another connection, although the gateway may not know yet that the last one is lost.
    fn connect(&mut self) {
        if self.bob.line.as_ref().is_some_and(|line| !line.is_closed()) {
            return;
        }
        let remote = "10.0.0.1:4000".parse().unwrap();
        let mut line = self.simulation.connect(Listener::Tcp, remote);
        line.set_capacity(64 * 1024, 2_000);
        self.bob.decoder = Decoder::new(Layout::Dtalk, 1 << 20);
        self.bob.seq = 0;
        let auth = AuthMsg { app_id: "app".into(), token: "bob".into(), ext: "d".into() };
        self.bob.line = Some(line);
        self.bob.write(op::AUTH, 0, &auth.to_vec());
    }

    /// Lets bob read everything, and checks the messages received.
    async fn check(mut self) -> Result<(), TestCaseError> {
        let mut quiet = 0;
        while quiet < 20 {
            let before = self.bob.got.len();
            for event in [
                Event::Turn,
                Event::Connect,
                Event::Turn,
                Event::Tell,
                Event::Pages,
                Event::Turn,
                Event::Read(usize::MAX),
                Event::Pass(1_000),
            ] {
                self.handle(&event).await;
            }
            self.engine.feeds.retry(&mut self.outlet);
            quiet = if self.bob.got.len() == before { quiet + 1 } else { 0 };
        }
        let got = self.bob.got;
        prop_assert!(got.is_sorted_by(|a, b| a < b), "in order: {got:?}");
        // A phone gets everything, another device the messages stored since it connected.
        let owed = self.sent - self.bob.before.unwrap_or(self.sent);
        // A defective outlet also withholds the last one; it only tests the order.
        let is_complete = self.outlet.is_defective || got.len() >= owed;
        prop_assert!(is_complete, "{} of {owed}", got.len());
        Ok(())
    }
}

impl Bob {
    fn read(&mut self, most: usize) {
        let mut bytes = Vec::new();
        if let Some(line) = &mut self.line {
            line.read(&mut bytes, most);
        }
        self.decoder.push(&bytes);
        while let Some(frame) = self.decoder.next_frame().unwrap() {
            if frame.head.op != op::DELIVER {
                continue;
            }
            let proto = Proto::decode(frame.body).unwrap();
            assert_eq!(proto.event_type, 0);
            let id = Common::decode(proto.body).unwrap().log_id;
            if !self.got.contains(&id) {
                self.got.push(id);
            }
            self.write(op::DELIVER_ACK, frame.head.seq, &[]);
        }
    }

    fn write(&mut self, op: u32, ack: u32, body: &[u8]) {
        self.seq += 1;
        let mut bytes = Vec::new();
        Head { ver: 1, op, seq: self.seq, ack }.write(Layout::Dtalk, body, &mut bytes);
        if let Some(line) = &mut self.line {
            line.write(&bytes);
        }
    }
}

/// Runs this many cases, with a defective outlet if requested.
fn play(cases: u32, is_defective: bool) -> Result<(), TestError<(Limits, Vec<Event>)>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A failure found on purpose need not be shrunk.
    let max_shrink_iters = if is_defective { 0 } else { 200 };
    let config = ProptestConfig { cases, max_shrink_iters, ..ProptestConfig::default() };
    let plays = (limits(), prop::collection::vec(event(), 1..120));
    TestRunner::new(config).run(&plays, |(limits, events)| {
        runtime.block_on(async {
            let mut play = Play::new(&limits, is_defective).await;
            for event in &events {
                play.handle(event).await;
            }
            play.check().await
        })
    })
}

#[test]
fn a_slow_reader_sees_everything_once_and_in_order_whatever_is_given_up() {
    let failure = play(100, false).err().map(|failure| failure.to_string());
    assert_eq!(failure, None);
}

#[test]
fn what_comes_again_after_what_was_pushed_meanwhile_is_found() {
    let Err(TestError::Fail(reason, _)) = play(300, true) else { panic!("it is not found") };
    assert!(reason.message().starts_with("in order"), "{reason}");
}

#[tokio::test]
async fn an_ack_that_is_not_recorded_ends_the_session_and_the_phone_gets_the_delivery_again() {
    let limits = Limits {
        window: 5,
        queue: 20,
        overflow: Overflow::Park,
        memory: 1 << 30,
        is_phone: true,
        acks: 1,
    };
    let mut play = Play::new(&limits, false).await;
    let events = [Event::Connect, Event::Turn, Event::Tell, Event::Pages, Event::Turn];
    for event in events {
        play.handle(&event).await;
    }
    play.handle(&Event::Send(3)).await;
    play.handle(&Event::Turn).await;
    // All three are acknowledged before the writer processes them.
    play.handle(&Event::Read(usize::MAX)).await;
    play.handle(&Event::Turn).await;
    let stats = play.simulation.gateway().stats();
    assert_eq!((play.bob.got.len(), stats.acks), (3, 3));
    assert_eq!(stats.closed_as(&comet::Closed::Kicked("".into())), 1);
    assert_eq!(play.engine.shared.counters.read().acks_unrecorded, 2);
    let first = std::mem::take(&mut play.bob.got)[0];
    // The writer records the acks, and there is room again.
    for _ in 0..20 {
        for event in [
            Event::Tell,
            Event::Connect,
            Event::Turn,
            Event::Tell,
            Event::Pages,
            Event::Turn,
            Event::Read(usize::MAX),
            Event::Turn,
            Event::Pass(1_000),
        ] {
            play.handle(&event).await;
        }
    }
    assert_eq!(play.bob.got.len(), 2, "both whose acks were not recorded");
    assert!(play.bob.got[0] > first);
}

#[test]
fn what_is_held_for_sessions_is_a_quarter_of_what_the_gateway_lends_and_is_in_its_metric() {
    struct Nobody;
    impl Router for Nobody {
        fn connect(&self, _: &Gateway, _: Connect, _: ConnectReply) {}
        fn receive(&self, _: &Gateway, _: &Peer, _: Message, _: Receipt) {}
    }
    let config = comet::Config::default().shards(1).memory(|it| it.budget = 32 << 20);
    let simulation = Simulation::new(config, Nobody, 1).unwrap();
    let most = simulation.gateway().reservable_memory() / 4;
    assert!((900_000..=1 << 20).contains(&most), "an eighth of it is lent: {most}");
    let memory = || usize::try_from(simulation.gateway().stats().memory).unwrap();
    let (mut gateway_outlet, before) = (GatewayOutlet::new(simulation.gateway().clone()), memory());
    assert!(gateway_outlet.hold(most));
    assert_eq!(memory() - before, most);
    assert!(!gateway_outlet.hold(most + 1));
    assert_eq!(memory() - before, most);
    assert!(gateway_outlet.hold(10) && gateway_outlet.hold(500));
    assert_eq!(memory() - before, 500);
    assert!(gateway_outlet.hold(0));
    assert_eq!(memory(), before);
}
