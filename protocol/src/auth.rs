//! The body of a dtalk auth frame, the one body that the gateway itself reads.

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

/// The body of an auth frame is not an [`AuthMsg`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("auth body is not an AuthMsg")]
pub struct BadAuth;
