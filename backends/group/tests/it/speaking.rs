//! Who may send, as the store asks.

use comet_sql::sql;
use comet_sql_testing::{Database, on_each_database};
use comet_store::Membership as _;
use serde_json::json;

use crate::support::World;

on_each_database!(
    membership_follows_each_change,
    a_mute_that_has_ended_is_none,
    messages_are_revoked_by_those_above,
);

async fn membership_follows_each_change(database: Database) {
    let world = World::new(database).await;
    let all = ["alice", "bob", "carol", "erin"];
    let id = world.staffed().await;
    assert_eq!(world.may_send(id, all), [0, 0, 0, -10015]);
    assert_eq!(world.may_send(id + 1, all), [-10020; 4]);
    world.ok("bob", "muteType", json!({ "id": id, "muteType": 1 })).await;
    assert_eq!(world.may_send(id, all), [0, 0, -5001, -10015]);
    world.groups.set_banned(id, true).await.unwrap();
    assert_eq!(world.may_send(id, all), [-10001; 4]);
    assert_eq!(world.groups.groups_of("carol"), [id]);
    world.groups.set_banned(id, false).await.unwrap();
    world.ok("bob", "muteType", json!({ "id": id, "muteType": 0 })).await;
    world.ok("erin", "join-group", json!({ "id": id })).await;
    assert_eq!(world.may_send(id, all), [0; 4]);
    world.ok("alice", "group-disband", json!({ "id": id })).await;
    assert_eq!(world.may_send(id, all), [-10002; 4]);
}

async fn a_mute_that_has_ended_is_none(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let mute = json!({ "id": id, "memberIds": ["carol", "dave"], "muteTime": 60_000 });
    world.ok("bob", "member/muteTime", mute).await;
    // As if a minute had passed.
    let mut tx = world.pool.begin().await.unwrap();
    sql("UPDATE dtalk_group_member_mute SET group_member_mute_time = 1700000000000 \
         WHERE group_member_id = 'carol'")
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let world = world.restarted().await;
    assert_eq!(world.may_send(id, ["carol", "dave"]), [0, -5001]);
    let info = world.ok("carol", "group-info", json!({ "id": id })).await;
    assert_eq!((&info["muteNum"], &info["person"]["memberMuteTime"]), (&json!(1), &json!(0)));
    let muted = world.ok("carol", "mute-list", json!({ "id": id })).await;
    assert_eq!(muted["members"].as_array().unwrap().len(), 1);
    // And its end is not told again.
    world.learned().await;
    let appoint = json!({ "id": id, "memberId": "carol", "memberType": 1 });
    world.ok("alice", "member/type", appoint).await;
    assert_eq!(world.learned().await, ["signal 23 carol 1"]);
}

async fn messages_are_revoked_by_those_above(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let revokes = |user: &str| {
        ["alice", "bob", "carol"].map(|author| world.groups.may_revoke(user, id, author))
    };
    assert_eq!(revokes("alice"), [true; 3]);
    assert_eq!(revokes("bob"), [false, true, true]);
    assert_eq!(revokes("carol"), [false; 3]);
    assert_eq!(revokes("erin"), [false; 3]);
}
