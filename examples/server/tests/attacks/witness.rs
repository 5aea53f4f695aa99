//! Healthy users beside an attack: two that talk, and others that come and go. Their observations
//! measure the attack's effect.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use comet_server_testkit::client::{Client, Next, Transport};
use comet_server_testkit::http;
use comet_server_testkit::message::{Delivered, to_user};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::Addresses;
use comet_testkit::frame::{DELIVER, SEND_REPLY};

/// Interval between messages.
const PACE: Duration = Duration::from_millis(25);
/// Interval between newcomers.
const COMING: Duration = Duration::from_millis(200);
/// Minimum number of messages, even if the attack ends sooner.
const LEAST: usize = 10;
/// Timeout after which a message counts as lost.
const LOST: Duration = Duration::from_secs(10);

/// Observations of the two that talk.
#[derive(Debug, Default)]
pub(crate) struct Told {
    times: Vec<Duration>,
    pub(crate) lost: usize,
}

impl Told {
    pub(crate) fn p99(&self) -> Option<Duration> {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get((times.len() * 99 / 100).min(times.len().saturating_sub(1))).copied()
    }
}

/// Observations of newcomers.
#[derive(Debug, Default)]
pub(crate) struct Came {
    times: Vec<Duration>,
    pub(crate) refused: usize,
}

impl Came {
    pub(crate) fn slowest(&self) -> Option<Duration> {
        self.times.iter().max().copied()
    }
}

/// Two users, one of which sends to the other all the time.
#[derive(Debug)]
pub(crate) struct Talk {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Told>,
}

impl Talk {
    /// Signs both in before the attack; with retries where logins are limited.
    pub(crate) fn start(addresses: &Addresses) -> Self {
        let [ann, ben] = ["healthy ann", "healthy ben"].map(Person::new);
        let mut sender = patiently(Transport::Tcp, addresses, &ann);
        let mut reader = patiently(Transport::WebSocket, addresses, &ben);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut told = Told::default();
            let mut number = 0;
            // A short attack still gets the minimum number of messages.
            while !stopped.load(Ordering::Relaxed) || told.times.len() < LEAST {
                number += 1;
                let began = Instant::now();
                let said = catch_unwind(AssertUnwindSafe(|| {
                    says(&mut sender, &mut reader, &ben, number, began + LOST)
                }));
                if !said.unwrap_or(false) {
                    told.lost += 1;
                    // A closed connection brings no second message either.
                    break;
                }
                told.times.push(began.elapsed());
                std::thread::park_timeout(PACE);
            }
            told
        });
        Self { stop, thread }
    }

    /// Discards its observations.
    pub(crate) fn dismiss(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stop(self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or(Told { times: Vec::new(), lost: 1 })
    }
}

/// Signs in, with retries on refusal.
fn patiently(transport: Transport, addresses: &Addresses, person: &Person) -> Client {
    let began = Instant::now();
    loop {
        let comes = catch_unwind(AssertUnwindSafe(|| {
            Client::signed_in(transport, addresses, person, None)
        }));
        match comes {
            Ok(client) => return client,
            Err(panic) if began.elapsed() > LOST => resume_unwind(panic),
            Err(_) => std::thread::park_timeout(COMING),
        }
    }
}

/// Sends one message: answered to the sender, and delivered once to the other.
fn says(
    sender: &mut Client,
    reader: &mut Client,
    to: &Person,
    number: u32,
    deadline: Instant,
) -> bool {
    let msg_id = format!("healthy-{number}");
    let seq = sender.post(&to_user(&to.uid, &msg_id, "still there?"));
    let (mut answered, mut echoed) = (false, false);
    while !answered || !echoed {
        let Next::Frame(frame) = sender.next(deadline) else { return false };
        match frame.op {
            SEND_REPLY if frame.ack == seq => answered = true,
            DELIVER if frame.seq > 0 => {
                echoed |= Delivered::by(&frame).message().msg_id == msg_id;
                sender.ack(frame.seq);
            }
            _ => {}
        }
    }
    loop {
        let Next::Frame(frame) = reader.next(deadline) else { return false };
        if frame.op == DELIVER {
            let got = Delivered::by(&frame).message();
            reader.ack(frame.seq);
            return got.msg_id == msg_id;
        }
    }
}

/// Users that sign in and leave, one after the other; each also requests the health.
#[derive(Debug)]
pub(crate) struct Newcomers {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Came>,
}

impl Newcomers {
    pub(crate) fn start(addresses: Addresses) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut came = Came::default();
            let people: Vec<Person> =
                (0..8).map(|number| Person::new(&format!("newcomer {number}"))).collect();
            let mut turns = people.iter().cycle().zip(Transport::ALL.into_iter().cycle());
            let mut next = || turns.next().filter(|_| !stopped.load(Ordering::Relaxed));
            while let Some((person, transport)) = next() {
                let began = Instant::now();
                let comes = catch_unwind(AssertUnwindSafe(|| {
                    let client = Client::signed_in(transport, &addresses, person, None);
                    let healthy = http::get(addresses.admin, "/health").status == 200;
                    drop(client);
                    healthy
                }));
                match comes {
                    Ok(true) => came.times.push(began.elapsed()),
                    _ => came.refused += 1,
                }
                std::thread::park_timeout(COMING);
            }
            came
        });
        Self { stop, thread }
    }

    /// Discards its observations.
    pub(crate) fn dismiss(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stop(self) -> Came {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or(Came { times: Vec::new(), refused: 1 })
    }
}
