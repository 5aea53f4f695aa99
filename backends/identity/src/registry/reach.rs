//! Reaching users beside their sessions: push tokens of phones, and display names.

use std::collections::HashMap;

use comet_sql::Error;
use tokio::sync::oneshot;

use super::table::{self, Owned};
use super::writer::Request;
use super::{Registered, Registry, RegistryError};

/// Users in one statement.
const USERS: usize = 256;
/// Longest push token that is kept, in bytes; those of vendors have up to some 250.
const TOKEN_BYTES: usize = 1_024;

/// The push token of a login; empty if it is too long, because a part of it is none.
pub(super) fn usable(token: &str) -> &str {
    if token.len() <= TOKEN_BYTES { token } else { "" }
}

impl Registry {
    /// Phones of these users that have a push token, with their users. A token that another device
    /// has come with since, usually that of another user on the same phone, is none.
    ///
    /// # Errors
    ///
    /// [`Error`] if the database fails.
    pub async fn phones_with_tokens(
        &self,
        uids: &[&str],
    ) -> Result<Vec<(String, Registered)>, Error> {
        let mut phones = Vec::with_capacity(uids.len());
        for uids in uids.chunks(USERS) {
            let owned: Vec<Owned> = self.pool.read(table::phones_with_tokens(uids)).await?;
            phones.extend(owned.into_iter().map(|Owned { uid, device }| (uid, device)));
        }
        Ok(phones)
    }

    /// Display names of users, each from the latest login that had one. Users without are left out.
    ///
    /// # Errors
    ///
    /// [`Error`] if the database fails.
    pub async fn usernames(&self, uids: &[&str]) -> Result<HashMap<String, String>, Error> {
        let mut latest = HashMap::<String, (i64, String)>::new();
        for uids in uids.chunks(USERS) {
            let rows: Vec<(String, String, i64)> = self.pool.read(table::usernames(uids)).await?;
            for (uid, name, login) in rows.into_iter().filter(|(_, name, _)| !name.is_empty()) {
                let found = latest.entry(uid).or_default();
                if login >= found.0 {
                    *found = (login, name);
                }
            }
        }
        Ok(latest.into_iter().map(|(uid, (_, name))| (uid, name)).collect())
    }

    /// Forgets a push token of a user that came with this login or an earlier one: its vendor calls
    /// it invalid.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NotStored`] if the database fails.
    pub async fn forget_token(
        &self,
        uid: &str,
        token: &str,
        login: u64,
    ) -> Result<(), RegistryError> {
        let (reply, answer) = oneshot::channel();
        let (uid, token) = (uid.to_owned(), token.to_owned());
        let request = Request::ForgetToken { uid, token, login, reply };
        self.requests.send(request).await.map_err(|_| RegistryError::NotStored)?;
        answer.await.map_err(|_| RegistryError::NotStored)
    }
}

#[cfg(test)]
mod tests {
    use comet_dtalk::message::Device::{self, Android, Ios, Web};
    use comet_dtalk::message::{ConnType, Login};
    use comet_sql_testing::{Database, on_each_database};

    use super::*;

    on_each_database!(
        a_phone_is_reached_by_its_token_until_another_login_takes_it,
        an_invalid_token_is_forgotten_unless_it_came_again,
        the_latest_name_of_a_user_counts,
    );

    async fn log_in(registry: &Registry, uid: &str, device: Device, token: &str, name: &str) {
        let login = Login {
            device: device as i32,
            username: name.into(),
            device_token: token.into(),
            conn_type: ConnType::Connect as i32,
            uuid: format!("{uid}-{device:?}"),
            device_name: String::new(),
        };
        registry.login(uid, &login, 1).await.unwrap();
    }

    async fn reached(registry: &Registry, uids: &[&str]) -> Vec<(String, String, u64)> {
        let phones = registry.phones_with_tokens(uids).await.unwrap().into_iter();
        let mut phones: Vec<_> =
            phones.map(|(uid, phone)| (uid, phone.push_token, phone.info.login)).collect();
        phones.sort();
        phones
    }

    fn at(uid: &str, token: &str, login: u64) -> (String, String, u64) {
        (uid.into(), token.into(), login)
    }

    async fn a_phone_is_reached_by_its_token_until_another_login_takes_it(database: Database) {
        let registry = Registry::open(database.pool()).await.unwrap();
        log_in(&registry, "alice", Android, "t-1", "").await;
        log_in(&registry, "bob", Ios, "t-2", "").await;
        log_in(&registry, "carol", Web, "t-3", "").await;
        log_in(&registry, "dave", Android, "", "").await;
        log_in(&registry, "erin", Android, &"t".repeat(1_025), "").await;
        let all = ["alice", "bob", "carol", "dave", "erin", "nobody"];
        assert_eq!(reached(&registry, &all).await, [at("alice", "t-1", 1), at("bob", "t-2", 2)]);
        assert_eq!(reached(&registry, &["bob"]).await, [at("bob", "t-2", 2)]);
        // On the phone of alice.
        log_in(&registry, "dave", Android, "t-1", "").await;
        let now = [at("bob", "t-2", 2), at("dave", "t-1", 6)];
        assert_eq!(reached(&registry, &all).await, now);
        let long = "t".repeat(1_024);
        log_in(&registry, "erin", Android, &long, "").await;
        assert_eq!(reached(&registry, &["erin"]).await, [at("erin", &long, 7)]);
    }

    async fn an_invalid_token_is_forgotten_unless_it_came_again(database: Database) {
        let registry = Registry::open(database.pool()).await.unwrap();
        log_in(&registry, "alice", Android, "t-1", "").await;
        log_in(&registry, "bob", Android, "t-2", "").await;
        registry.forget_token("alice", "t-2", 9).await.unwrap();
        registry.forget_token("alice", "t-1", 0).await.unwrap();
        let both = [at("alice", "t-1", 1), at("bob", "t-2", 2)];
        assert_eq!(reached(&registry, &["alice", "bob"]).await, both);
        registry.forget_token("alice", "t-1", 1).await.unwrap();
        assert_eq!(reached(&registry, &["alice", "bob"]).await, both[1..]);
    }

    async fn the_latest_name_of_a_user_counts(database: Database) {
        let registry = Registry::open(database.pool()).await.unwrap();
        log_in(&registry, "alice", Android, "", "Alice").await;
        log_in(&registry, "alice", Web, "", "爱丽丝").await;
        log_in(&registry, "bob", Android, "", "Bob").await;
        log_in(&registry, "bob", Web, "", "").await;
        log_in(&registry, "carol", Web, "", "").await;
        let names = registry.usernames(&["alice", "bob", "carol", "dave"]).await.unwrap();
        let expected = [("alice", "爱丽丝"), ("bob", "Bob")];
        assert_eq!(names, expected.map(|(uid, name)| (uid.into(), name.into())).into());
    }
}
