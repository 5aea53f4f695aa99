//! The page's modules that need no page, checked where they run: in the browser.

use crate::chromium::Driver;
use crate::page::Page;
use crate::server::Server;

/// Every script throws at the first difference; `equal` compares by value.
const FRAME: (&str, &str) = (
    "const done = arguments[0];
     const equal = (actual, expected, what) => {
       const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
       if (a !== e) throw new Error(`${what}: got ${a}, expected ${e}`);
     };
     (async () => {",
    "})().then(() => done('passed'), (error) => done(error.stack));",
);

#[tokio::test]
async fn the_pure_modules_of_the_page_do_what_they_promise() {
    let (server, driver) = (Server::start().await, Driver::start().await);
    let page = Page::open(driver.browser().await, &server.url()).await;
    for (name, script) in [
        ("frame", include_str!("modules/frame.js")),
        ("bodies", include_str!("modules/bodies.js")),
        ("history", include_str!("modules/history.js")),
        ("outbox", include_str!("modules/outbox.js")),
        ("backoff", include_str!("modules/backoff.js")),
        ("store", include_str!("modules/store.js")),
    ] {
        let outcome = page.async_script(&format!("{}{script}{}", FRAME.0, FRAME.1)).await;
        assert_eq!(outcome, "passed", "{name}");
    }
}
