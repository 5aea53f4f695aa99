//! The demo's names: names in use, valid names, and look-alikes.
//!
//! Names follow the nickname profile (RFC 8266): no control characters, no invisible characters, no
//! characters that change the text direction, one space between words. Two names look alike if
//! their skeletons (Unicode Technical Standard 39) are equal, as written or in lower case.
//!
//! Not here: storage of names, and rate limits on new ones (`demo`).

use std::collections::HashMap;
use std::sync::Arc;

use precis_profiles::Nickname;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use unicode_security::confusable_detection::skeleton;

/// Longest name in characters.
const MAX_NAME: usize = 32;

/// The normalized name; `None` if it is not valid.
pub(super) fn normalize(text: &str) -> Option<String> {
    let name = Nickname::enforce(text.trim()).ok()?;
    (1..=MAX_NAME).contains(&name.chars().count()).then(|| name.into_owned())
}

/// The skeletons of a name: as written, and in lower case.
fn skeletons(name: &str) -> [Box<str>; 2] {
    let small = |text: &str| text.to_lowercase();
    let seen: String = skeleton(name).collect();
    let read: String = skeleton(&small(name)).collect();
    [skeleton(&small(&seen)).collect::<String>().into(), read.into()]
}

/// A name in use.
#[derive(Debug)]
struct UsedName {
    name: Box<str>,
    /// Last sign-in, in Unix milliseconds.
    used: u64,
}

/// Names by the addresses of their users.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashMap<Arc<str>, UsedName>,
    skeletons: HashMap<Box<str>, Arc<str>>,
}

impl Names {
    /// Number of names.
    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    /// Whether the address belongs to a name.
    pub(super) fn knows(&self, address: &str) -> bool {
        self.taken.contains_key(address)
    }

    /// Addresses and names.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.taken.iter().map(|(address, taken)| (&**address, &*taken.name))
    }

    /// Records a use of a name and returns the previous one; `None` for an unknown address.
    pub(super) fn touch(&mut self, address: &str, now: u64) -> Option<u64> {
        let taken = self.taken.get_mut(address)?;
        Some(std::mem::replace(&mut taken.used, now))
    }

    /// The name in use that looks like this one, if any.
    pub(super) fn like(&self, name: &str) -> Option<&str> {
        let address = skeletons(name).into_iter().find_map(|form| self.skeletons.get(&form))?;
        self.taken.get(address).map(|taken| &*taken.name)
    }

    /// Adds a new name.
    pub(super) fn add(&mut self, address: &str, name: &str, used: u64) {
        let address: Arc<str> = address.into();
        for form in skeletons(name) {
            // Of old names that look alike, the first keeps the skeleton.
            self.skeletons.entry(form).or_insert_with(|| Arc::clone(&address));
        }
        self.taken.insert(address, UsedName { name: name.into(), used });
    }

    /// Addresses of names not used since then.
    pub(super) fn unused_since(&self, then: u64) -> Vec<Arc<str>> {
        let unused = self.taken.iter().filter(|(_, taken)| taken.used < then);
        unused.map(|(address, _)| Arc::clone(address)).collect()
    }

    /// Forgets a name.
    pub(super) fn forget(&mut self, address: &str) {
        let Some(taken) = self.taken.remove(address) else { return };
        for form in skeletons(&taken.name) {
            if self.skeletons.get(&form).is_some_and(|owner| **owner == *address) {
                self.skeletons.remove(&form);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_read_are_taken_as_they_are_meant() {
        for (text, name) in [
            ("alice", "alice"),
            ("  Anna  Maria\u{3000}Lee ", "Anna Maria Lee"),
            ("J\u{fc}rgen", "J\u{fc}rgen"),
            ("Ju\u{308}rgen", "J\u{fc}rgen"),
            ("\u{738b}\u{5c0f}\u{660e}", "\u{738b}\u{5c0f}\u{660e}"),
            ("\u{5d3}\u{5d5}\u{5d3}", "\u{5d3}\u{5d5}\u{5d3}"),
            ("O'Neil-2", "O'Neil-2"),
        ] {
            assert_eq!(normalize(text).as_deref(), Some(name), "{text:?}");
        }
        assert!(normalize(&"x".repeat(32)).is_some());
    }

    #[test]
    fn names_that_nobody_could_read_are_refused() {
        let long = "x".repeat(33);
        for text in [
            "",
            "   ",
            &long,
            "a\nb",
            "a\u{7f}b",
            "a\u{85}b",
            "al\u{ad}ice",        // soft hyphen
            "al\u{200b}ice",      // space of no width
            "al\u{200d}ice",      // joiner
            "al\u{2060}ice",      // word joiner
            "\u{feff}alice",      // byte order mark
            "\u{2800}\u{3164}",   // fillers
            "\u{202e}ecila",      // override to the left
            "a\u{2067}b\u{2069}", // isolates
            "\u{200f}alice",      // mark
            "al\u{fe0f}ice",      // variation selector
            "al\u{e0061}ice",     // tag
        ] {
            assert_eq!(normalize(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_look_alike_of_a_taken_name_is_told_from_another_name() {
        let mut names = Names::default();
        names.add("1", "Alice", 0);
        names.add("2", "paypal", 0);
        for alike in [
            "alice",
            "ALICE",
            "\u{410}lice",  // Cyrillic
            "al\u{131}ce",  // dotless i
            "AIice",        // capital i for l
            "\u{ff21}lice", // full width
        ] {
            assert_eq!(names.like(&normalize(alike).unwrap()), Some("Alice"), "{alike:?}");
        }
        assert_eq!(names.like("p\u{430}yp\u{430}l"), Some("paypal"));
        assert_eq!(names.like("paypa1"), Some("paypal"));
        for other in ["Alicia", "Malice", "alice2", "\u{410}\u{43d}\u{43d}\u{430}", "bob"] {
            assert_eq!(names.like(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_is_forgotten_looks_like_nobody() {
        let mut names = Names::default();
        names.add("1", "alice", 10);
        names.add("2", "ALICE", 30);
        names.add("3", "bob", 20);
        assert_eq!(names.touch("1", 15), Some(10));
        assert_eq!(names.touch("4", 15), None);
        assert_eq!(names.unused_since(16), ["1".into()]);
        names.forget("2");
        assert_eq!(names.like("Alice"), Some("alice"), "the first keeps its looks");
        names.forget("1");
        names.forget("1");
        assert_eq!((names.like("Alice"), names.len()), (None, 1));
        assert!(names.knows("3") && names.skeletons.values().all(|owner| **owner == *"3"));
    }
}
