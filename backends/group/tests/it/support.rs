//! Groups in a database of their own, callers, and what members learn.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use comet_dtalk::code::Code;
use comet_dtalk::group::{
    Notice, NoticeMembers, NoticeSetting, NoticeText, SignalDeleteGroup, SignalGroupSetting,
    SignalGroupText, SignalMemberMuteTime, SignalMemberType, SignalMembers,
};
use comet_dtalk::http::Verify;
use comet_group::{Config, Groups, routes};
use comet_sql::{Pool, sql};
use comet_sql_testing::Database;
use comet_store::{NoGroups, Outbox, Store};
use prost::Message as _;
use serde_json::{Value, json};
use tower::ServiceExt;

/// The token is the user.
struct TokenIsUser;

impl Verify for TokenIsUser {
    fn verify(&self, token: &str) -> Result<String, Code> {
        if token.is_empty() { Err(Code::SIGNATURE_INVALID) } else { Ok(token.into()) }
    }
}

pub(crate) struct World {
    pub(crate) groups: Groups,
    pub(crate) pool: Pool,
    app: Router,
    /// None of those beside another world.
    database: Option<Database>,
}

impl World {
    pub(crate) async fn new(database: Database) -> Self {
        Self::with(database, Config::default()).await
    }

    pub(crate) async fn with(database: Database, config: Config) -> Self {
        // It makes the table of the outbox, and does not empty it once it is closed.
        let store =
            Store::open(database.location(), comet_store::Config::default(), Arc::new(NoGroups));
        store.await.unwrap().close().await;
        Self::open(database, config).await
    }

    /// Where a store has been.
    pub(crate) async fn open(database: Database, config: Config) -> Self {
        let world = Self::around(database.pool(), config).await;
        Self { database: Some(database), ..world }
    }

    /// Other groups on the same database, as if in another process: what they have in common are
    /// the rows.
    pub(crate) async fn beside(world: &Self) -> Self {
        Self::around(world.database.as_ref().unwrap().pool(), Config::default()).await
    }

    /// With these connections.
    pub(crate) async fn around(pool: Pool, config: Config) -> Self {
        let groups = Groups::open(pool.clone(), config, Outbox::default()).await.unwrap();
        let app = routes(groups.clone(), Arc::new(TokenIsUser));
        Self { groups, pool, app, database: None }
    }

    /// The whole answer.
    pub(crate) async fn post(&self, user: &str, path: &str, body: &str) -> Value {
        let request = Request::post(format!("/group/app/{path}")).header("FZM-SIGNATURE", user);
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The data of an answer that must be good.
    pub(crate) async fn ok(&self, user: &str, path: &str, body: Value) -> Value {
        let mut answer = self.post(user, path, &body.to_string()).await;
        assert_eq!(answer["result"], 0, "{user} {path} {body}: {answer}");
        answer["data"].take()
    }

    /// The code of an answer.
    pub(crate) async fn code(&self, user: &str, path: &str, body: Value) -> i64 {
        self.post(user, path, &body.to_string()).await["result"].as_i64().unwrap()
    }

    /// A group of alice with these members, of whom members have learned.
    pub(crate) async fn group(&self, members: &[&str]) -> i64 {
        let body = json!({ "name": "lounge", "memberIds": members });
        let id = self.ok("alice", "create-group", body).await["id"].as_i64().unwrap();
        self.learned().await;
        id
    }

    /// A group of alice with the admin bob, and carol and dave.
    pub(crate) async fn staffed(&self) -> i64 {
        let id = self.group(&["bob", "carol", "dave"]).await;
        let body = json!({ "id": id, "memberId": "bob", "memberType": 1 });
        self.ok("alice", "member/type", body).await;
        self.learned().await;
        id
    }

    /// Ids and roles of the members, the owner first.
    pub(crate) async fn roles(&self, group: i64) -> Vec<(String, i64)> {
        let sql = sql("SELECT group_member_id, group_member_type FROM dtalk_group_member \
                       WHERE group_id = ? AND group_member_type < 3 \
                       ORDER BY group_member_type DESC, group_member_id")
        .bind(group);
        self.pool.read(sql).await.unwrap()
    }

    /// What members have learned since the last call, in its order.
    pub(crate) async fn learned(&self) -> Vec<String> {
        let entries = sql("SELECT type, name, signal_type, body FROM comet_outbox ORDER BY id");
        let entries: Vec<(i64, String, i64, Vec<u8>)> = self.pool.read(entries).await.unwrap();
        let mut tx = self.pool.begin().await.unwrap();
        sql("DELETE FROM comet_outbox").execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        entries.into_iter().map(entry).collect()
    }

    /// Codes for those who want to send; 0 if they may.
    pub(crate) fn may_send<const N: usize>(&self, group: i64, users: [&str; N]) -> [i32; N] {
        use comet_store::Membership as _;
        users.map(|user| self.groups.may_send(user, group).err().map_or(0, |code| code.0))
    }

    /// Groups again, as after a start.
    pub(crate) async fn restarted(self) -> Self {
        let Self { database, pool, .. } = self;
        pool.close().await;
        Self::open(database.unwrap(), Config::default()).await
    }
}

/// An entry of the outbox as a line. All times must be of today; ends of mutes are shown as what
/// they are.
fn entry((kind, name, signal, body): (i64, String, i64, Vec<u8>)) -> String {
    let users = || String::from_utf8(body.clone()).unwrap().replace('\0', ",");
    match kind {
        0 => format!("join {}", users()),
        1 => format!("leave {}", users()),
        2 => "dissolve".into(),
        3 => format!("notice of {name}: {}", notice(&body)),
        4 => format!("signal {}", signal_text(signal, &body)),
        _ => panic!("{kind}"),
    }
}

fn notice(body: &[u8]) -> String {
    let Notice { r#type, body } = Notice::decode(body).unwrap();
    match r#type {
        0 | 2 | 4 | 7 => {
            let NoticeText { user, text, group } = NoticeText::decode(body).unwrap();
            assert!(group > 0);
            format!("{type} {user} {text}", r#type = r#type).trim_end().into()
        }
        5 => {
            let NoticeSetting { operator, r#type: value, .. } =
                NoticeSetting::decode(body).unwrap();
            format!("{type} {operator} {value}", r#type = r#type)
        }
        _ => {
            let NoticeMembers { operator, members, .. } = NoticeMembers::decode(body).unwrap();
            format!("{type} {operator} {}", members.join(","), r#type = r#type)
        }
    }
}

fn signal_text(kind: i64, body: &[u8]) -> String {
    let (text, time) = match kind {
        10 | 11 => {
            let it = SignalMembers::decode(body).unwrap();
            (it.uid.join(","), it.time)
        }
        12 => (String::new(), SignalDeleteGroup::decode(body).unwrap().time),
        20..=22 => {
            let it = SignalGroupSetting::decode(body).unwrap();
            (it.r#type.to_string(), it.time)
        }
        23 => {
            let it = SignalMemberType::decode(body).unwrap();
            (format!("{} {}", it.uid, it.r#type), it.time)
        }
        24 => {
            let it = SignalMemberMuteTime::decode(body).unwrap();
            let end = match it.mute_time {
                0 => "none".into(),
                i64::MAX => "for ever".into(),
                end => format!("for {}", end - it.time.cast_signed()),
            };
            (format!("{} {end}", it.uid.join(",")), it.time)
        }
        25 | 26 => {
            let it = SignalGroupText::decode(body).unwrap();
            (it.text, it.time)
        }
        _ => panic!("{kind}"),
    };
    assert!(time > 1_700_000_000_000, "{time}");
    format!("{kind} {text}").trim_end().into()
}
