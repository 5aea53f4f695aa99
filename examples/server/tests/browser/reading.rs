//! Reading: history backwards, unread messages, withdrawn ones, and who is writing.

use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::message::to_user;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::Addresses;
use comet_testkit::frame::DELIVER;

use crate::chromium::Driver;
use crate::page::{Page, texts};
use crate::server::Server;

/// More than the pull at the first visit brings.
const NOTES: usize = 1_090;
/// Notes on their way.
const BURST: usize = 50;

/// Reads which message is at the top, and where.
const TOP: &str = "
    const top = document.querySelector('#scroller').getBoundingClientRect().top;
    const rows = [...document.querySelectorAll('#messages .message')];
    const first = rows.find((row) => row.getBoundingClientRect().bottom > top);
    return [first.dataset.msgId, Math.round(first.getBoundingClientRect().top)];";

/// Goes to the top, and reads which message is the first, and where.
const FIRST: &str = "
    document.querySelector('#scroller').scrollTop = 0;
    const first = document.querySelector('#messages .message');
    return [first.dataset.msgId, Math.round(first.getBoundingClientRect().top)];";

/// Reads where a message is on the screen.
fn place_of(msg_id: &str) -> String {
    format!(
        "return Math.round(document.querySelector(`[data-msg-id='{msg_id}']`)
            .getBoundingClientRect().top);"
    )
}

fn addresses(server: &Server) -> Addresses {
    let http = server.address();
    let (any, https, quic) = (None, None, None);
    Addresses { tcp: http, ws: http, http, admin: http, tls: http, any, https, quic }
}

/// A user of another client, who sends many notes.
fn send_notes(server: &Server, target: &str) {
    let robot = Person::new("robot");
    let mut client = Client::signed_in(Transport::HttpPort, &addresses(server), &robot, None);
    let note = |number: usize| {
        let text = format!("note {number}");
        let content = [&[0x0a, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
        to_user(target, &format!("n-{number}"), content)
    };
    for first in (1..=NOTES).step_by(BURST) {
        let burst = first..(first + BURST).min(NOTES + 1);
        burst.clone().for_each(|number| {
            client.post(&note(number));
        });
        // The answer to each, and the note itself.
        for _ in 0..2 * burst.len() {
            let frame = client.receive();
            if frame.op == DELIVER {
                client.ack(frame.seq);
            }
        }
    }
}

#[tokio::test]
async fn history_goes_back_to_its_beginning_without_jumps() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let url = format!("{}?device=web", server.url());
    let page = Page::open(driver.browser().await, &url).await;
    let login = "const done = arguments[0];
        import('/net/api.js').then(({ demoLogin }) => demoLogin('alice')).then(done);";
    let login = page.async_script(login).await;
    send_notes(&server, login["address"].as_str().expect("an address"));
    page.pick_name("alice").await;
    page.wait_for_state("online").await;
    page.open_conversation("[data-kind='person']").await;
    let newest = format!("note {NOTES}");
    let whole = |shown: &[_]| texts(shown).last() == Some(&newest);
    let shown = page.wait_for_messages("the newest", whole).await.len();
    assert!(shown < 200, "{shown} are drawn at once");

    // Older ones come above what is being read, which stays where it is.
    page.script::<()>("document.querySelector('#scroller').scrollTop = 700;").await;
    let before: (String, i64) = page.script(TOP).await;
    page.script::<()>("document.querySelector('#scroller').scrollTop -= 150;").await;
    let grown = |shown_now: &[_]| shown_now.len() > shown;
    page.wait_for_messages("older ones", grown).await;
    let after: i64 = page.script(&place_of(&before.0)).await;
    assert!((before.1 + 150 - after).abs() <= 2, "{} and then {after}", before.1);

    // From the very beginning of what is shown, too.
    let shown = page.messages().await.len();
    let (first, before): (String, i64) = page.script(FIRST).await;
    page.wait_for_messages("older ones", |shown_now| shown_now.len() > shown).await;
    let after: i64 = page.script(&place_of(&first)).await;
    assert!((before - after).abs() <= 2, "{before} and then {after}");

    // What is not here comes from the server, down to the first.
    let first = |shown: &[_]| texts(shown).first().is_some_and(|text| text == "note 1");
    crate::wait::poll(async || {
        page.script::<()>("document.querySelector('#scroller').scrollTop = 0;").await;
        if first(&page.messages().await) { Ok(()) } else { Err(()) }
    })
    .await
    .expect("the first note");
    page.wait_for_text("#earlier-text", "This is where the conversation begins.").await;
    let all = page.messages().await;
    let expected: Vec<String> = (1..=NOTES).map(|number| format!("note {number}")).collect();
    assert_eq!(texts(&all), expected);
    page.click("#to-newest").await;
    page.wait_for_element("#to-newest[hidden]").await;
}

#[tokio::test]
async fn unread_messages_count_until_they_are_read_on_any_device() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let alice = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(alice.browser.window().await, &server.url(), "bob").await;
    alice.open_person("bob").await;
    for text in ["one", "two", "three"] {
        alice.send(text).await;
    }
    bob.wait_for_element(".conversation[data-name='alice'][data-unread='3']").await;
    bob.wait_for_text("[data-name='alice'] .badge", "3").await;
    let title: String = bob.script("return document.title;").await;
    assert_eq!(title, "(3) Comet – bob");
    let other_url = format!("{}?device=web", server.url());
    let other = Page::sign_in(driver.browser().await, &other_url, "bob").await;
    other.wait_for_element(".conversation[data-name='alice'][data-unread='3']").await;

    bob.open_person("alice").await;
    bob.wait_for_element(".conversation[data-name='alice'][data-unread='0']").await;
    bob.wait_for_text("title", "Comet – bob").await;
    // The mark is with the server, from which the other screen learns of it when it starts anew.
    bob.wait_for_request("/app/record/read").await;
    other.reload().await;
    other.wait_for_element(".conversation[data-name='alice'][data-unread='0']").await;

    // Typing appears at the other side, and goes with the message or with the draft.
    bob.type_into("#composer-text", "I am thi").await;
    alice.wait_for_text("#thread-presence[data-typing='true']", "bob is typing…").await;
    bob.send("nking").await;
    alice.wait_for_element("#thread-presence[data-typing='false']").await;
    alice.wait_for_talk(&["one", "two", "three", "I am thinking"]).await;
    bob.type_into("#composer-text", "x").await;
    alice.wait_for_element("[data-name='bob'][data-typing='true']").await;
    bob.type_into("#composer-text", "\u{e003}").await;
    alice.wait_for_element("[data-name='bob'][data-typing='false']").await;

    // What is withdrawn disappears at both sides.
    alice.withdraw("two").await;
    let left = ["one", "Message withdrawn", "three", "I am thinking"];
    alice.wait_for_talk(&left).await;
    bob.wait_for_talk(&left).await;
    other.open_person("alice").await;
    other.wait_for_talk(&left).await;
}
