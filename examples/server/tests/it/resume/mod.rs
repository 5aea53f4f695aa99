//! A client that reconnects receives exactly what it missed: no loss, no duplicates, in order.
//!
//! * `one`: one message at a time, so that the expected frames are known exactly;
//! * `flow`: the same while messages flow continuously;
//! * `desktop`: a client like existing desktops, which pulls and then connects;
//! * `order`: the same for clients that stop reading for a while;
//! * `ticket`: the same for clients of the comet dialect;
//! * `author`: the sender, which writes continuously.

mod author;
mod desktop;
mod flow;
mod one;
mod order;
mod ticket;

use comet_testkit::socket::Socket;

/// A kind of connection loss.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// The server gets a reset.
    Reset,
    /// The server is not notified: its packets are dropped.
    HalfOpen,
}

impl Cut {
    const ALL: [Self; 2] = [Self::Reset, Self::HalfOpen];

    /// Drops a client's connection. The result must be kept until the client has reconnected.
    fn make(self, socket: Socket) -> Option<Socket> {
        match self {
            Self::Reset => {
                socket.reset();
                None
            }
            Self::HalfOpen => Some(socket),
        }
    }
}
