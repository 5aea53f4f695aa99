//! Lets in who has a token: a router around the router that does the rest.
//!
//! ```text
//! shard                    tokio                                        shard
//! connect ── known app? ── good token? ── place? ── newest phone? ── registered ── accepted,
//!               │ no         │ no           │ no      │ no                         connected, ...
//!               ▼ close      ▼ close        ▼ refused, may try again
//! ```
//!
//! Nothing is registered, and nobody is told, before the gateway's device policy has given the
//! device a place.
//!
//! Checking a signature takes a fraction of a millisecond, and registering a device waits for the
//! disk, so neither happens on the shard. Not here: the rules themselves
//! ([`token`](crate::token), `reconnect`, [`registry`](crate::registry)).

use std::sync::Arc;
use std::time::{Duration, Instant};

use comet::{
    Claim, Closed, Connect, ConnectReply, Crowded, Delivery, Dialect, Gap, Gateway, Identity,
    Message, Peer, Receipt, Router,
};
use comet_dtalk::clock::unix_ms;
use comet_dtalk::device::DeviceInfo;
use comet_dtalk::message::{ConnType, Device, EventType, Login, Proto, Signal, SignalType};
use parking_lot::Mutex;
use prost::Message as _;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use crate::announcer::{self, Announce, Announcer, User};
use crate::outcome::{Logins, Outcome};
use crate::presence::Presence;
use crate::quarrel::Quarrels;
use crate::reconnect::{endpoint_login, refusal};
use crate::registry::{Admission, Registered, Registry, RegistryError};
use crate::token::{TokenError, verify};

/// A router that authenticates peers, and passes everything else on to the inner one, whose
/// [`connect`](Router::connect) is never called.
///
/// Peers of accepted sessions have a [`DeviceInfo`] as their context, all empty if they named no
/// device.
#[derive(Debug)]
pub struct Authenticated<R> {
    inner: R,
    gate: Arc<Gate>,
    runtime: Handle,
    slots: Arc<Semaphore>,
    presence: Arc<Presence>,
}

impl<R> Authenticated<R> {
    /// Authenticates the users of these applications on this runtime.
    pub fn new<A: Into<Box<str>>>(
        registry: Registry,
        runtime: Handle,
        apps: impl IntoIterator<Item = A>,
        inner: R,
    ) -> Self {
        let apps = apps.into_iter().map(Into::into).collect();
        let gate = Arc::new(Gate {
            apps,
            registry,
            logins: Logins::default(),
            announcer: Mutex::default(),
            quarrels: Mutex::default(),
            holding: Semaphore::new(HOLDING),
        });
        let slots = Arc::new(Semaphore::new(Self::LOGINS));
        Self { inner, gate, runtime, slots, presence: Arc::default() }
    }

    /// Logins at a time, by default.
    ///
    /// A core checks several thousand tokens per second, so that the last of them waits about a
    /// second, well below the handshake timeout. An auth frame has at most 16 KiB: what waits is
    /// bounded by 64 MiB.
    pub const LOGINS: usize = 4096;

    /// How many logins may be under way; whoever comes then is closed. Default [`Self::LOGINS`].
    #[must_use]
    pub fn logins(mut self, logins: usize) -> Self {
        self.slots = Arc::new(Semaphore::new(logins));
        self
    }

    /// How the logins so far went.
    #[must_use]
    pub fn outcomes(&self) -> &Logins {
        &self.gate.logins
    }

    /// Which registered devices have a session.
    #[must_use]
    pub fn presence(&self) -> Arc<Presence> {
        Arc::clone(&self.presence)
    }
}

/// When a peer is to come back that could not be looked at now.
const LATER: Duration = Duration::from_secs(2);

impl<R: Router> Router for Authenticated<R> {
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        if !self.gate.apps.iter().any(|app| **app == *request.app) {
            self.gate.logins.count(Outcome::UnknownApp);
            return reply.close();
        }
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            self.gate.logins.count(Outcome::Overloaded);
            return reply.later(LATER);
        };
        let began = Instant::now();
        let (gate, gateway) = (Arc::clone(&self.gate), gateway.clone());
        self.runtime.spawn(async move {
            if request.renews.is_some() {
                let renewed = Gate::renew(&request);
                drop(slot);
                return gate.answer_renewal(request, reply, renewed);
            }
            let checked = Gate::check(&request);
            // Looked at, a login that waits needs no slot any more.
            drop(slot);
            if let Ok(login) = &checked
                && !gate.hold(&request.app, login, &reply).await
            {
                gate.logins.count(Outcome::Overloaded);
                return reply.later(LATER);
            }
            let admitted = gate.admit(&gateway, &request.app, checked).await;
            gate.logins.record(began.elapsed());
            gate.answer(&gateway, request, reply, admitted);
        });
    }

    fn connected(&self, gateway: &Gateway, peer: &Peer) {
        if let Some(device) = peer.context::<DeviceInfo>() {
            self.presence.enter(device);
        }
        self.inner.connected(gateway, peer);
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        self.inner.receive(gateway, peer, message, receipt);
    }

    fn acked(&self, gateway: &Gateway, peer: &Peer, tag: u64) {
        self.inner.acked(gateway, peer, tag);
    }

    fn gap(&self, gateway: &Gateway, peer: &Peer, gap: &Gap) {
        self.inner.gap(gateway, peer, gap);
    }

    fn parked(&self, gateway: &Gateway, peer: &Peer, closed: &Closed) {
        if let Some(device) = peer.context::<DeviceInfo>() {
            self.presence.leave(device);
        }
        self.inner.parked(gateway, peer, closed);
    }

    fn resumed(&self, gateway: &Gateway, peer: &Peer) {
        if let Some(device) = peer.context::<DeviceInfo>() {
            self.presence.enter(device);
        }
        self.inner.resumed(gateway, peer);
    }

    fn disconnected(&self, gateway: &Gateway, peer: &Peer, closed: &Closed) {
        if let Some(device) = peer.context::<DeviceInfo>() {
            self.presence.leave(device);
        }
        self.inner.disconnected(gateway, peer, closed);
    }
}

/// What decides, away from the shard.
#[derive(Debug)]
struct Gate {
    apps: Box<[Box<str>]>,
    registry: Registry,
    logins: Logins,
    announcer: Mutex<Announcer>,
    quarrels: Mutex<Quarrels>,
    holding: Semaphore,
}

/// Logins that may be held at the same time because two phones replace each other, 20 KiB each at
/// most; one more is turned away.
const HOLDING: usize = 1_024;

/// Why a peer is not let in.
#[derive(Debug, thiserror::Error)]
enum Denied {
    #[error("other devices of the user stay")]
    Crowded(Box<Registered>),
    #[error("the device of the login cannot be read")]
    Device(#[from] prost::DecodeError),
    #[error("the gateway gives no places at the moment")]
    NoAnswer,
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("a newer phone of the user has logged in")]
    Superseded(Box<Registered>),
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Denied {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Token(TokenError::Expired) => Outcome::Expired,
            Self::Device(_) | Self::Token(_) => Outcome::Invalid,
            Self::Crowded(_) => Outcome::Crowded,
            Self::NoAnswer | Self::Registry(_) => Outcome::Unavailable,
            Self::Superseded(_) => Outcome::Superseded,
        }
    }
}

/// A peer that is let in.
struct Admitted {
    uid: String,
    /// Registered by now, if it is of a known type.
    device: Registered,
    place: Claim,
}

/// What a peer says of itself, and proves.
struct Checked {
    uid: String,
    login: Option<Login>,
}

impl Gate {
    /// Who the peer is, by its token, and on what device.
    fn check(request: &Connect) -> Result<Checked, Denied> {
        let uid = String::from(verify(&request.token, unix_ms())?);
        let login = match request.ext.is_empty() {
            true => None,
            false => Some(Login::decode(&*request.ext)?),
        };
        Ok(Checked { uid, login })
    }

    /// Waits, if two phones of the user replace each other; false if too many wait already.
    async fn hold(&self, app: &str, checked: &Checked, reply: &ConnectReply) -> bool {
        let Some(login) = &checked.login else { return true };
        let info = DeviceInfo::of(login);
        let by_hand = login.conn_type == ConnType::Connect as i32;
        if !by_hand || !info.device.is_some_and(Device::is_phone) {
            return true;
        }
        let user = (app.to_owned(), checked.uid.clone());
        let time = self.quarrels.lock().log_in(&user, &info.uuid, unix_ms());
        if time.is_zero() {
            return true;
        }
        let Ok(_held) = self.holding.try_acquire() else { return false };
        tracing::debug!(user = %checked.uid, ?time, "held: two phones replace each other");
        reply.hold(time);
        tokio::time::sleep(time).await;
        true
    }

    /// Gives the peer a place, and registers its device.
    async fn admit(
        &self,
        gateway: &Gateway,
        app: &str,
        checked: Result<Checked, Denied>,
    ) -> Result<Admitted, Denied> {
        let Checked { uid, login } = checked?;
        let info = login.as_ref().map(DeviceInfo::of).unwrap_or_default();
        let place = self.place(gateway, app, &uid, &info).await?;
        let Some(login) = login else {
            return Ok(Admitted { uid, device: Registered::default(), place });
        };
        match self.registry.login(&uid, &login, unix_ms()).await? {
            Admission::Admitted(device) => Ok(Admitted { uid, device, place }),
            Admission::Superseded(newer) => Err(Denied::Superseded(Box::new(newer))),
        }
    }

    /// Who the peer of an open session is now: registered and announced when it came.
    fn renew(request: &Connect) -> Result<(String, DeviceInfo), Denied> {
        let uid = String::from(verify(&request.token, unix_ms())?);
        match request.ext.is_empty() {
            true => Ok((uid, DeviceInfo::default())),
            false => Ok((uid, DeviceInfo::of(&Login::decode(&*request.ext)?))),
        }
    }

    fn answer_renewal(
        &self,
        request: Connect,
        reply: ConnectReply,
        renewed: Result<(String, DeviceInfo), Denied>,
    ) {
        match renewed {
            Ok((uid, device)) => {
                self.logins.count(Outcome::Renewed);
                // The gateway sees whether it is the same one.
                reply.accept(identity(request.app, uid, device));
            }
            Err(denied) => {
                tracing::debug!(remote = %request.remote, %denied, "not renewed");
                self.logins.count(denied.outcome());
                reply.close();
            }
        }
    }

    /// A place among the user's sessions, as the gateway's policy gives it.
    async fn place(
        &self,
        gateway: &Gateway,
        app: &str,
        uid: &str,
        info: &DeviceInfo,
    ) -> Result<Claim, Denied> {
        let (answer, answered) = oneshot::channel();
        let device = Identity::new(app, uid).device(info.uuid.clone()).class(info.class());
        let asked = gateway.claim(&device, |given| {
            // Nobody waits any more where the runtime ends.
            let _ = answer.send(given);
        });
        asked.map_err(|_| Denied::NoAnswer)?;
        match answered.await.map_err(|_| Denied::NoAnswer)? {
            Ok(place) => Ok(place),
            Err(crowded) => {
                Err(Denied::Crowded(Box::new(self.staying(uid, info, &crowded).await?)))
            }
        }
    }

    /// The device that stays, as it was registered; of one that is on its way to that, what is
    /// known.
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
        admitted: Result<Admitted, Denied>,
    ) {
        match admitted {
            Ok(Admitted { uid, device, place }) => {
                self.logins.count(Outcome::Accepted);
                // Ahead of the session, so that it reaches the user's other devices alone.
                if device.info.login != 0 {
                    self.announce(gateway, (request.app.clone(), uid.clone()), &device);
                }
                let pulls = request.dialect == Dialect::Comet;
                let device = DeviceInfo { pulls, ..device.info };
                reply.accept(identity(request.app, uid, device).claim(place));
            }
            Err(denied) => {
                tracing::debug!(remote = %request.remote, %denied, "login denied");
                let outcome = denied.outcome();
                self.logins.count(outcome);
                match denied {
                    Denied::Superseded(stays) | Denied::Crowded(stays) => {
                        reply.refuse(refusal(&stays));
                    }
                    _ if outcome == Outcome::Unavailable => reply.later(LATER),
                    _ => reply.close(),
                }
            }
        }
    }

    /// Tells the user's other devices of a login, so that another phone stops: now, or at the end
    /// of the period.
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

fn identity(app: String, uid: String, device: DeviceInfo) -> Identity {
    let identity = Identity::new(app, uid).device(device.uuid.clone()).class(device.class());
    identity.context(Arc::new(device))
}

/// Not to the device itself, which would hear of itself where it comes back to a session, and not
/// to those that are away: they learn of it when they reconnect.
fn announce(gateway: &Gateway, (app, uid): &User, device: &Registered) {
    let signal = Signal {
        r#type: SignalType::EndpointLogin as i32,
        body: endpoint_login(device).encode_to_vec().into(),
        ..Signal::default()
    };
    let body = Proto { event_type: EventType::Signal as i32, body: signal.encode_to_vec().into() };
    let delivery = Delivery::best_effort(body.encode_to_vec());
    let (uuid, most) = (&device.info.uuid, announcer::DEVICES);
    if let Err(error) = gateway.push_others(app, uid, uuid, most, delivery) {
        tracing::debug!(%error, "login not announced");
    }
}
