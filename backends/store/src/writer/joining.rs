//! Sessions that join the rooms of their groups once they have caught up.
//!
//! Before that they get group messages from the database, in one sequence with the others; via the
//! rooms these would overtake messages still to be read.

use std::collections::HashMap;
use std::hash::Hash;

/// Groups that each session is about to join.
#[derive(Debug)]
pub(crate) struct Joining<S> {
    groups: HashMap<S, Vec<i64>>,
    members: HashMap<i64, Vec<S>>,
}

impl<S: Copy + Eq + Hash> Joining<S> {
    pub(crate) fn new() -> Self {
        Self { groups: HashMap::new(), members: HashMap::new() }
    }

    pub(crate) fn add(&mut self, session: S, groups: Vec<i64>) {
        for &group in &groups {
            self.members.entry(group).or_default().push(session);
        }
        self.groups.insert(session, groups);
    }

    /// Whether the session has yet to join its groups.
    pub(crate) fn contains(&self, session: S) -> bool {
        self.groups.contains_key(&session)
    }

    /// Adds a group to those that the session is about to join.
    pub(crate) fn add_group(&mut self, session: S, group: i64) {
        if let Some(groups) = self.groups.get_mut(&session)
            && !groups.contains(&group)
        {
            groups.push(group);
            self.members.entry(group).or_default().push(session);
        }
    }

    /// Removes a group from those that the session is about to join.
    pub(crate) fn remove_group(&mut self, session: S, group: i64) {
        if let Some(groups) = self.groups.get_mut(&session) {
            groups.retain(|&other| other != group);
            self.forget(session, group);
        }
    }

    fn forget(&mut self, session: S, group: i64) {
        if let Some(members) = self.members.get_mut(&group) {
            members.retain(|&member| member != session);
            if members.is_empty() {
                self.members.remove(&group);
            }
        }
    }

    /// Removes the session; returns the groups that it was about to join.
    pub(crate) fn remove(&mut self, session: S) -> Vec<i64> {
        let groups = self.groups.remove(&session).unwrap_or_default();
        for &group in &groups {
            self.forget(session, group);
        }
        groups
    }

    /// Sessions that are about to join a group.
    pub(crate) fn of_group(&self, group: i64) -> &[S] {
        self.members.get(&group).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_joined_or_left_is_in_no_list() {
        let mut joining = Joining::new();
        joining.add(1, vec![7, 8]);
        joining.add(2, vec![7]);
        assert_eq!((joining.of_group(7), joining.of_group(8)), (&[1, 2][..], &[1][..]));
        assert_eq!(joining.remove(1), [7, 8]);
        assert_eq!(joining.remove(1), [0; 0]);
        assert_eq!(joining.of_group(7), [2]);
        joining.remove(2);
        assert!(joining.groups.is_empty() && joining.members.is_empty());
    }

    #[test]
    fn groups_come_and_go_while_a_session_has_yet_to_join() {
        let mut joining = Joining::new();
        joining.add(1, vec![7]);
        joining.add_group(1, 7);
        joining.add_group(1, 8);
        joining.add_group(2, 8);
        assert_eq!((joining.of_group(7), joining.of_group(8)), (&[1][..], &[1][..]));
        assert!(joining.contains(1) && !joining.contains(2));
        joining.remove_group(1, 7);
        assert!(joining.of_group(7).is_empty());
        assert_eq!(joining.remove(1), [8]);
    }
}
