//! Sessions of phones that a newer phone of the user has superseded.
//!
//! Such a phone is told of the login, and its session ends once it has acknowledged that, or after
//! [`GRACE`]. Clients stop by themselves; those that do not, or have no connection, are ended.
//!
//! Not here: the rule that the newest phone is the one that may reconnect (`registry`).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use comet::{CommandError, Gateway, SessionId};
use parking_lot::Mutex;
use tokio::time::sleep;

/// Time after which the session of a superseded phone ends, acknowledged or not.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Tag of announced logins, of which the acks are reported. The inner router does not see it.
pub(crate) const ANNOUNCED: u64 = u64::MAX;

/// Reason given to the peer.
const REASON: &str = "another phone of the user has logged in";

/// Sessions that are to end. About 50 bytes each, for [`GRACE`].
#[derive(Debug, Default)]
pub(crate) struct Superseded(Mutex<HashSet<SessionId>>);

impl Superseded {
    /// Ends a session after [`GRACE`], or once it has acknowledged the announcement.
    pub(crate) fn end(self: &Arc<Self>, gateway: &Gateway, session: SessionId) {
        self.0.lock().insert(session);
        let (superseded, gateway) = (Arc::clone(self), gateway.clone());
        tokio::spawn(async move {
            sleep(GRACE).await;
            superseded.kick(&gateway, session).await;
        });
    }

    /// The session has acknowledged an announcement.
    pub(crate) fn acked(&self, gateway: &Gateway, session: SessionId) {
        // Without room for the command it ends a little later.
        if self.0.lock().contains(&session) {
            let _later = gateway.kick(session, REASON);
        }
    }

    /// The session is gone.
    pub(crate) fn left(&self, session: SessionId) {
        self.0.lock().remove(&session);
    }

    async fn kick(&self, gateway: &Gateway, session: SessionId) {
        while self.0.lock().contains(&session) {
            match gateway.kick(session, REASON) {
                Err(CommandError::Full) => sleep(Duration::from_millis(100)).await,
                Ok(()) | Err(_) => {
                    self.left(session);
                }
            }
        }
    }
}
