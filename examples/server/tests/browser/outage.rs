//! A browser or the server is killed during a conversation.

use std::ops::Range;

use crate::chromium::Driver;
use crate::page::Page;
use crate::server::Server;

/// Makes all writes of the page's database fail.
const FULL_DISK: &str = "
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('the disk is full', 'QuotaExceededError');
    };";

#[tokio::test]
async fn a_killed_browser_finds_everything_once_when_it_comes_back() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &server.url(), "bob").await;
    bob.open_person("alice").await;
    bob.send("go on, I am listening").await;
    alice.open_person("bob").await;
    let mut talk = vec!["go on, I am listening".to_owned()];
    alice.wait_for_talk(&talk).await;

    send_lines(&alice, "private", 0..12, &mut talk).await;
    let first_lines = "the first lines arrive";
    let bob = {
        bob.wait_for_messages(first_lines, |shown| shown.len() > 6).await;
        bob.browser.kill().await
    };
    send_lines(&alice, "private", 12..30, &mut talk).await;
    alice.open_room().await;
    let mut room = Vec::new();
    send_lines(&alice, "room", 0..10, &mut room).await;

    let bob = Page::open(driver.restart(bob).await, &server.url()).await;
    bob.wait_for_state("online").await;
    bob.open_person("alice").await;
    bob.wait_for_talk(&talk).await;
    bob.open_room().await;
    bob.wait_for_talk(&room).await;
    alice.wait_for_marks("sent").await;
    alice.open_person("bob").await;
    alice.wait_for_marks("received").await;

    bob.open_person("alice").await;
    bob.send("still here").await;
    talk.push("still here".to_owned());
    alice.wait_for_talk(&talk).await;
    bob.wait_for_talk(&talk).await;
    bob.wait_for_marks("received").await;
}

#[tokio::test]
async fn a_message_written_just_before_the_browser_dies_is_sent_when_it_comes_back() {
    let (mut server, driver) = (Server::start().await, Driver::start().await);
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &server.url(), "bob").await;
    alice.open_person("bob").await;
    server.kill().await;
    alice.wait_for_state("waiting").await;
    alice.send("written into the void").await;
    alice.wait_for_marks("sending").await;

    let alice = alice.browser.kill().await;
    server.restart().await;
    let alice = Page::open(driver.restart(alice).await, &server.url()).await;

    bob.open_person("alice").await;
    bob.wait_for_talk(&["written into the void"]).await;
    alice.open_person("bob").await;
    alice.wait_for_talk(&["written into the void"]).await;
    alice.wait_for_marks("received").await;
}

#[tokio::test]
async fn pages_come_back_by_themselves_after_the_server_was_killed() {
    let (mut server, driver) = (Server::start().await, Driver::start().await);
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &server.url(), "bob").await;
    alice.open_person("bob").await;
    bob.open_person("alice").await;
    let mut talk = Vec::new();

    send_lines(&alice, "before", 0..10, &mut talk).await;
    server.kill().await;
    send_lines(&alice, "during", 0..10, &mut talk).await;
    alice.wait_for_state("waiting").await;
    bob.wait_for_state("waiting").await;
    assert!(alice.banner().await.starts_with("No connection."));
    server.restart().await;
    alice.wait_for_state("online").await;
    bob.wait_for_state("online").await;
    send_lines(&alice, "after", 0..10, &mut talk).await;

    bob.wait_for_talk(&talk).await;
    alice.wait_for_talk(&talk).await;
    alice.wait_for_marks("received").await;
    bob.send("all of it").await;
    talk.push("all of it".to_owned());
    alice.wait_for_talk(&talk).await;
    bob.wait_for_marks("received").await;
}

#[tokio::test]
async fn a_page_leaves_a_server_that_does_not_answer_heartbeats() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;

    server.freeze();
    alice.wait_for_state("waiting").await;
    server.thaw();
    alice.wait_for_state("online").await;
}

#[tokio::test]
async fn a_message_that_the_disk_refuses_is_not_acknowledged() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &server.url(), "bob").await;
    alice.open_person("bob").await;

    bob.script::<()>(FULL_DISK).await;
    alice.send("remember this").await;
    assert!(bob.banner().await.starts_with("This browser could not store your messages"));
    alice.wait_for_marks("sent").await;

    bob.reload().await;
    bob.open_person("alice").await;
    bob.wait_for_talk(&["remember this"]).await;
    alice.wait_for_marks("received").await;
}

async fn send_lines(page: &Page, word: &str, lines: Range<u32>, talk: &mut Vec<String>) {
    for line in lines {
        let text = format!("{word} {line}");
        page.send(&text).await;
        talk.push(text);
    }
}
