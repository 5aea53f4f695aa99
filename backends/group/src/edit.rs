//! Change of one group in one transaction: what was read, and what is to be written.
//!
//! An operation reads and decides first; everything is written after it has succeeded. So a refusal
//! leaves nothing behind, and its transaction ends like any other.
//!
//! Not here: transactions, their repetition and their order (`groups`), rules (`operations`).

use std::collections::HashMap;

use comet_dtalk::code::Code;
use comet_dtalk::id::IdGenerator;
use comet_sql::{Connection, Error};
use comet_store::Change;

use crate::announcer::Announcer;
use crate::config::Config;
use crate::db::{self, Application, Decision, Write};
use crate::error::GroupError;
use crate::group::{Group, Status};
use crate::member::{Member, NewMember, Role};
use crate::mute;
use crate::permission::{self, Action};
use crate::user;
use crate::view::{Arrivals, View};

/// Rule of a change. It may run several times, each time in a new transaction.
pub(crate) trait Operation: Send + Sync + 'static {
    /// Answer to the caller.
    type Answer: Send + 'static;

    /// Reads, decides, and notes what is to be written.
    fn run(
        &self,
        edit: &mut Edit<'_>,
    ) -> impl Future<Output = Result<Self::Answer, GroupError>> + Send;
}

/// State shared by the changes of all groups.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) config: Config,
    pub(crate) ids: IdGenerator,
    pub(crate) view: View,
}

/// One group within a transaction that has locked it.
#[derive(Debug)]
pub(crate) struct Edit<'t> {
    db: &'t mut Connection,
    scope: &'t Scope,
    /// The group as it is to be stored.
    pub(crate) group: Group,
    /// Announcements to its members.
    pub(crate) announcer: Announcer,
    pub(crate) now: i64,
    /// The group as it was read; none of a new one.
    before: Option<Group>,
    writes: Vec<Write>,
    applications: Vec<Application>,
    decision: Option<Decided>,
    arrivals: Vec<Arrivals>,
}

/// Decision on an application.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    pub(crate) application: i64,
    pub(crate) operator: String,
    /// The reason of a refusal; none if it was accepted.
    pub(crate) refusal: Option<String>,
}

/// Change that was written, for the outbox and the view.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) group: Group,
    pub(crate) writes: Vec<Write>,
    pub(crate) changes: Vec<Change>,
    /// Held until the view has the change.
    _arrivals: Vec<Arrivals>,
}

impl<'t> Edit<'t> {
    /// A group that is stored.
    pub(crate) fn of(db: &'t mut Connection, scope: &'t Scope, group: Group, now: i64) -> Self {
        let before = Some(group.clone());
        Self { before, ..Self::new(db, scope, group, now) }
    }

    /// A group that is not stored yet, without members.
    pub(crate) fn new(db: &'t mut Connection, scope: &'t Scope, group: Group, now: i64) -> Self {
        Self {
            db,
            scope,
            announcer: Announcer::new(group.id, now),
            group,
            now,
            before: None,
            writes: Vec::new(),
            applications: Vec::new(),
            decision: None,
            arrivals: Vec::new(),
        }
    }

    /// Member with this id.
    pub(crate) async fn member(&mut self, uid: &str) -> Result<Option<Member>, Error> {
        Ok(self.members(&[uid]).await?.remove(uid))
    }

    /// Those of the users that are members.
    pub(crate) async fn members(
        &mut self,
        uids: &[&str],
    ) -> Result<HashMap<String, Member>, Error> {
        db::members(self.db, self.group.id, uids).await
    }

    /// Member that this change makes.
    pub(crate) fn joining(&self, uid: &str) -> Option<&Member> {
        let new = self.writes.iter().filter_map(|write| match write {
            Write::Join(members) => Some(members),
            _ => None,
        });
        new.flatten().find(|member| member.uid == uid)
    }

    /// Number of admins.
    pub(crate) async fn admins(&mut self) -> Result<i64, Error> {
        db::admins(self.db, self.group.id).await
    }

    /// The caller, if a member, who may do this.
    pub(crate) async fn permit(
        &mut self,
        action: Action,
        caller: &str,
    ) -> Result<Option<Member>, GroupError> {
        // To users of another app there is no such group.
        if user::app(caller) != user::app(&self.group.owner) {
            return Err(Code::GROUP_UNKNOWN.into());
        }
        let member = self.member(caller).await?;
        permission::check(action, &self.group, member.as_ref().map(|member| member.role))?;
        Ok(member)
    }

    /// The caller, a member who may do this.
    pub(crate) async fn permit_member(
        &mut self,
        action: Action,
        caller: &str,
    ) -> Result<Member, GroupError> {
        let member = self.permit(action, caller).await?;
        Ok(member.ok_or(Code::NOT_IN_GROUP)?)
    }

    /// Refuses if the group is disbanded, for callers without permissions to be checked.
    pub(crate) fn check_alive(&self) -> Result<(), GroupError> {
        match self.group.status {
            Status::Disbanded => Err(Code::GROUP_DISBANDED.into()),
            Status::Normal | Status::Banned => Ok(()),
        }
    }

    /// Makes members of those users that are none, and returns them.
    ///
    /// # Errors
    ///
    /// [`Code::GROUP_FULL`] if the group, or one of the users, has no room for them.
    pub(crate) async fn admit(&mut self, users: &[NewMember]) -> Result<Vec<String>, GroupError> {
        let uids: Vec<&str> = users.iter().map(|it| &*it.user).collect();
        let present = match self.before {
            Some(_) => self.members(&uids).await?,
            None => HashMap::new(),
        };
        let new: Vec<&NewMember> =
            users.iter().filter(|it| !present.contains_key(&it.user)).collect();
        let uids: Vec<&str> = new.iter().map(|it| &*it.user).collect();
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let count = i64::try_from(uids.len()).unwrap_or(i64::MAX);
        if count > self.group.maximum - self.group.member_num {
            return Err(Code::GROUP_FULL.into());
        }
        let limit = self.scope.config.groups_per_user;
        self.arrivals.push(self.scope.view.reserve(&uids, limit).ok_or(Code::GROUP_FULL)?);
        let mutes = match self.before {
            Some(_) => db::mutes_of(self.db, self.group.id, &uids).await?,
            None => HashMap::new(),
        };
        let members = new.iter().map(|it| {
            let until = mutes.get(&it.user).copied().unwrap_or(0);
            let mute_until = if mute::holds(until, self.now) { until } else { 0 };
            let role = if it.user == self.group.owner { Role::Owner } else { Role::Member };
            Member { role, mute_until, ..Member::new(&*it.user, &*it.name) }
        });
        self.writes.push(Write::Join(members.collect()));
        self.group.member_num += count;
        Ok(uids.into_iter().map(str::to_owned).collect())
    }

    /// Ends the membership of members.
    pub(crate) fn dismiss(&mut self, members: &[String]) {
        if !members.is_empty() {
            self.group.member_num -= i64::try_from(members.len()).unwrap_or(0);
            self.writes.push(Write::Leave(members.to_vec()));
        }
    }

    /// Ends all memberships, and the group.
    pub(crate) fn dissolve(&mut self) {
        self.group.status = Status::Disbanded;
        self.group.member_num = 0;
        self.writes.push(Write::Dissolve);
    }

    pub(crate) fn set_role(&mut self, member: &str, role: Role) {
        self.writes.push(Write::Role(member.to_owned(), role));
    }

    pub(crate) fn set_nickname(&mut self, member: &str, name: &str) {
        self.writes.push(Write::Nickname(member.to_owned(), name.to_owned()));
    }

    /// Mutes members up to this time; 0 ends their mutes.
    pub(crate) fn set_mute(&mut self, members: &[String], until: i64) {
        if !members.is_empty() {
            self.writes.push(Write::Mute(members.to_vec(), until));
        }
    }

    /// Member to become the owner once those of the list are gone.
    pub(crate) async fn successor(&mut self, gone: &[String]) -> Result<Option<Member>, Error> {
        let gone = gone.iter().map(|uid| &**uid).collect();
        db::successor(self.db, self.group.id, &gone).await
    }

    /// Application to this group.
    pub(crate) async fn application(&mut self, id: i64) -> Result<Option<Application>, Error> {
        db::application(self.group.id, id).optional(self.db).await
    }

    /// Files applications of users that are no members; those that have one keep it.
    ///
    /// # Errors
    ///
    /// [`Code::GROUP_FULL`] if too many wait.
    pub(crate) async fn apply(
        &mut self,
        users: &[String],
        inviter: &str,
        note: &str,
    ) -> Result<(), GroupError> {
        let uids: Vec<&str> = users.iter().map(|uid| &**uid).collect();
        let (count, found) = db::waiting(self.db, self.group.id, &uids).await?;
        let limit = i64::from(self.scope.config.waiting_applications);
        let new: Vec<&String> = users.iter().filter(|uid| !found.contains(*uid)).collect();
        if !new.is_empty() && count + i64::try_from(new.len()).unwrap_or(limit) > limit {
            return Err(Code::GROUP_FULL.into());
        }
        for member in new {
            self.applications.push(Application {
                id: self.scope.ids.next()?.get(),
                group: self.group.id,
                inviter: inviter.to_owned(),
                member: member.clone(),
                note: note.to_owned(),
                create_time: self.now,
                update_time: self.now,
                ..Application::default()
            });
        }
        Ok(())
    }

    /// Stores a decision on an application.
    pub(crate) fn decide(&mut self, decision: Decided) {
        self.decision = Some(decision);
    }

    /// Writes everything; `number` tells later whether it was committed.
    pub(crate) async fn write(self, number: i64) -> Result<Written, Error> {
        let Self { db, group, announcer, now, before, writes, applications, decision, .. } = self;
        let changes = announcer.into_changes();
        let is_changed = before.as_ref() != Some(&group)
            || !(writes.is_empty() && applications.is_empty() && changes.is_empty())
            || decision.is_some();
        match before {
            None => db::insert_group(db, &group, number).await?,
            Some(_) if is_changed => db::update_group(db, &group, number, now).await?,
            Some(_) => {}
        }
        for write in &writes {
            db::write(db, group.id, write, now).await?;
        }
        if !applications.is_empty() {
            db::insert_application(db, &applications).await?;
        }
        if let Some(Decided { application, operator, refusal }) = &decision {
            let decision = refusal.as_deref().map_or(Decision::Accepted, Decision::Refused);
            db::decide(db, *application, operator, decision, now).await?;
            db::trim_applications(db, group.id).await?;
        }
        Ok(Written { group, writes, changes, _arrivals: self.arrivals })
    }
}
