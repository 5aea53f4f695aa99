//! The bodies of dtalk auth frames and of their answers: the gateway itself reads and writes them.

/// Who wants a session of which application.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct AuthMsg {
    /// The application, `dtalk` for dtalk clients.
    #[prost(string, tag = "1")]
    pub app_id: String,
    /// What proves the user's identity.
    #[prost(string, tag = "2")]
    pub token: String,
    /// The application's own part, opaque here.
    #[prost(bytes = "bytes", tag = "3")]
    pub ext: bytes::Bytes,
}

impl AuthMsg {
    /// Reads the body of an auth frame.
    ///
    /// # Errors
    ///
    /// When the bytes are not such a message.
    pub fn parse(body: &[u8]) -> Result<Self, BadAuth> {
        <Self as prost::Message>::decode(body).map_err(|_| BadAuth)
    }

    /// The bytes of the message.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        prost::Message::encode_to_vec(self)
    }
}

/// The body of the auth reply of a dtalk peer that may not have a session, because another device
/// of its user has one: which device that is. An accepted peer gets an empty body instead.
#[derive(Clone, Eq, PartialEq, prost::Message)]
pub struct AuthRefusal {
    /// Tells the device from the user's others; empty if it did not say.
    #[prost(string, tag = "1")]
    pub uuid: String,
    /// The type of the device.
    #[prost(int32, tag = "2")]
    pub device: i32,
    /// What people call it.
    #[prost(string, tag = "3")]
    pub device_name: String,
    /// When it logged in, Unix milliseconds; 0 if that is not known.
    #[prost(uint64, tag = "4")]
    pub datetime: u64,
}

impl AuthRefusal {
    /// A refusal by a device of which nothing but the name is known.
    #[must_use]
    pub fn by(uuid: &str) -> Self {
        Self { uuid: uuid.to_owned(), ..Self::default() }
    }

    /// The bytes of the message, of which there are always some.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let body = prost::Message::encode_to_vec(self);
        // The type 0, which is otherwise left out.
        if body.is_empty() { vec![0x10, 0] } else { body }
    }
}

/// The body of an auth frame is not an [`AuthMsg`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("auth body is not an AuthMsg")]
pub struct BadAuth;
