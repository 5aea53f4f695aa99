//! Reading groups and members from the database, in pages of bounded size.

use comet_sql::{Error, Pool};
use parking_lot::RwLock;

use super::state::State;
use crate::db::{self, Head};
use crate::group::Status;
use crate::member::Role;

/// Groups of a page.
const GROUPS: i64 = 1_000;
/// Members of a page, unless one group has more.
const MEMBERS: i64 = 10_000;

/// Group with its members.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) head: Head,
    pub(super) seats: Vec<(String, Role)>,
    /// Users and the ends of their mutes.
    pub(super) mutes: Vec<(String, i64)>,
}

pub(super) async fn all(pool: &Pool, state: &RwLock<State>, now: i64) -> Result<(), Error> {
    let mut after = i64::MIN;
    loop {
        let heads: Vec<Head> = pool.read(db::heads(after, GROUPS)).await?;
        let Some(last) = heads.last() else { return Ok(()) };
        after = last.id;
        for page in pages(&heads) {
            let [Head { id: first, .. }, ..] = *page else { continue };
            let last = page.last().map_or(first, |head| head.id);
            let seats: Vec<(i64, String, i64)> = pool.read(db::seats_between(first, last)).await?;
            let mutes: Vec<(i64, String, i64)> =
                pool.read(db::mutes_between(first, last, now)).await?;
            let mut state = state.write();
            page.iter().for_each(|head| state.set_head(head));
            for (group, uid, role) in &seats {
                let role = Role::of_number(*role).unwrap_or(Role::Member);
                state.join(*group, uid, role, 0);
            }
            for (group, uid, until) in &mutes {
                state.mute(*group, uid, *until);
            }
        }
    }
}

/// Runs of groups with a limited number of members.
fn pages(mut heads: &[Head]) -> Vec<&[Head]> {
    let mut pages = Vec::new();
    while !heads.is_empty() {
        let mut members = 0;
        let fit = heads.iter().take_while(|head| {
            members += head.member_num;
            members <= MEMBERS
        });
        let count = fit.count().max(1);
        let (page, rest) = heads.split_at(count);
        pages.push(page);
        heads = rest;
    }
    pages
}

pub(super) async fn one(pool: &Pool, group: i64, now: i64) -> Result<Option<Loaded>, Error> {
    let Some(head) = pool.read::<Head>(db::one_head(group)).await?.pop() else { return Ok(None) };
    if head.status == Status::Disbanded {
        return Ok(Some(Loaded { head, seats: Vec::new(), mutes: Vec::new() }));
    }
    let seats: Vec<(i64, String, i64)> = pool.read(db::seats_between(group, group)).await?;
    let mutes: Vec<(i64, String, i64)> = pool.read(db::mutes_between(group, group, now)).await?;
    let seats = seats.into_iter();
    let seats = seats.map(|(_, uid, role)| (uid, Role::of_number(role).unwrap_or(Role::Member)));
    let mutes = mutes.into_iter().map(|(_, uid, until)| (uid, until)).collect();
    Ok(Some(Loaded { head, seats: seats.collect(), mutes }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Kind;

    #[test]
    fn pages_are_as_large_as_their_members_allow() {
        let head = |(id, member_num)| Head {
            id,
            status: Status::Normal,
            kind: Kind::Ordinary,
            is_muted: false,
            member_num,
        };
        let heads: Vec<Head> = (1..).zip([4_000, 6_000, 1, 20_000, 9_999, 2]).map(head).collect();
        let ids = |page: &&[Head]| page.iter().map(|head| head.id).collect::<Vec<_>>();
        let pages: Vec<Vec<i64>> = pages(&heads).iter().map(ids).collect();
        assert_eq!(pages, [vec![1, 2], vec![3], vec![4], vec![5], vec![6]]);
    }
}
