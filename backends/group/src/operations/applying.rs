//! Applications: filing one, and the decision on it.

use std::slice;

use comet_dtalk::code::Code;

use super::steps;
use crate::edit::{Decided, Edit, Operation};
use crate::error::GroupError;
use crate::group::JoinType;
use crate::member::NewMember;
use crate::permission::Action;

/// Application of the caller.
#[derive(Debug)]
pub(crate) struct Apply {
    pub(crate) caller: String,
    pub(crate) note: String,
}

impl Operation for Apply {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        if edit.permit(Action::Apply, &self.caller).await?.is_some() {
            return Err(Code::ALREADY_IN_GROUP.into());
        }
        if edit.group.settings.join_type == JoinType::StaffOnly {
            return Err(Code::INVITE_NOT_PERMITTED.into());
        }
        edit.apply(slice::from_ref(&self.caller), "", &self.note).await
    }
}

/// Decision of an admin on an application.
#[derive(Debug)]
pub(crate) struct Decide {
    pub(crate) caller: String,
    pub(crate) application: i64,
    /// The reason of a refusal; none to accept.
    pub(crate) refusal: Option<String>,
}

impl Operation for Decide {
    type Answer = ();

    async fn run(&self, edit: &mut Edit<'_>) -> Result<(), GroupError> {
        edit.permit_member(Action::DecideApplication, &self.caller).await?;
        let found = edit.application(self.application).await?;
        let application = found.ok_or(Code::APPLICATION_UNKNOWN)?;
        if application.status != 0 {
            return Err(Code::APPLICATION_DECIDED.into());
        }
        edit.decide(Decided {
            application: self.application,
            operator: self.caller.clone(),
            refusal: self.refusal.clone(),
        });
        if self.refusal.is_none() {
            // Nobody, if invited by an admin in the meantime.
            let new = edit.admit(&[NewMember::nameless(&*application.member)]).await?;
            let inviter = match &*application.inviter {
                "" => &application.member,
                _ => &application.inviter,
            };
            steps::welcome(edit, &new, &self.caller, inviter, &new);
        }
        Ok(())
    }
}
