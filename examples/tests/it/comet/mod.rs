//! The comet dialect of the relay, byte by byte.

mod deliveries;
mod faults;
mod opening;
mod resume;

use comet_testkit::client::Transport;

const BOTH: [Transport; 2] = [Transport::Tcp, Transport::WebSocket];
