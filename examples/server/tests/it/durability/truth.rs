//! The senders' records, compared with the receivers' messages.

use std::collections::{BTreeSet, HashMap};

use comet_dtalk::message::{Channel, Common, CommonAck};

use super::sender::{Posted, Sender};

/// Every message seen anywhere, with its only id and time.
#[derive(Debug)]
pub(super) struct Truth {
    /// The group that everybody is in.
    group: String,
    by_name: HashMap<Name, CommonAck>,
    by_id: HashMap<i64, Name>,
}

/// A message: its sender, and its index in the sender's record.
type Name = (usize, usize);

impl Truth {
    pub(super) fn new(group: i64) -> Self {
        Self { group: group.to_string(), by_name: HashMap::new(), by_id: HashMap::new() }
    }

    /// Checks a stream of messages to a user: each is byte for byte as sent, and occurs once; all
    /// are in the order of their ids, and those of one sender in the order in which they were sent.
    pub(super) fn stream<'a>(
        &mut self,
        senders: &[Sender],
        uid: &str,
        messages: impl IntoIterator<Item = &'a Common>,
    ) {
        let mut last = 0;
        let mut last_of: HashMap<usize, usize> = HashMap::new();
        for common in messages {
            assert!(self.concerns(uid, &common.from, common), "someone else's: {common:?}");
            assert!(common.log_id > last, "once and in order: {} after {last}", common.log_id);
            last = common.log_id;
            let (sender, index) = self.identify(senders, common);
            // The earliest place that is possible: then most are left to those that follow.
            let before = last_of.get(&sender).copied();
            let places = &senders[sender].posted[index].places;
            let place = places.iter().copied().find(|place| Some(*place) > before);
            let place = place.unwrap_or_else(|| panic!("{index} of {sender} after {before:?}"));
            last_of.insert(sender, place);
        }
    }

    /// The same for an answer, which has messages between users and those of groups one after the
    /// other.
    pub(super) fn pulled(&mut self, senders: &[Sender], uid: &str, messages: &[Common]) {
        let is_of_group = |common: &&Common| common.channel_type == Channel::ToGroup as i32;
        self.stream(senders, uid, messages.iter().filter(|common| !is_of_group(common)));
        self.stream(senders, uid, messages.iter().filter(is_of_group));
    }

    /// Ids of all answered messages from or to the user.
    pub(super) fn owed(&self, senders: &[Sender], uid: &str) -> BTreeSet<i64> {
        let of = |sender: &Sender| {
            let from = &sender.person.uid;
            let concerns = |posted: &&Posted| self.concerns(uid, from, &posted.common);
            let answered = sender.posted.iter().filter(concerns);
            let ids = answered.filter_map(|posted| posted.answer.map(|answer| answer.log_id));
            ids.collect::<Vec<_>>()
        };
        senders.iter().flat_map(of).collect()
    }

    /// Checks that these are the ids of all answered messages from or to the user.
    pub(super) fn is_all_of(&self, senders: &[Sender], uid: &str, got: &BTreeSet<i64>) {
        let owed = self.owed(senders, uid);
        let missing: Vec<_> = owed.difference(got).collect();
        assert!(missing.is_empty(), "{} of {} are missing: {missing:?}", missing.len(), owed.len());
        let surplus: Vec<_> = got.difference(&owed).collect();
        assert!(surplus.is_empty(), "nobody sent {surplus:?}");
    }

    /// Whether a message is from or to the user, or to the group.
    fn concerns(&self, uid: &str, from: &str, common: &Common) -> bool {
        from == uid || common.target == uid || common.target == self.group
    }

    /// Identifies a message.
    fn identify(&mut self, senders: &[Sender], seen: &Common) -> Name {
        let sender = senders.iter().position(|sender| sender.person.uid == seen.from);
        let sender = sender.expect("one of the senders");
        let index: usize = seen.msg_id.parse().expect("a number");
        let posted = &senders[sender].posted[index];
        let id = CommonAck { log_id: seen.log_id, datetime: seen.datetime };
        let CommonAck { log_id, datetime } = id;
        let from = seen.from.clone();
        let expected = Common { log_id, datetime, from, ..posted.common.clone() };
        assert_eq!(*seen, expected, "as it was sent");

        let name = (sender, index);
        assert_eq!(*self.by_name.entry(name).or_insert(id), id, "one id and time for {name:?}");
        assert_eq!(*self.by_id.entry(log_id).or_insert(name), name, "one message for {log_id}");
        if let Some(answer) = posted.answer {
            assert_eq!(answer, id, "the id and time of the answer");
        }
        name
    }
}
