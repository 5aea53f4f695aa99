//! Sign-in: names, and one user in several browsers.

use crate::chromium::Driver;
use crate::page::{Page, Shown};
use crate::server::Server;

/// Reads the browser's record of alice's device.
const READ_PROFILE: &str = "
    const done = arguments[0];
    import('/chat/profiles.js').then(({ profileOf }) => profileOf('alice')).then(done);";
const WRITE_PROFILE: &str = "
    const done = arguments[0];
    import('/chat/profiles.js').then(({ keepProfile }) => keepProfile(PROFILE)).then(done);";

#[tokio::test]
async fn a_newer_phone_silences_the_older_until_the_person_asks() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let older = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let newer = Page::sign_in(driver.browser().await, &server.url(), "alice").await;

    older.wait_for_state("elsewhere").await;
    assert_eq!(older.banner().await, "You are logged in elsewhere: Chrome on Linux.");

    // A page that loads by itself is no login by hand: the server refuses it.
    older.reload().await;
    older.wait_for_state("elsewhere").await;
    newer.wait_for_state("online").await;

    older.click("#banner-button").await;
    older.wait_for_state("online").await;
    newer.wait_for_state("elsewhere").await;
}

#[tokio::test]
async fn a_further_screen_of_a_person_sees_the_same_talk() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let phone = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let bob = Page::sign_in(driver.browser().await, &server.url(), "bob").await;
    phone.open_person("bob").await;
    phone.send("from the phone").await;
    phone.wait_for_marks("received").await;

    let screen_url = format!("{}?device=web", server.url());
    let screen = Page::sign_in(driver.browser().await, &screen_url, "alice").await;
    screen.open_person("bob").await;
    screen.wait_for_talk(&["from the phone"]).await;
    screen.send("from the screen").await;

    let talk = ["from the phone", "from the screen"];
    phone.wait_for_talk(&talk).await;
    phone.wait_for_state("online").await;
    screen.wait_for_talk(&talk).await;
    bob.open_person("alice").await;
    bob.wait_for_talk(&talk).await;
    let marked = |shown: &[Shown]| shown.last().unwrap().mark.as_deref() == Some("received");
    screen.wait_for_messages("what it sent itself is received", marked).await;
}

#[tokio::test]
async fn a_copy_of_a_device_silences_the_page_it_was_copied_from() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let older = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let profile = older.async_script(READ_PROFILE).await;

    let newer = Page::open(driver.browser().await, &server.url()).await;
    newer.wait_for_element("#sign-in:not([hidden])").await;
    newer.async_script(&WRITE_PROFILE.replace("PROFILE", &profile.to_string())).await;
    newer.pick_name("alice").await;
    newer.wait_for_state("online").await;
    older.wait_for_state("elsewhere").await;
    let banner = older.banner().await;
    assert_eq!(banner, "You are logged in elsewhere: another page of this device.");
    newer.wait_for_state("online").await;
}

#[tokio::test]
async fn one_tab_of_a_browser_holds_a_name() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let page = Page::sign_in(driver.browser().await, &server.url(), "alice").await;
    let client = page.browser.client.clone();
    let first = client.window().await.unwrap();
    let second = client.new_window(true).await.unwrap().handle;

    client.switch_to_window(second).await.unwrap();
    client.goto(&server.url()).await.unwrap();
    page.wait_for_element("#sign-in:not([hidden])").await;
    page.click("#sign-in-button").await;
    page.wait_for_state("online").await;

    client.switch_to_window(first).await.unwrap();
    page.wait_for_state("elsewhere").await;
    let banner = page.banner().await;
    assert_eq!(banner, "You are logged in elsewhere: another tab of this browser.");
}

#[tokio::test]
async fn a_person_who_signs_out_picks_a_name_again() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let page = Page::sign_in(driver.browser().await, &server.url(), "alice").await;

    page.click("#sign-out").await;
    page.wait_for_element("#sign-in:not([hidden])").await;
    page.reload().await;
    page.wait_for_element("#sign-in:not([hidden])").await;
    page.pick_name("bob").await;
    page.wait_for_state("online").await;
    assert_eq!(page.text_of("#my-name").await, "bob");
    page.wait_for_element(".conversation[data-name='alice'][data-online='false']").await;
}

#[tokio::test]
async fn without_the_demo_the_page_says_why_nobody_can_sign_in() {
    let (server, driver) = (Server::start_without_demo().await, Driver::start().await);
    let page = Page::open(driver.browser().await, &server.url()).await;

    page.pick_name("alice").await;
    page.wait_for_element("#sign-in-error:not([hidden])").await;
    let said = page.text_of("#sign-in-error").await;
    assert!(said.starts_with("The demo mode of this server is off"), "{said}");
}
