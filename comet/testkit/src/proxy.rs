//! A proxy to a gateway that can be cut.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::ports::ANYWHERE;

/// Relays bytes in both directions, until its connections are cut.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// A proxy to this address. It accepts connections for the rest of the tests.
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(ANYWHERE).expect("bind");
        let address = listener.local_addr().expect("address");
        let open = Arc::new(Mutex::new(Vec::new()));
        let links = Arc::clone(&open);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // If the gateway is down, the connection is closed at once.
                let Ok(far) = TcpStream::connect(target) else { continue };
                let pairs = [(&near, &far), (&far, &near)];
                for (from, to) in pairs.map(|(from, to)| (copy_of(from), copy_of(to))) {
                    thread::spawn(move || pass_on(from, to));
                }
                lock(&links).extend([near, far]);
            }
        });
        Self { address, open }
    }

    /// Ends all connections in both directions; returns their number.
    pub fn cut(&self) -> usize {
        let open = std::mem::take(&mut *lock(&self.open));
        // One that has ended already needs no shutdown.
        open.iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        open.len() / 2
    }
}

fn copy_of(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("another handle")
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    // Any result means that it has ended.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

fn lock(open: &Mutex<Vec<TcpStream>>) -> MutexGuard<'_, Vec<TcpStream>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
