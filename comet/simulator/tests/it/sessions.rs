//! Lives, tickets, fences, reasons, budgets and rest.

use comet_simulator::Rule;
use comet_simulator::history::{
    Attempt, ClientId, Dial, Dialect, Event, Lane, Loss, PushClass, Session,
};

use crate::story::{FIRST, ONE, SECOND, Story, connected, dial};

const OTHER: Session = Session(1);
const END: Event = Event::Ended { session: ONE, reason: "draining" };

fn shows(attempt: Attempt, of: Attempt) -> Event {
    Event::ShowedTicket { attempt, of: Some(of) }
}

fn opened(attempt: Attempt, loss: Loss) -> Event {
    Event::Opened { attempt, resumed: false, loss }
}

#[test]
fn a_session_ends_exactly_once() {
    let mut never = Story::comet();
    never.tells(Event::Rested);
    assert_eq!(never.broken(), [Rule::Life]);
    let mut twice = Story::comet();
    twice.tells(END).tells(END);
    assert_eq!(twice.broken(), [Rule::Life]);
}

#[test]
fn the_router_hears_of_a_session_in_a_legal_order() {
    let parked = Event::Parked { session: ONE, reason: "lost" };
    let illegal = [
        vec![Event::Resumed { session: ONE, attempt: SECOND }],
        vec![parked.clone(), parked.clone()],
        vec![parked, Event::Received { session: ONE, message: Default::default() }],
        vec![END, Event::Acked { session: ONE, push: Default::default() }],
        vec![connected(ONE, SECOND)],
        vec![Event::Received { session: OTHER, message: Default::default() }],
        vec![connected(OTHER, FIRST), Event::Ended { session: OTHER, reason: "left" }],
    ];
    for events in illegal {
        let mut story = Story::comet();
        story.dials(dial(SECOND, 0, Dialect::Dtalk));
        story.0.extend(events.iter().cloned());
        if !events.contains(&END) {
            story.tells(END);
        }
        assert!(story.broken().contains(&Rule::Life), "{events:?}");
    }
}

#[test]
fn a_device_has_one_session_in_the_end() {
    let mut story = Story::comet();
    story.dials(dial(SECOND, 0, Dialect::Comet)).tells(connected(OTHER, SECOND));
    story.tells(opened(SECOND, Loss::None)).rests(SECOND);
    story.tells(Event::Ended { session: OTHER, reason: "draining" });
    assert_eq!(story.broken(), [Rule::Fencing]);
}

#[test]
fn a_connection_gets_nothing_that_is_pushed_after_another_one_took_over() {
    let mut story = Story::comet();
    story.acked([0]).comes_back(Dialect::Comet).acked([1]);
    story.sees(FIRST, [0]).sees(SECOND, [1]).acks([0, 1]);
    assert_eq!(story.rests(SECOND).broken(), [], "what was on its way may arrive");
    let mut story = Story::comet();
    story.comes_back(Dialect::Comet).acked([0]).sees(FIRST, [0]).acks([0]).rests(SECOND);
    assert_eq!(story.broken(), [Rule::Fencing]);
}

/// A second connection with a ticket of the first gets a new session, while the old one waits or
/// has ended in some way before.
fn not_resumed(ended: Option<&'static str>, loss: Loss) -> Vec<Rule> {
    let mut story = Story::comet();
    story.tells(Event::Parked { session: ONE, reason: "lost" });
    if let Some(reason) = ended {
        story.tells(Event::Ended { session: ONE, reason });
    }
    story.dials(dial(SECOND, 0, Dialect::Comet)).tells(shows(SECOND, FIRST));
    if ended.is_none() {
        story.tells(Event::Ended { session: ONE, reason: "replaced" });
    }
    story.tells(connected(OTHER, SECOND)).tells(opened(SECOND, loss));
    story.tells(Event::Ended { session: OTHER, reason: "draining" }).broken()
}

#[test]
fn a_ticket_resumes_its_session_as_long_as_that_waits() {
    assert_eq!(not_resumed(None, Loss::Unknown), [Rule::Resume]);
    assert_eq!(not_resumed(Some("kicked"), Loss::Ended), []);
    assert_eq!(not_resumed(Some("kicked"), Loss::None), [Rule::TrueReason], "no reason");
    assert_eq!(not_resumed(Some("lost"), Loss::Expired), [Rule::TrueReason], "much too early");
}

#[test]
fn a_dtalk_device_finds_its_session() {
    let mut story = Story::dtalk();
    story.tells(Event::Parked { session: ONE, reason: "lost" });
    story.dials(dial(SECOND, 0, Dialect::Dtalk)).tells(connected(OTHER, SECOND));
    story.tells(END).tells(Event::Ended { session: OTHER, reason: "draining" });
    assert_eq!(story.broken(), [Rule::Resume]);
}

#[test]
fn a_ticket_opens_nothing_to_anybody_else() {
    let thief = Dial { forged: true, ..dial(SECOND, 5, Dialect::Comet) };
    let mut story = Story::comet();
    story.tells(Event::Parked { session: ONE, reason: "replaced" }).dials(thief);
    story.tells(shows(SECOND, FIRST)).tells(Event::Resumed { session: ONE, attempt: SECOND });
    assert_eq!(story.tells(END).broken(), [Rule::Resume]);
}

#[test]
fn a_ticket_that_was_followed_by_a_newer_one_is_of_no_use() {
    let (third, fourth) = (Attempt(2), Attempt(3));
    let mut story = Story::comet();
    story.comes_back(Dialect::Comet).tells(Event::Parked { session: ONE, reason: "lost" });
    story.dials(dial(third, 0, Dialect::Comet)).tells(shows(third, SECOND));
    story.tells(Event::Resumed { session: ONE, attempt: third }).opens(third, true);
    story.tells(Event::Parked { session: ONE, reason: "lost" });
    story.dials(dial(fourth, 0, Dialect::Comet)).tells(shows(fourth, FIRST));
    story.tells(Event::Resumed { session: ONE, attempt: fourth }).opens(fourth, true);
    assert_eq!(story.tells(END).broken(), [Rule::Resume]);
}

#[test]
fn what_a_client_is_told_of_its_session_is_true() {
    let mut resumed = Story::comet();
    resumed.tells(Event::Parked { session: ONE, reason: "lost" });
    resumed.dials(dial(SECOND, 0, Dialect::Comet)).tells(shows(SECOND, FIRST));
    resumed.tells(Event::Resumed { session: ONE, attempt: SECOND }).opens(SECOND, false);
    assert_eq!(resumed.tells(END).broken(), [Rule::TrueReason]);

    for (code, reason) in [(13, "kicked"), (12, "replaced")] {
        let over = Event::Over { client: ClientId(0), attempt: FIRST, code };
        let mut story = Story::comet();
        story.tells(Event::Ended { session: ONE, reason });
        story.dials(dial(SECOND, 0, Dialect::Comet)).tells(connected(OTHER, SECOND));
        story.tells(over.clone()).tells(Event::Ended { session: OTHER, reason: "left" });
        assert_eq!(story.broken(), [], "{reason}");
        let mut story = Story::comet();
        story.tells(over).tells(Event::Ended { session: ONE, reason: "lost" });
        assert_eq!(story.broken(), [Rule::TrueReason], "{code}");
    }
}

#[test]
fn a_session_is_replaced_by_its_own_device_only() {
    let mut stranger = Story::comet();
    stranger.tells(Event::Ended { session: ONE, reason: "replaced" });
    stranger.dials(dial(SECOND, 1, Dialect::Comet)).tells(connected(OTHER, SECOND));
    stranger.tells(Event::Ended { session: OTHER, reason: "left" });
    assert_eq!(stranger.broken(), [Rule::TrueReason]);

    let mut nobody = Story::comet();
    nobody.tells(Event::Parked { session: ONE, reason: "replaced" }).tells(END);
    assert_eq!(nobody.broken(), [Rule::TrueReason]);
}

#[test]
fn what_the_router_decides_is_done() {
    let mut kicked = Story::comet();
    kicked.tells(Event::Kicked { session: ONE }).rests(FIRST);
    assert_eq!(kicked.broken(), [Rule::Life]);

    let mut refused = Story::comet();
    refused.tells(Event::Decided { attempt: FIRST, accepted: false }).rests(FIRST);
    assert_eq!(refused.broken(), [Rule::Life]);
}

#[test]
fn who_is_refused_as_replaced_has_a_rival() {
    let replaced = |rival: Dial| {
        let mut story = Story::comet();
        story.dials(dial(SECOND, 3, Dialect::Comet)).dials(rival);
        story.tells(connected(OTHER, rival.attempt));
        story.tells(Event::Over { client: ClientId(3), attempt: SECOND, code: 12 });
        story.tells(Event::Ended { session: OTHER, reason: "left" }).tells(END).broken()
    };
    let forged = Dial { forged: true, ..dial(Attempt(2), 3, Dialect::Comet) };
    assert_eq!(replaced(forged), []);
    assert_eq!(replaced(Dial { user: 4, ..forged }), [Rule::TrueReason]);
}

#[test]
fn nobody_is_refused_but_by_the_router() {
    let refused = |accepted| {
        let mut story = Story::comet();
        story.dials(dial(SECOND, 1, Dialect::Comet));
        story.tells(Event::Decided { attempt: SECOND, accepted });
        story.tells(Event::Over { client: ClientId(1), attempt: SECOND, code: 5 });
        story.tells(END).broken()
    };
    assert_eq!(refused(false), []);
    assert_eq!(refused(true), [Rule::TrueReason]);
}

#[test]
fn budgets_and_wires_and_rest_are_watched() {
    let odd = [
        (Event::OverBudget { memory: 11, budget: 10 }, Rule::Budget),
        (Event::Stranded { client: ClientId(0) }, Rule::Liveness),
        (Event::Livelock { gateway: 0 }, Rule::Liveness),
        (Event::InvalidInput { attempt: FIRST, what: "odd" }, Rule::Wire),
    ];
    for (what, rule) in odd {
        let mut story = Story::comet();
        story.pushes(0, PushClass::Latest(1), Lane::Bulk).sees(FIRST, [0]).tells(what);
        assert_eq!(story.rests(FIRST).broken(), [rule]);
    }
}
