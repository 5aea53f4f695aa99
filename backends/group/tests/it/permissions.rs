//! Each route for each role, in a normal, a banned and a disbanded group.

use comet_sql_testing::{Database, on_each_database};
use serde_json::{Value, json};

use crate::support::World;

on_each_database!(each_route_is_for_its_roles);

/// Route with the rest of its body, and the codes for the owner, an admin, a member, a muted member
/// and an outsider, then for the owner and a member of a banned group.
type Route = (&'static str, fn() -> Value, [i64; 5], [i64; 2]);

const OK: i64 = 0;
const OUT: i64 = -10015;
const BANNED: [i64; 2] = [-10001; 2];

const ROUTES: [Route; 24] = [
    ("group-info", || json!({}), [OK, OK, OK, OK, OUT], [OK, OK]),
    ("group-pub-info", || json!({}), [OK, OK, OK, OK, OK], BANNED),
    ("group-member-list", || json!({}), [OK, OK, OK, OK, OUT], BANNED),
    ("group-member-info", || json!({ "memberId": "bob" }), [OK, OK, OK, OK, OUT], BANNED),
    ("mute-list", || json!({}), [OK, OK, OK, OK, OUT], BANNED),
    ("invite-group-members", || json!({ "newMemberIds": ["x"] }), [OK, OK, OK, OK, OUT], BANNED),
    ("join-group", || json!({}), [OK, OK, OK, OK, OK], BANNED),
    ("group-exit", || json!({}), [-10022, OK, OK, OK, OUT], [-10022, OK]),
    ("group-disband", || json!({}), [OK, -10024, -10024, -10024, OUT], BANNED),
    ("group-remove", || json!({ "memberIds": ["erin"] }), [OK, OK, -10012, -10012, OUT], BANNED),
    ("change-owner", || json!({ "memberId": "erin" }), [OK, -10025, -10025, -10025, OUT], BANNED),
    ("name", || json!({ "name": "x" }), [OK, OK, -10012, -10012, OUT], BANNED),
    ("avatar", || json!({ "avatar": "x" }), [OK, OK, -10012, -10012, OUT], BANNED),
    ("joinType", || json!({ "joinType": 1 }), [OK, OK, -10012, -10012, OUT], BANNED),
    ("friendType", || json!({ "friendType": 1 }), [OK, OK, -10012, -10012, OUT], BANNED),
    ("muteType", || json!({ "muteType": 1 }), [OK, OK, -10012, -10012, OUT], BANNED),
    ("member/name", || json!({ "memberName": "x" }), [OK, OK, OK, OK, OUT], BANNED),
    (
        "member/type",
        || json!({ "memberId": "erin", "memberType": 1 }),
        [OK, -10026, -10026, -10026, OUT],
        BANNED,
    ),
    (
        "member/muteTime",
        || json!({ "memberIds": ["erin"], "muteTime": 5 }),
        [OK, OK, -10012, -10012, OUT],
        BANNED,
    ),
    ("create-group-apply", || json!({}), [-10029, -10029, -10029, -10029, OK], BANNED),
    (
        "accept-group-apply",
        || json!({ "applyId": 7 }),
        [-10030, -10030, -10012, -10012, OUT],
        BANNED,
    ),
    (
        "reject-group-apply",
        || json!({ "applyId": 7 }),
        [-10030, -10030, -10012, -10012, OUT],
        BANNED,
    ),
    ("get-group-apply", || json!({ "applyId": 7 }), [-10030, -10030, -10012, -10012, OUT], BANNED),
    ("get-group-applys", || json!({}), [OK, OK, -10012, -10012, OUT], BANNED),
];

const USERS: [&str; 5] = ["alice", "bob", "carol", "dave", "frank"];

/// Alice's group with the admin bob, carol, dave who is muted, and erin for others to act on.
async fn fresh(world: &World) -> i64 {
    let id = world.staffed().await;
    world.ok("alice", "invite-group-members", json!({ "id": id, "newMemberIds": ["erin"] })).await;
    let mute = json!({ "id": id, "memberIds": ["dave"], "muteTime": i64::MAX });
    world.ok("alice", "member/muteTime", mute).await;
    id
}

async fn each_route_is_for_its_roles(database: Database) {
    let world = World::new(database).await;
    // A code that changes nothing leaves the group to the next caller.
    let mut spare = None;
    for (path, rest, codes, banned) in ROUTES {
        let body = |id: i64| {
            let mut body = rest();
            body["idStr"] = json!(id.to_string());
            body
        };
        for (user, code) in USERS.into_iter().zip(codes) {
            let id = match spare.take() {
                Some(id) => id,
                None => fresh(&world).await,
            };
            assert_eq!(world.code(user, path, body(id)).await, code, "{path} by {user}");
            if code != OK {
                spare = Some(id);
            }
        }
        let id = fresh(&world).await;
        world.groups.set_banned(id, true).await.unwrap();
        for (user, code) in ["alice", "carol"].into_iter().zip(banned) {
            assert_eq!(world.code(user, path, body(id)).await, code, "{path} by {user}, banned");
        }
        world.groups.set_banned(id, false).await.unwrap();
        world.ok("alice", "group-disband", json!({ "id": id })).await;
        for user in USERS {
            assert_eq!(world.code(user, path, body(id)).await, -10002, "{path} by {user}, gone");
        }
        assert_eq!(world.code("", path, body(id)).await, -1010, "{path} without a token");
        assert_eq!(world.code("alice", path, rest()).await, -1012, "{path} without a group");
        assert_eq!(world.code("alice", path, body(7)).await, -10020, "{path} of no group");
    }
}
