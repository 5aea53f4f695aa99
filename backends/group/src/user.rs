//! Ids of users, as members of a group write them: a group has members of one app.

use comet_dtalk::code::Code;
pub(crate) use comet_dtalk::user::{app, bare};
use comet_dtalk::user::{is_bare, of_app};

/// Longest id, in characters: the width of its column in other implementations.
const MAX_CHARS: usize = 40;
/// Longest stored id, in bytes: the width of the key.
const MAX_BYTES: usize = 255;

/// Stored form of an id that `caller`, a stored user, has written.
///
/// # Errors
///
/// [`Code::BAD_PARAMETERS`] for what is no id.
pub(crate) fn stored(caller: &str, id: &str) -> Result<String, Code> {
    let has_length = (1..=MAX_CHARS).contains(&id.chars().count());
    if !has_length || !is_bare(id) || id.contains('\0') {
        return Err(Code::BAD_PARAMETERS);
    }
    let stored = of_app(app(caller), id);
    if stored.len() > MAX_BYTES { Err(Code::BAD_PARAMETERS) } else { Ok(stored) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_an_app_name_each_other_without_it() {
        assert_eq!(stored("alice", "bob").unwrap(), "bob");
        assert_eq!(stored("zoo:alice", "bob").unwrap(), "zoo:bob");
        assert_eq!((app("zoo:bob"), bare("zoo:bob")), ("zoo", "bob"));
        assert_eq!((app("bob"), bare("bob")), ("", "bob"));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let long = "é".repeat(41);
        for id in ["", "a\0b", "zoo:bob", &long] {
            assert_eq!(stored("alice", id), Err(Code(-1012)), "{id:?}");
        }
        assert!(stored("alice", &"é".repeat(40)).is_ok());
        let app = "a".repeat(100) + ":alice";
        assert_eq!(stored(&app, &"😀".repeat(40)), Err(Code(-1012)));
    }
}
