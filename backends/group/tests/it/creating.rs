//! `create-group`

use comet_group::Config;
use comet_sql_testing::{Database, on_each_database};
use serde_json::json;

use crate::support::World;

on_each_database!(
    a_new_group_is_answered_with_everything,
    members_learn_of_a_new_group,
    what_is_no_group_is_refused,
    a_group_has_room_for_its_maximum,
    users_are_told_apart_by_each_byte,
    users_of_an_app_are_among_themselves,
);

async fn a_new_group_is_answered_with_everything(database: Database) {
    let world = World::new(database).await;
    let body = json!({
        "name": "lounge", "avatar": "http://a/b", "introduce": "for all",
        "memberIds": ["bob", "alice", "carol", "bob"],
    });
    let mut data = world.ok("alice", "create-group", body).await;
    let id = data["id"].take().as_i64().unwrap();
    assert!(id > 0 && id < 1 << 53);
    assert_eq!(data["idStr"].take(), id.to_string());
    let mark_id = data["markId"].take();
    let mark_id = mark_id.as_str().unwrap();
    assert!(mark_id.len() == 8 && mark_id.bytes().all(|b| b.is_ascii_digit()), "{mark_id}");
    let key = data["key"].take();
    let key = key.as_str().unwrap();
    assert!(key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
    assert!(data["createTime"].take().as_i64().unwrap() > 1_700_000_000_000);
    let member = |uid: &str, role: i32| {
        let (name, mute) = ("", 0);
        json!({
            "memberId": uid, "memberName": name, "memberType": role, "memberMuteTime": mute,
        })
    };
    let expected = json!({
        "id": null, "idStr": null, "markId": null, "key": null, "createTime": null,
        "name": "lounge", "publicName": "lounge", "avatar": "http://a/b", "introduce": "for all",
        "owner": member("alice", 2), "person": member("alice", 2), "memberNum": 3,
        "maximum": 2000, "status": 0, "joinType": 0, "muteType": 0, "friendType": 0,
        "muteNum": 0, "adminNum": 0, "groupType": 0,
        "members": [member("alice", 2), member("bob", 0), member("carol", 0)],
    });
    assert_eq!(data, expected);
}

async fn members_learn_of_a_new_group(database: Database) {
    let world = World::new(database).await;
    world.ok("alice", "create-group", json!({ "name": "x", "memberIds": ["bob", "carol"] })).await;
    let expected =
        ["join alice,bob,carol", "signal 10 alice,bob,carol", "notice of alice: 1 alice bob,carol"];
    assert_eq!(world.learned().await, expected);
    world.ok("alice", "create-group", json!({ "name": "x" })).await;
    let alone = ["join alice", "signal 10 alice", "notice of alice: 1 alice alice"];
    assert_eq!(world.learned().await, alone);
}

async fn what_is_no_group_is_refused(database: Database) {
    let world = World::new(database).await;
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "a\0b" }),
        json!({ "name": 7 }),
        json!({ "name": "x".repeat(256) }),
        json!({ "name": "x", "avatar": "x".repeat(1_001) }),
        json!({ "name": "x", "introduce": "x".repeat(10_001) }),
        json!({ "name": "x", "introduce": "\0" }),
        json!({ "name": "x", "memberIds": [""] }),
        json!({ "name": "x", "memberIds": ["b\0b"] }),
        json!({ "name": "x", "memberIds": ["zoo:bob"] }),
        json!({ "name": "x", "memberIds": ["x".repeat(41)] }),
        json!({ "name": "x", "memberIds": "bob" }),
    ] {
        assert_eq!(world.code("alice", "create-group", body.clone()).await, -1012, "{body}");
    }
    assert_eq!(world.code("", "create-group", json!({ "name": "x" })).await, -1010);
    assert!(world.learned().await.is_empty());
    let list = world.ok("alice", "group-list", json!({})).await;
    assert_eq!(list, json!({ "groups": [] }));
}

async fn a_group_has_room_for_its_maximum(database: Database) {
    let world = World::with(database, Config::default().maximum(3).groups_per_user(2)).await;
    let with = |members: &[&str]| json!({ "name": "x", "memberIds": members });
    let code = world.code("alice", "create-group", with(&["bob", "carol", "dave"])).await;
    assert_eq!(code, -10003);
    let id = world.ok("alice", "create-group", with(&["bob", "carol", "alice"])).await["id"].take();
    let invite = json!({ "id": id, "newMemberIds": ["dave"] });
    assert_eq!(world.code("alice", "invite-group-members", invite).await, -10003);
    assert_eq!(world.code("dave", "join-group", json!({ "id": id })).await, -10003);
    // The third group of bob.
    world.ok("bob", "create-group", with(&[])).await;
    assert_eq!(world.code("bob", "create-group", with(&[])).await, -10003);
    assert_eq!(world.code("dave", "create-group", with(&["bob"])).await, -10003);
    world.ok("bob", "group-exit", json!({ "id": id })).await;
    world.ok("dave", "create-group", with(&["bob"])).await;
}

async fn users_are_told_apart_by_each_byte(database: Database) {
    let world = World::new(database).await;
    let id = world.group(&["bob", "Bob", "bob ", "b\u{f6}b", "bo\u{308}b"]).await;
    assert_eq!(world.roles(id).await.len(), 6);
    world.ok("Bob", "group-exit", json!({ "id": id })).await;
    world.ok("bob ", "group-exit", json!({ "id": id })).await;
    let left = world.roles(id).await.into_iter().map(|(uid, _)| uid).collect::<Vec<_>>();
    assert_eq!(left, ["alice", "bob", "bo\u{308}b", "b\u{f6}b"]);
    assert_eq!(world.may_send(id, ["bob", "Bob", "bob ", "bo\u{308}b"]), [0, -10015, -10015, 0]);
}

async fn users_of_an_app_are_among_themselves(database: Database) {
    let world = World::new(database).await;
    let body = json!({ "name": "x", "memberIds": ["bob"] });
    let data = world.ok("zoo:alice", "create-group", body).await;
    let id = data["id"].as_i64().unwrap();
    assert_eq!(data["members"][1]["memberId"], "bob");
    assert_eq!(data["owner"]["memberId"], "alice");
    let expected =
        ["join zoo:alice,zoo:bob", "signal 10 alice,bob", "notice of zoo:alice: 1 alice bob"];
    assert_eq!(world.learned().await, expected);
    assert_eq!(world.may_send(id, ["zoo:bob", "bob"]), [0, -10015]);
    assert_eq!(world.code("bob", "group-info", json!({ "id": id })).await, -10020);
    assert_eq!(world.code("bob", "join-group", json!({ "id": id })).await, -10020);
    let query = json!({ "tp": 1, "query": id.to_string() });
    assert_eq!(world.ok("bob", "group-search", query.clone()).await, json!({ "groups": [] }));
    let found = world.ok("zoo:dave", "group-search", query).await;
    assert_eq!(found["groups"][0]["id"], id);
}
