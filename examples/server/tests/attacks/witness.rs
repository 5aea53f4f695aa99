//! Healthy users beside an attack: two who talk, and others who come and go. What they notice is
//! what the attack cost.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::client::{Client, Next, Transport};
use crate::support::common::{Delivered, to_user};
use crate::support::frame::{DELIVER, SEND_REPLY};
use crate::support::http;
use crate::support::person::Person;
use crate::support::server::Addresses;

/// Between two messages of the one who talks.
const PACE: Duration = Duration::from_millis(25);
/// Between two newcomers.
const COMING: Duration = Duration::from_millis(200);
/// Messages that are said at the least, however soon the attack is over.
const LEAST: usize = 10;
/// After this a message is lost.
const LOST: Duration = Duration::from_secs(10);

/// What the two who talk have noticed.
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

/// What newcomers have noticed.
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

/// Two users, of whom one tells the other something all the time.
#[derive(Debug)]
pub(crate) struct Talk {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Told>,
}

impl Talk {
    /// Signs both in, which nobody disturbs yet; where few are let in each second, with patience.
    pub(crate) fn start(addresses: &Addresses) -> Self {
        let [ann, ben] = ["healthy ann", "healthy ben"].map(Person::new);
        let mut sender = patiently(Transport::Tcp, addresses, &ann);
        let mut reader = patiently(Transport::WebSocket, addresses, &ben);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut told = Told::default();
            let mut number = 0;
            // An attack that is over at once has been noticed or not all the same.
            while !stopped.load(Ordering::Relaxed) || told.times.len() < LEAST {
                number += 1;
                let began = Instant::now();
                let said = catch_unwind(AssertUnwindSafe(|| {
                    says(&mut sender, &mut reader, &ben, number, began + LOST)
                }));
                if !said.unwrap_or(false) {
                    told.lost += 1;
                    // A connection that is gone brings no second message either.
                    break;
                }
                told.times.push(began.elapsed());
                std::thread::park_timeout(PACE);
            }
            told
        });
        Self { stop, thread }
    }

    /// Nobody waits for what it notices.
    pub(crate) fn dismiss(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stop(self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or(Told { times: Vec::new(), lost: 1 })
    }
}

/// Signs in, again if it is turned away.
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

/// One message: answered to the one who sent it, and delivered once to the other.
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

/// Users who sign in, one after the other, and leave again; each also asks for the health.
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

    /// Nobody waits for what it notices.
    pub(crate) fn dismiss(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stop(self) -> Came {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or(Came { times: Vec::new(), refused: 1 })
    }
}
