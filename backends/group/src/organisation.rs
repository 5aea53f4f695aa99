//! What the organisation knows of people, as needed for invitations to its groups. Implemented by
//! the organisation backend; without one nobody is invited to a group of the organisation.

use std::fmt;
use std::pin::Pin;

/// Answer to come.
pub type Answer<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// People of enterprises and departments.
pub trait Organisation: Send + Sync {
    /// Whether all these users belong to the enterprise, or the department, of the group.
    fn knows<'a>(&'a self, group: i64, users: &'a [String]) -> Answer<'a>;
}

impl fmt::Debug for dyn Organisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Organisation")
    }
}
