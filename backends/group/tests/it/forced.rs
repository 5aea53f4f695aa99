//! Operations of the organisation.

use comet_group::{GroupError, Kind, NewMember};
use comet_sql_testing::{Database, on_each_database};
use comet_store::Membership as _;
use serde_json::json;

use crate::support::World;

on_each_database!(
    people_come_and_go,
    without_its_owner_a_group_gets_another,
    the_last_one_takes_the_group_along,
    ownership_is_given_to_anybody,
    a_group_becomes_one_of_the_organisation,
    what_is_gone_is_not_changed,
);

fn new(uids: &[&str]) -> Vec<NewMember> {
    uids.iter().map(|uid| NewMember::nameless(*uid)).collect()
}

fn all(uids: &[&str]) -> Vec<String> {
    uids.iter().map(|uid| (*uid).to_owned()).collect()
}

fn refused(result: Result<(), GroupError>) -> i32 {
    match result {
        Err(GroupError::Refused(code)) => code.0,
        other => panic!("{other:?}"),
    }
}

async fn people_come_and_go(database: Database) {
    let world = World::new(database).await;
    let (first, second) = (world.staffed().await, world.group(&[]).await);
    let members = new(&["erin", "carol", "erin"]);
    world.groups.force_add_members(first, members, Some("hr")).await.unwrap();
    let expected = ["join erin", "signal 10 erin", "notice of hr: 1 hr erin"];
    assert_eq!(world.learned().await, expected);
    world.groups.force_delete_members(first, all(&["erin", "x"]), None).await.unwrap();
    let expected = ["notice of alice: 3 alice erin", "signal 11 erin", "leave erin"];
    assert_eq!(world.learned().await, expected);

    let frank = NewMember { user: "frank".into(), name: "Frank F.".into() };
    world.groups.force_join_groups(frank, &[first, second], None).await.unwrap();
    assert_eq!(world.groups.groups_of("frank"), [first, second]);
    let info = world.ok("frank", "group-info", json!({ "id": second })).await;
    assert_eq!(info["person"]["memberName"], "Frank F.");
    world.groups.force_exit_groups("frank", &[second, first], None).await.unwrap();
    assert!(world.groups.groups_of("frank").is_empty());
    // Repeated, it changes nothing.
    world.learned().await;
    world.groups.force_exit_groups("frank", &[second, first], None).await.unwrap();
    assert!(world.learned().await.is_empty());
}

async fn without_its_owner_a_group_gets_another(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let mute = json!({ "id": id, "memberIds": ["carol"], "muteTime": i64::MAX });
    world.ok("bob", "member/muteTime", mute).await;
    world.learned().await;
    world.groups.force_delete_members(id, all(&["alice"]), None).await.unwrap();
    let expected = [
        "signal 23 bob 2",
        "signal 23 alice 0",
        "notice of alice: 7 bob",
        "notice of alice: 3 alice alice",
        "signal 11 alice",
        "leave alice",
    ];
    assert_eq!(world.learned().await, expected);
    let role = |uid: &str, role| (uid.to_owned(), role);
    assert_eq!(world.roles(id).await, [role("bob", 2), role("carol", 0), role("dave", 0)]);
    // No admin is left: who joined first follows, and speaks again.
    world.groups.force_delete_members(id, all(&["bob"]), Some("hr")).await.unwrap();
    assert_eq!(
        world.learned().await[..4],
        ["signal 23 carol 2", "signal 23 bob 0", "notice of hr: 7 carol", "signal 24 carol none",]
    );
    assert_eq!(world.roles(id).await, [role("carol", 2), role("dave", 0)]);
    assert_eq!(world.may_send(id, ["bob", "carol"]), [-10015, 0]);
}

async fn the_last_one_takes_the_group_along(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let everybody = all(&["dave", "carol", "bob", "alice"]);
    world.groups.force_delete_members(id, everybody, None).await.unwrap();
    assert_eq!(world.learned().await, ["notice of alice: 4 alice", "signal 12", "dissolve"]);
    assert_eq!(world.may_send(id, ["alice"]), [-10002]);
    assert!(world.roles(id).await.is_empty());
}

async fn ownership_is_given_to_anybody(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let mute = json!({ "id": id, "memberIds": ["carol", "dave"], "muteTime": i64::MAX });
    world.ok("bob", "member/muteTime", mute).await;
    world.ok("dave", "group-exit", json!({ "id": id })).await;
    world.learned().await;
    let owner = |uid: &str| NewMember::nameless(uid);
    world.groups.force_change_owner(id, owner("carol"), None).await.unwrap();
    let expected = [
        "signal 23 carol 2",
        "signal 23 alice 0",
        "notice of alice: 7 carol",
        "signal 24 carol none",
    ];
    assert_eq!(world.learned().await, expected);
    // Dave was muted before he left.
    world.groups.force_change_owner(id, owner("dave"), Some("hr")).await.unwrap();
    let expected = [
        "join dave",
        "signal 10 dave",
        "notice of hr: 1 hr dave",
        "signal 23 dave 2",
        "signal 23 carol 0",
        "notice of hr: 7 dave",
        "signal 24 dave none",
    ];
    assert_eq!(world.learned().await, expected);
    assert_eq!(world.may_send(id, ["alice", "carol", "dave"]), [0; 3]);
    let roles = world.roles(id).await;
    assert_eq!(roles.iter().filter(|(_, role)| *role == 2).count(), 1);
    assert_eq!(roles[0].0, "dave");
    world.groups.force_change_owner(id, owner("dave"), None).await.unwrap();
    assert!(world.learned().await.is_empty());
}

async fn a_group_becomes_one_of_the_organisation(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    world.groups.force_update_group_type(id, Kind::Enterprise).await.unwrap();
    assert_eq!(world.learned().await, ["signal 20 1"]);
    assert_eq!(world.code("carol", "group-exit", json!({ "id": id })).await, -10005);
    let world = world.restarted().await;
    let info = world.ok("carol", "group-info", json!({ "id": id })).await;
    assert_eq!(info["groupType"], 1);
    world.groups.force_update_group_type(id, Kind::Ordinary).await.unwrap();
    world.ok("carol", "group-exit", json!({ "id": id })).await;
    assert_eq!(world.learned().await.len(), 3);
}

async fn what_is_gone_is_not_changed(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    world.groups.force_disband_group(id, Some("hr")).await.unwrap();
    assert_eq!(world.learned().await, ["notice of hr: 4 hr", "signal 12", "dissolve"]);
    world.groups.force_disband_group(id, None).await.unwrap();
    let groups = &world.groups;
    let owner = NewMember::nameless("erin");
    assert_eq!(refused(groups.force_add_members(id, new(&["erin"]), None).await), -10002);
    assert_eq!(refused(groups.force_delete_members(id, all(&["bob"]), None).await), -10002);
    assert_eq!(refused(groups.force_change_owner(id, owner, None).await), -10002);
    assert_eq!(refused(groups.force_update_group_type(id, Kind::Enterprise).await), -10002);
    assert_eq!(refused(groups.set_banned(id, true).await), -10002);
    assert_eq!(refused(groups.force_disband_group(7, None).await), -10020);
    assert!(world.learned().await.is_empty());
}
