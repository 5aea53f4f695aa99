//! `group-exit`, `group-disband` and `group-remove`

use comet_sql_testing::{Database, on_each_database};
use comet_store::Membership as _;
use serde_json::{Value, json};

use crate::support::World;

on_each_database!(
    a_member_leaves_after_the_signal,
    the_owner_disbands_and_nothing_is_left,
    staff_removes_those_below_them,
    a_restart_changes_nothing,
);

async fn a_member_leaves_after_the_signal(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    assert_eq!(world.code("alice", "group-exit", json!({ "id": id })).await, -10022);
    assert_eq!(world.code("erin", "group-exit", json!({ "id": id })).await, -10015);
    assert_eq!(world.ok("carol", "group-exit", json!({ "id": id })).await, json!({}));
    let expected = ["signal 11 carol", "leave carol", "notice of carol: 2 carol"];
    assert_eq!(world.learned().await, expected);
    assert_eq!(world.code("carol", "group-exit", json!({ "id": id })).await, -10015);
    assert_eq!(world.may_send(id, ["carol", "bob"]), [-10015, 0]);
    assert!(world.groups.groups_of("carol").is_empty());
    let info = world.ok("bob", "group-info", json!({ "id": id })).await;
    assert_eq!(info["memberNum"], 3);
}

async fn the_owner_disbands_and_nothing_is_left(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    for user in ["bob", "carol"] {
        assert_eq!(world.code(user, "group-disband", json!({ "id": id })).await, -10024);
    }
    assert_eq!(world.ok("alice", "group-disband", json!({ "id": id })).await, json!({}));
    let expected = ["notice of alice: 4 alice", "signal 12", "dissolve"];
    assert_eq!(world.learned().await, expected);
    assert_eq!(world.may_send(id, ["alice", "carol", "erin"]), [-10002; 3]);
    assert_eq!(world.ok("bob", "group-list", json!({})).await, json!({ "groups": [] }));
    assert!(world.roles(id).await.is_empty());
    assert_eq!(world.code("alice", "group-disband", json!({ "id": id })).await, -10002);
}

async fn staff_removes_those_below_them(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let remove = |users: &[&str]| json!({ "id": id, "memberIds": users });
    let code =
        async |user: &str, users: &[&str]| world.code(user, "group-remove", remove(users)).await;
    assert_eq!(code("carol", &["dave"]).await, -10012);
    assert_eq!(code("bob", &["alice"]).await, -1000);
    assert_eq!(code("bob", &["carol", "bob"]).await, -10021);
    assert_eq!(code("alice", &["alice"]).await, -1000);
    let refused = world.post("alice", "group-remove", &remove(&["alice"]).to_string()).await;
    assert_eq!(refused["message"], "the owner cannot be removed");
    for users in [&["erin"][..], &[]] {
        let data = world.ok("bob", "group-remove", remove(users)).await;
        assert_eq!(data, json!({ "memberNum": 4, "memberIds": [] }));
    }
    assert!(world.learned().await.is_empty());

    let data = world.ok("bob", "group-remove", remove(&["dave", "erin", "carol", "dave"])).await;
    assert_eq!(data, json!({ "memberNum": 2, "memberIds": ["dave", "carol"] }));
    let expected = ["notice of bob: 3 bob dave,carol", "signal 11 dave,carol", "leave dave,carol"];
    assert_eq!(world.learned().await, expected);
    let data = world.ok("alice", "group-remove", remove(&["bob"])).await;
    assert_eq!(data, json!({ "memberNum": 1, "memberIds": ["bob"] }));
    assert_eq!(world.may_send(id, ["alice", "bob", "carol"]), [0, -10015, -10015]);
}

/// Everything that a restart could lose.
async fn seen(world: &World, ids: [i64; 3]) -> Vec<Value> {
    let mut seen = Vec::new();
    for user in ["alice", "bob", "carol", "dave", "erin"] {
        let mut groups = world.groups.groups_of(user);
        groups.sort_unstable();
        seen.push(json!(groups));
        for id in ids {
            seen.push(json!(world.may_send(id, [user])));
            let authors = ["alice", "bob", "carol"];
            seen.push(json!(authors.map(|author| world.groups.may_revoke(user, id, author))));
        }
        seen.push(world.ok(user, "group-list", json!({})).await);
    }
    seen
}

async fn a_restart_changes_nothing(database: Database) {
    let world = World::new(database).await;
    let ids = [world.staffed().await, world.staffed().await, world.staffed().await];
    let [first, second, third] = ids;
    world.ok("alice", "group-disband", json!({ "id": first })).await;
    world.ok("alice", "muteType", json!({ "id": second, "muteType": 1 })).await;
    world.groups.set_banned(third, true).await.unwrap();
    world.groups.set_banned(third, false).await.unwrap();
    let mute = json!({ "id": third, "memberIds": ["carol"], "muteTime": i64::MAX });
    world.ok("bob", "member/muteTime", mute).await;
    world.ok("dave", "group-exit", json!({ "id": third })).await;
    let before = seen(&world, ids).await;
    let world = world.restarted().await;
    assert_eq!(seen(&world, ids).await, before);
    assert_eq!(world.may_send(second, ["bob", "carol"]), [0, -5001]);
    assert_eq!(world.may_send(third, ["bob", "carol", "dave"]), [0, -5001, -10015]);
    // Ids go on after those before.
    let id = world.group(&[]).await;
    assert!(id > third);
}
