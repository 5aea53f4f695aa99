//! Tokens of devices, names of users and groups, from the backends that have them.

use std::collections::HashMap;

use comet_group::Groups;
use comet_identity::Registry;
use comet_identity::registry::RegistryError;
use comet_push::{Pending, Target, Token};
use comet_sql::Error;

/// Tokens of the registered phones.
pub(super) struct Tokens(pub(super) Registry);

impl comet_push::Tokens for Tokens {
    fn of_users<'a>(&'a self, users: &'a [&'a str]) -> Pending<'a, Vec<Target>> {
        Box::pin(async {
            let phones = self.0.phones_with_tokens(users).await?.into_iter();
            let target = |(user, phone): (String, _)| {
                let comet_identity::registry::Registered { info, push_token, .. } = phone;
                let (device, token) = (info.device?, Token::new(push_token)?);
                Some(Target { user, device, token, login: info.login })
            };
            Ok(phones.filter_map(target).collect())
        })
    }

    fn forget<'a>(&'a self, user: &'a str, token: &'a Token, login: u64) -> Pending<'a, ()> {
        Box::pin(async move {
            let forgotten = self.0.forget_token(user, token.get(), login).await;
            forgotten.map_err(|error| match error {
                RegistryError::Read(error) => error,
                // The reason is in the log.
                _ => Error::Closed,
            })
        })
    }
}

/// Nicknames from logins, public names of groups.
pub(super) struct Names {
    pub(super) registry: Registry,
    pub(super) groups: Groups,
}

impl comet_push::Names for Names {
    fn of_users<'a>(&'a self, users: &'a [&'a str]) -> Pending<'a, HashMap<String, String>> {
        Box::pin(self.registry.usernames(users))
    }

    fn of_groups<'a>(&'a self, groups: &'a [i64]) -> Pending<'a, HashMap<i64, String>> {
        Box::pin(self.groups.public_names(groups))
    }
}
