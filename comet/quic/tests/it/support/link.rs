//! A UDP relay between one client and servers: it can be cut, and lead elsewhere.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A relay; it ends when it is dropped.
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    /// Where datagrams of the client go; nowhere while the link is cut.
    server: Option<SocketAddr>,
    is_over: bool,
    /// Datagrams of the client.
    sent: Vec<Vec<u8>>,
}

impl Link {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let address = socket.local_addr().unwrap();
        let state =
            Arc::new(Mutex::new(State { server: Some(server), is_over: false, sent: Vec::new() }));
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || relay(&socket, &shared));
        Self { address, state, thread: Some(thread) }
    }

    /// Leads there from now on, or nowhere.
    pub(crate) fn lead(&self, server: Option<SocketAddr>) {
        self.state.lock().unwrap().server = server;
    }

    /// Datagrams that the client has sent, also while the link was cut.
    pub(crate) fn sent(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().sent.clone()
    }
}

fn relay(socket: &UdpSocket, state: &Mutex<State>) {
    let mut buffer = [0; 2_048];
    let mut servers: Vec<SocketAddr> = Vec::new();
    let mut client = None;
    loop {
        let received = socket.recv_from(&mut buffer);
        // After the datagram has come: one that was sent behind a change must not miss it.
        let (server, is_over) = {
            let state = state.lock().unwrap();
            (state.server, state.is_over)
        };
        if is_over {
            return;
        }
        servers.extend(server.filter(|server| !servers.contains(server)));
        let Ok((len, from)) = received else { continue };
        let to = match servers.contains(&from) {
            true => client.filter(|_| server == Some(from)),
            false => {
                client = Some(from);
                state.lock().unwrap().sent.push(buffer[..len].to_vec());
                server
            }
        };
        if let Some(to) = to {
            // A lost datagram is a lost datagram.
            let _ = socket.send_to(&buffer[..len], to);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.state.lock().unwrap().is_over = true;
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
