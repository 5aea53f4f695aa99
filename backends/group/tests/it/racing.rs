//! Changes of one group at the same time, by two handles as if by two processes.

use std::future::poll_fn;
use std::task::Poll;

use comet_group::Config;
use comet_sql_testing::{Database, on_each_database};
use serde_json::json;

use crate::support::World;

on_each_database!(
    two_changes_of_ownership_make_one_owner,
    the_last_place_is_taken_once,
    a_caller_that_goes_away_does_not_stop_a_change,
);

async fn two_changes_of_ownership_make_one_owner(database: Database) {
    let first = World::new(database).await;
    let second = World::beside(&first).await;
    for _ in 0..10 {
        let id = first.staffed().await;
        let pass = |to: &str| json!({ "id": id, "memberId": to });
        let codes = tokio::join!(
            first.code("alice", "change-owner", pass("carol")),
            second.code("alice", "change-owner", pass("dave")),
        );
        assert!(matches!(codes, (0, -10025) | (-10025, 0)), "{codes:?}");
        let owner = if codes.0 == 0 { "carol" } else { "dave" };
        let roles = first.roles(id).await;
        let owners: Vec<&str> =
            roles.iter().filter(|(_, role)| *role == 2).map(|(uid, _)| &**uid).collect();
        assert_eq!(owners, [owner]);
        let info = second.ok("bob", "group-info", json!({ "id": id })).await;
        assert_eq!(info["owner"]["memberId"], owner);
        // One change was told of, and once.
        assert_eq!(first.learned().await.len(), 3);
    }
}

async fn the_last_place_is_taken_once(database: Database) {
    let config = Config::default().maximum(4);
    let first = World::with(database, config).await;
    let second = World::beside(&first).await;
    let id = first.group(&["bob", "carol"]).await;
    let codes = tokio::join!(
        first.code("dave", "join-group", json!({ "id": id })),
        second.code("erin", "join-group", json!({ "id": id })),
    );
    assert!(matches!(codes, (0, -10003) | (-10003, 0)), "{codes:?}");
    assert_eq!(first.roles(id).await.len(), 4);
    let info = first.ok("bob", "group-info", json!({ "id": id })).await;
    assert_eq!(info["memberNum"], 4);
}

async fn a_caller_that_goes_away_does_not_stop_a_change(database: Database) {
    let world = World::new(database).await;
    let id = world.staffed().await;
    let groups = world.groups.clone();
    let change = async move { groups.force_disband_group(id, None).await };
    let mut change = Box::pin(change);
    // It has begun, and nobody waits for its end. A fast database may have ended it in the first
    // poll: then the change is complete all the same.
    let _first = poll_fn(|cx| Poll::Ready(change.as_mut().poll(cx))).await;
    drop(change);
    // The next change of the group comes after it.
    world.groups.force_disband_group(id, None).await.unwrap();
    assert_eq!(world.may_send(id, ["alice"]), [-10002]);
    assert_eq!(world.learned().await.len(), 3);
}
