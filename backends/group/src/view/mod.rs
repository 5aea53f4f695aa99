//! View: groups and members in memory, for questions that cannot wait for the database.
//!
//! Loaded at the start, and changed after each commit, in the order of the commits of each group.
//! A change of many members is applied in pieces, so that nobody waits long for the lock.
//!
//! Memory: about 64 bytes for each membership, 160 for each user with one, 250 for each group and
//! 16 for each disbanded one. Memberships are bounded by the maxima of groups and of groups per
//! user.
//!
//! Not here: the changes themselves (`edit`), names and texts, which only the database has.

mod load;
mod state;

use std::sync::Arc;

use comet_dtalk::code::Code;
use comet_sql::{Error, Pool};
use parking_lot::RwLock;

use self::state::State;
use crate::db::Write;
use crate::group::{Group, Kind};
use crate::member::Role;

/// Members of one piece.
const PIECE: usize = 256;

/// Groups and members in memory. A cheap handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct View(Arc<RwLock<State>>);

/// Places of users in groups that they are about to join.
#[derive(Debug)]
pub(crate) struct Arrivals {
    view: View,
    users: Vec<Arc<str>>,
}

/// Numbers of members of a group.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) muted: u32,
    pub(crate) admins: u32,
}

impl View {
    /// Everything in the database.
    pub(crate) async fn load(pool: &Pool, now: i64) -> Result<Self, Error> {
        let view = Self::default();
        load::all(pool, &view.0, now).await?;
        Ok(view)
    }

    /// One group anew.
    pub(crate) async fn reload(&self, pool: &Pool, group: i64, now: i64) -> Result<(), Error> {
        let loaded = load::one(pool, group, now).await?;
        self.remove_members(group);
        let mut state = self.0.write();
        match loaded {
            Some(loaded) => {
                state.set_head(&loaded.head);
                loaded.seats.iter().for_each(|(uid, role)| state.join(group, uid, *role, 0));
                loaded.mutes.iter().for_each(|(uid, until)| state.mute(group, uid, *until));
            }
            None => state.forget(group),
        }
        Ok(())
    }

    /// Applies a committed change.
    pub(crate) fn apply(&self, group: &Group, writes: &[Write]) {
        let id = group.id;
        self.0.write().set_group(group);
        for write in writes {
            match write {
                Write::Join(members) => {
                    for piece in members.chunks(PIECE) {
                        let mut state = self.0.write();
                        for member in piece {
                            state.join(id, &member.uid, member.role, member.mute_until);
                        }
                    }
                }
                Write::Leave(uids) => {
                    for piece in uids.chunks(PIECE) {
                        let mut state = self.0.write();
                        piece.iter().for_each(|uid| state.leave(id, uid));
                    }
                }
                Write::Dissolve => self.remove_members(id),
                Write::Role(uid, role) => self.0.write().set_role(id, uid, *role),
                Write::Mute(uids, until) => {
                    for piece in uids.chunks(PIECE) {
                        let mut state = self.0.write();
                        piece.iter().for_each(|uid| state.mute(id, uid, *until));
                    }
                }
                Write::Nickname(..) => {}
            }
        }
    }

    fn remove_members(&self, group: i64) {
        let members = self.0.write().take_members(group);
        for piece in members.chunks(PIECE) {
            let mut state = self.0.write();
            piece.iter().for_each(|uid| state.leave_index(group, uid));
        }
    }

    /// Keeps places for users that are about to join one more group; `None` if one of them has
    /// `limit` already.
    pub(crate) fn reserve(&self, uids: &[&str], limit: u32) -> Option<Arrivals> {
        let mut arrivals = Arrivals { view: self.clone(), users: Vec::with_capacity(uids.len()) };
        for piece in uids.chunks(PIECE) {
            let reserved = self.0.write().reserve(piece, limit as usize, &mut arrivals.users);
            // Those before have their places given back.
            if !reserved {
                return None;
            }
        }
        Some(arrivals)
    }

    /// See [`Membership::may_send`](comet_store::Membership::may_send).
    pub(crate) fn may_send(&self, uid: &str, group: i64, now: i64) -> Result<(), Code> {
        self.0.read().may_send(uid, group, now)
    }

    /// See [`Membership::may_revoke`](comet_store::Membership::may_revoke).
    pub(crate) fn may_revoke(&self, uid: &str, group: i64, author: &str) -> bool {
        self.0.read().may_revoke(uid, group, author)
    }

    /// See [`Membership::groups_of`](comet_store::Membership::groups_of).
    pub(crate) fn groups_of(&self, uid: &str) -> Vec<i64> {
        self.0.read().groups_of(uid).to_vec()
    }

    /// Kind of a group that is not disbanded.
    pub(crate) fn kind(&self, group: i64) -> Option<Kind> {
        self.0.read().kind(group)
    }

    /// Role of a user in a group.
    pub(crate) fn role(&self, group: i64, uid: &str) -> Option<Role> {
        self.0.read().role(group, uid)
    }

    /// Numbers of members that are muted, and admins.
    pub(crate) fn counts(&self, group: i64, now: i64) -> Counts {
        self.0.read().counts(group, now)
    }

    /// End of the mute of a member, 0 for none.
    pub(crate) fn mute_until(&self, group: i64, uid: &str) -> i64 {
        self.0.read().mute_until(group, uid)
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        for piece in self.users.chunks(PIECE) {
            self.view.0.write().arrived(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::group::Status;
    use crate::member::Member;

    const NOW: i64 = 1_700_000_000_000;

    fn group(id: i64) -> Group {
        Group { id, ..Group::default() }
    }

    /// Owner `o`, admin `a`, member `m`.
    fn view() -> View {
        let view = View::default();
        let members = [("o", Role::Owner), ("a", Role::Admin), ("m", Role::Member)];
        let members = members.map(|(uid, role)| Member { role, ..Member::new(uid, "") });
        view.apply(&group(1), &[Write::Join(members.to_vec())]);
        view
    }

    fn may_send(view: &View) -> [i32; 4] {
        ["o", "a", "m", "x"].map(|uid| view.may_send(uid, 1, NOW).err().map_or(0, |code| code.0))
    }

    #[test]
    fn a_mute_type_leaves_the_word_to_owner_and_admins() {
        let view = view();
        assert_eq!(may_send(&view), [0, 0, 0, -10015]);
        let mut muted = group(1);
        muted.settings.is_muted = true;
        view.apply(&muted, &[]);
        assert_eq!(may_send(&view), [0, 0, -5001, -10015]);
        // Who is promoted may speak at once.
        view.apply(&muted, &[Write::Role("m".into(), Role::Admin)]);
        assert_eq!(may_send(&view), [0, 0, 0, -10015]);
    }

    #[test]
    fn a_muted_member_is_silent_until_the_end() {
        let view = view();
        view.apply(&group(1), &[Write::Mute(vec!["m".into()], NOW + 5)]);
        assert_eq!(may_send(&view), [0, 0, -5001, -10015]);
        assert_eq!(view.counts(1, NOW), Counts { muted: 1, admins: 1 });
        assert_eq!(view.may_send("m", 1, NOW + 5), Ok(()));
        assert_eq!(view.counts(1, NOW + 5), Counts { muted: 0, admins: 1 });
        view.apply(&group(1), &[Write::Mute(vec!["m".into()], 0)]);
        assert_eq!(may_send(&view), [0, 0, 0, -10015]);
    }

    #[test]
    fn banned_disbanded_and_unknown_groups_are_told_apart() {
        let view = view();
        view.apply(&Group { status: Status::Banned, ..group(1) }, &[]);
        assert_eq!(may_send(&view), [-10001; 4]);
        assert_eq!(view.groups_of("m"), [1]);
        assert!(!view.may_revoke("o", 1, "m"));
        view.apply(&Group { status: Status::Disbanded, ..group(1) }, &[Write::Dissolve]);
        assert_eq!(may_send(&view), [-10002; 4]);
        assert!(view.groups_of("m").is_empty());
        assert_eq!(view.may_send("o", 2, NOW), Err(Code(-10020)));
    }

    #[test]
    fn owners_revoke_all_and_admins_what_is_not_the_owners() {
        let view = view();
        let revokes = |uid| ["o", "a", "m"].map(|author| view.may_revoke(uid, 1, author));
        assert_eq!(revokes("o"), [true; 3]);
        assert_eq!(revokes("a"), [false, true, true]);
        assert_eq!(revokes("m"), [false; 3]);
        assert_eq!(revokes("x"), [false; 3]);
    }

    #[test]
    fn places_are_kept_until_they_are_taken() {
        let view = view();
        assert!(view.reserve(&["m"], 1).is_none());
        let arrivals = view.reserve(&["x", "m"], 2).unwrap();
        assert!(view.reserve(&["x", "m"], 2).is_none());
        assert!(view.reserve(&["x"], 2).is_some());
        drop(arrivals);
        assert!(view.reserve(&["x", "m"], 2).is_some());
        assert!(view.reserve(&["x"], 0).is_none());
    }

    #[test]
    fn a_large_group_comes_and_goes() {
        let view = View::default();
        let members: Vec<Member> = (0..20_000).map(|n| Member::new(format!("u{n}"), "")).collect();
        view.apply(&group(1), &[Write::Join(members.clone())]);
        view.apply(&group(2), &[Write::Join(members)]);
        assert_eq!(view.groups_of("u19999"), [1, 2]);
        view.apply(&Group { status: Status::Disbanded, ..group(1) }, &[Write::Dissolve]);
        assert_eq!(view.groups_of("u19999"), [2]);
        let half: Vec<String> = (0..10_000).map(|n| format!("u{n}")).collect();
        view.apply(&group(2), &[Write::Leave(half)]);
        assert!(view.groups_of("u9999").is_empty());
        assert_eq!(view.groups_of("u10000"), [2]);
    }

    const USERS: [&str; 4] = ["a", "b", "c", "d"];

    fn any_write() -> impl Strategy<Value = Write> {
        let user = || (0..4_usize).prop_map(|n| USERS[n].to_owned());
        let role = || (0..3_i64).prop_map(|n| Role::of_number(n).unwrap());
        prop_oneof![
            (user(), role()).prop_map(|(uid, role)| {
                Write::Join(vec![Member { role, ..Member::new(uid, "") }])
            }),
            user().prop_map(|uid| Write::Leave(vec![uid])),
            (user(), role()).prop_map(|(uid, role)| Write::Role(uid, role)),
            (user(), -1..2_i64).prop_map(|(uid, end)| {
                Write::Mute(vec![uid], if end == 0 { 0 } else { NOW + end })
            }),
        ]
    }

    /// Roles and ends of mutes by group and user.
    type Model = BTreeMap<(i64, String), (Role, i64)>;

    fn follow(model: &mut Model, group: i64, write: &Write) {
        let key = |uid: &String| (group, uid.clone());
        match write {
            Write::Join(members) => {
                let member = &members[0];
                let end = model.get(&key(&member.uid)).map_or(0, |found| found.1);
                model.insert(key(&member.uid), (member.role, end));
            }
            Write::Leave(uids) => drop(model.remove(&key(&uids[0]))),
            Write::Role(uid, role) => {
                model.entry(key(uid)).and_modify(|found| found.0 = *role);
            }
            Write::Mute(uids, end) => {
                model.entry(key(&uids[0])).and_modify(|found| found.1 = *end);
            }
            Write::Dissolve | Write::Nickname(..) => unreachable!(),
        }
    }

    proptest! {
        #[test]
        fn any_changes_leave_the_view_as_a_list_would_be(
            writes in prop::collection::vec((1..4_i64, any_write()), 1..60),
        ) {
            let (view, mut model) = (View::default(), Model::new());
            for (id, write) in writes {
                view.apply(&group(id), std::slice::from_ref(&write));
                follow(&mut model, id, &write);
                let of_group = || model.iter().filter(|(key, _)| key.0 == id);
                let admins = of_group().filter(|(_, found)| found.0 == Role::Admin).count();
                let muted = of_group().filter(|(_, found)| found.1 > NOW).count();
                let counts = view.counts(id, NOW);
                prop_assert_eq!((counts.admins as usize, counts.muted as usize), (admins, muted));
                for uid in USERS {
                    let mut groups = view.groups_of(uid);
                    groups.sort_unstable();
                    let expected = model.keys().filter(|key| key.1 == uid).map(|key| key.0);
                    prop_assert_eq!(groups, expected.collect::<Vec<_>>());
                    let expected = match model.get(&(id, uid.to_owned())) {
                        None => Err(Code::NOT_IN_GROUP),
                        Some((_, end)) if *end > NOW => Err(Code::MESSAGE_NOT_SENT),
                        Some(_) => Ok(()),
                    };
                    prop_assert_eq!(view.may_send(uid, id, NOW), expected);
                }
            }
        }
    }
}
