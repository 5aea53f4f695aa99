//! The chat page from the user's point of view.

use std::path::Path;

use fantoccini::{Client, Locator};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::chromium::Browser;
use crate::wait;

pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";

/// More than the page has to offer at once.
const MOST_TABS: usize = 40;

/// Reads the open conversation from top to bottom.
const READ_MESSAGES: &str = "
    return [...document.querySelectorAll('#messages .message')].map((node) => ({
        text: node.querySelector('.text').textContent,
        own: node.dataset.own === 'true',
        mark: node.dataset.mark ?? null,
        log_id: Number(node.dataset.logId),
    }));";

/// One message on the screen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) own: bool,
    /// The mark of an own message; none for those of others.
    pub(crate) mark: Option<String>,
    /// 0 until stored by the server.
    pub(crate) log_id: u64,
}

/// The page in a browser.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) browser: Browser,
}

impl Page {
    /// Opens the page and picks a name, as on the first visit.
    pub(crate) async fn sign_in(browser: Browser, url: &str, name: &str) -> Self {
        let page = Self::open(browser, url).await;
        page.pick_name(name).await;
        page.wait_for_state("online").await;
        page
    }

    /// Types a name on the first screen and presses Enter.
    pub(crate) async fn pick_name(&self, name: &str) {
        self.wait_for_element("#sign-in:not([hidden]) #sign-in-name").await;
        // Another name may be suggested.
        self.script::<()>("document.querySelector('#sign-in-name').value = '';").await;
        self.type_into("#sign-in-name", &format!("{name}{ENTER}")).await;
    }

    /// Opens the page; a name used before in this browser signs in by itself.
    pub(crate) async fn open(browser: Browser, url: &str) -> Self {
        browser.in_front().await.goto(url).await.expect("the page loads");
        Self { browser }
    }

    /// Opens the conversation with a person, once that person is in the list.
    pub(crate) async fn open_person(&self, name: &str) {
        self.open_conversation(&format!("[data-name='{name}']")).await;
    }

    pub(crate) async fn open_room(&self) {
        self.open_conversation("[data-kind='room']").await;
    }

    pub(crate) async fn open_conversation(&self, which: &str) {
        self.click(&format!(".conversation{which}")).await;
        self.wait_for_element(&format!(".conversation{which}[aria-current]")).await;
    }

    /// Types a message and presses Enter.
    pub(crate) async fn send(&self, text: &str) {
        self.type_into("#composer-text", &format!("{text}{ENTER}")).await;
    }

    pub(crate) async fn messages(&self) -> Vec<Shown> {
        self.script(READ_MESSAGES).await
    }

    /// Waits until the open conversation satisfies a condition.
    pub(crate) async fn wait_for_messages(
        &self,
        what: &str,
        right: impl Fn(&[Shown]) -> bool,
    ) -> Vec<Shown> {
        let answer = wait::poll(async || {
            let shown = self.messages().await;
            if right(&shown) { Ok(shown) } else { Err(shown) }
        });
        match answer.await {
            Ok(shown) => shown,
            Err(shown) => self.give_up(&format!("{what}; on the screen: {shown:#?}")).await,
        }
    }

    /// Waits until exactly these texts are shown, in this order, and all of them are stored.
    pub(crate) async fn wait_for_talk(&self, expected: &[impl AsRef<str>]) {
        let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
        let complete =
            |shown: &[Shown]| texts(shown) == expected && shown.iter().all(|m| m.log_id > 0);
        let shown = self.wait_for_messages(&format!("expected {expected:?}"), complete).await;
        assert_in_server_order(&shown);
    }

    /// Waits until all own messages of the open conversation, at least one, have this mark.
    pub(crate) async fn wait_for_marks(&self, mark: &str) {
        let all = |shown: &[Shown]| {
            let own = || shown.iter().filter(|message| message.own);
            own().next().is_some() && own().all(|message| message.mark.as_deref() == Some(mark))
        };
        self.wait_for_messages(&format!("not every own message is {mark}"), all).await;
    }

    /// Waits until the last message of the open conversation has this mark.
    pub(crate) async fn wait_for_marks_of_last(&self, mark: &str) {
        let last = |shown: &[Shown]| shown.last().is_some_and(|m| m.mark.as_deref() == Some(mark));
        self.wait_for_messages(&format!("the last one is not {mark}"), last).await;
    }

    /// Withdraws the message with this text, as by a pointer.
    pub(crate) async fn withdraw(&self, text: &str) {
        let find = format!(
            "const texts = [...document.querySelectorAll('#messages .text')];
             const row = texts.find((node) => node.textContent === '{text}').closest('.message');
             row.querySelector('.revoke:not([hidden])').click();"
        );
        self.script::<()>(&find).await;
        self.click("#confirm-yes").await;
    }

    /// Waits until the page has had an answer to a request to this path.
    pub(crate) async fn wait_for_request(&self, path: &str) {
        let asked = format!(
            "return performance.getEntriesByType('resource')
                .some(({{ name, responseEnd }}) => name.endsWith('{path}') && responseEnd > 0);"
        );
        let found = wait::poll(async || if self.script(&asked).await { Ok(()) } else { Err(()) });
        if found.await.is_err() {
            self.give_up(&format!("{path} is not asked for")).await;
        }
    }

    /// Waits for a state of the connection, such as `online` or `elsewhere`.
    pub(crate) async fn wait_for_state(&self, state: &str) {
        self.wait_for_element(&format!("#status[data-state='{state}']")).await;
    }

    /// The open session: `new` or `resumed`.
    pub(crate) async fn session(&self) -> String {
        self.script("return document.querySelector('#status').dataset.session;").await
    }

    /// The banner that asks the user for an action.
    pub(crate) async fn banner(&self) -> String {
        self.wait_for_element("#banner:not([hidden])").await;
        self.text_of("#banner-text").await
    }

    pub(crate) async fn text_of(&self, css: &str) -> String {
        self.script(&format!("return document.querySelector('{css}').textContent;")).await
    }

    pub(crate) async fn wait_for_element(&self, css: &str) {
        let found = wait::poll(async || self.client().await.find(Locator::Css(css)).await).await;
        if found.is_err() {
            self.give_up(&format!("there is no {css}")).await;
        }
    }

    pub(crate) async fn click(&self, css: &str) {
        let clicked =
            wait::poll(async || self.client().await.find(Locator::Css(css)).await?.click().await);
        if clicked.await.is_err() {
            self.give_up(&format!("{css} cannot be clicked")).await;
        }
    }

    /// Whether there is such an element now.
    pub(crate) async fn is_there(&self, css: &str) -> bool {
        self.script(&format!("return document.querySelector(`{css}`) !== null;")).await
    }

    pub(crate) async fn wait_for_no_element(&self, css: &str) {
        let gone = wait::poll(async || match self.client().await.find(Locator::Css(css)).await {
            Ok(_) => Err(()),
            Err(_) => Ok(()),
        });
        if gone.await.is_err() {
            self.give_up(&format!("there still is {css}")).await;
        }
    }

    /// Waits until an element says this.
    pub(crate) async fn wait_for_text(&self, css: &str, text: &str) {
        let read = format!("return document.querySelector(`{css}`)?.textContent ?? null;");
        let says = wait::poll(async || {
            let said: Option<String> = self.script(&read).await;
            if said.as_deref() == Some(text) { Ok(()) } else { Err(said) }
        });
        if let Err(said) = says.await {
            self.give_up(&format!("{css} says {said:?} and not {text:?}")).await;
        }
    }

    /// Presses keys where the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        let focused = self.client().await.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("it takes keys");
    }

    /// Presses Tab until an element has the focus.
    pub(crate) async fn tab_to(&self, css: &str) {
        let focused = format!("return document.activeElement.matches(`{css}`);");
        for _ in 0..MOST_TABS {
            if self.script(&focused).await {
                return;
            }
            self.press(TAB).await;
        }
        self.give_up(&format!("{css} is not reached by the keyboard")).await;
    }

    /// Runs a script in the page and reads what it returns.
    pub(crate) async fn script<T: DeserializeOwned>(&self, script: &str) -> T {
        let value = self.client().await.execute(script, Vec::new()).await.expect("the script runs");
        serde_json::from_value(value).expect("the script returns what is asked for")
    }

    /// Runs a script that ends by calling its last argument.
    pub(crate) async fn async_script(&self, script: &str) -> Value {
        self.client().await.execute_async(script, Vec::new()).await.expect("the script runs")
    }

    pub(crate) async fn reload(&self) {
        self.client().await.refresh().await.expect("the page loads again");
    }

    async fn client(&self) -> &Client {
        self.browser.in_front().await
    }

    pub(crate) async fn type_into(&self, css: &str, keys: &str) {
        let field = self.client().await.find(Locator::Css(css)).await.expect("the field is there");
        field.send_keys(keys).await.expect("the field takes text");
    }

    // The screenshot says more than any message.
    async fn give_up(&self, reason: &str) -> ! {
        let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser-gave-up.png");
        if let Ok(png) = self.client().await.screenshot().await {
            std::fs::write(&picture, png).expect("the picture is written");
        }
        panic!("{reason}; see {}", picture.display());
    }
}

pub(crate) fn texts(shown: &[Shown]) -> Vec<String> {
    shown.iter().map(|message| message.text.clone()).collect()
}

/// No message twice, and all in the order of the server's ids.
pub(crate) fn assert_in_server_order(shown: &[Shown]) {
    let ids: Vec<u64> = shown.iter().map(|message| message.log_id).collect();
    assert!(ids.iter().all(|id| *id > 0), "a message without an id in {ids:?}");
    assert!(ids.is_sorted_by(|a, b| a < b), "ids not in order, or twice: {ids:?}");
}
