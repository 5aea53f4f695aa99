//! Tables of groups and their statements; `schema.sql` describes the tables.
//!
//! Not here: the order of statements in a transaction (`edit`), pages read at the start (`view`).

mod applications;
mod groups;
mod loading;
mod members;
mod writes;

use comet_sql::Part;

pub(crate) use applications::{
    Application, Decision, application, applications, decide, insert_application, last_application,
    trim_applications, waiting,
};
pub(crate) use groups::{
    Listed, by_mark, count_mark, insert_group, last_group, locked, of_user, one, public_names,
    update_group,
};
pub(crate) use loading::{Head, heads, mutes_between, one_head, seats_between};
pub(crate) use members::{admins, all, first_plain, members, mutes_of, staff, successor};
pub(crate) use writes::{Write, write};

/// Tables of groups.
pub(crate) const PART: Part =
    Part { name: "groups", steps: &[include_str!("schema.sql")], user_version: false };

/// Keys of one statement: what an optimizer still takes for ranges of an index.
pub(crate) const MAX_KEYS: usize = 256;
