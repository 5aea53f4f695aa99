//! Applications.

use comet_group::Config;
use comet_sql_testing::{Database, on_each_database};
use serde_json::{Value, json};

use crate::support::World;

on_each_database!(
    an_application_is_filed_and_accepted,
    an_application_is_refused_with_a_reason,
    who_is_in_or_not_wanted_cannot_apply,
    applications_come_in_pages_the_newest_first,
    an_applicant_sees_the_own_application_alone,
    applications_are_limited,
    of_decided_applications_the_newest_thousand_are_kept,
);

const COLUMNS: [&str; 10] = [
    "id",
    "group_id",
    "inviter_id",
    "member_id",
    "apply_note",
    "operator_id",
    "apply_status",
    "reject_reason",
    "create_time",
    "update_time",
];

/// A group that admits by applications, and the application of erin.
async fn applied(world: &World) -> (i64, Value) {
    let id = world.staffed().await;
    world.ok("alice", "joinType", json!({ "id": id, "joinType": 2 })).await;
    let body = json!({ "id": id, "applyNote": "let me in" });
    assert_eq!(world.ok("erin", "create-group-apply", body).await, json!({}));
    world.learned().await;
    let applys = world.ok("bob", "get-group-applys", json!({ "id": id })).await;
    (id, applys["applys"][0].clone())
}

async fn an_application_is_filed_and_accepted(database: Database) {
    let world = World::new(database).await;
    let (id, mut application) = applied(&world).await;
    let apply_id = application["applyId"].clone();
    assert!(apply_id.as_str().unwrap().parse::<i64>().unwrap() > 0);
    let time = application["createTime"].take();
    assert!(time.as_i64().unwrap() > 1_700_000_000_000);
    assert_eq!(application["updateTime"].take(), time);
    let expected = json!({
        "applyId": apply_id, "id": id.to_string(), "inviterId": "", "memberId": "erin",
        "applyNote": "let me in", "operatorId": "", "applyStatus": 0, "rejectReason": "",
        "createTime": null, "updateTime": null,
    });
    assert_eq!(application, expected);
    let body = json!({ "id": id, "applyId": apply_id });
    assert_eq!(world.code("carol", "accept-group-apply", body.clone()).await, -10012);
    assert_eq!(world.ok("bob", "accept-group-apply", body.clone()).await, json!({}));
    let expected = ["join erin", "signal 10 erin", "notice of bob: 1 erin erin"];
    assert_eq!(world.learned().await, expected);
    assert_eq!(world.may_send(id, ["erin"]), [0]);
    let found = world.ok("bob", "get-group-apply", body.clone()).await;
    assert_eq!((&found["applyStatus"], &found["operatorId"]), (&json!(1), &json!("bob")));
    for path in ["accept-group-apply", "reject-group-apply"] {
        assert_eq!(world.code("alice", path, body.clone()).await, -10028, "{path}");
    }
    assert!(world.learned().await.is_empty());
}

async fn an_application_is_refused_with_a_reason(database: Database) {
    let world = World::new(database).await;
    let (id, application) = applied(&world).await;
    let apply_id: i64 = application["applyId"].as_str().unwrap().parse().unwrap();
    let body = json!({ "id": id, "applyId": apply_id, "rejectReason": "no" });
    assert_eq!(world.code("carol", "reject-group-apply", body.clone()).await, -10012);
    let long = json!({ "id": id, "applyId": apply_id, "rejectReason": "x".repeat(256) });
    assert_eq!(world.code("alice", "reject-group-apply", long).await, -1012);
    assert_eq!(world.ok("alice", "reject-group-apply", body.clone()).await, json!({}));
    assert!(world.learned().await.is_empty());
    let found = world.ok("bob", "get-group-apply", body).await;
    let of = |name: &str| found[name].clone();
    let found = [of("applyStatus"), of("operatorId"), of("rejectReason")];
    assert_eq!(found, [json!(2), json!("alice"), json!("no")]);
    assert_eq!(world.may_send(id, ["erin"]), [-10015]);
    // Another attempt is another application.
    world.ok("erin", "create-group-apply", json!({ "id": id })).await;
    let applys = world.ok("bob", "get-group-applys", json!({ "id": id })).await;
    assert_eq!(applys["applys"].as_array().unwrap().len(), 2);
}

async fn who_is_in_or_not_wanted_cannot_apply(database: Database) {
    let world = World::new(database).await;
    let (id, application) = applied(&world).await;
    let code = world.code("carol", "create-group-apply", json!({ "id": id })).await;
    assert_eq!(code, -10029);
    let note = json!({ "id": id, "applyNote": "a\0b" });
    assert_eq!(world.code("frank", "create-group-apply", note).await, -1012);
    // Whoever is invited meanwhile is not admitted twice.
    world.ok("bob", "invite-group-members", json!({ "id": id, "newMemberIds": ["erin"] })).await;
    world.learned().await;
    let body = json!({ "id": id, "applyId": application["applyId"] });
    world.ok("bob", "accept-group-apply", body).await;
    assert!(world.learned().await.is_empty());
    let unknown = json!({ "id": id, "applyId": "7" });
    for path in ["accept-group-apply", "reject-group-apply", "get-group-apply"] {
        assert_eq!(world.code("bob", path, unknown.clone()).await, -10030, "{path}");
    }
    // One of another group is none of this.
    let other = world.group(&[]).await;
    let body = json!({ "id": other, "applyId": application["applyId"] });
    assert_eq!(world.code("alice", "get-group-apply", body).await, -10030);
    world.ok("alice", "joinType", json!({ "id": id, "joinType": 1 })).await;
    let code = world.code("frank", "create-group-apply", json!({ "id": id })).await;
    assert_eq!(code, -10005);
}

async fn applications_come_in_pages_the_newest_first(database: Database) {
    let world = World::new(database).await;
    let (id, _) = applied(&world).await;
    for user in ["frank", "grace"] {
        world.ok(user, "create-group-apply", json!({ "id": id })).await;
    }
    let page = async |count: i64, offset: i64| {
        let body = json!({ "id": id, "count": count, "offset": offset });
        let data = world.ok("bob", "get-group-applys", body).await;
        let applys = data["applys"].as_array().unwrap();
        applys.iter().map(|it| it["memberId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(page(2, 0).await, ["grace", "frank"]);
    assert_eq!(page(2, 2).await, ["erin"]);
    assert_eq!(page(0, 0).await, ["grace", "frank", "erin"]);
    for (count, offset) in [(-1, 0), (1_001, 0), (1, -1)] {
        let body = json!({ "id": id, "count": count, "offset": offset });
        assert_eq!(world.code("bob", "get-group-applys", body).await, -1012);
    }
    assert_eq!(world.code("carol", "get-group-applys", json!({ "id": id })).await, -10012);
    assert_eq!(world.code("erin", "get-group-applys", json!({ "id": id })).await, -10015);
}

async fn an_applicant_sees_the_own_application_alone(database: Database) {
    let world = World::new(database).await;
    let (id, application) = applied(&world).await;
    let body = json!({ "id": id, "applyId": application["applyId"] });
    assert_eq!(world.ok("erin", "get-group-apply", body.clone()).await, application);
    assert_eq!(world.code("frank", "get-group-apply", body.clone()).await, -10015);
    assert_eq!(world.code("carol", "get-group-apply", body).await, -10012);
    // Nor whether there is one.
    let unknown = json!({ "id": id, "applyId": 7 });
    assert_eq!(world.code("frank", "get-group-apply", unknown).await, -10015);
}

async fn applications_are_limited(database: Database) {
    let world = World::with(database, Config::default().waiting_applications(2)).await;
    let (id, application) = applied(&world).await;
    world.ok("frank", "create-group-apply", json!({ "id": id })).await;
    world.ok("frank", "create-group-apply", json!({ "id": id })).await;
    let code = world.code("grace", "create-group-apply", json!({ "id": id })).await;
    assert_eq!(code, -10003);
    let invite = json!({ "id": id, "newMemberIds": ["grace"] });
    assert_eq!(world.code("carol", "invite-group-members", invite).await, -10003);
    let body = json!({ "id": id, "applyId": application["applyId"] });
    world.ok("bob", "reject-group-apply", body).await;
    world.ok("grace", "create-group-apply", json!({ "id": id })).await;
}

async fn of_decided_applications_the_newest_thousand_are_kept(database: Database) {
    let world = World::new(database).await;
    let (id, application) = applied(&world).await;
    let mut db = world.pool.begin().await.unwrap();
    let text = || comet_sql::Value::from("x");
    // The oldest waits, and is no decided one.
    let rows = (1..=1_003_i64).map(|n| {
        let status = i64::from(n != 1);
        let numbers = [n.into(), id.into(), text(), text(), text(), text(), status.into()];
        let [a, b, c, d, e, f, g] = numbers;
        [a, b, c, d, e, f, g, text(), 1.into(), 1.into()]
    });
    comet_sql::insert("dtalk_group_apply", &COLUMNS).rows(rows).execute(&mut db).await.unwrap();
    db.commit().await.unwrap();

    let body = json!({ "id": id, "applyId": application["applyId"] });
    world.ok("bob", "reject-group-apply", body).await;
    let ids = comet_sql::sql("SELECT id FROM dtalk_group_apply ORDER BY id LIMIT 2");
    assert_eq!(world.pool.read::<i64>(ids).await.unwrap(), [1, 5]);
    let count = comet_sql::sql("SELECT COUNT(*) FROM dtalk_group_apply");
    assert_eq!(world.pool.read::<i64>(count).await.unwrap(), [1_001]);
}
