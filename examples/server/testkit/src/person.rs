//! Users: a key that signs tokens, the address derived from it, and their devices.

use comet_dtalk::clock::unix_ms;
use comet_dtalk::message::{ConnType, Device, Login};
use comet_identity::Key;
use sha2::{Digest, Sha256};

/// A user.
#[derive(Clone, Debug)]
pub struct Person {
    key: Key,
    /// The address of the key.
    pub uid: String,
}

impl Person {
    /// The user whose private key is the SHA-256 of this text.
    pub fn new(name: &str) -> Self {
        let key = Key::from_bytes(&Sha256::digest(name).into()).expect("a private key");
        let uid = key.address().to_string();
        Self { key, uid }
    }

    /// A token signed now.
    pub fn token(&self) -> String {
        self.token_of_age(0)
    }

    /// A token signed this many milliseconds ago.
    pub fn token_of_age(&self, age_ms: i64) -> String {
        self.key.token(unix_ms().cast_signed() - age_ms, "dtalk")
    }

    /// A token as the desktop client signs it, without a text.
    pub fn token_without_text(&self) -> String {
        self.token_with_text("")
    }

    /// A token with a text of the client's choice.
    pub fn token_with_text(&self, text: &str) -> String {
        self.key.token(unix_ms().cast_signed(), text)
    }
}

/// A manual login on an Android phone.
pub fn phone(uuid: &str) -> Login {
    device(Device::Android, uuid)
}

/// A manual login in a browser.
pub fn browser(uuid: &str) -> Login {
    device(Device::Web, uuid)
}

/// A manual login on a device of this type.
pub fn device(device: Device, uuid: &str) -> Login {
    Login {
        device: device as i32,
        username: "somebody".into(),
        device_token: String::new(),
        conn_type: ConnType::Connect as i32,
        uuid: uuid.into(),
        device_name: format!("name of {uuid}"),
    }
}

/// The same login, made automatically by the client.
pub fn again(login: &Login) -> Login {
    Login { conn_type: ConnType::Reconnect as i32, ..login.clone() }
}
