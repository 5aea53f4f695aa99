//! A simulated client that runs: its thread, its socket, its network.

use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use comet_testkit::client::{Client, Next, Transport};
use comet_testkit::{clock, websocket};

use super::{App, Body, Call, Input, Output};
use crate::http::{Answer, form, try_request};

/// Time for which a device waits for a frame before it looks for something else to do.
const LOOK: Duration = Duration::from_millis(5);
/// Frames handled before it looks.
const FRAMES: usize = 64;

/// Network of a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Network {
    /// Nothing.
    Down,
    /// The HTTP API at this address, and no WebSocket: as behind a proxy that breaks it.
    HttpOnly(SocketAddr),
    /// Everything at this address.
    Up(SocketAddr),
}

/// A client on a thread of its own. The client ends when this is dropped.
#[derive(Debug)]
pub struct Device<A: App> {
    shared: Arc<Shared<A>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared<A> {
    app: Mutex<A>,
    network: Mutex<Network>,
    /// Operation of the next frame to be lost on its way to the client; 0 for none.
    lost: AtomicU32,
    ends: AtomicBool,
}

impl<A: App> Device<A> {
    /// Runs a client, which has this network.
    pub fn new(app: A, network: Network) -> Self {
        let shared = Arc::new(Shared {
            app: Mutex::new(app),
            network: Mutex::new(network),
            lost: AtomicU32::new(0),
            ends: AtomicBool::new(false),
        });
        let running = Arc::clone(&shared);
        let run = move || Run { shared: running, network, client: None }.run();
        Self { shared, thread: Some(thread::spawn(run)) }
    }

    /// Lets the user do something.
    pub fn act<T>(&self, act: impl FnOnce(&mut A, Instant) -> T) -> T {
        act(&mut self.app(), clock::now())
    }

    /// Looks at the client.
    pub fn see<T>(&self, look: impl FnOnce(&A) -> T) -> T {
        look(&self.app())
    }

    /// Waits until the client is in some state.
    pub fn eventually(&self, what: &str, is_so: impl Fn(&A) -> bool) {
        clock::eventually(what, || self.see(&is_so));
    }

    /// Changes the network; an open socket is cut by that.
    pub fn has(&self, network: Network) {
        *self.shared.network.lock().expect("a device that runs") = network;
    }

    /// Loses the next frame with this operation on its way to the client.
    pub fn loses(&self, op: u32) {
        self.shared.lost.store(op, Ordering::Relaxed);
    }

    /// Whether the frame has been lost.
    pub fn has_lost(&self) -> bool {
        self.shared.lost.load(Ordering::Relaxed) == 0
    }

    fn app(&self) -> MutexGuard<'_, A> {
        self.shared.app.lock().expect("a device that runs")
    }
}

impl<A: App> Drop for Device<A> {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the device has failed");
        }
    }
}

/// The thread of a device.
struct Run<A> {
    shared: Arc<Shared<A>>,
    /// The one that the socket was opened with.
    network: Network,
    client: Option<Client>,
}

impl<A: App> Run<A> {
    fn run(mut self) {
        while !self.shared.ends.load(Ordering::Relaxed) {
            let network = *self.shared.network.lock().expect("no panic while it is changed");
            if mem::replace(&mut self.network, network) != network && self.client.take().is_some() {
                self.handle(Input::Closed);
            }
            while let Some(output) = self.next_output() {
                // A client may connect again and again at once.
                let is_attempt = matches!(output, Output::Connect);
                self.carry_out(output);
                if is_attempt {
                    break;
                }
            }
            self.listen();
            self.app().tick(clock::now());
            if self.client.is_none() {
                thread::park_timeout(LOOK);
            }
        }
    }

    fn app(&self) -> MutexGuard<'_, A> {
        self.shared.app.lock().expect("no panic while it is looked at")
    }

    fn next_output(&self) -> Option<Output<A::Purpose>> {
        self.app().poll()
    }

    fn handle(&self, input: Input<A::Purpose>) {
        self.app().handle(input, clock::now());
    }

    fn carry_out(&mut self, output: Output<A::Purpose>) {
        match output {
            Output::Connect => {
                self.client = match self.network {
                    Network::Up(address) => websocket::try_upgrade(address, "/sub/")
                        .map(|socket| Client::over(Transport::WebSocket, socket).may_be_cut()),
                    Network::HttpOnly(_) | Network::Down => None,
                };
                self.handle(match self.client {
                    Some(_) => Input::Connected,
                    None => Input::Closed,
                });
            }
            // The end of the connection is seen when it is read from.
            Output::Send(frame) => {
                if let Some(client) = &mut self.client {
                    let _gone = client.try_send_all(&[frame]);
                }
            }
            Output::Disconnect => {
                if self.client.take().is_some() {
                    self.handle(Input::Closed);
                }
            }
            Output::Call(call) => {
                let answer = self.call(&call);
                self.handle(Input::Answer(call.purpose, answer));
            }
        }
    }

    fn call(&self, call: &Call<A::Purpose>) -> Option<Answer> {
        let (Network::HttpOnly(address) | Network::Up(address)) = self.network else {
            return None;
        };
        let (kind, body) = match &call.body {
            Body::Empty => (None, Vec::new()),
            Body::Json(text) => (Some("application/json".to_owned()), text.clone().into_bytes()),
            Body::Form(file, content) => {
                let (kind, body) = form("message", file, content);
                (Some(kind), body)
            }
        };
        let headers = call.headers.iter().map(|(name, value)| (*name, &**value));
        let kind = kind.as_deref().map(|kind| ("Content-Type", kind));
        let headers: Vec<_> = headers.chain(kind).collect();
        try_request(address, call.method, &call.path, &headers, &body)
    }

    /// Takes the frames that are there.
    fn listen(&mut self) {
        let Some(client) = &mut self.client else {
            return;
        };
        let mut deadline = clock::now() + LOOK;
        for _ in 0..FRAMES {
            match client.next(deadline) {
                Next::Frame(frame) => {
                    let (op, none) = (frame.op, 0);
                    let order = Ordering::Relaxed;
                    if self.shared.lost.compare_exchange(op, none, order, order).is_err() {
                        let input = Input::Frame(frame);
                        let mut app = self.shared.app.lock().expect("no panic while it is seen");
                        app.handle(input, clock::now());
                    }
                    deadline = clock::now();
                }
                Next::Ended(_) => {
                    self.client = None;
                    self.handle(Input::Closed);
                    return;
                }
                Next::Nothing => return,
            }
        }
    }
}
