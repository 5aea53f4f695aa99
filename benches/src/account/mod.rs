//! Users of a server that knows its users: credentials, and the bodies of their messages.
//!
//! The relay believes any name. The bundled server (`comet-server`) wants a dtalk token with each
//! login, and messages in dtalk's own bodies. A [`Roster`] has one [`Account`] for each session,
//! from the demo's sign-in, from a file, or from generated keys.
//!
//! Not here: loads that make sense with accounts, and the traffic between users (`plan`).

mod body;
mod demo;
mod file;
mod groups;
mod http;
mod sign;
mod source;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(crate) use body::Receiver;
pub use demo::DemoError;
pub use file::{LineFault, TokenFileError};
pub use groups::GroupError;
use sign::Token;

pub use source::Accounts;

use crate::clock;

/// The user of a session, on a server that knows its users.
#[derive(Debug)]
pub struct Account {
    /// The user: an address, for dtalk. Empty if it is unknown and need not be known.
    user: String,
    /// The application that the user belongs to.
    app: String,
    /// The device's uuid, which no other session has.
    device: String,
    token: Arc<Token>,
    /// Prefix of message ids, so that runs do not meet.
    run: Arc<str>,
}

/// A user before it has a device.
#[derive(Debug)]
struct Credential {
    user: String,
    app: Option<String>,
    device: Option<String>,
    token: Arc<Token>,
}

/// Default application of users.
const APP: &str = "dtalk";

/// Accounts that a run needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Demand<'a> {
    /// Source of the credentials; none on a server that believes any name.
    pub source: Option<&'a Accounts>,
    /// Number of sessions.
    pub sessions: usize,
    /// Seed of made-up keys.
    pub seed: u64,
    /// Whether messages are addressed to users, so that the user of each token must be known.
    pub needs_users: bool,
    /// Friends of each user, if users have some.
    pub friends: usize,
}

/// Credentials of all users of a run.
#[derive(Debug, Default)]
pub struct Roster {
    credentials: Vec<Credential>,
    run: Arc<str>,
    note: Option<String>,
}

/// Errors of a run's accounts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The demo signs no user in.
    #[error("`demo`: {0}")]
    Demo(#[from] DemoError),
    /// The file has no credentials.
    #[error("`token-file`: {0}")]
    File(#[from] TokenFileError),
    /// The groups of the run cannot be created.
    #[error("`http`: {0}")]
    Groups(#[from] GroupError),
    /// There are too few users for their friends.
    #[error("{friends} friends for each user take {} users, and there are {users}", friends + 1)]
    Few {
        /// Users that there are.
        users: usize,
        /// Friends that each is to have.
        friends: usize,
    },
}

impl Roster {
    /// The accounts that a run needs; empty without a source.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub fn open(demand: &Demand<'_>) -> Result<Self, AccountError> {
        let mut roster = Self { run: format!("{:x}", clock::unix_ms()).into(), ..Self::default() };
        match demand.source {
            None => return Ok(roster),
            Some(Accounts::Signed) => {
                roster.credentials = sign::users(demand.seed, demand.sessions);
            }
            Some(Accounts::File(path)) => {
                roster.credentials = file::read(path, demand.needs_users)?;
            }
            Some(Accounts::Demo(url)) => {
                (roster.credentials, roster.note) = demo::sign_in(url, demand.sessions)?;
            }
        }
        let (users, friends) = (roster.users(), demand.friends);
        if friends > 0 && users <= friends {
            return Err(AccountError::Few { users, friends });
        }
        Ok(roster)
    }

    /// The number of users.
    #[must_use]
    pub fn users(&self) -> usize {
        self.credentials.iter().map(|it| &it.user).collect::<HashSet<_>>().len()
    }

    /// Creates groups at the HTTP port of the server: each of the users of these sessions, owned by
    /// the first. Returns their ids by name.
    ///
    /// # Errors
    ///
    /// [`AccountError::Groups`]
    pub fn create_groups(
        &self,
        url: &str,
        groups: &HashMap<String, Vec<usize>>,
    ) -> Result<HashMap<String, String>, AccountError> {
        Ok(groups::create(url, self, groups)?)
    }

    /// Refusals, for the report.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The user of each session; `None` where names are generated.
    #[must_use]
    pub fn names(&self, sessions: usize) -> Option<Vec<String>> {
        let names = self.credentials.iter().cycle().take(sessions).map(|it| it.user.clone());
        (!self.credentials.is_empty()).then(|| names.collect())
    }

    /// The account of a session; users take turns.
    #[must_use]
    pub fn of(&self, session: usize) -> Option<Arc<Account>> {
        let credential = self.credentials.get(session.checked_rem(self.credentials.len())?)?;
        let has_own = session < self.credentials.len();
        let device = credential.device.clone().filter(|_| has_own);
        Some(Arc::new(Account {
            user: credential.user.clone(),
            app: credential.app.clone().unwrap_or_else(|| APP.to_owned()),
            device: device.unwrap_or_else(|| format!("load-{session}")),
            token: Arc::clone(&credential.token),
            run: Arc::clone(&self.run),
        }))
    }
}

impl Account {
    /// The application that the user belongs to.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// A token that is good now.
    #[must_use]
    pub fn token(&self) -> String {
        self.token.text(clock::unix_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(seed: u64) -> Roster {
        let source = Some(&Accounts::Signed);
        Roster::open(&Demand { source, sessions: 5, seed, ..Demand::default() }).unwrap()
    }

    #[test]
    fn every_session_of_a_run_with_made_up_keys_is_a_user_of_its_own() {
        let roster = signed(1);
        let names = roster.names(5).unwrap();
        assert_eq!((names.len(), roster.users()), (5, 5));
        let again = signed(1);
        assert_eq!(again.names(5).unwrap(), names, "the same seed makes the same users");
        let other = signed(2);
        assert!(other.names(5).unwrap().iter().all(|name| !names.contains(name)));
        let account = roster.of(3).unwrap();
        let verified = comet_identity::verify(&account.token(), clock::unix_ms()).unwrap();
        assert_eq!((verified.as_str(), account.app()), (names[3].as_str(), "dtalk"));
    }

    #[test]
    fn fewer_users_than_sessions_take_turns_with_devices_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        std::fs::write(&file, "t1 anna\nt2 ben app phone\n").unwrap();
        let source = Accounts::File(file);
        let with = |friends| {
            let (source, sessions, needs_users) = (Some(&source), 5, true);
            Roster::open(&Demand { source, sessions, seed: 1, needs_users, friends })
        };
        let roster = with(1).unwrap();
        assert_eq!(roster.names(5).unwrap(), ["anna", "ben", "anna", "ben", "anna"]);
        let devices: Vec<_> = (0..5).map(|at| roster.of(at).unwrap().device.clone()).collect();
        assert_eq!(devices, ["load-0", "phone", "load-2", "load-3", "load-4"]);
        assert_eq!(
            (roster.of(3).unwrap().app(), roster.of(3).unwrap().token()),
            ("app", "t2".into())
        );
        let few = with(2).unwrap_err().to_string();
        assert_eq!(few, "2 friends for each user take 3 users, and there are 2");
    }

    #[test]
    fn without_accounts_names_are_made_up() {
        let roster = Roster::open(&Demand::default()).unwrap();
        assert!(roster.names(3).is_none() && roster.of(0).is_none());
    }
}
