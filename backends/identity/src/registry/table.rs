//! Table `dtalk_device` and its statements.
//!
//! Not here: order and transactions of the statements (the writer).

use comet_dtalk::device::DeviceInfo;
use comet_dtalk::message::Device;
use comet_sql::{Connection, Error, FromRow, Part, Row, Statement, insert, sql};

use super::{DEVICES_PER_USER, Registered};

/// Files from before there were parts have the table already.
pub(super) const PART: Part = Part {
    name: "devices",
    steps: &[
        "CREATE TABLE IF NOT EXISTS dtalk_device (
        uid          {key:255} NOT NULL,
        device_type  {int} NOT NULL,    -- 0 and 1 are the phones; a user has one
        uuid         {key:255} NOT NULL,
        device_name  {text} NOT NULL,
        username     {text} NOT NULL,
        device_token {text} NOT NULL,
        add_time     {int} NOT NULL,
        login        {int} NOT NULL,
        PRIMARY KEY (uid, device_type, uuid)
    ) {table};

    {not:sqlite}CREATE UNIQUE INDEX dtalk_device_login ON dtalk_device (login);

    {not:mysql}{not:postgres}CREATE UNIQUE INDEX IF NOT EXISTS dtalk_device_login
        ON dtalk_device (login);

    {not:mysql}CREATE UNIQUE INDEX IF NOT EXISTS dtalk_device_phone
        ON dtalk_device (uid){where:device_type IN (0, 1)};",
        "CREATE TABLE comet_device_revoked (
        uid  {key:255} NOT NULL,
        uuid {key:255} NOT NULL,
        time {int} NOT NULL,
        PRIMARY KEY (uid, uuid)
    ) {table};",
        // Whose phone has a token now.
        "{not:mysql}CREATE INDEX dtalk_device_token
            ON dtalk_device (device_token){where:device_token <> ''};

    {not:sqlite}{not:postgres}CREATE INDEX dtalk_device_token
        ON dtalk_device (device_token(64));",
    ],
    user_version: false,
};

const COLUMNS: &[&str] =
    &["uid", "device_type", "uuid", "device_name", "username", "device_token", "add_time", "login"];

/// Highest login number assigned so far.
pub(super) const fn last_login<'a>() -> Statement<'a> {
    sql("SELECT COALESCE(MAX(login), 0) FROM dtalk_device")
}

/// Phone of a user, if there is one.
pub(super) fn phone(uid: &str) -> Statement<'_> {
    sql("SELECT device_type, uuid, device_name, username, device_token, add_time, login
         FROM dtalk_device WHERE uid = ? AND device_type IN (0, 1)")
    .bind(uid)
}

/// Devices of a user, latest login first.
pub(super) fn devices(uid: &str) -> Statement<'_> {
    sql("SELECT device_type, uuid, device_name, username, device_token, add_time, login
         FROM dtalk_device WHERE uid = ? ORDER BY login DESC")
    .bind(uid)
}

/// Phones of these users with a token that no later login of another device has taken over: the
/// device, and its user.
pub(super) fn phones_with_tokens<'a>(uids: &[&'a str]) -> Statement<'a> {
    sql("SELECT d.device_type, d.uuid, d.device_name, d.username, d.device_token, d.add_time,
                d.login, d.uid
         FROM dtalk_device d
         WHERE d.device_type IN (0, 1) AND d.device_token <> ''
         AND NOT EXISTS (SELECT 1 FROM dtalk_device o
                         WHERE o.device_token = d.device_token AND o.device_token <> ''
                         AND o.login > d.login)
         AND d.uid IN ")
    .list(uids.iter().copied())
}

/// User, display name and login of each device of these users.
pub(super) fn usernames<'a>(uids: &[&'a str]) -> Statement<'a> {
    sql("SELECT uid, username, login FROM dtalk_device WHERE uid IN ").list(uids.iter().copied())
}

/// Removes a token of a user, unless it came with a later login.
pub(super) async fn forget_token(
    db: &mut Connection,
    uid: &str,
    token: &str,
    login: u64,
) -> Result<(), Error> {
    let forgotten = sql("UPDATE dtalk_device SET device_token = ''
         WHERE uid = ? AND device_token = ? AND login <= ?");
    forgotten.bind(uid).bind(token).bind(login.cast_signed()).execute(db).await.map(|_| ())
}

/// Replaces the device with the same type and uuid; a phone replaces the phone of the user.
pub(super) async fn put(
    db: &mut Connection,
    uid: &str,
    kind: Device,
    device: &Registered,
) -> Result<(), Error> {
    if kind.is_phone() {
        sql("DELETE FROM dtalk_device WHERE uid = ? AND device_type IN (0, 1)")
            .bind(uid)
            .execute(db)
            .await?;
    }
    let row = [
        uid.into(),
        (kind as i32).into(),
        (&*device.info.uuid).into(),
        (&*device.info.name).into(),
        (&*device.info.username).into(),
        (&*device.push_token).into(),
        device.login_ms.cast_signed().into(),
        device.info.login.cast_signed().into(),
    ];
    let row = insert("dtalk_device", COLUMNS).row(row);
    row.replace(db, &["uid", "device_type", "uuid"]).await
}

/// Removes the devices of a user with this uuid, and keeps them from reconnecting. Returns their
/// logins.
pub(super) async fn revoke(
    db: &mut Connection,
    uid: &str,
    uuid: &str,
    now_ms: u64,
) -> Result<Vec<u64>, Error> {
    let found = sql("SELECT login FROM dtalk_device WHERE uid = ? AND uuid = ?");
    let logins: Vec<i64> = found.bind(uid).bind(uuid).all(db).await?;
    if logins.is_empty() {
        return Ok(Vec::new());
    }
    let removed = sql("DELETE FROM dtalk_device WHERE uid = ? AND uuid = ?");
    removed.bind(uid).bind(uuid).execute(db).await?;
    let row = [uid.into(), uuid.into(), now_ms.cast_signed().into()];
    let row = insert("comet_device_revoked", &["uid", "uuid", "time"]).row(row);
    row.replace(db, &["uid", "uuid"]).await?;
    Ok(logins.into_iter().map(i64::cast_unsigned).collect())
}

/// Whether the device was revoked and has not logged in by hand since.
pub(super) fn revoked<'a>(uid: &'a str, uuid: &'a str) -> Statement<'a> {
    sql("SELECT time FROM comet_device_revoked WHERE uid = ? AND uuid = ?").bind(uid).bind(uuid)
}

/// Lets a revoked device reconnect again.
pub(super) async fn restore(db: &mut Connection, uid: &str, uuid: &str) -> Result<(), Error> {
    let restored = sql("DELETE FROM comet_device_revoked WHERE uid = ? AND uuid = ?");
    restored.bind(uid).bind(uuid).execute(db).await.map(|_| ())
}

/// Removes desktops and browsers of the user beyond [`DEVICES_PER_USER`].
pub(super) async fn trim(db: &mut Connection, uid: &str) -> Result<(), Error> {
    let newest_too_many = sql("SELECT login FROM dtalk_device
         WHERE uid = ? AND device_type NOT IN (0, 1) ORDER BY login DESC LIMIT 1 OFFSET ?")
    .bind(uid)
    .bind(DEVICES_PER_USER)
    .optional::<i64>(db)
    .await?;
    if let Some(login) = newest_too_many {
        sql("DELETE FROM dtalk_device
             WHERE uid = ? AND device_type NOT IN (0, 1) AND login <= ?")
        .bind(uid)
        .bind(login)
        .execute(db)
        .await?;
    }
    Ok(())
}

/// Device and its user.
pub(super) struct Owned {
    pub(super) uid: String,
    pub(super) device: Registered,
}

impl FromRow for Owned {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { device: Registered::from_row(row)?, uid: row.get(7)? })
    }
}

impl FromRow for Registered {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            info: DeviceInfo {
                device: Device::try_from(row.get::<i32>(0)?).ok(),
                uuid: row.get(1)?,
                name: row.get(2)?,
                username: row.get(3)?,
                pulls: false,
                login: row.get::<i64>(6)?.cast_unsigned(),
            },
            push_token: row.get(4)?,
            login_ms: row.get::<i64>(5)?.cast_unsigned(),
        })
    }
}
