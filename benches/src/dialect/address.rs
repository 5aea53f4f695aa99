//! How a session of a gateway of comet's kind names its rooms, and a message its destination.
//!
//! This is the contract of the `relay` example: rooms in the auth frame, separated by commas; and
//! with `--addressed` a first line `#room` or `@user` before the body.

use super::{Identity, To};

/// The application that sessions belong to.
pub(super) const APP: &str = "bench";

/// `lobby,news,device=phone-1`
pub(super) fn rooms(me: &Identity) -> String {
    let mut rooms = me.rooms.join(",");
    if let Some(device) = &me.device {
        rooms.push_str(",device=");
        rooms.push_str(device);
    }
    rooms
}

/// Lends out the line that goes before a body: nothing for all rooms.
pub(super) fn line<T>(me: &Identity, to: &To, take: impl FnOnce(&[u8]) -> T) -> T {
    match to {
        To::Rooms => take(b""),
        To::Room(at) => take(format!("#{}\n", me.rooms[*at]).as_bytes()),
        To::User(user) => take(format!("@{user}\n").as_bytes()),
    }
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
        let said = |to: To| line(&me, &to, <[u8]>::to_vec);
        assert_eq!(said(To::Rooms), b"");
        assert_eq!(said(To::Room(1)), b"#blue\n");
        assert_eq!(said(To::User("bo".to_owned())), b"@bo\n");
    }
}
