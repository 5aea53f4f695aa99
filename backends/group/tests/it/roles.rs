//! `change-owner`, `member/type` and `member/muteTime`

use comet_sql_testing::{Database, on_each_database};
use serde_json::{Value, json};

use crate::support::World;

on_each_database!(
    ownership_passes_to_a_member,
    the_owner_appoints_up_to_ten_admins,
    who_rises_is_no_longer_muted,
    staff_mutes_plain_members_for_a_time,
    what_is_no_mute_is_refused,
);

async fn ownership_passes_to_a_member(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let pass = async |user: &str, to: &str| {
        world.code(user, "change-owner", json!({ "id": id, "memberId": to })).await
    };
    assert_eq!(pass("bob", "bob").await, -10025);
    assert_eq!(pass("carol", "dave").await, -10025);
    assert_eq!(pass("alice", "alice").await, -10017);
    assert_eq!(pass("alice", "erin").await, -10016);
    assert_eq!(pass("alice", "").await, -1012);
    assert!(world.learned().await.is_empty());
    assert_eq!(pass("alice", "carol").await, 0);
    let expected = ["signal 23 carol 2", "signal 23 alice 0", "notice of alice: 7 carol"];
    assert_eq!(world.learned().await, expected);
    let roles = world.roles(id).await;
    let role = |uid: &str, role| (uid.to_owned(), role);
    assert_eq!(roles, [role("carol", 2), role("bob", 1), role("alice", 0), role("dave", 0)]);
    let info = world.ok("alice", "group-info", json!({ "id": id })).await;
    assert_eq!((&info["owner"]["memberId"], &info["adminNum"]), (&json!("carol"), &json!(1)));
    assert_eq!(pass("alice", "dave").await, -10025);
    // An admin rises, too, and is one no longer.
    assert_eq!(pass("carol", "bob").await, 0);
    let info = world.ok("alice", "group-info", json!({ "id": id })).await;
    assert_eq!((&info["owner"]["memberId"], &info["adminNum"]), (&json!("bob"), &json!(0)));
}

fn appoint(id: i64, user: &str, role: i64) -> Value {
    json!({ "id": id, "memberId": user, "memberType": role })
}

async fn the_owner_appoints_up_to_ten_admins(database: Database) {
    let world = World::new(database).await;
    let users: Vec<String> = (0..11).map(|n| format!("u{n:02}")).collect();
    let id = world.group(&users.iter().map(|uid| &**uid).collect::<Vec<_>>()).await;
    for user in &users[..10] {
        world.ok("alice", "member/type", appoint(id, user, 1)).await;
    }
    assert_eq!(world.learned().await[9], "signal 23 u09 1");
    assert_eq!(world.code("alice", "member/type", appoint(id, "u10", 1)).await, -10019);
    // One that is an admin already is not one more.
    world.ok("alice", "member/type", appoint(id, "u00", 1)).await;
    assert!(world.learned().await.is_empty());
    world.ok("alice", "member/type", appoint(id, "u00", 0)).await;
    world.ok("alice", "member/type", appoint(id, "u10", 1)).await;
    assert_eq!(world.learned().await, ["signal 23 u00 0", "signal 23 u10 1"]);
    for (user, target, role, code) in [
        ("u01", "u02", 0, -10026),
        ("u00", "u02", 1, -10026),
        ("alice", "alice", 1, -10026),
        ("alice", "nobody", 1, -10016),
        ("alice", "u01", 2, -1012),
        ("alice", "u01", 10, -1012),
    ] {
        let body = appoint(id, target, role);
        assert_eq!(world.code(user, "member/type", body).await, code, "{user} {target} {role}");
    }
    let info = world.ok("u00", "group-info", json!({ "id": id })).await;
    assert_eq!(info["adminNum"], 10);
    assert_eq!(info["members"].as_array().unwrap().len(), 10);
}

fn mute(id: i64, users: &[&str], time: i64) -> Value {
    json!({ "id": id, "memberIds": users, "muteTime": time })
}

async fn who_rises_is_no_longer_muted(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    world.ok("bob", "member/muteTime", mute(id, &["carol", "dave"], i64::MAX)).await;
    assert_eq!(world.may_send(id, ["carol", "dave"]), [-5001, -5001]);
    world.learned().await;
    world.ok("alice", "member/type", appoint(id, "carol", 1)).await;
    assert_eq!(world.learned().await, ["signal 23 carol 1", "signal 24 carol none"]);
    world.ok("alice", "change-owner", json!({ "id": id, "memberId": "dave" })).await;
    assert_eq!(world.learned().await[3], "signal 24 dave none");
    assert_eq!(world.may_send(id, ["carol", "dave"]), [0, 0]);
    let muted = world.ok("bob", "mute-list", json!({ "id": id })).await;
    assert_eq!(muted, json!({ "members": [] }));
}

async fn staff_mutes_plain_members_for_a_time(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let data = world.ok("bob", "member/muteTime", mute(id, &["dave", "carol"], 60_000)).await;
    let until = data["members"][0]["memberMuteTime"].as_i64().unwrap();
    let member = |uid: &str, until: i64| {
        json!({
            "memberId": uid, "memberName": "", "memberType": 0, "memberMuteTime": until,
        })
    };
    let expected = json!({ "members": [member("dave", until), member("carol", until)] });
    assert_eq!(data, expected);
    let expected = ["signal 24 dave,carol for 60000", "notice of bob: 6 bob dave,carol"];
    assert_eq!(world.learned().await, expected);
    let muted = world.ok("carol", "mute-list", json!({ "id": id })).await;
    assert_eq!(muted, json!({ "members": [member("carol", until), member("dave", until)] }));
    let info = world.ok("carol", "group-info", json!({ "id": id })).await;
    assert_eq!((&info["muteNum"], &info["person"]), (&json!(2), &member("carol", until)));

    world.ok("alice", "member/muteTime", mute(id, &["dave"], i64::MAX)).await;
    let expected = ["signal 24 dave for ever", "notice of alice: 6 alice dave"];
    assert_eq!(world.learned().await, expected);
    let data = world.ok("alice", "member/muteTime", mute(id, &["dave"], 0)).await;
    assert_eq!(data, json!({ "members": [member("dave", 0)] }));
    assert_eq!(world.learned().await, ["signal 24 dave none"]);
    assert_eq!(world.may_send(id, ["carol", "dave"]), [-5001, 0]);
}

async fn what_is_no_mute_is_refused(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    for (user, users, time, code) in [
        ("carol", &["dave"][..], 1, -10012),
        ("bob", &["alice"], 1, -10027),
        ("alice", &["carol", "bob"], 1, -10027),
        ("bob", &["erin"], 1, -10016),
        ("bob", &["carol"], -1, -1012),
        ("bob", &["carol"], 86_400_001, -1012),
        ("bob", &["carol"], i64::MAX - 1, -1012),
        ("bob", &["c\0"], 1, -1012),
        ("bob", &[], 1, 0),
        ("bob", &["carol"], 86_400_000, 0),
    ] {
        let found = world.code(user, "member/muteTime", mute(id, users, time)).await;
        assert_eq!(found, code, "{user} {users:?} {time}");
    }
    assert_eq!(world.learned().await[0], "signal 24 carol for 86400000");
}
