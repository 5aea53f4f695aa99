//! Requests of clients before they connect: liveness, other servers, enabled modules, a newer
//! version of the client, and a backup of its keys.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use comet_dtalk::http::{Body, Int64, Reply};
use serde::{Deserialize, Serialize};

use super::Public;
use super::origin::Origin;
use crate::config::{Module, Node};

/// Name of the module of the organisation.
const ORGANISATION: &str = "oa";
/// Header with the device type.
const DEVICE: &str = "fzm-device";

/// Clients use only the status and measure the response time.
pub(super) async fn ping() -> &'static str {
    "pong"
}

/// `/disc/nodes`. Clients take the first server as their default, so there is always one.
pub(super) async fn nodes(State(public): State<Public>, origin: Origin) -> impl IntoResponse {
    let mut discovery = public.config.announced.discovery.clone();
    if discovery.servers.is_empty() {
        discovery.servers.push(Node { name: "comet".to_owned(), address: origin.to_string() });
    }
    ([(CACHE_CONTROL, "no-store")], Reply(discovery))
}

/// `/app/modules/all`: a bare array, as clients expect. Unless configured, the organisation is on,
/// at the requested host: the desktop client opens its socket only after an answer from there.
pub(super) async fn modules(State(public): State<Public>, origin: Origin) -> impl IntoResponse {
    let mut modules = public.config.announced.modules.clone();
    if !modules.iter().any(|module| module.name == ORGANISATION) {
        modules.push(Module {
            name: ORGANISATION.to_owned(),
            is_enabled: true,
            end_points: vec![origin.to_string()],
        });
    }
    ([(CACHE_CONTROL, "no-store")], Reply(modules))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Installed {
    version_code: Int64,
}

/// A release of a client. All fields are present: clients read them without checking.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Release {
    id: i64,
    platform: String,
    status: i32,
    device_type: String,
    version_name: String,
    version_code: i64,
    url: String,
    force: bool,
    description: Vec<String>,
    ope_user: String,
    md5: String,
    size: i64,
    update_time: i64,
    create_time: i64,
}

/// `/app/version/check`: no release is kept here, so the installed one is the newest.
pub(super) async fn version(
    headers: HeaderMap,
    Body(Installed { version_code }): Body<Installed>,
) -> Reply<Release> {
    let device_type = headers.get(DEVICE).and_then(|device| device.to_str().ok());
    let device_type = device_type.unwrap_or_default().to_owned();
    Reply(Release { device_type, version_code: version_code.0, ..Release::default() })
}

/// `/backup/address-retrieve`: no keys are kept here. The desktop calls it at each login, and fails
/// unless it gets an envelope.
pub(super) async fn no_backup() -> Reply {
    Reply::done()
}
