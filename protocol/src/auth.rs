//! Bodies of dtalk auth frames and of their answers: the gateway itself reads and writes them.

/// Request for a session: the application and the user's token.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct AuthMsg {
    /// The application, `dtalk` for dtalk clients.
    #[prost(string, tag = "1")]
    pub app_id: String,
    /// Proof of the user's identity.
    #[prost(string, tag = "2")]
    pub token: String,
    /// Application-defined part, opaque here.
    #[prost(bytes = "bytes", tag = "3")]
    pub ext: bytes::Bytes,
}

impl AuthMsg {
    /// Reads the body of an auth frame.
    ///
    /// # Errors
    ///
    /// When the bytes are not a valid message.
    pub fn parse(body: &[u8]) -> Result<Self, BadAuth> {
        <Self as prost::Message>::decode(body).map_err(|_| BadAuth)
    }

    /// The encoded message.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        prost::Message::encode_to_vec(self)
    }
}

/// Body of the auth reply of a dtalk peer that is refused a session because of another device of
/// its user: that device. An accepted peer gets an empty body instead.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct AuthRefusal {
    /// Unique id among the user's devices; empty if it gave none.
    #[prost(string, tag = "1")]
    pub uuid: String,
    /// The type of the device.
    #[prost(int32, tag = "2")]
    pub device: i32,
    /// Display name.
    #[prost(string, tag = "3")]
    pub device_name: String,
    /// Time of its login, Unix milliseconds; 0 if unknown.
    #[prost(uint64, tag = "4")]
    pub datetime: u64,
}

impl AuthRefusal {
    /// A refusal by a device of which only the name is known.
    #[must_use]
    pub fn by(uuid: &str) -> Self {
        Self { uuid: uuid.to_owned(), ..Self::default() }
    }

    /// The encoded message, never empty.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let body = prost::Message::encode_to_vec(self);
        // The type 0, which is otherwise omitted.
        if body.is_empty() { vec![0x10, 0] } else { body }
    }
}

/// The body of an auth frame is not an [`AuthMsg`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("auth body is not an AuthMsg")]
pub struct BadAuth;
