//! Parts that most connections lack, behind one pointer, so that an idle connection pays for no
//! more than that.

use std::net::IpAddr;
use std::rc::Rc;

use super::lanes::Lanes;
use super::tail::Tail;
use crate::budget::Account;
use crate::shard::entrance::Visitor;
use crate::shard::introduction::Introduction;
use crate::time::Time;

/// The introduction, the tail and the lanes of a connection. Allocates while it has any.
#[derive(Debug, Default)]
pub(in crate::shard) struct Extras(Option<Box<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    introduction: Option<Box<Introduction>>,
    tail: Option<Tail>,
    lanes: Option<Box<Lanes>>,
}

impl Extras {
    /// Replaces what is known of the peer.
    pub(in crate::shard) fn introduce(&mut self, introduction: Option<Box<Introduction>>) {
        if introduction.is_some() {
            self.0.get_or_insert_default().introduction = introduction;
        } else if let Some(parts) = &mut self.0 {
            parts.introduction = None;
            self.shrink();
        }
    }

    /// Sets the client that a PROXY header names.
    pub(in crate::shard) fn set_named(&mut self, named: IpAddr) {
        self.0.get_or_insert_default().introduction.get_or_insert_default().named = Some(named);
    }

    /// Sets for whom the connection counts, which is told by a header that came on it.
    pub(in crate::shard) fn set_visitor(&mut self, visitor: Option<Visitor>) {
        if visitor.is_some() || self.introduction().is_some() {
            let parts = self.0.get_or_insert_default();
            parts.introduction.get_or_insert_default().visitor = visitor;
        }
    }

    /// What is known of the peer beside what the transport tells.
    pub(in crate::shard) fn introduction(&self) -> Option<&Introduction> {
        self.0.as_ref()?.introduction.as_deref()
    }

    /// The same, to be taken from.
    pub(in crate::shard) fn introduction_mut(&mut self) -> Option<&mut Introduction> {
        self.0.as_mut()?.introduction.as_deref_mut()
    }

    /// The peer has a session: only its client counts from now on.
    pub(in crate::shard) fn forget_introduction(&mut self) {
        if let Some(parts) = &mut self.0 {
            Introduction::forget(&mut parts.introduction);
            self.shrink();
        }
    }

    /// Input that waits: an incomplete frame, or frames that may not be read now.
    #[inline]
    pub(in crate::shard) fn tail(&self) -> Option<&Tail> {
        self.0.as_ref()?.tail.as_ref()
    }

    /// The same, to be changed.
    #[inline]
    pub(in crate::shard) fn tail_mut(&mut self) -> Option<&mut Tail> {
        self.0.as_mut()?.tail.as_mut()
    }

    /// The tail, which begins at `now` if there is none.
    pub(super) fn tail_or_new(&mut self, account: &Rc<Account>, now: Time) -> &mut Tail {
        let parts = self.0.get_or_insert_default();
        parts.tail.get_or_insert_with(|| Tail::new(account, now))
    }

    /// Drops the tail.
    pub(in crate::shard) fn drop_tail(&mut self) {
        if let Some(parts) = &mut self.0 {
            parts.tail = None;
            self.shrink();
        }
    }

    /// Output of lanes.
    #[inline]
    pub(super) fn lanes(&self) -> Option<&Lanes> {
        self.0.as_ref()?.lanes.as_deref()
    }

    /// The same, to be changed.
    #[inline]
    pub(super) fn lanes_mut(&mut self) -> Option<&mut Lanes> {
        self.0.as_mut()?.lanes.as_deref_mut()
    }

    /// The same, empty if there is none.
    pub(super) fn lanes_or_new(&mut self) -> &mut Lanes {
        self.0.get_or_insert_default().lanes.get_or_insert_default()
    }

    /// Drops lanes that have nothing.
    pub(super) fn drop_idle_lanes(&mut self) {
        if let Some(parts) = &mut self.0
            && parts.lanes.as_ref().is_some_and(|lanes| lanes.is_idle())
        {
            parts.lanes = None;
            self.shrink();
        }
    }

    /// Introduction and tail, to be handed on before there are lanes.
    pub(in crate::shard) fn into_parts(self) -> (Option<Box<Introduction>>, Option<Tail>) {
        self.0.map_or((None, None), |parts| (parts.introduction, parts.tail))
    }

    fn shrink(&mut self) {
        let is_empty =
            |it: &Parts| it.introduction.is_none() && it.tail.is_none() && it.lanes.is_none();
        if self.0.as_deref().is_some_and(is_empty) {
            self.0 = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_taken_while_there_is_a_part() {
        let account = Account::unlimited();
        let mut extras = Extras::default();
        assert!(extras.0.is_none());
        extras.tail_or_new(&account, Time::from_micros(1));
        extras.introduce(Some(Box::default()));
        extras.drop_tail();
        assert!(extras.0.is_some() && extras.tail().is_none());
        extras.forget_introduction();
        assert!(extras.0.is_none());
        extras.introduce(Some(Box::default()));
        extras.introduce(None);
        assert!(extras.0.is_none());
    }
}
