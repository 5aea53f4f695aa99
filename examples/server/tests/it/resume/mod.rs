//! A client that comes back gets exactly what it missed: nothing lost, nothing twice, in order.
//!
//! * `one`: one message at a time, so that it is known what must come, to the frame;
//! * `flow`: the same while messages flow all the time;
//! * `desktop`: a client as existing desktops are, which pulls and then connects;
//! * `order`: the same for clients that read nothing for a while;
//! * `ticket`: the same for clients of the comet dialect;
//! * `author`: who writes to it, without a pause.

mod author;
mod desktop;
mod flow;
mod one;
mod order;
mod ticket;

use crate::support::client::Client;

/// How a connection is lost.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// The server is told by a reset.
    Reset,
    /// The server is told nothing: its packets go nowhere.
    HalfOpen,
}

impl Cut {
    const ALL: [Self; 2] = [Self::Reset, Self::HalfOpen];

    /// Loses the connection. What is returned has to be kept until the client is back.
    fn make(self, client: Client) -> Option<Client> {
        match self {
            Self::Reset => {
                client.socket.reset();
                None
            }
            Self::HalfOpen => Some(client),
        }
    }
}
