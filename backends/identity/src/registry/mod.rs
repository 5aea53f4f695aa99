//! Durable registry of the devices of users.
//!
//! A user has one phone, the one that logged in last, and up to [`DEVICES_PER_USER`] desktops and
//! browsers. All changes go through one task, which puts all waiting logins into one transaction:
//! that decides between two phones that log in at once, and a burst of logins costs one commit per
//! hundred.
//!
//! A phone that reconnects automatically is refused once the user has logged in on another phone;
//! otherwise the two would replace each other endlessly. A manual login always wins. Desktops and
//! browsers are never refused, unless the user has revoked them.
//!
//! Not here: connected devices ([`Presence`](crate::Presence)), the answer to a refused phone
//! (`endpoint`).

mod reach;
mod table;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use comet_dtalk::device::DeviceInfo;
use comet_dtalk::message::{ConnType, Login};
use comet_sql::{Error, MigrateError, Pool};
use tokio::sync::{mpsc, oneshot};

use self::writer::{LoginRequest, Request, Writer};

/// Desktops and browsers kept per user; beyond it the one with the oldest login is removed.
pub const DEVICES_PER_USER: u32 = 32;
/// Logins queued for the writer; further ones wait for a place in the queue, in their own tasks.
const QUEUE: usize = 1024;

/// Device with a login.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Registered {
    /// Description sent by the device.
    pub info: DeviceInfo,
    /// Token of the vendor's push service; among several devices with one token, the highest
    /// [`DeviceInfo::login`] holds it now.
    pub push_token: String,
    /// Time of the last login, Unix milliseconds.
    pub login_ms: u64,
}

impl Registered {
    fn of(login: &Login, now_ms: u64) -> Self {
        Self {
            info: DeviceInfo::of(login),
            push_token: reach::usable(&login.device_token).to_owned(),
            login_ms: now_ms,
        }
    }

    /// Whether this device, the newest phone of its user, blocks an automatic reconnect of that
    /// one.
    pub(crate) fn supersedes(&self, device: &DeviceInfo) -> bool {
        device.is_phone() && self.info.uuid != device.uuid
    }
}

/// Decision about the login of a device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Admission {
    /// Admitted.
    Admitted {
        /// The device as registered.
        device: Registered,
        /// [Login](DeviceInfo::login) of the phone that it replaces as the phone of the user.
        replaced: Option<u64>,
    },
    /// Refused: an automatic reconnect, but the user has since logged in on this other phone.
    Superseded(Registered),
    /// Refused: an automatic reconnect of a device that was [revoked](Registry::revoke).
    Revoked,
}

/// Reason for failing to register or look up a device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The database failed.
    #[error("devices cannot be read")]
    Read(#[from] Error),
    /// The table cannot be used: a later version of this program changed it, for instance.
    #[error("the table of devices cannot be used: {0}")]
    Table(#[from] MigrateError),
    /// A text of the login has U+0000, which not every database can store.
    #[error("a text of the login has U+0000")]
    Text,
    /// The login could not be stored; the reason is in the log.
    #[error("device cannot be stored")]
    NotStored,
}

/// Handle to the devices of all users. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Registry {
    pool: Pool,
    /// Whether the last attempt to store logins failed.
    failing: Arc<AtomicBool>,
    requests: mpsc::Sender<Request>,
}

impl Registry {
    /// Creates the table if it does not exist, and starts the task that writes it on the current
    /// runtime; it ends with the last handle.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Table`] and [`RegistryError::Read`] if the table can be neither created nor
    /// read.
    pub async fn open(pool: Pool) -> Result<Self, RegistryError> {
        table::PART.migrate(&pool).await?;
        let last_login = pool.read::<i64>(table::last_login()).await?;
        let last_login = last_login.first().copied().unwrap_or(0).cast_unsigned();
        let (requests, queue) = mpsc::channel(QUEUE);
        let failing = Arc::new(AtomicBool::new(false));
        tokio::spawn(Writer::new(pool.clone(), last_login, Arc::clone(&failing)).run(queue));
        Ok(Self { pool, failing, requests })
    }

    /// Registers the device of a login at `now_ms`, unless a newer phone supersedes it. A device of
    /// unknown type is admitted and not registered.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NotStored`] if the database fails; [`RegistryError::Text`].
    pub async fn login(
        &self,
        uid: &str,
        login: &Login,
        now_ms: u64,
    ) -> Result<Admission, RegistryError> {
        let device = Registered::of(login, now_ms);
        let DeviceInfo { uuid, name, username, .. } = &device.info;
        // It would fail the logins of others in the same transaction, too.
        if [uid, uuid, name, username, &device.push_token].iter().any(|text| text.contains('\0')) {
            return Err(RegistryError::Text);
        }
        let (reply, answer) = oneshot::channel();
        let request = LoginRequest {
            uid: uid.to_owned(),
            device,
            reconnects: login.conn_type == ConnType::Reconnect as i32,
            reply,
        };
        let request = Request::Login(Box::new(request));
        self.requests.send(request).await.map_err(|_| RegistryError::NotStored)?;
        answer.await.map_err(|_| RegistryError::NotStored)
    }

    /// Removes the devices of the user with this uuid at `now_ms`. Automatic reconnects of them are
    /// refused until one logs in by hand. Returns their [logins](DeviceInfo::login), none if there
    /// is no such device.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NotStored`] if the database fails; [`RegistryError::Text`].
    pub async fn revoke(
        &self,
        uid: &str,
        uuid: &str,
        now_ms: u64,
    ) -> Result<Vec<u64>, RegistryError> {
        if uuid.contains('\0') {
            return Err(RegistryError::Text);
        }
        let (reply, answer) = oneshot::channel();
        let (uid, uuid) = (uid.to_owned(), uuid.to_owned());
        let request = Request::Revoke { uid, uuid, now_ms, reply };
        self.requests.send(request).await.map_err(|_| RegistryError::NotStored)?;
        answer.await.map_err(|_| RegistryError::NotStored)
    }

    /// Whether automatic reconnects of the device are refused because it was revoked.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Read`] if the database fails.
    pub async fn is_revoked(&self, uid: &str, uuid: &str) -> Result<bool, RegistryError> {
        Ok(!self.pool.read::<i64>(table::revoked(uid, uuid)).await?.is_empty())
    }

    /// Whether the last attempt to register devices failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Checks that devices can be registered and looked up now. If the last registration failed,
    /// this writes to the database.
    ///
    /// # Errors
    ///
    /// Those of [`Registry::login`] and [`Registry::phone`].
    pub async fn check(&self) -> Result<(), RegistryError> {
        if self.is_failing() {
            self.pool.check_writing().await.map_err(|_| RegistryError::NotStored)?;
            self.failing.store(false, Ordering::Relaxed);
        }
        self.pool.read::<i64>(table::last_login()).await?;
        Ok(())
    }

    /// Phone of the user.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Read`] if the database fails.
    pub async fn phone(&self, uid: &str) -> Result<Option<Registered>, RegistryError> {
        Ok(self.pool.read(table::phone(uid)).await?.pop())
    }

    /// All devices of the user, latest login first.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Read`] if the database fails.
    pub async fn devices(&self, uid: &str) -> Result<Vec<Registered>, RegistryError> {
        Ok(self.pool.read(table::devices(uid)).await?)
    }
}

#[cfg(test)]
mod tests {
    use comet_dtalk::message::Device::{self, Android, Ios, Linux, Web, Windows};
    use comet_sql::sql;
    use comet_sql_testing::{Database, Kind, on_each_database};

    use super::*;

    on_each_database!(
        a_user_keeps_only_the_phone_of_the_last_login,
        other_devices_replace_only_their_own_type_and_uuid,
        a_phone_reconnects_only_while_it_is_the_newest,
        desktops_and_browsers_always_reconnect,
        one_users_phone_is_nothing_to_another_user,
        devices_and_login_numbers_survive_a_restart,
        beyond_the_limit_the_oldest_device_that_is_no_phone_is_forgotten,
        a_device_of_unknown_type_is_admitted_but_not_kept,
        of_many_phones_at_once_one_remains_and_it_is_the_last,
        without_a_database_nobody_is_admitted,
        text_that_not_every_database_takes_is_refused_alone,
        devices_and_users_are_told_apart_by_each_byte,
        a_revoked_device_comes_back_by_hand_alone,
    );

    const ALICE: &str = "1GF6dwaZwSFFtNtLTLGm81vJfWkB9FEo5";

    async fn open(database: &Database) -> Registry {
        Registry::open(database.pool()).await.unwrap()
    }

    fn connect(device: Device, uuid: &str) -> Login {
        Login {
            device: device as i32,
            username: "alice".into(),
            device_token: format!("push-{uuid}"),
            conn_type: ConnType::Connect as i32,
            uuid: uuid.into(),
            device_name: format!("name of {uuid}"),
        }
    }

    fn reconnect(device: Device, uuid: &str) -> Login {
        Login { conn_type: ConnType::Reconnect as i32, ..connect(device, uuid) }
    }

    async fn admitted(registry: &Registry, login: &Login, now_ms: u64) -> u64 {
        match registry.login(ALICE, login, now_ms).await.unwrap() {
            Admission::Admitted { device, .. } => device.info.login,
            refused => panic!("{refused:?}"),
        }
    }

    async fn uuids(registry: &Registry) -> Vec<String> {
        let devices = registry.devices(ALICE).await.unwrap();
        devices.iter().map(|device| device.info.uuid.to_string()).collect()
    }

    fn registered(device: Device, uuid: &str, login: u64, login_ms: u64) -> Registered {
        let info = DeviceInfo { login, ..DeviceInfo::of(&connect(device, uuid)) };
        Registered { info, push_token: format!("push-{uuid}"), login_ms }
    }

    async fn a_user_keeps_only_the_phone_of_the_last_login(database: Database) {
        let registry = open(&database).await;
        admitted(&registry, &connect(Android, "old"), 1000).await;
        admitted(&registry, &connect(Web, "browser"), 2000).await;
        admitted(&registry, &connect(Ios, "new"), 3000).await;
        assert_eq!(
            registry.devices(ALICE).await.unwrap(),
            [registered(Ios, "new", 3, 3000), registered(Web, "browser", 2, 2000)]
        );
        let phone = registry.phone(ALICE).await.unwrap();
        assert_eq!(phone, Some(registered(Ios, "new", 3, 3000)));
    }

    async fn other_devices_replace_only_their_own_type_and_uuid(database: Database) {
        let registry = open(&database).await;
        admitted(&registry, &connect(Windows, "a"), 1).await;
        admitted(&registry, &connect(Linux, "a"), 2).await;
        admitted(&registry, &connect(Windows, "b"), 3).await;
        admitted(&registry, &connect(Windows, "a"), 4).await;
        assert_eq!(
            registry.devices(ALICE).await.unwrap(),
            [
                registered(Windows, "a", 4, 4),
                registered(Windows, "b", 3, 3),
                registered(Linux, "a", 2, 2)
            ]
        );
    }

    async fn a_phone_reconnects_only_while_it_is_the_newest(database: Database) {
        let registry = open(&database).await;
        admitted(&registry, &reconnect(Android, "old"), 1000).await;
        admitted(&registry, &reconnect(Android, "old"), 2000).await;
        admitted(&registry, &connect(Ios, "new"), 3000).await;

        let refused = registry.login(ALICE, &reconnect(Android, "old"), 4000).await.unwrap();
        assert_eq!(refused, Admission::Superseded(registered(Ios, "new", 3, 3000)));
        assert_eq!(uuids(&registry).await, ["new"]);

        admitted(&registry, &connect(Android, "old"), 5000).await;
        assert_eq!(uuids(&registry).await, ["old"]);
        let refused = registry.login(ALICE, &reconnect(Ios, "new"), 6000).await.unwrap();
        assert_eq!(refused, Admission::Superseded(registered(Android, "old", 4, 5000)));
    }

    async fn desktops_and_browsers_always_reconnect(database: Database) {
        let registry = open(&database).await;
        admitted(&registry, &connect(Android, "phone"), 1).await;
        admitted(&registry, &reconnect(Web, "browser"), 2).await;
        assert_eq!(uuids(&registry).await, ["browser", "phone"]);
    }

    async fn one_users_phone_is_nothing_to_another_user(database: Database) {
        let registry = open(&database).await;
        registry.login("bob", &connect(Android, "bob's"), 1).await.unwrap();
        admitted(&registry, &reconnect(Android, "alice's"), 2).await;
        let bobs = registry.phone("bob").await.unwrap().unwrap();
        assert_eq!(&*bobs.info.uuid, "bob's");
    }

    async fn devices_and_login_numbers_survive_a_restart(database: Database) {
        let first = open(&database).await;
        admitted(&first, &connect(Android, "phone"), 1).await;
        admitted(&first, &connect(Web, "browser"), 2).await;
        drop(first);

        let second = open(&database).await;
        assert_eq!(uuids(&second).await, ["browser", "phone"]);
        assert_eq!(admitted(&second, &connect(Web, "browser"), 3).await, 3);
        let refused = second.login(ALICE, &reconnect(Ios, "other"), 4).await.unwrap();
        assert_eq!(refused, Admission::Superseded(registered(Android, "phone", 1, 1)));
    }

    async fn beyond_the_limit_the_oldest_device_that_is_no_phone_is_forgotten(database: Database) {
        let registry = open(&database).await;
        admitted(&registry, &connect(Android, "phone"), 0).await;
        for n in 1..=u64::from(DEVICES_PER_USER) + 1 {
            admitted(&registry, &connect(Web, &n.to_string()), n).await;
        }
        let uuids = uuids(&registry).await;
        assert_eq!(uuids.len(), 33);
        assert_eq!(uuids[0], "33");
        assert_eq!(uuids[31], "2");
        assert_eq!(uuids[32], "phone");
    }

    async fn a_device_of_unknown_type_is_admitted_but_not_kept(database: Database) {
        let registry = open(&database).await;
        let login = Login { device: 6, ..connect(Web, "toaster") };
        assert_eq!(admitted(&registry, &login, 1).await, 0);
        assert!(uuids(&registry).await.is_empty());
    }

    async fn of_many_phones_at_once_one_remains_and_it_is_the_last(database: Database) {
        let registry = open(&database).await;
        let logins = (0..300).map(|n| {
            let registry = registry.clone();
            let login = connect(Android, &n.to_string());
            tokio::spawn(async move { (admitted(&registry, &login, 1).await, n.to_string()) })
        });
        let logins: Vec<_> = logins.collect();
        let mut last = (0, String::new());
        for login in logins {
            last = last.max(login.await.unwrap());
        }
        assert_eq!(last.0, 300);
        assert_eq!(uuids(&registry).await, [last.1]);
    }

    /// Limits the connections that are open now, as a full disk is temporary.
    #[tokio::test]
    async fn a_full_disk_refuses_logins_only_while_it_is_full() {
        let database = Database::new(Kind::Sqlite).await;
        let pool = database.pool();
        let registry = Registry::open(pool.clone()).await.unwrap();
        admitted(&registry, &connect(Android, "first"), 1).await;
        let mut loans = Vec::new();
        for _ in 0..4 {
            let mut db = pool.lend().await.unwrap();
            db.run("PRAGMA max_page_count = 1").await.unwrap();
            loans.push(db);
        }
        loans.into_iter().for_each(comet_sql::Loan::done);
        let mut refused = 0;
        for n in 0..200 {
            let login = connect(Web, &format!("{n}-{}", "x".repeat(100)));
            refused += usize::from(registry.login(ALICE, &login, 2).await.is_err());
        }
        assert!((1..=4).contains(&refused), "{refused}");
        admitted(&registry, &connect(Android, "last"), 3).await;
        assert_eq!(uuids(&registry).await[0], "last");
    }

    async fn without_a_database_nobody_is_admitted(database: Database) {
        let pool = database.pool();
        let registry = Registry::open(pool.clone()).await.unwrap();
        pool.close().await;
        let refused = registry.login(ALICE, &connect(Android, "phone"), 1).await;
        assert!(matches!(refused, Err(RegistryError::NotStored)), "{refused:?}");
        assert!(matches!(registry.phone(ALICE).await, Err(RegistryError::Read(_))));
    }

    async fn text_that_not_every_database_takes_is_refused_alone(database: Database) {
        let registry = open(&database).await;
        let (bad, good) = (connect(Web, "a\0b"), connect(Web, "👩\u{200d}🚀 𠮷"));
        let (bad, good) =
            tokio::join!(registry.login(ALICE, &bad, 1), registry.login(ALICE, &good, 1),);
        assert!(matches!(bad, Err(RegistryError::Text)), "{bad:?}");
        good.unwrap();
        assert_eq!(uuids(&registry).await, ["👩\u{200d}🚀 𠮷"]);
    }

    /// Uuids that differ in case or a trailing blank are different devices, and so are users.
    async fn devices_and_users_are_told_apart_by_each_byte(database: Database) {
        let registry = open(&database).await;
        for (uuid, now) in ["a", "A", "a ", "\u{e1}", "a\u{301}"].into_iter().zip(1..) {
            admitted(&registry, &connect(Web, uuid), now).await;
        }
        registry.login(&ALICE.to_lowercase(), &connect(Web, "b"), 9).await.unwrap();
        assert_eq!(uuids(&registry).await, ["a\u{301}", "\u{e1}", "a ", "A", "a"]);
    }

    async fn a_revoked_device_comes_back_by_hand_alone(database: Database) {
        let registry = open(&database).await;
        let browser = admitted(&registry, &connect(Web, "a"), 1).await;
        let desktop = admitted(&registry, &connect(Linux, "a"), 2).await;
        admitted(&registry, &connect(Web, "b"), 3).await;
        registry.login("bob", &connect(Web, "a"), 4).await.unwrap();
        let mut revoked = registry.revoke(ALICE, "a", 5).await.unwrap();
        revoked.sort_unstable();
        assert_eq!(revoked, [browser, desktop]);
        assert_eq!(registry.revoke(ALICE, "a", 6).await.unwrap(), [0_u64; 0]);
        assert_eq!(uuids(&registry).await, ["b"]);
        assert!(registry.is_revoked(ALICE, "a").await.unwrap());
        assert!(!registry.is_revoked("bob", "a").await.unwrap());

        let refused = registry.login(ALICE, &reconnect(Web, "a"), 7).await.unwrap();
        assert_eq!(refused, Admission::Revoked);
        admitted(&registry, &connect(Linux, "a"), 8).await;
        admitted(&registry, &reconnect(Web, "a"), 9).await;
        assert!(!registry.is_revoked(ALICE, "a").await.unwrap());
        assert!(matches!(registry.revoke(ALICE, "\0", 9).await, Err(RegistryError::Text)));
    }

    /// As written by the first version of this program.
    #[tokio::test]
    async fn devices_of_a_file_from_before_are_kept() {
        let database = Database::new(Kind::Sqlite).await;
        let pool = database.pool();
        let mut db = pool.lend().await.unwrap();
        db.run(
            "CREATE TABLE dtalk_device (uid TEXT NOT NULL, device_type INTEGER NOT NULL,
             uuid TEXT NOT NULL, device_name TEXT NOT NULL, username TEXT NOT NULL,
             device_token TEXT NOT NULL, add_time INTEGER NOT NULL, login INTEGER NOT NULL,
             PRIMARY KEY (uid, device_type, uuid)) WITHOUT ROWID;
             CREATE UNIQUE INDEX dtalk_device_login ON dtalk_device (login);
             CREATE UNIQUE INDEX dtalk_device_phone ON dtalk_device (uid)
             WHERE device_type IN (0, 1);",
        )
        .await
        .unwrap();
        sql("INSERT INTO dtalk_device VALUES (?, 0, 'old', 'n', 'alice', 't', 5, 7)")
            .bind(ALICE)
            .execute(&mut db)
            .await
            .unwrap();
        db.done();
        let registry = open(&database).await;
        assert_eq!(uuids(&registry).await, ["old"]);
        assert_eq!(admitted(&registry, &connect(Ios, "new"), 9).await, 8);
        assert_eq!(uuids(&registry).await, ["new"]);
    }
}
