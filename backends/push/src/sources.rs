//! Demands on other backends: tokens of devices, and names.

use std::collections::HashMap;
use std::pin::Pin;

use comet_dtalk::message::Device;
use comet_sql::Error;

use crate::push::Token;

/// Answer that is being read.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Phone of a user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// Its user.
    pub user: String,
    /// Its type.
    pub device: Device,
    /// Its token.
    pub token: Token,
    /// Number of the login with which it came; later ones have greater numbers.
    pub login: u64,
}

/// Tokens of devices.
pub trait Tokens: Send + Sync {
    /// Phones with a token of these users, at most some thousands. A token that another user's
    /// phone has taken over since is none.
    ///
    /// # Errors
    ///
    /// [`Error`] if the database fails.
    fn of_users<'a>(&'a self, users: &'a [&'a str]) -> Pending<'a, Vec<Target>>;

    /// Forgets the token of a user, unless it was given again by a later login.
    ///
    /// # Errors
    ///
    /// [`Error`] if the database fails.
    fn forget<'a>(&'a self, user: &'a str, token: &'a Token, login: u64) -> Pending<'a, ()>;
}

/// Names that people read.
pub trait Names: Send + Sync {
    /// Nicknames of users; those without one are left out.
    ///
    /// # Errors
    ///
    /// [`Error`] if the database fails.
    fn of_users<'a>(&'a self, users: &'a [&'a str]) -> Pending<'a, HashMap<String, String>>;

    /// Public names of groups; those without one are left out.
    ///
    /// # Errors
    ///
    /// [`Error`] if the database fails.
    fn of_groups<'a>(&'a self, groups: &'a [i64]) -> Pending<'a, HashMap<i64, String>>;
}
