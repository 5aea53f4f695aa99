//! A push, as vendors get it.

use std::fmt;
use std::sync::Arc;

use comet_dtalk::message::{Channel, Device};
use sha2::{Digest, Sha256};

/// Bytes of a collapse id that vendors take.
const COLLAPSE_BYTES: usize = 64;

/// Token of a device at the vendor of its system. Not shown by `Debug`: its holder can be sent
/// pushes.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Token(String);

/// Conversation of a message, as its receiver sees it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Conversation {
    /// With this user.
    User(String),
    /// In this group.
    Group(i64),
}

/// Word to one device that messages wait in a conversation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Push {
    /// Receiver.
    pub user: String,
    /// Type of the device: Android or iOS.
    pub device: Device,
    /// Token of the device.
    pub token: Token,
    /// Login with which the device gave its token; later logins have greater numbers.
    pub login: u64,
    /// Conversation. A newer push of the same conversation replaces this one.
    pub conversation: Conversation,
    /// Sender of the newest message.
    pub from: String,
    /// Id of the newest message.
    pub message: i64,
    /// Number of messages that the push stands for, at least 1.
    pub count: u32,
    /// Title: the sender's nickname, or the public name of the group.
    pub title: String,
    /// Text, the same for all: contents of messages are not known.
    pub text: Arc<str>,
    /// Unix milliseconds after which it is worth nothing.
    pub expires_ms: u64,
}

impl Token {
    /// A token, unless it is empty.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Option<Self> {
        Some(token.into()).filter(|token| !token.is_empty()).map(Self)
    }

    /// The token itself.
    #[must_use]
    pub fn get(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Conversation {
    /// The other user, or the group's id in decimal: the `address` in what clients get.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::User(user) => user.clone(),
            Self::Group(group) => group.to_string(),
        }
    }

    /// Kind of the conversation: the `channelType` in what clients get.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::User(_) => Channel::ToUser,
            Self::Group(_) => Channel::ToGroup,
        }
    }

    /// Name under which a device shows one push at a time, at most 64 bytes.
    #[must_use]
    pub fn collapse_id(&self) -> String {
        let id = format!("{}:{}", self.channel() as i32, self.address());
        if id.len() <= COLLAPSE_BYTES {
            id
        } else {
            base16ct::lower::encode_string(&Sha256::digest(id))
        }
    }
}

impl Push {
    /// Whether it is too late for it at `now`, Unix milliseconds.
    #[must_use]
    pub const fn is_expired(&self, now: u64) -> bool {
        self.expires_ms <= now
    }

    /// Unix seconds after which it is worth nothing.
    #[must_use]
    pub const fn expires(&self) -> u64 {
        self.expires_ms / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_addressed_as_clients_know_it() {
        let user = Conversation::User("1Demo".into());
        assert_eq!((&*user.address(), user.channel() as i32), ("1Demo", 0));
        let group = Conversation::Group(i64::MAX);
        assert_eq!((&*group.address(), group.channel() as i32), ("9223372036854775807", 1));
        assert_eq!(group.collapse_id(), "1:9223372036854775807");
    }

    #[test]
    fn a_long_name_collapses_under_its_hash() {
        let id = |n| Conversation::User("u".repeat(n)).collapse_id();
        assert_eq!(id(62), format!("0:{}", "u".repeat(62)));
        assert_eq!((id(63).len(), id(255).len()), (64, 64));
        assert_ne!(id(63), id(64));
    }

    #[test]
    fn a_token_is_not_shown() {
        assert_eq!(format!("{:?}", Token::new("secret")), "Some(Token(..))");
        assert_eq!(Token::new(""), None);
    }
}
