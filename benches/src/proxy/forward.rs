//! The proxy's loop: accepts connections, forwards them, and breaks some.

use std::io::{self, Write};
use std::time::Instant;

use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::fault::{Fault, Faults, TICK};
use super::pair::{Fate, Pair};
use super::{Options, ProxyCounts};

/// Standard input; what is above are listeners, and what is below are the ends of pairs.
const INPUT: usize = usize::MAX / 2;

struct Proxy {
    poll: Poll,
    listeners: Vec<TcpListener>,
    pairs: Vec<Option<Pair>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
    tally: ProxyCounts,
    options: Options,
}

/// Forwards until standard input ends; prints its addresses on standard output, and its counts at
/// the end.
///
/// # Errors
///
/// When there are no sockets to be had.
pub fn run(options: Options) -> io::Result<()> {
    let mut proxy = Proxy::new(options)?;
    let addresses: io::Result<Vec<String>> = proxy
        .listeners
        .iter()
        .map(|listener| listener.local_addr().map(|address| address.to_string()))
        .collect();
    print_line(&addresses?.join(" "))?;
    proxy.forward()?;
    let ProxyCounts { accepted, resets, half_closes } = proxy.tally;
    print_line(&format!("{accepted} {resets} {half_closes}"))
}

fn print_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

impl Proxy {
    fn new(options: Options) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listeners = Vec::new();
        for token in (INPUT + 1..).take(options.to.len()) {
            let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
            poll.registry().register(&mut listener, Token(token), Interest::READABLE)?;
            listeners.push(listener);
        }
        // Input that cannot be waited for never ends.
        let _ = poll.registry().register(&mut SourceFd(&0), Token(INPUT), Interest::READABLE);
        let (pairs, free, tally) = (Vec::new(), Vec::new(), ProxyCounts::default());
        let buffer = vec![0; 64 * 1024];
        Ok(Self { poll, listeners, pairs, free, buffer, tally, options })
    }

    fn forward(&mut self) -> io::Result<()> {
        let start = Instant::now();
        let mut faults = Faults::new(self.options.seed, self.options.every);
        let mut next_tick = start + TICK;
        let mut events = Events::with_capacity(1_024);
        loop {
            let wait = next_tick.saturating_duration_since(Instant::now());
            match self.poll.poll(&mut events, Some(wait)) {
                // A stopped process that goes on is interrupted here.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                match event.token().0 {
                    INPUT => return Ok(()),
                    token if token > INPUT => self.accept(token - INPUT - 1)?,
                    token => self.pump(token / 2),
                }
            }
            if Instant::now() >= next_tick {
                next_tick = Instant::now() + TICK;
                if start.elapsed() < self.options.lasting {
                    self.break_some(&mut faults);
                }
            }
        }
    }

    fn accept(&mut self, listener: usize) -> io::Result<()> {
        loop {
            let client = match self.listeners[listener].accept() {
                Ok((client, _)) => client,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The client was faster than we are.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            self.tally.accepted += 1;
            let gateway = TcpStream::connect(self.options.to[listener])?;
            for stream in [&client, &gateway] {
                // Small frames are not to wait for each other here.
                let _ = stream.set_nodelay(true);
            }
            let at = self.free.pop().unwrap_or(self.pairs.len());
            let mut pair = Pair::new(client, gateway);
            pair.register(self.poll.registry(), 2 * at)?;
            if at == self.pairs.len() {
                self.pairs.push(None);
            }
            self.pairs[at] = Some(pair);
        }
    }

    fn pump(&mut self, at: usize) {
        let Some(Some(pair)) = self.pairs.get_mut(at) else { return };
        let fate = pair.pump(&mut self.buffer);
        self.settle(at, fate);
    }

    fn break_some(&mut self, faults: &mut Faults) {
        for at in 0..self.pairs.len() {
            let Some(pair) = &mut self.pairs[at] else { continue };
            let Some(fault) = faults.draw() else { continue };
            match fault {
                Fault::Reset { .. } => self.tally.resets += 1,
                Fault::HalfClose { .. } => self.tally.half_closes += 1,
            }
            let fate = pair.handle_fault(fault);
            self.settle(at, fate);
        }
    }

    fn settle(&mut self, at: usize, fate: Fate) {
        if fate != Fate::Alive
            && let Some(pair) = self.pairs[at].take()
        {
            if fate == Fate::Broken {
                pair.reset();
            }
            self.free.push(at);
        }
    }
}
