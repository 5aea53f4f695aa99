//! Messages and signals, byte by byte (2.3, 2.5).

use comet_testkit::protobuf::{bytes, field, number, number_field, numbers, repeated, text};

use super::Chat;

/// Message type of a text.
pub const TEXT: u64 = 1;
/// Message type of a notice, which the server makes.
pub const NOTICE: u64 = 7;

/// Message of a user, or a notice.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Message {
    /// 0 to a user, 1 to a group.
    pub channel: u64,
    /// The server's id.
    pub log_id: i64,
    /// The client's id.
    pub msg_id: String,
    /// Address of the author.
    pub from: String,
    /// Address, or the id of a group as text.
    pub target: String,
    /// Type of the content.
    pub kind: u64,
    /// The content, sealed or not.
    pub content: Vec<u8>,
    /// Unix milliseconds.
    pub time: u64,
}

impl Message {
    /// Reads a `Common`.
    pub fn read(body: &[u8]) -> Self {
        Self {
            channel: number(body, 1),
            log_id: number(body, 2).cast_signed(),
            msg_id: text(body, 3),
            from: text(body, 4),
            target: text(body, 5),
            kind: number(body, 6),
            content: bytes(body, 7),
            time: number(body, 8),
        }
    }

    /// Writes a `Proto` with it. Desktops write zeros out, phones leave them out.
    pub fn write(&self, zeros: bool) -> Vec<u8> {
        let number = |tag, value: u64| match value {
            0 if !zeros => Vec::new(),
            value => number_field(tag, value),
        };
        let common = [
            number(1, self.channel),
            number(2, self.log_id.cast_unsigned()),
            field(3, self.msg_id.as_bytes()),
            field(4, self.from.as_bytes()),
            field(5, self.target.as_bytes()),
            number(6, self.kind),
            field(7, &self.content),
            number(8, self.time),
        ];
        [number(1, 0), field(2, &common.concat())].concat()
    }

    /// The conversation that it belongs to on a device of this user.
    pub fn chat(&self, own: &str) -> Chat {
        match self.channel {
            0 if self.from == own => Chat::User(self.target.clone()),
            0 => Chat::User(self.from.clone()),
            _ => Chat::Group(self.target.parse().expect("the id of a group")),
        }
    }
}

/// Content of a text message.
pub fn text_content(content: &str) -> Vec<u8> {
    field(1, content.as_bytes())
}

/// The text of such a content.
pub fn text_in(content: &[u8]) -> String {
    text(content, 1)
}

/// Content of a `Proto`: its type, and the bytes of its body.
pub fn opened(proto: &[u8]) -> (u64, Vec<u8>) {
    (number(proto, 1), bytes(proto, 2))
}

/// Id and time in a `CommonAck`.
pub fn ack(body: &[u8]) -> (i64, u64) {
    (number(body, 2).cast_signed(), number(body, 8))
}

/// Login in the `ext` of an Auth.
#[derive(Clone, Debug)]
pub struct Login {
    /// 0 Android, 1 iOS, 2 to 4 desktops, 5 web.
    pub device: u64,
    /// 0 by hand, 1 by itself.
    pub conn_type: u64,
    /// Id of the device.
    pub uuid: String,
    /// Name of the device.
    pub device_name: String,
    /// Name of the user.
    pub username: String,
    /// For push.
    pub device_token: String,
}

/// Body of an Auth.
pub fn auth(token: &str, login: &Login, zeros: bool) -> Vec<u8> {
    let number = |tag, value: u64| match value {
        0 if !zeros => Vec::new(),
        value => number_field(tag, value),
    };
    let string = |tag, value: &str| match value {
        "" if !zeros => Vec::new(),
        value => field(tag, value.as_bytes()),
    };
    let ext = [
        number(1, login.device),
        string(2, &login.username),
        string(3, &login.device_token),
        number(4, login.conn_type),
        string(5, &login.uuid),
        string(6, &login.device_name),
    ];
    [field(1, b"dtalk"), field(2, token.as_bytes()), field(3, &ext.concat())].concat()
}

/// Word of the server about something else than a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Signal {
    /// A phone has these messages.
    Received(Vec<i64>),
    /// A message was taken back.
    Revoke(i64),
    /// Users have entered a group.
    Entered(i64, Vec<String>),
    /// Users have left a group, or were removed.
    Left(i64, Vec<String>),
    /// A group is over.
    Disbanded(i64),
    /// So many users have marked a message.
    Focus(i64, u64),
    /// A device has signed in.
    EndpointLogin(Endpoint),
    /// Join type (20), friend type (21) or mute type (22) of a group.
    Setting(u64, i64, u64),
    /// Role of a member.
    Role(i64, String, u64),
    /// End of the mute of members.
    Muted(i64, Vec<String>, i64),
    /// Name (25) or avatar (26) of a group.
    Look(u64, i64, String),
}

/// Device that has signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// Its id.
    pub uuid: String,
    /// Its type.
    pub device: u64,
    /// Its name.
    pub name: String,
}

impl Endpoint {
    /// Reads the body of the signal, or of a refusal.
    pub fn read(body: &[u8]) -> Self {
        Self { uuid: text(body, 1), device: number(body, 2), name: text(body, 3) }
    }
}

impl Signal {
    /// Reads a `Signal`.
    pub fn read(signal: &[u8]) -> Self {
        let (kind, body) = (number(signal, 1), bytes(signal, 2));
        let id = |tag| number(&body, tag).cast_signed();
        let uids = |tag| {
            let uids = repeated(&body, tag).into_iter();
            uids.map(|uid| String::from_utf8(uid).expect("an address")).collect::<Vec<_>>()
        };
        match kind {
            0 => Self::Received(numbers(&body, 1).into_iter().map(u64::cast_signed).collect()),
            1 => Self::Revoke(id(1)),
            10 => Self::Entered(id(2), uids(1)),
            11 => Self::Left(id(2), uids(1)),
            12 => Self::Disbanded(id(1)),
            13 => Self::Focus(id(1), number(&body, 3)),
            14 => Self::EndpointLogin(Endpoint::read(&body)),
            20..=22 => Self::Setting(kind, id(1), number(&body, 2)),
            23 => Self::Role(id(1), text(&body, 2), number(&body, 3)),
            24 => Self::Muted(id(1), uids(2), id(3)),
            25 | 26 => Self::Look(kind, id(1), text(&body, 2)),
            other => panic!("signal {other} was not expected"),
        }
    }
}
