//! Groups of the organisation.

use std::sync::Arc;

use comet_group::{Answer, Kind, NewGroup, NewMember, Organisation};
use comet_sql_testing::{Database, on_each_database};
use serde_json::json;

use crate::support::World;

on_each_database!(clients_do_not_change_who_is_in, staff_invites_whom_the_organisation_knows,);

/// Knows users whose names begin with `s`, of each group.
struct Staff;

impl Organisation for Staff {
    fn knows<'a>(&'a self, _group: i64, users: &'a [String]) -> Answer<'a> {
        Box::pin(async move { users.iter().all(|user| user.starts_with('s')) })
    }
}

async fn department(world: &World) -> i64 {
    let group = NewGroup { name: "R&D".into(), kind: Kind::Department, ..NewGroup::default() };
    let members = ["bob", "carol"].map(NewMember::nameless).to_vec();
    let owner = NewMember { user: "alice".into(), name: "Alice A.".into() };
    let id = world.groups.create(group, owner, members, Some("hr")).await.unwrap();
    let body = json!({ "id": id, "memberId": "bob", "memberType": 1 });
    world.ok("alice", "member/type", body).await;
    id
}

async fn clients_do_not_change_who_is_in(database: Database) {
    let world = World::new(database).await;
    let id = department(&world).await;
    let lines = world.learned().await;
    let expected =
        ["join alice,bob,carol", "signal 10 alice,bob,carol", "notice of hr: 1 alice bob,carol"];
    assert_eq!(lines[..3], expected);
    let info = world.ok("carol", "group-info", json!({ "id": id })).await;
    assert_eq!((&info["groupType"], &info["joinType"]), (&json!(2), &json!(1)));
    assert_eq!(info["owner"]["memberName"], "Alice A.");
    for (user, path, rest) in [
        ("frank", "join-group", json!({})),
        ("frank", "create-group-apply", json!({})),
        ("carol", "group-exit", json!({})),
        ("alice", "group-exit", json!({})),
        ("alice", "group-remove", json!({ "memberIds": ["carol"] })),
        ("alice", "group-disband", json!({})),
        ("alice", "joinType", json!({ "joinType": 0 })),
        ("alice", "change-owner", json!({ "memberId": "bob" })),
        ("alice", "accept-group-apply", json!({ "applyId": 7 })),
        ("alice", "invite-group-members", json!({ "newMemberIds": ["sam"] })),
    ] {
        let mut body = rest;
        body["id"] = json!(id);
        assert_eq!(world.code(user, path, body).await, -10005, "{path} by {user}");
    }
    assert!(world.learned().await.is_empty());
    world.ok("bob", "muteType", json!({ "id": id, "muteType": 1 })).await;
    world.ok("bob", "name", json!({ "id": id, "publicName": "Research" })).await;
    world.ok("carol", "member/name", json!({ "id": id, "memberName": "C" })).await;
}

async fn staff_invites_whom_the_organisation_knows(database: Database) {
    let world = World::new(database).await;
    world.groups.ask(Arc::new(Staff));
    let id = department(&world).await;
    let invite = async |user: &str, users: &[&str]| {
        let body = json!({ "id": id, "newMemberIds": users });
        world.code(user, "invite-group-members", body).await
    };
    assert_eq!(invite("bob", &["sam", "frank"]).await, -10005);
    assert_eq!(invite("carol", &["sam"]).await, -10005);
    assert_eq!(invite("frank", &["sam"]).await, -10015);
    assert_eq!(invite("bob", &["sam", "sue"]).await, 0);
    assert_eq!(world.may_send(id, ["sam", "sue", "frank"]), [0, 0, -10015]);
}
