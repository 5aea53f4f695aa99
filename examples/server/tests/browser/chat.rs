//! Two users talk, without faults.

use crate::chromium::Driver;
use crate::line::Line;
use crate::page::{Page, Shown, assert_in_server_order, texts};
use crate::server::Server;

#[tokio::test]
async fn a_private_message_is_received_once_and_marked_so() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &server.url(), "bob").await;

    alice.open_person("bob").await;
    alice.send("are you there?").await;
    bob.wait_for_element(".conversation[data-name='alice'][data-unread='1']").await;
    bob.open_person("alice").await;
    bob.wait_for_element(".conversation[data-name='alice'][data-unread='0']").await;
    bob.send("<b>yes</b> & no").await;

    let talk = ["are you there?", "<b>yes</b> & no"];
    bob.wait_for_talk(&talk).await;
    alice.wait_for_talk(&talk).await;
    alice.wait_for_marks("received").await;
    bob.wait_for_marks("received").await;
    let own: Vec<bool> = alice.messages().await.iter().map(|message| message.own).collect();
    assert_eq!(own, [true, false]);
}

#[tokio::test]
async fn the_room_reaches_everybody_and_its_messages_count_as_sent() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &server.url(), "bob").await;

    alice.open_room().await;
    bob.open_room().await;
    for turn in 0..5 {
        alice.send(&format!("from alice {turn}")).await;
        bob.send(&format!("from bob {turn}")).await;
    }

    let complete = |shown: &[Shown]| shown.len() == 10 && shown.iter().all(|m| m.log_id > 0);
    let at_alice = alice.wait_for_messages("ten messages", complete).await;
    let at_bob = bob.wait_for_messages("ten messages", complete).await;
    assert_in_server_order(&at_alice);
    assert_eq!(texts(&at_alice), texts(&at_bob), "both see one order");
    for (name, shown) in [("alice", &at_alice), ("bob", &at_bob)] {
        let own: Vec<String> = texts(shown).into_iter().filter(|t| t.contains(name)).collect();
        let sent: Vec<String> = (0..5).map(|turn| format!("from {name} {turn}")).collect();
        assert_eq!(own, sent, "what one person wrote stays in order");
    }
    alice.wait_for_marks("sent").await;
    bob.wait_for_marks("sent").await;
}

#[tokio::test]
async fn a_message_that_the_server_refuses_can_be_tried_again() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let line = Line::to(server.address()).await;
    let alice = Page::sign_in(driver.browser().await, &line.url(), "alice").await;

    alice.script::<()>("location.hash = 'room:999999';").await;
    alice.wait_for_element("#thread[data-conversation='room:999999']").await;
    alice.send("may I come in?").await;
    alice.wait_for_marks("failed").await;

    // The lost answer shows that there was another request.
    line.lose();
    alice.click(".message .retry").await;
    alice.wait_for_marks("sending").await;
    line.cut();
    alice.wait_for_marks("failed").await;
    alice.wait_for_state("online").await;
}
