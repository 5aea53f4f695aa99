//! The destination of a message, from its first line: `--addressed`.

use bytes::Bytes;

/// The destination of a message.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Address {
    /// All rooms of the sender, or the sender alone.
    Rooms,
    /// The room of this name.
    Room(Bytes),
    /// The user of this name.
    User(Bytes),
}

/// Splits a first line `#room` or `@user` off a message; the rest is the body.
pub(crate) fn split(message: &Bytes) -> (Address, Bytes) {
    let end = message.iter().position(|&byte| byte == b'\n');
    let whole = || (Address::Rooms, message.clone());
    let (Some(end), Some(mark)) = (end, message.first()) else { return whole() };
    let (name, body) = (|| message.slice(1..end), message.slice(end + 1..));
    match mark {
        b'#' => (Address::Room(name()), body),
        b'@' => (Address::User(name()), body),
        _ => whole(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_that_begins_with_a_mark_is_an_address() {
        let at = |message: &'static str| split(&Bytes::from_static(message.as_bytes()));
        assert_eq!(at("#red\nhi\n"), (Address::Room("red".into()), "hi\n".into()));
        assert_eq!(at("@al\n"), (Address::User("al".into()), "".into()));
        for message in ["", "\n", "hi", "hi\n#red", "#red", "@", " @al\nhi"] {
            assert_eq!(at(message), (Address::Rooms, message.into()), "{message:?}");
        }
    }
}
