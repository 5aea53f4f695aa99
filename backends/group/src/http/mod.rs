//! HTTP interface: all routes below `/group/app`.
//!
//! Paths are the public ones. Answers follow the conventions of [`comet_dtalk::http`]. Not here:
//! rules (`operations`, `permission`), CORS and listeners.

mod answer;
mod application;
mod creation;
mod failure;
mod membership;
mod reading;
mod request;
mod role;
mod setting;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::post;
use comet_dtalk::http::Verify;

use crate::groups::Groups;

/// Bytes of a request without users: texts and a margin.
const MAX_TEXTS: usize = 64 * 1024;
/// Bytes of a user's id in a request: forty characters of four bytes, and punctuation.
const MAX_USER: usize = 164;

/// Routes of groups; `verify` identifies the caller.
pub fn routes(groups: Groups, verify: Arc<dyn Verify>) -> Router {
    let max_request = MAX_TEXTS + MAX_USER * groups.config().maximum as usize;
    let reads = Router::new()
        .route("/group-info", post(reading::info))
        .route("/group-pub-info", post(reading::public_info))
        .route("/group-list", post(reading::list))
        .route("/group-search", post(reading::search))
        .route("/group-member-list", post(reading::members))
        .route("/group-member-info", post(reading::member))
        .route("/mute-list", post(reading::muted));
    let memberships = Router::new()
        .route("/create-group", post(creation::create))
        .route("/invite-group-members", post(membership::invite))
        .route("/join-group", post(membership::join))
        .route("/group-exit", post(membership::exit))
        .route("/group-disband", post(membership::disband))
        .route("/group-remove", post(membership::remove));
    let settings = Router::new()
        .route("/name", post(setting::name))
        .route("/avatar", post(setting::avatar))
        .route("/joinType", post(setting::join_type))
        .route("/friendType", post(setting::friend_type))
        .route("/muteType", post(setting::mute_type));
    let roles = Router::new()
        .route("/change-owner", post(role::change_owner))
        .route("/member/name", post(role::nickname))
        .route("/member/type", post(role::set_role))
        .route("/member/muteTime", post(role::mute));
    let applications = Router::new()
        .route("/create-group-apply", post(application::apply))
        .route("/accept-group-apply", post(application::accept))
        .route("/reject-group-apply", post(application::reject))
        .route("/get-group-apply", post(application::one))
        .route("/get-group-applys", post(application::some));
    let all = reads.merge(memberships).merge(settings).merge(roles).merge(applications);
    Router::new()
        .nest("/group/app", all)
        .layer(DefaultBodyLimit::max(max_request))
        .with_state(Shared { groups, verify })
}

#[derive(Clone)]
struct Shared {
    groups: Groups,
    verify: Arc<dyn Verify>,
}

impl FromRef<Shared> for Groups {
    fn from_ref(shared: &Shared) -> Self {
        shared.groups.clone()
    }
}

impl FromRef<Shared> for Arc<dyn Verify> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.verify)
    }
}
