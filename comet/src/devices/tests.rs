//! The declared policy holds in every state reachable by arrivals and departures.

use std::collections::HashSet;

use super::*;

/// Existing sessions, the oldest first.
fn sessions<'a>(list: &[(&'a str, &'a str)]) -> Vec<Existing<'a>> {
    let numbered = list.iter().zip(1..);
    numbered.map(|(&(class, device), since)| Existing { class, device, since }).collect()
}

fn admitted(replaced: &[usize], end: &[usize]) -> Verdict {
    Verdict::Admit { replaced: replaced.to_vec(), end: end.to_vec() }
}

#[test]
fn nothing_is_limited_by_default() {
    let policy = DevicePolicy::default();
    let existing = sessions(&[("phone", "a"), ("phone", "b"), ("", ""), ("phone", "")]);
    let newcomer = Newcomer { class: "phone", device: "c" };
    assert_eq!(policy.admit(&newcomer, &existing), admitted(&[], &[]));
}

#[test]
fn the_newest_wins_over_the_oldest_of_its_group() {
    let policy = DevicePolicy::default().group(["phone", "tablet"], 2, Winner::Newest);
    let newcomer = Newcomer { class: "tablet", device: "c" };
    let existing = sessions(&[("desktop", "x"), ("phone", "a"), ("tablet", "b"), ("desktop", "y")]);
    assert_eq!(policy.admit(&newcomer, &existing), admitted(&[], &[1]));
    assert_eq!(policy.admit(&newcomer, &existing[..2]), admitted(&[], &[]));
}

#[test]
fn the_oldest_win_and_the_newcomer_is_refused() {
    let policy = DevicePolicy::default().group(["desktop"], 2, Winner::Oldest);
    let existing = sessions(&[("desktop", "a"), ("phone", "b"), ("desktop", "c")]);
    let newcomer = |class, device| Newcomer { class, device };
    assert_eq!(policy.admit(&newcomer("desktop", "d"), &existing), Verdict::Refuse);
    assert_eq!(policy.admit(&newcomer("desktop", ""), &existing), Verdict::Refuse);
    assert_eq!(policy.admit(&newcomer("desktop", "d"), &existing[..2]), admitted(&[], &[]));
    assert_eq!(policy.admit(&newcomer("phone", "d"), &existing), admitted(&[], &[]));
}

#[test]
fn a_device_that_comes_back_takes_its_own_place() {
    let newest = DevicePolicy::default().others(2, Winner::Newest);
    let oldest = DevicePolicy::default().others(2, Winner::Oldest);
    let existing = sessions(&[("phone", "a"), ("phone", "b")]);
    let newcomer = Newcomer { class: "phone", device: "b" };
    assert_eq!(newest.admit(&newcomer, &existing), admitted(&[1], &[]));
    assert_eq!(oldest.admit(&newcomer, &existing), admitted(&[1], &[]));
}

#[test]
fn a_device_that_comes_back_as_another_class_competes_there() {
    let policy = DevicePolicy::default().others(1, Winner::Newest);
    let existing = sessions(&[("web", "a"), ("desktop", "b")]);
    let newcomer = Newcomer { class: "desktop", device: "a" };
    assert_eq!(policy.admit(&newcomer, &existing), admitted(&[0], &[1]));
}

#[test]
fn devices_without_a_name_are_not_the_same_one() {
    let policy = DevicePolicy::default().others(2, Winner::Newest);
    let existing = sessions(&[("phone", ""), ("phone", "")]);
    let newcomer = Newcomer { class: "phone", device: "" };
    assert_eq!(policy.admit(&newcomer, &existing), admitted(&[], &[0]));
}

#[test]
fn each_class_in_no_group_has_a_limit_to_itself() {
    let policy = DevicePolicy::default().group(["phone"], 0, Winner::Newest);
    let policy = policy.others(1, Winner::Oldest);
    let existing = sessions(&[("phone", "a"), ("web", "b"), ("", "c")]);
    let newcomer = |class| Newcomer { class, device: "d" };
    assert_eq!(policy.admit(&newcomer("phone"), &existing), admitted(&[], &[]));
    assert_eq!(policy.admit(&newcomer("desktop"), &existing), admitted(&[], &[]));
    assert_eq!(policy.admit(&newcomer("web"), &existing), Verdict::Refuse);
    assert_eq!(policy.admit(&newcomer(""), &existing), Verdict::Refuse);
}

#[test]
fn a_class_is_in_the_first_group_that_names_it() {
    let policy = DevicePolicy::default().group(["phone"], 1, Winner::Oldest).group(
        ["phone", "tablet"],
        1,
        Winner::Newest,
    );
    let existing = sessions(&[("phone", "a"), ("tablet", "b")]);
    let newcomer = |class| Newcomer { class, device: "c" };
    assert_eq!(policy.admit(&newcomer("phone"), &existing), Verdict::Refuse);
    assert_eq!(policy.admit(&newcomer("tablet"), &existing), admitted(&[], &[1]));
}

#[test]
fn as_many_end_as_are_too_many_and_the_oldest_first() {
    let policy = DevicePolicy::default().group(["phone"], 2, Winner::Newest);
    let mut existing = sessions(&[("phone", "a"), ("phone", "b"), ("phone", "c")]);
    existing.reverse();
    let newcomer = Newcomer { class: "phone", device: "d" };
    assert_eq!(policy.admit(&newcomer, &existing), admitted(&[], &[2, 1]));
}

#[test]
fn of_equally_old_sessions_the_one_named_first_ends() {
    let policy = DevicePolicy::default().group(["phone"], 2, Winner::Newest);
    let existing = ["a", "b"].map(|device| Existing { class: "phone", device, since: 5 });
    let newcomer = Newcomer { class: "phone", device: "c" };
    assert_eq!(policy.admit(&newcomer, &existing), admitted(&[], &[0]));
}

/// A session of the model: class and device.
type Session = (&'static str, &'static str);

const CLASSES: [&str; 2] = ["phone", "tablet"];
const DEVICES: [&str; 4] = ["a", "b", "c", ""];

/// Limit of nameless devices in the model, so that its states are finite.
const NAMELESS: usize = 2;

/// A policy, and an independent statement of it for each class.
struct Declared {
    policy: DevicePolicy,
    /// Whether the two classes share their limit.
    shared: bool,
    /// By class, in the order of `CLASSES`. A limit of 0: none.
    limits: [(usize, Winner); 2],
}

fn declared() -> Vec<Declared> {
    let mut all = Vec::new();
    let winners = [Winner::Newest, Winner::Oldest];
    for (sessions, winner) in (0..=3).flat_map(|n| winners.map(|winner| (n, winner))) {
        let limit = (usize::from(sessions), winner);
        let none = DevicePolicy::default;
        let policy = none().group(CLASSES, sessions, winner);
        all.push(Declared { policy, shared: true, limits: [limit; 2] });
        let policy = none().others(sessions, winner);
        all.push(Declared { policy, shared: false, limits: [limit; 2] });
        let policy = none().group(["phone"], sessions, winner).others(1, Winner::Newest);
        all.push(Declared { policy, shared: false, limits: [limit, (1, Winner::Newest)] });
        let policy = none().others(2, Winner::Oldest).group(["tablet"], sessions, winner);
        all.push(Declared { policy, shared: false, limits: [(2, Winner::Oldest), limit] });
    }
    all
}

impl Declared {
    fn limit(&self, class: &str) -> (usize, Winner) {
        self.limits[usize::from(class == "tablet")]
    }

    fn compete(&self, one: &str, other: &str) -> bool {
        self.shared || one == other
    }

    /// The sessions after `newcomer` asked, having checked the verdict against the declaration.
    fn arrive(&self, state: &[Session], newcomer: Session) -> Vec<Session> {
        let (class, device) = newcomer;
        let (limit, winner) = self.limit(class);
        let is_own = |session: &Session| !device.is_empty() && session.1 == device;
        let rivals: Vec<usize> = (0..state.len())
            .filter(|&at| !is_own(&state[at]) && self.compete(state[at].0, class))
            .collect();
        let context = format!("{newcomer:?} comes to {state:?} under {:?}", self.policy);

        // Passed newest first: only the times of opening count.
        let mut existing = sessions(state);
        existing.reverse();
        let turned = |list: Vec<usize>| list.into_iter().map(|at| state.len() - 1 - at);
        match self.policy.admit(&Newcomer { class, device }, &existing) {
            Verdict::Refuse => {
                assert!(limit > 0 && winner == Winner::Oldest, "{context}: who wins");
                assert_eq!(rivals.len(), limit, "{context}: refused though there is place");
                state.to_vec()
            }
            Verdict::Admit { replaced, end } => {
                let replaced: HashSet<usize> = turned(replaced).collect();
                let own: HashSet<usize> =
                    (0..state.len()).filter(|&at| is_own(&state[at])).collect();
                assert_eq!(replaced, own, "{context}: what it replaces");
                let ended: Vec<usize> = turned(end).collect();
                let too_many = if limit == 0 { 0 } else { (rivals.len() + 1).max(limit) - limit };
                assert_eq!(ended, rivals[..too_many], "{context}: what ends for it");
                assert!(ended.is_empty() || winner == Winner::Newest, "{context}: who wins");
                let stays = |at: &usize| !replaced.contains(at) && !ended.contains(at);
                let mut after: Vec<Session> =
                    (0..state.len()).filter(stays).map(|at| state[at]).collect();
                after.push(newcomer);
                after
            }
        }
    }

    fn check(&self, state: &[Session]) {
        for class in CLASSES {
            let (limit, _) = self.limit(class);
            let count = state.iter().filter(|session| self.compete(session.0, class)).count();
            assert!(limit == 0 || count <= limit, "{state:?} under {:?}", self.policy);
        }
        for device in ["a", "b", "c"] {
            let count = state.iter().filter(|session| session.1 == device).count();
            assert!(count <= 1, "{state:?} under {:?}", self.policy);
        }
    }
}

/// States one step on: one arrival or one departure.
fn next(declared: &Declared, state: &[Session]) -> Vec<Vec<Session>> {
    let nameless = state.iter().filter(|session| session.1.is_empty()).count();
    let arrivals = CLASSES.iter().flat_map(|&class| DEVICES.map(|device| (class, device)));
    let arrivals = arrivals
        .filter(|newcomer| !newcomer.1.is_empty() || nameless < NAMELESS)
        .map(|newcomer| declared.arrive(state, newcomer));
    let departures = (0..state.len()).map(|gone| {
        let stays = state.iter().enumerate().filter(|(at, _)| *at != gone);
        stays.map(|(_, session)| *session).collect()
    });
    arrivals.chain(departures).collect()
}

/// The decision depends on the sessions present and on their order of arrival, so that all
/// reachable states cover all sequences of any length.
#[test]
fn after_any_churn_the_declared_one_has_won() {
    for declared in declared() {
        let mut seen: HashSet<Vec<Session>> = HashSet::new();
        let mut open = vec![Vec::new()];
        while let Some(state) = open.pop() {
            if !seen.insert(state.clone()) {
                continue;
            }
            declared.check(&state);
            open.extend(next(&declared, &state));
        }
        assert!(seen.len() > 2, "{:?} is never full", declared.policy);
    }
}
