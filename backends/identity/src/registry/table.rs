//! Table `dtalk_device` and its statements.
//!
//! Strings from clients are bound, never spliced. Not here: order and transactions of the
//! statements (the writer).

use comet_dtalk::device::DeviceInfo;
use comet_dtalk::message::Device;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{DEVICES_PER_USER, Registered};

/// `device_type` 0 and 1 are the phones; a user has one.
const CREATE: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS dtalk_device (
        uid TEXT NOT NULL,
        device_type INTEGER NOT NULL,
        uuid TEXT NOT NULL,
        device_name TEXT NOT NULL,
        username TEXT NOT NULL,
        device_token TEXT NOT NULL,
        add_time INTEGER NOT NULL,
        login INTEGER NOT NULL,
        PRIMARY KEY (uid, device_type, uuid)
    ) WITHOUT ROWID",
    "CREATE UNIQUE INDEX IF NOT EXISTS dtalk_device_login ON dtalk_device (login)",
    "CREATE UNIQUE INDEX IF NOT EXISTS dtalk_device_phone ON dtalk_device (uid)
        WHERE device_type IN (0, 1)",
];

pub(super) async fn create(db: &mut SqliteConnection) -> sqlx::Result<()> {
    for statement in CREATE {
        sqlx::query(statement).execute(&mut *db).await?;
    }
    Ok(())
}

/// Highest login number assigned so far.
pub(super) async fn last_login(db: &mut SqliteConnection) -> sqlx::Result<u64> {
    let row = sqlx::query("SELECT COALESCE(MAX(login), 0) FROM dtalk_device").fetch_one(db);
    row.await?.try_get::<i64, _>(0).map(i64::cast_unsigned)
}

/// Writes a page of the database without changing anything: the version is 0 and stays 0.
pub(super) async fn touch(db: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("PRAGMA user_version = 0").execute(db).await?;
    Ok(())
}

pub(super) async fn phone(
    db: &mut SqliteConnection,
    uid: &str,
) -> sqlx::Result<Option<Registered>> {
    let row = sqlx::query("SELECT * FROM dtalk_device WHERE uid = ? AND device_type IN (0, 1)")
        .bind(uid)
        .fetch_optional(db);
    row.await?.as_ref().map(registered).transpose()
}

pub(super) async fn devices(db: &mut SqliteConnection, uid: &str) -> sqlx::Result<Vec<Registered>> {
    let rows = sqlx::query("SELECT * FROM dtalk_device WHERE uid = ? ORDER BY login DESC")
        .bind(uid)
        .fetch_all(db);
    rows.await?.iter().map(registered).collect()
}

/// Replaces the device with the same type and uuid; a phone replaces the phone of the user, with
/// which it conflicts in the index.
pub(super) async fn put(
    db: &mut SqliteConnection,
    uid: &str,
    kind: Device,
    device: &Registered,
) -> sqlx::Result<()> {
    sqlx::query("INSERT OR REPLACE INTO dtalk_device VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(uid)
        .bind(kind as i32)
        .bind(&*device.info.uuid)
        .bind(&*device.info.name)
        .bind(&*device.info.username)
        .bind(&device.push_token)
        .bind(device.login_ms.cast_signed())
        .bind(device.info.login.cast_signed())
        .execute(db)
        .await?;
    Ok(())
}

/// Removes desktops and browsers of the user beyond [`DEVICES_PER_USER`].
pub(super) async fn trim(db: &mut SqliteConnection, uid: &str) -> sqlx::Result<()> {
    sqlx::query(
        "DELETE FROM dtalk_device WHERE uid = ?1 AND device_type NOT IN (0, 1) AND login <= (
            SELECT login FROM dtalk_device WHERE uid = ?1 AND device_type NOT IN (0, 1)
            ORDER BY login DESC LIMIT 1 OFFSET ?2)",
    )
    .bind(uid)
    .bind(DEVICES_PER_USER)
    .execute(db)
    .await?;
    Ok(())
}

fn registered(row: &SqliteRow) -> sqlx::Result<Registered> {
    let text = |column| row.try_get::<&str, _>(column).map(Box::from);
    Ok(Registered {
        info: DeviceInfo {
            device: Device::try_from(row.try_get::<i32, _>("device_type")?).ok(),
            uuid: text("uuid")?,
            name: text("device_name")?,
            username: text("username")?,
            pulls: false,
            login: row.try_get::<i64, _>("login")?.cast_unsigned(),
        },
        push_token: row.try_get("device_token")?,
        login_ms: row.try_get::<i64, _>("add_time")?.cast_unsigned(),
    })
}
