//! HTTP interface: sending without a socket, pulling, history, revoking, focusing and reading.
//!
//! Paths are the public ones. Answers follow the conventions of [`comet_dtalk::http`]. Not here:
//! CORS and listeners.

mod act;
mod answers;
mod push;
mod record;
mod unread;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::post;
use comet::Gateway;
use comet_dtalk::http::Verify;

use crate::Store;
use answers::Answers;

/// Maximum bytes of a request: a message of 16 KiB, its multipart form, and a margin.
const MAX_REQUEST: usize = 64 * 1024;

/// Routes of a store; `verify` identifies the caller. The memory of long answers is charged to the
/// memory budget of `gateway`.
pub fn routes(store: Store, gateway: Gateway, verify: Arc<dyn Verify>) -> Router {
    let answers = Answers::new(gateway, store.answers());
    Router::new()
        .route("/record/push", post(push::push))
        .route("/record/push2", post(push::push_frame))
        .route("/app/record/send", post(push::send_newer))
        .route("/app/record/sync-record", post(record::sync))
        .route("/store/app/pri-chat-record", post(record::history))
        .route("/store/app/group-chat-record", post(record::group_history))
        .route("/app/record/revoke", post(act::revoke))
        .route("/app/record/focus", post(act::focus))
        .route("/app/record/read", post(act::read))
        .route("/app/record/unread", post(unread::unread))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(Shared { store, answers, verify })
}

#[derive(Clone)]
struct Shared {
    store: Store,
    answers: Answers,
    verify: Arc<dyn Verify>,
}

impl FromRef<Shared> for Answers {
    fn from_ref(shared: &Shared) -> Self {
        shared.answers.clone()
    }
}

impl FromRef<Shared> for Store {
    fn from_ref(shared: &Shared) -> Self {
        shared.store.clone()
    }
}

impl FromRef<Shared> for Arc<dyn Verify> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.verify)
    }
}
