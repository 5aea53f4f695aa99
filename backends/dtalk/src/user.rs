//! Ids of users: as clients write them, and as they are stored.
//!
//! Users of the default app are stored under their bare ids, those of another app as `app:id`. A
//! client writes and reads bare ids only, of users of its own app. The ids of apps contain no
//! separator, nor do those of the default app's users.

const SEPARATOR: char = ':';

/// Longest id of an app, in bytes: with the longest id of a user, 40 characters, it fits the keys
/// of the tables.
pub const MAX_APP: usize = 64;

/// True for a text that can be the id of an app.
#[must_use]
pub fn is_app(app: &str) -> bool {
    (1..=MAX_APP).contains(&app.len()) && !app.contains([SEPARATOR, '\0'])
}

/// Stored form of the id of an app's user. The id of the default app is the empty text.
#[must_use]
pub fn of_app(app: &str, id: &str) -> String {
    if app.is_empty() { id.to_owned() } else { format!("{app}{SEPARATOR}{id}") }
}

/// App of a stored user; empty for the default one.
#[must_use]
pub fn app(stored: &str) -> &str {
    stored.split_once(SEPARATOR).map_or("", |(app, _)| app)
}

/// Id as written by clients.
#[must_use]
pub fn bare(stored: &str) -> &str {
    stored.split_once(SEPARATOR).map_or(stored, |(_, id)| id)
}

/// True for a text that can be an id as written by clients.
#[must_use]
pub fn is_bare(id: &str) -> bool {
    !id.contains(SEPARATOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_an_app_are_stored_with_it_and_those_of_the_default_app_without() {
        for (app_id, id, stored) in [("", "bob", "bob"), ("zoo", "bob", "zoo:bob")] {
            assert_eq!(of_app(app_id, id), stored);
            assert_eq!((app(stored), bare(stored)), (app_id, id));
        }
        assert!(is_bare("bob") && !is_bare("zoo:bob"));
    }

    #[test]
    fn the_id_of_an_app_is_short_and_has_no_separator() {
        assert!(is_app("dtalk") && is_app(&"a".repeat(64)));
        for app in ["", "a:b", "a\0b", &"a".repeat(65)] {
            assert!(!is_app(app), "{app:?}");
        }
    }
}
