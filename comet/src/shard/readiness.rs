//! Reports of sockets: what they are ready for.

/// Number under which a socket is watched.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Token(pub(crate) usize);

/// Readiness report of one socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ready {
    pub(crate) token: Token,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer has shut its sending side.
    pub(crate) read_closed: bool,
    pub(crate) error: bool,
}
