//! Ways to use the page: by keyboard alone, on a phone, in either language, with a screen reader.

use crate::axe::Axe;
use crate::chromium::Driver;
use crate::devtools::{be_a_phone, prefer};
use crate::page::{ENTER, ESCAPE, Page};
use crate::server::Server;

/// Reads whether the focus is inside an element.
fn focus_in(css: &str) -> String {
    format!("return document.querySelector('{css}').contains(document.activeElement);")
}

#[tokio::test]
async fn everything_is_done_by_keyboard() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let bob = Page::sign_in(driver.browser().await, &server.url(), "bob").await;
    let page = Page::open(driver.browser().await, &server.url()).await;
    page.wait_for_element("#sign-in:not([hidden]) #sign-in-name:focus").await;
    page.press(&format!("alice{ENTER}")).await;
    page.wait_for_state("online").await;
    page.wait_for_element(".conversation[data-name='bob']").await;

    // Enter sends, Shift and Enter makes a line.
    page.wait_for_element("#composer-text:focus").await;
    page.tab_to("#find").await;
    page.press("bo").await;
    page.wait_for_no_element(".conversation[data-kind='room']").await;
    page.tab_to(".conversation[data-name='bob']").await;
    page.press(ENTER).await;
    page.wait_for_element("#composer-text:focus").await;
    page.press(&format!("first\u{e008}{ENTER}\u{e008}second{ENTER}")).await;
    bob.open_person("alice").await;
    bob.wait_for_talk(&["first\nsecond"]).await;

    // A dialog keeps the focus, Escape closes it, and the focus is back.
    page.tab_to("#new-group-button").await;
    page.press(ENTER).await;
    page.wait_for_element("#new-group[open] #new-group-name:focus").await;
    for _ in 0..12 {
        page.press("\u{e004}").await;
        let inside: bool = page.script(&focus_in("#new-group")).await;
        let body: bool = page.script("return document.activeElement === document.body;").await;
        assert!(inside || body, "the focus has left the dialog");
    }
    page.press(ESCAPE).await;
    page.wait_for_no_element("#new-group[open]").await;
    page.wait_for_element("#new-group-button:focus").await;

    page.press(ENTER).await;
    page.wait_for_element("#new-group[open] #new-group-name:focus").await;
    page.press("Keys").await;
    page.tab_to("#new-group-people [data-name='bob'] input").await;
    page.press(" ").await;
    page.tab_to("#new-group-form .primary").await;
    page.press(ENTER).await;
    page.wait_for_element(".conversation[data-name='Keys'][aria-current]").await;
    page.wait_for_element("#composer-text:focus").await;

    page.tab_to("#group-button").await;
    page.press(ENTER).await;
    page.wait_for_element("#group[open] #members [data-name='bob']").await;
    page.tab_to("#members [data-name='bob'] .manage").await;
    page.press(ENTER).await;
    page.tab_to("#members [data-name='bob'] [data-act='mute-60']").await;
    page.press(ENTER).await;
    page.wait_for_element("#members [data-name='bob'][data-muted='true']").await;
    page.wait_for_element("#members [data-name='bob'] .manage:focus").await;
    page.press(ESCAPE).await;
    page.wait_for_element("#group-button:focus").await;

    // Own messages are withdrawn by keyboard, too.
    page.tab_to("#find").await;
    page.tab_to(".conversation[data-name='bob']").await;
    page.press(ENTER).await;
    page.wait_for_element("#messages .message .revoke").await;
    page.tab_to("#scroller").await;
    page.tab_to("#messages .revoke").await;
    page.press(ENTER).await;
    page.wait_for_element("#confirm-no:focus").await;
    page.tab_to("#confirm-yes").await;
    page.press(ENTER).await;
    bob.wait_for_talk(&["Message withdrawn"]).await;
}

#[tokio::test]
async fn the_page_fits_a_phone_speaks_two_languages_and_satisfies_axe() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let axe = Axe::fetch().await;
    let check = async |page: &Page, state: &str| {
        if let Some(axe) = &axe {
            axe.check(page, state).await;
        }
    };
    let bob = Page::sign_in(driver.browser().await, &server.url(), "bob").await;
    let page = Page::open(driver.browser().await, &server.url()).await;
    // Half of a fade has not the contrast of its end.
    let calm = ("prefers-reduced-motion", "reduce");
    let client = page.browser.client.clone();
    prefer(&client, &[calm]).await;
    page.wait_for_element("#sign-in:not([hidden])").await;
    check(&page, "sign-in").await;

    page.click("#sign-in .language").await;
    page.wait_for_text("#sign-in-button", "开始聊天").await;
    page.pick_name("alice").await;
    page.wait_for_state("online").await;
    page.wait_for_text("#status-word", "在线").await;
    page.wait_for_text(".conversation[data-kind='room'] .name", "演示大厅").await;
    page.open_person("bob").await;
    page.send("你好").await;
    bob.open_person("alice").await;
    bob.send("<img src=x onerror=alert(1)>").await;
    page.wait_for_talk(&["你好", "<img src=x onerror=alert(1)>"]).await;
    page.reload().await;
    page.wait_for_text("#status-word", "在线").await;
    let language: String = page.script("return document.documentElement.lang;").await;
    assert_eq!(language, "zh-CN");
    page.click("#sidebar .language").await;
    page.wait_for_text("#status-word", "Online").await;
    page.open_person("bob").await;
    page.wait_for_talk(&["你好", "<img src=x onerror=alert(1)>"]).await;
    check(&page, "a conversation").await;

    page.click("#new-group-button").await;
    page.wait_for_element("#new-group-people [data-name='bob']").await;
    check(&page, "a new group").await;
    page.type_into("#new-group-name", "Axe").await;
    page.click("#new-group-people [data-name='bob'] label").await;
    page.click("#new-group-form .primary").await;
    page.wait_for_element(".conversation[data-name='Axe'][aria-current]").await;
    page.click("#group-button").await;
    page.click("#members [data-name='bob'] .manage").await;
    check(&page, "the panel of a group").await;
    prefer(&client, &[calm, ("prefers-color-scheme", "dark")]).await;
    check(&page, "the panel of a group, dark").await;
    page.press(ESCAPE).await;
    check(&page, "a group, dark").await;

    be_a_phone(&client).await;
    page.wait_for_element("#thread #back").await;
    check(&page, "a group on a phone").await;
    let wide = "return document.documentElement.scrollWidth > 390;";
    assert!(!page.script::<bool>(wide).await, "nothing is cut off at the side");
    page.click("#back").await;
    page.wait_for_element("body[data-view='list']").await;
    page.wait_for_element(".conversation[data-name='Axe']:focus").await;
    check(&page, "the list on a phone").await;
    page.click(".conversation[data-name='bob']").await;
    page.wait_for_element("body[data-view='thread'] #thread-title:focus").await;
    page.send("from a phone").await;
    bob.wait_for_talk(&["你好", "<img src=x onerror=alert(1)>", "from a phone"]).await;
    page.press(ESCAPE).await;
    page.wait_for_element("body[data-view='list'] .conversation[data-name='bob']:focus").await;
}
