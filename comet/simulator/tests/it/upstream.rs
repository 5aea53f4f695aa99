//! Messages of clients.

use comet_simulator::Rule;
use comet_simulator::history::{Answer, ClientId, Event, MessageId};

use crate::story::{FIRST, ONE, Story};

fn sent(message: u32) -> Event {
    Event::Sent { client: ClientId(0), message: MessageId(message) }
}

fn received(message: u32) -> Event {
    Event::Received { session: ONE, message: MessageId(message) }
}

fn settled(message: u32, answer: Answer) -> Event {
    Event::Settled { session: ONE, message: MessageId(message), answer }
}

fn answered(message: u32, answer: Answer) -> Event {
    let (client, message) = (ClientId(0), MessageId(message));
    Event::Answered { client, attempt: FIRST, message, answer }
}

fn broken(events: &[Event]) -> Vec<Rule> {
    let mut story = Story::comet();
    story.0.extend(events.iter().cloned());
    story.rests(FIRST).broken()
}

#[test]
fn a_message_is_taken_once_and_answered_as_it_was_settled() {
    let taken = Answer::Taken;
    let fine = [sent(0), received(0), settled(0, taken), answered(0, taken)];
    assert_eq!(broken(&fine), []);
    let twice = [sent(0), received(0), received(0), settled(0, taken), answered(0, taken)];
    assert_eq!(broken(&twice), [Rule::Upstream]);
    let false_answer = [sent(0), received(0), settled(0, Answer::Refused), answered(0, taken)];
    assert_eq!(broken(&false_answer), [Rule::Upstream]);
    assert_eq!(broken(&[sent(0), answered(0, taken)]), [Rule::Upstream], "nobody took it");
}

#[test]
fn messages_and_answers_keep_their_order() {
    let taken = Answer::Taken;
    let mut events = vec![sent(0), sent(1), received(1), received(0)];
    events.extend([settled(0, taken), settled(1, taken)]);
    events.extend([answered(0, taken), answered(1, taken)]);
    assert_eq!(broken(&events), [Rule::Upstream]);
    events.swap(2, 3);
    assert_eq!(broken(&events), []);
    events.swap(6, 7);
    assert_eq!(broken(&events), [Rule::Upstream]);
}

#[test]
fn a_message_is_answered_in_the_end() {
    assert_eq!(broken(&[sent(0), received(0)]), [Rule::Liveness]);
}
