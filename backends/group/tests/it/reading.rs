//! Questions about groups.

use comet_sql::sql;
use comet_sql_testing::{Database, on_each_database};
use serde_json::{Value, json};

use crate::support::World;

on_each_database!(
    outsiders_see_a_group_without_its_key,
    members_come_by_role_and_then_as_they_joined,
    a_group_is_found_by_its_number_and_its_id,
    the_list_has_the_groups_of_the_caller,
    a_member_is_asked_for_by_members,
);

async fn outsiders_see_a_group_without_its_key(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let inside = world.ok("carol", "group-pub-info", json!({ "id": id })).await;
    let outside = world.ok("erin", "group-pub-info", json!({ "id": id })).await;
    assert_eq!(inside["key"].as_str().unwrap().len(), 64);
    assert_eq!(inside["person"]["memberId"], "carol");
    assert!(inside.get("members").is_none());
    let mut expected = inside.clone();
    expected["key"] = json!("");
    expected["person"] = Value::Null;
    assert_eq!(outside, expected);
    assert_eq!(world.code("erin", "group-info", json!({ "id": id })).await, -10015);
    assert_eq!(world.code("erin", "group-info", json!({ "id": id + 1 })).await, -10020);
    // Who has left is an outsider.
    world.ok("carol", "group-exit", json!({ "id": id })).await;
    let outside = world.ok("carol", "group-pub-info", json!({ "id": id })).await;
    assert_eq!((&outside["key"], &outside["person"]), (&json!(""), &Value::Null));
}

fn ids(members: &Value) -> Vec<&str> {
    members.as_array().unwrap().iter().map(|it| it["memberId"].as_str().unwrap()).collect()
}

async fn members_come_by_role_and_then_as_they_joined(database: Database) {
    let world = World::new(database).await;
    let plain = ["m", "k", "l", "d", "c", "a", "j", "i", "g"];
    let id = world.group(&[&plain[..], &["b", "h"]].concat()).await;
    for admin in ["h", "b"] {
        let body = json!({ "id": id, "memberId": admin, "memberType": 1 });
        world.ok("alice", "member/type", body).await;
    }
    // They joined a millisecond after each other.
    let mut tx = world.pool.begin().await.unwrap();
    for (user, time) in plain.into_iter().zip(1_i64..) {
        sql("UPDATE dtalk_group_member SET group_member_join_time = ? WHERE group_member_id = ?")
            .bind(time)
            .bind(user)
            .execute(&mut tx)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let list = world.ok("m", "group-member-list", json!({ "id": id })).await;
    assert_eq!(ids(&list["members"]), [&["alice", "b", "h"], &plain[..]].concat());
    assert_eq!((&list["id"], &list["idStr"]), (&json!(id), &json!(id.to_string())));
    let info = world.ok("m", "group-info", json!({ "idStr": id.to_string() })).await;
    assert_eq!(ids(&info["members"])[..], ids(&list["members"])[..10]);
    assert_eq!((&info["memberNum"], &info["adminNum"]), (&json!(12), &json!(2)));
}

async fn a_group_is_found_by_its_number_and_its_id(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let info = world.ok("alice", "group-info", json!({ "id": id })).await;
    let mark_id = info["markId"].as_str().unwrap();
    let search = async |tp: i64, query: &str| {
        world.ok("erin", "group-search", json!({ "tp": tp, "query": query })).await
    };
    let found = world.ok("erin", "group-pub-info", json!({ "id": id })).await;
    let expected = json!({ "groups": [found] });
    assert_eq!(search(0, mark_id).await, expected);
    assert_eq!(search(1, &id.to_string()).await, expected);
    let nothing = json!({ "groups": [] });
    for (tp, query) in [(0, &*id.to_string()), (1, mark_id), (0, ""), (1, "x"), (1, "")] {
        assert_eq!(search(tp, query).await, nothing, "{tp} {query}");
    }
    let code = world.code("erin", "group-search", json!({ "tp": 2, "query": "x" })).await;
    assert_eq!(code, -1012);
    let code = world.code("erin", "group-search", json!({ "tp": 0, "query": "\0" })).await;
    assert_eq!(code, -1012);
    world.groups.set_banned(id, true).await.unwrap();
    assert_eq!(search(0, mark_id).await, nothing);
}

async fn the_list_has_the_groups_of_the_caller(database: Database) {
    let world = World::new(database).await;
    let (first, second) = (world.staffed().await, world.group(&["carol"]).await);
    let list = world.post("carol", "group-list", "").await;
    let groups = list["data"]["groups"].as_array().unwrap();
    let ids: Vec<&Value> = groups.iter().map(|group| &group["id"]).collect();
    assert_eq!(ids, [&json!(first), &json!(second)]);
    let mut info = world.ok("carol", "group-info", json!({ "id": first })).await;
    info.as_object_mut().unwrap().remove("members");
    assert_eq!(groups[0], info);
    world.groups.set_banned(first, true).await.unwrap();
    world.ok("alice", "group-disband", json!({ "id": second })).await;
    let list = world.ok("carol", "group-list", json!({})).await;
    assert_eq!(list["groups"][0]["status"], 1);
    assert_eq!(list["groups"].as_array().unwrap().len(), 1);
    assert_eq!(world.ok("erin", "group-list", json!({})).await, json!({ "groups": [] }));
}

async fn a_member_is_asked_for_by_members(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let about = |user: &str| json!({ "id": id, "memberId": user });
    let bob = world.ok("carol", "group-member-info", about("bob")).await;
    let expected = json!({
        "memberId": "bob", "memberName": "", "memberType": 1, "memberMuteTime": 0,
    });
    assert_eq!(bob, expected);
    assert_eq!(world.code("carol", "group-member-info", about("erin")).await, -10016);
    assert_eq!(world.code("carol", "group-member-info", about("")).await, -1012);
    assert_eq!(world.code("erin", "group-member-info", about("bob")).await, -10015);
}
