//! A group of twenty thousand.

use comet_group::{Config, NewGroup, NewMember};
use comet_sql_testing::{Database, on_each_database};
use comet_store::Membership as _;
use serde_json::json;

use crate::support::World;

on_each_database!(twenty_thousand_members_come_and_go);

const COUNT: usize = 20_000;

async fn twenty_thousand_members_come_and_go(database: Database) {
    let config = Config::default().maximum(20_000);
    let world = World::with(database, config).await;
    // As long as addresses are.
    let users: Vec<String> =
        (1..COUNT).map(|n| format!("1GF6dwaZwSFFtNtLTLGm81vJfW{n:08}")).collect();
    let group = NewGroup { name: "everybody".into(), ..NewGroup::default() };
    let members = users.iter().map(NewMember::nameless).collect();
    let owner = NewMember::nameless("alice");
    let id = world.groups.create(group, owner, members, None).await.unwrap();
    assert_eq!(world.learned().await.len(), 3 * COUNT.div_ceil(256));
    let last = &*users[COUNT - 2];
    assert_eq!(world.groups.groups_of(last), [id]);
    let invite = json!({ "id": id, "newMemberIds": ["bob"] });
    assert_eq!(world.code(last, "invite-group-members", invite.clone()).await, -10003);

    world.ok(last, "group-exit", json!({ "id": id })).await;
    world.ok(&users[0], "invite-group-members", invite).await;
    let list = world.ok("bob", "group-member-list", json!({ "id": id })).await;
    assert_eq!(list["members"].as_array().unwrap().len(), COUNT);
    let info = world.ok("bob", "group-info", json!({ "id": id })).await;
    assert_eq!(info["memberNum"], 20_000);
    let world = world.restarted().await;
    assert_eq!(world.may_send(id, ["alice", "bob", last]), [0, 0, -10015]);

    let body = json!({ "id": id, "memberIds": users[..1_500] });
    let removed = world.ok("alice", "group-remove", body).await;
    assert_eq!(removed["memberNum"], 18_500);
    world.groups.force_delete_members(id, users[..19_000].to_vec(), None).await.unwrap();
    let info = world.ok("bob", "group-info", json!({ "id": id })).await;
    assert_eq!(info["memberNum"], 1_000);
    world.ok("alice", "group-disband", json!({ "id": id })).await;
    assert!(world.groups.groups_of(&users[19_500]).is_empty());
}
