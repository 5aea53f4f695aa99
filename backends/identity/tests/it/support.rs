//! A database of one's own, and people with keys.

use comet_dtalk::clock::unix_ms;
use comet_dtalk::message::{ConnType, Device, Login};
use comet_identity::{Key, Registry};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

/// A database that ends with the test.
pub(crate) struct Disk(TempDir);

impl Disk {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) async fn registry(&self) -> Registry {
        let file = self.0.path().join("comet.db");
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        Registry::open(pool).await.unwrap()
    }
}

pub(crate) fn alice() -> Key {
    Key::from_bytes(&[1; 32]).unwrap()
}

/// A token signed so many milliseconds ago.
pub(crate) fn token(key: &Key, age_ms: i64) -> String {
    key.token(unix_ms().cast_signed() - age_ms, "dtalk")
}

pub(crate) fn login(device: Device, uuid: &str, conn_type: ConnType) -> Login {
    Login {
        device: device as i32,
        username: "alice".into(),
        device_token: String::new(),
        conn_type: conn_type as i32,
        uuid: uuid.into(),
        device_name: format!("name of {uuid}"),
    }
}
