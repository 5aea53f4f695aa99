//! Groups: made, joined, ruled and left, each by clicks and seen by the others.

use crate::chromium::Driver;
use crate::page::{Page, Shown, texts};
use crate::server::Server;

const PANEL: &str = "#group[open]";
const NAME: &str = "Chess club";

/// Makes a group with one person.
async fn make_group(owner: &Page, member: &str) {
    owner.click("#new-group-button").await;
    owner.type_into("#new-group-name", NAME).await;
    owner.click(&format!("#new-group-people [data-name='{member}'] label")).await;
    owner.click("#new-group-form .primary").await;
    owner.wait_for_element(&format!(".conversation[data-name='{NAME}'][aria-current]")).await;
}

async fn open_panel(page: &Page) {
    page.click("#group-button").await;
    page.wait_for_element(&format!("{PANEL} #members li")).await;
}

async fn close_panel(page: &Page) {
    page.click(&format!("{PANEL} .close")).await;
    page.wait_for_no_element(PANEL).await;
}

/// Presses a button of a member.
async fn manage(page: &Page, name: &str, act: &str) {
    let row = format!("{PANEL} #members [data-name='{name}']");
    if !page.is_there(&format!("{row} .manage[aria-expanded='true']")).await {
        page.click(&format!("{row} .manage")).await;
    }
    page.click(&format!("{row} [data-act='{act}']")).await;
}

/// Waits for a line about the group.
async fn wait_for_event(page: &Page, text: &str) {
    page.wait_for_text("#messages .event:last-child", text).await;
}

#[tokio::test]
async fn a_group_is_made_joined_by_approval_ruled_and_left() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let url = server.url();
    let alice = Page::sign_in(driver.browser().await, &url, "alice").await;
    let bob = Page::sign_in(alice.browser.window().await, &url, "bob").await;
    let carol = Page::sign_in(alice.browser.window().await, &url, "carol").await;

    make_group(&alice, "bob").await;
    wait_for_event(&alice, "You added bob").await;
    bob.open_person(NAME).await;
    wait_for_event(&bob, "alice added you").await;
    alice.send("welcome").await;
    bob.wait_for_talk(&["welcome"]).await;
    alice.wait_for_marks("sent").await;

    joins_by_approval(&alice, &bob, &carol).await;
    is_muted_and_told(&alice, &bob).await;
    leaves(&alice, &bob).await;

    // The owner ends it, and the newcomer is told.
    open_panel(&alice).await;
    alice.click("#end-group").await;
    alice.click("#confirm-yes").await;
    alice.wait_for_no_element(PANEL).await;
    wait_for_event(&carol, "alice ended the group").await;
    carol.wait_for_element("#composer[data-silence='outside'] textarea:disabled").await;
}

async fn joins_by_approval(alice: &Page, bob: &Page, carol: &Page) {
    open_panel(alice).await;
    alice
        .script::<()>(
            "const select = document.querySelector('#join-type');
         select.value = '2';
         select.dispatchEvent(new Event('change'));",
        )
        .await;
    let number = alice.text_of("#group-number").await;
    let number = number.split(' ').nth(1).expect("a number").to_owned();

    carol.click("#new-group-button").await;
    let asks = "#found-group:not([hidden]) #found-group-note:not([hidden])";
    carol.type_into("#find-group-number", &number).await;
    // Until the setting has arrived at the server, anybody could join.
    crate::wait::poll(async || {
        carol.click("#find-group-form .secondary").await;
        carol.wait_for_element("#found-group:not([hidden])").await;
        if carol.is_there(asks).await { Ok(()) } else { Err(()) }
    })
    .await
    .expect("joining takes approval");
    carol.type_into("#found-group-note", "I play every day").await;
    carol.click("#found-group-join").await;
    carol.wait_for_text("#found-group-said", "You have asked to join. An admin decides.").await;
    carol.click("#new-group .close").await;
    carol.wait_for_no_element(&format!(".conversation[data-name='{NAME}']")).await;

    // A member may propose people too, whom an admin lets in; her application is waiting already.
    close_panel(alice).await;
    alice.wait_for_text("#thread-waiting:not([hidden])", "1 person wants to join").await;
    alice.click("#thread-waiting").await;
    let waiting = "#applications [data-name='carol']";
    alice.wait_for_text(&format!("{waiting} .note"), "I play every day").await;
    alice.click(&format!("{waiting} [data-act='accept']")).await;
    alice.wait_for_element("#members [data-name='carol']").await;
    alice.wait_for_no_element(waiting).await;
    close_panel(alice).await;

    carol.open_person(NAME).await;
    wait_for_event(carol, "You joined").await;
    wait_for_event(bob, "carol joined").await;
    bob.send("hello carol").await;
    // A newcomer gets what is said from now on.
    carol.wait_for_talk(&["hello carol"]).await;
    alice.wait_for_talk(&["welcome", "hello carol"]).await;
}

async fn is_muted_and_told(alice: &Page, bob: &Page) {
    open_panel(alice).await;
    manage(alice, "bob", "mute-10").await;
    alice.wait_for_element("#members [data-name='bob'][data-muted='true']").await;
    bob.wait_for_element("#composer[data-silence='muted'] #silence:not([hidden])").await;
    let said = bob.text_of("#silence").await;
    assert!(said.starts_with("You are muted until"), "{said}");

    bob.send("I object").await;
    bob.wait_for_marks_of_last("failed").await;
    let reason = "Not sent: you may not write here now";
    bob.wait_for_text("#messages .message:last-child .mark .why", reason).await;
    alice.click("#members [data-name='bob'] [data-act='unmute']").await;
    alice.wait_for_element("#members [data-name='bob'][data-muted='false']").await;
    close_panel(alice).await;

    bob.wait_for_element("#composer[data-silence='']").await;
    bob.click(".message .retry").await;
    let all_there = |shown: &[Shown]| texts(shown) == ["welcome", "hello carol", "I object"];
    alice.wait_for_messages("what was refused comes when it may", all_there).await;
}

async fn leaves(alice: &Page, bob: &Page) {
    open_panel(bob).await;
    bob.wait_for_element("#group-settings[hidden]").await;
    bob.click("#leave-group").await;
    bob.click("#confirm-yes").await;
    bob.wait_for_no_element(PANEL).await;
    bob.wait_for_element("#composer[data-silence='outside'] textarea:disabled").await;
    bob.wait_for_text("#silence", "You are not in this group any more.").await;
    wait_for_event(alice, "bob left").await;
    alice.wait_for_text("#thread-presence", "2 members").await;
}

#[tokio::test]
async fn an_admin_withdraws_what_others_say_and_everybody_can_be_silenced() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(alice.browser.window().await, &server.url(), "bob").await;
    make_group(&alice, "bob").await;
    bob.open_person(NAME).await;
    bob.send("something rude").await;
    alice.wait_for_talk(&["something rude"]).await;
    alice.withdraw("something rude").await;
    bob.wait_for_talk(&["Message withdrawn"]).await;

    open_panel(&alice).await;
    alice.click("#mute-all").await;
    wait_for_event(&bob, "alice muted everybody").await;
    bob.wait_for_element("#composer[data-silence='all-muted']").await;
    manage(&alice, "bob", "promote").await;
    alice.wait_for_element("#members [data-name='bob'][data-role='1']").await;
    bob.wait_for_element("#composer[data-silence='']").await;
    bob.send("I am an admin").await;
    alice.wait_for_talk(&["Message withdrawn", "I am an admin"]).await;

    // What the server refuses is said where it was tried.
    manage(&alice, "bob", "remove").await;
    alice.click("#confirm-yes").await;
    alice.wait_for_no_element("#members [data-name='bob']").await;
    wait_for_event(&bob, "alice removed you").await;
    bob.wait_for_element("#composer[data-silence='outside']").await;
}
