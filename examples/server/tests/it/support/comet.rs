//! Clients of the comet dialect: its frames, over the same connections.

use comet_dtalk::message::Login;
use comet_protocol::Head;
use comet_protocol::comet::message::capability;
use comet_protocol::comet::{Auth, ClientFrame, Ping, ServerFrame, Welcome};
use prost::Message as _;

use super::client::Client;
use super::person::Person;

/// Requests a session, or resumes the one of a ticket; the answer must come first.
pub(crate) fn sign_in(client: &mut Client, bob: &Person, login: &Login, ticket: &[u8]) -> Welcome {
    let auth = Auth {
        app_id: "dtalk".into(),
        token: bob.token(),
        ext: login.encode_to_vec().into(),
        capabilities: capability::RESUME,
        ticket: ticket.to_vec().into(),
        ..Auth::default()
    };
    say(client, &ClientFrame::Auth { seq: client_number(), auth: Box::new(auth) });
    match hear(client) {
        ServerFrame::Welcome { welcome, .. } => *welcome,
        other => panic!("a welcome was expected, not {other:?}"),
    }
}

/// Attempts are numbered over all connections.
fn client_number() -> u32 {
    static LAST: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1
}

/// Sends a frame.
pub(crate) fn say(client: &mut Client, frame: &ClientFrame<'_>) {
    let mut packet = Vec::new();
    frame.write(&mut packet);
    client.send_bytes(&packet);
}

/// The next frame.
pub(crate) fn hear(client: &mut Client) -> ServerFrame {
    let frame = client.receive();
    let head = Head { ver: frame.ver, op: frame.op, seq: frame.seq, ack: frame.ack };
    ServerFrame::decode(head, frame.body).expect("a frame of the dialect")
}

/// A ping and its pong, with nothing in between.
pub(crate) fn beat(client: &mut Client) {
    say(client, &ClientFrame::Ping(Ping { stamp: *b"a moment", round_trip_us: None }));
    assert_eq!(hear(client), ServerFrame::Pong { stamp: *b"a moment" });
}
