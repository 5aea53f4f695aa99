//! Names of rooms, users and destinations on the wire.
//!
//! In comet's own dialects this is the contract of the `relay` example: rooms in the auth frame,
//! separated by commas; and with `--addressed` a first line `#room` or `@user` before the body.
//! Where a server knows only channels, rooms are channels, and `@user` is one.

use std::borrow::Cow;

use super::{Destination, Event, Identity};

/// The application that sessions belong to.
const APP: &str = "bench";

/// Identity of a session in an auth frame.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct AuthFields {
    pub(super) app: String,
    pub(super) token: String,
    pub(super) ext: Vec<u8>,
}

/// Credentials, on a server that knows its users; else a name, and rooms.
pub(super) fn auth_fields(me: &Identity) -> AuthFields {
    match &me.account {
        Some(account) => AuthFields {
            app: account.app().to_owned(),
            token: account.token(),
            ext: account.login(),
        },
        None => AuthFields {
            app: APP.to_owned(),
            token: me.token.as_ref().unwrap_or(&me.user).clone(),
            ext: rooms(me).into_bytes(),
        },
    }
}

/// Tells of a delivery; between accounts of its content, if it is a message of this run.
pub(super) fn delivery(me: &Identity, body: &[u8], emit: &mut impl FnMut(Event<'_>)) {
    let Some(account) = &me.account else { return emit(Event::Delivery { body }) };
    if let Some(content) = account.read(body) {
        emit(Event::Delivery { body: &content });
    }
}

/// `lobby,news,device=phone-1`
fn rooms(me: &Identity) -> String {
    let mut rooms = me.rooms.join(",");
    if let Some(device) = &me.device {
        rooms.push_str(",device=");
        rooms.push_str(device);
    }
    rooms
}

/// Lends out the line that goes before a body: nothing for all rooms.
pub(super) fn line<T>(me: &Identity, to: &Destination, take: impl FnOnce(&[u8]) -> T) -> T {
    match to {
        Destination::Rooms => take(b""),
        Destination::Room(at) => take(format!("#{}\n", me.rooms[*at]).as_bytes()),
        Destination::User(user) => take(format!("@{user}\n").as_bytes()),
    }
}

/// Subscriptions of a session where rooms and users are channels: its rooms, and its user's own
/// channel if messages to it are wanted.
pub(super) fn channels(me: &Identity) -> impl Iterator<Item = Cow<'_, str>> {
    let own = me.has_inbox().then(|| own(&me.user));
    me.rooms.iter().map(|room| Cow::Borrowed(room.as_str())).chain(own)
}

/// Shows every channel that a message goes to.
pub(super) fn each_channel(me: &Identity, to: &Destination, mut show: impl FnMut(&str)) {
    match to {
        Destination::Rooms if me.rooms.is_empty() => show(&own(&me.user)),
        Destination::Rooms => me.rooms.iter().for_each(|room| show(room)),
        Destination::Room(at) => show(&me.rooms[*at]),
        Destination::User(user) => show(&own(user)),
    }
}

/// The channel of a user; no room has such a name.
fn own(user: &str) -> Cow<'static, str> {
    format!("@{user}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_and_destinations_are_named_as_the_relay_reads_them() {
        let mut me = Identity::new("al", ["red".to_owned(), "blue".to_owned()]);
        assert_eq!(rooms(&me), "red,blue");
        me.device = Some("phone".to_owned());
        assert_eq!(rooms(&me), "red,blue,device=phone");
        let said = |to: Destination| line(&me, &to, <[u8]>::to_vec);
        assert_eq!(said(Destination::Rooms), b"");
        assert_eq!(said(Destination::Room(1)), b"#blue\n");
        assert_eq!(said(Destination::User("bo".to_owned())), b"@bo\n");
    }

    #[test]
    fn a_session_has_its_users_channel_if_it_is_alone_or_wants_it() {
        let mut me = Identity::new("al", ["red".to_owned(), "blue".to_owned()]);
        let reads = |me: &Identity| channels(me).collect::<Vec<_>>().join(" ");
        let goes = |me: &Identity, to: Destination| {
            let mut shown = Vec::new();
            each_channel(me, &to, |channel| shown.push(channel.to_owned()));
            shown.join(" ")
        };
        assert_eq!(
            (reads(&me), goes(&me, Destination::Rooms)),
            ("red blue".into(), "red blue".into())
        );
        assert_eq!(goes(&me, Destination::Room(1)), "blue");
        assert_eq!(goes(&me, Destination::User("bo".to_owned())), "@bo");
        me.inbox = true;
        assert_eq!(
            (reads(&me), goes(&me, Destination::Rooms)),
            ("red blue @al".into(), "red blue".into())
        );
        me = Identity::new("al", []);
        assert_eq!((reads(&me), goes(&me, Destination::Rooms)), ("@al".into(), "@al".into()));
    }
}
