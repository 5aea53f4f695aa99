//! Reading groups for answers, each as far as the caller may see it.
//!
//! Not here: the form of answers (`http`), who may speak (`view`).

use std::collections::HashMap;

use comet_dtalk::code::Code;

use crate::db::{self, Application, Listed};
use crate::error::GroupError;
use crate::group::{Group, Status};
use crate::groups::Groups;
use crate::member::Member;
use crate::permission::{self, Action};
use crate::user;

/// Members that come with the information about a group.
const FIRST_MEMBERS: i64 = 10;
/// Groups in one statement.
const NAMES: usize = 256;

impl Groups {
    /// A group, if the caller may do this.
    pub(crate) async fn see(
        &self,
        action: Action,
        id: i64,
        caller: &str,
    ) -> Result<Listed, GroupError> {
        let found = self.pool().read::<Listed>(db::one(id, caller)).await?.pop();
        let listed = found.filter(|it| user::app(&it.group.owner) == user::app(caller));
        let listed = listed.ok_or(Code::GROUP_UNKNOWN)?;
        let role = listed.person.as_ref().map(|person| person.role);
        permission::check(action, &listed.group, role)?;
        Ok(listed)
    }

    /// Public names of groups; those without one are left out.
    ///
    /// # Errors
    ///
    /// [`comet_sql::Error`] if the database fails.
    pub async fn public_names(
        &self,
        groups: &[i64],
    ) -> Result<HashMap<i64, String>, comet_sql::Error> {
        let mut names = HashMap::with_capacity(groups.len());
        for groups in groups.chunks(NAMES) {
            let rows: Vec<(i64, String)> = self.pool().read(db::public_names(groups)).await?;
            names.extend(rows.into_iter().filter(|(_, name)| !name.is_empty()));
        }
        Ok(names)
    }

    /// The owner, admins and the first others.
    pub(crate) async fn first_members(&self, group: i64) -> Result<Vec<Member>, GroupError> {
        let mut members: Vec<Member> = self.pool().read(db::staff(group)).await?;
        let rest = FIRST_MEMBERS - i64::try_from(members.len()).unwrap_or(FIRST_MEMBERS);
        if rest > 0 {
            members.extend(self.pool().read::<Member>(db::first_plain(group, rest)).await?);
        }
        members.truncate(usize::try_from(FIRST_MEMBERS).unwrap_or(usize::MAX));
        Ok(members)
    }

    /// All members: the owner, admins, then the others in the order in which they joined.
    pub(crate) async fn all_members(&self, group: i64) -> Result<Vec<Member>, GroupError> {
        Ok(self.pool().read(db::all(group)).await?)
    }

    /// A member.
    pub(crate) async fn one_member(&self, group: i64, uid: &str) -> Result<Member, GroupError> {
        let mut db = self.pool().lend().await?;
        let member = db::members(&mut db, group, &[uid]).await?.remove(uid);
        db.done();
        Ok(member.ok_or(Code::OTHER_NOT_IN_GROUP)?)
    }

    /// Groups of a user.
    pub(crate) async fn list(&self, uid: &str) -> Result<Vec<Listed>, GroupError> {
        Ok(self.pool().read(db::of_user(uid)).await?)
    }

    /// Groups with this number for people, or this id, that are open to questions: one or none.
    pub(crate) async fn search(
        &self,
        by_id: bool,
        query: &str,
        caller: &str,
    ) -> Result<Vec<Listed>, GroupError> {
        let found: Vec<Listed> = match (by_id, query.parse::<i64>()) {
            (true, Ok(id)) => self.pool().read(db::one(id, caller)).await?,
            (true, Err(_)) => Vec::new(),
            (false, _) => self.pool().read(db::by_mark(query, caller)).await?,
        };
        let is_open = |group: &Group| {
            group.status == Status::Normal && user::app(&group.owner) == user::app(caller)
        };
        Ok(found.into_iter().filter(|listed| is_open(&listed.group)).collect())
    }

    /// An application, for admins and for the applicant.
    pub(crate) async fn one_application(
        &self,
        group: i64,
        id: i64,
        caller: &str,
    ) -> Result<Application, GroupError> {
        let listed = self.see(Action::ReadApplication, group, caller).await?;
        let found = self.pool().read::<Application>(db::application(group, id)).await?.pop();
        if found.as_ref().is_none_or(|application| application.member != caller) {
            let role = listed.person.as_ref().map(|person| person.role);
            permission::check(Action::ReadApplications, &listed.group, role)?;
        }
        Ok(found.ok_or(Code::APPLICATION_UNKNOWN)?)
    }

    /// Applications, the newest first.
    pub(crate) async fn some_applications(
        &self,
        group: i64,
        count: i64,
        offset: i64,
        caller: &str,
    ) -> Result<Vec<Application>, GroupError> {
        self.see(Action::ReadApplications, group, caller).await?;
        Ok(self.pool().read(db::applications(group, count, offset)).await?)
    }
}
