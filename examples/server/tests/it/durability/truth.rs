//! The senders' records, compared with the receivers' messages.

use std::collections::{BTreeSet, HashMap};

use comet_dtalk::message::{Common, CommonAck};

use super::sender::{Posted, Sender};

/// Every message seen anywhere, with its only id and time.
#[derive(Debug, Default)]
pub(super) struct Truth {
    by_name: HashMap<Name, CommonAck>,
    by_id: HashMap<i64, Name>,
}

/// A message: its sender, and its index in the sender's record.
type Name = (usize, usize);

impl Truth {
    /// Checks a stream of messages to a user: each is byte for byte as sent, and occurs once; all
    /// are in the order of their ids, and those of one sender in the order in which they were sent.
    pub(super) fn stream(&mut self, senders: &[Sender], uid: &str, messages: &[Common]) {
        let mut last = 0;
        let mut last_of: HashMap<usize, usize> = HashMap::new();
        for common in messages {
            assert!(common.from == uid || common.target == uid, "someone else's: {common:?}");
            assert!(common.log_id > last, "once and in order: {} after {last}", common.log_id);
            last = common.log_id;
            let (sender, index) = self.identify(senders, common);
            let before = last_of.insert(sender, index);
            assert!(before < Some(index), "{index} of sender {sender} after {before:?}");
        }
    }

    /// Ids of all answered messages from or to the user.
    pub(super) fn owed(&self, senders: &[Sender], uid: &str) -> BTreeSet<i64> {
        let of = |sender: &Sender| {
            let is_sender = sender.person.uid == uid;
            let concerns = move |posted: &&Posted| is_sender || posted.common.target == uid;
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
