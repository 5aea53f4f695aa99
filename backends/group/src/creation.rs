//! New groups, made by a user or by the organisation.

use crate::error::GroupError;
use crate::group::{Group, JoinType, Kind, Profile, Settings};
use crate::groups::{Groups, now};
use crate::member::{NewMember, distinct};
use crate::operations::Create;

/// Bytes of the key for messages of clients: AES-256.
const KEY_BYTES: usize = 32;

/// Group to be made.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NewGroup {
    /// Also the public name.
    pub name: String,
    /// URL of the avatar; may be empty.
    pub avatar: String,
    /// Description; may be empty.
    pub introduce: String,
    /// Kind of the group; in one of the organisation only the owner and admins invite.
    pub kind: Kind,
}

impl Groups {
    /// Makes a group; the owner may be among the members. Returns it as stored.
    pub(crate) async fn create_group(
        &self,
        new: NewGroup,
        owner: NewMember,
        members: Vec<NewMember>,
        operator: Option<&str>,
    ) -> Result<Group, GroupError> {
        let operator = operator.filter(|uid| !uid.is_empty()).unwrap_or(&owner.user).to_owned();
        let mut all = vec![owner.clone()];
        all.extend(members);
        let members = distinct(all, |member| &member.user);
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key)?;
        let join_type = match new.kind.is_of_organisation() {
            true => JoinType::StaffOnly,
            false => JoinType::Free,
        };
        let group = Group {
            id: self.id()?,
            profile: Profile {
                mark_id: String::new(),
                public_name: new.name.clone(),
                name: new.name,
                avatar: new.avatar,
                introduce: new.introduce,
                key: base16ct::lower::encode_string(&key),
            },
            settings: Settings { kind: new.kind, join_type, ..Settings::default() },
            owner: owner.user,
            maximum: self.config().maximum.into(),
            create_time: now(),
            ..Group::default()
        };
        self.insert(group, Create { members, operator }).await
    }
}
