//! Revoke, focus and read: their rules, and the resulting signals.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use comet_dtalk::id::{Exhausted, IdGenerator};
use comet_dtalk::message::{Common, SignalFocus, SignalRevoke, SignalType};
use comet_sql::Connection;
use prost::Message as _;

use super::job::{Act, ActError, ActKind};
use super::shared::CommitError;
use crate::Membership;
use crate::db::{self, Found, Kind, OutSignal};

/// Signals resulting from a batch.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// To users; kept until acknowledged by their phones.
    pub(crate) signals: Vec<OutSignal>,
    /// To groups, as entries of their timelines.
    pub(crate) group_signals: Vec<Common>,
}

/// Inputs to the decision about an [`Act`].
pub(crate) struct Rules<'a> {
    pub(crate) membership: &'a dyn Membership,
    pub(crate) revoke_within: Duration,
    pub(crate) ids: &'a IdGenerator,
    pub(crate) now: u64,
}

impl Rules<'_> {
    /// Performs the act inside the transaction, and appends the resulting signals.
    pub(crate) async fn carry_out(
        &self,
        tx: &mut Connection,
        act: &Act,
        outgoing: &mut Outgoing,
    ) -> Result<Result<(), ActError>, CommitError> {
        let kind = if act.in_group { Kind::Group } else { Kind::Private };
        let Some(found) = db::find(tx, kind, act.mid).await? else {
            return Ok(Err(ActError::Unknown));
        };
        match act.kind {
            ActKind::Revoke => self.revoke(tx, kind, act, &found, outgoing).await,
            ActKind::Focus => self.focus(tx, kind, act, &found, outgoing).await,
            ActKind::Read => self.read(tx, kind, act, &found).await,
        }
    }

    async fn read(
        &self,
        tx: &mut Connection,
        kind: Kind,
        act: &Act,
        found: &Found,
    ) -> Result<Result<(), ActError>, CommitError> {
        let Some(target) = self.conversation(kind, act, found) else {
            return Ok(Err(ActError::NotAllowed));
        };
        db::mark_read(tx, &act.uid, kind, target, act.mid).await?;
        Ok(Ok(()))
    }

    /// The other user, or the group, if the message is one of theirs.
    fn conversation<'a>(&self, kind: Kind, act: &Act, found: &'a Found) -> Option<&'a str> {
        let Found { sender_id, receiver_id, .. } = found;
        match kind {
            Kind::Private if act.uid == *sender_id => Some(receiver_id),
            Kind::Private => (act.uid == *receiver_id).then_some(sender_id),
            Kind::Group => {
                let group = group_of(found)?;
                self.membership.groups_of(&act.uid).contains(&group).then_some(receiver_id)
            }
        }
    }

    async fn revoke(
        &self,
        tx: &mut Connection,
        kind: Kind,
        act: &Act,
        found: &Found,
        outgoing: &mut Outgoing,
    ) -> Result<Result<(), ActError>, CommitError> {
        if !self.may_revoke(kind, act, found) {
            return Ok(Err(ActError::NotAllowed));
        }
        db::erase(tx, kind, act.mid, found).await?;
        let by_sender = act.uid == found.sender_id;
        let signal = SignalRevoke { mid: act.mid.get(), operator: act.uid.clone(), by_sender };
        let body = Bytes::from(signal.encode_to_vec());
        match kind {
            Kind::Private => {
                self.signal_user(outgoing, &found.receiver_id, SignalType::Revoke, &body)?;
                if found.receiver_id != found.sender_id {
                    self.signal_user(outgoing, &found.sender_id, SignalType::Revoke, &body)?;
                }
            }
            Kind::Group => self.signal_group(outgoing, found, SignalType::Revoke, body)?,
        }
        Ok(Ok(()))
    }

    async fn focus(
        &self,
        tx: &mut Connection,
        kind: Kind,
        act: &Act,
        found: &Found,
        outgoing: &mut Outgoing,
    ) -> Result<Result<(), ActError>, CommitError> {
        if !self.may_focus(kind, act, found) {
            return Ok(Err(ActError::NotAllowed));
        }
        let Some(current_num) = db::add_focus(tx, act.mid, &act.uid, self.now).await? else {
            return Ok(Ok(()));
        };
        let mid = act.mid.get();
        let signal = SignalFocus { mid, uid: act.uid.clone(), current_num, time: self.now };
        let body = Bytes::from(signal.encode_to_vec());
        match kind {
            Kind::Private => {
                self.signal_user(outgoing, &found.sender_id, SignalType::FocusMessage, &body)?;
            }
            Kind::Group => self.signal_group(outgoing, found, SignalType::FocusMessage, body)?,
        }
        Ok(Ok(()))
    }

    /// Authors may within the time limit; in groups, users permitted by the group may at any time.
    fn may_revoke(&self, kind: Kind, act: &Act, found: &Found) -> bool {
        let age = self.now.saturating_sub(found.create_time.unsigned_abs());
        let in_time = u128::from(age) <= self.revoke_within.as_millis();
        (act.uid == found.sender_id && in_time)
            || (kind == Kind::Group
                && group_of(found).is_some_and(|group| {
                    self.membership.may_revoke(&act.uid, group, &found.sender_id)
                }))
    }

    /// Receivers may.
    fn may_focus(&self, kind: Kind, act: &Act, found: &Found) -> bool {
        match kind {
            Kind::Private => act.uid == found.receiver_id,
            Kind::Group => {
                act.uid != found.sender_id
                    && group_of(found)
                        .is_some_and(|group| self.membership.groups_of(&act.uid).contains(&group))
            }
        }
    }

    fn signal_user(
        &self,
        outgoing: &mut Outgoing,
        uid: &str,
        kind: SignalType,
        body: &Bytes,
    ) -> Result<(), Exhausted> {
        let sid = self.ids.next_at(self.now)?.get();
        let signal = OutSignal { sid, uid: Arc::from(uid), kind: kind as i32, body: body.clone() };
        outgoing.signals.push(signal);
        Ok(())
    }

    fn signal_group(
        &self,
        outgoing: &mut Outgoing,
        found: &Found,
        kind: SignalType,
        body: Bytes,
    ) -> Result<(), Exhausted> {
        outgoing.group_signals.push(Common {
            log_id: self.ids.next_at(self.now)?.get(),
            target: found.receiver_id.clone(),
            msg_type: kind as i32,
            msg: body,
            datetime: self.now,
            ..Common::default()
        });
        Ok(())
    }
}

fn group_of(found: &Found) -> Option<i64> {
    found.receiver_id.parse().ok()
}
