//! Decision about a login, off the shard.
//!
//! Order: token, alternating phones, claim, registry. No device is registered, and no login
//! announced, before the device policy of the gateway has granted the claim. Not here: the rules
//! themselves (`token`, `alternation`, `registry`), the caller (`router`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use comet::{Claim, Connect, ConnectReply, Crowded, Dialect, Gateway, Identity, SessionId};
use comet_dtalk::clock::unix_ms;
use comet_dtalk::device::DeviceInfo;
use comet_dtalk::message::{ConnType, Device, Login};
use comet_dtalk::user::of_app;
use parking_lot::Mutex;
use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::alternation::AlternatingPhones;
use crate::announcer::{self, Announce, Announcer, User};
use crate::endpoint::{announce, refusal};
use crate::outcome::{Logins, Outcome};
use crate::presence::Presence;
use crate::registry::{Admission, Registered, Registry, RegistryError};
use crate::superseded::Superseded;
use crate::token::TokenError;
use crate::tokens::{Tokens, Verified};

/// State used by decisions.
#[derive(Debug)]
pub(crate) struct Gate {
    apps: Box<[Box<str>]>,
    pub(crate) tokens: Tokens,
    registry: Registry,
    logins: Logins,
    announcer: Mutex<Announcer>,
    alternating: Mutex<AlternatingPhones>,
    presence: Arc<Presence>,
    superseded: Arc<Superseded>,
    holding: Semaphore,
}

/// Retry delay for a peer that cannot be processed now.
pub(crate) const LATER: Duration = Duration::from_secs(2);

/// Maximum number of logins held at the same time because of alternating phones, at most 20 KiB
/// each; further ones are turned away.
const HOLDING: usize = 1_024;

/// Reason for denying a login.
#[derive(Debug, thiserror::Error)]
enum DenyReason {
    #[error("other devices of the user stay")]
    Crowded(Box<Registered>),
    #[error("the device of the login cannot be read")]
    Device(#[from] prost::DecodeError),
    #[error("the gateway gives no places at the moment")]
    NoAnswer,
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("the device was revoked")]
    Revoked(Box<Registered>),
    #[error("a newer phone of the user has logged in")]
    Superseded(Box<Registered>),
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl DenyReason {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Token(TokenError::Expired) => Outcome::Expired,
            Self::Device(_) | Self::Token(_) => Outcome::Invalid,
            Self::Crowded(_) => Outcome::Crowded,
            Self::NoAnswer | Self::Registry(_) => Outcome::Unavailable,
            Self::Revoked(_) => Outcome::Revoked,
            Self::Superseded(_) => Outcome::Superseded,
        }
    }
}

/// Admitted peer.
struct Admitted {
    user: Verified,
    /// Registered by now, if its type is known.
    device: Registered,
    place: Claim,
    /// Session of the phone that it replaces.
    superseded: Option<SessionId>,
}

/// Login with a verified token.
struct Checked {
    user: Verified,
    login: Option<Login>,
}

/// Outcome of a held answer.
enum Held {
    Waits,
    /// The peer has disconnected.
    Gone,
    /// Not held: the limit is reached.
    TooMany,
}

impl Gate {
    /// Gate for the users of these applications.
    pub(crate) fn new(apps: Box<[Box<str>]>, registry: Registry) -> Self {
        Self {
            apps,
            tokens: Tokens::default(),
            registry,
            logins: Logins::default(),
            announcer: Mutex::default(),
            alternating: Mutex::default(),
            presence: Arc::default(),
            superseded: Arc::default(),
            holding: Semaphore::new(HOLDING),
        }
    }

    /// Whether users of the application are admitted.
    pub(crate) fn serves(&self, app: &str) -> bool {
        self.apps.iter().any(|known| **known == *app)
    }

    pub(crate) fn logins(&self) -> &Logins {
        &self.logins
    }

    pub(crate) fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    pub(crate) fn superseded(&self) -> &Superseded {
        &self.superseded
    }

    /// Answers a login. `slot` is released once the login is decided or held.
    pub(crate) async fn decide(
        self: Arc<Self>,
        gateway: Gateway,
        request: Connect,
        reply: ConnectReply,
        slot: OwnedSemaphorePermit,
    ) {
        if request.renews.is_some() {
            let renewed = self.renew(&request);
            drop(slot);
            return self.answer_renewal(request, reply, renewed);
        }
        let mut slot = Some(slot);
        let checked = self.check(&request);
        let time = checked.as_ref().map_or(Duration::ZERO, |it| self.alternation(&request.app, it));
        if !time.is_zero() {
            // Held logins have a limit of their own.
            slot = None;
            match self.hold(time, &reply).await {
                Held::TooMany => {
                    self.logins.count(Outcome::Overloaded);
                    return reply.later(LATER);
                }
                // It must not take the place of the phone that stayed.
                Held::Gone => {
                    self.logins.count(Outcome::GivenUp);
                    return reply.close();
                }
                Held::Waits => {}
            }
        }
        let began = Instant::now();
        let admitted = self.admit(&gateway, &request.app, checked).await;
        drop(slot);
        self.logins.record(began.elapsed());
        self.answer(&gateway, request, reply, admitted);
    }

    /// Verifies the token, and decodes the device sent with it.
    fn check(&self, request: &Connect) -> Result<Checked, DenyReason> {
        let user = self.user(request)?;
        let login = match request.ext.is_empty() {
            true => None,
            false => Some(Login::decode(&*request.ext)?),
        };
        Ok(Checked { user, login })
    }

    /// User of the token, as stored: of the app to which it is shown.
    fn user(&self, request: &Connect) -> Result<Verified, TokenError> {
        let Verified { uid, valid_for } = self.tokens.check(&request.token)?;
        let is_default = self.apps.first().is_some_and(|app| **app == *request.app);
        let app = if is_default { "" } else { &request.app };
        Ok(Verified { uid: of_app(app, &uid), valid_for })
    }

    /// Time to hold the answer because of alternating phones of the user.
    fn alternation(&self, app: &str, checked: &Checked) -> Duration {
        let Some(login) = &checked.login else { return Duration::ZERO };
        let info = DeviceInfo::of(login);
        let by_hand = login.conn_type == ConnType::Connect as i32;
        if !by_hand || !info.device.is_some_and(Device::is_phone) {
            return Duration::ZERO;
        }
        let user = (app.to_owned(), checked.user.uid.clone());
        self.alternating.lock().log_in(&user, &info.uuid, unix_ms())
    }

    /// Holds the answer, then finds out whether the peer still waits for it.
    async fn hold(&self, time: Duration, reply: &ConnectReply) -> Held {
        let Ok(_held) = self.holding.try_acquire() else { return Held::TooMany };
        reply.hold(time);
        tokio::time::sleep(time).await;
        let (asked, answer) = oneshot::channel();
        reply.is_awaited(move |is_awaited| {
            let _ = asked.send(is_awaited);
        });
        match answer.await {
            Ok(true) => Held::Waits,
            // No answer: the gateway has stopped.
            Ok(false) | Err(_) => Held::Gone,
        }
    }

    /// Claims a session for the peer, and registers its device.
    async fn admit(
        &self,
        gateway: &Gateway,
        app: &str,
        checked: Result<Checked, DenyReason>,
    ) -> Result<Admitted, DenyReason> {
        let Checked { user, login } = checked?;
        let uid = &user.uid;
        let info = login.as_ref().map(DeviceInfo::of).unwrap_or_default();
        let place = self.place(gateway, app, uid, &info).await?;
        let Some(login) = login else {
            let (device, superseded) = (Registered::default(), None);
            return Ok(Admitted { user, device, place, superseded });
        };
        match self.registry.login(uid, &login, unix_ms()).await? {
            Admission::Admitted { device, replaced } => {
                let superseded = replaced.and_then(|login| self.presence.session(login));
                Ok(Admitted { user, device, place, superseded })
            }
            Admission::Superseded(newer) => Err(DenyReason::Superseded(Box::new(newer))),
            // Its client shows the same notice, and stops.
            Admission::Revoked => {
                let device = Registered { info, ..Registered::default() };
                Err(DenyReason::Revoked(Box::new(device)))
            }
        }
    }

    /// Identity of the peer of an open session; its device was registered and announced at login.
    fn renew(&self, request: &Connect) -> Result<(Verified, DeviceInfo), DenyReason> {
        let user = self.user(request)?;
        match request.ext.is_empty() {
            true => Ok((user, DeviceInfo::default())),
            false => Ok((user, DeviceInfo::of(&Login::decode(&*request.ext)?))),
        }
    }

    fn answer_renewal(
        &self,
        request: Connect,
        reply: ConnectReply,
        renewed: Result<(Verified, DeviceInfo), DenyReason>,
    ) {
        match renewed {
            Ok((user, device)) => {
                self.logins.count(Outcome::Renewed);
                // The gateway checks that it is the same one.
                reply.accept(identity(request.app, user, device));
            }
            Err(denied) => {
                tracing::debug!(remote = %request.remote, %denied, "not renewed");
                self.logins.count(denied.outcome());
                reply.close();
            }
        }
    }

    /// Claim of a session of the user, as granted by the policy of the gateway.
    async fn place(
        &self,
        gateway: &Gateway,
        app: &str,
        uid: &str,
        info: &DeviceInfo,
    ) -> Result<Claim, DenyReason> {
        let (answer, answered) = oneshot::channel();
        let device = Identity::new(app, uid).device(info.uuid.clone()).class(info.class());
        let asked = gateway.claim(&device, |given| {
            // No receiver is left when the runtime ends.
            let _ = answer.send(given);
        });
        asked.map_err(|_| DenyReason::NoAnswer)?;
        match answered.await.map_err(|_| DenyReason::NoAnswer)? {
            Ok(place) => Ok(place),
            Err(crowded) => {
                Err(DenyReason::Crowded(Box::new(self.staying(uid, info, &crowded).await?)))
            }
        }
    }

    /// The remaining device, as registered; for one not registered yet, the known part.
    async fn staying(
        &self,
        uid: &str,
        newcomer: &DeviceInfo,
        crowded: &Crowded,
    ) -> Result<Registered, RegistryError> {
        let stays = |uuid: &str| crowded.devices.iter().any(|device| **device == *uuid);
        let known = self.registry.devices(uid).await?;
        let known = known.into_iter().filter(|device| device.info.class() == newcomer.class());
        let mut known = known.filter(|device| stays(&device.info.uuid));
        Ok(known.next().unwrap_or_else(|| {
            let uuid = crowded.devices.last().cloned().unwrap_or_default();
            let info = DeviceInfo { uuid, device: newcomer.device, ..DeviceInfo::default() };
            Registered { info, ..Registered::default() }
        }))
    }

    fn answer(
        self: &Arc<Self>,
        gateway: &Gateway,
        request: Connect,
        reply: ConnectReply,
        admitted: Result<Admitted, DenyReason>,
    ) {
        match admitted {
            Ok(Admitted { user, device, place, superseded }) => {
                self.logins.count(Outcome::Accepted);
                // Before the session begins, so that only the other devices of the user receive it.
                if device.info.login != 0 {
                    self.announce(gateway, (request.app.clone(), user.uid.clone()), &device);
                }
                if let Some(session) = superseded {
                    self.superseded.end(gateway, session);
                }
                let pulls = request.dialect == Dialect::Comet;
                let device = DeviceInfo { pulls, ..device.info };
                reply.accept(identity(request.app, user, device).claim(place));
            }
            Err(denied) => {
                tracing::debug!(remote = %request.remote, %denied, "login denied");
                let outcome = denied.outcome();
                self.logins.count(outcome);
                match denied {
                    DenyReason::Superseded(stays)
                    | DenyReason::Crowded(stays)
                    | DenyReason::Revoked(stays) => {
                        reply.refuse(refusal(&stays));
                    }
                    _ if outcome == Outcome::Unavailable => reply.later(LATER),
                    _ => reply.close(),
                }
            }
        }
    }

    /// Announces a login to the other devices of the user, so that another phone stops: now, or at
    /// the end of the period.
    fn announce(self: &Arc<Self>, gateway: &Gateway, user: User, device: &Registered) {
        let when = self.announcer.lock().log_in(&user, device);
        if when != Announce::Later {
            announce(gateway, &user, device);
        }
        if when == Announce::Begin {
            tokio::spawn(Arc::clone(self).end_periods(gateway.clone(), user));
        }
    }

    async fn end_periods(self: Arc<Self>, gateway: Gateway, user: User) {
        loop {
            tokio::time::sleep(announcer::PERIOD).await;
            let waiting = self.announcer.lock().end_period(&user);
            if waiting.is_empty() {
                return;
            }
            waiting.iter().for_each(|device| announce(&gateway, &user, device));
        }
    }
}

fn identity(app: String, user: Verified, device: DeviceInfo) -> Identity {
    let Verified { uid, valid_for } = user;
    let identity = Identity::new(app, uid).device(device.uuid.clone()).class(device.class());
    let identity = match valid_for {
        Some(time) => identity.expires_in(time),
        None => identity,
    };
    identity.context(device)
}
