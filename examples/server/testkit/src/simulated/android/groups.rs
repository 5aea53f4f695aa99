//! The groups of a phone's user.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::Body;
use super::super::content::Signal;
use super::{Android, Purpose};

/// A group, as a phone knows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Group {
    /// Of its messages; `None` while it is asked for.
    pub key: Option<String>,
    /// Ciphertext, or plain until the first change.
    pub name: String,
    /// URL.
    pub avatar: String,
    /// Members, counted up and down by signals.
    pub members: i64,
    /// 0 everybody may speak, 1 the owner and admins.
    pub mute_type: u64,
    /// 0 everybody may join, 1 nobody by himself, 2 by application.
    pub join_type: u64,
    /// 0 members may become friends, 1 they may not.
    pub friend_type: u64,
    /// Role of the user: 2 owner, 1 admin, 0 member.
    pub role: u64,
    /// End of the user's mute, Unix milliseconds.
    pub muted_until: i64,
}

impl Group {
    fn read(group: &Value) -> Self {
        let text = |name: &str| group[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| group[name].as_u64().expect("a number");
        Self {
            key: Some(text("key")),
            name: text("name"),
            avatar: text("avatar"),
            members: group["memberNum"].as_i64().expect("a number"),
            mute_type: number("muteType"),
            join_type: number("joinType"),
            friend_type: number("friendType"),
            role: group["person"]["memberType"].as_u64().expect("a role"),
            muted_until: group["person"]["memberMuteTime"].as_i64().expect("a time"),
        }
    }
}

impl Android {
    /// Records a group that the server has told of.
    pub(super) fn keep_group(&mut self, group: &Value) {
        let id = group["id"].as_i64().expect("an id");
        self.groups.insert(id, Group::read(group));
    }

    /// Asks for a group, once.
    pub(super) fn learn_group(&mut self, id: i64, now: Instant) {
        if self.groups.contains_key(&id) {
            return;
        }
        self.groups.insert(id, Group::default());
        let request = json!({ "id": id }).to_string();
        self.call(Purpose::Group(id), "/group/app/group-info", Body::Json(request), now);
    }

    pub(super) fn learn_of_group(&mut self, signal: Signal, now: Instant) {
        let own = self.person.uid.clone();
        match signal {
            Signal::Entered(id, uids) => match self.groups.get_mut(&id) {
                // It has been counted with the group.
                Some(group) if !uids.contains(&own) => group.members += uids.len() as i64,
                Some(_) => {}
                None => self.learn_group(id, now),
            },
            Signal::Left(id, uids) if uids.contains(&own) => drop(self.groups.remove(&id)),
            Signal::Disbanded(id) => drop(self.groups.remove(&id)),
            Signal::Left(id, uids) => {
                self.change(id, |group| group.members -= uids.len() as i64);
            }
            Signal::Setting(kind, id, value) => self.change(id, |group| match kind {
                20 => group.join_type = value,
                21 => group.friend_type = value,
                _ => group.mute_type = value,
            }),
            Signal::Role(id, uid, role) if uid == own => self.change(id, |group| group.role = role),
            Signal::Muted(id, uids, until) if uids.contains(&own) => {
                self.change(id, |group| group.muted_until = until);
            }
            Signal::Look(25, id, name) => self.change(id, |group| group.name = name),
            Signal::Look(_, id, avatar) => self.change(id, |group| group.avatar = avatar),
            _ => {}
        }
    }

    fn change(&mut self, id: i64, change: impl FnOnce(&mut Group)) {
        if let Some(group) = self.groups.get_mut(&id) {
            change(group);
        }
    }
}
