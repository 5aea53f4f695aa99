//! Clients of the comet dialect, with a user's token and login.

use comet_dtalk::message::Login;
use comet_testkit::comet::{Comet, Hello, Welcome};
use prost::Message as _;

use crate::client::Transport;
use crate::person::Person;
use crate::server::Addresses;

/// Connects, and says nothing.
pub fn connect(transport: Transport, addresses: &Addresses) -> Comet {
    Comet::over(transport.kind(), transport.socket(addresses))
}

/// Requests a session, or resumes the one of a ticket; the answer must come first.
pub fn sign_in(client: &mut Comet, bob: &Person, login: &Login, ticket: &[u8]) -> Welcome {
    let hello = Hello::new(&bob.token(), login.encode_to_vec());
    // Tickets alone.
    let hello = Hello { capabilities: 1, ticket: ticket.to_vec(), ..hello };
    client.ask(&hello).expect("a session");
    client.welcome.clone()
}
