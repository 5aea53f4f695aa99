//! What is kept of groups and users, without a lock.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use comet_dtalk::code::Code;

use super::Counts;
use crate::db::Head;
use crate::group::{Group, Kind, Status};
use crate::member::Role;
use crate::mute;

/// Groups and users.
#[derive(Debug, Default)]
pub(super) struct State {
    groups: HashMap<i64, Seats>,
    disbanded: HashSet<i64>,
    /// Users with a group, or about to have one.
    users: HashMap<Arc<str>, User>,
}

/// Members of one group.
#[derive(Debug, Default)]
struct Seats {
    is_banned: bool,
    is_muted: bool,
    kind: Kind,
    admins: u32,
    roles: HashMap<Arc<str>, Role>,
    /// Ends of mutes.
    mutes: HashMap<Arc<str>, i64>,
}

#[derive(Debug, Default)]
struct User {
    groups: Vec<i64>,
    /// Groups that are about to be joined.
    arriving: usize,
}

impl State {
    pub(super) fn set_group(&mut self, group: &Group) {
        self.set(group.id, group.status, group.settings.kind, group.settings.is_muted);
    }

    pub(super) fn set_head(&mut self, head: &Head) {
        self.set(head.id, head.status, head.kind, head.is_muted);
    }

    fn set(&mut self, id: i64, status: Status, kind: Kind, is_muted: bool) {
        if status == Status::Disbanded {
            self.disbanded.insert(id);
            return;
        }
        let seats = self.groups.entry(id).or_default();
        seats.is_banned = status == Status::Banned;
        seats.is_muted = is_muted;
        seats.kind = kind;
    }

    /// Removes a group whose members were taken out.
    pub(super) fn forget(&mut self, id: i64) {
        self.groups.remove(&id);
    }

    pub(super) fn join(&mut self, group: i64, uid: &str, role: Role, mute_until: i64) {
        let Some(seats) = self.groups.get_mut(&group) else { return };
        let uid = match self.users.get_key_value(uid) {
            Some((uid, _)) => Arc::clone(uid),
            None => Arc::from(uid),
        };
        seats.admins += u32::from(role == Role::Admin);
        if mute_until != 0 {
            seats.mutes.insert(Arc::clone(&uid), mute_until);
        }
        match seats.roles.insert(Arc::clone(&uid), role) {
            Some(before) => seats.admins -= u32::from(before == Role::Admin),
            None => self.users.entry(uid).or_default().groups.push(group),
        }
    }

    pub(super) fn leave(&mut self, group: i64, uid: &str) {
        if let Some(seats) = self.groups.get_mut(&group) {
            let role = seats.roles.remove(uid);
            seats.admins -= u32::from(role == Some(Role::Admin));
            seats.mutes.remove(uid);
        }
        self.leave_index(group, uid);
    }

    /// Takes the members out of a group. They are still in the index of users.
    pub(super) fn take_members(&mut self, group: i64) -> Vec<Arc<str>> {
        let seats = self.groups.remove(&group).unwrap_or_default();
        seats.roles.into_keys().collect()
    }

    pub(super) fn leave_index(&mut self, group: i64, uid: &str) {
        let Some(user) = self.users.get_mut(uid) else { return };
        user.groups.retain(|id| *id != group);
        if user.groups.is_empty() && user.arriving == 0 {
            self.users.remove(uid);
        }
    }

    pub(super) fn set_role(&mut self, group: i64, uid: &str, role: Role) {
        let Some(seats) = self.groups.get_mut(&group) else { return };
        let Some(found) = seats.roles.get_mut(uid) else { return };
        seats.admins += u32::from(role == Role::Admin);
        seats.admins -= u32::from(*found == Role::Admin);
        *found = role;
    }

    pub(super) fn mute(&mut self, group: i64, uid: &str, until: i64) {
        let Some(seats) = self.groups.get_mut(&group) else { return };
        let Some((uid, _)) = seats.roles.get_key_value(uid) else { return };
        match until {
            0 => seats.mutes.remove(&**uid),
            until => seats.mutes.insert(Arc::clone(uid), until),
        };
    }

    /// Adds users to those that are about to join a group, up to the first that has `limit`.
    pub(super) fn reserve(
        &mut self,
        uids: &[&str],
        limit: usize,
        reserved: &mut Vec<Arc<str>>,
    ) -> bool {
        for uid in uids {
            let (key, user) = match self.users.get_key_value(*uid) {
                Some((key, user)) => (Arc::clone(key), user.groups.len() + user.arriving),
                None => (Arc::from(*uid), 0),
            };
            if user >= limit {
                return false;
            }
            self.users.entry(Arc::clone(&key)).or_default().arriving += 1;
            reserved.push(key);
        }
        true
    }

    /// Ends what [`State::reserve`] began.
    pub(super) fn arrived(&mut self, uids: &[Arc<str>]) {
        for uid in uids {
            let Some(user) = self.users.get_mut(uid) else { continue };
            user.arriving = user.arriving.saturating_sub(1);
            if user.groups.is_empty() && user.arriving == 0 {
                self.users.remove(uid);
            }
        }
    }

    pub(super) fn may_send(&self, uid: &str, group: i64, now: i64) -> Result<(), Code> {
        let Some(seats) = self.groups.get(&group) else {
            let is_disbanded = self.disbanded.contains(&group);
            return Err(if is_disbanded { Code::GROUP_DISBANDED } else { Code::GROUP_UNKNOWN });
        };
        if seats.is_banned {
            return Err(Code::GROUP_BANNED);
        }
        let role = seats.roles.get(uid).ok_or(Code::NOT_IN_GROUP)?;
        let is_silent = (seats.is_muted && !role.is_staff())
            || seats.mutes.get(uid).is_some_and(|until| mute::holds(*until, now));
        if is_silent { Err(Code::MESSAGE_NOT_SENT) } else { Ok(()) }
    }

    pub(super) fn may_revoke(&self, uid: &str, group: i64, author: &str) -> bool {
        let Some(seats) = self.groups.get(&group).filter(|seats| !seats.is_banned) else {
            return false;
        };
        match seats.roles.get(uid) {
            Some(Role::Owner) => true,
            Some(Role::Admin) => seats.roles.get(author) != Some(&Role::Owner),
            Some(Role::Member) | None => false,
        }
    }

    pub(super) fn groups_of(&self, uid: &str) -> &[i64] {
        self.users.get(uid).map_or(&[], |user| &user.groups)
    }

    pub(super) fn kind(&self, group: i64) -> Option<Kind> {
        self.groups.get(&group).map(|seats| seats.kind)
    }

    pub(super) fn role(&self, group: i64, uid: &str) -> Option<Role> {
        self.groups.get(&group)?.roles.get(uid).copied()
    }

    pub(super) fn counts(&self, group: i64, now: i64) -> Counts {
        let Some(seats) = self.groups.get(&group) else { return Counts::default() };
        let muted = seats.mutes.values().filter(|until| mute::holds(**until, now)).count();
        Counts { muted: u32::try_from(muted).unwrap_or(u32::MAX), admins: seats.admins }
    }

    pub(super) fn mute_until(&self, group: i64, uid: &str) -> i64 {
        let seats = self.groups.get(&group);
        seats.and_then(|seats| seats.mutes.get(uid)).copied().unwrap_or(0)
    }
}
