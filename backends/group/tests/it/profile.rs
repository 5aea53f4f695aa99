//! `name`, `avatar`, `joinType`, `friendType`, `muteType`, `member/name`

use comet_sql_testing::{Database, on_each_database};
use serde_json::json;

use crate::support::World;

on_each_database!(
    names_are_kept_where_none_is_given,
    settings_are_told_by_signals,
    values_out_of_range_are_refused,
    a_nickname_is_the_members_own,
);

async fn names_are_kept_where_none_is_given(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let cipher = "q".repeat(1_000);
    let name = |name: &str, public: &str| json!({ "id": id, "name": name, "publicName": public });
    assert_eq!(world.code("carol", "name", name("x", "x")).await, -10012);
    assert_eq!(world.ok("bob", "name", name(&cipher, "Lobby")).await, json!({}));
    let signal = format!("signal 25 {cipher}");
    assert_eq!(world.learned().await, [&*signal, "notice of bob: 0 bob Lobby"]);
    world.ok("alice", "name", json!({ "id": id, "publicName": "Hall" })).await;
    assert_eq!(world.learned().await, [&*signal, "notice of alice: 0 alice Hall"]);
    world.ok("alice", "name", name("secret", "")).await;
    assert_eq!(world.learned().await, ["signal 25 secret", "notice of alice: 0 alice Hall"]);
    assert_eq!(world.groups.public_names(&[id, 7]).await.unwrap(), [(id, "Hall".into())].into());
    world.ok("alice", "name", name("", "")).await;
    world.ok("alice", "name", name("secret", "Hall")).await;
    assert!(world.learned().await.is_empty());
    let info = world.ok("bob", "group-info", json!({ "id": id })).await;
    assert_eq!((&info["name"], &info["publicName"]), (&json!("secret"), &json!("Hall")));
}

async fn settings_are_told_by_signals(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    world.ok("bob", "avatar", json!({ "id": id, "avatar": "http://a/b" })).await;
    world.ok("bob", "joinType", json!({ "id": id, "joinType": 2 })).await;
    world.ok("bob", "friendType", json!({ "id": id, "friendType": 1 })).await;
    world.ok("bob", "muteType", json!({ "id": id, "muteType": 1 })).await;
    let expected = [
        "signal 26 http://a/b",
        "signal 20 2",
        "signal 21 1",
        "signal 22 1",
        "notice of bob: 5 bob 1",
    ];
    assert_eq!(world.learned().await, expected);
    let info = world.ok("carol", "group-info", json!({ "id": id })).await;
    let of = |name: &str| info[name].clone();
    let found = [of("avatar"), of("joinType"), of("friendType"), of("muteType")];
    assert_eq!(found, [json!("http://a/b"), json!(2), json!(1), json!(1)]);
    // Nothing changes.
    world.ok("bob", "muteType", json!({ "id": id, "muteType": 1 })).await;
    assert!(world.learned().await.is_empty());
    world.ok("bob", "muteType", json!({ "id": id, "muteType": 0 })).await;
    assert_eq!(world.learned().await, ["signal 22 0", "notice of bob: 5 bob 0"]);
    for path in ["avatar", "joinType", "friendType", "muteType"] {
        let body = json!({ "id": id, "joinType": 0, "friendType": 0, "muteType": 0 });
        assert_eq!(world.code("carol", path, body).await, -10012, "{path}");
    }
}

async fn values_out_of_range_are_refused(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    for (path, body) in [
        ("joinType", json!({ "id": id, "joinType": 3 })),
        ("joinType", json!({ "id": id, "joinType": -1 })),
        ("joinType", json!({ "id": id })),
        ("friendType", json!({ "id": id, "friendType": 2 })),
        ("friendType", json!({ "id": id, "friendType": null })),
        ("muteType", json!({ "id": id, "muteType": 2 })),
        ("muteType", json!({ "muteType": 1 })),
        ("name", json!({ "id": id, "name": "x".repeat(1_001) })),
        ("name", json!({ "id": id, "publicName": "x".repeat(256) })),
        ("name", json!({ "id": id, "name": "a\0b" })),
        ("avatar", json!({ "id": id, "avatar": "x".repeat(1_001) })),
        ("avatar", json!({ "id": id, "avatar": "a\0b" })),
        ("member/name", json!({ "id": id, "memberName": "x".repeat(256) })),
        ("member/name", json!({ "id": id, "memberName": "a\0b" })),
    ] {
        assert_eq!(world.code("alice", path, body.clone()).await, -1012, "{path} {body}");
    }
    assert!(world.learned().await.is_empty());
}

async fn a_nickname_is_the_members_own(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let body = json!({ "id": id, "memberName": "Caro 😀" });
    assert_eq!(world.ok("carol", "member/name", body.clone()).await, json!({}));
    assert_eq!(world.code("erin", "member/name", body).await, -10015);
    assert!(world.learned().await.is_empty());
    let about = json!({ "id": id, "memberId": "carol" });
    let member = world.ok("dave", "group-member-info", about).await;
    let expected = json!({
        "memberId": "carol", "memberName": "Caro 😀", "memberType": 0, "memberMuteTime": 0,
    });
    assert_eq!(member, expected);
    let info = world.ok("carol", "group-info", json!({ "id": id })).await;
    assert_eq!(info["person"], expected);
}
