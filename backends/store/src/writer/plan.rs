//! Plan of a batch of messages: assignment of ids, detection of repeats within the batch. Pure.

use std::collections::HashMap;

use comet_dtalk::id::{Exhausted, IdGenerator};

use crate::check::Draft;
use crate::db::Message;

/// Messages to append in one batch.
#[derive(Debug)]
pub(crate) struct Plan {
    /// By ascending id. No two have the same sender and client id.
    pub(crate) messages: Vec<Message>,
    /// Index in `messages` for each draft; a repeat has the index of the first one.
    pub(crate) places: Vec<usize>,
}

/// Assigns id and time to each new draft, in order of arrival. The flag of a draft is true if it
/// was sent from a phone.
pub(crate) fn plan(
    drafts: Vec<(Draft, bool)>,
    ids: &IdGenerator,
    now: u64,
) -> Result<Plan, Exhausted> {
    let mut messages: Vec<Message> = Vec::with_capacity(drafts.len());
    let mut places = Vec::with_capacity(drafts.len());
    let mut first: HashMap<(String, String), usize> = HashMap::with_capacity(drafts.len());
    for (Draft { to, mut common }, from_phone) in drafts {
        let key = (common.from.clone(), common.msg_id.clone());
        let place = *first.entry(key).or_insert(messages.len());
        places.push(place);
        if place == messages.len() {
            common.log_id = ids.next_at(now)?.get();
            common.datetime = now;
            messages.push(Message { to, common, from_phone });
        }
    }
    Ok(Plan { messages, places })
}

#[cfg(test)]
mod tests {
    use comet_dtalk::id::{Id, Node};
    use comet_dtalk::message::Common;

    use super::*;
    use crate::check::To;
    use crate::testing::text;

    const NOW: u64 = 1_700_000_000_000;

    fn draft(from: &str, msg_id: &str) -> (Draft, bool) {
        let common = Common { from: from.into(), ..text(msg_id, "bob", "hi") };
        (Draft { to: To::User, common }, false)
    }

    #[test]
    fn ids_follow_the_order_of_arrival_and_time_is_the_servers() {
        let ids = IdGenerator::after(Node::default(), Id::new(4096));
        let mut late = draft("alice", "m-2");
        late.0.common.datetime = 5;
        let planned = plan(vec![draft("alice", "m-1"), late], &ids, NOW).unwrap();

        assert_eq!(planned.places, [0, 1]);
        let [first, second] = &planned.messages[..] else { panic!("two messages") };
        assert_eq!(second.common.log_id, first.common.log_id + 1);
        assert_eq!((first.common.datetime, second.common.datetime), (NOW, NOW));
    }

    #[test]
    fn a_repeat_in_the_batch_stands_where_the_first_does() {
        let ids = IdGenerator::after(Node::default(), None);
        let drafts = vec![
            draft("alice", "m-1"),
            draft("bob", "m-1"),
            draft("alice", "m-1"),
            draft("bob", "m-2"),
        ];
        let planned = plan(drafts, &ids, NOW).unwrap();

        assert_eq!(planned.places, [0, 1, 0, 2]);
        let sent: Vec<_> =
            planned.messages.iter().map(|m| (&*m.common.from, &*m.common.msg_id)).collect();
        assert_eq!(sent, [("alice", "m-1"), ("bob", "m-1"), ("bob", "m-2")]);
    }

    #[test]
    fn names_that_join_to_the_same_text_are_different() {
        let ids = IdGenerator::after(Node::default(), None);
        let planned = plan(vec![draft("a", "bc"), draft("ab", "c")], &ids, NOW).unwrap();
        assert_eq!(planned.places, [0, 1]);
    }

    #[test]
    fn without_ids_there_is_no_plan() {
        let ids = IdGenerator::after(Node::default(), Some(Id::MAX));
        assert!(plan(vec![draft("alice", "m-1")], &ids, NOW).is_err());
    }
}
