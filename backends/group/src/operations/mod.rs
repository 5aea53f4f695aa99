//! Operations: the rule of each change, and what members learn of it, in its order.
//!
//! Not here: the table of roles (`permission`), requests and answers (`http`).

mod applying;
mod forced;
mod joining;
mod leaving;
mod muting;
mod profile;
mod roles;
mod settings;
mod steps;

pub(crate) use applying::{Apply, Decide};
pub(crate) use forced::{Add, Ban, ChangeKind, Delete, Dissolve, MakeOwner};
pub(crate) use joining::{Create, Invite, Join};
pub(crate) use leaving::{Disband, Exit, Remove};
pub(crate) use muting::Mute;
pub(crate) use profile::{Rename, SetAvatar, SetNickname};
pub(crate) use roles::{ChangeOwner, SetRole};
pub(crate) use settings::{Set, Setting};
