//! `POST /app/device/list` and `/app/device/revoke`: the devices of the caller.
//!
//! A revoked device loses its session at once, open or parked, and is refused when it reconnects
//! automatically, until its user logs in on it by hand: who has the key of the user can always do
//! that.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use comet::{CommandError, Gateway};
use comet_dtalk::clock::unix_ms;
use comet_dtalk::code::Code;
use comet_dtalk::device::limited;
use comet_dtalk::http::{ApiResult, Body, Caller, Reply, Verify};
use serde::{Deserialize, Serialize};

use crate::presence::Presence;
use crate::registry::{Registered, Registry, RegistryError};

/// Routes of this module. `presence` is that of the router of `gateway`.
pub fn routes(
    tokens: Arc<dyn Verify>,
    registry: Registry,
    gateway: Gateway,
    presence: Arc<Presence>,
) -> Router {
    Router::new()
        .route("/app/device/list", post(list))
        .route("/app/device/revoke", post(revoke))
        .with_state(Devices { tokens, registry, gateway, presence })
}

#[derive(Clone)]
struct Devices {
    tokens: Arc<dyn Verify>,
    registry: Registry,
    gateway: Gateway,
    presence: Arc<Presence>,
}

impl FromRef<Devices> for Arc<dyn Verify> {
    fn from_ref(devices: &Devices) -> Self {
        Self::clone(&devices.tokens)
    }
}

#[derive(Serialize)]
struct List {
    devices: Vec<Device>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    uuid: String,
    /// As in a login: 0 Android, 1 iOS, 2 Windows, 3 Linux, 4 macOS, 5 web.
    device: i32,
    device_name: String,
    /// Time of the last login, Unix milliseconds.
    login_time: u64,
    online: bool,
}

/// Latest login first.
async fn list(State(devices): State<Devices>, Caller(uid): Caller) -> ApiResult<List> {
    let registered = devices.registry.devices(&uid).await.map_err(failed)?;
    let device = |Registered { info, login_ms, .. }: Registered| Device {
        online: devices.presence.is_online(&info),
        device: info.device.map_or(-1, |device| device as i32),
        uuid: info.uuid.into(),
        device_name: info.name.into(),
        login_time: login_ms,
    };
    Ok(Reply(List { devices: registered.into_iter().map(device).collect() }))
}

#[derive(Deserialize)]
struct Revoked {
    uuid: String,
}

async fn revoke(
    State(devices): State<Devices>,
    Caller(uid): Caller,
    Body(Revoked { uuid }): Body<Revoked>,
) -> ApiResult {
    let logins = devices.registry.revoke(&uid, limited(&uuid), unix_ms()).await.map_err(failed)?;
    if logins.is_empty() {
        return Err(Code::BAD_PARAMETERS.into());
    }
    for session in logins.into_iter().filter_map(|login| devices.presence.session(login)) {
        // It cannot reconnect; if the gateway is too busy to end it, the caller asks again.
        if let Err(CommandError::Full) = devices.gateway.kick(session, "device revoked") {
            return Err(Code::INTERNAL.into());
        }
    }
    Ok(Reply::done())
}

fn failed(error: RegistryError) -> Code {
    match error {
        RegistryError::Text => Code::BAD_PARAMETERS,
        error => {
            tracing::error!(%error, "devices not read or changed");
            Code::QUERY_FAILED
        }
    }
}
