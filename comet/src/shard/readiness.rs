//! Reports of sockets: what they are ready for.

/// Number under which a socket is watched.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Token(pub(crate) usize);

/// What a socket has to report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ready {
    pub(crate) token: Token,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer sends no more than what can be read.
    pub(crate) read_closed: bool,
    pub(crate) error: bool,
}
