//! Connections lost while messages flow continuously.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use comet_dtalk::message::Device;
use comet_server_testkit::client::Transport;
use comet_server_testkit::person::{Person, browser, device};
use comet_server_testkit::server::{Addresses, Server, Setup};
use comet_testkit::clock;
use parking_lot::RwLock;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Cut;
use super::author::write_on;
use super::desktop::Desktop;

/// Number of losses per connection.
const CUTS: usize = 16;

#[test]
fn a_device_that_comes_back_gets_exactly_what_it_missed_without_a_pull() {
    let mut world = World::new(false);
    world.play(|_| false);
}

#[test]
fn a_desktop_that_pulls_and_comes_back_has_everything_once_and_in_order() {
    let mut world = World::new(true);
    world.play(|_| false);
}

#[test]
fn the_same_when_the_server_is_killed_or_stopped_and_started_again() {
    let mut world = World::new(true);
    world.play(|round| round % 3 == 2);
}

struct World {
    rng: StdRng,
    server: Server,
    desktops: Vec<Desktop>,
    bob: Person,
}

impl World {
    #[expect(clippy::print_stderr, reason = "shown with the test that failed")]
    fn new(pulls: bool) -> Self {
        let seed: u64 = rand::random();
        eprintln!("seed {seed}");
        let bob = Person::new("bob");
        let devices = [
            (device(Device::MacOs, "d-1"), Transport::Tcp),
            (browser("b-1"), Transport::WebSocket),
            (device(Device::Windows, "d-2"), Transport::HttpPort),
        ];
        let desktop = |(login, transport)| Desktop::new(&bob, login, transport, pulls);
        let desktops = devices.into_iter().map(desktop).collect();
        // Deliveries are not acknowledged while it drains.
        let server = Setup::default().variable("COMET_DRAIN_SECONDS", &1).start();
        Self { rng: StdRng::seed_from_u64(seed), server, desktops, bob }
    }

    /// Drops connections, and the server in the rounds that `restarts` selects; then all messages
    /// must be present.
    #[expect(clippy::print_stderr, reason = "shown with the test that failed")]
    fn play(&mut self, restarts: impl Fn(usize) -> bool) {
        let addresses = RwLock::new(self.server.addresses);
        let stop = AtomicBool::new(false);
        let uid = self.bob.uid.clone();
        for desktop in &mut self.desktops {
            desktop.connect(&self.server.addresses);
        }
        let written = thread::scope(|scope| {
            let author = scope.spawn(|| write_on(&addresses, &uid, &stop));
            let stopped = Stop(&stop);
            for round in 0..CUTS {
                if restarts(round) {
                    self.restart(round % 2 == 0, &addresses);
                } else {
                    self.cut(Cut::ALL[round % 2]);
                }
                self.listen();
            }
            drop(stopped);
            let written = author.join().expect("the author");
            self.settle(written.len());
            written
        });
        let repeats: Vec<_> = self.desktops.iter().map(|it| it.all_repeats).collect();
        eprintln!("{} messages, {repeats:?} came once more", written.len());
        assert!(written.len() > 100, "messages flow: {}", written.len());
        for desktop in &self.desktops {
            assert_eq!(desktop.stored, written);
        }
    }

    /// Each client loses its connection, is away for some time, and reconnects.
    fn cut(&mut self, cut: Cut) {
        for desktop in &mut self.desktops {
            desktop.lose_connection(cut);
        }
        self.pause(150);
        for desktop in &mut self.desktops {
            desktop.connect(&self.server.addresses);
        }
    }

    fn restart(&mut self, drains: bool, addresses: &RwLock<Addresses>) {
        if drains {
            assert!(self.server.stop().success());
        } else {
            self.server.kill();
        }
        self.desktops.iter_mut().for_each(Desktop::forget_connections);
        self.server.restart();
        *addresses.write() = self.server.addresses;
        // The author may be faster or slower.
        self.pause(100);
        for desktop in &mut self.desktops {
            desktop.connect(&self.server.addresses);
        }
    }

    fn listen(&mut self) {
        for desktop in &mut self.desktops {
            let time = Duration::from_millis(self.rng.random_range(0..150));
            desktop.listen(&self.server.addresses, Instant::now() + time);
        }
    }

    fn settle(&mut self, count: usize) {
        let soon = || Instant::now() + Duration::from_millis(20);
        let at = self.server.addresses;
        clock::eventually("all have everything", || {
            self.desktops.iter_mut().for_each(|desktop| desktop.listen(&at, soon()));
            self.desktops.iter().all(|desktop| desktop.stored.len() >= count)
        });
        // Later deliveries are all known ones.
        self.desktops.iter_mut().for_each(|desktop| desktop.listen(&at, soon()));
    }

    fn pause(&mut self, up_to: u64) {
        thread::park_timeout(Duration::from_millis(self.rng.random_range(0..up_to)));
    }
}

/// Stops the author in any case.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
