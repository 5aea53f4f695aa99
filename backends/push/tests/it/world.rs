//! A store, the devices of its users, and messages that nobody acknowledges.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use comet::{Gateway, Listen};
use comet_dtalk::code::Code;
use comet_dtalk::http::Verify;
use comet_dtalk::message::{Common, ConnType, Device, Login, MsgType, Proto};
use comet_identity::Registry;
use comet_push::{Config, Names, Pending, PushVendor, Pushes, Target, Token, Tokens, Vendors};
use comet_sql::Error;
use comet_sql_testing::Database;
use comet_store::{Change, Membership, Outbox, Store, routes};
use prost::Message as _;
use tokio::time::{Duration, sleep, timeout};
use tower::ServiceExt;

/// Everybody may send to every group.
struct Everybody;

impl Membership for Everybody {
    fn may_send(&self, _uid: &str, _group: i64) -> Result<(), Code> {
        Ok(())
    }

    fn groups_of(&self, _uid: &str) -> Vec<i64> {
        Vec::new()
    }
}

/// The token is the user.
struct TokenIsUser;

impl Verify for TokenIsUser {
    fn verify(&self, token: &str) -> Result<String, Code> {
        Ok(token.to_owned())
    }
}

/// Tokens and names of the registry; groups have none.
struct Registered(Registry);

impl Tokens for Registered {
    fn of_users<'a>(&'a self, users: &'a [&'a str]) -> Pending<'a, Vec<Target>> {
        Box::pin(async {
            let phones = self.0.phones_with_tokens(users).await?;
            let target = |(user, phone): (String, comet_identity::registry::Registered)| Target {
                user,
                device: phone.info.device.unwrap(),
                token: Token::new(phone.push_token).unwrap(),
                login: phone.info.login,
            };
            Ok(phones.into_iter().map(target).collect())
        })
    }

    fn forget<'a>(&'a self, user: &'a str, token: &'a Token, login: u64) -> Pending<'a, ()> {
        Box::pin(async move {
            self.0.forget_token(user, token.get(), login).await.map_err(|_| Error::Closed)
        })
    }
}

impl Names for Registered {
    fn of_users<'a>(&'a self, users: &'a [&'a str]) -> Pending<'a, HashMap<String, String>> {
        Box::pin(self.0.usernames(users))
    }

    fn of_groups<'a>(&'a self, _: &'a [i64]) -> Pending<'a, HashMap<i64, String>> {
        Box::pin(async { Ok(HashMap::new()) })
    }
}

pub(crate) struct World {
    pub(crate) registry: Registry,
    store: Store,
    outbox: Outbox,
    http: Router,
    database: Database,
}

impl World {
    pub(crate) async fn new(database: Database) -> Self {
        let outbox = Outbox::default();
        let config = comet_store::Config::default().outbox(outbox.clone());
        let store = Store::open(database.location(), config, Arc::new(Everybody)).await.unwrap();
        let registry = Registry::open(database.pool()).await.unwrap();
        let listen = Listen::tcp(([127, 0, 0, 1], 0).into());
        let gateway = Gateway::builder(store.clone()).listen(listen).start().unwrap();
        let http = routes(store.clone(), gateway, Arc::new(TokenIsUser));
        Self { registry, store, outbox, http, database }
    }

    /// A phone of the user, which is switched off.
    pub(crate) async fn phone(&self, user: &str, name: &str, token: &str) {
        let login = Login {
            device: Device::Ios as i32,
            username: name.into(),
            device_token: token.into(),
            conn_type: ConnType::Connect as i32,
            uuid: format!("phone of {user}"),
            device_name: String::new(),
        };
        self.registry.login(user, &login, 1).await.unwrap();
    }

    pub(crate) async fn join(&self, group: i64, users: Vec<String>) {
        let mut tx = self.database.pool().begin().await.unwrap();
        self.outbox.append(&mut tx, group, &[Change::Join(users)]).await.unwrap();
        tx.commit().await.unwrap();
        self.outbox.wake();
        self.store.flush().await;
    }

    /// Sends a message to a user, or to a group if the target is a number.
    pub(crate) async fn send(&self, from: &str, msg_id: &str, target: &str) {
        let common = Common {
            channel_type: target.parse::<i64>().is_ok().into(),
            msg_id: msg_id.into(),
            target: target.into(),
            msg_type: MsgType::Text as i32,
            msg: b"\x0a\x02hi".as_slice().into(),
            ..Common::default()
        };
        let proto = Proto { event_type: 0, body: common.encode_to_vec().into() };
        let mut form = b"--b\r\nContent-Disposition: form-data; name=\"message\"; \
                         filename=\"message\"\r\n\r\n"
            .to_vec();
        form.extend(proto.encode_to_vec());
        form.extend_from_slice(b"\r\n--b--\r\n");
        let request = Request::post("/record/push").header("FZM-SIGNATURE", from);
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let request = request.body(Body::from(form)).unwrap();
        let response = self.http.clone().oneshot(request).await.unwrap();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(body.starts_with(br#"{"result":0,"#), "{body:?}");
    }

    /// Starts pushes to phones of iOS.
    pub(crate) async fn pushes(&self, config: Config, vendor: impl PushVendor + 'static) -> Pushes {
        let vendors = Vendors::default().with(&[Device::Ios], Arc::new(vendor));
        let sources = Arc::new(Registered(self.registry.clone()));
        let data = (self.store.clone(), self.database.pool());
        Pushes::start(data, config, vendors, (sources.clone(), sources)).await.unwrap()
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(comet_testkit::clock::PATIENCE, met).await.is_ok(), "never happened: {what}");
}
