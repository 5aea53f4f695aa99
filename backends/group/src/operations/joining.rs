//! Becoming a member: with a new group, by an invitation, or by oneself.

use std::slice;

use comet_dtalk::code::Code;

use super::steps;
use crate::edit::{Edit, Operation};
use crate::error::GroupError;
use crate::group::Group;
use crate::invitation::{self, Entry, Named};
use crate::member::NewMember;
use crate::permission::Action;

/// A new group.
#[derive(Debug)]
pub(crate) struct Create {
    /// Without repeats; the owner first.
    pub(crate) members: Vec<NewMember>,
    /// Author of the notice.
    pub(crate) operator: String,
}

impl Operation for Create {
    type Answer = Group;

    async fn run(&self, edit: &mut Edit<'_>) -> Result<Group, GroupError> {
        let new = edit.admit(&self.members).await?;
        let others: Vec<String> =
            new.iter().filter(|uid| **uid != edit.group.owner).cloned().collect();
        let noticed = if others.is_empty() { &new } else { &others };
        let owner = edit.group.owner.clone();
        steps::welcome(edit, &new, &self.operator, &owner, noticed);
        Ok(edit.group.clone())
    }
}

/// Invitation by a member.
#[derive(Debug)]
pub(crate) struct Invite {
    pub(crate) caller: String,
    /// Without repeats.
    pub(crate) invited: Vec<String>,
    /// Whether the organisation knows all of them, for its groups.
    pub(crate) are_of_organisation: bool,
}

impl Operation for Invite {
    /// Number of members.
    type Answer = i64;

    async fn run(&self, edit: &mut Edit<'_>) -> Result<i64, GroupError> {
        let caller = edit.permit_member(Action::Invite, &self.caller).await?;
        if edit.group.settings.kind.is_of_organisation() && !self.are_of_organisation {
            return Err(Code::INVITE_NOT_PERMITTED.into());
        }
        let invited: Vec<NewMember> = self.invited.iter().map(NewMember::nameless).collect();
        match invitation::invited(edit.group.settings.join_type, caller.role)? {
            Entry::Member => {
                let new = edit.admit(&invited).await?;
                steps::welcome(edit, &new, &self.caller, &self.caller, &new);
            }
            Entry::Application => {
                let uids: Vec<&str> = self.invited.iter().map(|uid| &**uid).collect();
                let members = edit.members(&uids).await?;
                let new = self.invited.iter().filter(|uid| !members.contains_key(*uid));
                let new: Vec<String> = new.cloned().collect();
                edit.apply(&new, &self.caller, "").await?;
            }
        }
        Ok(edit.group.member_num)
    }
}

/// Joining by oneself.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) caller: String,
    /// Inviter that the caller names.
    pub(crate) inviter: Option<String>,
}

impl Operation for Join {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        let Self { caller, inviter } = self;
        if edit.permit(Action::Join, caller).await?.is_some() {
            return Ok(());
        }
        let named = match inviter {
            None => Named::Nobody,
            Some(uid) => {
                edit.member(uid).await?.map_or(Named::Stranger, |it| Named::Member(it.role))
            }
        };
        // A claim that is not true is not passed on.
        let inviter = inviter.as_ref().filter(|_| matches!(named, Named::Member(_)));
        match invitation::joining(edit.group.settings.join_type, named)? {
            Entry::Member => {
                let new = edit.admit(&[NewMember::nameless(caller)]).await?;
                steps::welcome(edit, &new, caller, inviter.unwrap_or(caller), &new);
            }
            Entry::Application => {
                let inviter = inviter.map_or("", |uid| uid);
                edit.apply(slice::from_ref(caller), inviter, "").await?;
            }
        }
        Ok(())
    }
}
