//! Operations of the organisation and the administrator, without permissions.
//!
//! `operator` is the author of the notices: the acting member of staff, or the owner if none is
//! given, because clients drop notices without an author. Users are given as they are stored.

use crate::creation::NewGroup;
use crate::error::GroupError;
use crate::group::Kind;
use crate::groups::Groups;
use crate::member::{NewMember, distinct};
use crate::operations::{Add, Ban, ChangeKind, Delete, Dissolve, MakeOwner};

impl Groups {
    /// Makes a group of any kind; the owner may be among the members. Returns its id.
    ///
    /// # Errors
    ///
    /// [`GroupError`]; refused if the group, or a member, has no room.
    pub async fn create(
        &self,
        group: NewGroup,
        owner: NewMember,
        members: Vec<NewMember>,
        operator: Option<&str>,
    ) -> Result<i64, GroupError> {
        Ok(self.create_group(group, owner, members, operator).await?.id)
    }

    /// Makes users members. Those that are stay as they are.
    ///
    /// # Errors
    ///
    /// [`GroupError`]; refused if the group is unknown or disbanded, or has no room.
    pub async fn force_add_members(
        &self,
        group: i64,
        members: Vec<NewMember>,
        operator: Option<&str>,
    ) -> Result<(), GroupError> {
        let members = distinct(members, |member| &member.user);
        let operator = operator.map(str::to_owned);
        self.change(group, Add { members, operator }).await
    }

    /// Ends memberships. If that of the owner is among them, an admin becomes the owner, or who
    /// joined first; if nobody is left, the group is disbanded.
    ///
    /// # Errors
    ///
    /// [`GroupError`]; refused if the group is unknown or disbanded.
    pub async fn force_delete_members(
        &self,
        group: i64,
        uids: Vec<String>,
        operator: Option<&str>,
    ) -> Result<(), GroupError> {
        let uids = distinct(uids, |uid| uid);
        let operator = operator.map(str::to_owned);
        self.change(group, Delete { uids, operator }).await
    }

    /// Makes a user a member of several groups, one after the other.
    ///
    /// # Errors
    ///
    /// Those of [`Groups::force_add_members`]; the groups before the one that failed keep the
    /// member, and those after it were not touched. It may be repeated.
    pub async fn force_join_groups(
        &self,
        member: NewMember,
        groups: &[i64],
        operator: Option<&str>,
    ) -> Result<(), GroupError> {
        for group in groups {
            self.force_add_members(*group, vec![member.clone()], operator).await?;
        }
        Ok(())
    }

    /// Ends the membership of a user in several groups, one after the other.
    ///
    /// # Errors
    ///
    /// Those of [`Groups::force_delete_members`]; the groups after the one that failed were not
    /// touched. It may be repeated.
    pub async fn force_exit_groups(
        &self,
        uid: &str,
        groups: &[i64],
        operator: Option<&str>,
    ) -> Result<(), GroupError> {
        for group in groups {
            self.force_delete_members(*group, vec![uid.to_owned()], operator).await?;
        }
        Ok(())
    }

    /// Makes a user the owner, and a member first if necessary. The former owner stays a member.
    ///
    /// # Errors
    ///
    /// [`GroupError`]; refused if the group is unknown or disbanded, or has no room.
    pub async fn force_change_owner(
        &self,
        group: i64,
        owner: NewMember,
        operator: Option<&str>,
    ) -> Result<(), GroupError> {
        let operator = operator.map(str::to_owned);
        self.change(group, MakeOwner { owner, operator }).await
    }

    /// Disbands a group, unless it is already.
    ///
    /// # Errors
    ///
    /// [`GroupError`]; refused if the group is unknown.
    pub async fn force_disband_group(
        &self,
        group: i64,
        operator: Option<&str>,
    ) -> Result<(), GroupError> {
        let operator = operator.map(str::to_owned);
        self.change(group, Dissolve { operator }).await
    }

    /// Changes the kind of a group. If it becomes one of the organisation, only the owner and
    /// admins invite from then on.
    ///
    /// # Errors
    ///
    /// [`GroupError`]; refused if the group is unknown or disbanded.
    pub async fn force_update_group_type(&self, group: i64, kind: Kind) -> Result<(), GroupError> {
        self.change(group, ChangeKind { kind }).await
    }

    /// Bans a group, or ends its ban. Its members stay, and nobody speaks.
    ///
    /// # Errors
    ///
    /// [`GroupError`]; refused if the group is unknown or disbanded.
    pub async fn set_banned(&self, group: i64, is_banned: bool) -> Result<(), GroupError> {
        self.change(group, Ban { is_banned }).await
    }
}
