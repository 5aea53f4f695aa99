//! `invite-group-members` and `join-group`

use comet_sql_testing::{Database, on_each_database};
use serde_json::{Value, json};

use crate::support::World;

on_each_database!(
    members_invite_whom_they_like,
    the_matrix_decides_who_is_in_and_who_applies,
    a_user_joins_with_and_without_an_inviter,
    who_comes_back_is_a_member_like_before,
    many_are_told_of_in_pieces,
);

fn invite(id: i64, users: &[&str]) -> Value {
    json!({ "id": id, "newMemberIds": users })
}

async fn members_invite_whom_they_like(database: Database) {
    let world = World::new(database).await;
    let id = world.group(&["bob"]).await;
    let body = invite(id, &["carol", "bob", "dave", "carol"]);
    let data = world.ok("bob", "invite-group-members", body).await;
    assert_eq!(data, json!({ "id": id, "idStr": id.to_string(), "memberNum": 4 }));
    let expected = ["join carol,dave", "signal 10 carol,dave", "notice of bob: 1 bob carol,dave"];
    assert_eq!(world.learned().await, expected);
    assert_eq!(world.may_send(id, ["carol", "dave", "erin"]), [0, 0, -10015]);
    // All are members already, or nobody is named.
    for users in [&["carol", "bob"][..], &[]] {
        let data = world.ok("dave", "invite-group-members", invite(id, users)).await;
        assert_eq!(data["memberNum"], 4);
    }
    assert!(world.learned().await.is_empty());
    let code = world.code("erin", "invite-group-members", invite(id, &["frank"])).await;
    assert_eq!(code, -10015);
    let code = world.code("bob", "invite-group-members", invite(id, &["f\0"])).await;
    assert_eq!(code, -1012);
    let code = world.code("bob", "invite-group-members", invite(7, &["frank"])).await;
    assert_eq!(code, -10020);
}

async fn the_matrix_decides_who_is_in_and_who_applies(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let set = |join_type: i32| json!({ "id": id, "joinType": join_type });
    world.ok("bob", "joinType", set(1)).await;
    let code = world.code("carol", "invite-group-members", invite(id, &["erin"])).await;
    assert_eq!(code, -10005);
    let data = world.ok("bob", "invite-group-members", invite(id, &["erin"])).await;
    assert_eq!(data["memberNum"], 5);
    world.ok("bob", "joinType", set(2)).await;
    world.learned().await;

    let body = invite(id, &["frank", "grace", "erin"]);
    let data = world.ok("carol", "invite-group-members", body.clone()).await;
    assert_eq!(data, json!({ "id": id, "idStr": id.to_string(), "memberNum": 5 }));
    assert!(world.learned().await.is_empty());
    // Another invitation is not another application.
    world.ok("dave", "invite-group-members", body).await;
    let applys = world.ok("bob", "get-group-applys", json!({ "id": id })).await;
    let applys = applys["applys"].as_array().unwrap();
    let who = applys.iter().map(|it| (it["memberId"].clone(), it["inviterId"].clone()));
    let expected = [("grace", "carol"), ("frank", "carol")];
    let expected = expected.map(|(member, inviter)| (json!(member), json!(inviter)));
    assert_eq!(who.collect::<Vec<_>>(), expected);
    let data = world.ok("alice", "invite-group-members", invite(id, &["frank"])).await;
    assert_eq!(data["memberNum"], 6);
}

async fn a_user_joins_with_and_without_an_inviter(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let join = |inviter: &str| json!({ "idStr": id.to_string(), "inviterId": inviter });
    let data = world.ok("erin", "join-group", json!({ "id": id })).await;
    assert_eq!(data, json!({ "id": id, "idStr": id.to_string() }));
    let expected = ["join erin", "signal 10 erin", "notice of erin: 1 erin erin"];
    assert_eq!(world.learned().await, expected);
    world.ok("frank", "join-group", join("carol")).await;
    let expected = ["join frank", "signal 10 frank", "notice of frank: 1 carol frank"];
    assert_eq!(world.learned().await, expected);
    // A claim that is not true is not passed on.
    world.ok("grace", "join-group", join("nobody")).await;
    assert_eq!(world.learned().await[2], "notice of grace: 1 grace grace");
    world.ok("grace", "join-group", join("carol")).await;
    assert!(world.learned().await.is_empty());

    world.ok("alice", "joinType", json!({ "id": id, "joinType": 1 })).await;
    for inviter in ["", "carol", "nobody"] {
        assert_eq!(world.code("heidi", "join-group", join(inviter)).await, -10005, "{inviter}");
    }
    world.ok("heidi", "join-group", join("bob")).await;
    world.ok("alice", "joinType", json!({ "id": id, "joinType": 2 })).await;
    assert_eq!(world.code("ivan", "join-group", join("nobody")).await, -10016);
    world.ok("ivan", "join-group", join("")).await;
    world.ok("judy", "join-group", join("alice")).await;
    let applys = world.ok("bob", "get-group-applys", json!({ "id": id })).await;
    let applys = applys["applys"].as_array().unwrap();
    let who = applys.iter().map(|it| (it["memberId"].clone(), it["inviterId"].clone()));
    let expected = [("judy", "alice"), ("ivan", ""), ("heidi", "bob")];
    let expected = expected.map(|(member, inviter)| (json!(member), json!(inviter)));
    assert_eq!(who.collect::<Vec<_>>(), expected);
    assert_eq!(world.may_send(id, ["grace", "heidi", "ivan", "judy"]), [0, -10015, -10015, -10015]);
}

async fn who_comes_back_is_a_member_like_before(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let mute = json!({ "id": id, "memberIds": ["carol"], "muteTime": 60_000 });
    world.ok("bob", "member/muteTime", mute).await;
    for user in ["bob", "carol"] {
        world.ok(user, "group-exit", json!({ "id": id })).await;
        world.ok(user, "join-group", json!({ "id": id })).await;
    }
    // Leaving neither keeps a role nor ends a mute.
    assert_eq!(world.may_send(id, ["bob", "carol", "dave"]), [0, -5001, 0]);
    let member = |uid: &str, role| (uid.to_owned(), role);
    let expected = [member("alice", 2), member("bob", 0), member("carol", 0), member("dave", 0)];
    assert_eq!(world.roles(id).await, expected);
    let info = world.ok("carol", "group-info", json!({ "id": id })).await;
    assert_eq!(
        (&info["memberNum"], &info["muteNum"], &info["adminNum"]),
        (&json!(4), &json!(1), &json!(0))
    );
    assert!(info["person"]["memberMuteTime"].as_i64().unwrap() > 0);
}

async fn many_are_told_of_in_pieces(database: Database) {
    let world = World::new(database).await;
    let id = world.group(&[]).await;
    let users: Vec<String> = (0..300).map(|n| format!("u{n:03}")).collect();
    let users: Vec<&str> = users.iter().map(|uid| &**uid).collect();
    world.ok("alice", "invite-group-members", invite(id, &users)).await;
    let counts: Vec<usize> =
        world.learned().await.iter().map(|line| line.matches("u").count()).collect();
    assert_eq!(counts, [256, 44, 256, 44, 256, 44]);
    let body = json!({ "id": id, "memberIds": users });
    world.ok("alice", "group-remove", body).await;
    let lines = world.learned().await;
    let kinds: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(kinds, ["notice", "notice", "signal", "signal", "leave", "leave"]);
}
