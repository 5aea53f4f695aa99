//! Buckets against a model of plain sets.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::Config;
use crate::identity::Identity;
use crate::session::Limits;
use crate::time::Time;

fn insert(bucket: &mut Bucket, user: &str) -> u32 {
    let session = Session::new(Time::START, &Limits::new(&Config::default()));
    let slot = bucket.insert(session).unwrap();
    bucket.open(slot, Peer::new(bucket.id(slot), Identity::new("app", user)));
    slot
}

fn members(bucket: &Bucket, room: &str) -> BTreeSet<u32> {
    let room = bucket.room(room);
    room.map(|room| bucket.members(room).iter().map(|place| place.slot).collect())
        .unwrap_or_default()
}

#[test]
fn an_ended_session_is_not_found_though_its_slot_is_used_again() {
    let mut bucket = Bucket::new(0, Keyed::by_chance());
    let slot = insert(&mut bucket, "a");
    let id = bucket.id(slot);
    assert_eq!(bucket.find(id), Some(slot));
    assert!(bucket.remove(slot).is_some());
    assert_eq!(bucket.find(id), None);
    assert_eq!(insert(&mut bucket, "b"), slot);
    assert_eq!(bucket.find(id), None);
}

#[test]
fn a_room_is_joined_once_within_the_limit_and_vanishes_with_its_last_member() {
    let mut bucket = Bucket::new(0, Keyed::by_chance());
    let slot = insert(&mut bucket, "a");
    let [one, two]: [Arc<str>; 2] = ["one".into(), "two".into()];
    assert_eq!(bucket.join(slot, &one, 1), Ok(true));
    assert_eq!(bucket.join(slot, &one, 1), Err(NotJoined::Already));
    assert_eq!(bucket.join(slot, &two, 1), Err(NotJoined::TooMany));
    assert_eq!(bucket.join(99, &two, 1), Err(NotJoined::NotOpen));
    assert_eq!(bucket.leave(slot, "two"), None);
    assert_eq!(bucket.leave(slot, "one"), Some(true));
    assert_eq!(bucket.room_count(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Open(u8),
    End(usize),
    Join(usize, u8),
    Leave(usize, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0u8..5).prop_map(Step::Open),
        1 => any::<usize>().prop_map(Step::End),
        4 => (any::<usize>(), 0u8..6).prop_map(|(who, room)| Step::Join(who, room)),
        2 => (any::<usize>(), 0u8..6).prop_map(|(who, room)| Step::Leave(who, room)),
    ]
}

proptest! {
    #[test]
    fn rooms_and_users_agree_with_sets(steps in prop::collection::vec(step(), 1..200)) {
        let mut bucket = Bucket::new(0, Keyed::by_chance());
        let mut users: BTreeMap<u32, String> = BTreeMap::new();
        let mut rooms: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for step in steps {
            let pick = |at: usize| users.keys().copied().nth(at % users.len().max(1));
            match step {
                Step::Open(user) => {
                    let user = format!("user-{user}");
                    users.insert(insert(&mut bucket, &user), user);
                }
                Step::End(at) => if let Some(slot) = pick(at) {
                    prop_assert!(bucket.remove(slot).is_some());
                    users.remove(&slot);
                    rooms.values_mut().for_each(|room| { room.remove(&slot); });
                },
                Step::Join(at, room) => if let Some(slot) = pick(at) {
                    let name = format!("room-{room}");
                    let fresh = rooms.entry(name.clone()).or_default().insert(slot);
                    prop_assert_eq!(bucket.join(slot, &name.into(), 100).is_ok(), fresh);
                },
                Step::Leave(at, room) => if let Some(slot) = pick(at) {
                    let name = format!("room-{room}");
                    let was_in = rooms.entry(name.clone()).or_default().remove(&slot);
                    prop_assert_eq!(bucket.leave(slot, &name).is_some(), was_in);
                },
            }
            for (name, expected) in &rooms {
                prop_assert_eq!(&members(&bucket, name), expected);
            }
            for user in 0..5 {
                let user = format!("user-{user}");
                let mut found = Vec::new();
                bucket.sessions_of("app", &user, &mut found);
                let found: BTreeSet<u32> = found.into_iter().collect();
                let theirs = users.iter().filter(|(_, name)| **name == user);
                let expected = theirs.map(|(slot, _)| *slot).collect();
                prop_assert_eq!(found, expected);
            }
            prop_assert_eq!(bucket.len(), users.len());
        }
    }
}
