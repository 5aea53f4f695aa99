//! The routes of groups, with their cases.

use super::table::Body::{Json, None as Nothing};
use super::table::{Body, POST, Route};

const GARBLED: Body = Json("{\"");
const EMPTY: Body = Json("{}");
const GROUP: Body = Json(r#"{"id":$group}"#);
/// There is none.
const UNKNOWN: Body = Json(r#"{"id":7}"#);

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/group/app/create-group",
        good: &[("alice", Json(r#"{"name":"n","memberIds":["$bob"]}"#), "/members/1/memberId")],
        bad: &[("alice", EMPTY, -1012), ("alice", GARBLED, -1012)],
        ..POST
    },
    Route {
        path: "/group/app/group-info",
        good: &[
            ("erin", GROUP, "/person/memberId"),
            ("erin", Json(r#"{"idStr":"$group"}"#), "/key"),
        ],
        bad: &[("erin", EMPTY, -1012), ("erin", GARBLED, -1012), ("erin", UNKNOWN, -10020)],
        wrong: &[("mallory", GROUP, -10015)],
        ..POST
    },
    Route {
        path: "/group/app/group-pub-info",
        good: &[("erin", GROUP, "/person/memberId"), ("mallory", GROUP, "/publicName")],
        bad: &[("erin", EMPTY, -1012), ("erin", GARBLED, -1012), ("erin", UNKNOWN, -10020)],
        ..POST
    },
    Route {
        path: "/group/app/group-list",
        takes_body: false,
        good: &[("alice", Nothing, "/groups/0/key"), ("mallory", Nothing, "/groups")],
        ..POST
    },
    Route {
        path: "/group/app/group-search",
        good: &[
            ("mallory", Json(r#"{"tp":0,"query":"$mark_group"}"#), "/groups/0/publicName"),
            ("mallory", Json(r#"{"tp":1,"query":"$group"}"#), "/groups/0/publicName"),
        ],
        bad: &[("alice", GARBLED, -1012), ("alice", Json(r#"{"tp":2,"query":"1"}"#), -1012)],
        ..POST
    },
    Route {
        path: "/group/app/group-member-list",
        good: &[("erin", GROUP, "/members/4/memberId")],
        bad: &[("erin", EMPTY, -1012), ("erin", GARBLED, -1012), ("erin", UNKNOWN, -10020)],
        wrong: &[("mallory", GROUP, -10015)],
        ..POST
    },
    Route {
        path: "/group/app/group-member-info",
        good: &[("erin", Json(r#"{"id":$group,"memberId":"$bob"}"#), "/memberType")],
        bad: &[
            ("erin", GARBLED, -1012),
            ("erin", Json(r#"{"id":$group,"memberId":"$mallory"}"#), -10016),
        ],
        wrong: &[("mallory", Json(r#"{"id":$group,"memberId":"$bob"}"#), -10015)],
        ..POST
    },
    Route {
        path: "/group/app/member/muteTime",
        good: &[(
            "bob",
            Json(r#"{"id":$group,"memberIds":["$erin"],"muteTime":60000}"#),
            "/members/0/memberMuteTime",
        )],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"id":$group,"memberIds":["$erin"],"muteTime":86400001}"#), -1012),
            ("alice", Json(r#"{"id":$group,"memberIds":["$bob"],"muteTime":1}"#), -10027),
        ],
        wrong: &[
            ("carol", Json(r#"{"id":$group,"memberIds":["$erin"],"muteTime":1}"#), -10012),
            ("mallory", Json(r#"{"id":$group,"memberIds":["$erin"],"muteTime":1}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/mute-list",
        good: &[("erin", GROUP, "/members/0/memberId")],
        bad: &[("erin", EMPTY, -1012), ("erin", GARBLED, -1012), ("erin", UNKNOWN, -10020)],
        wrong: &[("mallory", GROUP, -10015)],
        ..POST
    },
    Route {
        path: "/group/app/invite-group-members",
        good: &[
            ("carol", Json(r#"{"id":$group,"newMemberIds":["$frank"]}"#), "/memberNum"),
            ("carol", Json(r#"{"id":$asked,"newMemberIds":["$mallory"]}"#), "/memberNum"),
            ("bob", Json(r#"{"id":$closed,"newMemberIds":["$frank"]}"#), "/memberNum"),
        ],
        bad: &[("carol", EMPTY, -1012), ("carol", GARBLED, -1012), ("carol", UNKNOWN, -10020)],
        wrong: &[
            ("carol", Json(r#"{"id":$closed,"newMemberIds":["$frank"]}"#), -10005),
            ("mallory", Json(r#"{"id":$group,"newMemberIds":["$frank"]}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/join-group",
        good: &[("grace", Json(r#"{"id":$group,"inviterId":"$carol"}"#), "/idStr")],
        bad: &[("grace", EMPTY, -1012), ("grace", GARBLED, -1012), ("grace", UNKNOWN, -10020)],
        wrong: &[
            ("grace", Json(r#"{"id":$closed}"#), -10005),
            ("grace", Json(r#"{"id":$asked,"inviterId":"$mallory"}"#), -10016),
        ],
        ..POST
    },
    Route {
        path: "/group/app/group-remove",
        good: &[("bob", Json(r#"{"id":$group,"memberIds":["$frank"]}"#), "/memberIds/0")],
        bad: &[("bob", EMPTY, -1012), ("bob", GARBLED, -1012), ("bob", UNKNOWN, -10020)],
        wrong: &[
            ("carol", Json(r#"{"id":$group,"memberIds":["$dave"]}"#), -10012),
            ("bob", Json(r#"{"id":$group,"memberIds":["$bob"]}"#), -10021),
            ("bob", Json(r#"{"id":$group,"memberIds":["$alice"]}"#), -1000),
            ("mallory", Json(r#"{"id":$group,"memberIds":["$dave"]}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/name",
        good: &[("bob", Json(r#"{"id":$group,"name":"bmFtZQ==","publicName":"p"}"#), "")],
        bad: &[("bob", EMPTY, -1012), ("bob", GARBLED, -1012), ("bob", UNKNOWN, -10020)],
        wrong: &[
            ("carol", Json(r#"{"id":$group,"name":"n"}"#), -10012),
            ("mallory", Json(r#"{"id":$group,"name":"n"}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/avatar",
        good: &[("bob", Json(r#"{"id":$group,"avatar":"https://a.example/b"}"#), "")],
        bad: &[("bob", EMPTY, -1012), ("bob", GARBLED, -1012), ("bob", UNKNOWN, -10020)],
        wrong: &[
            ("carol", Json(r#"{"id":$group,"avatar":"a"}"#), -10012),
            ("mallory", Json(r#"{"id":$group,"avatar":"a"}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/joinType",
        good: &[("bob", Json(r#"{"id":$group,"joinType":0}"#), "")],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"id":$group,"joinType":3}"#), -1012),
        ],
        wrong: &[
            ("carol", Json(r#"{"id":$group,"joinType":0}"#), -10012),
            ("mallory", Json(r#"{"id":$group,"joinType":0}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/friendType",
        good: &[("bob", Json(r#"{"id":$group,"friendType":1}"#), "")],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"id":$group,"friendType":2}"#), -1012),
        ],
        wrong: &[
            ("carol", Json(r#"{"id":$group,"friendType":1}"#), -10012),
            ("mallory", Json(r#"{"id":$group,"friendType":1}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/muteType",
        good: &[("bob", Json(r#"{"id":$group,"muteType":1}"#), "")],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"id":$group,"muteType":2}"#), -1012),
        ],
        wrong: &[
            ("carol", Json(r#"{"id":$group,"muteType":1}"#), -10012),
            ("mallory", Json(r#"{"id":$group,"muteType":1}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/member/name",
        good: &[("carol", Json(r#"{"id":$group,"memberName":"C."}"#), "")],
        bad: &[("carol", EMPTY, -1012), ("carol", GARBLED, -1012), ("carol", UNKNOWN, -10020)],
        wrong: &[("mallory", Json(r#"{"id":$group,"memberName":"M."}"#), -10015)],
        ..POST
    },
    Route {
        path: "/group/app/member/type",
        good: &[("alice", Json(r#"{"id":$group,"memberId":"$carol","memberType":1}"#), "")],
        bad: &[
            ("alice", EMPTY, -1012),
            ("alice", GARBLED, -1012),
            ("alice", Json(r#"{"id":$group,"memberId":"$carol","memberType":2}"#), -1012),
            ("alice", Json(r#"{"id":$group,"memberId":"$mallory","memberType":1}"#), -10016),
        ],
        wrong: &[
            ("bob", Json(r#"{"id":$group,"memberId":"$carol","memberType":1}"#), -10026),
            ("mallory", Json(r#"{"id":$group,"memberId":"$carol","memberType":1}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/create-group-apply",
        good: &[("mallory", Json(r#"{"id":$asked,"applyNote":"please"}"#), "")],
        bad: &[
            ("mallory", EMPTY, -1012),
            ("mallory", GARBLED, -1012),
            ("mallory", UNKNOWN, -10020),
        ],
        wrong: &[("carol", Json(r#"{"id":$asked,"applyNote":"again"}"#), -10029)],
        ..POST
    },
    Route {
        path: "/group/app/get-group-apply",
        good: &[("bob", Json(r#"{"id":$asked,"applyId":"$apply_frank"}"#), "/applyNote")],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"id":$asked,"applyId":7}"#), -10030),
        ],
        wrong: &[
            ("carol", Json(r#"{"id":$asked,"applyId":"$apply_frank"}"#), -10012),
            ("grace", Json(r#"{"id":$asked,"applyId":"$apply_frank"}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/get-group-applys",
        good: &[("bob", Json(r#"{"id":$asked,"count":1,"offset":1}"#), "/applys/0/applyId")],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"id":$asked,"count":1001}"#), -1012),
            ("bob", Json(r#"{"id":$asked,"offset":-1}"#), -1012),
        ],
        wrong: &[
            ("carol", Json(r#"{"id":$asked}"#), -10012),
            ("mallory", Json(r#"{"id":$asked}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/accept-group-apply",
        good: &[("bob", Json(r#"{"id":$asked,"applyId":"$apply_frank"}"#), "")],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"id":$asked,"applyId":7}"#), -10030),
        ],
        wrong: &[
            ("carol", Json(r#"{"id":$asked,"applyId":"$apply_frank"}"#), -10012),
            ("frank", Json(r#"{"id":$asked,"applyId":"$apply_frank"}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/reject-group-apply",
        good: &[("bob", Json(r#"{"id":$asked,"applyId":"$apply_grace","rejectReason":"r"}"#), "")],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"id":$asked,"applyId":"$apply_frank"}"#), -10028),
        ],
        wrong: &[
            ("carol", Json(r#"{"id":$asked,"applyId":"$apply_grace"}"#), -10012),
            ("grace", Json(r#"{"id":$asked,"applyId":"$apply_grace"}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/change-owner",
        good: &[("alice", Json(r#"{"id":$closed,"memberId":"$dave"}"#), "")],
        bad: &[
            ("alice", EMPTY, -1012),
            ("alice", GARBLED, -1012),
            ("alice", Json(r#"{"id":$closed,"memberId":"$alice"}"#), -10017),
            ("alice", Json(r#"{"id":$closed,"memberId":"$mallory"}"#), -10016),
        ],
        wrong: &[
            ("bob", Json(r#"{"id":$closed,"memberId":"$bob"}"#), -10025),
            ("mallory", Json(r#"{"id":$closed,"memberId":"$mallory"}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/group-exit",
        good: &[("carol", Json(r#"{"id":$left}"#), "")],
        bad: &[("carol", EMPTY, -1012), ("carol", GARBLED, -1012), ("carol", UNKNOWN, -10020)],
        wrong: &[
            ("alice", Json(r#"{"id":$left}"#), -10022),
            ("mallory", Json(r#"{"id":$left}"#), -10015),
        ],
        ..POST
    },
    Route {
        path: "/group/app/group-disband",
        good: &[("alice", Json(r#"{"id":$over}"#), "")],
        bad: &[("alice", EMPTY, -1012), ("alice", GARBLED, -1012), ("alice", UNKNOWN, -10020)],
        wrong: &[
            ("bob", Json(r#"{"id":$over}"#), -10024),
            ("mallory", Json(r#"{"id":$over}"#), -10015),
        ],
        ..POST
    },
];
